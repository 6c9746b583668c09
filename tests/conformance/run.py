#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conformance table: is what we make of a model as close to the exact result as what the peer
makes of it? For each architecture a tiny random model (make-models.py), quantised by the peer to
each number format; the exact result is the peer's on the same weights expanded to F32. Called by
`./dev test --conformance [options]`, an hour for everything.

A cell has a sign for each device: + holds, - does not, ! refused or failed; nothing where the
peer's quantiser does not make that format of these shapes. It holds where token ids are equal and
the mean distance of the exact result's top log-probabilities is at most 1.15 times the peer's plus
0.005, the worst at most 1.5 times plus 0.02, and the most likely tokens are the same but for near
ties; of vectors, where the distance is at most 1.15 times the peer's plus 0.0002.

Keys and values in F16, as we hold them, may turn a choice of experts that is nearly a tie, and
then another result is as right as the exact one. So where a cell would not hold, each position is
held to the nearer of two exact results, ours and the peer's alike: with keys and values in F32,
and in F16."""
import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
PEER = os.path.join(HERE, "peer")
TYPES = ("F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL IQ4_XS MXFP4 IQ3_S "
         "IQ3_XXS IQ2_S IQ2_XS IQ2_XXS IQ1_M IQ1_S TQ1_0 TQ2_0").split()
# The peer's name of a whole file's format, where it is another; of IQ2_S there is only a mixture.
FILE_TYPES = {"Q3_K": "Q3_K_S", "Q4_K": "Q4_K_S", "Q5_K": "Q5_K_S", "MXFP4": "Q8_0",
              "IQ2_S": "IQ2_M"}
EMBEDDERS = {"bert", "nomic-bert", "qwen3-embedding", "gemma-embedding"}
TEXT = """Una bottega nel Trecento: il maestro, gli apprendisti, il pigmento macinato a mano.
In 1348 the plague closed half of them, and what survived was rebuilt by people who remembered how.
int main (int argc, char **argv) { return argc > 1 ? atoi (argv[1]) * 31 % 7 : 0; }
Δοκιμή, проверка, 試験 — 3.14159 ± 0.002, e così via; "quoted", 'single', [brackets] and\ttabs.
Then the water rose. Nobody moved the boxes, because nobody had been told that they were paper."""


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options)


def in_tree(*command):
    """A command in the environment of ./dev, with the built programs."""
    env = dict(os.environ, BOTTEGA_NO_BUILD="1")
    return run([os.path.join(TREE, "dev"), "exec", *command], env=env)


class Failed(Exception):
    pass


def must(result, what):
    if result.returncode != 0:
        lines = (result.stderr or result.stdout).strip().splitlines() or ["no message"]
        raise Failed(f"{what}: {lines[-1]}")
    return result.stdout


class Job:
    """One model file: made, measured on every device, deleted."""

    def __init__(self, options, architecture, seed, kind, base):
        self.options, self.architecture, self.kind, self.base = options, architecture, kind, base
        self.name = f"{architecture}-{seed}-{kind}"
        self.embeds = architecture in EMBEDDERS

    def path(self, end):
        return os.path.join(self.options.folder, f"{self.name}{end}")

    def quantise(self):
        """The file of this format, or None where the peer makes none."""
        out = self.path(".gguf")
        imatrix = ["--imatrix", self.base + ".imatrix"] if self.kind.startswith("IQ") else []
        command = [PEER, "llama-quantize", "--allow-requantize", "--pure", *imatrix]
        kind = self.kind.lower()
        command += ["--token-embedding-type", kind, "--output-tensor-type", kind]
        if self.kind in ("MXFP4", "IQ2_S"):
            command += ["--tensor-type", f"blk={kind}"]
        result = run([*command, self.base, out, FILE_TYPES.get(self.kind, self.kind), "1"])
        if result.returncode != 0 or not os.path.exists(out):
            return None
        info = json.loads(must(in_tree("bottega-cli", "--json", "info", out), "info"))
        types = {k: v["tensors"] if isinstance(v, dict) else v for k, v in
                 info["tensor_types"].items() if k != "F32"}
        if self.kind != "F32" and max(types, key=types.get, default="") != self.kind:
            return None
        return out

    def peer(self, what, model):
        text = os.path.join(self.options.folder, "text")
        what = ["embed", model, text] if self.embeds else [what, model, text, "20"]
        return json.loads(must(run([PEER, *what]), "peer"))

    def ours(self, model, device):
        command = ["bottega-cli", "--json", "--device", device]
        command += ["embed", model, TEXT] if self.embeds else ["logits", model, TEXT, "--top", "20"]
        return json.loads(must(in_tree(*command), device))

    def run(self):
        cells = {}
        model, exact = None, self.path(".exact")
        try:
            model = self.quantise()
            if model is None:
                return self, None
            must(run([PEER, "llama-quantize", "--allow-requantize", model, exact, "F32", "1"]),
                 "expanding")
            peer, references = self.peer("logits", model), [self.peer("logits", exact)]
            for device in self.options.devices:
                try:
                    ours = self.ours(model, device)
                    cells[device] = compare(ours, peer, references)
                    if cells[device][0] == "-" and not self.embeds:
                        references = [references[0], self.peer("halves", exact)]
                        cells[device] = compare(ours, peer, references)
                except Failed as problem:
                    cells[device] = ("!", str(problem))
        except Failed as problem:
            return self, {device: ("!", str(problem)) for device in self.options.devices}
        finally:
            for file in (model, exact):
                if file and not self.options.keep and os.path.exists(file):
                    os.unlink(file)
        return self, cells


def apart(a, b):
    """Distances of the top log-probabilities of one position."""
    p, q = dict(map(tuple, a["top"])), dict(map(tuple, b["top"]))
    return [abs(p[token] - q[token]) for token in p if token in q] or [9.0]


def distances(got, references):
    """(mean, worst, positions with the same most likely token) over the top log-probabilities."""
    d, same = [], 0
    for a, *exact in zip(got["positions"], *(r["positions"] for r in references)):
        here, b = min(((apart(a, b), b) for b in exact), key=lambda pair: max(pair[0]))
        d += here
        lead = b["top"][0][1] - b["top"][1][1]
        same += a["top"][0][0] == b["top"][0][0] or lead < 2 * max(here)
    return sum(d) / len(d), max(d), same


def vector_distance(got, reference):
    return sum((a - b) ** 2 for a, b in zip(got["vectors"][0], reference["vectors"][0])) ** 0.5


def compare(ours, peer, references):
    reference = references[0]
    if "vectors" in reference:
        if len(ours["vectors"][0]) != len(reference["vectors"][0]):
            return "-", "vectors of another size"
        mine, theirs = vector_distance(ours, reference), vector_distance(peer, reference)
        return "+" if mine <= 1.15 * theirs + 2e-4 else "-", f"{mine:.6f} (peer {theirs:.6f})"
    if not ours["tokens"] == peer["tokens"] == reference["tokens"]:
        return "-", "token ids differ"
    (mean, worst, same), (peer_mean, peer_worst, peer_same) = (
        distances(x, references) for x in (ours, peer))
    n = len(reference["positions"])
    holds = (mean <= 1.15 * peer_mean + 0.005 and worst <= 1.5 * peer_worst + 0.02 and
             same >= min(peer_same, 0.99 * n))
    return "+" if holds else "-", (f"mean {mean:.4f} (peer {peer_mean:.4f}), worst {worst:.3f} "
                                   f"(peer {peer_worst:.3f}), same {same}/{n}")


def make_models(options, architectures, seed):
    """Base files by architecture, each with an importance matrix of ones."""
    folder = os.path.join(options.folder, f"seed-{seed}")
    env = ["env", f"PYTHONPATH={options.gguf}", f"TOKENIZER_GGUF={options.tokenizer}"]
    if options.wide:
        env.append("WIDE=1")
    script = os.path.join(HERE, "make-models.py")
    must(in_tree(*env, "python3", script, folder, str(seed), *architectures), "make-models")
    bases = {name[:-5]: os.path.join(folder, name) for name in sorted(os.listdir(folder))
             if name.endswith(".gguf")}
    for base in bases.values():
        must(in_tree(*env, "python3", os.path.join(HERE, "make-imatrix.py"), base,
                     base + ".imatrix"), "make-imatrix")
    return bases


def table(cells, architectures, types, devices, most=1):
    """Neighbours whose cells are alike share a line, `most` of them."""
    columns = [t for t in types if any((a, t) in cells for a in architectures)]
    lines = [f"| {' and '.join(devices)} | " + " | ".join(columns) + " |",
             "| --- |" + " --- |" * len(columns)]
    names, before = [], None
    for a in architectures:
        row = ["".join(cells[a, t][d][0] for d in devices) if (a, t) in cells else ""
               for t in columns]
        names = names + [a] if row == before and len(names) < most else [a]
        if len(names) > 1:
            lines.pop()
        before = row
        lines.append(f"| {', '.join(names)} | " + " | ".join(row) + " |")
    return "\n".join(lines)


def write_readme(text):
    path = os.path.join(TREE, "tests", "README.md")
    with open(path, encoding="utf-8") as file:
        before, rest = file.read().split("<!-- conformance -->\n", 1)
    after = rest.split("<!-- /conformance -->\n", 1)[1]
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}<!-- conformance -->\n{text}\n<!-- /conformance -->\n{after}")


def merge(cells, key, new):
    """The worse sign of several seeds stands."""
    old = cells.setdefault(key, new)
    for device, (sign, _) in new.items():
        if "+!-".index(sign) > "+!-".index(old[device][0]):
            old[device] = new[device]


def main():
    parser = argparse.ArgumentParser(prog="./dev test --conformance")
    parser.add_argument("--tokenizer", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--gguf", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--architectures", default="", help="NAME,NAME… instead of all")
    parser.add_argument("--types", default=",".join(TYPES), help="NAME,NAME… instead of all")
    parser.add_argument("--devices", default="cpu,vulkan")
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--wide", action="store_true", help="models twice as wide, a layer deeper")
    parser.add_argument("--keep", help="a folder for the models, which stay there")
    parser.add_argument("--write", action="store_true", help="put the table into tests/README.md")
    options = parser.parse_args()
    options.devices = options.devices.split(",")
    names = [n for n in options.architectures.split(",") if n]
    types = options.types.split(",")
    if not set(types) <= set(TYPES):
        parser.error("the number formats are " + ", ".join(TYPES))
    cells, failed, architectures = {}, 0, []
    with tempfile.TemporaryDirectory(prefix="bottega-conformance-") as folder:
        options.folder = options.keep or folder
        os.makedirs(options.folder, exist_ok=True)
        with open(os.path.join(options.folder, "text"), "w", encoding="utf-8") as file:
            file.write(TEXT)
        run([PEER, "true"])  # makes its root before two need it
        for seed in options.seeds.split(","):
            bases = make_models(options, names, seed)
            architectures = list(bases)
            jobs = [Job(options, a, seed, t, bases[a]) for a in bases for t in types]
            with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
                for job, result in pool.map(Job.run, jobs):
                    if result is None:
                        continue
                    merge(cells, (job.architecture, job.kind), result)
                    for device, (sign, text) in result.items():
                        failed += sign != "+"
                        print(f"{sign} {job.name} {device}: {text}", flush=True)
    text = table(cells, architectures, types, options.devices)
    print(text)
    if options.write:
        write_readme(table(cells, architectures, types, options.devices, 5))
    print(f"{sum(len(c) for c in cells.values())} compared, {failed} do not hold")
    return 1 if failed else 0


sys.exit(main())

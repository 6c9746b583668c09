#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line contract of bottega-cli: JSON on stdout alone, exit codes 0, 1 and 2, one line
on stderr when something fails. usage: test-contract.py BOTTEGA_CLI (models:
$BOTTEGA_TEST_MODEL, $BOTTEGA_TEST_EMBED_MODEL)"""
import fcntl
import json
import math
import os
import re
import subprocess
import sys
import tempfile

CLI, MODEL = sys.argv[1], os.environ["BOTTEGA_TEST_MODEL"]
EMBED_MODEL = os.environ["BOTTEGA_TEST_EMBED_MODEL"]
tests = []


def test(function):
    tests.append(function)
    return function


def run(*arguments, stdin="", **env):
    return subprocess.run([CLI, *arguments], input=stdin, capture_output=True, text=True,
                          timeout=240, env={**os.environ, **env})


def ask(*arguments, **env):
    done = run("--json", *arguments, **env)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", done.stderr
    return json.loads(done.stdout)


def refused(code, *arguments):
    done = run(*arguments)
    assert done.returncode == code, (done.returncode, done.stderr)
    assert done.stdout == "", done.stdout
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("bottega-cli: "), done.stderr
    return done.stderr


@test
def info():
    got = ask("info", MODEL)
    assert got["architecture"] == "llama"
    assert 134e6 < got["parameters"] < 135e6
    assert got["file_bytes"] == os.path.getsize(MODEL)
    assert got["tensor_types"]["Q4_1"] > 200
    assert got["context_length"] == 8192
    # 30 layers, 3 key-value heads of 64, keys and values
    assert got["kv_bytes_per_token"] == {"f16": 46080 // 2, "q8_0": 30 * 3 * 64 * 2 // 32 * 34}
    assert "smollm" in got["tokenizer"] and got["template"] == "chatml"


@test
def tokenize():
    assert ask("tokenize", MODEL, "Hello world") == {"tokens": [19556, 905]}
    plain = ask("tokenize", MODEL, "<|im_end|>")["tokens"]
    assert len(plain) > 1
    assert ask("tokenize", MODEL, "<|im_end|>", "--special")["tokens"] == [2]


@test
def render():
    messages = [{"role": "user", "content": "Ciao <|im_end|>"}]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(messages, file)
        file.flush()
        prompt = ask("render", MODEL, file.name)["prompt"]
    assert prompt.startswith("<|im_start|>system\n")
    assert prompt.endswith("<|im_start|>user\nCiao <|im_end|><|im_end|>\n<|im_start|>assistant\n")


@test
def render_refuses_other_json():
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write('[{"role": 7}]')
        file.flush()
        assert "role" in refused(1, "render", MODEL, file.name)


@test
def logits():
    got = ask("--device", "cpu", "logits", MODEL, "The capital of France is", "--top", "4")
    assert len(got["tokens"]) == len(got["positions"])
    for position in got["positions"]:
        values = [p for _, p in position["top"]]
        assert len(values) == 4 and values == sorted(values, reverse=True) and values[0] < 0
    assert 0 < got["mean_nll"] < 10


@test
def generate():
    got = ask("--device", "cpu", "generate", MODEL, "Why is the sky blue?", "-n", "24")
    assert "sky" in got["text"], got["text"]
    assert 0 < len(got["tokens"]) <= 24
    stats = got["stats"]
    assert stats["written_tokens"] == len(got["tokens"])
    assert stats["ttft_ms"] > 0 and stats["decode_tok_s"] > 0 and stats["decode_gb_s"] > 0


@test
def generate_with_a_draft_model():
    arguments = ("--device", "cpu", "generate", MODEL, "Why is the sky blue?", "-n", "24")
    got = ask(*arguments, "--draft", MODEL)
    assert got["tokens"] == ask(*arguments)["tokens"]
    stats = got["stats"]
    assert 0 < stats["model_drafted_tokens"] <= stats["drafted_tokens"], stats
    assert 0 < stats["model_accepted_tokens"] <= stats["model_drafted_tokens"], stats
    done = run(*arguments, "--draft", MODEL)
    assert done.stdout == got["text"] + "\n"
    assert re.search(r"\d+ of \d+ guesses right \(\d+ of \d+ by the draft model\)", done.stderr)
    assert "nowhere" in refused(1, *arguments, "--draft", "nowhere")
    assert "answers" in refused(1, *arguments, "--draft", EMBED_MODEL)


@test
def generate_streams_the_same_text():
    arguments = ("--device", "cpu", "generate", MODEL, "Count to five.", "-n", "16")
    done = run(*arguments)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout == ask(*arguments)["text"] + "\n"


@test
def generate_seeded():
    arguments = ("--device", "cpu", "generate", MODEL, "Tell a story.", "-n", "24", "--temp", "1.2")
    first, again, other = (ask(*arguments, "--seed", s)["tokens"] for s in ("1", "1", "2"))
    assert first == again and first != other


@test
def generate_raw():
    got = ask("--device", "cpu", "generate", MODEL, "One, two, three, four,", "-n", "4", "--raw")
    assert got["kv_type"] == "f16", got
    assert "five" in got["text"], got["text"]


@test
def chat():
    done = run("--device", "cpu", "chat", MODEL, stdin="My name is Ada.\nWhat is my name?\n/quit\n")
    assert done.returncode == 0
    assert "reused" in done.stderr and done.stdout.count("\n") >= 2


@test
def info_of_embedding():
    got = ask("info", EMBED_MODEL)
    assert got["architecture"] == "bert" and got["tokenizer"] == "unigram"
    assert got["embedding_size"] == 384 and got["context_length"] == 512


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


@test
def embed():
    texts = ["Il gatto dorme sul divano.", "A cat is sleeping on the couch.", "Tax law of 1997"]
    vectors = ask("--device", "cpu", "embed", EMBED_MODEL, *texts, "--passage")["vectors"]
    assert [len(vector) for vector in vectors] == [384] * 3
    assert all(abs(math.sqrt(dot(vector, vector)) - 1) < 1e-5 for vector in vectors)
    assert dot(vectors[0], vectors[1]) > dot(vectors[0], vectors[2]) + 0.05
    raw = ask("--device", "cpu", "embed", EMBED_MODEL, "passage: " + texts[0])["vectors"][0]
    assert dot(raw, vectors[0]) > 0.99999
    query = ask("--device", "cpu", "embed", EMBED_MODEL, texts[0], "--query")["vectors"][0]
    assert dot(query, vectors[0]) < 0.999
    done = run("--device", "cpu", "embed", EMBED_MODEL, texts[0], texts[1])
    lines = [[float(x) for x in line.split()] for line in done.stdout.splitlines()]
    assert [len(line) for line in lines] == [384] * 2, done.stderr


@test
def index():
    with tempfile.TemporaryDirectory() as folder:
        documents = os.path.join(folder, "documents")
        os.mkdir(documents)
        for name, text in (("a.md", "# Rent\n\nThe rent is 700 euro.\n"), ("b.txt", "Good day.\n"),
                           ("broken.pdf", "no PDF at all\n"), ("ignored.bin", "bytes")):
            with open(os.path.join(documents, name), "w", encoding="utf-8") as file:
                file.write(text)
        place = ("--data-dir", folder, "--device", "cpu")
        got = ask(*place, "index", documents, "--space", "test")
        assert (got["documents"], got["passages"], got["vectors"]) == (2, 2, 0), got
        assert got["seconds"] > 0
        assert [os.path.basename(failed["path"]) for failed in got["failed"]] == ["broken.pdf"]
        assert "broken.pdf" in got["failed"][0]["reason"]
        os.remove(os.path.join(documents, "b.txt"))
        assert ask(*place, "index", "--space", "test")["documents"] == 1

        # With a model there are vectors, also of what was there before.
        os.makedirs(os.path.join(folder, "models", "embed"))
        os.symlink(EMBED_MODEL, os.path.join(folder, "models", "embed", "e5.gguf"))
        assert ask(*place, "index", "--space", "test")["vectors"] == 1
        got = ask(*place, "index", "--remove", documents, "--space", "test")
        assert (got["documents"], got["failed"]) == (0, []), got
        assert "nowhere" in refused(1, *place, "index", os.path.join(folder, "nowhere"))
        refused(2, *place, "index", "--remove")


@test
def embed_by_name():
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "models", "embed"))
        os.symlink(EMBED_MODEL, os.path.join(folder, "models", "embed", "Little-E5.gguf"))
        got = ask("--data-dir", folder, "--device", "cpu", "embed", "little", "ciao")
        assert len(got["vectors"][0]) == 384
        assert "Little-E5" in refused(1, "--data-dir", folder, "embed", "none-such", "x")


@test
def tokenize_for_embedding():
    assert ask("tokenize", EMBED_MODEL, "Hello world") == {"tokens": [0, 35378, 8999, 2]}


@test
def bench_of_embedding():
    got = ask("--device", "cpu", "bench", EMBED_MODEL, "-p", "64", "-r", "2")
    assert got["embed_tok_s"] > 0 and got["load_ms"] > 0 and got["rss_bytes"] > 0
    assert got["gpu_bytes"] == 0


@test
def estimate():
    """Measured once, kept, and only read with --quick; 6 MB of context that q8_0 halves."""
    with tempfile.TemporaryDirectory() as folder:
        def estimated(*words):
            return ask("--device", "cpu", "--context", "256", "estimate", MODEL, *words,
                       XDG_CACHE_HOME=folder)

        unknown = estimated("--quick")
        assert unknown["predicted_ttft_ms"] is None and unknown["predicted_decode_tok_s"] is None
        got = estimated("-p", "64")
        assert got["predicted_ttft_ms"] > 0 and got["predicted_decode_tok_s"] > 0
        again = estimated("-p", "64", "--quick")
        for name in ("predicted_ttft_ms", "predicted_decode_tok_s"):
            assert again[name] == got[name], (again, got)
        assert got["weights_bytes"] > 90e6 and got["kv_bytes"] == 256 * 30 * 3 * 64 * 2 * 2
        assert got["ram_bytes"] > got["weights_bytes"] + got["kv_bytes"] + got["scratch_bytes"]
        assert (got["gpu_bytes"], got["gpu_layers"], got["refusal"]) == (0, 0, None), got
        assert ask("--device", "cpu", "--kv", "q8_0", "--context", "256", "estimate", MODEL,
                   "--quick")["kv_bytes"] == got["kv_bytes"] // 64 * 34
        refused(1, "estimate", os.path.join(folder, "nowhere.gguf"))


@test
def bench():
    got = ask("--device", "cpu", "bench", MODEL, "-p", "64", "-n", "8", "-r", "2")
    for name in ("prefill_tok_s", "decode_tok_s", "ttft_ms", "load_ms", "bytes_per_token",
                 "decode_gb_s", "peak_gb_s", "decode_share", "peak_int8_g_s", "prompt_weights",
                 "rss_bytes"):
        assert got[name] > 0, name
    assert got["gpu_bytes"] == 0
    deep = ask("--device", "cpu", "bench", MODEL, "-p", "0", "-n", "4", "-d", "96", "-r", "1")
    assert deep["prefill_tok_s"] == 0 and deep["bytes_per_token"] > got["bytes_per_token"]
    assert "negative" in refused(2, "bench", MODEL, "-d", "-1")
    got = ask("--device", "cpu", "bench", MODEL, "--turns", "-p", "8", "-d", "600", "-r", "1")
    assert 0 < got["turn_ms"] < got["read_ms"] and 0 < got["new_tokens"] < 608, got
    assert got["file_bytes"] > 608 * 20000, got
    assert "--turns" in refused(2, "bench", MODEL, "--turns", "-d", "0")
    got = ask("--device", "cpu", "bench", MODEL, "--together", "2", "-p", "64", "-n", "4",
              "-r", "1")
    assert got["together_tok_s"] > 0 and got["reading_gap_ms"] > 0, got
    assert got["ratio"] == got["together_tok_s"] / got["alone_tok_s"], got
    assert "at most 8" in refused(2, "bench", MODEL, "--together", "9")
    assert "of context each" in refused(2, "bench", MODEL, "--together", "8", "-d", "1024")


@test
def a_card_of_little_memory():
    small = ("--context", "256", "--chunk", "64", "--device", "vulkan", "--gpu-memory")
    said = ask("generate", MODEL, "Why is the sky blue?", "-n", "4", *small, "0.06G")
    assert re.search(r", \d+ of 30 layers on the processor$", said["device"]), said["device"]
    got = ask("bench", MODEL, "-p", "16", "-n", "2", "-r", "1", *small, "60M")
    assert 30e6 < got["gpu_bytes"] <= 60 << 20
    assert "its output alone needs" in refused(1, "bench", MODEL, *small, "1M")


@test
def doctor():
    got = ask("doctor")
    assert got["devices"][-1]["id"] == "cpu" and got["devices"][-1]["usable"]
    assert got["chosen"] in [device["id"] for device in got["devices"]]
    software = [device["id"] for device in got["devices"] if device["kind"] == "software"]
    assert got["chosen"] not in software
    assert got["why"] and got["cpu_read_gb_s"] > 0
    assert "trial" not in got
    offline = got["offline"]
    verdicts = {line["id"]: line["verdict"] for line in offline["lines"]}
    assert offline["verdict"] == "holds" and "broken" not in verdicts.values(), offline
    assert verdicts["try"] == verdicts["seal"] == verdicts["way-back"] == "holds", offline
    said = next(line["found"] for line in offline["lines"] if line["id"] == "try")
    assert said.count("socket: Permission denied") == 2, said


@test
def doctor_tries_a_model():
    trial = ask("--device", "cpu", "doctor", MODEL)["trial"]
    diagnosis, facts = trial["diagnosis"], trial["facts"]
    assert diagnosis["verdict"] in diagnosis["explains_s"]
    assert diagnosis["sentence"].endswith(".") and diagnosis["action"]
    assert abs(sum(diagnosis["explains_s"].values()) - diagnosis["total_s"]) < 1e-6
    assert diagnosis["seconds"] == diagnosis["explains_s"][diagnosis["verdict"]]
    assert trial["stats"]["written_tokens"] == 64 and facts["gap_tokens"] == 1
    assert len(facts["gaps_100us"]) == 63
    assert trial["peak_gb_s"] > 0 and facts["n_layers"] == 30
    assert trial["energy"] == "not measurable here" or facts["energy_j"] > 0
    said = run("--device", "cpu", "doctor", MODEL).stdout
    assert "verdict   limited by" in said and "energy    " in said, said
    assert "nowhere" in refused(1, "doctor", "nowhere")


@test
def refusals():
    with tempfile.NamedTemporaryFile(suffix=".gguf") as file:
        file.write(b"GGUF")
        file.flush()
        assert os.path.basename(file.name) in refused(1, "info", file.name)
    assert "nowhere" in refused(1, "info", "nowhere")
    assert "vectors" in refused(1, "--device", "cpu", "embed", MODEL, "x")
    assert "quantum" in refused(1, "--device", "quantum", "generate", MODEL, "x")
    assert "99" in refused(1, "--device", "vulkan:99", "generate", MODEL, "x")
    assert "context" in refused(
        1, "--device", "cpu", "--context", "64", "generate", MODEL, "x " * 99)


@test
def ask_the_documents():
    with tempfile.TemporaryDirectory() as data:
        lease = os.path.join(data, "lease.md")
        with open(lease, "w", encoding="utf-8") as file:
            file.write("# Lease\n\nThe notice period is three months; notice is given by letter.\n")
        ask("--data-dir", data, "index", lease, "--space", "s")
        got = ask("--data-dir", data, "ask", "What is the notice period?", "--space", "s",
                  "--model", MODEL, "-n", "40")
        assert set(got) == {"answer", "citations", "stats"}, got
        assert "three months" in got["answer"], got
        assert [(c["n"], c["doc"], c["page"]) for c in got["citations"]] == [(1, lease, 0)], got
        assert "[1]" in got["answer"] and "three months" in got["citations"][0]["text"]
        other = ("ask", "Chi scoprì il pianeta Nettuno?", "--space", "s", "--model", MODEL)
        got = ask("--data-dir", data, *other)
        assert got["answer"] == "Nei documenti non trovo una risposta a questa domanda.", got
        assert got["citations"] == [] and got["stats"]["written_tokens"] == 0
        got = ask("--data-dir", data, *other, "--freely", "-n", "8")
        assert got["citations"] == [] and got["stats"]["written_tokens"] > 0, got


@test
def spaces_in_use_and_not_there():
    with tempfile.TemporaryDirectory() as data:
        place = ("--data-dir", data, "--device", "cpu")
        spaces = os.path.join(data, "spaces")
        assert "index" in refused(1, *place, "search", "x")
        assert not os.path.exists(spaces)
        ask(*place, "index", "--space", "s")
        for command in (("search", "x"), ("ask", "x", "--model", MODEL)):
            assert "“s”" in refused(1, *place, *command, "--space", "t")
        assert not os.path.exists(os.path.join(spaces, "t.sqlite"))
        with open(os.path.join(spaces, "s.sqlite.lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # as the window does
            assert ask(*place, "search", "x", "--space", "s")["passages"] == []
            ask(*place, "ask", "Hello there, who are you?", "--model", MODEL, "--space", "s",
                "-n", "2")
            assert "in use" in refused(1, *place, "index", "--space", "s")


@test
def wrong_use():
    refused(2)
    refused(2, "juggle")
    refused(2, "info")
    refused(2, "tokenize", MODEL)
    refused(2, "embed", EMBED_MODEL)
    refused(2, "embed", EMBED_MODEL, "x", "--query", "--passage")
    refused(2, "--threads", "-3", "info", MODEL)
    refused(2, "--no-such-option", "doctor")
    for text in ("", "0", "-1", "much", "2T", "1G3", "nan"):
        assert "--gpu-memory" in refused(2, "--gpu-memory", text, "info", MODEL), text
    short = ("generate", MODEL, "One, two, three, four,", "-n", "4", "--raw")
    assert "f16, q8_0" in refused(1, "--kv", "q3", "--device", "cpu", *short)
    got = ask("--kv", "q8_0", "--device", "cpu", *short)
    assert got["kv_type"] == "q8_0" and "five" in got["text"], got


print(f"1..{len(tests)}")
for number, function in enumerate(tests, 1):
    try:
        function()
        print(f"ok {number} - {function.__name__}", flush=True)
    except Exception as problem:  # every failure is a result, none ends the run
        print(f"not ok {number} - {function.__name__}")
        print("\n".join("# " + line for line in f"{type(problem).__name__}: {problem}".split("\n")),
              flush=True)

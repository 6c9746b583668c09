#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""By hand: our token ids against the peer's, on hard strings and under several pre-tokenizers.

usage: compare-peer.py MODEL… --peer 'COMMAND' [--ours 'COMMAND'] [--strings N] [--seed S]
                       [--pre NAME,NAME…] [--write VECTORS]

COMMAND is run with: MODEL STRINGS SPECIAL (peer-tokenize.c here, test-tokenizer --ids for ours) and
prints one line of ids a string. --pre makes copies of the vocabulary under other names of
tokenizer.ggml.pre; all: every name that the program knows. --write saves the peer's ids of the
first strings as the vectors that test-tokenizer compares with. Needs PyPI's gguf for --pre.
make-vocabularies.py writes models to compare with."""
import argparse
import os
import random
import re
import shlex
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sample_strings import random_strings  # noqa: E402

VECTORS = 400


def with_pre(source, pre, target):
    """A file with source's tokenizer under another pre-tokenizer, and no tensors."""
    import gguf
    kinds = gguf.GGUFValueType
    writer = gguf.GGUFWriter(target, "llama")
    add = {kinds.ARRAY: writer.add_array, kinds.STRING: writer.add_string,
           kinds.BOOL: writer.add_bool, kinds.FLOAT32: writer.add_float32}
    left_out = ("general.architecture", "tokenizer.ggml.add_bos_token")
    for key, field in gguf.GGUFReader(source).fields.items():
        if key.startswith("GGUF.") or key in left_out:
            continue
        value = pre if key == "tokenizer.ggml.pre" else field.contents()
        add.get(field.types[0], writer.add_uint32)(key, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def names_of_pre(names):
    if names != "all":
        return filter(None, names.split(","))
    here = os.path.dirname(os.path.abspath(__file__))
    with open(here + "/../../../engine/text/pretokenizer.c", encoding="utf-8") as file:
        return re.findall(r'^  \{ "([^"]+)", ', file.read(), re.M)


def ids(command, model, strings, special):
    out = subprocess.check_output(shlex.split(command) + [model, strings, str(special)],
                                  stderr=subprocess.DEVNULL, text=True)
    return out.splitlines()


def escaped(text):
    """As g_strescape with the characters beyond ASCII left alone."""
    plain = [c >= "\x80" or (" " <= c <= "~" and c not in '\\"') for c in text]
    return "".join(c if p else f"\\{ord(c):03o}" for c, p in zip(text, plain))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--peer", required=True)
    parser.add_argument("--ours", default="test-tokenizer --ids")
    parser.add_argument("--strings", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pre", default="")
    parser.add_argument("--write")
    args = parser.parse_args()
    texts = random_strings(random.Random(args.seed), args.strings)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        strings = os.path.join(folder, "strings")
        with open(strings, "wb") as file:
            for text in texts:
                data = text.encode()
                file.write(struct.pack("<I", len(data)) + data)
        models = {os.path.basename(model): model for model in args.models}
        for pre in names_of_pre(args.pre):
            models[pre] = os.path.join(folder, pre + ".gguf")
            with_pre(args.models[0], pre, models[pre])
        for name, model in models.items():
            for special in (0, 1):
                try:
                    peer = ids(args.peer, model, strings, special)
                except subprocess.CalledProcessError:
                    print(f"{name}: the peer does not open it")
                    continue
                ours = ids(args.ours, model, strings, special)
                bad = [i for i in range(len(texts)) if peer[i:i + 1] != ours[i:i + 1]]
                wrong += len(bad)
                print(f"{name}, special {special}: {len(texts)} strings, {len(bad)} differences")
                for i in bad[:5]:
                    print(f"  {texts[i]!r}\n    peer {peer[i]}\n    ours {ours[i]}")
                if args.write and model == args.models[0] and special == 0:
                    with open(args.write, "w") as file:
                        for text, line in list(zip(texts, peer))[:VECTORS]:
                            if "\0" not in text:
                                file.write(f"{escaped(text)}\t{line}\n")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())

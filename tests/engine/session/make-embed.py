#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes embed.json, the vectors that test-embed.c holds every device to.

usage: make-embed.py MODEL.gguf > embed.json     (needs numpy and bottega-cli on PATH)

A forward pass of architecture bert in doubles on the weights of the file as they are, written from
the paper and the GGUF names and from nothing of the engine; token ids are `bottega-cli tokenize`'s,
which tests of their own hold to those of another tokenizer. Q4_0 and F32 tensors only."""
import json
import math
import struct
import subprocess
import sys

import numpy as np

TEXTS = [  # name, kind, text, repetitions
    ("italian", "query", "Quanto costa una sedia di noce fatta a mano?", 1),
    ("one token", "query", "a", 1),
    ("english", "passage", "The invoice must be paid within thirty days of receipt. ", 1),
    ("nothing", "passage", "", 1),
    ("code", "passage", "static int\ncompare (const void *a, const void *b)\n{\n  return *(const"
     " int *) a - *(const int *) b;\n}\n", 1),
    ("scripts", "passage", "東京は日本の首都です。 Москва — столица России. القاهرة عاصمة مصر. "
     "Zürich, naïve, 100 % €5 😀", 1),
    ("passage", "passage", "La garanzia copre i difetti di fabbricazione per due anni dalla "
     "consegna. ", 12),
    ("whole window", "passage", "x ", 508),
    ("windows", "passage", "Il contratto si rinnova ogni anno, salvo disdetta scritta. The keys are"
     " with the porter, as every year. ", 40),
]
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q",
           11: "<q", 12: "<d"}


class Gguf:
    def __init__(self, path):
        with open(path, "rb") as stream:
            self.data = stream.read()
        self.at, self.values, self.tensors = 8, {}, {}
        n_tensors, n_values = self.take("<Q"), self.take("<Q")
        for _ in range(n_values):
            key = self.string().decode()
            self.values[key] = self.value(self.take("<I"))
        for _ in range(n_tensors):
            name = self.string().decode()
            shape = [self.take("<Q") for _ in range(self.take("<I"))]
            self.tensors[name] = (shape, self.take("<I"), self.take("<Q"))
        self.at = (self.at + 31) // 32 * 32

    def take(self, form):
        value, = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def string(self):
        n = self.take("<Q")
        self.at += n
        return self.data[self.at - n:self.at]

    def value(self, kind):
        if kind == 8:
            return self.string()
        if kind != 9:
            return self.take(SCALARS[kind])
        element, n = self.take("<I"), self.take("<Q")
        return [self.value(element) for _ in range(n)]

    def tensor(self, name):
        shape, kind, offset = self.tensors[name]
        n = math.prod(shape)
        if kind == 0:
            flat = np.frombuffer(self.data, "<f4", n, self.at + offset)
        else:
            assert kind == 2, name
            block = np.dtype([("d", "<f2"), ("codes", "u1", 16)])
            blocks = np.frombuffer(self.data, block, n // 32, self.at + offset)
            codes = np.concatenate([blocks["codes"] & 15, blocks["codes"] >> 4], 1)
            flat = (codes.astype(np.float64) - 8) * blocks["d"].astype(np.float64)[:, None]
        return flat.reshape(shape[::-1]).astype(np.float64)


class Bert:
    def __init__(self, gguf):
        self.gguf = gguf
        self.weights = {name: gguf.tensor(name) for name in gguf.tensors}
        self.erf = np.vectorize(math.erf)

    def hparam(self, key):
        return self.gguf.values["bert." + key]

    def norm(self, x, name):
        x = x - x.mean(1, keepdims=True)
        x /= np.sqrt((x * x).mean(1, keepdims=True) + self.hparam("attention.layer_norm_epsilon"))
        return x * self.weights[name + ".weight"] + self.weights[name + ".bias"]

    def product(self, x, name):
        return x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def layer(self, x, stem):
        n, width = x.shape
        heads = self.hparam("attention.head_count")
        q, k, v = (self.product(x, f"{stem}attn_{part}").reshape(n, heads, -1).transpose(1, 0, 2)
                   for part in "qkv")
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(width // heads)
        scores = np.exp(scores - scores.max(2, keepdims=True))
        mixed = (scores / scores.sum(2, keepdims=True) @ v).transpose(1, 0, 2).reshape(n, width)
        x = self.norm(x + self.product(mixed, stem + "attn_output"), stem + "attn_output_norm")
        up = self.product(x, stem + "ffn_up")
        up = up / 2 * (1 + self.erf(up / math.sqrt(2)))
        return self.norm(x + self.product(up, stem + "ffn_down"), stem + "layer_output_norm")

    def mean(self, ids):
        x = self.weights["token_embd.weight"][ids] + self.weights["token_types.weight"][0]
        x = self.norm(x + self.weights["position_embd.weight"][:len(ids)], "token_embd_norm")
        for layer in range(self.hparam("block_count")):
            x = self.layer(x, f"blk.{layer}.")
        return x.mean(0)

    def vector(self, content):
        most = self.hparam("context_length") - 2
        first, last = (self.gguf.values[f"tokenizer.ggml.{end}_token_id"] for end in ("bos", "eos"))
        windows = [content[at:at + most] for at in range(0, max(len(content), 1), most)]
        total = sum(max(len(ids), 1) * self.mean([first] + ids + [last]) for ids in windows)
        return total / np.linalg.norm(total)


def main():
    path = sys.argv[1]
    model, lines = Bert(Gguf(path)), []
    ends = {model.gguf.values[f"tokenizer.ggml.{end}_token_id"] for end in ("bos", "eos")}
    for name, kind, text, repeat in TEXTS:
        done = subprocess.run(["bottega-cli", "--json", "tokenize", path,
                               f"{kind}: {text * repeat}"], capture_output=True, check=True)
        content = [i for i in json.loads(done.stdout)["tokens"] if i not in ends]
        print(name, len(content), file=sys.stderr)
        lines.append(json.dumps({
            "name": name, "kind": kind, "text": text, "repeat": repeat,
            "vector": [round(float(x), 7) for x in model.vector(content)],
        }, ensure_ascii=False, separators=(",", ":")))
    print("[" + ",\n".join(lines) + "]")


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes vectors/quant.txt: blocks of every number format and what they stand for, bit by bit.

usage: make-vectors.py > vectors/quant.txt     needs numpy and gguf, both of PyPI

The conversions are those of the gguf package (0.19 knows all but Q1_0 and Q2_0, which stand here):
an implementation of ggml's own authors, in numpy, that shares nothing with ours.

Lines: TYPE blocks weights       both in hexadecimal, weights as little-endian f32
       HASH TYPE n sha256        of the weights of n pseudo-random blocks, see random_bytes ()
       F32_TO_F16 f32 f16"""
import hashlib

import gguf
import numpy as np

F32 = np.float32


def f16(raw):
    return raw.copy().view("<f2").astype(F32)


def q1_0(b):
    bits = np.unpackbits(b[:, 2:], axis=1, bitorder="little")
    return np.where(bits == 1, f16(b[:, :2]), -f16(b[:, :2]))


def q2_0(b):
    codes = np.stack([b[:, 2:] >> shift & 3 for shift in (0, 2, 4, 6)], axis=2).reshape(-1, 64)
    return (codes.astype(np.int16) - 1).astype(F32) * f16(b[:, :2])


OURS = {"Q1_0": (18, q1_0), "Q2_0": (18, q2_0)}
FORMATS = {  # where the f16 scales of a block are
    "F16": [], "BF16": [],
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "IQ4_NL": [0],
    "MXFP4": [], "NVFP4": [], "Q1_0": [0], "Q2_0": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
    "IQ4_XS": [0], "IQ2_XXS": [0], "IQ2_XS": [0], "IQ2_S": [0], "IQ3_XXS": [0], "IQ3_S": [0],
    "IQ1_S": [0], "IQ1_M": [54], "TQ1_0": [52], "TQ2_0": [64],
}
# Ordinary, negative, the largest, the smallest normal, subnormals, zeros, infinities.
SCALES = [0x2e66, 0xae66, 0x7bff, 0x0400, 0x03ff, 0x0001, 0x8001, 0x0000, 0x8000, 0x7c00, 0xfc00]


def size_of(name):
    if name in OURS:
        return OURS[name][0]
    return gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]][1]


def convert(name, blocks):
    if name in OURS:
        return OURS[name][1](blocks)
    raw = blocks.view("<f2") if name == "F16" else blocks
    return gguf.quants.dequantize(raw, gguf.GGMLQuantizationType[name])


def blocks_of(name, rng):
    if name in ("F16", "BF16"):
        special = [*SCALES, 0x7f80, 0xff80, 0x7fc0, 0x3f80, 0x3c00, 0x3555]
        halves = np.array(special + list(rng.integers(0, 1 << 16, 200)), "<u2")
        return halves.view(np.uint8).reshape(-1, 2)
    size = size_of(name)
    scales = SCALES if size < 40 else SCALES[:2] + SCALES[5:6]
    if name in ("IQ1_M", "MXFP4", "NVFP4"):
        return rng.integers(0, 256, (4, size), dtype=np.uint8)
    blocks = rng.integers(0, 256, (len(scales) + 1, size), dtype=np.uint8)
    if name in ("Q4_0", "Q4_1", "IQ4_NL"):  # every code, in both halves
        blocks[0, size - 16:] = [i | (15 - i) << 4 for i in range(16)]
    for i, scale in enumerate(scales + [int(rng.integers(0x0400, 0x3c00))]):
        for j, offset in enumerate(FORMATS[name]):
            if j > 0:
                scale = scales[-1 - i] if i < len(scales) else scale ^ 3
            blocks[i, offset:offset + 2] = np.array([scale], "<u2").view(np.uint8)
    return blocks


def random_bytes(n):
    """The top bytes of a linear congruence of 32 bits."""
    state, out = 1, bytearray(n)
    for i in range(n):
        state = (state * 1664525 + 1013904223) & 0xffffffff
        out[i] = state >> 24
    return np.frombuffer(bytes(out), np.uint8)


def hash_of(name, n):
    """Every entry of every codebook is met, every scale; f16 scales below 2, so that no weight is
    without a number."""
    blocks = random_bytes(n * size_of(name)).reshape(n, -1).copy()
    for offset in FORMATS[name]:
        blocks[:, offset + 1] &= 0xbf
    return hashlib.sha256(convert(name, blocks).astype("<f4").tobytes()).hexdigest()


def hexadecimal(array):
    return array.tobytes().hex()


def main():
    rng = np.random.default_rng(20)
    np.seterr(all="ignore")
    for name in FORMATS:
        for block in blocks_of(name, rng):
            print(name, hexadecimal(block),
                  hexadecimal(convert(name, block[None, :]).astype("<f4")))
        if name not in ("F16", "BF16"):
            print("HASH", name, 512, hash_of(name, 512))
    values = rng.integers(0, 1 << 32, 300, dtype=np.uint64).astype(np.uint32).view(F32)
    in_range = (rng.standard_normal(200) * 10.0 ** rng.uniform(-8, 5, 200)).astype(F32)
    ties = np.array([1 + 2.0 ** -11, 1 + 3 * 2.0 ** -11, 65519.99, 65520, 65504, 2.0 ** -25,
                     3 * 2.0 ** -25, 2.0 ** -14 - 2.0 ** -26, 2.0 ** -24, 0, np.inf, 1e9], F32)
    for value in np.concatenate([values, in_range, ties, -ties]):
        value = np.array([value], "<f4")
        print("F32_TO_F16", hexadecimal(value), hexadecimal(value.astype("<f2")))


main()

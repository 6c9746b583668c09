#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""By hand: a vocabulary of every kind of tokenizer, trained here, as GGUF files without tensors.

usage: make-vocabularies.py FOLDER [NAME…]     needs PyPI's gguf, sentencepiece and tokenizers

Words are not cut before byte-level BPE is trained: its merges cross the borders of words, so that
ids show where a pre-tokenizer cuts. compare-peer.py reads the files that are written:
  spm, spm-bare, spm-ends   SentencePiece BPE: as Llama has it; without a space before; with EOS
  phi3                      the same under a name whose control tokens swallow white space
  unigram, wordpiece        with SentencePiece's map of characters; as BERT has it
  gpt2                      byte-level BPE, for compare-peer.py --pre
  gemma4                    BPE of characters with marks for spaces"""
import glob
import os
import random
import sys

import gguf
import sentencepiece
import tokenizers

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sample_strings import random_strings  # noqa: E402

MARK = "\u2581"
CONTROL = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|end|>",
           "<|endoftext|>"]
USER = ["<tool>", "\n\n", "[INST]"]
NORMAL, UNKNOWN, TYPE_CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6


def corpus():
    root = os.path.dirname(os.path.abspath(__file__)) + "/../../.."
    texts = random_strings(random.Random(99), 4000)
    for folder in ("engine/text", "po"):
        for path in sorted(glob.glob(f"{root}/{folder}/**/*.*", recursive=True)):
            with open(path, encoding="utf-8") as file:
                texts += file.read().splitlines()
    return [t for t in texts if t and not any(own in t for own in CONTROL + USER + ["\0", MARK])]


def write(path, model, tokens, types, scores=None, merges=None, name=None, **keys):
    writer = gguf.GGUFWriter(path, "llama")
    if name:
        writer.add_name(name)
    for key, value in (("context_length", 512), ("embedding_length", 64), ("block_count", 1),
                       ("feed_forward_length", 64), ("attention.head_count", 1)):
        writer.add_uint32("llama." + key, value)
    writer.add_tokenizer_model(model)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    if scores:
        writer.add_token_scores(scores)
    if merges:
        writer.add_token_merges(merges)
    for key, value in keys.items():
        add = {bool: writer.add_bool, int: writer.add_uint32, str: writer.add_string,
               bytes: writer.add_array}[type(value)]
        add("tokenizer.ggml." + key, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def train_pieces(folder, kind):
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_prefix=f"{folder}/{kind}", model_type=kind,
        vocab_size=3000, byte_fallback=kind == "bpe", character_coverage=0.99,
        control_symbols=CONTROL[3:], minloglevel=2,
        # In unigram the peer does not normalise what a user-defined token begins with.
        user_defined_symbols=USER if kind == "bpe" else USER[:1],
        normalization_rule_name="identity" if kind == "bpe" else "nmt_nfkc",
        remove_extra_whitespaces=kind != "bpe", hard_vocab_limit=False)
    model = sentencepiece.SentencePieceProcessor(model_file=f"{folder}/{kind}.model")
    with open(f"{folder}/{kind}.model", "rb") as file:
        proto = file.read()
    for end in ("model", "vocab"):
        os.remove(f"{folder}/{kind}.{end}")
    tokens, types, scores = [], [], []
    for i in range(model.get_piece_size()):
        piece = model.id_to_piece(i)
        tokens.append(piece)
        scores.append(model.get_score(i))
        types.append(UNKNOWN if model.is_unknown(i) else TYPE_CONTROL if model.is_control(i)
                     else BYTE if model.is_byte(i) else USER_DEFINED if piece in USER else NORMAL)
    return tokens, types, scores, proto


def charsmap(proto):
    """Field 2 (precompiled_charsmap) of field 3 (normalizer_spec) of the model."""
    def number(data, at):
        value = shift = 0
        while True:
            value |= (data[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if data[at - 1] < 128:
                return value, at

    def fields(data):
        at = 0
        while at < len(data):
            key, at = number(data, at)
            size = {1: 8, 5: 4}.get(key & 7)
            if key & 7 == 0:
                value, at = number(data, at)
                yield key >> 3, value
                continue
            if size is None:
                size, at = number(data, at)
            yield key >> 3, data[at:at + size]
            at += size
    spec = [value for field, value in fields(proto) if field == 3][0]
    return [value for field, value in fields(spec) if field == 2][0]


def make_spm(folder):
    tokens, types, scores, _ = train_pieces(folder, "bpe")
    for name, keys in (("spm", {}), ("spm-bare", {"add_space_prefix": False}),
                       ("spm-ends", {"add_bos_token": False, "add_eos_token": True}),
                       ("phi3", {"name": "Phi-3 mini"})):
        write(f"{folder}/{name}.gguf", "llama", tokens, types, scores, bos_token_id=1,
              eos_token_id=2, unknown_token_id=0, **keys)


def make_unigram(folder):
    tokens, types, scores, proto = train_pieces(folder, "unigram")
    write(f"{folder}/unigram.gguf", "t5", tokens, types, scores, eos_token_id=2,
          unknown_token_id=0, add_space_prefix=True, remove_extra_whitespaces=True,
          precompiled_charsmap=charsmap(proto))


def make_wordpiece(folder):
    model = tokenizers.BertWordPieceTokenizer(lowercase=True)
    model.train_from_iterator(corpus(), vocab_size=3000, show_progress=False)
    vocabulary = sorted(model.get_vocab().items(), key=lambda item: item[1])
    tokens, types = [], []
    for token, _ in vocabulary:
        special = token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
        types.append(TYPE_CONTROL if special else NORMAL)
        tokens.append(token if special else token[2:] if token.startswith("##") else MARK + token)
    ids = dict(vocabulary)
    write(f"{folder}/wordpiece.gguf", "bert", tokens, types, bos_token_id=ids["[CLS]"],
          seperator_token_id=ids["[SEP]"], unknown_token_id=ids["[UNK]"])


def train_merges(texts, alphabet, bytewise):
    model = tokenizers.Tokenizer(tokenizers.models.BPE())
    if bytewise:
        model.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False,
                                                                  use_regex=False)
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=6000, initial_alphabet=alphabet,
                                             show_progress=False, max_token_length=12)
    model.train_from_iterator(texts, trainer)
    import json
    data = json.loads(model.to_str())["model"]
    tokens = [t for t, _ in sorted(data["vocab"].items(), key=lambda item: item[1])]
    return tokens, [m if isinstance(m, str) else " ".join(m) for m in data["merges"]]


def make_gpt2(folder):
    tokens, merges = train_merges(corpus(), tokenizers.pre_tokenizers.ByteLevel.alphabet(), True)
    types = [NORMAL] * len(tokens) + [TYPE_CONTROL] * len(CONTROL) + [USER_DEFINED] * len(USER)
    write(f"{folder}/gpt2.gguf", "gpt2", tokens + CONTROL + USER, types, merges=merges,
          pre="gpt-2", bos_token_id=len(tokens) + 1, eos_token_id=len(tokens) + 2)


def make_gemma4(folder):
    texts = [part.replace(" ", MARK) for text in corpus() for part in text.split("\n") if part]
    tokens, merges = train_merges(texts, [], False)
    lines = ["\n" * n for n in range(1, 9)]
    tokens = [t for t in tokens if "\n" not in t and " " not in t]
    merges = [m for m in merges if "\n" not in m and len(m.split(" ")) == 2]
    head = CONTROL[:5] + ["<bos>", "<eos>"]
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    user = USER[:1]
    types = ([UNKNOWN] + [TYPE_CONTROL] * (len(head) - 1) + [USER_DEFINED] * len(user) +
             [BYTE] * 256 + [NORMAL] * (len(lines) + len(tokens)))
    write(f"{folder}/gemma4.gguf", "gemma4", head + user + bytes_ + lines + tokens, types,
          merges=merges, bos_token_id=5, eos_token_id=6, unknown_token_id=0)


def main():
    folder, names = sys.argv[1], sys.argv[2:]
    os.makedirs(folder, exist_ok=True)
    for name, make in (("spm", make_spm), ("unigram", make_unigram),
                       ("wordpiece", make_wordpiece), ("gpt2", make_gpt2),
                       ("gemma4", make_gemma4)):
        if not names or name in names:
            make(folder)


if __name__ == "__main__":
    main()

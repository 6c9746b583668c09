#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiny random models in F16, one an architecture or a variety of one, for comparing with the peer.
usage: make-models.py FOLDER [SEED] [NAME…]        needs numpy and PyPI's gguf
TOKENIZER_GGUF: the model whose tokenizer they take; WIDE=1: twice as wide and a layer more.

A row of MODELS says what differs from a plain llama: sizes, keys of the metadata (without the
architecture's name), and which tensors there are. All sizes are multiples of 256, so that every
number format fits, and windows are short, so that a text of a paragraph passes them."""
import os
import sys

import gguf
import numpy as np

YARN = {"rope.scaling.type": "yarn", "rope.scaling.factor": 4.0,
        "rope.scaling.original_context_length": 512}
GRANITE = {"embedding_scale": 6.0, "residual_scale": 0.5, "attention.scale": 0.02,
           "logit_scale": 4.0}
DELTA = {"rope.dimension_count": 32, "rope.dimension_sections": [6, 5, 5, 0],
         "ssm.conv_kernel": 4, "ssm.inner_size": 256, "ssm.state_size": 64,
         "ssm.time_step_rank": 4, "ssm.group_count": 2, "full_attention_interval": 4}
GEMMA = {"tied": True, "sandwich": True, "window": 16}

MODELS = {
    "llama": {},
    "llama-tied": {"arch": "llama", "tied": True},
    "llama-rope-freqs": {"arch": "llama", "rope_freqs": True},
    "llama-yarn": {"arch": "llama", "keys": YARN},
    "llama-linear": {"arch": "llama", "keys": {"rope.scaling.type": "linear",
                                               "rope.scaling.factor": 3.0}},
    "llama-biases": {"arch": "llama", "qkv_bias": True, "output_bias": True},
    "llama-moe": {"arch": "llama", "experts": 4, "used": 2},
    "mistral3": {"keys": {**YARN, "rope.scaling.yarn_log_multiplier": 1.0}},
    "mistral3-temperature": {"arch": "mistral3",
                             "keys": {"rope.scaling.type": "yarn", "rope.scaling.factor": 4.0,
                                      "rope.scaling.original_context_length": 32,
                                      "rope.scaling.yarn_log_multiplier": 1.0,
                                      "attention.temperature_scale": 0.4}},
    "granite": {"tied": True, "keys": GRANITE},
    "granitemoe": {"tied": True, "experts": 8, "used": 2, "keys": GRANITE},
    "granitemoe-shared": {"arch": "granitemoe", "tied": True, "experts": 8, "used": 2,
                          "ff_shared": 256, "keys": GRANITE},
    "smollm3": {"tied": True, "layers": 5},
    "qwen2": {"qkv_bias": True},
    "qwen2moe": {"qkv_bias": True, "experts": 8, "used": 2, "ff_expert": 256, "ff_shared": 512,
                 "shared_gate": True},
    "qwen3": {"head": 128, "head_norms": True},
    "qwen3-embedding": {"arch": "qwen3", "tied": True, "head": 128, "head_norms": True,
                        "keys": {"pooling_type": 3}},
    "qwen3moe": {"head_norms": True, "experts": 8, "used": 2, "ff_expert": 256},
    "phi3": {"fused": True, "keys": {"rope.scaling.original_context_length": 2048,
                                     "attention.sliding_window": 0}},
    "phi3-long": {"arch": "phi3", "fused": True, "factors": True, "context": 4096,
                  "keys": {"rope.scaling.original_context_length": 64,
                           "rope.scaling.attn_factor": 1.19, "attention.sliding_window": 0}},
    "gemma2": {**GEMMA, "keys": {"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0}},
    "gemma3": {**GEMMA, "layers": 7, "kv": 1, "head_norms": True},
    "lfm2": {"tied": True, "mixer": "conv", "layers": 5, "kv_heads": [0, 0, 2, 0, 2],
             "head_norms": True, "keys": {"shortconv.l_cache": 3}},
    "qwen35": {"mixer": "delta", "layers": 5, "head_norms": True, "late_norm": True,
               "keys": DELTA},
    "qwen35moe": {"mixer": "delta", "layers": 5, "head_norms": True, "late_norm": True,
                  "experts": 8, "used": 2, "ff_expert": 256, "ff_shared": 256,
                  "shared_gate": True, "keys": DELTA},
    "gpt-oss": {"oss": True, "qkv_bias": True, "experts": 4, "used": 2, "ff_expert": 256,
                "window": 16, "keys": YARN},
    "bert": {"bert": True, "head": 32, "heads": 8, "kv": 8},
    "nomic-bert": {"bert": True, "gated": True, "kv": 4},
    "gemma-embedding": {**GEMMA, "layers": 7, "kv": 1, "head_norms": True, "dense": True,
                        "keys": {"pooling_type": 1}},
}
DEFAULTS = {"width": 256, "heads": 4, "kv": 2, "head": 64, "layers": 3, "ff": 512, "context": 2048}


class Model:
    def __init__(self, path, name, row, seed):
        self.row = {**DEFAULTS, **row}
        self.arch = self.row.get("arch", name)
        if os.environ.get("WIDE"):
            for size in ("width", "heads", "ff"):
                self.row[size] *= 2
            self.row["layers"] += 1
            if self.has("kv_heads"):
                self.row["kv_heads"] = [*self.row["kv_heads"], 2]
        self.random = np.random.default_rng(seed)
        self.writer = gguf.GGUFWriter(path, self.arch)
        self.writer.add_name("tiny")  # the peer has rules by name

    def has(self, what):
        return bool(self.row.get(what))

    def size(self, *names):
        return [self.row[name] for name in names]

    # -- metadata

    def key(self, key, value):
        full = f"{self.arch}.{key}"
        if isinstance(value, str):
            self.writer.add_string(full, value)
        elif isinstance(value, bool):
            self.writer.add_bool(full, value)
        elif isinstance(value, float):
            self.writer.add_float32(full, value)
        elif isinstance(value, list):
            self.writer.add_array(full, value)
        else:
            self.writer.add_uint32(full, value)

    def tokenizer(self, source):
        for name, field in source.fields.items():
            if not name.startswith("tokenizer."):
                continue
            value, kind = field.contents(), field.types[0]
            if kind == gguf.GGUFValueType.ARRAY:
                self.writer.add_array(name, value)
            elif kind == gguf.GGUFValueType.STRING:
                self.writer.add_string(name, value)
            elif kind == gguf.GGUFValueType.BOOL:
                self.writer.add_bool(name, value)
            else:
                self.writer.add_uint32(name, int(value))

    def metadata(self, n_vocab):
        row = self.row
        norm = "attention.layer_norm_epsilon" if self.has("bert") \
            else "attention.layer_norm_rms_epsilon"
        keys = {"context_length": row["context"], "embedding_length": row["width"],
                "block_count": row["layers"], "feed_forward_length": row["ff"],
                "attention.head_count": row["heads"],
                "attention.head_count_kv": row.get("kv_heads", row["kv"]),
                "attention.key_length": row["head"], "attention.value_length": row["head"],
                norm: 1e-6, "rope.freq_base": 10000.0, "rope.dimension_count": row["head"],
                "vocab_size": n_vocab}
        if self.has("window"):
            keys["attention.sliding_window"] = row["window"]
        if self.has("experts"):
            keys |= {"expert_count": row["experts"], "expert_used_count": row["used"],
                     "expert_feed_forward_length": row.get("ff_expert", row["ff"])}
        if self.has("ff_shared"):
            keys["expert_shared_feed_forward_length"] = row["ff_shared"]
        if self.has("bert"):
            keys |= {"attention.causal": False, "pooling_type": 1}
            self.writer.add_uint32("tokenizer.ggml.token_type_count", 2)
        if self.has("dense"):
            keys |= {"dense_2_feat_in": row["width"], "dense_2_feat_out": 2 * row["width"],
                     "dense_3_feat_in": 2 * row["width"], "dense_3_feat_out": row["width"],
                     "attention.causal": False}
        for key, value in {**keys, **row.get("keys", {})}.items():
            self.key(key, value)

    # -- tensors

    def tensor(self, name, *shape, kind="weight"):
        values = self.random.standard_normal(shape)
        if kind == "weight":
            values = (values / np.sqrt(shape[-1])).astype(np.float16)
        elif kind == "decay":
            values = -np.exp(0.5 * values - 1).astype(np.float32)
        elif kind == "taps":
            values = (0.6 * values).astype(np.float32)
        else:
            values = ((kind == "norm") + 0.1 * values).astype(np.float32)
        self.writer.add_tensor(name, values)

    def norm(self, name, size):
        self.tensor(f"{name}.weight", size, kind="norm")
        if self.has("bert"):
            self.tensor(f"{name}.bias", size, kind="bias")

    def matrix(self, name, *shape, bias=False):
        self.tensor(f"{name}.weight", *shape)
        if bias:
            self.tensor(f"{name}.bias", *shape[:-1], kind="bias")

    def outside(self, n_vocab):
        width, head = self.size("width", "head")
        self.matrix("token_embd", n_vocab, width)
        if self.has("bert"):
            self.tensor("token_types.weight", 2, width, kind="bias")
            if not self.has("gated"):
                self.matrix("position_embd", self.row["context"], width)
            self.norm("token_embd_norm", width)
            return
        # LFM2's last norm has the name of others' first.
        self.norm("token_embd_norm" if self.row.get("mixer") == "conv" else "output_norm", width)
        if not self.has("tied"):
            self.matrix("output", n_vocab, width)
        if self.has("rope_freqs"):
            self.writer.add_tensor("rope_freqs.weight",
                                   np.linspace(1, 8, head // 2).astype(np.float32))
        if self.has("factors"):
            for name, most in (("long", 16), ("short", 1.5)):
                self.writer.add_tensor(f"rope_factors_{name}.weight",
                                       np.linspace(1, most, head // 2).astype(np.float32))
        if self.has("dense"):
            self.matrix("dense_2", 2 * width, width)
            self.matrix("dense_3", width, 2 * width)

    def is_attention(self, layer):
        if self.row.get("mixer") == "conv":
            return self.row["kv_heads"][layer] > 0
        return not self.has("mixer") or (layer + 1) % 4 == 0

    def short_conv(self, block):
        width = self.row["width"]
        self.matrix(f"{block}.shortconv.in_proj", 3 * width, width)
        self.tensor(f"{block}.shortconv.conv.weight", width, 3, kind="taps")
        self.matrix(f"{block}.shortconv.out_proj", width, width)

    def delta_net(self, block):
        width, keys = self.row["width"], self.row["keys"]
        n, heads = keys["ssm.state_size"], keys["ssm.time_step_rank"]
        channels = (2 * keys["ssm.group_count"] + heads) * n
        self.matrix(f"{block}.attn_qkv", channels, width)
        self.matrix(f"{block}.attn_gate", heads * n, width)
        self.tensor(f"{block}.ssm_conv1d.weight", channels, keys["ssm.conv_kernel"], kind="taps")
        self.tensor(f"{block}.ssm_dt.bias", heads, kind="bias")
        self.tensor(f"{block}.ssm_a", heads, kind="decay")
        self.matrix(f"{block}.ssm_beta", heads, width)
        self.matrix(f"{block}.ssm_alpha", heads, width)
        self.tensor(f"{block}.ssm_norm.weight", n, kind="norm")
        self.matrix(f"{block}.ssm_out", width, heads * n)

    def mixer(self, block, layer):
        if self.is_attention(layer):
            self.attention(block)
        elif self.row["mixer"] == "conv":
            self.short_conv(block)
        else:
            self.delta_net(block)

    def attention(self, block):
        width, heads, kv, head = self.size("width", "heads", "kv", "head")
        plain_bert = self.has("bert") and not self.has("gated")
        if self.has("fused") or (self.has("bert") and self.has("gated")):
            self.matrix(f"{block}.attn_qkv", (heads + 2 * kv) * head, width)
        else:
            bias = self.has("qkv_bias") or plain_bert
            gates = heads * head if self.row.get("mixer") == "delta" else 0
            self.matrix(f"{block}.attn_q", heads * head + gates, width, bias=bias)
            self.matrix(f"{block}.attn_k", kv * head, width, bias=bias)
            self.matrix(f"{block}.attn_v", kv * head, width, bias=bias)
        self.matrix(f"{block}.attn_output", width, heads * head,
                    bias=self.has("oss") or self.has("output_bias") or plain_bert)
        if self.has("head_norms"):
            self.norm(f"{block}.attn_q_norm", head)
            self.norm(f"{block}.attn_k_norm", head)
        if self.has("oss"):
            self.tensor(f"{block}.attn_sinks.weight", heads, kind="bias")

    def shared_expert(self, block):
        width, wide = self.size("width", "ff_shared")
        if self.has("shared_gate"):
            self.tensor(f"{block}.ffn_gate_inp_shexp.weight", width, kind="bias")
        self.matrix(f"{block}.ffn_gate_shexp", wide, width)
        self.matrix(f"{block}.ffn_up_shexp", wide, width)
        self.matrix(f"{block}.ffn_down_shexp", width, wide)

    def feed_forward(self, block):
        width, ff = self.size("width", "ff")
        if self.has("experts"):
            n, wide = self.row["experts"], self.row.get("ff_expert", ff)
            bias = self.has("oss")
            self.matrix(f"{block}.ffn_gate_inp", n, width, bias=bias)
            self.matrix(f"{block}.ffn_gate_exps", n, wide, width, bias=bias)
            self.matrix(f"{block}.ffn_up_exps", n, wide, width, bias=bias)
            self.matrix(f"{block}.ffn_down_exps", n, width, wide, bias=bias)
            if self.has("ff_shared"):
                self.shared_expert(block)
            return
        plain_bert = self.has("bert") and not self.has("gated")
        if not self.has("fused") and not plain_bert:
            self.matrix(f"{block}.ffn_gate", ff, width)
        self.matrix(f"{block}.ffn_up", ff * (2 if self.has("fused") else 1), width,
                    bias=plain_bert)
        self.matrix(f"{block}.ffn_down", width, ff, bias=plain_bert)

    def layers(self):
        width = self.row["width"]
        for layer in range(self.row["layers"]):
            block = f"blk.{layer}"
            self.mixer(block, layer)
            self.feed_forward(block)
            if self.has("bert"):
                norms = ["attn_output_norm", "layer_output_norm"]
            elif self.has("oss") or self.has("late_norm"):
                norms = ["attn_norm", "post_attention_norm"]
            elif self.has("sandwich"):
                norms = ["attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"]
            else:
                norms = ["attn_norm", "ffn_norm"]
            for norm in norms:
                self.norm(f"{block}.{norm}", width)

    def write(self, source):
        n_vocab = len(source.fields["tokenizer.ggml.tokens"].data)
        self.metadata(n_vocab)
        self.tokenizer(source)
        self.outside(n_vocab)
        self.layers()
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_tensors_to_file()
        self.writer.close()


def main():
    folder, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    names = sys.argv[3:] or list(MODELS)
    source = gguf.GGUFReader(os.environ["TOKENIZER_GGUF"])
    os.makedirs(folder, exist_ok=True)
    for name in names:
        Model(os.path.join(folder, f"{name}.gguf"), name, MODELS[name], seed).write(source)


main()

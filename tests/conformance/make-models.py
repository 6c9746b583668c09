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
STATES = {"ssm.conv_kernel": 4, "ssm.inner_size": 512, "ssm.state_size": 64,
          "ssm.time_step_rank": 8, "ssm.group_count": 2}
DELTA = {"rope.dimension_count": 32, "rope.dimension_sections": [6, 5, 5, 0],
         "ssm.conv_kernel": 4, "ssm.inner_size": 256, "ssm.state_size": 64,
         "ssm.time_step_rank": 4, "ssm.group_count": 2, "full_attention_interval": 4}
# The peer's quantiser leaves these as they are: in F16 the exact result would round what they
# multiply, which turns near ties of experts.
KEPT = ("ffn_gate_inp.weight", "per_layer_model_proj.weight")
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
    "granitehybrid": {"tied": True, "mixer": "ssm", "layers": 5, "kv_heads": [0, 0, 2, 0, 2],
                      "keys": {**GRANITE, **STATES}},
    "granitehybrid-moe": {"arch": "granitehybrid", "tied": True, "mixer": "ssm", "layers": 5,
                          "kv_heads": [0, 0, 2, 0, 2], "experts": 8, "used": 2, "ff_shared": 256,
                          "keys": {**GRANITE, **STATES, "rope.scaling.finetuned": False}},
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
    # Full layers have wider heads; layers that share keys use those of layers 2 and 3.
    "gemma4": {**GEMMA, "layers": 7, "head": 128, "window_head": 64, "full_layers": [1, 3, 6],
               "kv": 1, "shared": 3, "layer_input": 256, "head_norms": True, "layer_scale": True,
               "ff_layers": [512, 512, 512, 512, 768, 768, 768],
               "keys": {"final_logit_softcapping": 30.0}},
    "gemma4-plain": {**GEMMA, "arch": "gemma4", "layers": 4, "head": 128, "window_head": 64,
                     "full_layers": [1, 3], "kv_heads": [2, 1, 2, 1], "value_is_key": True,
                     "head_norms": True, "keys": {"final_logit_softcapping": 30.0}},
    "gemma4-moe": {**GEMMA, "arch": "gemma4", "layers": 4, "head": 128, "window_head": 64,
                   "full_layers": [1, 3], "kv_heads": [2, 1, 2, 1], "value_is_key": True,
                   "head_norms": True, "layer_scale": True, "branches": True, "experts": 8,
                   "used": 2, "ff_expert": 256, "keys": {"final_logit_softcapping": 30.0}},
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
            if self.has("shared"):
                self.row["shared"] += 1
            if self.has("ff_layers"):
                self.row["ff_layers"] = [2 * n for n in [*self.row["ff_layers"], 512]]
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
        if self.has("ff_layers"):
            keys["feed_forward_length"] = row["ff_layers"]
        if self.arch == "gemma4":
            sizes = ("attention.key_length_swa", "attention.value_length_swa",
                     "rope.dimension_count_swa")
            keys |= {"rope.freq_base": 1e6, "rope.freq_base_swa": 10000.0,
                     "attention.sliding_window_pattern": [not self.is_full(layer) for layer in
                                                          range(row["layers"])],
                     "attention.shared_kv_layers": row.get("shared", 0),
                     "embedding_length_per_layer_input": row.get("layer_input", 0),
                     **{size: row["window_head"] for size in sizes}}
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

    def tensor(self, name, *shape, kind="weight", scale=1.0):
        values = self.random.standard_normal(shape)
        if kind == "weight":
            kind = np.float32 if name.endswith(KEPT) else np.float16
            values = (values / np.sqrt(shape[-1])).astype(kind)
        elif kind == "decay":
            values = -np.exp(0.5 * values - 1).astype(np.float32)
        elif kind == "taps":
            values = (0.6 * values).astype(np.float32)
        else:
            values = (scale * ((kind == "norm") + 0.1 * values)).astype(np.float32)
        self.writer.add_tensor(name, values)

    def norm(self, name, size, scale=1.0):
        self.tensor(f"{name}.weight", size, kind="norm", scale=scale)
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
        if self.arch == "gemma4":  # of full layers a quarter rotates
            factors = np.full(head // 2, 1e30, np.float32)
            factors[:head // 8] = 1
            self.writer.add_tensor("rope_freqs.weight", factors)
        if self.has("layer_input"):
            wide = self.row["layers"] * self.row["layer_input"]
            self.matrix("per_layer_token_embd", n_vocab, wide)
            self.matrix("per_layer_model_proj", wide, width)
            self.norm("per_layer_proj_norm", self.row["layer_input"])
        if self.has("factors"):
            for name, most in (("long", 16), ("short", 1.5)):
                self.writer.add_tensor(f"rope_factors_{name}.weight",
                                       np.linspace(1, most, head // 2).astype(np.float32))
        if self.has("dense"):
            self.matrix("dense_2", 2 * width, width)
            self.matrix("dense_3", width, 2 * width)

    def is_full(self, layer):
        return layer in self.row.get("full_layers", [])

    def is_attention(self, layer):
        if self.has("kv_heads"):
            return self.row["kv_heads"][layer] > 0
        return not self.has("mixer") or (layer + 1) % 4 == 0

    def short_conv(self, block):
        width = self.row["width"]
        self.matrix(f"{block}.shortconv.in_proj", 3 * width, width)
        self.tensor(f"{block}.shortconv.conv.weight", width, 3, kind="taps")
        self.matrix(f"{block}.shortconv.out_proj", width, width)

    def state_space(self, block):
        width, keys = self.row["width"], self.row["keys"]
        inner, heads = keys["ssm.inner_size"], keys["ssm.time_step_rank"]
        groups = keys["ssm.group_count"]
        channels = inner + 2 * groups * keys["ssm.state_size"]
        self.matrix(f"{block}.ssm_in", inner + channels + heads, width)
        self.tensor(f"{block}.ssm_conv1d.weight", channels, keys["ssm.conv_kernel"], kind="taps")
        self.tensor(f"{block}.ssm_conv1d.bias", channels, kind="bias")
        self.tensor(f"{block}.ssm_dt.bias", heads, kind="bias")
        self.tensor(f"{block}.ssm_a", heads, 1, kind="decay")
        self.tensor(f"{block}.ssm_d", heads, 1, kind="bias")
        self.tensor(f"{block}.ssm_norm.weight", groups, inner // groups, kind="norm")
        self.matrix(f"{block}.ssm_out", width, inner)

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
            self.attention(block, layer)
        elif self.row["mixer"] == "conv":
            self.short_conv(block)
        elif self.row["mixer"] == "ssm":
            self.state_space(block)
        else:
            self.delta_net(block)

    def attention(self, block, layer):
        width, heads, kv, head = self.size("width", "heads", "kv", "head")
        if self.has("window_head") and not self.is_full(layer):
            head = self.row["window_head"]
        if self.has("kv_heads"):
            kv = self.row["kv_heads"][layer]
        shares = layer >= self.row["layers"] - self.row.get("shared", 0)
        without_v = self.has("value_is_key") and self.is_full(layer)
        plain_bert = self.has("bert") and not self.has("gated")
        if self.has("fused") or (self.has("bert") and self.has("gated")):
            self.matrix(f"{block}.attn_qkv", (heads + 2 * kv) * head, width)
        else:
            bias = self.has("qkv_bias") or plain_bert
            gates = heads * head if self.row.get("mixer") == "delta" else 0
            self.matrix(f"{block}.attn_q", heads * head + gates, width, bias=bias)
            if not shares:
                self.matrix(f"{block}.attn_k", kv * head, width, bias=bias)
            if not shares and not without_v:
                self.matrix(f"{block}.attn_v", kv * head, width, bias=bias)
        self.matrix(f"{block}.attn_output", width, heads * head,
                    bias=self.has("oss") or self.has("output_bias") or plain_bert)
        if self.has("head_norms"):
            # Gemma 4 leaves the scaling of scores to its norms.
            self.norm(f"{block}.attn_q_norm", head, head ** -0.5 if self.arch == "gemma4" else 1)
            if not shares:
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

    def expert_branch(self, block):
        n, wide, width = self.size("experts", "ff_expert", "width")
        self.matrix(f"{block}.ffn_gate_inp", n, width)
        self.tensor(f"{block}.ffn_gate_inp.scale", width, kind="norm")
        self.matrix(f"{block}.ffn_gate_up_exps", n, 2 * wide, width)
        self.matrix(f"{block}.ffn_down_exps", n, width, wide)
        self.tensor(f"{block}.ffn_down_exps.scale", n, kind="norm")
        for norm in ("pre_ffw_norm_2", "post_ffw_norm_1", "post_ffw_norm_2"):
            self.norm(f"{block}.{norm}", width)

    def feed_forward(self, block, layer):
        width, ff = self.size("width", "ff")
        if self.has("ff_layers"):
            ff = self.row["ff_layers"][layer]
        if self.has("branches"):
            self.expert_branch(block)
        elif self.has("experts"):
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

    def layer_end(self, block):
        if self.has("layer_input"):
            width, own = self.size("width", "layer_input")
            self.matrix(f"{block}.inp_gate", own, width)
            self.matrix(f"{block}.proj", width, own)
            self.norm(f"{block}.post_norm", width)
        if self.has("layer_scale"):
            self.norm(f"{block}.layer_output_scale", 1)

    def layers(self):
        width = self.row["width"]
        for layer in range(self.row["layers"]):
            block = f"blk.{layer}"
            self.mixer(block, layer)
            self.feed_forward(block, layer)
            self.layer_end(block)
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

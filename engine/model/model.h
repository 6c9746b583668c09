/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a file describes, once checked: hyper-parameters, the architecture's table row, and every
 * tensor by its role with its shape verified. Nothing here allocates weights or runs anything.
 * A new architecture of the transformer family is one row in architectures.def. */
#pragma once

#include "engine/model/gguf.h"

typedef enum {
  MODEL_ROPE_NONE,
  MODEL_ROPE_INTERLEAVED, /* pairs (2i, 2i+1) */
  MODEL_ROPE_HALVES,      /* pairs (i, i + n/2), "NEOX" */
} ModelRope;
typedef enum {
  MODEL_ACTIVATION_SILU,
  MODEL_ACTIVATION_GELU,
} ModelActivation;

/* One row per architecture: the switches that research/engine.md 4.3 lists, as data. */
typedef struct {
  const char *name; /* general.architecture */
  ModelRope rope;
  ModelActivation activation;
} ModelArchitecture;

typedef struct {
  uint32_t n_layers, d_model, d_ff, n_vocab, context_tokens /* trained */;
  uint32_t n_heads, n_heads_kv; /* n_heads is a multiple of n_heads_kv */
  uint32_t d_key, d_value;      /* per head, ≤ 1024 */
  uint32_t d_rope;              /* leading dimensions of a head that rotate; even */
  float rms_epsilon, rope_base;
  float rope_scale;      /* positions are multiplied by it: 1 / linear factor */
  float attention_scale; /* 1 / sqrt (d_key) unless the file says otherwise */
} ModelHparams;

/* Roles of tensors: see roles.def. */
typedef enum {
#define MODEL_ROLE(id, name, per_layer, shape0, shape1, need) MODEL_ROLE_##id,
#include "engine/model/roles.def"
#undef MODEL_ROLE
  MODEL_N_ROLES,
} ModelRole;

typedef struct {
  const ModelGguf *gguf; /* borrowed, outlives the description */
  const ModelArchitecture *architecture;
  ModelHparams h;
  const ModelTensor *global[MODEL_N_ROLES];   /* roles outside layers; absent optional ones NULL */
  const ModelTensor *(*layer)[MODEL_N_ROLES]; /* [n_layers][role] */
  gboolean tied_output;                       /* OUTPUT is then the same tensor as TOKEN_EMBD */
  uint64_t n_parameters;                      /* a tied tensor once */
  uint64_t weight_bytes;                      /* all tensors, a tied one once */
  uint64_t
      decode_bytes; /* weights read to make one token: all but the embedding rows not looked up */
} ModelDesc;

/* Reads and checks; a sentence naming what is missing, of a wrong shape, or not supported on
 * failure. */
ModelDesc *model_desc_new (const ModelGguf *gguf, GError **error);
void model_desc_free (ModelDesc *desc);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ModelDesc, model_desc_free)

/* Numbers in the keys and values that one token leaves over all layers: times 2 for bytes in
 * f16. */
uint64_t model_desc_kv_elements (const ModelDesc *desc);

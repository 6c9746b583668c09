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
  MODEL_ACTIVATION_GELU,     /* the tanh form */
  MODEL_ACTIVATION_GELU_ERF, /* x / 2 * (1 + erf (x / sqrt 2)) */
} ModelActivation;

/* What an architecture has, in combination. */
typedef enum {
  MODEL_ALWAYS = 0,
  MODEL_POSITIONS = 1 << 0,   /* learned vectors added to the embeddings, one for each position */
  MODEL_TOKEN_TYPES = 1 << 1, /* a vector of the token's type too; texts are of type 0 */
  MODEL_EMBD_NORM = 1 << 2,   /* a norm right after the embeddings */
  MODEL_PRE_NORM = 1 << 3,    /* a norm before attention, feed-forward and output */
  MODEL_POST_NORM = 1 << 4,   /* a norm of each sum of residual and result */
  MODEL_LAYER_NORM = 1 << 5,  /* norms take the mean away and may have biases; else RMS norms */
  MODEL_BIASES = 1 << 6,      /* of matrices */
  MODEL_GATED = 1 << 7,       /* act (gate) * up; else act (up) */
  MODEL_CAUSAL = 1 << 8,      /* a token sees what is before it; else all of its text */
  MODEL_HEAD = 1 << 9,        /* writes text; else its states are pooled, one vector a text */
} ModelFeatures;

/* One row per architecture: the switches that research/engine.md 4.3 lists, as data. */
typedef struct {
  const char *name; /* general.architecture */
  ModelRope rope;
  ModelActivation activation;
  ModelFeatures features;
} ModelArchitecture;

/* How the states of a text's tokens become its vector; numbers are those of <arch>.pooling_type. */
typedef enum {
  MODEL_POOLING_MEAN = 1,
  MODEL_POOLING_FIRST, /* "CLS" */
  MODEL_POOLING_LAST,
} ModelPooling;

typedef struct {
  uint32_t n_layers, d_model, d_ff, n_vocab, context_tokens /* trained */;
  uint32_t n_heads, n_heads_kv; /* n_heads is a multiple of n_heads_kv */
  uint32_t d_key, d_value;      /* per head, ≤ 1024 */
  uint32_t d_rope;              /* leading dimensions of a head that rotate; even */
  uint32_t n_types;             /* rows of TOKEN_TYPES */
  ModelPooling pooling;         /* of a model without HEAD */
  float norm_epsilon, rope_base;
  float rope_scale;      /* positions are multiplied by it: 1 / linear factor */
  float attention_scale; /* 1 / sqrt (d_key) unless the file says otherwise */
} ModelHparams;

/* Roles of tensors: see roles.def. */
typedef enum {
#define MODEL_ROLE(id, name, per_layer, shape0, shape1, features, need) MODEL_ROLE_##id,
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

static inline gboolean
model_desc_has (const ModelDesc *desc, ModelFeatures features)
{
  return (desc->architecture->features & features) == features;
}

/* Numbers in the keys and values that one token leaves over all layers: times 2 for bytes in
 * f16. 0 for a model that makes vectors: it keeps nothing from text to text. */
uint64_t model_desc_kv_elements (const ModelDesc *desc);

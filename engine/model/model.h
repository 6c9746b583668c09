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
  /* gated only: g = min (gate, 7), u = clamp (up, -7, 7): g / (1 + exp (-1.702 g)) * (u + 1) */
  MODEL_ACTIVATION_SWIGLU_OAI,
} ModelActivation;

/* What an architecture has, in combination. */
typedef enum {
  MODEL_ALWAYS = 0,
  MODEL_POSITIONS = 1 << 0,      /* learned vectors added to the embeddings, one a position */
  MODEL_TOKEN_TYPES = 1 << 1,    /* a vector of the token's type too; texts are of type 0 */
  MODEL_EMBD_NORM = 1 << 2,      /* a norm right after the embeddings */
  MODEL_PRE_NORM = 1 << 3,       /* a norm before attention and output */
  MODEL_FFN_NORM = 1 << 4,       /* a norm before feed-forward, called ffn_norm */
  MODEL_LATE_NORM = 1 << 5,      /* the same, called post_attention_norm */
  MODEL_POST_NORM = 1 << 6,      /* a norm of each sum of residual and result */
  MODEL_SANDWICH = 1 << 7,       /* a norm of each result, before it is added to the residual */
  MODEL_LAYER_NORM = 1 << 8,     /* norms take the mean away and may have biases; else RMS norms */
  MODEL_BIASES = 1 << 9,         /* of matrices */
  MODEL_GATED = 1 << 10,         /* act (gate) * up; else act (up) */
  MODEL_FUSED_GATE = 1 << 11,    /* the same, gate and up in one matrix called ffn_up, gate first */
  MODEL_QK_NORM = 1 << 12,       /* each head's query and key are normed before they rotate */
  MODEL_SINKS = 1 << 13,         /* a logit a head that takes part in softmax and has no value */
  MODEL_EXPERTS = 1 << 14,       /* feed-forward may be a mixture of experts */
  MODEL_CAUSAL = 1 << 15,        /* a token sees what is before it; else all of its text */
  MODEL_HEAD = 1 << 16,          /* writes text; else its states are pooled, one vector a text */
  MODEL_EMBD_SCALE = 1 << 17,    /* embeddings are multiplied by the root of their width */
  MODEL_DENSE_HEAD = 1 << 18,    /* a vector goes through two more matrices */
  MODEL_GATED_QUERY = 1 << 19,   /* each head's query brings a gate of the head's result */
  MODEL_SHARED_EXPERT = 1 << 23, /* beside a mixture there may be one for all tokens */
  MODEL_SHARED_GATE = 1 << 24,   /* whose result is multiplied by a gate, one number a token */
  /* What mixes the tokens of a layer, one of: */
  MODEL_ATTENTION = 1 << 20,  /* every layer but those below */
  MODEL_SHORT_CONV = 1 << 21, /* a gated convolution over a few tokens (LFM2) */
  MODEL_DELTA_NET = 1 << 22,  /* a gated delta net: a state instead of keys and values (Qwen3.5) */
  MODEL_SSM = 1 << 29,        /* a state space with a decay a head, "Mamba 2" (Granite 4) */
  MODEL_MIXERS = MODEL_ATTENTION | MODEL_SHORT_CONV | MODEL_DELTA_NET | MODEL_SSM,
  /* Attention with keys and values of its own: every layer but the last ones of models that reuse
   * there those of the last such layer with the same kind of window (Gemma 4) */
  MODEL_OWN_KV = 1 << 25,
  MODEL_VALUE_NORM = 1 << 26,   /* values are normed, without weights; without v they are k */
  MODEL_LAYER_INPUT = 1 << 27,  /* each layer ends with something of its own for each token */
  MODEL_LAYER_SCALE = 1 << 28,  /* and by multiplying all with a number */
  MODEL_TWO_BRANCHES = 1 << 30, /* experts stand beside a dense block, each with its own norms */
  /* What most have. */
  MODEL_NORMS = MODEL_PRE_NORM | MODEL_FFN_NORM,
  MODEL_WRITER = MODEL_CAUSAL | MODEL_HEAD,
  MODEL_GATED_SHARED_EXPERT = MODEL_SHARED_EXPERT | MODEL_SHARED_GATE,
} ModelFeatures;

/* How experts are chosen and weighed; numbers are those of <arch>.expert_gating_func. */
typedef enum {
  MODEL_GATING_SOFTMAX = 1,     /* of all experts, then the largest */
  MODEL_GATING_SIGMOID,         /* of each */
  MODEL_GATING_SOFTMAX_OF_USED, /* the largest, then softmax of these */
} ModelGating;

/* One row per architecture: the switches that research/engine.md 4.3 lists, as data. 0 in the
 * fields after features: as most do. */
typedef struct {
  const char *name; /* general.architecture */
  ModelRope rope;
  ModelActivation activation;
  ModelFeatures features;
  /* Of each so many layers all but the last have a sliding window, where the file gives one and
   * says nothing else of its layers; 0: none has */
  uint32_t window_period;
  /* Windowed layers turn by this base, without scaling; 0: as the others */
  float window_rope_base;
  uint32_t rope_period; /* each so-many-th layer does not rotate */
  gboolean rope_switch; /* "rope.scaling.finetuned" says whether heads rotate at all */
  /* Of layers that are not attention, where the file does not list them: all but each so-many-th;
   * 0: those without key heads */
  uint32_t attention_period;
  /* With so many layers scores are scaled by the width that a head has on average, not its own */
  uint32_t width_scale_layers;
  float attention_scale; /* of scores; 0: by the width of a head */
  ModelGating gating;    /* where the file does not say */
  gboolean norm_used;    /* weights of the experts used are made to sum up to 1 */
  gboolean exact_kv;     /* rounding keys and values is known to do harm: see kv-type.h */
} ModelArchitecture;

/* How the states of a text's tokens become its vector; numbers are those of <arch>.pooling_type. */
typedef enum {
  MODEL_POOLING_MEAN = 1,
  MODEL_POOLING_FIRST, /* "CLS" */
  MODEL_POOLING_LAST,
} ModelPooling;

typedef struct {
  uint32_t n_layers, d_model, n_vocab, context_tokens /* trained */;
  /* The largest of all layers; see ModelLayer for each. */
  uint32_t n_heads, n_heads_kv, d_key, d_value, d_rope, d_ff;
  uint32_t n_unused_layers; /* after those of n_layers */
  uint32_t n_types;         /* rows of TOKEN_TYPES */
  uint32_t d_layer_input;   /* what each layer has of its own for a token; 0: nothing */
  ModelPooling pooling;     /* of a model that makes vectors */
  float norm_epsilon;
  float attention_scale; /* 1 / sqrt (d_key) unless the file says otherwise */
  float attention_cap;   /* scores become cap * tanh (score / cap); 0: none */
  float logit_cap;       /* the same of logits */
  float embedding_scale; /* of embeddings; 1: none, and so below */
  float residual_scale;  /* of what attention and feed-forward add */
  float logit_scale;     /* of logits */
  /* Queries at position p are multiplied by 1 + temperature * ln (1 + floor (p / temperature_floor
   * tokens)); 0: not */
  float temperature;
  uint32_t temperature_floor_tokens;
  uint32_t n_experts, n_experts_used, d_ff_expert; /* 0: no mixture */
  uint32_t d_ff_shared;                            /* of the expert for all tokens; 0: none */
  ModelGating gating;
  gboolean norm_used;
  float expert_scale; /* of the weights of experts */
  /* Layers that keep a state: the taps of a convolution, and the heads of a delta net or a state
   * space, which share fewer keys of d_state numbers and are d_state × d_state_value numbers each.
   * 0: none */
  uint32_t n_taps, n_state_keys, n_state_heads, d_state, d_state_value;
} ModelHparams;

/* How a head's leading dimensions turn with the position. */
typedef struct {
  uint32_t d_rope;  /* even */
  float magnitude;  /* rotated vectors are multiplied by it (YaRN) */
  float *frequency; /* [d_rope / 2] radians per position; owned */
} ModelRotation;
#define MODEL_NO_ROTATION UINT32_MAX

typedef struct {
  ModelFeatures features;       /* the model's, and which of its mixers this layer has */
  uint32_t n_heads, n_heads_kv; /* n_heads is a multiple of n_heads_kv */
  uint32_t d_key, d_value;      /* per head, ≤ 1024 */
  uint32_t d_ff;
  uint32_t rotation;      /* index into the description's, or MODEL_NO_ROTATION */
  uint32_t window_tokens; /* that a token sees, itself included, or half of it to each side when
                             attention is not causal; 0: all */
} ModelLayer;

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
  ModelFeatures features; /* the architecture's, but for what the file says itself */
  ModelHparams h;
  ModelLayer *layers; /* [n_layers] */
  uint32_t n_rotations;
  ModelRotation *rotations;
  const ModelTensor *global[MODEL_N_ROLES];   /* roles outside layers; absent optional ones NULL */
  const ModelTensor *(*layer)[MODEL_N_ROLES]; /* [n_layers][role] */
  ModelTensor *halves;                        /* of fused experts, those of a layer; owned */
  gboolean tied_output;                       /* OUTPUT is then the same tensor as TOKEN_EMBD */
  uint64_t n_parameters;                      /* a tied tensor once */
  uint64_t weight_bytes;                      /* all tensors, a tied one once */
  uint64_t file_only_bytes;                   /* of these, tables that stay in the file */
  /* weights read to make one token: all but the embedding rows not looked up and the experts not
   * chosen */
  uint64_t decode_bytes;
  uint64_t prompt_weights; /* that each token of a prompt is multiplied with */
} ModelDesc;

/* Reads and checks; a sentence naming what is missing, of a wrong shape, or not supported on
 * failure. Rotations are those of the trained context. */
ModelDesc *model_desc_new (const ModelGguf *gguf, GError **error);
void model_desc_free (ModelDesc *desc);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ModelDesc, model_desc_free)

/* Some models turn otherwise when a context longer than they were first trained for is in use
 * ("longrope"). Before plans are built; changes desc->rotations. */
gboolean model_desc_set_context (ModelDesc *desc, uint32_t context_tokens, GError **error);

static inline gboolean
model_desc_has (const ModelDesc *desc, ModelFeatures features)
{
  return (desc->features & features) == features;
}

/* The tokens of the sliding window that some layers have, 0: none has. All that have one have the
 * same. */
uint32_t model_desc_window_tokens (const ModelDesc *desc);

/* Channels of a layer's convolution, and floats of all that a layer keeps of the past beside keys
 * and values; 0: nothing. */
uint32_t model_layer_channels (const ModelDesc *desc, const ModelLayer *layer);
uint32_t model_layer_state_floats (const ModelDesc *desc, const ModelLayer *layer);

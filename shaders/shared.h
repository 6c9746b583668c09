/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything that C and GLSL both see: the push constants of every kernel, the parameters of a
 * batch, and the units of the weight planes. Read by the C compiler and by glslangValidator;
 * nothing here may depend on either alone outside the #ifdef below.
 *
 * Buffers are addressed by pointer (buffer device address): no descriptor sets, no limit on a
 * buffer's range. A pointer is 8 bytes on both sides and comes first in every struct, so that
 * the layout is the same under C and std430 rules. */
#ifndef SHADERS_SHARED_H
#define SHADERS_SHARED_H

#ifdef VULKAN /* defined by glslangValidator */
#define SHADER_U32    uint
#define SHADER_F32    float
#define SHADER_PTR(T) T
#define SHADER_STRUCT struct
#define SHADER_END(T) ;
#define SHADER_SIZE(T, n)
#else
#include <glib.h>
#include <stdint.h>
#define SHADER_U32        uint32_t
#define SHADER_F32        float
#define SHADER_PTR(T)     uint64_t
#define SHADER_STRUCT     typedef struct
#define SHADER_END(T)     T;
#define SHADER_SIZE(T, n) G_STATIC_ASSERT (sizeof (T) == (n));
#endif

/* Weights per block in every plane, whatever the type. */
#define SHADER_BLOCK 32
/* Tokens of a KV page: ENGINE_PAGE_TOKENS. */
#define SHADER_PAGE 64
/* Candidates: slices that the vocabulary is cut into, and entries that may come back for one
 * row. */
#define SHADER_SLICES 512
#define SHADER_FOUND  4096
/* Of these the device picks from so many at most; tokens that a penalty looks at. */
#define SHADER_PICKED      512
#define SHADER_MOST_RECENT 256
/* How a matrix kernel ends; activations in the order of ModelActivation. */
#define SHADER_STORE      0
#define SHADER_ACCUMULATE 1
#define SHADER_GATE       2 /* + activation: dst = act (dst) * result */
#define SHADER_ACTIVATE   8 /* + activation: dst = act (result) */
/* Activations, see activation.glsl. */
#define SHADER_SILU     0
#define SHADER_GELU     1
#define SHADER_GELU_ERF 2
#define SHADER_OAI      3 /* of gates only */
/* How far attention looks: at all keys that a token sees, at a window that ends with the token, or
 * at half of one to each side. */
#define SHADER_WINDOW_NONE  0
#define SHADER_WINDOW_PAST  1
#define SHADER_WINDOW_SIDES 2
/* What else attention and products have, as bits. */
#define SHADER_CAPPED   1 /* scores, results */
#define SHADER_SINKS    2
#define SHADER_TEMPERED 4 /* queries, by their position */
#define SHADER_BIASED   8
#define SHADER_SCALED   16
/* And of the device: see matmul.comp. */
#define SHADER_WHOLE_SUBGROUPS 32
#define SHADER_SLOW_DOTS       64
/* How experts are weighed: ModelGating. */
#define SHADER_GATING_SOFTMAX 1
#define SHADER_GATING_SIGMOID 2
/* Words before the first tile of pairs, and before a tile's pairs. */
#define SHADER_TILES_HEAD 4
#define SHADER_TILE_HEAD  2
/* Tokens of a run that a lane of conv.comp takes. */
#define SHADER_CONV_TILE 16
/* Columns that a workgroup of pack-half.comp takes. */
#define SHADER_PACK_COLUMNS 4
/* Which row of its table a token takes: GraphPick. */
#define SHADER_PICK_TOKEN    0
#define SHADER_PICK_POSITION 1
#define SHADER_PICK_FIRST    2
#define SHADER_PICK_ROW      3 /* its place in the batch */
/* What else becomes of keys and values, as bits. */
#define SHADER_HEADS_NORMED  1
#define SHADER_VALUES_NORMED 2 /* without weights */
#define SHADER_VALUE_IS_KEY  4 /* there is no v: it is k as it was */
#define SHADER_KV_SHARED     8 /* there are neither k nor v */

/* One weight matrix [rows][blocks * 32], in planes (weights.glsl says what each holds). */
SHADER_STRUCT ShaderWeights
{
  SHADER_PTR (Uvec4sIn)
  codes;
  SHADER_PTR (UintsIn)
  high; /* upper bits of codes, or the book that codes are indices into */
  SHADER_PTR (UintsIn)
  scales; /* per block */
  SHADER_PTR (UintsIn)
  supers; /* K types: per 256 weights */
}
SHADER_END (ShaderWeights)
SHADER_SIZE (ShaderWeights, 32)

/* The tokens of a batch, written by the host before each run. */
SHADER_STRUCT ShaderToken
{
  SHADER_U32 id;
  SHADER_U32 position;
  SHADER_U32 first_page; /* index into pages of the token's run */
  SHADER_U32 n_keys;     /* positions that it sees, from 0 on */
}
SHADER_END (ShaderToken)
SHADER_SIZE (ShaderToken, 16)

/* What is wanted of a batch, written by the host before each run. */
SHADER_STRUCT ShaderOutput
{
  SHADER_U32 row;
  SHADER_U32 first;  /* row of its run */
  SHADER_U32 n_rows; /* of its run */
  SHADER_U32 pad;
}
SHADER_END (ShaderOutput)
SHADER_SIZE (ShaderOutput, 16)

/* Tokens that follow each other in one timeline, and what recurrent layers keep of it, written by
 * the host before each run. */
SHADER_STRUCT ShaderRun
{
  SHADER_PTR (FloatsIn)
  from; /* read unless position is 0 */
  SHADER_PTR (Floats)
  to;
  SHADER_U32 first; /* row */
  SHADER_U32 n_tokens;
  SHADER_U32 position; /* of the first */
  SHADER_U32 pad;
}
SHADER_END (ShaderRun)
SHADER_SIZE (ShaderRun, 32)

/* dst[token][width] = (or +=) a row of weights times scale. Workgroups: tokens. */
SHADER_STRUCT ShaderEmbedPush
{
  ShaderWeights w;
  SHADER_PTR (TokensIn)
  tokens;
  SHADER_PTR (Floats)
  dst;
  SHADER_U32 blocks;
  SHADER_U32 width;
  SHADER_U32 group;  /* rows interleaved in the planes */
  SHADER_U32 row0;   /* where this matrix begins in its stack */
  SHADER_U32 stride; /* floats from row to row of dst, as in all that follows */
  SHADER_F32 scale;
}
SHADER_END (ShaderEmbedPush)
SHADER_SIZE (ShaderEmbedPush, 72)

/* dst[row][width] = (or +=) src[row][width] / rms * vector[width] * scale, then the sum times
 * factor; or the layer norm. Workgroups: (rows, parts of a row). */
SHADER_STRUCT ShaderNormPush
{
  SHADER_PTR (FloatsIn)
  src;
  SHADER_PTR (FloatsIn)
  vector;
  SHADER_PTR (Floats)
  dst;
  SHADER_PTR (FloatsIn)
  bias; /* of a layer norm that has one */
  SHADER_PTR (FloatsIn)
  factor; /* [1] */
  SHADER_U32 width;
  SHADER_F32 epsilon;
  SHADER_F32 scale;
  SHADER_U32 src_stride;
  SHADER_U32 dst_stride;
  SHADER_U32 vector_stride; /* from the vector of one part to the next, 0: all have the same */
}
SHADER_END (ShaderNormPush)
SHADER_SIZE (ShaderNormPush, 64)

/* Activations for the matrix kernels: src[rows][width] -> packed tiles of `columns` rows; see
 * pack.comp. Workgroups: tiles of columns. */
SHADER_STRUCT ShaderPackPush
{
  SHADER_PTR (FloatsIn)
  src;
  SHADER_PTR (Floats)
  dst; /* float dots: [tile][block][32][columns] */
  SHADER_PTR (Uints)
  codes; /* integer dots: [tile][block][column][8] */
  SHADER_PTR (Floats)
  scales; /* integer dots: [tile][block][column] (scale, scale * sum) */
  SHADER_U32 width;
  SHADER_U32 blocks;
  SHADER_U32 columns;
  SHADER_U32 stride;
}
SHADER_END (ShaderPackPush)
SHADER_SIZE (ShaderPackPush, 48)

/* dst[column][first + row] = (x[column] . weights[row] + bias) * scale, capped. Workgroups: (row
 * groups, tiles of columns). */
SHADER_STRUCT ShaderMatmulPush
{
  ShaderWeights w;
  SHADER_PTR (FloatsIn)
  x; /* packed */
  SHADER_PTR (Uvec4sIn)
  x_codes; /* integer dots */
  SHADER_PTR (FloatsIn)
  x_scales; /* integer dots */
  SHADER_PTR (Floats)
  dst;
  SHADER_PTR (FloatsIn)
  bias; /* [rows] */
  SHADER_U32 rows;
  SHADER_U32 blocks;
  SHADER_U32 stride; /* of columns */
  SHADER_U32 first;
  SHADER_U32 group;
  SHADER_U32 row0; /* of the weights: where this matrix begins in its stack */
  SHADER_F32 scale;
  SHADER_F32 cap;
}
SHADER_END (ShaderMatmulPush)
SHADER_SIZE (ShaderMatmulPush, 104)

/* route[token][2][used] = ids and weights, times scales[id], of the experts chosen by
 * logits[token]. Workgroups: tokens. */
SHADER_STRUCT ShaderRoutePush
{
  SHADER_PTR (FloatsIn)
  logits;
  SHADER_PTR (Uints)
  route;
  SHADER_PTR (FloatsIn)
  scales; /* [experts] where there are any */
  SHADER_U32 n_experts;
  SHADER_U32 used;
  SHADER_U32 stride; /* of logits */
  SHADER_U32 gating;
  SHADER_U32 norm_used; /* weights are made to sum up to 1 */
  SHADER_F32 scale;
}
SHADER_END (ShaderRoutePush)
SHADER_SIZE (ShaderRoutePush, 48)

/* Pairs of token and expert (pair p: choice p % used of token p / used) to tiles of one expert and
 * up to `columns` pairs. Workgroups: 1. */
SHADER_STRUCT ShaderSortPush
{
  SHADER_PTR (UintsIn)
  route;
  SHADER_PTR (Uints)
  counts; /* [experts] */
  SHADER_PTR (Uints)
  firsts; /* [experts] tiles */
  SHADER_PTR (Uints)
  tiles; /* their number, 3 words, then each: expert, n, pairs[columns] */
  SHADER_PTR (UintsIn)
  batch; /* ShaderBatch */
  SHADER_U32 n_experts;
  SHADER_U32 used;
  SHADER_U32 columns;
  SHADER_U32 pad;
}
SHADER_END (ShaderSortPush)
SHADER_SIZE (ShaderSortPush, 56)

/* ShaderPackPush for tiles of pairs. Workgroups: tiles. */
SHADER_STRUCT ShaderExpertsPackPush
{
  SHADER_PTR (FloatsIn)
  src;
  SHADER_PTR (Floats)
  dst;
  SHADER_PTR (Uints)
  codes;
  SHADER_PTR (Floats)
  scales;
  SHADER_U32 width;
  SHADER_U32 blocks;
  SHADER_U32 columns;
  SHADER_U32 stride;
  SHADER_PTR (UintsIn)
  tiles; /* or routes, see experts.glsl */
  SHADER_U32 used;
  SHADER_U32 by_pair; /* 1: src has a row a pair, 0: a row a token */
}
SHADER_END (ShaderExpertsPackPush)
SHADER_SIZE (ShaderExpertsPackPush, 64)

/* dst[pair][row] = x[column of the pair] . weights[expert][row]. Workgroups: (row groups,
 * tiles). */
SHADER_STRUCT ShaderExpertsPush
{
  ShaderWeights w;
  SHADER_PTR (FloatsIn)
  x; /* packed, or as it lies when x_stride is not 0 */
  SHADER_PTR (Uvec4sIn)
  x_codes;
  SHADER_PTR (FloatsIn)
  x_scales;
  SHADER_PTR (Floats)
  dst;
  SHADER_PTR (FloatsIn)
  bias; /* [experts][rows] */
  SHADER_PTR (UintsIn)
  tiles;
  SHADER_U32 rows; /* of one expert */
  SHADER_U32 blocks;
  SHADER_U32 stride;
  SHADER_U32 group;
  SHADER_U32 row0;
  SHADER_U32 used;
  SHADER_U32 by_pair;  /* 1: x has a row a pair, 0: a row a token */
  SHADER_U32 x_stride; /* of these rows; only with one column */
}
SHADER_END (ShaderExpertsPush)
SHADER_SIZE (ShaderExpertsPush, 112)

/* dst[token] = (or +=) scale * weighted sum of parts[token][used][width]. Workgroups: (groups of
 * columns, tokens). */
SHADER_STRUCT ShaderMixPush
{
  SHADER_PTR (FloatsIn)
  parts;
  SHADER_PTR (UintsIn)
  route;
  SHADER_PTR (Floats)
  dst;
  SHADER_U32 width;
  SHADER_U32 used;
  SHADER_U32 stride; /* of dst */
  SHADER_F32 scale;
}
SHADER_END (ShaderMixPush)
SHADER_SIZE (ShaderMixPush, 40)

/* ShaderMatmulPush for few columns on narrow devices; where there is but one, with the norms around
 * it; see matvec.comp. Workgroups: (groups of rows, groups of columns). */
SHADER_STRUCT ShaderMatvecPush
{
  ShaderWeights w;
  SHADER_PTR (FloatsIn)
  x;
  SHADER_PTR (Floats)
  dst; /* where the first row goes */
  SHADER_PTR (FloatsIn)
  squares; /* [n_squares] sums of squares of x before its norm's vector */
  SHADER_PTR (FloatsIn)
  vector; /* of the next norm */
  SHADER_PTR (Floats)
  normed; /* dst * vector */
  SHADER_PTR (Floats)
  squares_out; /* [workgroups] */
  SHADER_PTR (FloatsIn)
  bias; /* [rows] */
  SHADER_U32 rows;
  SHADER_U32 blocks;
  SHADER_U32 x_stride;
  SHADER_U32 row0;
  SHADER_U32 n_squares; /* 0: x needs no norm */
  SHADER_F32 width;     /* of x */
  SHADER_F32 epsilon;
  SHADER_F32 scale;
  SHADER_F32 cap;
  SHADER_U32 dst_stride;
}
SHADER_END (ShaderMatvecPush)
SHADER_SIZE (ShaderMatvecPush, 128)

/* Norms and rotates q and k in place, stores k and v of one layer. Workgroups: (tokens,
 * groups of KV heads). */
SHADER_STRUCT ShaderRopePush
{
  SHADER_PTR (Floats)
  qkv;
  SHADER_PTR (Uvec4s)
  kv; /* the layer's part of page 0 */
  SHADER_PTR (TokensIn)
  tokens;
  SHADER_PTR (UintsIn)
  pages;
  SHADER_PTR (FloatsIn)
  rotation; /* [token][d_rope / 2] (cos, sin) */
  SHADER_PTR (FloatsIn)
  q_norm; /* [d_key] where heads are normed */
  SHADER_PTR (FloatsIn)
  k_norm;
  SHADER_U32 page_units; /* 16-byte units from page to page */
  SHADER_U32 n_heads;
  SHADER_U32 n_heads_kv;
  SHADER_U32 d_key;
  SHADER_U32 d_value;
  SHADER_U32 d_rope;
  SHADER_U32 halves; /* 1: pairs (i, i + d_rope / 2), 0: pairs (2i, 2i + 1) */
  SHADER_U32 words;  /* 1: K is stored for attention-narrow.comp */
  SHADER_U32 stride;
  SHADER_U32 heads_each;    /* query heads that a workgroup takes */
  SHADER_U32 heads_kv_each; /* and the KV heads that they share */
  SHADER_F32 epsilon;
}
SHADER_END (ShaderRopePush)
SHADER_SIZE (ShaderRopePush, 104)

/* dst[token][head][d_value]. Workgroups: (tokens, KV heads, splits of the KV). */
SHADER_STRUCT ShaderAttentionPush
{
  SHADER_PTR (FloatsIn)
  qkv;
  SHADER_PTR (Uvec4sIn)
  kv;
  SHADER_PTR (TokensIn)
  tokens;
  SHADER_PTR (UintsIn)
  pages;
  SHADER_PTR (Floats)
  dst;
  SHADER_PTR (Floats)
  parts; /* [token][head][split of n_splits][2 + d_value]: max, sum, output */
  SHADER_PTR (UintsIn)
  batch; /* ShaderBatch */
  SHADER_PTR (FloatsIn)
  sinks; /* [n_heads] */
  SHADER_PTR (FloatsIn)
  rotation; /* as ShaderRopePush has it, for the kernel that stores too */
  SHADER_U32 page_units;
  SHADER_U32 n_heads;
  SHADER_U32 n_heads_kv;
  SHADER_U32 d_key;
  SHADER_U32 d_value;
  SHADER_U32 src_stride;
  SHADER_U32 dst_stride;
  SHADER_F32 scale;
  SHADER_F32 cap;
  SHADER_F32 temperature;
  SHADER_U32 temperature_floor; /* tokens */
  SHADER_U32 window;            /* tokens */
  SHADER_U32 d_rope;
  SHADER_U32 halves;
}
SHADER_END (ShaderAttentionPush)
SHADER_SIZE (ShaderAttentionPush, 128)

/* What varies from batch to batch and is the same for all tokens. */
SHADER_STRUCT ShaderBatch
{
  SHADER_U32 n_tokens;
  SHADER_U32 n_outputs;
  SHADER_U32 n_candidates;
  SHADER_U32 n_runs;
  /* Of the keys that a token sees, and of those in its window; 1: attention writes dst itself. */
  SHADER_U32 n_splits[2];
  SHADER_U32 pages_a_split[2];
  SHADER_U32 longest_run; /* tokens */
  SHADER_U32 pad;
}
SHADER_END (ShaderBatch)
SHADER_SIZE (ShaderBatch, 40)

/* dst[row][width] = act (src[row][width]) * up[row][width]; or src * sigmoid (up). Workgroups:
 * (rows, pieces of a row). */
SHADER_STRUCT ShaderGatePush
{
  SHADER_PTR (FloatsIn)
  src;
  SHADER_PTR (FloatsIn)
  up;
  SHADER_PTR (Floats)
  dst; /* may be src */
  SHADER_U32 width;
  SHADER_U32 piece;
  SHADER_U32 src_stride;
  SHADER_U32 up_stride;
  SHADER_U32 dst_stride;
  SHADER_U32 pad;
}
SHADER_END (ShaderGatePush)
SHADER_SIZE (ShaderGatePush, 48)

/* dst[token][channels] = sum over taps of src, then SiLU, or gated: see conv.comp. Workgroups:
 * (groups of channels, tiles of a run's tokens, runs). */
SHADER_STRUCT ShaderConvPush
{
  SHADER_PTR (FloatsIn)
  src;
  SHADER_PTR (FloatsIn)
  taps; /* [channels][taps] */
  SHADER_PTR (FloatsIn)
  bias; /* [channels] */
  SHADER_PTR (Floats)
  dst;
  SHADER_PTR (RunsIn)
  runs;
  SHADER_U32 channels;
  SHADER_U32 src_first;
  SHADER_U32 src_stride;
  SHADER_U32 dst_stride;
  SHADER_U32 state_first; /* in floats, as below */
  SHADER_U32 pad;
}
SHADER_END (ShaderConvPush)
SHADER_SIZE (ShaderConvPush, 64)

/* dst[token][head][width] of states of [rows][width] a head: see recur.comp. Workgroups: (groups of
 * columns, heads, runs). */
SHADER_STRUCT ShaderRecurPush
{
  SHADER_PTR (FloatsIn)
  src;
  SHADER_PTR (FloatsIn)
  also; /* numbers that decays and strengths are made of; gates of a state space from 0 on */
  SHADER_PTR (Floats)
  dst;
  SHADER_PTR (RunsIn)
  runs;
  SHADER_PTR (FloatsIn)
  steps; /* [heads], as the following */
  SHADER_PTR (FloatsIn)
  decays;
  SHADER_PTR (FloatsIn)
  skips;
  SHADER_U32 q_first; /* columns of src */
  SHADER_U32 k_first;
  SHADER_U32 v_first;
  SHADER_U32 decays_first; /* columns of also */
  SHADER_U32 strengths_first;
  SHADER_U32 rows;
  SHADER_U32 width;
  SHADER_U32 n_keys; /* key of a head: head / heads_each % n_keys */
  SHADER_U32 heads_each;
  SHADER_U32 src_stride;
  SHADER_U32 also_stride;
  SHADER_U32 dst_stride;
  SHADER_U32 state_first;
  SHADER_F32 epsilon;
}
SHADER_END (ShaderRecurPush)
SHADER_SIZE (ShaderRecurPush, 112)

/* dst[row][part][width], each part normed and times SiLU of its gates. Workgroups: (rows,
 * parts). */
SHADER_STRUCT ShaderGatedNormPush
{
  SHADER_PTR (Floats)
  dst;
  SHADER_PTR (FloatsIn)
  gates;
  SHADER_PTR (FloatsIn)
  vector; /* [width] */
  SHADER_U32 width;
  SHADER_U32 dst_stride;
  SHADER_U32 gates_stride;
  SHADER_F32 epsilon;
}
SHADER_END (ShaderGatedNormPush)
SHADER_SIZE (ShaderGatedNormPush, 40)

/* src[row]: of each head d_key queries and d_key gates, then others. Workgroups: (rows, pieces of a
 * row of src). */
SHADER_STRUCT ShaderSplitGatesPush
{
  SHADER_PTR (FloatsIn)
  src;
  SHADER_PTR (Floats)
  dst; /* queries, others */
  SHADER_PTR (Floats)
  gates;
  SHADER_U32 width; /* of src */
  SHADER_U32 n_heads;
  SHADER_U32 d_key;
  SHADER_U32 piece;
  SHADER_U32 src_stride;
  SHADER_U32 dst_stride;
  SHADER_U32 gates_stride;
  SHADER_U32 pad;
}
SHADER_END (ShaderSplitGatesPush)
SHADER_SIZE (ShaderSplitGatesPush, 56)

/* dst[i][width] = src[outputs[i].row][width], or the mean of its run's rows. Workgroups:
 * outputs. */
SHADER_STRUCT ShaderGatherPush
{
  SHADER_PTR (FloatsIn)
  src;
  SHADER_PTR (OutputsIn)
  outputs;
  SHADER_PTR (Floats)
  dst;
  SHADER_U32 width;
  SHADER_U32 src_stride;
  SHADER_U32 dst_stride;
  SHADER_U32 pad;
}
SHADER_END (ShaderGatherPush)
SHADER_SIZE (ShaderGatherPush, 40)

/* The three passes over a row of logits. Workgroups: (slices or 1, outputs). */
SHADER_STRUCT ShaderCandidatesPush
{
  SHADER_PTR (FloatsIn)
  logits; /* [output][vocab] */
  SHADER_PTR (Floats)
  slices; /* [output][SHADER_SLICES] (max, sum of exp (x - max)) */
  SHADER_PTR (Uints)
  result; /* [output]: count, threshold, lse, 0, then (id, logit) pairs */
  SHADER_PTR (UintsIn)
  batch;
  SHADER_U32 vocab;
  SHADER_U32 slice; /* logits per slice */
}
SHADER_END (ShaderCandidatesPush)
SHADER_SIZE (ShaderCandidatesPush, 40)
/* How the host's sampler will pick a token, as EnginePick has it; written by the host. */
SHADER_STRUCT ShaderPick
{
  SHADER_F32 temperature;
  SHADER_U32 top_k;
  SHADER_F32 top_p;
  SHADER_F32 min_p;
  SHADER_F32 penalty;
  SHADER_F32 uniform_number;
  SHADER_U32 n_recent;
  SHADER_U32 pad;
  SHADER_U32 recent[SHADER_MOST_RECENT];
}
SHADER_END (ShaderPick)
SHADER_SIZE (ShaderPick, 32 + 4 * SHADER_MOST_RECENT)

/* One workgroup. */
SHADER_STRUCT ShaderNextPush
{
  SHADER_PTR (UintsIn)
  result; /* of a row, as ShaderCandidatesPush has it */
  SHADER_PTR (UintsIn)
  pick; /* ShaderPick */
  SHADER_PTR (Uints)
  token; /* where its id goes */
}
SHADER_END (ShaderNextPush)
SHADER_SIZE (ShaderNextPush, 24)

/* 32-bit words of one output's result. */
#define SHADER_RESULT_WORDS (4 + 2 * SHADER_FOUND)

#endif

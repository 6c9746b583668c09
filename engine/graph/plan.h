/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The forward pass, said once: a straight list of ops built from a ModelDesc, before anything runs.
 * A back end turns a plan into what it executes (function pointers, recorded command buffers) and
 * replays it for each batch. There is no graph compiler and no planning per token.
 *
 * A plan may cover a range of layers only, so that a model can be split between devices: the part
 * with the embedding starts from token ids, the part with the output ends in candidates, or in
 * vectors in GRAPH_BUFFER_OUT for a model that writes no text, and GRAPH_BUFFER_X is what crosses
 * the boundary. Thread: a plan is immutable once built; any thread
 * may read it. */
#pragma once

#include "engine/model/model.h"

typedef enum {
#define GRAPH_OP(id, text) GRAPH_OP_##id,
#include "engine/graph/ops.def"
#undef GRAPH_OP
  GRAPH_N_OPS,
} GraphOpKind;

/* Activations, all f32, token-major: [rows][width]. */
typedef enum {
  GRAPH_BUFFER_X,          /* [max_tokens][d_model] the residual stream */
  GRAPH_BUFFER_NORMED,     /* [max_tokens][d_model] */
  GRAPH_BUFFER_QKV,        /* [max_tokens][n_heads*d_key + n_heads_kv*d_key + n_heads_kv*d_value] */
  GRAPH_BUFFER_ATTN,       /* [max_tokens][n_heads*d_value] */
  GRAPH_BUFFER_HIDDEN,     /* [max_tokens][d_ff] */
  GRAPH_BUFFER_OUT,        /* [max_outputs][d_model] gathered rows */
  GRAPH_BUFFER_OUT_NORMED, /* [max_outputs][d_model] */
  GRAPH_BUFFER_LOGITS,     /* [max_outputs][n_vocab] */
  GRAPH_N_BUFFERS,
  GRAPH_BUFFER_NONE = GRAPH_N_BUFFERS,
} GraphBuffer;

#define GRAPH_MAX_WEIGHTS 3

/* Which row of its table EMBED takes for a token. */
typedef enum {
  GRAPH_PICK_TOKEN,    /* its id */
  GRAPH_PICK_POSITION, /* its position, below the trained context */
  GRAPH_PICK_FIRST,    /* row 0: the type of all tokens */
} GraphPick;

typedef struct {
  GraphOpKind kind;
  gboolean output_rows; /* N is the number of output rows, not of tokens */
  GraphBuffer src, dst;
  uint32_t src_width, dst_width; /* floats per row of src and dst */
  uint32_t n_weights;
  const ModelTensor
      *weights[GRAPH_MAX_WEIGHTS]; /* [rows][columns = src_width]; side by side in dst */
  /* [rows] each, or NULL: MATMUL's, one a weight; the first is LAYER_NORM's too */
  const ModelTensor *biases[GRAPH_MAX_WEIGHTS];
  const ModelTensor
      *vector;         /* [width] f32 or f16: norm weights; rope_freqs or NULL for ROPE_STORE */
  uint32_t layer;      /* for ROPE_STORE and ATTENTION: index into the KV of this plan's model */
  gboolean accumulate; /* MATMUL, EMBED: dst += instead of dst = */
  gboolean activate;   /* MATMUL: the architecture's activation of the result; never accumulates */
  gboolean whole_run;  /* ATTENTION: not causal */
  GraphPick pick;      /* EMBED */
} GraphOp;

typedef struct {
  const ModelDesc *desc;                  /* borrowed */
  uint32_t max_tokens;                    /* rows of the token buffers: 1, 16 or the chunk */
  uint32_t max_outputs;                   /* rows of the output buffers */
  uint32_t buffer_width[GRAPH_N_BUFFERS]; /* floats per row; 0: not used by this plan */
  uint32_t n_ops;
  GraphOp *ops;
} GraphPlan;

/* layers [first, last); embedding and output as said above. Never fails: desc was checked. */
GraphPlan *graph_plan_build (const ModelDesc *desc,
                             uint32_t first_layer,
                             uint32_t last_layer,
                             gboolean embedding,
                             gboolean output,
                             uint32_t max_tokens,
                             uint32_t max_outputs);
void graph_plan_free (GraphPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GraphPlan, graph_plan_free)

/* Rows of a buffer: max_tokens or max_outputs. */
uint32_t graph_plan_buffer_rows (const GraphPlan *plan, GraphBuffer buffer);
/* One op a line, for people: "MATMUL NORMED[16][576] x attn_q|attn_k|attn_v -> QKV". Free with
 * g_free. */
char *graph_plan_print (const GraphPlan *plan);

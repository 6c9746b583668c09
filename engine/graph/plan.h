/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The forward pass, said once: a straight list of ops built from a ModelDesc, before anything runs.
 * A back end turns a plan into what it executes (function pointers, recorded command buffers) and
 * replays it for each batch. There is no graph compiler and no planning per token.
 *
 * A plan that has the embedding starts from token ids, one that has the output ends in candidates,
 * or in vectors in GRAPH_BUFFER_OUT for a model that writes no text. Between devices a model is
 * split by engine/split, which makes two plans in segments of one. Thread: a plan is immutable once
 * built; any thread may read it. */
#pragma once

#include "engine/model/model.h"

typedef enum {
#define GRAPH_OP(id, traits, text) GRAPH_OP_##id,
#include "engine/graph/ops.def"
#undef GRAPH_OP
  GRAPH_N_OPS,
} GraphOpKind;

/* What an op does beside reading src and writing dst. */
typedef enum {
  GRAPH_READS_DST = 1 << 0, /* always; other ops do when they accumulate */
  GRAPH_READS_ALSO = 1 << 1,
  GRAPH_WRITES_ALSO = 1 << 2,
  GRAPH_READS_ROUTE = 1 << 3,
  GRAPH_USES_KV = 1 << 4,
  GRAPH_KEEPS_STATE = 1 << 5,
  GRAPH_OF_EXPERTS = 1 << 6, /* goes where the experts of its layer lie */
} GraphTraits;

extern const GraphTraits graph_op_traits[GRAPH_N_OPS];

/* Activations, all f32, token-major: [rows][width]. */
typedef enum {
  GRAPH_BUFFER_X,          /* [max_tokens][d_model] the residual stream */
  GRAPH_BUFFER_NORMED,     /* [max_tokens][d_model] */
  GRAPH_BUFFER_QKV,        /* [max_tokens][n_heads*d_key + n_heads_kv*(d_key + d_value)] */
  GRAPH_BUFFER_ATTN,       /* [max_tokens][n_heads*d_value] */
  GRAPH_BUFFER_HIDDEN,     /* [max_tokens][d_ff or d_ff_shared] */
  GRAPH_BUFFER_WIDE,       /* [max_tokens][2 * d_ff] gate and up made by one matrix */
  GRAPH_BUFFER_DELTA,      /* [max_tokens][d_model] a result to be normed before it is added */
  GRAPH_BUFFER_ROUTER,     /* [max_tokens][n_experts] logits */
  GRAPH_BUFFER_ROUTE,      /* [max_tokens][2 * n_experts_used] */
  GRAPH_BUFFER_EXPERTS,    /* [max_tokens][n_experts_used * d_ff_expert] */
  GRAPH_BUFFER_MIX,        /* [max_tokens][what a layer's mixer is made of] */
  GRAPH_BUFFER_CONV,       /* [max_tokens][channels] */
  GRAPH_BUFFER_GATES,      /* [max_tokens][2 * n_state_heads, or 1 of a shared expert] */
  GRAPH_BUFFER_Z,          /* [max_tokens][heads * their width] gates of a mixer's result */
  GRAPH_BUFFER_BRANCHES,   /* [max_tokens][d_model] the sum of two results, each normed */
  GRAPH_BUFFER_INPUTS,     /* [max_tokens][n_layers * d_layer_input] of each layer */
  GRAPH_BUFFER_OUT,        /* [max_outputs][d_model] gathered rows */
  GRAPH_BUFFER_OUT_NORMED, /* [max_outputs][d_model], or what is between two dense heads */
  GRAPH_BUFFER_LOGITS,     /* [max_outputs][n_vocab] */
  GRAPH_N_BUFFERS,
  GRAPH_BUFFER_NONE = GRAPH_N_BUFFERS,
} GraphBuffer;

typedef uint32_t GraphBuffers; /* a set of them */
#define GRAPH_BUFFER_BIT(buffer) ((GraphBuffers) 1 << (buffer))

#define GRAPH_MAX_WEIGHTS 3
/* Vectors that an op may have: its biases and six more. */
#define GRAPH_MAX_VECTORS (GRAPH_MAX_WEIGHTS + 6)

/* Which row of its table EMBED takes for a token. */
typedef enum {
  GRAPH_PICK_TOKEN,    /* its id */
  GRAPH_PICK_POSITION, /* its position, below the trained context */
  GRAPH_PICK_FIRST,    /* row 0: the type of all tokens */
} GraphPick;

/* Layers without a sliding window keep the keys and values of all positions, those with one only of
 * the last: each group has its own pages. */
typedef enum {
  GRAPH_KV_FULL,
  GRAPH_KV_WINDOW,
  GRAPH_N_KV_GROUPS,
} GraphKvGroup;

/* Blocks of a plan that are no layers. */
#define GRAPH_BLOCK_EMBEDDING (UINT32_MAX - 1)
#define GRAPH_BLOCK_OUTPUT    UINT32_MAX

/* Rows of a buffer lie plan->buffer_width[buffer] floats apart, whatever an op's widths are. */
typedef struct {
  GraphOpKind kind;
  uint32_t block;       /* the layer that it belongs to, or one of those above */
  gboolean output_rows; /* N is the number of output rows, not of tokens */
  GraphBuffer src, dst;
  uint32_t src_width, dst_width; /* floats of a row of src and dst that the op uses, from 0 on */
  uint32_t n_weights;
  const ModelTensor
      *weights[GRAPH_MAX_WEIGHTS]; /* [rows][columns = src_width]; side by side in dst */
  /* [rows] each, or NULL: MATMUL's and GATED's, one a weight; the first is LAYER_NORM's too.
   * EXPERTS_…: [experts][rows] */
  const ModelTensor *biases[GRAPH_MAX_WEIGHTS];
  const ModelTensor *vector; /* [width] f32 or f16: norm weights; ROPE_STORE: q's norm or NULL;
                                ATTENTION: sinks [n_heads] or NULL */
  const ModelTensor *k_norm; /* ROPE_STORE: [d_key] or NULL */
  const ModelTensor *factor; /* NORM that accumulates: [1] or NULL */
  uint32_t n_parts;          /* NORM: of a row, each of the widths given; vector has a row for
                                each, or one for all; 0: one */
  gboolean accumulate;       /* MATMUL, EMBED, NORM, EXPERTS_DOWN: dst += instead of dst = */
  gboolean activate;         /* MATMUL: the architecture's activation of the result; never
                                accumulates */
  float scale;               /* EMBED, NORM, MATMUL, EXPERTS_DOWN: of the result; 1: none */
  float cap;                 /* MATMUL: result = cap * tanh (result / cap); ATTENTION: scores */
  gboolean whole_run;        /* ATTENTION: not causal */
  GraphPick pick;            /* EMBED */
  /* EMBED: the table is far larger than what is read of it and stays in the file, whose rows a back
   * end reads for each batch. One op of a plan at most, and its pick is that of tokens */
  gboolean from_file;
  GraphBuffer route;        /* EXPERTS_…: where ROUTE left its choice */
  GraphBuffer also[2];      /* further buffers, see ops.def; or GRAPH_BUFFER_NONE */
  uint32_t also_first;      /* GATE: column of also[0] */
  uint32_t src_first;       /* CONV: columns of src before those that it uses */
  const ModelTensor *step;  /* DELTA_NET, SSM: [heads] added to the gates of decay, the steps */
  const ModelTensor *decay; /* DELTA_NET, SSM: [heads] */
  const ModelTensor *skip;  /* SSM: [heads] */
  uint32_t state_first;     /* CONV, DELTA_NET, SSM: of a timeline's state, in floats */
  gboolean norm_values;     /* ROPE_STORE: each head's value is normed, without weights */
  gboolean value_is_key;    /* ROPE_STORE: src has no v; it is k before its norm and rotation */
  /* ROPE_STORE, ATTENTION: src has q alone; keys and values are those that an earlier layer left */
  gboolean shares_kv;
  /* ROPE_STORE and ATTENTION */
  GraphKvGroup group;
  uint32_t layer; /* index into the KV of that group of this plan's model */
  uint32_t n_heads, n_heads_kv, d_key, d_value;
  uint32_t rotation;      /* index into the description's, or MODEL_NO_ROTATION */
  uint32_t window_tokens; /* see ModelLayer; 0: all */
} GraphOp;

/* What some ops need beyond what every back end does; a back end says what it has. */
typedef enum {
  GRAPH_NEEDS_WINDOW = 1 << 0,     /* sliding windows, and their own KV pages */
  GRAPH_NEEDS_ATTENTION = 1 << 1,  /* caps, sinks, temperature; heads that differ by layer */
  GRAPH_NEEDS_QK_NORM = 1 << 2,    /* in ROPE_STORE */
  GRAPH_NEEDS_SCALES = 1 << 3,     /* scale, cap of MATMUL and EMBED, accumulating NORM */
  GRAPH_NEEDS_GATE = 1 << 4,       /* GATE, biases in GATED, the gate of gpt-oss */
  GRAPH_NEEDS_EXPERTS = 1 << 5,    /* ROUTE, EXPERTS_… */
  GRAPH_NEEDS_RECURRENCE = 1 << 6, /* states beside KV */
  /* NORM of parts or with a factor, EMBED from the file, GATE with another buffer, normed values,
   * shared keys */
  GRAPH_NEEDS_LAYER_INPUTS = 1 << 7,
  GRAPH_NEEDS_SSM = 1 << 8, /* SSM, CONV with a bias or inside of src */
} GraphNeeds;

/* A piece of a plan that runs by itself (EngineBatch.segment): a plan with several has some of the
 * ops of a longer one, and what lies between them is done elsewhere. */
typedef struct {
  uint32_t end;         /* of its ops: the index behind the last */
  GraphBuffers imports; /* written from outside before it begins */
  GraphBuffers exports; /* read from outside when it has ended */
} GraphSegment;

typedef struct {
  const ModelDesc *desc;                  /* borrowed */
  uint32_t max_tokens;                    /* rows of the token buffers: 1, 16 or the chunk */
  uint32_t max_outputs;                   /* rows of the output buffers */
  uint32_t buffer_width[GRAPH_N_BUFFERS]; /* floats per row; 0: not used by this plan */
  uint32_t n_kv_layers[GRAPH_N_KV_GROUPS];
  uint32_t state_floats; /* of a timeline, beside its pages */
  GraphNeeds needs;
  uint32_t n_ops;
  GraphOp *ops;
  uint32_t n_segments; /* 0: all ops are one */
  GraphSegment *segments;
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

/* Whether heads, group and layer are set: keys and values are written or read. */
static inline gboolean
graph_op_uses_kv (const GraphOp *op)
{
  return (graph_op_traits[op->kind] & GRAPH_USES_KV) != 0;
}

static inline uint32_t
graph_op_n_parts (const GraphOp *op)
{
  return MAX (op->n_parts, 1);
}

GraphNeeds graph_op_needs (const ModelDesc *desc, const GraphOp *op);
/* The vectors that it has, and how many: all that is loaded for it beside its weights. */
uint32_t graph_op_vectors (const GraphOp *op, const ModelTensor *vectors[GRAPH_MAX_VECTORS]);
/* The buffers of which it reads, or writes, something. */
GraphBuffers graph_op_reads (const GraphOp *op);
GraphBuffers graph_op_writes (const GraphOp *op);

/* Whether what a buffer holds after op i is read later, by ops of the plan or from outside. */
gboolean graph_plan_is_read_after (const GraphPlan *plan, uint32_t i, GraphBuffer buffer);
uint32_t graph_plan_n_segments (const GraphPlan *plan);
/* Index of a segment's first op; of the segment n_segments: the number of ops. */
uint32_t graph_plan_segment_first (const GraphPlan *plan, uint32_t segment);
/* Whether op i is the first of a segment. */
gboolean graph_plan_starts_segment (const GraphPlan *plan, uint32_t i);

/* Whether its rows are those of the batch's outputs, and not of its tokens. */
gboolean graph_buffer_is_output (GraphBuffer buffer);
/* Rows of a buffer: max_tokens or max_outputs. */
uint32_t graph_plan_buffer_rows (const GraphPlan *plan, GraphBuffer buffer);
/* One op a line, for people: "MATMUL NORMED[16][576] x attn_q|attn_k|attn_v -> QKV". Free with
 * g_free. */
char *graph_plan_print (const GraphPlan *plan);

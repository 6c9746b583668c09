/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the CPU back end share: packed weights, quantised activations, the work that a
 * kernel is handed, the table of kernels of a tier, and the life of backend, model and executable.
 * Nothing outside engine/cpu (and its tests) includes this. */
#pragma once

#include "engine/cpu/cpu.h"
#include "engine/cpu/knee.h"
#include "engine/cpu/pool.h"

#include <stdatomic.h>

/* ---- packed weights ------------------------------------------------------------------------- */

/* A strip is `lanes` consecutive rows, so that one vector lane is one row. Inside a strip the
 * columns go in blocks of 32 (see layout.h for each format). Rows that are missing in the last
 * strip are zero. */
#define CPU_BLOCK     32
#define CPU_MAX_LANES 16

typedef enum {
  CPU_FORMAT_FILE, /* rows as they lie in the file: any type, f32 activations */
  CPU_FORMAT_F32,
  CPU_FORMAT_F16,
  CPU_FORMAT_BF16,
  CPU_FORMAT_Q4_0,
  CPU_FORMAT_Q4_1,
  CPU_FORMAT_Q5_0,
  CPU_FORMAT_Q5_1,
  CPU_FORMAT_Q8_0,
  CPU_FORMAT_Q2_K,
  CPU_FORMAT_Q3_K,
  CPU_FORMAT_Q4_K,
  CPU_FORMAT_Q5_K,
  CPU_FORMAT_Q6_K,
  CPU_FORMAT_IQ4_NL,
  CPU_FORMAT_IQ4_XS,
  CPU_FORMAT_MXFP4,
  CPU_FORMAT_EXPANDED, /* rows as they lie in the file, taken apart each time they are read */
  CPU_FORMAT_CODES,    /* signed bytes as they are: values of KV pages, no tensors */
  CPU_N_FORMATS,
} CpuFormat;

typedef struct {
  const ModelTensor *tensor; /* [rows][columns], or [matrices][rows][columns] */
  CpuFormat format;
  uint32_t lanes;
  uint32_t rows, columns;
  uint32_t n_matrices; /* experts; else 1 */
  uint32_t n_strips;   /* of one matrix: no strip has rows of two */
  size_t strip_bytes;
  size_t strip_stride; /* ≥ strip_bytes: gate and up alternate, strip by strip */
  size_t offset;       /* of strip 0 in the model's weight memory */
  uint8_t *data;       /* of strip 0 */
} CpuWeight;

/* The format that a tier with `lanes` keeps a tensor type in; lanes 1: as in the file. */
CpuFormat cpu_pack_format (const ModelTypeInfo *type, uint32_t lanes);
size_t cpu_pack_strip_bytes (CpuFormat format, const ModelTypeInfo *type, uint32_t lanes,
                             uint32_t columns);
/* rows: n_rows (≤ lanes) rows of the file, one after another. strip: written whole. */
void cpu_pack_strip (CpuFormat format, const ModelTypeInfo *type, uint32_t lanes, uint32_t columns,
                     const uint8_t *rows, uint32_t n_rows, uint8_t *strip);
/* A row as floats, the same as the file's. dst: [columns]. */
void cpu_pack_row_to_f32 (const CpuWeight *weight, uint32_t row, float *dst);
/* A strip of CPU_FORMAT_EXPANDED (as stored: rows of the file) as products read it. dst:
 * lanes * columns / 32 * CPU_EXPANDED_BLOCK_BYTES. */
void cpu_pack_expand (const CpuWeight *weight, const uint8_t *strip, uint8_t *dst);
#define CPU_EXPANDED_BLOCK_BYTES 40 /* of a lane's 32 columns: codes and two scales */
/* Whether kernels of the format multiply quantised activations. */
gboolean cpu_format_is_quantised (CpuFormat format);

/* ---- activations ---------------------------------------------------------------------------- */

/* 32 activations as the integer kernels read them: value = scale * q, q = 128 * high + low, within
 * ±CPU_ACT_MAX. Two bytes and not one: with 8 bits the rounding moves log-probabilities by 0.07,
 * so that greedy answers part from the exact ones, and those of a graphics card, within a few
 * tokens; with 14 bits and a sign the difference is lost in that of the order of sums. high is at
 * most ±127 and low lies in -64 .. 63, which keeps 16-bit sums of AVX2 from saturating.
 * Models that make vectors write no tokens: theirs have one byte, low is all 0 and nobody reads it
 * (the vectors are then 1e-4 from the exact ones, and search finds the same: README.md). */
#define CPU_ACT_BASE 128
#define CPU_ACT_MAX  16256

/* Products in pairs take codes of columns 8i+4 .. 8i+7 with so much more, in both bytes: a token
 * has the sum of low[8i+t] low[8i+4+t] + CPU_PAIR_BIAS q[8i+4+t] too much then. */
#define CPU_PAIR_BIAS 64

typedef struct {
  float scale;
  float scaled_sum;       /* scale * (sum of all q), for formats with a minimum */
  int32_t sum;            /* of all q: takes back the bias of unsigned codes */
  int32_t sum_low;        /* of q[0..15] */
  int32_t pairs;          /* AVX-512: what products in pairs (panels.h) add too much, and that of */
  int32_t pairs_low;      /* q[0..15]; see CPU_PAIR_BIAS */
  int8_t q[2][CPU_BLOCK]; /* high, low */
} CpuActBlock;

/* ---- kernels -------------------------------------------------------------------------------- */

/* Some strips of a weight times some columns (tokens). */
typedef struct {
  const CpuWeight *weight;
  const CpuWeight *up; /* GATED: weight is the gate; same rows and format. Else NULL */
  ModelActivation activation;
  gboolean activate;    /* the result; GATED: only the gate, always */
  const float *bias;    /* [rows of weight] or NULL */
  const float *up_bias; /* [rows of up] or NULL */
  float scale;          /* of products and bias */
  float cap;            /* then result = cap * tanh (result / cap); 0: none; not with up */
  uint32_t first_strip, n_strips;
  const void *act;   /* CpuActBlock[n_columns][columns / 32] or float[n_columns][columns] */
  size_t act_stride; /* bytes from one token to the next */
  uint32_t n_tokens;
  float *dst;        /* [n_tokens][dst_stride], at row 0 of the weight */
  size_t dst_stride; /* floats */
  /* [n_tokens]: where a token's activations and results lie, in strides; NULL: one after another */
  const uint32_t *act_rows, *dst_rows;
  gboolean accumulate;
  gboolean one_byte;   /* of CpuActBlock: low is 0 */
  gboolean in_pairs;   /* where the tier has that: cpu_adds_beside () */
  gboolean asks_ahead; /* for weights of one token: cpu_stops_at_pages () */
  float *scratch;      /* CPU_FORMAT_FILE: [columns]; CPU_FORMAT_EXPANDED: two strips */
} CpuMatmulWork;

typedef void (*CpuMatmulFunc) (const CpuMatmulWork *work);

static inline const void *
cpu_work_act (const CpuMatmulWork *work, uint32_t token)
{
  uint32_t row = work->act_rows != NULL ? work->act_rows[token] : token;

  return (const char *) work->act + row * work->act_stride;
}

static inline float *
cpu_work_dst (const CpuMatmulWork *work, uint32_t token)
{
  uint32_t row = work->dst_rows != NULL ? work->dst_rows[token] : token;

  return work->dst + row * work->dst_stride;
}

/* One page of keys and values against some rows of queries. A row's result is merged into its
 * running state, in page order: the same bits whether pages are visited by one worker or by
 * many. */
typedef struct {
  uint32_t n_rows, d_key, d_value;
  const float *q;                /* [n_rows][d_key], times the attention scale */
  const CpuActBlock *q_act;      /* the same, quantised, where CpuKvKernels wants that */
  uint8_t *k, *v;                /* of the head in the page */
  const uint8_t *next_k;         /* in the page that comes next, or NULL */
  const CpuMatmulFunc *products; /* of the tier */
  /* [n_rows] a row sees the keys from … to of the page, 0 ≤ from ≤ to ≤ 64; none when equal */
  const uint32_t *from, *to;
  float cap;        /* scores become cap * tanh (score / cap); 0: none */
  float *max, *sum; /* [n_rows] running; -inf and 0 at the start */
  float *out;       /* [n_rows][d_value] running, not yet divided by sum */
  float *scratch;   /* cpu_attention_scratch_floats () */
} CpuAttendWork;

/* A type of keys and values on a tier: how those of a head lie in a page of 64 tokens (the keys,
 * then the values) is between these three. slot: of the token, in the page. */
typedef struct {
  void (*store_key) (const float *k, uint32_t d_key, uint32_t slot, uint8_t *to);
  void (*store_value) (const float *v, uint32_t d_value, uint32_t slot, uint8_t *to);
  void (*attend) (const CpuAttendWork *work);
  gboolean multiplies_integers; /* attend reads q_act and not q */
} CpuKvKernels;

/* One step of a linear recurrence: after[i][j] = decay * before[i][j] + k[i] * v[j], and out[j] is
 * the sum over i of q[i] * after[i][j]. */
typedef struct {
  uint32_t n_rows, n;  /* i, j */
  const float *before; /* [n_rows][n] */
  float *after;        /* the same or apart from it */
  float decay;
  const float *k, *q; /* [n_rows] */
  const float *v;     /* [n] */
  float *out;         /* [n] */
} CpuRecurWork;

/* Some channels of a token, convolved: dst[n] = bias + the sum over taps of taps[i] * rows[i]. */
typedef struct {
  uint32_t n_taps, n;
  const float *const *rows; /* [n_taps][n], oldest first */
  const float *taps;        /* [n_taps][n] */
  const float *bias;        /* [n] or NULL */
  gboolean activate;        /* SiLU */
  float *dst;
} CpuConvolveWork;

typedef struct {
  CpuTier tier;
  uint32_t lanes;
  const CpuMatmulFunc *matmul; /* [CPU_N_FORMATS] */
  /* dst[n] = src / rms (src) * weight; dst may be src */
  void (*norm) (const float *src, const float *weight, float epsilon, uint32_t n, float *dst);
  /* dst[n] = (src - mean) / deviation * weight + bias (NULL: 0); dst may be src */
  void (*layer_norm) (const float *src, const float *weight, const float *bias, float epsilon,
                      uint32_t n, float *dst);
  /* dst[n] = act (gate) * up; dst may be gate */
  void (*gate) (ModelActivation activation, const float *gate, const float *up, uint32_t n,
                float *dst);
  /* n: a multiple of 32; one_byte: low is 0 */
  void (*quantise) (const float *src, uint32_t n, gboolean one_byte, CpuActBlock *dst);
  /* x[n] rotated in place; cosine and sine [n / 2]. Pairs (2i, 2i+1), or (i, i + n/2) when
   * halves. */
  void (*rope) (float *x, const float *cosine, const float *sine, uint32_t n, gboolean halves);
  /* dst[n] = src * factor */
  void (*scale) (const float *src, float factor, uint32_t n, float *dst);
  /* dst[n] = the sum over i of weights[i] * rows[i] */
  void (*sum_rows) (const float *weights, const float *rows, uint32_t n_rows, uint32_t n,
                    float *dst);
  void (*recur) (const CpuRecurWork *work);
  void (*convolve) (const CpuConvolveWork *work);
  CpuKvKernels kv[MODEL_N_KV_TYPES];
  /* state of one row += another, see CpuAttendWork */
  void (*merge) (float *max, float *sum, float *out, float other_max, float other_sum,
                 const float *other_out, uint32_t d_value);
  /* *max of x[n], and *sum of exp (x - *max) */
  void (*max_sum_exp) (const float *x, uint32_t n, float *max, float *sum);
  /* The most multiply-adds of bytes that this tier can do, from registers alone, some in each of
   * rounds; returns how many. *sum is of no use but to have them done. */
  uint64_t (*multiply_bytes) (uint32_t rounds, int32_t *sum);
} CpuKernels;

extern const CpuKernels cpu_kernels_portable;
#if defined(__x86_64__)
extern const CpuKernels cpu_kernels_avx2, cpu_kernels_avx_vnni, cpu_kernels_avx512,
    cpu_kernels_amx;
#endif
const CpuKernels *cpu_kernels (CpuTier tier);

/* Shared by the tiers: the reference product for rows in file format. */
void cpu_matmul_file (const CpuMatmulWork *work);
size_t cpu_attention_scratch_floats (uint32_t n_rows, uint32_t d_key, uint32_t d_value);

/* ---- backend, model, executable ------------------------------------------------------------- */

typedef struct {
  EngineBackend base;
  EngineBackendCaps caps;
  const CpuKernels *kernels;
  CpuPool *pool;
  gboolean finds_knee;  /* of the threads that one token needs */
  char kept_layout[24]; /* rounded keys and values lie as products of the tier read them */
} CpuBackend;

/* Keys and values of the layers of one group: pages of 64 tokens of all of them. A layer's heads
 * follow one another in its part of a page, each with its keys and then its values. */
typedef struct {
  ModelKvType type;
  uint32_t n_layers; /* of the plan */
  size_t *offset;    /* [n_layers + 1] of a layer's part of a page; the last: page_bytes */
  size_t page_bytes;
  uint32_t n_pages;
  uint8_t *data;
} CpuKv;

/* Of one head's keys in a page, and of the whole head. */
static inline size_t
cpu_kv_key_bytes (ModelKvType type, const GraphOp *op)
{
  return model_kv_type_bytes (type, (size_t) ENGINE_PAGE_TOKENS * op->d_key);
}

static inline size_t
cpu_kv_head_bytes (ModelKvType type, const GraphOp *op)
{
  return cpu_kv_key_bytes (type, op) +
         model_kv_type_bytes (type, (size_t) ENGINE_PAGE_TOKENS * op->d_value);
}

typedef struct {
  EngineBackendModel base;
  CpuBackend *backend;
  GHashTable *weights; /* const ModelTensor * → CpuWeight *, owned */
  GHashTable *vectors; /* const ModelTensor * → float *, owned */
  uint8_t *weight_memory;
  size_t weight_bytes;
  size_t vector_bytes;
  CpuKv kv[GRAPH_N_KV_GROUPS];
  float *states; /* [n_states][state_floats] */
  size_t state_floats, n_states;
  size_t scratch_bytes; /* of the executables that live */
} CpuModel;

/* Keys of a head of a ROPE_STORE or ATTENTION op's layer; its values follow. */
static inline uint8_t *
cpu_kv_head (const CpuModel *model, const GraphOp *op, uint32_t page, uint32_t head)
{
  const CpuKv *kv = &model->kv[op->group];

  return kv->data + page * kv->page_bytes + kv->offset[op->layer] +
         head * cpu_kv_head_bytes (kv->type, op);
}

EngineBackendModel *cpu_model_load (EngineBackend *backend, const GraphPlan *plan,
                                    const EngineKvSize *kv,
                                    EngineProgress progress, void *user_data, const gint *cancel,
                                    GError **error);
void cpu_model_unload (EngineBackendModel *model);
/* What it holds; and what load and one executable of plan would hold. */
void cpu_model_bytes (const CpuModel *model, EngineBytes *bytes);
gboolean cpu_model_measure (EngineBackend *backend, const GraphPlan *plan, const EngineKvSize *kv,
                            EngineBytes *bytes, GError **error);

typedef struct _CpuStep CpuStep;
typedef struct _CpuExecutable CpuExecutable;
typedef struct _CpuRun CpuRun;

#define CPU_CACHE_LINE 64

/* To whole lines of the cache, which are also what vectors are aligned to. */
static inline size_t
cpu_align_up (size_t bytes)
{
  return (bytes + CPU_CACHE_LINE - 1) / CPU_CACHE_LINE * CPU_CACHE_LINE;
}

/* Everything of a step is done in units that any worker may take, in any order. */
typedef uint32_t (*CpuUnitsFunc) (CpuRun *run, const CpuStep *step);
typedef void (*CpuWorkFunc) (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit);

struct _CpuStep {
  CpuUnitsFunc units; /* 0: there is nothing to do, nor to wait for */
  CpuWorkFunc work;
  /* by each worker that has work, before its first unit; or NULL */
  void (*begin) (CpuRun *run, const CpuStep *step, unsigned worker);
  const GraphOp *op;
  uint32_t n_weights;
  const CpuWeight *weights[GRAPH_MAX_WEIGHTS];
  const float *vector, *k_norm, *factor;
  const float *steps, *decay, *skip; /* DELTA_NET, SSM */
  const float *biases[GRAPH_MAX_WEIGHTS];
  unsigned src, dst;        /* GraphBuffer, or CPU_BUFFER_UP */
  gboolean gated;           /* the two weights make one result */
  gboolean write_quantised; /* also leaves the quantised form of dst */
  uint32_t rope_table;      /* which cosine and sine table; of ROPE_STORE */
  const CpuStep *before;    /* NORM before its only product, ROPE_STORE before ATTENTION */
  gboolean joined;          /* the step after does this one's work when there are few rows */
};

/* Up to so many rows a step's preparation (norm, quantising, rotation) is done by every worker for
 * itself: that takes less time than to wait for another. */
#define CPU_FEW_ROWS 4

/* What attention over one page leaves for one query head, when pages are spread over workers. */
typedef struct {
  uint32_t n_pages; /* at most, of a timeline */
  float *max, *sum; /* [CPU_FEW_ROWS][n_heads][n_pages] with the op's heads */
  float *out;       /* [CPU_FEW_ROWS][n_heads][n_pages][d_value] */
} CpuPartial;

/* The plan's buffers and two more: products of up, where gate and up are of different formats, and
 * what each expert makes of a token, before the sum. */
enum {
  CPU_BUFFER_UP = GRAPH_N_BUFFERS,
  CPU_BUFFER_PARTS, /* [max_tokens][n_experts_used * d_model] */
  CPU_N_BUFFERS,
};

/* Pairs of a token and an expert that it uses: pair p is choice p % used of token p / used. */
#define CPU_GROUP_PAIRS 96 /* a multiple of every kernel's tile */

typedef struct {
  uint32_t expert, first /* of the sorted pairs */, n_pairs;
  gboolean is_first; /* of its expert's groups */
} CpuExpertGroup;

/* The pairs of the last ROUTE, sorted by expert. */
typedef struct {
  uint32_t n_groups;
  CpuExpertGroup *groups;
  uint32_t *pairs, *tokens; /* [max_tokens * used] */
  uint32_t *next;           /* [n_experts] */
  atomic_size_t bytes_read; /* of experts' weights, by the run */
} CpuExperts;

/* That n_tokens can make at most. */
static inline uint32_t
cpu_most_groups (const ModelHparams *h, uint32_t n_tokens)
{
  uint32_t n_pairs = n_tokens * h->n_experts_used;

  return MIN (n_pairs, h->n_experts) + n_pairs / CPU_GROUP_PAIRS;
}

/* A batch in progress. */
struct _CpuRun {
  CpuExecutable *executable;
  const CpuKernels *kernels;
  const EngineBatch *batch;
  EngineResult *result;
  const gint *cancel;
  unsigned n_workers;
  uint32_t end; /* the step behind the last of the batch's segment */
  atomic_bool cancelled;
};

/* What workers of a run change and wait for. Lines of the cache go from core to core (0.2 µs where
 * these share no cache), so nothing else lies in this one. */
typedef struct {
  _Alignas (CPU_CACHE_LINE) CpuPoolWord open; /* the step, see run.c */
  atomic_uint done;                           /* units of it */
} CpuProgress;

struct _CpuExecutable {
  EngineBackendExecutable base;
  CpuModel *model;
  const GraphPlan *plan;  /* borrowed */
  uint64_t n_positions;   /* that EMBED has rows for */
  const GraphOp *file_op; /* EMBED whose rows are read from the file for each batch, or NULL */
  uint8_t *file_rows;     /* [max_tokens] of them, as the file has them */
  /* The largest sliding window of layers whose keys lie in the pages of GRAPH_KV_WINDOW. */
  uint32_t window_tokens;
  gboolean one_byte;             /* of quantised activations */
  gboolean in_pairs, asks_ahead; /* products */
  uint32_t n_steps;
  CpuStep *steps;
  uint32_t *segment_first; /* [segments + 1] a segment's first step; the last: n_steps */
  CpuRun run;
  CpuKnee knee;                 /* of runs of one token */
  CpuProgress *progress;        /* what is going on */
  CpuPoolWord *shares;          /* [workers][shares_stride], those of a run's workers in use */
  size_t shares_stride;         /* ≥ n_steps */
  float *buffer[CPU_N_BUFFERS]; /* [rows][width] */
  uint32_t width[CPU_N_BUFFERS];
  CpuActBlock *quantised[CPU_N_BUFFERS]; /* [rows][width / 32]; NULL: nobody reads it */
  GArray *rotations;                     /* uint32_t: the rotations in use, one table each */
  /* [rotations][max_tokens][d_rope]: d_rope/2 cosines and as many sines, d_rope the largest */
  float *rope;
  uint32_t d_rope;
  uint8_t *worker_scratch;
  size_t worker_scratch_bytes; /* of one worker */
  size_t own_act_offset;       /* in it: CpuActBlock[CPU_FEW_ROWS][widest / 32] */
  size_t own_row_offset;       /* in it: float[CPU_FEW_ROWS][widest] */
  CpuPartial partial;
  CpuExperts experts;
  float *part_max, *part_sum; /* CANDIDATES: [max_outputs][parts] */
  uint8_t *arena;
  size_t arena_bytes;
};

/* One query block of one run for one KV head. */
#define CPU_ATTEND_ROWS 48

static inline void *
cpu_run_scratch (const CpuRun *run, unsigned worker)
{
  return run->executable->worker_scratch + worker * run->executable->worker_scratch_bytes;
}

static inline uint32_t
cpu_run_rows (const CpuRun *run, const CpuStep *step)
{
  return step->op->output_rows ? run->batch->n_outputs : run->batch->n_tokens;
}

/* The kernels for the pages of an op. */
static inline const CpuKvKernels *
cpu_run_kv (const CpuRun *run, const GraphOp *op)
{
  return &run->kernels->kv[run->executable->model->kv[op->group].type];
}

static inline gboolean
cpu_run_has_few (const CpuRun *run, const CpuStep *step)
{
  return cpu_run_rows (run, step) <= CPU_FEW_ROWS;
}

/* Row of a buffer, and of its quantised form. */
static inline float *
cpu_run_row (const CpuRun *run, unsigned buffer, uint32_t row)
{
  const CpuExecutable *x = run->executable;

  return x->buffer[buffer] + (size_t) row * x->width[buffer];
}

/* The expert of a pair, as ROUTE left it in a buffer. */
static inline uint32_t
cpu_run_chosen (const CpuRun *run, unsigned buffer, uint32_t pair)
{
  uint32_t n_used = run->executable->plan->desc->h.n_experts_used;
  const float *row = cpu_run_row (run, buffer, pair / n_used);

  return ((const uint32_t *) (const void *) row)[pair % n_used];
}

static inline CpuActBlock *
cpu_run_quantised_row (const CpuRun *run, unsigned buffer, uint32_t row)
{
  const CpuExecutable *x = run->executable;

  return x->quantised[buffer] + (size_t) row * (x->width[buffer] / CPU_BLOCK);
}

/* The first position that a query of a timeline's run sees in an ATTENTION op, and the one after
 * the last. */
static inline uint32_t
cpu_first_seen (const GraphOp *op, const EngineBatchRun *timeline, uint32_t query)
{
  uint32_t position = timeline->position + query;
  uint32_t back = op->whole_run ? op->window_tokens / 2 : op->window_tokens - 1;

  return op->window_tokens == 0 || position <= back ? 0 : position - back;
}

static inline uint32_t
cpu_end_seen (const GraphOp *op, const EngineBatchRun *timeline, uint32_t query)
{
  uint32_t end = timeline->position + query + 1, last = timeline->position + timeline->n_tokens;

  if (!op->whole_run)
    return end;
  return op->window_tokens == 0 ? last : MIN (last, end + op->window_tokens / 2);
}

/* What ROPE_STORE does to the heads of one token: norm, rotation. step: its own; norm: [d_key] or
 * NULL; x: [n_heads][d_key]. */
void cpu_turn_heads (const CpuRun *run, const CpuStep *step, uint32_t token, const float *norm,
                     uint32_t n_heads, float *x);
/* Stores one token's key of one head, normed and rotated. */
void cpu_store_key (const CpuRun *run, const GraphOp *op, uint32_t head,
                    const EngineBatchRun *timeline, uint32_t position, const float *k);
/* And its value, which is normed where the op says so. scratch: [d_value] */
void cpu_store_value (const CpuRun *run, const GraphOp *op, uint32_t head,
                      const EngineBatchRun *timeline, uint32_t position, const float *v,
                      float *scratch);

/* Runs x->run by the first of the workers; returns when it is done or cancelled. */
void cpu_run_steps (CpuExecutable *x);

EngineBackendExecutable *cpu_executable_compile (EngineBackendModel *model, const GraphPlan *plan,
                                                 GError **error);
/* Bytes of an executable; of model the shape is enough, without memory. */
size_t cpu_executable_measure (CpuModel *model, const GraphPlan *plan);
void cpu_executable_discard (EngineBackendExecutable *executable);

/* The steps, one pair of functions each. */
#define CPU_STEP(name)                                            \
  uint32_t cpu_##name##_units (CpuRun *run, const CpuStep *step); \
  void cpu_##name##_work (CpuRun *run, const CpuStep *step, unsigned worker, uint32_t unit)
CPU_STEP (embed);
CPU_STEP (norm);
CPU_STEP (quantise);
CPU_STEP (matmul);
CPU_STEP (gate);
CPU_STEP (rope_table);
CPU_STEP (rope_store);
CPU_STEP (attention);
CPU_STEP (merge);
CPU_STEP (route);
CPU_STEP (group);   /* ROUTE, second half: pairs sorted by expert */
CPU_STEP (experts); /* the products of EXPERTS_GATED and EXPERTS_DOWN */
CPU_STEP (mix);     /* EXPERTS_DOWN, second half: the weighted sum */
CPU_STEP (conv);
CPU_STEP (delta_net);
CPU_STEP (ssm);
CPU_STEP (split_gates);
CPU_STEP (sigmoid_gate);
CPU_STEP (gather);
CPU_STEP (pool);
CPU_STEP (parts);      /* CANDIDATES, first half: maximum and sum of exp of each part */
CPU_STEP (candidates); /* second half: log-sum-exp and the largest */
#undef CPU_STEP
/* Of a worker, by CONV. */
uint32_t cpu_conv_scratch_floats (const ModelHparams *h);
void cpu_matmul_begin (CpuRun *run, const CpuStep *step, unsigned worker);
/* What a NORM or LAYER_NORM step does to one row. */
void cpu_norm_row (const CpuRun *run, const CpuStep *step, const float *src, float *dst);

#define CPU_PART 1024 /* ids per part */

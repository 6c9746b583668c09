/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The meeting point of CPU and GPU: what a session needs of a device, as one vtable.
 *
 * Life: backend (a device) → model (weights in the device's own layout, and the KV pages) →
 * executable (a plan made ready to run). Free in reverse order. Thread: all calls on the engine
 * thread; run's cancel flag may be set from any thread. Errors: FALSE or NULL with ENGINE_ERROR.
 * After ENGINE_ERROR_DEVICE_LOST everything of that backend must be freed; tokens are the
 * session's, so nothing a person typed or read is lost. */
#pragma once

#include "engine/error.h"
#include "engine/graph/plan.h"
#include "engine/model/kv-type.h"

/* KV memory is handed out in pages of this many tokens, over all layers of the model. */
#define ENGINE_PAGE_TOKENS 64

typedef struct _EngineBackend EngineBackend;
typedef struct _EngineBackendModel EngineBackendModel;
typedef struct _EngineBackendExecutable EngineBackendExecutable;

/* Consecutive tokens of one timeline in a batch. */
typedef struct {
  uint32_t first; /* index of the run's first token in the batch */
  uint32_t n_tokens;
  uint32_t position; /* of the first token; the following ones count up */
  /* Physical page of each 64 tokens of the timeline, up to the last position, for each group of
   * layers that the plan has; of layers with a sliding window only the entries that a token of the
   * run sees are pages. */
  const uint32_t *pages[GRAPH_N_KV_GROUPS];
  uint32_t n_pages; /* of each table */
  /* Slots of what recurrent layers keep: read (unless position is 0), and written. They differ, so
   * that a batch that fails leaves the timeline as it was. */
  uint32_t state_from, state_to;
} EngineBatchRun;

/* How a token will be picked from a row, as engine/session/sampler.h says: a device that picks the
 * same one can go on before it is told. */
typedef struct {
  float temperature; /* 0: the best */
  float top_p, min_p, penalty;
  uint32_t top_k;
  float uniform;         /* the number drawn, in [0, 1) */
  const int32_t *recent; /* [n_recent] tokens that the penalty is for */
  uint32_t n_recent;     /* at most ENGINE_MAX_CANDIDATES */
} EnginePick;

typedef struct {
  const int32_t *tokens;      /* [n_tokens], all < n_vocab */
  uint32_t n_tokens;          /* 1 .. plan->max_tokens */
  const EngineBatchRun *runs; /* they cover the batch in order, without gaps */
  uint32_t n_runs;            /* 1 .. ENGINE_MAX_RUNS */
  /* [n_outputs] batch rows that logits are wanted for, ascending; of a plan that ends in vectors
   * one row of each run */
  const uint32_t *outputs;
  uint32_t n_outputs;    /* 0 .. plan->max_outputs; 0: only fill the KV */
  uint32_t n_candidates; /* per output row, 1 .. ENGINE_MAX_CANDIDATES, when there are logits */
  gboolean want_logits;  /* also copy whole rows to result->logits */
  /* Of a plan with several: which to run. A batch runs them all, one after another from 0 on; what
   * a segment imports is written before it (write_buffer). */
  uint32_t segment;
  /* Of one token of one run: how the next one will be picked, when that is likely to be the next
   * batch, alike but for its token and position. NULL: not known. A back end may queue it; what it
   * writes to the KV before that batch is run lies behind the timeline's end. */
  const EnginePick *next;
} EngineBatch;

#define ENGINE_MAX_RUNS       16
#define ENGINE_MAX_CANDIDATES 256

typedef struct {
  int32_t id;
  float logit;
} EngineCandidate;

/* Memory of the caller, written by run. */
typedef struct {
  EngineCandidate *candidates; /* [n_outputs][n_candidates], by falling logit, ties by rising id */
  float *lse;                  /* [n_outputs] log of the sum of exp over the whole vocabulary */
  float *logits;               /* [n_outputs][n_vocab] when want_logits, else unused */
} EngineResult;

/* Times and bytes of the last run, for stats and diagnosis. */
typedef struct {
  uint64_t weight_bytes; /* read from weights */
  uint64_t kv_bytes;     /* read from the KV cache */
  uint64_t device_us;    /* on the device's own clock where it has one, else wall time */
  gboolean was_queued;   /* it ran, or waited for its turn, before the call */
  gboolean next_is_queued;
} EngineRunCost;

/* What a model keeps for its timelines. */
typedef struct {
  uint32_t n_pages[GRAPH_N_KV_GROUPS];
  uint32_t n_states; /* slots, of plan->state_floats each */
  /* Of keys and values: one that the back end has, and that all heads of the plan are whole blocks
   * of (model_desc_kv_type () sees to that). */
  ModelKvType type;
} EngineKvSize;

/* What a model takes of a device. */
typedef struct {
  uint64_t weights, kv, scratch;
} EngineBytes;

static inline uint64_t
engine_bytes_sum (const EngineBytes *bytes)
{
  return bytes->weights + bytes->kv + bytes->scratch;
}

/* Parts of what is kept: the pages of a group of layers (a GraphKvGroup), and states. */
#define ENGINE_PART_STATES GRAPH_N_KV_GROUPS
#define ENGINE_N_PARTS     (GRAPH_N_KV_GROUPS + 1)

typedef void (*EngineProgress) (double fraction, void *user_data);

typedef struct {
  const char *name;  /* "cpu", "vulkan" */
  char *description; /* "AVX-512 VNNI, 2 threads" / "Radeon RX 7600, RADV, Vulkan 1.3" */
  gboolean unified_memory;
  uint64_t memory_bytes;    /* of the heap that weights go to */
  uint64_t free_bytes;      /* of it, when asked last */
  uint32_t preferred_chunk; /* tokens per prefill batch */
  GraphNeeds can;           /* plans with other needs are refused by load */
  uint32_t kv_types;        /* MODEL_KV_BIT of each that it has kernels for */
  char *identity;           /* device and driver, for names of files of what was measured of it */
  const char *kept_layout;  /* a word for how the bytes of parts lie; it changes when that does */
} EngineBackendCaps;

typedef struct {
  void (*close) (EngineBackend *backend);
  const EngineBackendCaps *(*caps) (EngineBackend *backend);

  /* What load of plan, and then one executable of it, would hold on the device, without allocating
   * anything; FALSE with ENGINE_ERROR_UNSUPPORTED when load would say so. */
  gboolean (*measure) (EngineBackend *backend,
                       const GraphPlan *plan,
                       const EngineKvSize *kv,
                       EngineBytes *bytes,
                       GError **error);
  /* Repacks and uploads every tensor that plan refers to (a model of one device has one plan that
   * covers it all; others of the same desc and layers may be compiled later) and allocates KV
   * pages. What fits is asked beforehand (engine/planner). */
  EngineBackendModel *(*load) (EngineBackend *backend,
                               const GraphPlan *plan,
                               const EngineKvSize *kv,
                               EngineProgress progress,
                               void *user_data,
                               const gint *cancel,
                               GError **error);
  void (*unload) (EngineBackendModel *model);
  /* Bytes held on the device and in RAM for this model: weights, KV, and scratch so far. */
  void (*memory) (EngineBackendModel *model,
                  uint64_t *weights_bytes,
                  uint64_t *kv_bytes,
                  uint64_t *scratch_bytes);

  EngineBackendExecutable *(*compile) (EngineBackendModel *model,
                                       const GraphPlan *plan,
                                       GError **error);
  void (*discard) (EngineBackendExecutable *executable);
  /* Runs one batch. *cancel != 0 (read atomically) makes it return ENGINE_ERROR_CANCELLED within
   * 100 ms; KV positions of the batch are then undefined. cost may be NULL. */
  gboolean (*run) (EngineBackendExecutable *executable,
                   const EngineBatch *batch,
                   EngineResult *result,
                   const gint *cancel,
                   EngineRunCost *cost,
                   GError **error);
  /* Copies KV page src of a group to dst, whole (a timeline that branches inside a page). */
  gboolean (*copy_page) (EngineBackendModel *model,
                         GraphKvGroup group,
                         uint32_t src,
                         uint32_t dst,
                         GError **error);
  /* Bytes of a page, or of a state; 0: there are none of that part. */
  size_t (*part_bytes) (EngineBackendModel *model, unsigned part);
  /* Copies a page, or a state, out to so many bytes or back: for keeping timelines elsewhere. */
  gboolean (*read_part) (EngineBackendModel *model,
                         unsigned part,
                         uint32_t index,
                         void *dst,
                         GError **error);
  gboolean (*write_part) (EngineBackendModel *model,
                          unsigned part,
                          uint32_t index,
                          const void *src,
                          GError **error);
  /* Copies an activation buffer's first n floats out after a run: the vectors in
   * GRAPH_BUFFER_OUT of a plan that ends in them; tests look at the others too. */
  gboolean (*read_buffer) (EngineBackendExecutable *executable,
                           GraphBuffer buffer,
                           float *dst,
                           size_t n,
                           GError **error);
  /* The other way, before a run of a segment that imports the buffer. */
  gboolean (*write_buffer) (EngineBackendExecutable *executable,
                            GraphBuffer buffer,
                            const float *src,
                            size_t n,
                            GError **error);
} EngineBackendVtable;

/* Every backend's struct begins with this. */
struct _EngineBackend {
  const EngineBackendVtable *vtable;
};
struct _EngineBackendModel {
  EngineBackend *backend;
};
struct _EngineBackendExecutable {
  EngineBackendModel *model;
};

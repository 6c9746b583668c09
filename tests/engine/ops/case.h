/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A case of the op suite: random tensors in a file, a plan of a few ops built by hand, a batch, and
 * the comparison of what a back end makes of them with the reference. Everything is a function of
 * the seed. What cannot be set up aborts the test. */
#pragma once

#include "tests/engine/make-gguf.h"
#include "tests/engine/ops/reference.h"

typedef struct {
  uint64_t random;
  TestGguf *builder;
  char *path;
  ModelGguf *gguf;
  ModelArchitecture architecture;
  ModelDesc desc;
  ModelRotation rotation;
  float frequency[512];
  GraphPlan plan;
  GraphOp ops[12];
  EngineBatch batch;
  EngineBatchRun runs[ENGINE_MAX_RUNS];
  GArray *tokens, *outputs;
  uint32_t n_pages, n_states;
  ModelKvType kv_type;
  GArray *pages[ENGINE_MAX_RUNS];
  GPtrArray *hidden; /* tables of hide_pages (), owned */
  EngineResult result;
} Case;

/* What cases run on; the suite opens and closes it. */
extern EngineBackend *case_backend;

Case *case_new (uint64_t seed, uint32_t max_tokens, uint32_t max_outputs);
void case_free (Case *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Case, case_free)

/* rows 0: a vector. Tensors come before write_file (), ops after it. */
void add_tensor (Case *c, const char *name, ModelType type, uint32_t columns, uint32_t rows,
                 float deviation);
/* n of them: [n][rows][columns]. */
void add_matrices (Case *c, const char *name, ModelType type, uint32_t columns, uint32_t rows,
                   uint32_t n, float deviation);
void write_file (Case *c);
/* The case's only rotation: a base of 10,000, each frequency divided by a factor that grows with it
 * when `factors`. */
void set_rotation (Case *c, uint32_t d_rope, gboolean factors);
GraphOp *add_op (Case *c, GraphOpKind kind, GraphBuffer src, GraphBuffer dst);
void weigh (Case *c, GraphOp *op, const char *name);
/* One more timeline in the batch; its pages are scattered over those that there are. */
void add_run (Case *c, uint32_t position, uint32_t n_tokens);

/* Gives a run a table for layers with a sliding window, in which the pages before it are none. */
void hide_pages (Case *c, EngineBatchRun *run, uint32_t window_tokens);

/* Begins a further batch, which add_run () fills: its runs go on with the timelines that those of
 * the batch before it have in the same places. */
void next_batch (Case *c);

/* The first rows of a buffer after the plan, and their NMSE against the reference at most. */
typedef struct {
  GraphBuffer buffer;
  uint32_t rows;
  double limit;
} CaseResult;
/* A case's model, executable and reference, for more than one batch. */
typedef struct {
  EngineBackendModel *model;
  EngineBackendExecutable *executable;
  Reference *reference;
} CaseRunning;

/* c->n_pages and c->n_states: as many as all batches will use. */
CaseRunning case_begin (Case *c);
/* Runs the batch on both and compares. */
void case_step (Case *c, const CaseRunning *running, const CaseResult *results, size_t n_results);
void case_end (CaseRunning *running);
/* Runs the plan once and compares; a difference fails the test and goes on. */
void compare_all (Case *c, const CaseResult *results, size_t n_results);
void compare (Case *c, GraphBuffer buffer, uint32_t rows, double limit);

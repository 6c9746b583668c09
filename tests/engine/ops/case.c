/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cases of the op suite: see case.h. It knows no op. */
#include "tests/engine/ops/case.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

EngineBackend *case_backend;

Case *
case_new (uint64_t seed, uint32_t max_tokens, uint32_t max_outputs)
{
  Case *c = g_new0 (Case, 1);

  c->random = seed;
  c->builder = test_gguf_new (3);
  c->architecture = (ModelArchitecture) { "test", MODEL_ROPE_INTERLEAVED, MODEL_ACTIVATION_SILU,
                                          MODEL_ALWAYS };
  c->desc.architecture = &c->architecture;
  c->desc.h = (ModelHparams) { .n_layers = 1,
                               .n_vocab = 64,
                               .n_heads = 1,
                               .n_heads_kv = 1,
                               .d_key = 32,
                               .d_value = 32,
                               .d_rope = 32,
                               .norm_epsilon = 1e-5f,
                               .attention_scale = 0.176776695f };
  c->plan = (GraphPlan) {
    .desc = &c->desc, .max_tokens = max_tokens, .max_outputs = max_outputs, .ops = c->ops
  };
  c->hidden = g_ptr_array_new_with_free_func (g_free);
  c->tokens = g_array_new (FALSE, TRUE, sizeof (int32_t));
  c->outputs = g_array_new (FALSE, TRUE, sizeof (uint32_t));
  return c;
}

void
case_free (Case *c)
{
  g_unlink (c->path);
  g_free (c->path);
  model_gguf_free (c->gguf);
  test_gguf_free (c->builder);
  g_ptr_array_unref (c->hidden);
  g_array_unref (c->tokens);
  g_array_unref (c->outputs);
  for (unsigned i = 0; i < ENGINE_MAX_RUNS; i++)
    g_clear_pointer (&c->pages[i], g_array_unref);
  g_free (c->result.candidates);
  g_free (c->result.lse);
  g_free (c->result.logits);
  g_free (c);
}

void
add_tensor (Case *c, const char *name, ModelType type, uint32_t columns, uint32_t rows,
            float deviation)
{
  size_t n = (size_t) columns * MAX (rows, 1);
  size_t bytes = model_type_row_bytes (model_type_info (type), columns) * MAX (rows, 1);
  g_autofree void *data = g_malloc (bytes);

  test_random_weights (&c->random, type, deviation, data, n);
  test_gguf_add_tensor (c->builder, name, type, columns, rows, data, bytes);
}

void
add_matrices (Case *c, const char *name, ModelType type, uint32_t columns, uint32_t rows,
              uint32_t n, float deviation)
{
  size_t bytes = model_type_row_bytes (model_type_info (type), columns) * rows * n;
  g_autofree void *data = g_malloc (bytes);

  test_random_weights (&c->random, type, deviation, data, (size_t) columns * rows * n);
  test_gguf_add_matrices (c->builder, name, type, columns, rows, n, data, bytes);
}

void
write_file (Case *c)
{
  g_autoptr (GByteArray) bytes = test_gguf_bytes (c->builder, 32, NULL);
  g_autoptr (GError) error = NULL;
  int fd = g_file_open_tmp ("ops-XXXXXX.gguf", &c->path, &error);

  g_assert_no_error (error);
  g_close (fd, NULL);
  test_write_file (c->path, bytes);
  c->gguf = model_gguf_open (c->path, &error);
  g_assert_no_error (error);
  c->desc.gguf = c->gguf;
}

void
set_rotation (Case *c, uint32_t d_rope, gboolean factors)
{
  for (uint32_t i = 0; i < d_rope / 2; i++)
    c->frequency[i] = (float) (pow (10000, -2.0 * i / d_rope) / (factors ? 1 + 0.25 * i : 1));
  c->rotation = (ModelRotation) { d_rope, 1, c->frequency };
  c->desc.h.d_rope = d_rope;
  c->desc.rotations = &c->rotation;
  c->desc.n_rotations = 1;
}

GraphOp *
add_op (Case *c, GraphOpKind kind, GraphBuffer src, GraphBuffer dst)
{
  GraphOp *op = &c->ops[c->plan.n_ops++];

  *op = (GraphOp) {
    .kind = kind,
    .src = src,
    .dst = dst,
    .scale = 1,
    .also = { GRAPH_BUFFER_NONE, GRAPH_BUFFER_NONE },
    .rotation = MODEL_NO_ROTATION,
  };
  op->src_width = src < GRAPH_N_BUFFERS ? c->plan.buffer_width[src] : 0;
  op->dst_width = dst < GRAPH_N_BUFFERS ? c->plan.buffer_width[dst] : 0;
  return op;
}

void
weigh (Case *c, GraphOp *op, const char *name)
{
  op->weights[op->n_weights] = model_gguf_find_tensor (c->gguf, name);
  g_assert_nonnull (op->weights[op->n_weights++]);
}

void
add_run (Case *c, uint32_t position, uint32_t n_tokens)
{
  uint32_t i = c->batch.n_runs++, n_pages = (position + n_tokens - 1) / ENGINE_PAGE_TOKENS + 1;

  c->pages[i] = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  for (uint32_t p = 0; p < n_pages; p++, c->n_pages++)
    g_array_append_val (c->pages[i], c->n_pages);
  for (uint32_t p = 0; p < n_pages / 2; p++) {
    uint32_t *pages = (uint32_t *) (void *) c->pages[i]->data, swap = pages[p];

    pages[p] = pages[n_pages - 1 - p];
    pages[n_pages - 1 - p] = swap;
  }
  c->runs[i] = (EngineBatchRun) { c->tokens->len,
                                  n_tokens,
                                  position,
                                  { NULL },
                                  n_pages };
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    c->runs[i].pages[group] = (const uint32_t *) (const void *) c->pages[i]->data;
  for (uint32_t t = 0; t < n_tokens; t++) {
    int32_t token = (int32_t) (test_random (&c->random) % c->desc.h.n_vocab);

    g_array_append_val (c->tokens, token);
  }
  c->batch.runs = c->runs;
  c->batch.tokens = (const int32_t *) (const void *) c->tokens->data;
  c->batch.n_tokens = c->tokens->len;
}

void
hide_pages (Case *c, EngineBatchRun *run, uint32_t window_tokens)
{
  uint32_t *table = g_new (uint32_t, run->n_pages);
  uint32_t first = 0;

  if (window_tokens > 0 && run->position >= window_tokens)
    first = (run->position - window_tokens + 1) / ENGINE_PAGE_TOKENS;
  for (uint32_t p = 0; p < run->n_pages; p++)
    table[p] = p < first ? UINT32_MAX : run->pages[GRAPH_KV_WINDOW][p];
  g_ptr_array_add (c->hidden, table);
  run->pages[GRAPH_KV_WINDOW] = table;
}

/* ROUTE's ids are bits; they must be equal, and what is left to compare are its weights. */
static void
check_ids (const Case *c, const CaseResult *want, double *reference, float *got)
{
  uint32_t width = c->plan.buffer_width[want->buffer];

  for (uint32_t row = 0; row < want->rows; row++)
    for (uint32_t i = 0; i < width / 2; i++) {
      size_t at = (size_t) row * width + i;
      uint32_t id;

      memcpy (&id, &got[at], sizeof id);
      if (id != (uint32_t) reference[at]) {
        g_test_message ("token %u of %u, choice %u: is %u, should be %g", row, want->rows, i, id,
                        reference[at]);
        g_test_fail ();
      }
      got[at] = 0;
      reference[at] = 0;
    }
}

/* How far the back end's result is from the reference's. */
static void
check (const Case *c, const CaseResult *want, const double *reference, const float *got)
{
  size_t n = (size_t) want->rows * c->plan.buffer_width[want->buffer];
  double nmse = reference_nmse (reference, got, n);
  /* Few results may all be small by chance, next to what they were summed from. */
  double limit = want->limit * (1 + 256.0 / (double) n);
  g_autofree char *plan = NULL;

  if (nmse <= limit)
    return;
  plan = graph_plan_print (&c->plan);
  g_test_message ("%u tokens, buffer %d: NMSE %g, limit %g\n%s", c->batch.n_tokens, want->buffer,
                  nmse, limit, plan);
  for (size_t i = 0; i < MIN (n, 8); i++)
    g_test_message ("%zu: is %g, should be %g", i, (double) got[i], reference[i]);
  g_test_fail ();
}

void
next_batch (Case *c)
{
  for (uint32_t i = 0; i < c->batch.n_runs; i++)
    g_clear_pointer (&c->pages[i], g_array_unref);
  g_array_set_size (c->tokens, 0);
  c->batch.n_runs = 0;
}

CaseRunning
case_begin (Case *c)
{
  const EngineBackendVtable *vtable = case_backend->vtable;
  uint32_t n_pages = MAX (c->n_pages, 1);
  const EngineKvSize size = { { n_pages, n_pages }, c->n_states, c->kv_type };
  CaseRunning running = { .reference = reference_new (&c->plan, 256) };
  g_autoptr (GError) error = NULL;

  running.reference->kv_type = c->kv_type;
  running.model = vtable->load (case_backend, &c->plan, &size, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  running.executable = vtable->compile (running.model, &c->plan, &error);
  g_assert_no_error (error);
  return running;
}

void
case_step (Case *c, const CaseRunning *running, const CaseResult *results, size_t n_results)
{
  const EngineBackendVtable *vtable = case_backend->vtable;
  g_autoptr (GError) error = NULL;

  vtable->run (running->executable, &c->batch, &c->result, NULL, NULL, &error);
  g_assert_no_error (error);
  reference_run (running->reference, &c->batch);
  for (size_t i = 0; i < n_results; i++) {
    double *want = running->reference->buffer[results[i].buffer];
    size_t n = (size_t) results[i].rows * c->plan.buffer_width[results[i].buffer];
    g_autofree float *got = g_new0 (float, n);

    vtable->read_buffer (running->executable, results[i].buffer, got, n, &error);
    g_assert_no_error (error);
    if (results[i].buffer == GRAPH_BUFFER_ROUTE)
      check_ids (c, &results[i], want, got);
    check (c, &results[i], want, got);
  }
}

void
case_end (CaseRunning *running)
{
  case_backend->vtable->discard (running->executable);
  case_backend->vtable->unload (running->model);
  reference_free (running->reference);
}

void
compare_all (Case *c, const CaseResult *results, size_t n_results)
{
  CaseRunning running = case_begin (c);

  case_step (c, &running, results, n_results);
  case_end (&running);
}

void
compare (Case *c, GraphBuffer buffer, uint32_t rows, double limit)
{
  compare_all (c, &(CaseResult) { buffer, rows, limit }, 1);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ROPE_STORE and ATTENTION on every back end: shapes of heads, and what some models have more
 * (norms of heads, sliding windows, caps, sinks, a temperature), over prompts, whole texts and
 * timelines that go on. */
#include "tests/engine/ops/suite.h"

#include <math.h>

/* QKV comes straight out of a table; the past of each timeline is stored by a first run. */
typedef struct {
  uint32_t n_heads, n_heads_kv, d_key, d_value, d_rope;
  ModelRope rope;
  gboolean factors;
  /* What few models have. */
  uint32_t window;
  float cap, temperature;
  gboolean sinks, norms, norm_values, value_is_key;
  gboolean shares; /* another layer follows that has queries of its own alone */
  ModelKvType kv;
} AttentionShape;

static GraphNeeds
needs_of (const AttentionShape *s)
{
  return (s->window > 0 ? GRAPH_NEEDS_WINDOW : 0) |
         (s->cap > 0 || s->sinks || s->temperature > 0 ? GRAPH_NEEDS_ATTENTION : 0) |
         (s->norms ? GRAPH_NEEDS_QK_NORM : 0) |
         (s->norm_values || s->value_is_key || s->shares ? GRAPH_NEEDS_LAYER_INPUTS : 0);
}

static uint32_t
qkv_width (const AttentionShape *s)
{
  return s->n_heads * s->d_key +
         s->n_heads_kv * (s->d_key + (s->value_is_key ? 0 : s->d_value));
}

/* Appends ROPE_STORE and ATTENTION of one layer of a group. */
static void
add_layer (Case *c, const AttentionShape *s, GraphKvGroup group, uint32_t layer, gboolean whole_run)
{
  GraphOp *store = add_op (c, GRAPH_OP_ROPE_STORE, GRAPH_BUFFER_QKV, GRAPH_BUFFER_QKV);
  GraphOp *attend = add_op (c, GRAPH_OP_ATTENTION, GRAPH_BUFFER_QKV, GRAPH_BUFFER_ATTN);

  for (GraphOp *op = store; op <= attend; op++) {
    op->group = group;
    op->layer = layer;
    op->src_width = qkv_width (s);
    op->n_heads = s->n_heads;
    op->n_heads_kv = s->n_heads_kv;
    op->d_key = s->d_key;
    op->d_value = s->d_value;
    op->rotation = s->rope == MODEL_ROPE_NONE ? MODEL_NO_ROTATION : 0;
    op->window_tokens = s->window;
  }
  store->dst_width = store->src_width;
  attend->dst_width = s->n_heads * s->d_value;
  attend->cap = s->cap;
  attend->whole_run = whole_run;
  if (s->sinks)
    attend->vector = model_gguf_find_tensor (c->gguf, "sinks");
  if (s->norms) {
    store->vector = model_gguf_find_tensor (c->gguf, "q norm");
    store->k_norm = model_gguf_find_tensor (c->gguf, "k norm");
  }
  store->norm_values = s->norm_values;
  store->value_is_key = s->value_is_key;
}

/* What a case is about: a layer, and where the shape says so one more that shares its keys and
 * values, over queries that the first has turned already. */
static void
add_layers (Case *c, const AttentionShape *s, GraphKvGroup group, gboolean whole_run)
{
  add_layer (c, s, group, 0, whole_run);
  if (!s->shares)
    return;
  add_layer (c, s, group, 0, whole_run);
  for (uint32_t i = c->plan.n_ops - 2; i < c->plan.n_ops; i++) {
    c->ops[i].shares_kv = TRUE;
    c->ops[i].src_width = s->n_heads * s->d_key;
  }
  c->ops[c->plan.n_ops - 2].dst_width = s->n_heads * s->d_key;
}

static GraphKvGroup
group_of (const AttentionShape *s)
{
  return s->window > 0 ? GRAPH_KV_WINDOW : GRAPH_KV_FULL;
}

static Case *
attention_case (const AttentionShape *s, uint64_t seed, uint32_t max_tokens)
{
  Case *c = case_new (seed, max_tokens, 1);
  ModelHparams *h = &c->desc.h;
  uint32_t width = qkv_width (s);

  h->n_heads = s->n_heads;
  h->n_heads_kv = s->n_heads_kv;
  h->d_key = s->d_key;
  h->d_value = s->d_value;
  h->attention_scale = 1 / sqrtf ((float) s->d_key);
  h->temperature = s->temperature;
  h->temperature_floor_tokens = 50;
  c->architecture.rope = s->rope;
  c->kv_type = s->kv;
  c->plan.buffer_width[GRAPH_BUFFER_X] = h->d_model = width;
  c->plan.buffer_width[GRAPH_BUFFER_QKV] = width;
  c->plan.buffer_width[GRAPH_BUFFER_ATTN] = s->n_heads * s->d_value;
  add_tensor (c, "embd", MODEL_TYPE_F32, width, h->n_vocab, 1.5f);
  add_tensor (c, "sinks", MODEL_TYPE_F32, s->n_heads, 0, 3);
  add_tensor (c, "q norm", MODEL_TYPE_F32, s->d_key, 0, 1);
  add_tensor (c, "k norm", MODEL_TYPE_F32, s->d_key, 0, 1);
  write_file (c);
  weigh (c, add_op (c, GRAPH_OP_EMBED, GRAPH_BUFFER_NONE, GRAPH_BUFFER_QKV), "embd");
  set_rotation (c, s->d_rope, s->factors);
  return c;
}

static const AttentionShape shapes[] = {
  { 9, 3, 64, 64, 64, MODEL_ROPE_INTERLEAVED, FALSE },
  { 4, 4, 32, 32, 32, MODEL_ROPE_INTERLEAVED, TRUE },
  { 8, 2, 64, 64, 64, MODEL_ROPE_HALVES, FALSE },
  { 6, 1, 80, 80, 32, MODEL_ROPE_HALVES, TRUE },
  { 2, 1, 128, 64, 128, MODEL_ROPE_INTERLEAVED, FALSE },
  { 16, 2, 96, 128, 96, MODEL_ROPE_NONE, FALSE },
  { 8, 1, 256, 256, 256, MODEL_ROPE_HALVES, FALSE },
  { 4, 1, 512, 512, 512, MODEL_ROPE_HALVES, TRUE },
};

/* Windows of less than a page, a page, and more; each with another of the rest. */
static const AttentionShape rich_shapes[] = {
  { 4, 2, 64, 64, 64, MODEL_ROPE_HALVES, FALSE, .window = 16 },
  { 6, 2, 32, 48, 32, MODEL_ROPE_INTERLEAVED, FALSE, .window = 64, .cap = 2 },
  { 8, 1, 64, 64, 32, MODEL_ROPE_HALVES, TRUE, .window = 100, .sinks = TRUE },
  { 9, 3, 64, 64, 64, MODEL_ROPE_HALVES, FALSE, .norms = TRUE },
  { 2, 1, 128, 64, 128, MODEL_ROPE_NONE, FALSE, .norms = TRUE, .sinks = TRUE, .cap = 5 },
  { 4, 4, 80, 80, 80, MODEL_ROPE_INTERLEAVED, FALSE, .temperature = 0.7f },
  { 5, 5, 36, 36, 36, MODEL_ROPE_HALVES, FALSE, .window = 1, .sinks = TRUE, .norms = TRUE },
  { 6, 2, 64, 48, 64, MODEL_ROPE_HALVES, FALSE, .norms = TRUE, .norm_values = TRUE },
  { 4, 2, 80, 80, 80, MODEL_ROPE_HALVES, TRUE, .norms = TRUE, .norm_values = TRUE,
    .value_is_key = TRUE, .shares = TRUE },
  { 9, 3, 32, 32, 32, MODEL_ROPE_INTERLEAVED, FALSE, .window = 70, .value_is_key = TRUE },
  { 8, 1, 128, 128, 64, MODEL_ROPE_HALVES, FALSE, .window = 40, .norms = TRUE, .shares = TRUE },
};

static void
test_rope (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (shapes); i++) {
    g_autoptr (Case) c = attention_case (&shapes[i], i + 1, 70);

    add_layer (c, &shapes[i], GRAPH_KV_FULL, 0, FALSE);
    c->plan.n_ops = 2;
    add_run (c, 0, 70);
    compare (c, GRAPH_BUFFER_QKV, 70, LIMIT_FLOAT);
  }
}

/* Heads are normed before they rotate, or only normed; rotated ones grow by a magnitude. */
static void
test_rope_rich (void)
{
  if (!suite_can (GRAPH_NEEDS_QK_NORM))
    return;
  for (size_t i = 0; i < G_N_ELEMENTS (rich_shapes); i++) {
    g_autoptr (Case) c = attention_case (&rich_shapes[i], i + 1, 70);

    c->rotation.magnitude = 1.3f;
    add_layer (c, &rich_shapes[i], GRAPH_KV_FULL, 0, FALSE);
    c->plan.n_ops = 2;
    add_run (c, 0, 70);
    compare (c, GRAPH_BUFFER_QKV, 70, LIMIT_FLOAT);
  }
}

/* A whole context in one batch: every length from 1 up is among its rows. */
static void
try_attention_prefill (const AttentionShape *shape, uint64_t seed)
{
  static const uint32_t lengths[] = { 1, 2, 63, 64, 65, 130, 220 };

  for (size_t n = 0; n < G_N_ELEMENTS (lengths); n++) {
    g_autoptr (Case) c = attention_case (shape, seed, 220);

    add_layers (c, shape, group_of (shape), FALSE);
    add_run (c, 0, lengths[n]);
    compare (c, GRAPH_BUFFER_ATTN, lengths[n], LIMIT_ATTENTION);
  }
}

/* The shape with keys and values of a type, where its heads are whole blocks of that. */
static gboolean
keep_as (AttentionShape *shape, ModelKvType type)
{
  shape->kv = type;
  return type != MODEL_KV_Q8_0 || (shape->d_key % 32 == 0 && shape->d_value % 32 == 0);
}

/* Of shapes, each other one is enough for types that differ in how numbers lie alone. */
static size_t
first_of (gconstpointer type)
{
  return GPOINTER_TO_UINT (type) == MODEL_KV_F32;
}

static size_t
step_of (gconstpointer type)
{
  return GPOINTER_TO_UINT (type) == MODEL_KV_F16 ? 1 : 2;
}

static void
test_attention_prefill (gconstpointer data)
{
  for (size_t i = first_of (data); i < G_N_ELEMENTS (shapes); i += step_of (data)) {
    AttentionShape shape = shapes[i];

    if (keep_as (&shape, GPOINTER_TO_UINT (data)))
      try_attention_prefill (&shape, i + 1);
  }
}

/* Layers of both groups with heads of their own, one after another over the same buffers. */
static void
test_attention_layers (gconstpointer data)
{
  AttentionShape wide = rich_shapes[0];
  AttentionShape narrow = { 2, 2, 32, 64, 64, MODEL_ROPE_NONE, FALSE };
  g_autoptr (Case) c = NULL;

  if (!suite_can (GRAPH_NEEDS_WINDOW | GRAPH_NEEDS_ATTENTION))
    return;
  keep_as (&wide, GPOINTER_TO_UINT (data));
  c = attention_case (&wide, 5, 150);
  add_layer (c, &narrow, GRAPH_KV_FULL, 0, FALSE);
  add_layer (c, &wide, GRAPH_KV_WINDOW, 0, FALSE);
  add_layer (c, &wide, GRAPH_KV_WINDOW, 1, FALSE);
  narrow.n_heads = 6;
  narrow.d_value = 32;
  add_layer (c, &narrow, GRAPH_KV_FULL, 1, FALSE);
  add_run (c, 0, 70);
  add_run (c, 0, 80);
  compare (c, GRAPH_BUFFER_ATTN, 150, LIMIT_ATTENTION);
}

/* Texts side by side, each token seeing the whole of its own; and what is pooled of them. Two
 * layers that share the memory of keys and values. */
static void
try_attention_whole (const AttentionShape *shape, const uint32_t *lengths, uint32_t n_runs)
{
  g_autoptr (Case) c = attention_case (shape, lengths[0] + n_runs, 400);
  uint32_t outputs[ENGINE_MAX_RUNS], n_tokens = 0;
  CaseResult results[2];

  c->plan.max_outputs = ENGINE_MAX_RUNS;
  c->plan.buffer_width[GRAPH_BUFFER_OUT] = c->plan.buffer_width[GRAPH_BUFFER_ATTN];
  for (unsigned layer = 0; layer < 2; layer++)
    add_layer (c, shape, GRAPH_KV_FULL, 0, TRUE);
  add_op (c, GRAPH_OP_POOL, GRAPH_BUFFER_ATTN, GRAPH_BUFFER_OUT);
  for (uint32_t i = 0; i < n_runs; i++) {
    outputs[i] = n_tokens;
    add_run (c, 0, lengths[i]);
    n_tokens += lengths[i];
  }
  c->batch.outputs = outputs;
  c->batch.n_outputs = n_runs;
  results[0] = (CaseResult) { GRAPH_BUFFER_ATTN, n_tokens, LIMIT_ATTENTION };
  results[1] = (CaseResult) { GRAPH_BUFFER_OUT, n_runs, LIMIT_ATTENTION };
  compare_all (c, results, G_N_ELEMENTS (results));
}

static void
try_attention_texts (const AttentionShape *shape)
{
  static const uint32_t lengths[] = { 1, 2, 4, 63, 64, 65, 130 };
  static const uint32_t several[] = { 64, 3, 130, 1, 63, 1, 1, 20, 5, 64, 2, 9, 10, 11, 12, 4 };

  for (size_t n = 0; n < G_N_ELEMENTS (lengths); n++)
    try_attention_whole (shape, &lengths[n], 1);
  try_attention_whole (shape, several, 2);
  try_attention_whole (shape, several + 5, 2); /* two texts of a token */
  try_attention_whole (shape, several, ENGINE_MAX_RUNS);
}

static void
test_attention_whole (gconstpointer data)
{
  for (size_t i = first_of (data); i < G_N_ELEMENTS (shapes); i += step_of (data)) {
    AttentionShape shape = shapes[i];

    if (keep_as (&shape, GPOINTER_TO_UINT (data)))
      try_attention_texts (&shape);
  }
}

/* Reads every timeline's past with batches of `step` tokens, then compares one batch in which each
 * timeline goes on. */
static void
try_attention_decode (const AttentionShape *shape, const uint32_t *past, uint32_t n_timelines,
                      uint32_t n_new, uint32_t step)
{
  g_autoptr (Case) c = attention_case (shape, past[0] + n_new, MAX (step, n_timelines * n_new));
  g_autoptr (Reference) reference = NULL;
  const EngineBackendVtable *vtable = case_backend->vtable;
  g_autoptr (GError) error = NULL;
  EngineBackendModel *model;
  EngineBackendExecutable *executable;
  size_t n = (size_t) n_timelines * n_new * c->plan.buffer_width[GRAPH_BUFFER_ATTN];
  g_autofree float *got = g_new (float, n);
  EngineKvSize size;
  double nmse;

  add_layers (c, shape, group_of (shape), FALSE);
  reference = reference_new (&c->plan, 256);
  reference->kv_type = c->kv_type;
  for (uint32_t i = 0; i < n_timelines; i++)
    add_run (c, past[i], n_new);
  size = (EngineKvSize) { { c->n_pages, c->n_pages }, 0, c->kv_type };
  model = vtable->load (case_backend, &c->plan, &size, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  executable = vtable->compile (model, &c->plan, &error);
  g_assert_no_error (error);
  for (uint32_t i = 0; i < n_timelines; i++)
    for (uint32_t at = 0; at < past[i]; at += step) {
      EngineBatchRun runs[ENGINE_MAX_RUNS] = { 0 }, *run = &runs[i];
      g_autofree int32_t *tokens = g_new (int32_t, step);
      EngineBatch batch = { tokens, MIN (step, past[i] - at), run, 1 };

      for (uint32_t t = 0; t < step; t++)
        tokens[t] = (int32_t) ((at + t) * 7 + i) % 64;
      *run = c->runs[i];
      run->first = 0;
      run->n_tokens = batch.n_tokens;
      run->position = at;
      hide_pages (c, run, shape->window);
      vtable->run (executable, &batch, &c->result, NULL, NULL, &error);
      g_assert_no_error (error);
      /* The reference knows timelines by their index. */
      batch.runs = runs;
      batch.n_runs = i + 1;
      reference_run (reference, &batch);
    }
  for (uint32_t i = 0; i < n_timelines; i++)
    hide_pages (c, &c->runs[i], shape->window);
  vtable->run (executable, &c->batch, &c->result, NULL, NULL, &error);
  g_assert_no_error (error);
  vtable->read_buffer (executable, GRAPH_BUFFER_ATTN, got, n, &error);
  g_assert_no_error (error);
  reference_run (reference, &c->batch);
  nmse = reference_nmse (reference->buffer[GRAPH_BUFFER_ATTN], got, n);
  g_test_message ("past %u, %u timelines, %u new: NMSE %g", past[0], n_timelines, n_new, nmse);
  g_assert_cmpfloat (nmse, <=, LIMIT_ATTENTION);
  vtable->discard (executable);
  vtable->unload (model);
}

static void
try_attention_timelines (const AttentionShape *shape)
{
  static const uint32_t past[] = { 1, 62, 63, 64, 65, 129, 200 };
  static const uint32_t several[] = { 64, 3, 130, 1, 63 };

  for (size_t p = 0; p < G_N_ELEMENTS (past); p++)
    try_attention_decode (shape, &past[p], 1, 1, 48);
  try_attention_decode (shape, several, 5, 1, 64);
  try_attention_decode (shape, several, 5, 3, 7);
  try_attention_decode (shape, several, 2, 16, 64);
}

static void
test_attention_decode (gconstpointer data)
{
  for (size_t i = first_of (data); i < G_N_ELEMENTS (shapes); i += step_of (data)) {
    AttentionShape shape = shapes[i];

    if (keep_as (&shape, GPOINTER_TO_UINT (data)))
      try_attention_timelines (&shape);
  }
}

static void
test_attention_rich (gconstpointer data)
{
  const AttentionShape *shape = data;

  if (!suite_can (needs_of (shape)))
    return;
  try_attention_prefill (shape, 7);
  try_attention_texts (shape);
  try_attention_timelines (shape);
}

/* Every case of attention over a cache of one type. */
static void
add_kv_type (ModelKvType type)
{
  static const struct {
    const char *name;
    GTestDataFunc test;
  } tests[] = {
    { "prefill", test_attention_prefill },
    { "whole", test_attention_whole },
    { "decode", test_attention_decode },
    { "layers", test_attention_layers },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (tests); i++) {
    g_autofree char *path =
        g_strdup_printf ("/ops/attention/%s/%s", model_kv_type_name (type), tests[i].name);

    g_test_add_data_func (path, GUINT_TO_POINTER (type), tests[i].test);
  }
  /* What shapes ask for beside is the same code for all types. */
  for (size_t i = 0; i < G_N_ELEMENTS (rich_shapes); i += type == MODEL_KV_F16 ? 1 : 3) {
    g_autofree char *path =
        g_strdup_printf ("/ops/attention/%s/rich/%zu", model_kv_type_name (type), i);
    g_autofree AttentionShape *shape = g_memdup2 (&rich_shapes[i], sizeof *shape);

    if (keep_as (shape, type))
      g_test_add_data_func_full (path, g_steal_pointer (&shape), test_attention_rich, g_free);
  }
}

void
add_attention_tests (void)
{
  g_test_add_func ("/ops/rope", test_rope);
  g_test_add_func ("/ops/rope/rich", test_rope_rich);
  for (ModelKvType type = 0; type < MODEL_N_KV_TYPES; type++)
    if ((case_backend->vtable->caps (case_backend)->kv_types & MODEL_KV_BIT (type)) != 0)
      add_kv_type (type);
}

/* ---- by matrices ---------------------------------------------------------------------------- */

/* Heads that a workgroup's rows are not whole tokens of, keys and values of different widths, some
 * that subgroups share. Wider ones are much the same, and in software take half a minute to
 * compile. */
static const AttentionShape tile_shapes[] = {
  { 9, 3, 96, 64, 96, MODEL_ROPE_INTERLEAVED, FALSE },
  { 2, 1, 32, 64, 32, MODEL_ROPE_HALVES, FALSE, .window = 100, .sinks = TRUE, .cap = 5 },
  { 6, 1, 32, 128, 32, MODEL_ROPE_HALVES, TRUE, .temperature = 0.7f },
  { 9, 3, 32, 64, 32, MODEL_ROPE_INTERLEAVED, FALSE, .kv = MODEL_KV_Q8_0 },
};

/* Batches of more tokens than have rows of their own: prompts, many texts, timelines that go on
 * beside each other, and one whose few tokens see pages enough to be split. */
static void
test_attention_tiles (gconstpointer data)
{
  static const uint32_t lengths[] = { 17, 64, 65, 220 };
  static const uint32_t texts[] = { 64, 3, 130, 1, 63, 1, 1, 20, 5, 64, 2, 9, 10, 11, 12, 4 };
  static const uint32_t past[] = { 130, 3, 64 };
  const AttentionShape *shape = data;

  for (size_t n = 0; n < G_N_ELEMENTS (lengths); n++) {
    g_autoptr (Case) c = attention_case (shape, n + 1, 220);

    add_layers (c, shape, group_of (shape), FALSE);
    add_run (c, 0, lengths[n]);
    compare (c, GRAPH_BUFFER_ATTN, lengths[n], LIMIT_ATTENTION);
  }
  try_attention_whole (shape, texts, ENGINE_MAX_RUNS);
  try_attention_decode (shape, past, 3, 16, 64);
  try_attention_decode (shape, past, 1, 20, 64);
}

void
add_attention_tile_tests (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (tile_shapes); i++) {
    g_autofree char *path = g_strdup_printf ("/ops/tiles/attention/%zu", i);

    g_test_add_data_func (path, &tile_shapes[i], test_attention_tiles);
  }
}

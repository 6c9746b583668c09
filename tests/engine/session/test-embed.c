/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts to vectors over the public header. A tiny random model on every device against the
 * definitions of its ops in doubles (tests/engine/ops/reference.h); the same bits whatever the
 * threads and the batch; prefixes, windows, pooling, refusals, cancel. The real model, where
 * BOTTEGA_TEST_EMBED_MODEL names it, against exact vectors (embed.json, by make-embed.py).
 * usage: test-embed embed.json cpu|vulkan */
#include "engine/engine.h"
#include "tests/engine/make-gguf.h"
#include "tests/engine/ops/reference.h"

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

/* Of 1 - cosine to the exact vectors: as they come, and with activations rounded to bytes, as the
 * processor's fast tiers and cards have them for quantised weights (llama.cpp too: 1.6e-4). */
#define LIMIT_EXACT 1e-5
#define LIMIT_BYTES 3e-4

typedef struct {
  const char *device, *tier;
} Target;

static const Target targets[] = {
  { "cpu", "portable" },
  { "cpu", "avx2" },
  { "cpu", "avx512" },
  { "vulkan", NULL },
};

static double
limit_of (const Target *target)
{
  static int on_card = -1;

  if (target->tier != NULL)
    return strcmp (target->tier, "portable") == 0 ? LIMIT_EXACT : LIMIT_BYTES;
  if (on_card < 0) {
    g_autoptr (GPtrArray) devices = engine_devices ();

    on_card = !((const EngineDevice *) g_ptr_array_index (devices, 0))->software;
  }
  return on_card ? LIMIT_BYTES : LIMIT_EXACT;
}

static char *folder;
static const char *vectors_path, *device_under_test;

/* Around a page, a window, several windows; and nothing at all. */
static const char *const texts[] = {
  "the",
  "",
  "The cat sat on the mat and the dog on the log, and all went on in the inn.",
  "é € 😀 the <|im_end|> whole",
  "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
  "sixteen seventeen eighteen nineteen twenty twenty-one twenty-two twenty-three twenty-four "
  "twenty-five twenty-six twenty-seven twenty-eight twenty-nine thirty thirty-one thirty-two",
};

static char *
write_tiny (const TestBert *bert, ModelType type)
{
  char *path = g_build_filename (folder, "tiny.gguf", NULL);

  test_gguf_write_bert (path, bert, type, 7);
  return path;
}

/* NULL where this machine lacks the device or the instruction set. */
static EngineModel *
open_on (const char *path, const Target *target, unsigned n_threads, uint32_t chunk_tokens)
{
  g_autoptr (GError) error = NULL;
  EngineModelOptions options = { .device = target->device,
                                 .cpu_tier = target->tier,
                                 .n_threads = n_threads,
                                 .chunk_tokens = chunk_tokens };
  EngineModel *model = engine_model_open (path, &options, &error);

  if (model == NULL && !g_error_matches (error, ENGINE_ERROR, ENGINE_ERROR_NO_DEVICE) &&
      !g_error_matches (error, ENGINE_ERROR, ENGINE_ERROR_INVALID))
    g_assert_no_error (error);
  if (model == NULL)
    g_test_message ("%s %s: %s", target->device, target->tier, error->message);
  return model;
}

static float *
embed (EngineModel *model, EngineEmbedKind kind, const char *const *strings, size_t n)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (EngineSession) session = engine_session_new (model, &error);
  float *vectors = g_new (float, n *engine_model_embedding_size (model));

  g_assert_no_error (error);
  engine_session_embed (session, kind, strings, n, vectors, NULL, &error);
  g_assert_no_error (error);
  return vectors;
}

/* 1 - cosine; also checks that got has length 1. */
static double
distance (const double *want, const float *got, uint32_t n)
{
  double dot = 0, square = 0, length = 0;

  for (uint32_t i = 0; i < n; i++) {
    dot += want[i] * (double) got[i];
    square += want[i] * want[i];
    length += (double) got[i] * (double) got[i];
  }
  g_assert_cmpfloat_with_epsilon (length, 1, 1e-5);
  return 1 - dot / sqrt (square);
}

/* ---- the tiny model against its definition -------------------------------------------------- */

/* Adds what the definitions give for one window, times its weight. */
static void
add_window (Reference *reference, const GArray *content, uint32_t first, uint32_t n, double *sum)
{
  g_autofree int32_t *tokens = g_new (int32_t, n + 2);
  gboolean last = reference->plan->desc->h.pooling == MODEL_POOLING_LAST;
  const uint32_t output = last ? n + 1 : 0;
  EngineBatchRun run = { .n_tokens = n + 2 };
  EngineBatch batch = { tokens, n + 2, &run, 1, &output, 1, 0, FALSE };

  tokens[0] = 1;
  for (uint32_t i = 0; i < n; i++)
    tokens[1 + i] = g_array_index (content, gint32, first + i);
  tokens[n + 1] = 2;
  reference_run (reference, &batch);
  for (uint32_t d = 0; d < reference->plan->desc->h.d_model; d++)
    sum[d] += MAX (n, 1) * reference->buffer[GRAPH_BUFFER_OUT][d];
}

static double *
exact_vector (Reference *reference, const EngineModel *model, const char *text)
{
  g_autoptr (GArray) tokens = engine_model_encode (model, text, FALSE, FALSE);
  double *sum = g_new0 (double, reference->plan->desc->h.d_model);
  uint32_t most = reference->plan->max_tokens - 2, done = 0;

  do {
    uint32_t n = MIN (most, tokens->len - done);

    add_window (reference, tokens, done, n, sum);
    done += n;
  } while (done < tokens->len);
  return sum;
}

static void
compare_with_definition (const char *path, const Target *target)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (EngineModel) model = open_on (path, target, 2, 0);
  ModelGguf *gguf = model_gguf_open (path, &error);
  ModelDesc *desc = model_desc_new (gguf, &error);
  g_autoptr (GraphPlan) plan = NULL;

  g_assert_no_error (error);
  plan = graph_plan_build (desc, 0, desc->h.n_layers, TRUE, TRUE, desc->h.context_tokens, 1);
  if (model != NULL) {
    g_autoptr (Reference) reference = reference_new (plan, desc->h.context_tokens);
    g_autofree float *got = embed (model, ENGINE_EMBED_RAW, texts, G_N_ELEMENTS (texts));

    for (size_t i = 0; i < G_N_ELEMENTS (texts); i++) {
      g_autofree double *want = exact_vector (reference, model, texts[i]);
      double off = distance (want, got + i * desc->h.d_model, desc->h.d_model);

      g_test_message ("%s %s, text %zu: 1 - cosine %.2g", target->device, target->tier, i, off);
      g_assert_cmpfloat (off, <, limit_of (target));
    }
  }
  model_desc_free (desc);
  model_gguf_free (gguf);
}

static void
test_definition (gconstpointer data)
{
  static const ModelType types[] = { MODEL_TYPE_F32, MODEL_TYPE_Q4_0, MODEL_TYPE_Q6_K };

  for (size_t i = 0; i < G_N_ELEMENTS (types); i++) {
    g_autofree char *path = write_tiny (NULL, types[i]);

    compare_with_definition (path, data);
  }
}

static void
test_pooling (void)
{
  static const uint32_t poolings[] = { 2, 3, 9 };

  for (size_t i = 0; i < G_N_ELEMENTS (poolings); i++) {
    const TestBert bert = { .pooling = poolings[i], .n_layers = 1, .d_model = 64 };
    g_autofree char *path = write_tiny (&bert, MODEL_TYPE_Q4_0);

    for (size_t t = 0; t < G_N_ELEMENTS (targets); t++)
      if (strcmp (targets[t].device, device_under_test) == 0)
        compare_with_definition (path, &targets[t]);
  }
}

/* ---- the same bits -------------------------------------------------------------------------- */

#define N_MANY 37

/* Every number of threads, every batch size, alone and among others: not a bit differs. */
static void
test_same_bits (gconstpointer data)
{
  g_autofree char *path = write_tiny (NULL, MODEL_TYPE_Q4_0);
  static const uint32_t chunks[] = { 0, 96, 1000 };
  const char *many[N_MANY];
  g_autofree float *first = NULL;

  for (size_t i = 0; i < N_MANY; i++)
    many[i] = texts[i * 3 % G_N_ELEMENTS (texts)];
  for (unsigned n_threads = 1; n_threads <= 3; n_threads++) {
    g_autoptr (EngineModel) model = open_on (path, data, n_threads, chunks[n_threads - 1]);
    g_autofree float *vectors = NULL;
    uint32_t size;

    if (model == NULL)
      return;
    size = engine_model_embedding_size (model);
    vectors = embed (model, ENGINE_EMBED_RAW, many, N_MANY);
    if (first == NULL)
      first = g_memdup2 (vectors, N_MANY * size * sizeof *vectors);
    g_assert_cmpmem (vectors, N_MANY * size * sizeof *vectors, first,
                     N_MANY * size * sizeof *vectors);
    for (size_t i = 0; i < G_N_ELEMENTS (texts); i++) {
      g_autofree float *alone = embed (model, ENGINE_EMBED_RAW, &many[i], 1);

      g_assert_cmpmem (alone, size * sizeof *alone, first + i * size, size * sizeof *alone);
    }
  }
}

/* ---- prefixes, refusals, cancel ------------------------------------------------------------- */

static void
try_prefix (const TestBert *bert, EngineEmbedKind kind, const char *prefixed)
{
  g_autofree char *path = write_tiny (bert, MODEL_TYPE_F32);
  g_autoptr (EngineModel) model = open_on (path, &targets[0], 1, 0);
  const char *plain = "in the inn";
  g_autofree float *a = embed (model, kind, &plain, 1);
  g_autofree float *b = embed (model, ENGINE_EMBED_RAW, &prefixed, 1);
  size_t n = engine_model_embedding_size (model) * sizeof *a;

  g_assert_cmpmem (a, n, b, n);
}

static void
test_prefixes (void)
{
  const TestBert plain = { 0 }, e5 = { .name = "Multilingual E5 small" };
  const TestBert follows = { .name = "multilingual-e5-large-instruct" };
  const TestBert nomic = { .name = "nomic-embed-text-v1.5" }, code = { .name = "nomic-embed-code" };
  const TestBert own = { .name = "e5", .query_prefix = "find ", .passage_prefix = "" };

  try_prefix (&plain, ENGINE_EMBED_QUERY, "in the inn");
  try_prefix (&plain, ENGINE_EMBED_PASSAGE, "in the inn");
  try_prefix (&e5, ENGINE_EMBED_QUERY, "query: in the inn");
  try_prefix (&e5, ENGINE_EMBED_PASSAGE, "passage: in the inn");
  try_prefix (&follows, ENGINE_EMBED_QUERY,
              "Instruct: Given a web search query, retrieve relevant passages that answer the "
              "query\nQuery: in the inn");
  try_prefix (&follows, ENGINE_EMBED_PASSAGE, "in the inn");
  try_prefix (&code, ENGINE_EMBED_QUERY, "in the inn");
  try_prefix (&nomic, ENGINE_EMBED_QUERY, "search_query: in the inn");
  try_prefix (&nomic, ENGINE_EMBED_PASSAGE, "search_document: in the inn");
  try_prefix (&own, ENGINE_EMBED_QUERY, "find in the inn");
  try_prefix (&own, ENGINE_EMBED_PASSAGE, "in the inn");
}

static void
assert_refused (GError **error, const char *words)
{
  g_assert_error (*error, ENGINE_ERROR, ENGINE_ERROR_INVALID);
  g_assert_nonnull (strstr ((*error)->message, words));
  g_clear_error (error);
}

/* A model that makes vectors writes no answers, and the other way round; both have information. */
static void
test_refusals (void)
{
  g_autofree char *path = write_tiny (NULL, MODEL_TYPE_Q4_0);
  g_autofree char *other = g_build_filename (folder, "llama.gguf", NULL);
  g_autoptr (EngineModel) model = open_on (path, &targets[0], 1, 0);
  g_autoptr (GError) error = NULL;
  g_autoptr (EngineSession) session = engine_session_new (model, &error);
  g_autoptr (GArray) prompt = engine_model_encode (model, "the", FALSE, TRUE);
  g_autoptr (EngineModelInfo) info = engine_model_read_info (path, &error);
  const EngineGenerate options = ENGINE_GENERATE_DEFAULT;
  const EngineMessage message = { "user", "Hello" };
  float vector[1024];

  g_assert_no_error (error);
  g_assert_cmpstr (info->architecture, ==, "bert");
  g_assert_null (info->warning);
  g_assert_cmpuint (info->kv_bytes_per_token_f16, ==, 0);
  g_assert_cmpuint (engine_model_embedding_size (model), ==, 256);
  g_assert_false (
      engine_session_generate (session, prompt, &options, NULL, NULL, NULL, &error));
  assert_refused (&error, "Choose a language model");
  g_assert_null (engine_model_encode_chat (model, &message, 1, TRUE, &error));
  assert_refused (&error, "Choose a language model");
  g_assert_null (engine_model_render_chat (model, &message, 1, &error));
  assert_refused (&error, "Choose a language model");

  test_gguf_write_llama (other, NULL, MODEL_TYPE_Q4_0, 1);
  g_autoptr (EngineModel) llama = open_on (other, &targets[0], 1, 0);
  g_autoptr (EngineSession) chat = engine_session_new (llama, &error);

  g_assert_cmpuint (engine_model_embedding_size (llama), ==, 0);
  g_assert_false (engine_session_embed (chat, ENGINE_EMBED_RAW, texts, 1, vector, NULL, &error));
  assert_refused (&error, "Choose an embedding model");
  g_unlink (other);
}

static gpointer
cancel_soon (gpointer session)
{
  g_usleep (20000);
  engine_session_cancel (session);
  return NULL;
}

/* From another thread in the middle of much work; and the session goes on when it is rearmed. */
static void
test_cancel (gconstpointer data)
{
  g_autofree char *path = write_tiny (NULL, MODEL_TYPE_Q4_0);
  g_autoptr (EngineModel) model = open_on (path, data, 2, 0);
  g_autoptr (GError) error = NULL;
  g_autoptr (EngineSession) session = NULL;
  const size_t n = 3000;
  g_autofree const char **many = g_new (const char *, n);
  g_autofree float *vectors = NULL;
  GThread *thread;
  gint64 start_us;

  if (model == NULL)
    return;
  session = engine_session_new (model, &error);
  vectors = g_new (float, n *engine_model_embedding_size (model));
  for (size_t i = 0; i < n; i++)
    many[i] = texts[4];
  start_us = g_get_monotonic_time ();
  thread = g_thread_new ("cancel", cancel_soon, session);
  g_assert_false (engine_session_embed (session, ENGINE_EMBED_RAW, many, n, vectors, NULL, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED);
  g_clear_error (&error);
  g_thread_join (thread);
  g_test_message ("cancelled %.0f ms after the start",
                  (double) (g_get_monotonic_time () - start_us) / 1e3);
  engine_session_rearm (session);
  engine_session_embed (session, ENGINE_EMBED_RAW, many, 2, vectors, NULL, &error);
  g_assert_no_error (error);
}

/* ---- the real model ------------------------------------------------------------------------- */

static EngineEmbedKind
kind_of (JsonObject *text)
{
  gboolean query = g_strcmp0 (json_object_get_string_member (text, "kind"), "query") == 0;

  return query ? ENGINE_EMBED_QUERY : ENGINE_EMBED_PASSAGE;
}

static void
check_real (EngineModel *model, JsonObject *text, double limit)
{
  const char *string = json_object_get_string_member (text, "text");
  guint repeat = (guint) json_object_get_int_member (text, "repeat");
  JsonArray *numbers = json_object_get_array_member (text, "vector");
  uint32_t size = engine_model_embedding_size (model);
  g_autoptr (GString) whole = g_string_new (NULL);
  g_autofree double *want = g_new (double, size);
  g_autofree float *got = NULL;
  double off;

  for (guint i = 0; i < repeat; i++)
    g_string_append (whole, string);
  g_assert_cmpuint (json_array_get_length (numbers), ==, size);
  for (guint i = 0; i < size; i++)
    want[i] = json_array_get_double_element (numbers, i);
  got = embed (model, kind_of (text), (const char *const *) &whole->str, 1);
  off = distance (want, got, size);
  g_test_message ("%s: 1 - cosine %.2g", json_object_get_string_member (text, "name"), off);
  g_assert_cmpfloat (off, <, limit);
}

static void
test_real (gconstpointer data)
{
  const Target *target = data;
  const char *path = g_getenv ("BOTTEGA_TEST_EMBED_MODEL");
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (EngineModel) model = NULL;
  JsonArray *list;
  guint n;

  if (path == NULL || path[0] == '\0') {
    g_test_skip ("BOTTEGA_TEST_EMBED_MODEL is not set");
    return;
  }
  model = open_on (path, target, 0, 0);
  if (model == NULL)
    return;
  json_parser_load_from_file (parser, vectors_path, &error);
  g_assert_no_error (error);
  list = json_node_get_array (json_parser_get_root (parser));
  n = g_strcmp0 (target->tier, "portable") == 0 ? 3 : json_array_get_length (list);
  for (guint i = 0; i < n; i++)
    check_real (model, json_array_get_object_element (list, i), limit_of (target));
}

static void
add_per_target (const char *name, void (*test) (gconstpointer))
{
  for (size_t i = 0; i < G_N_ELEMENTS (targets); i++) {
    g_autofree char *path =
        g_strdup_printf ("/session/embed/%s/%s", name,
                         targets[i].tier != NULL ? targets[i].tier : targets[i].device);

    if (strcmp (targets[i].device, device_under_test) == 0)
      g_test_add_data_func (path, &targets[i], test);
  }
}

int
main (int argc, char **argv)
{
  g_autofree char *path = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 3);
  vectors_path = argv[1];
  device_under_test = argv[2];
  folder = g_dir_make_tmp ("bottega-embed-XXXXXX", NULL);
  path = g_build_filename (folder, "tiny.gguf", NULL);
  add_per_target ("definition", test_definition);
  g_test_add_func ("/session/embed/pooling", test_pooling);
  if (strcmp (device_under_test, "cpu") == 0) {
    add_per_target ("same-bits", test_same_bits);
    g_test_add_func ("/session/embed/prefixes", test_prefixes);
    g_test_add_func ("/session/embed/refusals", test_refusals);
  }
  add_per_target ("cancel", test_cancel);
  add_per_target ("real", test_real);
  status = g_test_run ();
  g_unlink (path);
  g_rmdir (folder);
  g_free (folder);
  return status;
}

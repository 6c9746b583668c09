/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions of tiny models that share what their prompts begin with, on the device, with the type of
 * keys and values, that are given: the log-probabilities and tokens of a session that read
 * everything, also after two parted inside a page, after a cancel in the middle, after the other
 * has ended, and when there are too few pages for both. Looks into models for the numbers. */
#include "engine/session/session.h"
#include "tests/engine/answers.h"
#include "tests/engine/session/pair.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define N_COMPARED 20

static const char *device, *kv_type;
static char *folder;

static TestPair
open_both (gconstpointer kind)
{
  return test_pair_open (folder, (TinyKind) GPOINTER_TO_INT (kind),
                         &(EngineModelOptions) { .device = device,
                                                 .kv_type = kv_type,
                                                 .context_tokens = 512,
                                                 .chunk_tokens = 16 });
}

/* The first n_before tokens of `before` (NULL: nothing), and n that are a function of the seed. */
static GArray *
extend (const GArray *before, guint n_before, uint64_t seed, unsigned n)
{
  GArray *tokens = g_array_new (FALSE, FALSE, sizeof (gint32));

  if (before != NULL)
    g_array_append_vals (tokens, before->data, n_before);
  test_add_tokens (tokens, seed, n);
  return tokens;
}

/* The token that follows, and its likeliest rivals: [N_COMPARED] in the model. */
static void
read_next (EngineSession *session, const GArray *prompt, EngineStats *stats)
{
  EngineGenerate options = ENGINE_GENERATE_DEFAULT;
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (gint32));

  options.max_tokens = 1;
  options.ignore_end = TRUE;
  test_generate (session, prompt, &options, tokens, stats);
  g_assert_cmpuint (tokens->len, ==, 1);
}

/* On the processor a sum does not depend on the batch that it was made in: bit for bit. */
static void
compare (const EngineModel *got, const EngineModel *want)
{
  const EngineCandidate *mine = got->rows.candidates, *its = want->rows.candidates;
  double bar = g_str_equal (device, "cpu") ? 0 : 2e-3;

  g_assert_cmpfloat_with_epsilon (got->rows.lse[0], want->rows.lse[0], bar + 1e-12);
  for (int i = 0; i < N_COMPARED; i++) {
    if (bar == 0)
      g_assert_cmpint (mine[i].id, ==, its[i].id);
    g_assert_cmpfloat_with_epsilon (mine[i].logit, its[i].logit, bar + 1e-12);
  }
}

/* The session goes on as one that reads everything. Returns what it did not read. */
static uint32_t
check (const TestPair *tiny, EngineSession *session, const GArray *prompt)
{
  g_autoptr (EngineSession) fresh = test_session_new (tiny->other);
  uint32_t reusable = engine_session_reusable (session, prompt);
  EngineStats stats, all;

  read_next (session, prompt, &stats);
  engine_model_forget (tiny->other);
  read_next (fresh, prompt, &all);
  g_assert_cmpuint (all.reused_tokens, ==, 0);
  g_assert_cmpuint (stats.reused_tokens, ==, reusable);
  g_assert_cmpuint (stats.read_tokens, ==, prompt->len - reusable);
  compare (session->model, fresh->model);
  return reusable;
}

static gboolean
is_plain (gconstpointer kind)
{
  return GPOINTER_TO_INT (kind) == TINY_LLAMA;
}

/* The same prompt again: states stand still before its end only. */
static void
check_again (const TestPair *tiny, EngineSession *session, const GArray *prompt)
{
  gboolean has_states = tiny->model->cache.states.n_pages > 0;
  uint32_t reused = check (tiny, session, prompt);

  g_assert_cmpuint (reused, <, prompt->len);
  g_assert_cmpuint (reused, >=, has_states ? prompt->len / 2 : prompt->len - 1);
}

static uint32_t
n_free (const TestPair *tiny)
{
  return tiny->model->cache.pools[GRAPH_KV_FULL].n_free;
}

/* Two timelines part inside the second page; each then goes on as if it were alone. */
static void
test_part (gconstpointer kind)
{
  g_auto (TestPair) tiny = open_both (kind);
  g_autoptr (EngineSession) one = test_session_new (tiny.model);
  g_autoptr (EngineSession) two = test_session_new (tiny.model);
  g_autoptr (GArray) first = extend (NULL, 0, 1, 150);
  g_autoptr (GArray) second = extend (first, 100, 2, 30);
  g_autoptr (GArray) first_on = extend (first, 150, 3, 20), second_on = extend (second, 130, 4, 9);
  uint32_t n_pages = n_free (&tiny), reused;

  g_assert_cmpuint (check (&tiny, one, first), ==, 0);
  g_assert_cmpuint (n_pages - n_free (&tiny), ==, 3);
  reused = check (&tiny, two, second);
  if (is_plain (kind)) {
    g_assert_cmpuint (reused, ==, 100);
    g_assert_cmpuint (n_pages - n_free (&tiny), ==, 3 + 2); /* one is shared */
  }
  g_assert_cmpuint (check (&tiny, one, first_on), >=, 150);
  g_assert_cmpuint (check (&tiny, two, second_on), >=, 130);
  check_again (&tiny, one, second_on);
  reused = check (&tiny, two, first_on); /* of states there may be too few for this */
  if (tiny.model->cache.states.n_pages == 0)
    g_assert_cmpuint (reused, >, 0);
}

static void
cancel_at_once (const EngineEvent *event, void *user_data)
{
  if (event->kind == ENGINE_EVENT_READING && event->done > 120)
    engine_session_cancel (user_data);
}

/* A session that took over pages and was cancelled while it read on leaves both as they were. */
static void
test_cancel (gconstpointer kind)
{
  g_auto (TestPair) tiny = open_both (kind);
  g_autoptr (EngineSession) one = test_session_new (tiny.model);
  g_autoptr (EngineSession) two = test_session_new (tiny.model);
  g_autoptr (GArray) first = extend (NULL, 0, 5, 150);
  g_autoptr (GArray) second = extend (first, 100, 6, 120);
  g_autoptr (GArray) first_on = extend (first, 150, 7, 20);
  EngineGenerate options = ENGINE_GENERATE_GREEDY;
  g_autoptr (GError) error = NULL;
  EngineStats stats;

  check (&tiny, one, first);
  g_assert_true (
      engine_session_generate (two, second, &options, cancel_at_once, two, &stats, &error));
  g_assert_no_error (error);
  g_assert_cmpint (stats.stop, ==, ENGINE_STOP_CANCELLED);
  engine_session_rearm (two);
  g_assert_cmpuint (check (&tiny, one, first_on), >=, 150);
  g_assert_cmpuint (check (&tiny, two, second), >, is_plain (kind) ? 120 : 0);
}

/* What a session that has ended held, and what one left for another prompt, is not read again. */
static void
test_ended (gconstpointer kind)
{
  g_auto (TestPair) tiny = open_both (kind);
  g_autoptr (GArray) first = extend (NULL, 0, 8, 140), first_on = extend (first, 140, 9, 10);
  g_autoptr (GArray) strange = extend (NULL, 0, 10, 90);
  g_autoptr (EngineSession) two = NULL;

  {
    g_autoptr (EngineSession) one = test_session_new (tiny.model);

    check (&tiny, one, first);
  }
  two = test_session_new (tiny.model);
  g_assert_cmpuint (check (&tiny, two, first_on), >=, 140);
  g_assert_cmpuint (check (&tiny, two, strange), ==, 0);
  check_again (&tiny, two, first_on);
  engine_model_forget (tiny.model);
  g_assert_cmpuint (engine_session_n_tokens (two), ==, 0);
  g_assert_cmpuint (check (&tiny, two, first), ==, 0);
}

/* 512 tokens hold two of these three: the one used longest ago gives way, from its end. */
static void
test_evict (gconstpointer kind)
{
  g_auto (TestPair) tiny = open_both (kind);
  EngineSession *sessions[3];
  GArray *prompts[3];

  for (uint64_t i = 0; i < 3; i++) {
    sessions[i] = test_session_new (tiny.model);
    prompts[i] = extend (NULL, 0, 11 + i, 200);
    g_assert_cmpuint (check (&tiny, sessions[i], prompts[i]), ==, 0);
  }
  if (is_plain (kind))
    g_assert_cmpuint (engine_session_n_tokens (sessions[0]), <, 100);
  for (int i = 0; i < 6; i++)
    check (&tiny, sessions[i % 3], prompts[(i + i / 3) % 3]);
  for (int i = 0; i < 3; i++) {
    engine_session_free (sessions[i]);
    g_array_unref (prompts[i]);
  }
}

/* A file of one session is taken up by another while the first goes on. */
static void
test_file (gconstpointer kind)
{
  g_auto (TestPair) tiny = open_both (kind);
  g_autoptr (EngineSession) one = test_session_new (tiny.model);
  g_autoptr (EngineSession) two = test_session_new (tiny.model);
  g_autofree char *path = g_build_filename (folder, "kept", NULL);
  g_autoptr (GArray) first = extend (NULL, 0, 14, 150), first_on = extend (first, 150, 15, 8);
  g_autoptr (GArray) other = extend (first, 60, 16, 30);
  g_autoptr (GError) error = NULL;
  uint32_t restorable;
  GStatBuf info;

  check (&tiny, one, first);
  g_assert_true (engine_session_save (one, path, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_stat (path, &info), ==, 0);
  g_assert_cmpuint ((guint64) info.st_size, ==, engine_session_saved_bytes (one));
  engine_model_forget (tiny.model);
  restorable = engine_session_restorable (two, path, other, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (engine_session_restorable (two, path, first_on, &error), ==, 150);
  g_assert_no_error (error);
  g_assert_true (engine_session_restore (two, path, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (engine_session_reusable (one, other), ==, restorable);
  g_assert_cmpuint (check (&tiny, two, first_on), ==, 150);
  g_assert_cmpuint (check (&tiny, one, other), ==, is_plain (kind) ? 60 : restorable);

  engine_session_cancel (two);
  g_assert_false (engine_session_save (two, path, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED);
  g_clear_error (&error);
  g_unlink (path);
  g_assert_cmpuint (engine_session_restorable (two, path, other, &error), ==, 0);
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_IO);
}

/* Tokens that stand in a row in a file. */
static gboolean
holds (const char *path, const gint32 *tokens, guint n)
{
  g_autofree char *bytes = NULL;
  gsize n_bytes;

  g_assert_true (g_file_get_contents (path, &bytes, &n_bytes, NULL));
  return memmem (bytes, n_bytes, tokens, n * sizeof *tokens) != NULL;
}

/* The beginning alone: whoever begins so goes on from it, and nothing is in it of what followed. */
static void
test_beginning (gconstpointer kind)
{
  g_auto (TestPair) tiny = open_both (kind);
  g_autoptr (EngineSession) one = test_session_new (tiny.model);
  g_autoptr (EngineSession) two = test_session_new (tiny.model);
  g_autofree char *path = g_build_filename (folder, "beginning", NULL);
  g_autoptr (GArray) first = extend (NULL, 0, 17, 150), other = extend (first, 140, 18, 30);
  g_autoptr (GArray) shorter = extend (first, 100, 19, 40);
  g_autoptr (GError) error = NULL;
  GStatBuf info;

  check (&tiny, one, first);
  if (!is_plain (kind)) {
    g_assert_false (engine_session_save_prefix (one, 140, path, &error));
    g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_UNSUPPORTED);
    return;
  }
  g_assert_false (engine_session_save_prefix (one, 63, path, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_false (engine_session_save_prefix (one, 1000, path, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_true (engine_session_save_prefix (one, 140, path, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_stat (path, &info), ==, 0);
  g_assert_cmpuint ((guint64) info.st_size, ==, engine_session_prefix_bytes (one, 140));
  g_assert_true (holds (path, (const gint32 *) (const void *) first->data, 128));
  g_assert_false (holds (path, (const gint32 *) (const void *) first->data + 128, 2));
  engine_model_forget (tiny.model);
  g_assert_cmpuint (engine_session_restorable (two, path, other, &error), ==, 128);
  g_assert_true (engine_session_restore (two, path, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (check (&tiny, two, other), ==, 128);
  g_assert_true (engine_session_restore (two, path, &error));
  g_assert_cmpuint (check (&tiny, two, shorter), ==, 100);
  g_unlink (path);
}

int
main (int argc, char **argv)
{
  static const TinyKind kinds[] = { TINY_LLAMA, TINY_GEMMA3, TINY_GEMMA4, TINY_LFM2 };
  static const struct {
    const char *name;
    GTestDataFunc function;
    gboolean moves; /* bytes on the device, and not only numbers of pages */
  } tests[] = {
    { "part", test_part, TRUE },
    { "file", test_file, TRUE },
    { "beginning", test_beginning, TRUE },
    { "cancel", test_cancel, FALSE },
    { "ended", test_ended, FALSE },
    { "evict", test_evict, FALSE },
  };
  int status;

  g_test_init (&argc, &argv, NULL);
  if (argc != 3) {
    g_printerr ("usage: test-prefix DEVICE KV-TYPE\n");
    return 2;
  }
  device = argv[1];
  kv_type = argv[2];
  folder = g_dir_make_tmp ("bottega-prefix-XXXXXX", NULL);
  for (size_t k = 0; k < G_N_ELEMENTS (kinds); k++) {
    for (size_t i = 0; i < G_N_ELEMENTS (tests); i++) {
      g_autofree char *name =
          g_strdup_printf ("/engine/prefix/%s/%s", tests[i].name, tiny_names[kinds[k]]);

      if (!tests[i].moves && !g_str_equal (device, "cpu")) /* the software driver is slow */
        continue;
      g_test_add_data_func (name, GINT_TO_POINTER (kinds[k]), tests[i].function);
    }
  }
  status = g_test_run ();
  g_rmdir (folder);
  g_free (folder);
  return status;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conversations of tiny models whose layers keep states, through engine.h on the device that is
 * given: what a turn reads again, that it writes what a fresh session writes, and that it goes on
 * from a file. */
#include "tests/engine/answers.h"
#include "tests/engine/session/pair.h"

#include <glib/gstdio.h>

#define ANSWER_TOKENS 6

static const char *device;
static char *folder;

static TestPair
open_both (gconstpointer kind)
{
  return test_pair_open (folder, (TinyKind) GPOINTER_TO_INT (kind),
                         &(EngineModelOptions) {
                             .device = device, .context_tokens = 256, .chunk_tokens = 16 });
}

/* `before` (NULL: nothing), and n tokens that are a function of the seed. */
static GArray *
extend (const GArray *before, uint64_t seed, unsigned n)
{
  GArray *tokens = before != NULL ? g_array_copy ((GArray *) before)
                                  : g_array_new (FALSE, FALSE, sizeof (gint32));

  test_add_tokens (tokens, seed, n);
  return tokens;
}

static GArray *
answer (EngineSession *session, const GArray *prompt, EngineStats *stats)
{
  EngineGenerate options = ENGINE_GENERATE_GREEDY;
  GArray *tokens = g_array_new (FALSE, FALSE, sizeof (gint32));

  options.max_tokens = ANSWER_TOKENS;
  options.ignore_end = TRUE;
  test_generate (session, prompt, &options, tokens, stats);
  g_assert_cmpuint (tokens->len, ==, ANSWER_TOKENS);
  return tokens;
}

/* The session's answer is a fresh one's, and so many tokens are not read again. Returns prompt and
 * answer. */
static GArray *
take_turn (const TestPair *tiny, EngineSession *session, const GArray *prompt, uint32_t reused)
{
  g_autoptr (EngineSession) fresh = test_session_new (tiny->other);
  g_autoptr (GArray) expected = NULL, got = NULL;
  GArray *all = g_array_copy ((GArray *) prompt);
  EngineStats stats;

  g_assert_cmpuint (engine_session_reusable (session, prompt), ==, reused);
  got = answer (session, prompt, &stats);
  g_assert_cmpuint (stats.reused_tokens, ==, reused);
  g_assert_cmpuint (stats.read_tokens, ==, prompt->len - reused);
  engine_model_forget (tiny->other);
  expected = answer (fresh, prompt, &stats);
  g_assert_cmpuint (stats.reused_tokens, ==, 0);
  g_assert_cmpmem (got->data, got->len * sizeof (gint32), expected->data,
                   expected->len * sizeof (gint32));
  g_array_append_vals (all, got->data, got->len);
  return all;
}

/* States stand still in two places: behind what was written, and at the mark just before the end of
 * the last prompt, which a turn goes back to that writes the answer otherwise. */
static void
test_turns (gconstpointer kind)
{
  g_auto (TestPair) tiny = open_both (kind);
  g_autoptr (EngineSession) session = test_session_new (tiny.model);
  g_autoptr (GArray) first = extend (NULL, 1, 70), written = NULL, second = NULL, third = NULL,
                     fourth = NULL, left = NULL;
  uint32_t mark;

  written = take_turn (&tiny, session, first, 0);
  second = extend (written, 2, 30);
  g_array_unref (take_turn (&tiny, session, second, engine_session_n_tokens (session)));
  /* Parts from what was written at the end of the second prompt. */
  third = extend (second, 3, 9);
  mark = engine_session_reusable (session, third);
  g_assert_cmpuint (mark, >, first->len);
  g_assert_cmpuint (mark, <, second->len);
  g_array_unref (take_turn (&tiny, session, third, mark));
  /* And again: the mark is of the last prompt now. */
  left = extend (third, 4, 5);
  mark = engine_session_reusable (session, left);
  g_assert_cmpuint (mark, >, second->len - 16);
  g_array_unref (take_turn (&tiny, session, left, mark));
  /* Parts far before the mark: all is read again. */
  fourth = extend (first, 5, 12);
  g_array_unref (take_turn (&tiny, session, fourth, 0));
}

/* A file holds the state behind what was written, and that of the mark. */
static void
test_kept (gconstpointer kind)
{
  g_auto (TestPair) tiny = open_both (kind);
  g_autoptr (EngineSession) session = test_session_new (tiny.model);
  g_autofree char *path = g_build_filename (folder, "kept", NULL);
  g_autoptr (GArray) prompt = extend (NULL, 6, 50), written = NULL;
  GArray *nexts[2];
  g_autoptr (GError) error = NULL;
  uint32_t reused[2], held;

  written = take_turn (&tiny, session, prompt, 0);
  held = engine_session_n_tokens (session);
  nexts[0] = extend (written, 7, 8);
  nexts[1] = extend (prompt, 8, 8);
  for (int i = 0; i < 2; i++)
    reused[i] = engine_session_reusable (session, nexts[i]);
  g_assert_cmpuint (reused[0], ==, held);
  g_assert_cmpuint (reused[1], >, 0);
  engine_session_save (session, path, &error);
  g_assert_no_error (error);
  for (int i = 0; i < 2; i++) {
    engine_session_restore (session, path, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (engine_session_n_tokens (session), ==, held);
    g_array_unref (take_turn (&tiny, session, nexts[i], reused[i]));
  }
  g_array_unref (nexts[0]);
  g_array_unref (nexts[1]);
  g_unlink (path);
}

/* Two conversations at a time: each goes on where it was or reads again, and none is refused; a
 * session takes over what another has of its prompt. */
static void
test_two (gconstpointer kind)
{
  g_auto (TestPair) tiny = open_both (kind);
  g_autoptr (EngineSession) session = test_session_new (tiny.model);
  g_autoptr (EngineSession) second = test_session_new (tiny.model);
  g_autoptr (GArray) prompt = extend (NULL, 9, 70), written = NULL, next = NULL, other = NULL;
  uint32_t reused;

  written = take_turn (&tiny, session, prompt, 0);
  other = extend (written, 11, 20);
  reused = engine_session_reusable (second, other);
  g_assert_cmpuint (reused, ==, engine_session_n_tokens (session));
  g_array_unref (take_turn (&tiny, second, other, reused));
  next = extend (written, 10, 8);
  g_array_unref (take_turn (&tiny, session, next, engine_session_reusable (session, next)));
  for (uint64_t turn = 0; turn < 3; turn++) {
    g_autoptr (GArray) strange = extend (NULL, 20 + turn, 100);

    g_array_unref (take_turn (&tiny, turn == 1 ? session : second, strange,
                              engine_session_reusable (session, strange)));
  }
}

int
main (int argc, char **argv)
{
  static const TinyKind kinds[] = { TINY_LFM2, TINY_QWEN35, TINY_GRANITEHYBRID };
  int status;

  g_test_init (&argc, &argv, NULL);
  if (argc != 2) {
    g_printerr ("usage: test-states DEVICE\n");
    return 2;
  }
  device = argv[1];
  folder = g_dir_make_tmp ("bottega-states-XXXXXX", NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++) {
    g_autofree char *turns = g_strconcat ("/engine/states/turns/", tiny_names[kinds[i]], NULL);
    g_autofree char *kept = g_strconcat ("/engine/states/kept/", tiny_names[kinds[i]], NULL);
    g_autofree char *two = g_strconcat ("/engine/states/two/", tiny_names[kinds[i]], NULL);

    g_test_add_data_func (turns, GINT_TO_POINTER (kinds[i]), test_turns);
    g_test_add_data_func (kept, GINT_TO_POINTER (kinds[i]), test_kept);
    g_test_add_data_func (two, GINT_TO_POINTER (kinds[i]), test_two);
  }
  status = g_test_run ();
  g_rmdir (folder);
  g_free (folder);
  return status;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tiny models that guess for others: the tokens are the same as without, be the guesses right,
 * wrong or mixed, over turns and cancels; what the small model holds keeps in step; what cannot
 * guess is refused. Looks into models for the one that guesses. */
#include "engine/session/drafter.h"
#include "tests/engine/answers.h"
#include "tests/engine/make-gguf.h"
#include "tests/engine/session/pair.h"

#include <string.h>

static const char *device;
static char *folder;

static char *
write_model (const char *name, TinyKind kind, uint64_t seed)
{
  char *path = g_build_filename (folder, name, NULL);

  tiny_write_sure (path, kind, seed);
  return path;
}

static EngineModel *
open_with (const char *path, const char *draft_path)
{
  g_autoptr (GError) error = NULL;
  EngineModel *model = engine_model_open (path,
                                          &(EngineModelOptions) { .device = device,
                                                                  .context_tokens = 512,
                                                                  .chunk_tokens = 32,
                                                                  .draft_path = draft_path },
                                          &error);

  g_assert_no_error (error);
  return model;
}

/* A model that writes, its file's seed being 1, and one that guesses for it: of the same seed it is
 * always right, of another one next to never. */
static EngineModel *
open_pair (uint64_t seed)
{
  g_autofree char *path = write_model ("large.gguf", TINY_LLAMA, 1);
  g_autofree char *draft_path = write_model ("small.gguf", TINY_LLAMA, seed);

  return open_with (path, draft_path);
}

/* As if its guesses had always been worth their time, which those of so small models are not. */
static void
encourage (EngineModel *model)
{
  SessionGuesser *guesser = session_drafter_guesser (model->drafter, NULL);

  guesser->pause = 0;
  guesser->ahead = 8;
  guesser->owed = 0;
}

/* ---- answers -------------------------------------------------------------------------------- */

typedef struct {
  EngineSession *session;
  GArray *tokens;
  guint cancel_after; /* tokens; 0: never */
} Listener;

static void
listen (const EngineEvent *event, void *user_data)
{
  Listener *listener = user_data;

  if (event->kind != ENGINE_EVENT_TOKEN || event->token < 0)
    return;
  g_array_append_val (listener->tokens, event->token);
  if (listener->tokens->len == listener->cancel_after)
    engine_session_cancel (listener->session);
}

/* Two turns, the first cancelled after so many tokens (0: not), and one that goes on elsewhere. */
static GArray *
converse (EngineModel *model, EngineGenerate options, guint cancel_after, EngineStats *stats)
{
  g_autoptr (EngineSession) session = test_session_new (model);
  g_autoptr (GArray) prompt = g_array_new (FALSE, FALSE, sizeof (gint32));
  GArray *all = g_array_new (FALSE, FALSE, sizeof (gint32));

  engine_model_forget (model);
  *stats = (EngineStats) { 0 };
  test_add_tokens (prompt, 7, 70);
  for (int turn = 0; turn < 3; turn++) {
    g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (gint32));
    Listener listener = { session, tokens, turn == 0 ? cancel_after : 0 };
    g_autoptr (GError) error = NULL;
    EngineStats its;

    if (model->drafter != NULL)
      encourage (model);
    engine_session_rearm (session);
    g_assert_true (
        engine_session_generate (session, prompt, &options, listen, &listener, &its, &error));
    g_assert_no_error (error);
    stats->drafted_tokens += its.drafted_tokens;
    stats->accepted_tokens += its.accepted_tokens;
    stats->model_drafted_tokens += its.model_drafted_tokens;
    stats->model_accepted_tokens += its.model_accepted_tokens;
    stats->written_tokens += its.written_tokens;
    g_array_append_vals (all, tokens->data, tokens->len);
    if (turn == 0) { /* goes on after the answer, then parts from it inside */
      g_array_append_vals (prompt, tokens->data, tokens->len);
      test_add_tokens (prompt, 8, 9);
    } else {
      g_array_set_size (prompt, 50);
      test_add_tokens (prompt, 9, 40);
    }
  }
  return all;
}

static EngineGenerate
ways (guint i)
{
  EngineGenerate options = i == 0 ? ENGINE_GENERATE_GREEDY : ENGINE_GENERATE_DEFAULT;

  options.max_tokens = 60;
  options.ignore_end = TRUE;
  options.seed = i;
  if (i == 2) { /* whole rows of logits */
    options.top_k = 0;
    options.repetition_penalty = 1.1f;
  }
  return options;
}

/* Greedy and drawn, with and without a cancel: what guesses changes no token. */
static void
check_same (uint64_t seed, guint n_ways, EngineStats *greedy)
{
  g_autofree char *path = write_model ("alone.gguf", TINY_LLAMA, 1);
  g_autoptr (EngineModel) model = open_pair (seed), alone = open_with (path, NULL);

  for (guint i = 0; i < n_ways; i++) {
    for (guint cancel_after = 0; cancel_after <= 21; cancel_after += 21) {
      EngineStats stats, plain;
      g_autoptr (GArray) with = converse (model, ways (i), cancel_after, &stats);
      g_autoptr (GArray) without = converse (alone, ways (i), cancel_after, &plain);

      g_test_message ("%u of %u guesses of the model right, %u of %u in all, %u tokens",
                      stats.model_accepted_tokens, stats.model_drafted_tokens,
                      stats.accepted_tokens, stats.drafted_tokens, stats.written_tokens);
      g_assert_cmpmem (with->data, with->len * sizeof (gint32), without->data,
                       without->len * sizeof (gint32));
      g_assert_cmpuint (stats.model_drafted_tokens, >, 0);
      g_assert_cmpuint (stats.model_drafted_tokens, <=, stats.drafted_tokens);
      g_assert_cmpuint (stats.model_accepted_tokens, <=, stats.accepted_tokens);
      g_assert_cmpuint (plain.model_drafted_tokens, ==, 0);
      if (i == 0 && cancel_after == 0)
        *greedy = stats;
    }
  }
}

static void
test_right (void)
{
  EngineStats greedy;

  check_same (1, g_str_equal (device, "cpu") ? 3 : 1, &greedy);
  g_assert_cmpuint (greedy.model_accepted_tokens, >=, greedy.model_drafted_tokens * 9 / 10);
  g_assert_cmpuint (greedy.model_accepted_tokens, >, 10);
}

static void
test_wrong (void)
{
  EngineStats greedy;

  check_same (2, 3, &greedy);
  g_assert_cmpuint (greedy.model_accepted_tokens, <=, greedy.model_drafted_tokens / 4);
}

/* Guesses that are wrong are hardly asked for, and less and less often. */
static void
test_switches_off (void)
{
  g_autoptr (EngineModel) model = open_pair (2);
  g_autoptr (EngineSession) session = test_session_new (model);
  uint32_t drafted[2];

  for (int answer = 0; answer < 2; answer++) {
    g_autoptr (GArray) prompt = g_array_new (FALSE, FALSE, sizeof (gint32));
    g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (gint32));
    EngineGenerate options = ENGINE_GENERATE_DEFAULT;
    EngineStats stats;

    options.max_tokens = 400;
    options.ignore_end = TRUE;
    options.temperature = 2; /* no look-up */
    test_add_tokens (prompt, 7, 60);
    test_generate (session, prompt, &options, tokens, &stats);
    g_test_message ("%u guesses in %u tokens", stats.model_drafted_tokens, stats.written_tokens);
    drafted[answer] = stats.model_drafted_tokens;
  }
  g_assert_cmpuint (drafted[0], >, 0);
  g_assert_cmpuint (drafted[0] + drafted[1], <, 2 * 400 / 4);
}

/* ---- what the small model holds ------------------------------------------------------------- */

static guint32
ask (EngineModel *model, const GArray *tokens, const gint *cancel, gint32 guesses[8])
{
  SessionGuesser *guesser = session_drafter_guesser (model->drafter, cancel);

  return guesser->guess (guesser, (const gint32 *) tokens->data, tokens->len, guesses, 8);
}

/* What it guesses after tokens is what one guesses that has read nothing else. */
static guint32
check_step (EngineModel *model, EngineModel *fresh, const GArray *tokens, gint32 guesses[8])
{
  const gint never = 0;
  gint32 expected[8];
  guint32 n = ask (model, tokens, &never, guesses), n_expected;

  engine_model_forget (fresh);
  n_expected = ask (fresh, tokens, &never, expected);
  g_assert_cmpmem (guesses, n * sizeof *guesses, expected, n_expected * sizeof *expected);
  return n;
}

static void
test_step (gconstpointer kind)
{
  g_autofree char *path = write_model ("large.gguf", TINY_LLAMA, 1);
  g_autofree char *draft_path = write_model ("small.gguf", GPOINTER_TO_INT (kind), 3);
  g_autoptr (EngineModel) model = open_with (path, draft_path);
  g_autoptr (EngineModel) fresh = open_with (path, draft_path);
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (gint32));
  guint32 n_guesses = 0;
  uint64_t seed = 5;

  test_add_tokens (tokens, 1, 90);
  for (guint round = 0; round < 24; round++) {
    const gint cancelled = 1;
    gint32 guesses[8];
    guint32 n = check_step (model, fresh, tokens, guesses), held;

    n_guesses += n;
    held = n > 0 ? (guint32) (test_random (&seed) % (n + 1)) : 0;
    g_array_append_vals (tokens, guesses, held); /* those, and then another token */
    test_add_tokens (tokens, 100 + round, 1);
    if (round % 6 == 3) { /* gives up inside a longer reading */
      test_add_tokens (tokens, 200 + round, 50);
      g_assert_cmpuint (ask (model, tokens, &cancelled, guesses), ==, 0);
    } else if (round % 6 == 5) { /* the next turn parts from this one */
      g_array_set_size (tokens, tokens->len - 30);
      test_add_tokens (tokens, 300 + round, 12);
    }
  }
  g_test_message ("%u guesses in 24 rounds", n_guesses);
  g_assert_cmpuint (n_guesses, >, 24);
}

/* It guesses no further than its context goes. */
static void
test_context (void)
{
  g_autoptr (EngineModel) model = open_pair (1);
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (gint32));
  const gint never = 0;
  gint32 guesses[8];

  test_add_tokens (tokens, 1, 510);
  g_assert_cmpuint (ask (model, tokens, &never, guesses), <=, 2);
  test_add_tokens (tokens, 2, 2);
  g_assert_cmpuint (ask (model, tokens, &never, guesses), ==, 0);
}

/* ---- what is refused, and what it takes ----------------------------------------------------- */

static void
assert_refused (const char *path, const char *draft_path, int code, const char *word)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (EngineModel) model = engine_model_open (
      path, &(EngineModelOptions) { .device = device, .draft_path = draft_path }, &error);

  g_assert_null (model);
  g_assert_error (error, ENGINE_ERROR, code);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, word));
}

static void
test_refused (void)
{
  g_autofree char *path = write_model ("large.gguf", TINY_LLAMA, 1);
  g_autofree char *states = write_model ("states.gguf", TINY_LFM2, 1);
  g_autofree char *vectors = g_build_filename (folder, "vectors.gguf", NULL);
  g_autofree char *missing = g_build_filename (folder, "missing.gguf", NULL);
  const char *other = g_getenv ("BOTTEGA_TEST_MODEL");

  test_gguf_write_bert (vectors, &(TestBert) { 0 }, MODEL_TYPE_Q8_0, 1);
  assert_refused (path, other, ENGINE_ERROR_INVALID, "vocabular");
  assert_refused (other, path, ENGINE_ERROR_INVALID, "vocabular");
  assert_refused (path, vectors, ENGINE_ERROR_INVALID, "answers");
  assert_refused (vectors, path, ENGINE_ERROR_INVALID, "answers");
  assert_refused (states, path, ENGINE_ERROR_INVALID, "states");
  assert_refused (path, missing, ENGINE_ERROR_IO, "missing.gguf");
}

/* Tokens that only fill a table up do not part two vocabularies; memory is that of both. */
static void
test_memory (void)
{
  g_autofree char *path = write_model ("large.gguf", TINY_LLAMA, 1);
  g_autofree char *small = g_build_filename (folder, "small.gguf", NULL);
  g_autoptr (EngineModel) both = NULL, one = NULL, other = NULL;
  uint64_t bytes[3][3];

  test_gguf_write_llama (small, &(TestLlama) { .n_vocab = 352 }, MODEL_TYPE_Q8_0, 1);
  one = open_with (path, NULL);
  other = open_with (small, NULL);
  both = open_with (path, small);
  g_assert_cmpuint (engine_model_info (one)->vocabulary, ==,
                    engine_model_info (other)->vocabulary);
  /* It guesses with one class more. */
  g_assert_nonnull (session_model_executable (other, SESSION_CLASS_SMALL, NULL));
  engine_model_memory (one, &bytes[0][0], &bytes[0][1], &bytes[0][2]);
  engine_model_memory (other, &bytes[1][0], &bytes[1][1], &bytes[1][2]);
  engine_model_memory (both, &bytes[2][0], &bytes[2][1], &bytes[2][2]);
  for (int i = 0; i < 3; i++)
    g_assert_cmpuint (bytes[0][i] + bytes[1][i], ==, bytes[2][i]);
  g_assert_cmpuint (engine_model_gpu_bytes (one) + engine_model_gpu_bytes (other), ==,
                    engine_model_gpu_bytes (both));
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  if (argc != 2) {
    g_printerr ("usage: test-drafter DEVICE\n");
    return 2;
  }
  device = argv[1];
  folder = g_dir_make_tmp ("bottega-drafter-XXXXXX", NULL);
  g_test_add_func ("/engine/drafter/right", test_right);
  g_test_add_func ("/engine/drafter/memory", test_memory);
  if (g_str_equal (device, "cpu")) { /* the software driver is slow */
    g_test_add_func ("/engine/drafter/wrong", test_wrong);
    g_test_add_func ("/engine/drafter/switches-off", test_switches_off);
    g_test_add_func ("/engine/drafter/context", test_context);
    g_test_add_func ("/engine/drafter/refused", test_refused);
    g_test_add_data_func ("/engine/drafter/step/llama", GINT_TO_POINTER (TINY_LLAMA), test_step);
    g_test_add_data_func ("/engine/drafter/step/gemma3", GINT_TO_POINTER (TINY_GEMMA3), test_step);
    g_test_add_data_func ("/engine/drafter/step/lfm2", GINT_TO_POINTER (TINY_LFM2), test_step);
  }
  status = g_test_run ();
  tiny_remove_folder (folder);
  g_free (folder);
  return status;
}

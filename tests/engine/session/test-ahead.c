/* SPDX-License-Identifier: GPL-3.0-or-later */
/* On a graphics card the next token is queued before the last is read: the same answers come out as
 * without, whatever the sampler does, and whoever comes between. Each case is run on two models,
 * one of which queues. */
#include "engine/session/session.h"
#include "tests/engine/answers.h"
#include "tests/engine/make-gguf.h"
#include "tests/engine/session/pair.h"

#include <glib/gstdio.h>

#define CONTEXT_TOKENS 512
#define N_SESSIONS     3

static char *folder;

/* As many answers as queue, and one that does not. */
typedef struct {
  EngineModel *models[2];
  EngineSession *sessions[2][N_SESSIONS];
} Both;

static EngineModel *
open_model (const char *path, const char *quirks)
{
  const EngineModelOptions options = { .device = "vulkan", .context_tokens = CONTEXT_TOKENS };
  g_autoptr (GError) error = NULL;
  EngineModel *model;

  g_setenv ("BOTTEGA_VULKAN_QUIRKS", quirks, TRUE);
  model = engine_model_open (path, &options, &error);
  g_assert_no_error (error);
  return model;
}

static void
both_init (Both *both, TinyKind kind)
{
  g_autofree char *path = g_build_filename (folder, "tiny.gguf", NULL);

  tiny_write (path, kind, 3);
  both->models[0] = open_model (path, "ahead=0");
  both->models[1] = open_model (path, "ahead=1");
  g_unlink (path);
  for (unsigned m = 0; m < 2; m++)
    for (unsigned s = 0; s < N_SESSIONS; s++)
      both->sessions[m][s] = test_session_new (both->models[m]);
}

static void
both_clear (Both *both)
{
  for (unsigned m = 0; m < 2; m++) {
    for (unsigned s = 0; s < N_SESSIONS; s++)
      engine_session_free (both->sessions[m][s]);
    engine_model_close (both->models[m]);
  }
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Both, both_clear)

static GArray *
answer_on (EngineSession *session, const GArray *prompt, const EngineGenerate *options,
           EngineStats *stats)
{
  GArray *tokens = g_array_new (FALSE, FALSE, sizeof (gint32));

  test_generate (session, prompt, options, tokens, stats);
  return tokens;
}

/* Answers of a session on both; returns how many of the tokens were queued. */
static uint32_t
answer (Both *both, unsigned session, const GArray *prompt, const EngineGenerate *options)
{
  EngineStats stats, queued;
  g_autoptr (GArray) expected = answer_on (both->sessions[0][session], prompt, options, &stats);
  g_autoptr (GArray) got = answer_on (both->sessions[1][session], prompt, options, &queued);

  g_assert_cmpmem (got->data, got->len * sizeof (gint32), expected->data,
                   expected->len * sizeof (gint32));
  g_assert_cmpuint (stats.queued_tokens, ==, 0);
  return queued.queued_tokens;
}

/* Each way of sampling, over the end of a page. Of 50 tokens the first comes from the prompt, the
 * second is timed, and the third has nobody before it; a page begins and another one may. */
static void
test_samplers (gconstpointer kind)
{
  static const EngineGenerate ways[] = {
    { .temperature = 0, .top_p = 1, .repetition_penalty = 1 },
    { .temperature = 0, .top_p = 1, .repetition_penalty = 1.3f, .repetition_window = 64 },
    { .temperature = 0.8f, .top_k = 40, .top_p = 1, .repetition_penalty = 1 },
    { .temperature = 1.5f, .top_k = 200, .top_p = 0.9f, .repetition_penalty = 1 },
    { .temperature = 1, .top_k = 100, .top_p = 1, .min_p = 0.05f, .repetition_penalty = 1 },
    { .temperature = 2,
      .top_k = 30,
      .top_p = 0.95f,
      .min_p = 0.01f,
      .repetition_penalty = 1.2f,
      .repetition_window = 32 },
    { .temperature = 1, .top_k = 1, .top_p = 1, .repetition_penalty = 1 },
  };
  g_auto (Both) both;

  both_init (&both, GPOINTER_TO_UINT (kind));
  for (size_t i = 0; i < G_N_ELEMENTS (ways); i++) {
    g_autoptr (GArray) prompt = g_array_new (FALSE, FALSE, sizeof (gint32));
    EngineGenerate options = ways[i];
    uint32_t n;

    options.max_tokens = 50;
    options.ignore_end = TRUE;
    options.seed = i;
    test_add_tokens (prompt, i, 40);
    n = answer (&both, 0, prompt, &options);
    g_test_message ("way %zu: %u of 50 were queued", i, n);
    g_assert_cmpuint (n, >=, 42);
  }
}

/* What cannot be queued is not: rows that the host wants whole, models that keep states. */
static void
test_not_queued (gconstpointer kind)
{
  gboolean states = GPOINTER_TO_UINT (kind) != TINY_LLAMA;
  g_autoptr (GArray) prompt = g_array_new (FALSE, FALSE, sizeof (gint32));
  EngineGenerate options = ENGINE_GENERATE_DEFAULT;
  g_auto (Both) both;

  options.max_tokens = 30;
  options.ignore_end = TRUE;
  options.top_k = states ? options.top_k : 0;
  both_init (&both, GPOINTER_TO_UINT (kind));
  test_add_tokens (prompt, 1, 40);
  g_assert_cmpuint (answer (&both, 0, prompt, &options), ==, 0);
}

/* Sessions by turns, which share beginnings, go back into what they read and go on elsewhere at the
 * same positions: what was queued for another is never taken. */
static void
test_turns (gconstpointer kind)
{
  g_auto (Both) both;
  uint64_t random = 11;
  uint32_t n_queued = 0;

  both_init (&both, GPOINTER_TO_UINT (kind));
  for (unsigned turn = 0; turn < 40; turn++) {
    g_autoptr (GArray) prompt = g_array_new (FALSE, FALSE, sizeof (gint32));
    EngineGenerate options = ENGINE_GENERATE_GREEDY;
    unsigned shared = 20 + test_random (&random) % 60;

    test_add_tokens (prompt, 5, shared);
    test_add_tokens (prompt, 100 + test_random (&random) % 3, 70 - MIN (shared, 69));
    options.max_tokens = 1 + test_random (&random) % 12;
    options.ignore_end = TRUE;
    options.speculate = turn % 3 == 0;
    n_queued += answer (&both, test_random (&random) % N_SESSIONS, prompt, &options);
  }
  g_assert_cmpuint (n_queued, >, 40);
}

int
main (int argc, char **argv)
{
  static const TinyKind kinds[] = { TINY_LLAMA, TINY_GPT_OSS };
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("bottega-ahead-XXXXXX", &error);
  g_assert_no_error (error);
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++) {
    g_autofree char *samplers = g_strdup_printf ("/ahead/samplers/%s", tiny_names[kinds[i]]);
    g_autofree char *turns = g_strdup_printf ("/ahead/turns/%s", tiny_names[kinds[i]]);

    g_test_add_data_func (samplers, GUINT_TO_POINTER (kinds[i]), test_samplers);
    g_test_add_data_func (turns, GUINT_TO_POINTER (kinds[i]), test_turns);
  }
  g_test_add_data_func ("/ahead/not/rows", GUINT_TO_POINTER (TINY_LLAMA), test_not_queued);
  g_test_add_data_func ("/ahead/not/states", GUINT_TO_POINTER (TINY_LFM2), test_not_queued);
  status = g_test_run ();
  tiny_remove_folder (folder);
  g_free (folder);
  return status;
}

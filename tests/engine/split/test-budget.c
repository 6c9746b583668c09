/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A card with less and less memory, over the public header: the same answers as on one device, two
 * conversations side by side, never a byte beyond the budget, less and less of the model on the
 * card, and in the end a refusal with numbers. */
#include "tests/engine/answers.h"
#include "tests/engine/split/models.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define N_ANSWER 8

static char *path, *cache_dir;
static float bar = 0.01f; /* of log-probabilities */

static EngineModel *
open_model (const char *device, uint64_t budget, GError **error)
{
  EngineModelOptions options = { .device = device,
                                 .context_tokens = 128,
                                 .chunk_tokens = 16,
                                 .n_threads = 2,
                                 .gpu_memory_bytes = budget,
                                 .cache_dir = cache_dir };

  return engine_model_open (path, &options, error);
}

/* What two conversations give: their tokens, and log-probabilities of a text. */
typedef struct {
  GArray *tokens; /* gint32 */
  float *lse;
  EngineTop *top;
  guint n;
  float gap; /* of the tokens that were chosen to the next likely ones, at least */
} Answers;

/* Greedy choices from text[first] on. */
static float
smallest_gap (EngineSession *session, const GArray *text, guint first)
{
  g_autoptr (GError) error = NULL;
  g_autofree float *lse = NULL;
  g_autofree EngineTop *top = NULL;
  float gap = INFINITY;
  double mean_nll;

  engine_session_logits (session, text, 2, &lse, &top, &mean_nll, &error);
  g_assert_no_error (error);
  for (guint i = first - 1; i + 1 < text->len; i++)
    gap = MIN (gap, top[2 * i].log_probability - top[2 * i + 1].log_probability);
  return gap;
}

static void
continue_text (EngineSession *session, GArray *text, Answers *answers)
{
  GArray *tokens = answers->tokens;
  EngineGenerate options = ENGINE_GENERATE_GREEDY;
  guint before = tokens->len;

  options.max_tokens = N_ANSWER;
  options.ignore_end = TRUE;
  test_generate (session, text, &options, tokens, NULL);
  g_array_append_vals (text, &g_array_index (tokens, gint32, before), tokens->len - before);
  answers->gap = MIN (answers->gap, smallest_gap (session, text, text->len - N_ANSWER));
}

static Answers
ask (EngineModel *model)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (EngineSession) first = test_session_new (model);
  g_autoptr (EngineSession) second = test_session_new (model);
  g_autoptr (EngineSession) third = test_session_new (model);
  g_autoptr (GArray) a = engine_model_encode (model, "the sea and the carpenter's cat in it", FALSE,
                                              ENGINE_ENDS_BEGIN);
  g_autoptr (GArray) b = engine_model_encode (model, "on the hill", FALSE, ENGINE_ENDS_BEGIN);
  Answers answers = { g_array_new (FALSE, FALSE, sizeof (gint32)), NULL, NULL, a->len, INFINITY };
  double mean_nll;

  engine_session_logits (third, a, 4, &answers.lse, &answers.top, &mean_nll, &error);
  g_assert_no_error (error);
  g_clear_pointer (&third, engine_session_free);
  continue_text (first, a, &answers);
  continue_text (second, b, &answers);
  continue_text (second, b, &answers);
  return answers;
}

static void
clear (Answers *answers)
{
  g_array_unref (answers->tokens);
  g_free (answers->lse);
  g_free (answers->top);
}

static void
compare (const Answers *want, const Answers *got)
{
  for (guint i = 0; i < 4 * want->n; i++) /* ids may change places where they are nearly a tie */
    g_assert_cmpfloat (fabsf (got->top[i].log_probability - want->top[i].log_probability), <, bar);
  g_assert_cmpmem (got->tokens->data, got->tokens->len * sizeof (gint32), want->tokens->data,
                   want->tokens->len * sizeof (gint32));
}

/* The part of a description that tells what lies on the processor; "" when nothing does. */
static const char *
placed (const EngineModel *model)
{
  const char *text = engine_model_device_description (model);
  const char *comma = g_str_has_suffix (text, "on the processor") ? strrchr (text, ',') : NULL;

  return comma != NULL ? comma + 2 : "";
}

/* Of the first model whose choices are nowhere nearly a tie, on the processor. */
static Answers
find_answers (TinyKind kind)
{
  for (uint64_t seed = 1;; seed++) {
    g_autoptr (GError) error = NULL;
    EngineModel *model;
    Answers answers;

    tiny_write (path, kind, seed);
    model = open_model ("cpu", 1, &error); /* which has no such budget */
    g_assert_no_error (error);
    answers = ask (model);
    g_assert_cmpuint (engine_model_gpu_bytes (model), ==, 0);
    engine_model_close (model);
    if (answers.gap > 2 * bar)
      return answers;
    clear (&answers);
  }
}

static void
test_kind (gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  EngineModel *model;
  Answers want, got;
  uint64_t all, budget;
  g_autofree char *before = NULL;
  unsigned n_placements = 0;

  want = find_answers ((TinyKind) GPOINTER_TO_INT (data));
  model = open_model ("vulkan", 0, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (placed (model), ==, "");
  got = ask (model);
  clear (&got);
  all = engine_model_gpu_bytes (model);
  engine_model_close (model);
  for (budget = all;; budget -= all / 12) {
    model = open_model ("vulkan", budget, &error);
    if (model == NULL)
      break;
    g_test_message ("%u KB: %s", (unsigned) (budget >> 10), placed (model));
    g_assert_true ((budget == all) == (*placed (model) == '\0'));
    n_placements += g_strcmp0 (before, placed (model)) != 0;
    g_free (before);
    before = g_strdup (placed (model));
    got = ask (model);
    compare (&want, &got);
    g_assert_cmpuint (engine_model_gpu_bytes (model), <=, budget);
    g_assert_cmpuint (engine_model_gpu_bytes (model), >, 0);
    clear (&got);
    engine_model_close (model);
  }
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY);
  g_assert_nonnull (strstr (error->message, "its output alone needs"));
  g_assert_cmpuint (n_placements, >=, 4);
  clear (&want);
}

int
main (int argc, char **argv)
{
  g_autofree char *dir = g_dir_make_tmp ("bottega-budget-XXXXXX", NULL);
  g_autofree char *name = g_build_filename (dir, "tiny.gguf", NULL);
  g_autoptr (GPtrArray) devices = engine_devices ();
  const EngineDevice *first = g_ptr_array_index (devices, 0);
  int status;

  path = name;
  cache_dir = dir;
  if (!first->software && strcmp (first->kind, "processor") != 0)
    bar = 0.1f; /* a card rounds activations to bytes */
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/engine/split/budget/dense", GINT_TO_POINTER (TINY_LLAMA), test_kind);
  g_test_add_data_func ("/engine/split/budget/mixture", GINT_TO_POINTER (TINY_QWEN3MOE),
                        test_kind);
  status = g_test_run ();
  tiny_remove_folder (dir);
  return status;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bottega-cli bench --together: what several answers at once bring, and what they cost each other.
 * By turns with one alone, so that whatever else the machine does meets both. */
#include "app/cli/bench.h"

/* One repetition. */
typedef struct {
  double alone_tok_s, together_tok_s, ratio, reading_gap_ms;
} Sample;

typedef struct {
  EngineModel *model;
  EngineSession *sessions[ENGINE_MAX_ANSWERS];
  EngineAnswer *answers[ENGINE_MAX_ANSWERS];
  guint n;
} Group;

static gboolean
group_add (Group *group, uint32_t n_prompt, uint32_t n_tokens, uint32_t salt, GError **error)
{
  g_autoptr (GArray) prompt = bench_prompt (group->model, n_prompt, salt);
  EngineGenerate options = ENGINE_GENERATE_GREEDY;
  EngineSession *session = engine_session_new (group->model, error);
  EngineAnswer *answer;

  options.ignore_end = TRUE;
  options.speculate = FALSE; /* a token a step */
  options.max_tokens = n_tokens;
  if (session == NULL)
    return FALSE;
  answer = engine_answer_new (session, prompt, &options, NULL, NULL, error);
  if (answer == NULL) {
    engine_session_free (session);
    return FALSE;
  }
  group->sessions[group->n] = session;
  group->answers[group->n++] = answer;
  return TRUE;
}

/* first: figures of the answer that was added first. Nothing of them stays in the cache. */
static gboolean
group_clear (Group *group, EngineStats *first, GError **error)
{
  gboolean ok = TRUE;

  for (guint i = 0; i < group->n; i++) {
    ok = engine_answer_finish (group->answers[i], i == 0 ? first : NULL, ok ? error : NULL) && ok;
    engine_session_free (group->sessions[i]);
  }
  group->n = 0;
  engine_model_forget (group->model);
  return ok;
}

static void
group_step (const Group *group)
{
  engine_model_step (group->model, group->answers, group->n);
}

/* Tokens a second of n answers together, from when all write. They begin one after another: the
 * first ones write more than is measured. */
static gboolean
measure_writing (EngineModel *model, const BenchSizes *sizes, guint n, uint32_t salt,
                 double *tok_s, GError **error)
{
  Group group = { .model = model };
  uint32_t room = engine_model_context_tokens (model) / n - (uint32_t) sizes->n_depth - 2;
  gint64 begin_us;
  gboolean ok = TRUE;

  for (guint i = 0; i < n && ok; i++) {
    ok = group_add (&group, (uint32_t) sizes->n_depth + 1, room, salt * ENGINE_MAX_ANSWERS + i,
                    error);
    while (ok && engine_session_n_tokens (group.sessions[i]) <= (uint32_t) sizes->n_depth &&
           !engine_answer_done (group.answers[i]))
      group_step (&group);
  }
  if (ok)
    group_step (&group); /* all that the batches need has been made then */
  begin_us = g_get_monotonic_time ();
  for (int i = 0; ok && i < sizes->n_decode; i++)
    group_step (&group);
  *tok_s = (double) n * sizes->n_decode * 1e6 / (double) (g_get_monotonic_time () - begin_us);
  for (guint i = 0; i < group.n; i++)
    ok = ok && !engine_answer_done (group.answers[i]);
  return group_clear (&group, NULL, ok ? error : NULL) && ok;
}

/* The longest that one waited for a token while n_prompt tokens of another were read. */
static gboolean
measure_reading (EngineModel *model, const BenchSizes *sizes, uint32_t salt, double *gap_ms,
                 GError **error)
{
  Group group = { .model = model };
  uint32_t n_prompt = (uint32_t) sizes->n_prompt;
  EngineStats stats = { 0 };
  gboolean ok = group_add (&group, 1, engine_model_context_tokens (model), salt, error);

  if (ok) {
    group_step (&group);
    ok = group_add (&group, n_prompt, 1, salt + 1, error);
  }
  while (ok && !engine_answer_done (group.answers[1]))
    group_step (&group);
  ok = group_clear (&group, &stats, ok ? error : NULL) && ok;
  *gap_ms = stats.gap_max_ms;
  return ok;
}

static gboolean
measure (EngineModel *model, const BenchSizes *sizes, uint32_t salt, Sample *sample,
         GError **error)
{
  *sample = (Sample) { 0 };
  if (sizes->n_decode > 0 &&
      (!measure_writing (model, sizes, 1, salt, &sample->alone_tok_s, error) ||
       !measure_writing (model, sizes, (guint) sizes->n_together, salt, &sample->together_tok_s,
                         error)))
    return FALSE;
  if (sample->alone_tok_s > 0)
    sample->ratio = sample->together_tok_s / sample->alone_tok_s;
  return sizes->n_prompt == 0 ||
         measure_reading (model, sizes, salt, &sample->reading_gap_ms, error);
}

int
bench_together (const CliOptions *options, EngineModel *model, const BenchSizes *sizes)
{
  g_autofree Sample *samples = g_new0 (Sample, sizes->n_repeat);
  g_autoptr (GError) error = NULL;
  int most = (int) engine_model_context_tokens (model) / sizes->n_together;
  Sample warm_up;

  if (sizes->n_depth + sizes->n_decode + sizes->n_together + 4 > most)
    return cli_usage ("%d answers at once have %d tokens of context each", sizes->n_together,
                      most);
  if (!measure (model, sizes, (uint32_t) sizes->n_repeat, &warm_up, &error))
    return cli_fail (error);
  for (int i = 0; i < sizes->n_repeat; i++)
    if (!measure (model, sizes, (uint32_t) i, &samples[i], &error))
      return cli_fail (error);
#define MEDIAN(field) bench_median (&samples[0].field, sizeof *samples, sizes->n_repeat)
  bench_print (options, model,
               (const BenchNumber[]) {
                   { "alone_tok_s", MEDIAN (alone_tok_s) },
                   { "together_tok_s", MEDIAN (together_tok_s) },
                   { "ratio", MEDIAN (ratio) },
                   { "reading_gap_ms", MEDIAN (reading_gap_ms) },
               },
               4);
#undef MEDIAN
  return CLI_DONE;
}

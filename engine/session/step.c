/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A step of all answers of a model: those that write get a token, in one batch, and the first that
 * is read gets a chunk. Must not know what becomes of a token, nor what a batch is to a device. */
#include "engine/session/answer.h"

/* How long a chunk is to take while others write, with their own batch: where the last one misled,
 * still no gap between tokens is over 200 ms. And the tokens that it has at least, for fewer are
 * not read faster: the weights are read for each batch. */
#define BESIDE_WRITERS_US     100000
#define BESIDE_WRITERS_TOKENS SESSION_SMALL_TOKENS

G_STATIC_ASSERT (ENGINE_MAX_ANSWERS <= SESSION_SMALL_TOKENS);
G_STATIC_ASSERT (ENGINE_MAX_ANSWERS <= ENGINE_MAX_RUNS);

typedef struct {
  EngineModel *model;
  EngineAnswer *live[ENGINE_MAX_ANSWERS]; /* the most urgent first */
  uint32_t n_live;
} Step;

static gboolean
is_cancelled (const EngineAnswer *answer)
{
  return g_atomic_int_get (&answer->session->cancel) != 0;
}

static gboolean
writes (const EngineAnswer *answer)
{
  return !answer->ended && session_answer_unread (answer) == 0;
}

static gboolean
reads (const EngineAnswer *answer)
{
  return !answer->ended && session_answer_unread (answer) > 0;
}

static uint32_t
select_live (const Step *step, gboolean (*is) (const EngineAnswer *),
             EngineAnswer *selected[ENGINE_MAX_ANSWERS])
{
  uint32_t n = 0;

  for (uint32_t i = 0; i < step->n_live; i++)
    if (is (step->live[i]))
      selected[n++] = step->live[i];
  return n;
}

/* Room for rows that all of these answers can sample from. */
static EngineResult
prepare_rows (EngineModel *model, EngineAnswer *const *answers, uint32_t n, uint32_t n_rows)
{
  SessionRows *rows = &model->rows;
  uint32_t n_vocab = model->desc->h.n_vocab;
  gboolean whole_rows = FALSE;

  rows->n_candidates = 1;
  for (uint32_t i = 0; i < n; i++) {
    gboolean whole_row;
    uint32_t needs = session_sampler_needs (&answers[i]->sampler, &whole_row);

    rows->n_candidates = MAX (rows->n_candidates, MIN (needs, n_vocab));
    whole_rows |= whole_row;
  }
  if (n_rows > rows->n_rows) {
    rows->candidates = g_renew (EngineCandidate, rows->candidates,
                                (size_t) n_rows * ENGINE_MAX_CANDIDATES);
    g_clear_pointer (&rows->logits, g_free);
    rows->n_rows = n_rows;
  }
  if (whole_rows && rows->logits == NULL)
    rows->logits = g_new (float, (size_t) rows->n_rows *n_vocab);
  return (EngineResult) { rows->candidates, rows->lse, whole_rows ? rows->logits : NULL };
}

/* A batch of answers[n] took so long: all others waited for it. */
static void
count_waiting (const Step *step, EngineAnswer *const *answers, uint32_t n, gint64 us)
{
  for (uint32_t i = 0; i < step->n_live; i++) {
    gboolean waited = !step->live[i]->ended;

    for (uint32_t k = 0; k < n; k++)
      waited &= answers[k] != step->live[i];
    if (waited)
      step->live[i]->stats.others_s += (double) us / 1e6;
  }
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Runs for as many answers, from the first on, as there is room for at once; the first one's error
 * when there is none even for that. */
static uint32_t
reserve_runs (EngineAnswer *const *answers, uint32_t n, SessionRun *runs, GError **error)
{
  uint32_t n_runs = 0;

  while (n_runs < n) {
    EngineAnswer *answer = answers[n_runs];

    runs[n_runs] = (SessionRun) { .timeline = &answer->session->timeline,
                                  .tokens = answer->batch,
                                  .n_tokens = answer->n_batch };
    /* A batch frees what it began with: the next one may be in time for that. */
    if (!session_run_reserve (&runs[n_runs], n_runs == 0 ? error : NULL))
      break;
    n_runs++;
  }
  return n_runs;
}

/* Weights are read once for all of a batch; keys and values of each by the tokens it holds. */
static EngineRunCost
share_of (const EngineRunCost *cost, EngineAnswer *const *answers, uint32_t n, uint32_t i)
{
  uint64_t held = 0;

  for (uint32_t k = 0; k < n; k++)
    held += answers[k]->session->timeline.tokens->len;
  return (EngineRunCost) {
    .was_queued = cost->was_queued,
    .next_is_queued = cost->next_is_queued,
    .weight_bytes = cost->weight_bytes / n,
    .kv_bytes = (uint64_t) ((double) cost->kv_bytes *
                            answers[i]->session->timeline.tokens->len / (double) held),
  };
}

static void
fail_all (EngineAnswer *const *answers, uint32_t n, GError *error)
{
  for (uint32_t i = 0; i < n; i++)
    session_answer_end (answers[i], g_error_copy (error));
  g_error_free (error);
}

/* The tokens at hand of the first of answers[n], of as many as there is room for; returns how many
 * have been dealt with. A batch of one is given up at once when that one is cancelled; one of
 * several is over soon enough. */
static uint32_t
write_batch (Step *step, EngineAnswer *const *answers, uint32_t n)
{
  static const uint32_t outputs[SESSION_SMALL_TOKENS] = { 0, 1, 2, 3, 4, 5, 6, 7,
                                                          8, 9, 10, 11, 12, 13, 14, 15 };
  SessionRun runs[ENGINE_MAX_ANSWERS];
  GError *error = NULL;
  uint32_t n_runs = reserve_runs (answers, n, runs, &error), n_rows = 0, row = 0;
  gboolean alone = n_runs == 1;
  EngineRunCost cost = { 0 };
  EngineResult result;
  EnginePick pick;
  gint64 us = g_get_monotonic_time ();

  if (n_runs == 0) {
    session_answer_end (answers[0], error);
    return 1;
  }
  for (uint32_t i = 0; i < n_runs; i++)
    n_rows += runs[i].n_tokens;
  if (step->n_live == 1 && session_answer_foresee (answers[0], &pick))
    runs[0].next = &pick;
  result = prepare_rows (step->model, answers, n_runs, n_rows);
  if (!session_batch_run (step->model, runs, n_runs, outputs, n_rows,
                          step->model->rows.n_candidates, &result,
                          alone ? &answers[0]->session->cancel : NULL, &cost, &error)) {
    fail_all (answers, n_runs, error);
    return n_runs;
  }
  us = MAX (g_get_monotonic_time () - us, 1);
  count_waiting (step, answers, n_runs, us);
  for (uint32_t i = 0; i < n_runs; i++) {
    EngineRunCost share = share_of (&cost, answers, n_runs, i);

    session_answer_count (answers[i], &share, alone ? us : 0);
  }
  for (uint32_t i = 0; i < n_runs; row += runs[i].n_tokens, i++) {
    if (is_cancelled (answers[i]))
      session_answer_end (answers[i], NULL);
    else
      session_answer_write (answers[i], &step->model->rows, row, alone ? us : 0);
  }
  return n_runs;
}

/* Guesses only beside one that writes alone: what they gain is known for that. */
static void
write_tokens (Step *step)
{
  EngineAnswer *writers[ENGINE_MAX_ANSWERS];
  uint32_t n = select_live (step, writes, writers);

  if (n == 1)
    session_answer_guess (writers[0]);
  for (uint32_t done = 0; done < n;)
    done += write_batch (step, writers + done, n - done);
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Tokens of a chunk at most. What a token takes falls with their number, so a few chunks settle on
 * the size that takes as long as it may. While nobody writes, a person sees it go on, and a
 * question that comes meanwhile has its turn. */
static uint32_t
chunk_tokens (const EngineModel *model, gboolean beside_writers)
{
  double us = model->read_us > 0 ? model->read_us : SESSION_PIECE_US; /* not known yet */

  if (!beside_writers)
    return session_piece_most (us, model->chunk_tokens);
  return (uint32_t) MIN (MAX (BESIDE_WRITERS_US / us, BESIDE_WRITERS_TOKENS), model->chunk_tokens);
}

/* A machine that has become slower is believed at once, one that seems faster by halves. */
static void
learn_pace (EngineModel *model, double token_us)
{
  model->read_us = token_us > model->read_us ? token_us : (model->read_us + token_us) / 2;
}

/* Of at most n tokens: fewer where windows leave no room for so many at once. */
static gboolean
reserve_chunk (EngineAnswer *answer, uint32_t n, SessionRun *run, GError **error)
{
  *run = (SessionRun) {
    .timeline = &answer->session->timeline,
    .tokens = (const gint32 *) (const void *) answer->draft.tokens->data + answer->n_done,
    .n_tokens = n,
  };
  if (n > BESIDE_WRITERS_TOKENS && session_run_reserve (run, NULL))
    return TRUE;
  run->n_tokens = MIN (n, BESIDE_WRITERS_TOKENS);
  return session_run_reserve (run, error);
}

static void
read_chunk (Step *step)
{
  EngineAnswer *writers[ENGINE_MAX_ANSWERS], *readers[ENGINE_MAX_ANSWERS], *answer;
  EngineModel *model = step->model;
  uint32_t most = chunk_tokens (model, select_live (step, writes, writers) > 0);
  uint32_t last;
  EngineResult result;
  SessionRun run;
  GError *error = NULL;
  gint64 us;

  if (select_live (step, reads, readers) == 0)
    return;
  answer = readers[0];
  result = prepare_rows (model, &answer, 1, 1);
  us = g_get_monotonic_time ();
  if (!reserve_chunk (answer, session_piece (session_answer_next_chunk (answer), most), &run,
                      &error)) {
    session_answer_end (answer, error);
    return;
  }
  last = run.n_tokens - 1;
  if (!session_batch_run (model, &run, 1, &last, session_answer_unread (answer) == run.n_tokens,
                          model->rows.n_candidates, &result, &answer->session->cancel, NULL,
                          &error)) {
    session_answer_end (answer, error);
    return;
  }
  us = MAX (g_get_monotonic_time () - us, 1);
  if (run.n_tokens >= BESIDE_WRITERS_TOKENS)
    learn_pace (model, (double) us / run.n_tokens);
  count_waiting (step, &answer, 1, us);
  session_answer_was_read (answer, run.n_tokens, us);
  if (!reads (answer))
    session_answer_write (answer, &model->rows, 0, 0);
}

void
engine_model_step (EngineModel *model, EngineAnswer *const *answers, size_t n_answers)
{
  Step step = { .model = model };

  for (size_t i = 0; i < n_answers && step.n_live < ENGINE_MAX_ANSWERS; i++) {
    if (answers[i]->ended)
      continue;
    if (is_cancelled (answers[i]))
      session_answer_end (answers[i], NULL);
    else
      step.live[step.n_live++] = answers[i];
  }
  write_tokens (&step);
  read_chunk (&step);
}

uint32_t
engine_model_room (const EngineModel *model, EngineAnswer *const *answers, size_t n_answers)
{
  g_autofree SessionTimeline **timelines = g_new (SessionTimeline *, n_answers + 1);

  for (size_t i = 0; i < n_answers; i++)
    timelines[i] = &answers[i]->session->timeline;
  return MIN (session_cache_room (&model->cache, timelines, (uint32_t) n_answers),
              model->context_tokens);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of an answer's part of a batch: how far its prompt is read, which tokens it writes,
 * why it ends; and its figures. Must not know batches, back ends or other answers. */
#include "engine/session/answer.h"

#include "engine/session/drafter.h"

/* Tokens at the end of a prompt that the next one may write otherwise: the header of the answer. */
#define MARK_BEFORE 16

/* Whoever may guess in this answer: what stands in the timeline, then the draft model. */
static void
add_guessers (EngineAnswer *answer, uint32_t n_tokens)
{
  EngineSession *session = answer->session;

  if (!answer->sampler.options.speculate || !session->model->info->takes_guesses)
    return;
  session_lookup_init (&answer->lookup, n_tokens);
  session_draft_add_guesser (&answer->draft, &answer->lookup.guesser);
  if (session->model->drafter != NULL)
    session_draft_add_guesser (&answer->draft, session_drafter_guesser (session->model->drafter,
                                                                        &session->cancel));
}

EngineAnswer *
engine_answer_new (EngineSession *session, const GArray *prompt, const EngineGenerate *options,
                   EngineEventFunc on_event, void *user_data, GError **error)
{
  const gint32 *tokens = (const gint32 *) (const void *) prompt->data;
  SessionTimeline *timeline = &session->timeline;
  EngineModel *model = session->model;
  SessionSampler sampler;
  EngineAnswer *answer;

  if (timeline->in_use) {
    g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                         "This conversation is being answered already.");
    return NULL;
  }
  if (!session_check_prompt (session, tokens, prompt->len, error) ||
      !session_sampler_init (&sampler, options, error))
    return NULL;
  answer = g_new0 (EngineAnswer, 1);
  answer->session = session;
  answer->sampler = sampler;
  session_teller_init (&answer->teller, model->tokenizer, tokens, prompt->len, options->unsorted,
                       on_event, user_data);
  session_flow_init (&answer->flow);
  session_draft_init (&answer->draft, tokens, prompt->len);
  add_guessers (answer, prompt->len + MIN (options->max_tokens, model->context_tokens));
  answer->n_done = session_timeline_adopt (timeline, tokens, session_prompt_reusable (prompt));
  answer->n_batch = 1; /* the prompt's last token */
  answer->stats.prompt_tokens = prompt->len;
  answer->stats.reused_tokens = answer->n_done;
  timeline->in_use = TRUE;
  return answer;
}

/* It writes nothing more, and what it holds may go to others. */
static void
end (EngineAnswer *answer)
{
  answer->ended = TRUE;
  answer->session->timeline.in_use = FALSE;
  session_teller_end (&answer->teller);
}

void
session_answer_end (EngineAnswer *answer, GError *error)
{
  if (error == NULL || g_error_matches (error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED)) {
    answer->stats.stop = ENGINE_STOP_CANCELLED;
    g_clear_error (&error);
  }
  answer->error = error;
  end (answer);
}

gboolean
engine_answer_done (const EngineAnswer *answer)
{
  return answer->ended;
}

/* ---- reading -------------------------------------------------------------------------------- */

static uint32_t
mark_of (const EngineAnswer *answer)
{
  uint32_t n = answer->stats.prompt_tokens;

  return n > MARK_BEFORE ? n - MARK_BEFORE : 0;
}

static gboolean
keeps_states (const EngineAnswer *answer)
{
  return answer->session->model->cache.states.n_pages > 0;
}

uint32_t
session_answer_unread (const EngineAnswer *answer)
{
  return answer->stats.prompt_tokens - answer->n_done;
}

uint32_t
session_answer_next_chunk (EngineAnswer *answer)
{
  uint32_t mark = mark_of (answer);

  if (answer->reading_us == 0) {
    answer->reading_us = g_get_monotonic_time ();
    session_teller_reading (&answer->teller, answer->n_done, answer->stats.prompt_tokens, -1);
  }
  /* States stand still only where a batch ends: one ends at the mark. */
  if (keeps_states (answer) && answer->n_done < mark)
    return mark - answer->n_done;
  return session_answer_unread (answer);
}

void
session_answer_was_read (EngineAnswer *answer, uint32_t n, gint64 us)
{
  EngineStats *stats = &answer->stats;
  uint32_t unread;
  double so_far_s;

  answer->n_done += n;
  stats->read_tokens += n;
  stats->prefill_s += (double) us / 1e6;
  unread = session_answer_unread (answer);
  /* Templates may write earlier answers otherwise: then this is where they part. */
  if (keeps_states (answer) ? answer->n_done == mark_of (answer) : unread == 0)
    session_timeline_set_mark (&answer->session->timeline, mark_of (answer));
  so_far_s = (double) (g_get_monotonic_time () - answer->reading_us) / 1e6;
  session_teller_reading (&answer->teller, answer->n_done, stats->prompt_tokens,
                          so_far_s * unread / stats->read_tokens);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* The tokens that a penalty looks at. */
static const int32_t *
recent_tokens (const EngineAnswer *answer, uint32_t *n)
{
  const GArray *tokens = answer->draft.tokens;

  *n = MIN (answer->sampler.options.repetition_window, tokens->len);
  return (const int32_t *) (const void *) tokens->data + tokens->len - *n;
}

/* From a row of the last batch. */
static int32_t
pick_token (EngineAnswer *answer, const SessionRows *rows, uint32_t row)
{
  uint32_t n_recent;
  const int32_t *recent = recent_tokens (answer, &n_recent);
  uint32_t n_vocab = answer->session->model->desc->h.n_vocab, n_candidates;
  gboolean whole_row;

  n_candidates = MIN (session_sampler_needs (&answer->sampler, &whole_row), n_vocab);
  return session_sampler_pick (&answer->sampler,
                               rows->candidates + (size_t) row * rows->n_candidates, n_candidates,
                               whole_row ? rows->logits + (size_t) row * n_vocab : NULL, n_vocab,
                               recent, n_recent);
}

/* Sampled from a row of the last batch and told of; FALSE: it ends the answer, stats.stop says how.
 * n_held: tokens of the timeline that the row knows of. */
static gboolean
write_token (EngineAnswer *answer, const SessionRows *rows, uint32_t row, uint32_t n_held,
             int32_t *token)
{
  const EngineModel *model = answer->session->model;
  const EngineGenerate *options = &answer->sampler.options;
  EngineStats *stats = &answer->stats;

  *token = pick_token (answer, rows, row);
  session_flow_token (&answer->flow, g_get_monotonic_time ());
  if (!options->ignore_end && text_tokenizer_is_end (model->tokenizer, *token)) {
    stats->stop = ENGINE_STOP_END;
    return FALSE;
  }
  stats->written_tokens++;
  session_draft_push (&answer->draft, *token);
  session_teller_token (&answer->teller, *token);
  if (stats->written_tokens >= options->max_tokens)
    stats->stop = ENGINE_STOP_MAX_TOKENS;
  else if (n_held + 1 >= model->context_tokens)
    stats->stop = ENGINE_STOP_CONTEXT;
  else
    return TRUE;
  return FALSE;
}

static void
count_guesses (EngineAnswer *answer, uint32_t n_guesses, uint32_t n_held)
{
  EngineStats *stats = &answer->stats;

  stats->drafted_tokens += n_guesses;
  stats->accepted_tokens += n_held;
  if (answer->draft.at_hand == &answer->lookup.guesser)
    return;
  stats->model_drafted_tokens += n_guesses;
  stats->model_accepted_tokens += n_held;
}

void
session_answer_write (EngineAnswer *answer, const SessionRows *rows, uint32_t first_row,
                      gint64 alone_us)
{
  SessionTimeline *timeline = &answer->session->timeline;
  uint32_t n_before = timeline->tokens->len - answer->n_batch, row = 0;
  int32_t token;
  gboolean more;

  do {
    more = write_token (answer, rows, first_row + row, n_before + row + 1, &token);
    row++;
  } while (more && row < answer->n_batch && token == answer->batch[row] &&
           g_atomic_int_get (&answer->session->cancel) == 0);
  session_timeline_truncate (timeline, n_before + row);
  if (alone_us > 0)
    session_draft_learn (&answer->draft, answer->n_batch - 1, row - 1, alone_us);
  count_guesses (answer, answer->n_batch - 1, row - 1);
  answer->batch[0] = token;
  answer->n_batch = 1;
  if (!more)
    end (answer);
}

void
session_answer_guess (EngineAnswer *answer)
{
  EngineSession *session = answer->session;
  EngineModel *model = session->model;
  uint32_t room = model->context_tokens - session->timeline.tokens->len - 2;
  uint32_t left = answer->sampler.options.max_tokens - answer->stats.written_tokens, n;

  /* It may have guessed for another answer last. */
  if (model->drafter != NULL)
    session_drafter_guesser (model->drafter, &session->cancel);
  n = session_draft_propose (&answer->draft, answer->batch + 1,
                             MIN (SESSION_SMALL_TOKENS - 1, MIN (room, left)));
  answer->holds_guesses = n > 0 && answer->is_queued;
  if (answer->holds_guesses)
    return;
  /* Made when it is first of use; without it answers are as good, and slower. */
  if (n > 0 && session_model_executable (model, SESSION_CLASS_SMALL, NULL) != NULL)
    answer->n_batch += n;
}

gboolean
session_answer_foresee (const EngineAnswer *answer, EnginePick *pick)
{
  const EngineModel *model = answer->session->model;
  uint32_t n_recent, held = answer->session->timeline.tokens->len;
  const int32_t *recent = recent_tokens (answer, &n_recent);

  /* A draft model's guesses are too dear to be held back. */
  return answer->n_batch == 1 && !answer->holds_guesses && model->drafter == NULL &&
         answer->stats.written_tokens + 1 < answer->sampler.options.max_tokens &&
         held + 2 < model->context_tokens &&
         session_sampler_foresee (&answer->sampler, recent, n_recent, pick);
}

/* ---- figures -------------------------------------------------------------------------------- */

void
session_answer_count (EngineAnswer *answer, const EngineRunCost *cost, gint64 alone_us)
{
  EngineStats *stats = &answer->stats;
  uint64_t bytes = cost->weight_bytes + cost->kv_bytes;

  stats->bytes_read += bytes;
  stats->queued_tokens += cost->was_queued;
  answer->is_queued = cost->next_is_queued;
  if (alone_us == 0) {
    stats->shared_tokens++;
  } else if (answer->n_batch == 1) {
    stats->plain_tokens++;
    answer->plain_us += (uint64_t) alone_us;
    answer->plain_bytes += bytes;
  }
}

static void
summarise (EngineAnswer *answer)
{
  EngineStats *stats = &answer->stats;
  const SessionFlow *flow = &answer->flow;
  uint32_t gaps = flow->gaps_us->len;

  session_flow_summarise (&answer->flow, stats);
  if (stats->prefill_s > 0)
    stats->prefill_tok_s = stats->read_tokens / stats->prefill_s;
  stats->decode_s = gaps > 0 ? (double) (flow->last_us - flow->first_us) / 1e6 : 0;
  if (stats->decode_s > 0) {
    stats->decode_tok_s = gaps / stats->decode_s;
    stats->decode_gb_s = stats->bytes_read / stats->decode_s / 1e9;
  }
  if (answer->plain_us > 0) {
    stats->plain_tok_s = stats->plain_tokens * 1e6 / (double) answer->plain_us;
    stats->plain_gb_s = (double) answer->plain_bytes / (double) answer->plain_us / 1e3;
  }
}

gboolean
engine_answer_finish (EngineAnswer *answer, EngineStats *stats, GError **error)
{
  gboolean ok;

  if (!answer->ended)
    session_answer_end (answer, NULL);
  summarise (answer);
  if (stats != NULL)
    *stats = answer->stats;
  ok = answer->error == NULL;
  if (!ok)
    g_propagate_error (error, answer->error);
  session_flow_finish (&answer->flow);
  session_draft_finish (&answer->draft);
  session_lookup_finish (&answer->lookup);
  session_sampler_finish (&answer->sampler);
  session_teller_finish (&answer->teller);
  g_free (answer);
  return ok;
}

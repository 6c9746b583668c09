/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One timeline: reads a prompt (what of it is not yet in the cache), then writes tokens one by one.
 * Owns the loop, the cancel flag and the figures; must not know back ends or how text is shown. */
#include "engine/session/draft.h"
#include "engine/session/drafter.h"
#include "engine/session/flow.h"
#include "engine/session/lookup.h"
#include "engine/session/session.h"
#include "engine/text/answer.h"

#include <math.h>
#include <string.h>

/* Tokens at the end of a prompt that the next one may write otherwise: the header of the answer. */
#define MARK_BEFORE 16

/* The state of one engine_session_generate call. */
typedef struct {
  EngineSession *session;
  SessionSampler sampler;
  SessionFlow flow;
  SessionDraft draft;
  SessionLookup lookup;
  gint32 batch[SESSION_SMALL_TOKENS]; /* the token at hand, and guesses of those after it */
  uint32_t n_batch;
  gint64 batch_us;                /* that it took; 0: it was read with the prompt */
  uint64_t plain_us, plain_bytes; /* of batches without a guess */
  TextUtf8Stream utf8;
  TextAnswer *answer;    /* NULL: text is given as it comes */
  int32_t token;         /* at hand, until an event has told of it; else -1 */
  GString *bytes, *text; /* of the token at hand */
  EngineEventFunc on_event;
  void *user_data;
  EngineStats stats;
  int32_t last_of_prompt; /* -1: it is empty */
} Generation;

EngineSession *
engine_session_new (EngineModel *model, GError **error)
{
  EngineSession *session;

  if (model->weights == NULL) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                 "“%s” was opened for its text only; load it to get answers.", model->info->name);
    return NULL;
  }
  session = g_new0 (EngineSession, 1);
  session->model = model;
  session->cancelled = &session->cancel;
  session_timeline_init (&session->timeline, &model->cache);
  return session;
}

void
engine_session_free (EngineSession *session)
{
  if (session == NULL)
    return;
  session_timeline_finish (&session->timeline);
  g_free (session->candidates);
  g_free (session->logits);
  g_free (session);
}

void
engine_session_cancel (EngineSession *session)
{
  g_atomic_int_set (&session->cancel, 1);
}

void
engine_session_rearm (EngineSession *session)
{
  g_atomic_int_set (&session->cancel, 0);
}

uint32_t
engine_session_n_tokens (const EngineSession *session)
{
  return session->timeline.tokens->len;
}

/* The first tokens of a prompt that may be there already: the last one makes logits. */
static uint32_t
n_reusable (const GArray *prompt)
{
  return prompt->len > 0 ? prompt->len - 1 : 0;
}

uint32_t
engine_session_reusable (const EngineSession *session, const GArray *prompt)
{
  return session_timeline_reusable (&session->timeline, (const gint32 *) prompt->data,
                                    n_reusable (prompt));
}

void
engine_model_forget (EngineModel *model)
{
  if (model->weights != NULL)
    session_cache_forget (&model->cache);
  if (model->drafter != NULL)
    engine_model_forget (session_drafter_model (model->drafter));
}

gboolean
session_evaluate (EngineSession *session, const gint32 *tokens, uint32_t n, const uint32_t *outputs,
                  uint32_t n_outputs, uint32_t n_candidates, EngineResult *result,
                  EngineRunCost *cost, GError **error)
{
  EngineModel *model = session->model;
  SessionTimeline *timeline = &session->timeline;
  EngineBackendExecutable *executable;
  uint32_t state;
  EngineBatchRun run = { .first = 0, .n_tokens = n, .position = timeline->tokens->len };
  EngineBatch batch = {
    .tokens = tokens,
    .n_tokens = n,
    .runs = &run,
    .n_runs = 1,
    .outputs = outputs,
    .n_outputs = n_outputs,
    .n_candidates = n_candidates,
    .want_logits = result->logits != NULL,
  };

  executable = session_model_executable (model, session_model_class (model, n, n_outputs), error);
  if (executable == NULL || !session_timeline_reserve (timeline, n, error))
    return FALSE;
  for (unsigned group = 0; group < GRAPH_N_KV_GROUPS; group++)
    run.pages[group] = (const uint32_t *) (const void *) timeline->table[group]->data;
  run.n_pages = timeline->table[GRAPH_KV_FULL]->len;
  state = session_timeline_next_state (timeline);
  if (state == SESSION_NO_STATE && model->cache.states.n_pages > 0) {
    g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
                         "There is no room for what this model keeps of a conversation.");
    return FALSE;
  }
  run.state_from = timeline->state;
  run.state_to = state;
  if (timeline->state == SESSION_NO_STATE)
    run.state_from = state; /* not read: the timeline begins */
  if (!model->backend->vtable->run (executable, &batch, result, session->cancelled, cost, error)) {
    session_timeline_drop_state (timeline, state);
    return FALSE;
  }
  session_timeline_append (timeline, tokens, n, state);
  return TRUE;
}

static gboolean
check_prompt (const EngineSession *session, const gint32 *tokens, uint32_t n, GError **error)
{
  uint32_t context = session->model->context_tokens;

  if (session_model_embeds (session->model)) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                 "“%s” makes vectors of texts, for searching; it writes no answers. Choose a "
                 "language model.",
                 session->model->info->name);
    return FALSE;
  }
  if (n == 0) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                 "There is nothing to read: the text is empty.");
    return FALSE;
  }
  if (n >= context) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_LIMIT,
                 "The text has %u tokens and the context holds %u, the answer included. "
                 "Shorten the text or choose a longer context.",
                 n, context);
    return FALSE;
  }
  for (uint32_t i = 0; i < n; i++) {
    if (tokens[i] < 0 || (uint32_t) tokens[i] >= session->model->desc->h.n_vocab) {
      g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                   "Token %d is outside the model's vocabulary of %u.", tokens[i],
                   session->model->desc->h.n_vocab);
      return FALSE;
    }
  }
  return TRUE;
}

static void
report_reading (Generation *g, uint32_t done, uint32_t total, gint64 since_us, uint32_t read)
{
  EngineEvent event = {
    .kind = ENGINE_EVENT_READING, .done = done, .total = total, .left_s = -1, .token = -1
  };

  if (read > 0)
    event.left_s = (double) (g_get_monotonic_time () - since_us) / 1e6 * (total - done) / read;
  if (g->on_event != NULL)
    g->on_event (&event, g->user_data);
}

/* What the sampler needs of each of n_rows, in the session's own memory. */
static EngineResult
sampling_result (Generation *g, uint32_t n_rows, uint32_t *n_candidates)
{
  EngineSession *session = g->session;
  uint32_t n_vocab = session->model->desc->h.n_vocab;
  gboolean whole_row;

  *n_candidates = MIN (session_sampler_needs (&g->sampler, &whole_row), n_vocab);
  if (n_rows > session->n_rows) {
    session->candidates = g_renew (EngineCandidate, session->candidates,
                                   (size_t) n_rows * ENGINE_MAX_CANDIDATES);
    g_clear_pointer (&session->logits, g_free);
    session->n_rows = n_rows;
  }
  if (whole_row && session->logits == NULL)
    session->logits = g_new (float, (size_t) session->n_rows *n_vocab);
  return (EngineResult) { session->candidates, session->lse, whole_row ? session->logits : NULL };
}

/* Prefill: chunk by chunk, logits of the last token only. */
static gboolean
read_prompt (Generation *g, const gint32 *tokens, uint32_t n, GError **error)
{
  EngineSession *session = g->session;
  uint32_t chunk = session->model->chunk_tokens, done = g->stats.reused_tokens, n_candidates;
  uint32_t mark = n > MARK_BEFORE ? n - MARK_BEFORE : 0;
  gboolean keeps_states = session->model->cache.states.n_pages > 0;
  gint64 start_us = g_get_monotonic_time ();
  EngineResult result = sampling_result (g, 1, &n_candidates);

  report_reading (g, done, n, start_us, 0);
  while (done < n) {
    /* States stand still only where a batch ends: one ends at the mark. */
    uint32_t until = keeps_states && done < mark ? mark : n;
    uint32_t count = MIN (chunk, until - done), last = count - 1;
    gboolean final = done + count == n;

    if (!session_evaluate (session, tokens + done, count, &last, final ? 1 : 0, n_candidates,
                           &result, NULL, error))
      return FALSE;
    done += count;
    /* Templates may write earlier answers otherwise: then this is where they part. */
    if (keeps_states ? done == mark : final)
      session_timeline_set_mark (&session->timeline, mark);
    g->stats.read_tokens += count;
    report_reading (g, done, n, start_us, g->stats.read_tokens);
  }
  g->stats.prefill_s = (g_get_monotonic_time () - start_us) / 1e6;
  return TRUE;
}

/* From a row of the last batch. */
static int32_t
pick_token (Generation *g, uint32_t row)
{
  const GArray *tokens = g->draft.tokens;
  uint32_t window = MIN (g->sampler.options.repetition_window, tokens->len), n_candidates;
  uint32_t n_vocab = g->session->model->desc->h.n_vocab;
  EngineResult result = sampling_result (g, 1, &n_candidates);

  if (result.logits != NULL)
    result.logits += (size_t) row * n_vocab;
  return session_sampler_pick (&g->sampler, result.candidates + (size_t) row * n_candidates,
                               n_candidates, result.logits, n_vocab,
                               (const int32_t *) tokens->data + tokens->len - window, window);
}

G_STATIC_ASSERT ((int) TEXT_THOUGHT == (int) ENGINE_TEXT_THOUGHT);
G_STATIC_ASSERT ((int) TEXT_TOOL == (int) ENGINE_TEXT_TOOL);

static void
report_text (TextPiece piece, const char *text, gpointer user_data)
{
  Generation *g = user_data;
  EngineEvent event = {
    .kind = ENGINE_EVENT_TOKEN,
    .token = g->token,
    .text = text,
    .text_kind = (EngineTextKind) piece,
  };

  g->token = -1;
  if (g->on_event != NULL)
    g->on_event (&event, g->user_data);
}

/* token -1: the end, and what was held back. */
static void
report_token (Generation *g, int32_t token)
{
  const TextTokenizer *tokenizer = g->session->model->tokenizer;
  gboolean control =
      g->answer != NULL && token >= 0 && text_tokenizer_is_special (tokenizer, token);

  g->token = token;
  g_string_truncate (g->bytes, 0);
  g_string_truncate (g->text, 0);
  if (token >= 0) {
    text_tokenizer_decode (tokenizer, token, control, g->bytes);
    if (g->stats.written_tokens == 1)
      text_tokenizer_drop_prefix (tokenizer, g->last_of_prompt, g->bytes);
    text_utf8_stream_push (&g->utf8, g->bytes->str, g->bytes->len, g->text);
  } else {
    text_utf8_stream_end (&g->utf8, g->text);
  }
  if (g->answer != NULL) {
    text_answer_push (g->answer, g->text->str, control, report_text, g);
    if (token < 0)
      text_answer_end (g->answer, report_text, g);
  } else if (token < 0 && g->text->len > 0) {
    report_text (TEXT_ANSWER, g->text->str, g);
  }
  if (g->token >= 0) /* it is told of, text or not */
    report_text (g->answer != NULL ? text_answer_piece (g->answer) : TEXT_ANSWER,
                 g->answer != NULL ? "" : g->text->str, g);
}

/* The last bytes of a prompt, control tokens written out: a template may open a thought there. */
static TextAnswer *
sort_answer (const EngineModel *model, const gint32 *tokens, uint32_t n)
{
  g_autoptr (GString) end = g_string_new (NULL);

  for (uint32_t i = n > MARK_BEFORE ? n - MARK_BEFORE : 0; i < n; i++)
    text_tokenizer_decode (model->tokenizer, tokens[i], TRUE, end);
  return text_answer_new (end->str);
}

/* Sampled from a row of the last batch and told of; FALSE: it ends the answer, stats.stop says how.
 * n_held: tokens of the timeline that the row knows of. */
static gboolean
write_token (Generation *g, uint32_t row, uint32_t n_held, int32_t *token)
{
  const EngineModel *model = g->session->model;
  const EngineGenerate *options = &g->sampler.options;

  *token = pick_token (g, row);
  session_flow_token (&g->flow, g_get_monotonic_time ());
  if (!options->ignore_end && text_tokenizer_is_end (model->tokenizer, *token)) {
    g->stats.stop = ENGINE_STOP_END;
    return FALSE;
  }
  g->stats.written_tokens++;
  session_draft_push (&g->draft, *token);
  report_token (g, *token);
  if (g->stats.written_tokens >= options->max_tokens)
    g->stats.stop = ENGINE_STOP_MAX_TOKENS;
  else if (n_held + 1 >= model->context_tokens)
    g->stats.stop = ENGINE_STOP_CONTEXT;
  else
    return TRUE;
  return FALSE;
}

static void
count_guesses (Generation *g, uint32_t n_guesses, uint32_t n_held)
{
  g->stats.drafted_tokens += n_guesses;
  g->stats.accepted_tokens += n_held;
  if (g->draft.at_hand == &g->lookup.guesser)
    return;
  g->stats.model_drafted_tokens += n_guesses;
  g->stats.model_accepted_tokens += n_held;
}

/* Writes a token for each row of the last batch, for as long as the batch had guessed them. Forgets
 * what was read of wrong guesses; FALSE when the answer is at its end. */
static gboolean
write_rows (Generation *g)
{
  SessionTimeline *timeline = &g->session->timeline;
  uint32_t n_before = timeline->tokens->len - g->n_batch, row = 0;
  int32_t token;
  gboolean more;

  do {
    more = write_token (g, row, n_before + row + 1, &token);
    row++;
  } while (more && row < g->n_batch && token == g->batch[row] &&
           g_atomic_int_get (&g->session->cancel) == 0);
  session_timeline_truncate (timeline, n_before + row);
  if (g->batch_us > 0)
    session_draft_learn (&g->draft, g->n_batch - 1, row - 1, g->batch_us);
  count_guesses (g, g->n_batch - 1, row - 1);
  g->batch[0] = token;
  return more;
}

/* Whoever may guess in this answer: what stands in the timeline, then the draft model. */
static void
add_guessers (Generation *g, uint32_t n_tokens)
{
  EngineSession *session = g->session;

  if (!g->sampler.options.speculate || !session->model->info->takes_guesses)
    return;
  session_lookup_init (&g->lookup, n_tokens);
  session_draft_add_guesser (&g->draft, &g->lookup.guesser);
  if (session->model->drafter != NULL)
    session_draft_add_guesser (&g->draft, session_drafter_guesser (session->model->drafter,
                                                                   &session->cancel));
}

/* Guesses go with the token at hand into the batch. */
static void
add_guesses (Generation *g)
{
  EngineSession *session = g->session;
  uint32_t room = session->model->context_tokens - session->timeline.tokens->len - 2;
  uint32_t left = g->sampler.options.max_tokens - g->stats.written_tokens;
  uint32_t n = session_draft_propose (&g->draft, g->batch + 1,
                                      MIN (SESSION_SMALL_TOKENS - 1, MIN (room, left)));

  g->n_batch = 1;
  /* Made when it is first of use; without it answers are as good, and slower. */
  if (n > 0 && session_model_executable (session->model, SESSION_CLASS_SMALL, NULL) != NULL)
    g->n_batch += n;
}

/* Decode: sample, tell, evaluate, until something ends the answer. */
static gboolean
write_answer (Generation *g, GError **error)
{
  static const uint32_t outputs[SESSION_SMALL_TOKENS] = { 0, 1, 2, 3, 4, 5, 6, 7,
                                                          8, 9, 10, 11, 12, 13, 14, 15 };

  g->n_batch = 1; /* the prompt's last token */
  while (write_rows (g)) {
    EngineRunCost cost = { 0 };
    uint32_t n_candidates;
    EngineResult result;
    gint64 begin_us;

    add_guesses (g);
    result = sampling_result (g, g->n_batch, &n_candidates);
    begin_us = g_get_monotonic_time ();
    if (!session_evaluate (g->session, g->batch, g->n_batch, outputs, g->n_batch, n_candidates,
                           &result, &cost, error))
      return FALSE;
    g->batch_us = MAX (g_get_monotonic_time () - begin_us, 1);
    g->stats.bytes_read += cost.weight_bytes + cost.kv_bytes;
    if (g->n_batch == 1) {
      g->stats.plain_tokens++;
      g->plain_us += (uint64_t) g->batch_us;
      g->plain_bytes += cost.weight_bytes + cost.kv_bytes;
    }
  }
  return TRUE;
}

static void
summarise (Generation *g)
{
  EngineStats *stats = &g->stats;
  uint32_t gaps = g->flow.gaps_us->len;

  session_flow_summarise (&g->flow, stats);
  if (stats->prefill_s > 0)
    stats->prefill_tok_s = stats->read_tokens / stats->prefill_s;
  stats->decode_s = gaps > 0 ? (g->flow.last_us - g->flow.first_us) / 1e6 : 0;
  if (stats->decode_s > 0) {
    stats->decode_tok_s = gaps / stats->decode_s;
    stats->decode_gb_s = stats->bytes_read / stats->decode_s / 1e9;
  }
  if (g->plain_us > 0) {
    stats->plain_tok_s = stats->plain_tokens * 1e6 / (double) g->plain_us;
    stats->plain_gb_s = (double) g->plain_bytes / (double) g->plain_us / 1e3;
  }
}

gboolean
engine_session_generate (EngineSession *session, const GArray *prompt,
                         const EngineGenerate *options, EngineEventFunc on_event, void *user_data,
                         EngineStats *stats, GError **error)
{
  const gint32 *tokens = (const gint32 *) prompt->data;
  Generation g = { .session = session,
                   .on_event = on_event,
                   .user_data = user_data,
                   .last_of_prompt = prompt->len > 0 ? tokens[prompt->len - 1] : -1 };
  GError *problem = NULL;
  gboolean ok;

  if (!check_prompt (session, tokens, prompt->len, error) ||
      !session_sampler_init (&g.sampler, options, error))
    return FALSE;
  g.bytes = g_string_new (NULL);
  g.text = g_string_new (NULL);
  g.answer = options->unsorted ? NULL : sort_answer (session->model, tokens, prompt->len);
  session_flow_init (&g.flow);
  session_draft_init (&g.draft, tokens, prompt->len);
  add_guessers (&g, prompt->len + MIN (options->max_tokens, session->model->context_tokens));
  g.stats.prompt_tokens = prompt->len;
  g.stats.reused_tokens = session_timeline_adopt (&session->timeline, tokens, n_reusable (prompt));

  ok = read_prompt (&g, tokens, prompt->len, &problem) && write_answer (&g, &problem);
  if (g_error_matches (problem, ENGINE_ERROR, ENGINE_ERROR_CANCELLED)) {
    g_clear_error (&problem);
    g.stats.stop = ENGINE_STOP_CANCELLED;
    ok = TRUE;
  }
  report_token (&g, -1);
  summarise (&g);
  if (stats != NULL)
    *stats = g.stats;
  if (problem != NULL)
    g_propagate_error (error, problem);
  session_flow_finish (&g.flow);
  session_draft_finish (&g.draft);
  session_lookup_finish (&g.lookup);
  session_sampler_finish (&g.sampler);
  text_answer_free (g.answer);
  g_string_free (g.bytes, TRUE);
  g_string_free (g.text, TRUE);
  return ok;
}

gboolean
engine_session_logits (EngineSession *session, const GArray *tokens, uint32_t n_top, float **lse,
                       EngineTop **top, double *mean_nll, GError **error)
{
  const gint32 *ids = (const gint32 *) tokens->data;
  uint32_t n = tokens->len, n_vocab = session->model->desc->h.n_vocab;
  g_autofree float *sums = g_new (float, n);
  g_autofree EngineTop *best = g_new (EngineTop, (size_t) n * MAX (n_top, 1));
  g_autofree EngineCandidate *candidates = NULL;
  g_autofree float *rows = NULL;
  double nll = 0;

  if (!check_prompt (session, ids, n, error))
    return FALSE;
  if (n_top == 0 || n_top > MIN (ENGINE_MAX_CANDIDATES, n_vocab)) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                 "The number of top tokens must lie between 1 and %u.",
                 MIN (ENGINE_MAX_CANDIDATES, n_vocab));
    return FALSE;
  }
  candidates = g_new (EngineCandidate, (size_t) SESSION_SMALL_TOKENS * n_top);
  rows = g_new (float, (size_t) SESSION_SMALL_TOKENS *n_vocab);
  session_timeline_truncate (&session->timeline, 0);
  for (uint32_t first = 0; first < n; first += SESSION_SMALL_TOKENS) {
    uint32_t count = MIN (SESSION_SMALL_TOKENS, n - first), outputs[SESSION_SMALL_TOKENS];
    EngineResult result = { candidates, sums + first, rows };

    for (uint32_t i = 0; i < count; i++)
      outputs[i] = i;
    if (!session_evaluate (session, ids + first, count, outputs, count, n_top, &result, NULL,
                           error))
      return FALSE;
    for (uint32_t i = 0; i < count; i++) {
      for (uint32_t k = 0; k < n_top; k++)
        best[(size_t) (first + i) * n_top + k] = (EngineTop) {
          candidates[i * n_top + k].id,
          candidates[i * n_top + k].logit - sums[first + i],
        };
      if (first + i + 1 < n)
        nll += (double) sums[first + i] - rows[(size_t) i * n_vocab + ids[first + i + 1]];
    }
  }
  *mean_nll = n > 1 ? nll / (n - 1) : 0;
  *lse = g_steal_pointer (&sums);
  *top = g_steal_pointer (&best);
  return TRUE;
}

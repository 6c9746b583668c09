/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answers in progress: each is made to fit, begun where there is room beside the others,
 * advanced with them step by step, and ended; its text waits here while the ring is full. When the
 * device fails, those without a word begin again on the processor, and the others end. It must not
 * know who comes first: the queue does.
 *
 * The engine thread; the lock is held for moments, never while the engine works. */
#define G_LOG_DOMAIN "bottega-engine-answers"
#include "config.h"

#include "app/assistant/bottega-engine-worker-private.h"

#define RING_FULL_WAIT_US 2000
/* Tokens that an answer may write in a step, guesses included. */
#define STEP_TOKENS 16

/* What belongs to a job that is in progress. */
typedef struct {
  BottegaEngineWorker *worker; /* borrowed, as the next */
  BottegaJob *job;
  BottegaSourceAnswer *answer; /* changed with the lock: a cancel comes from another thread */
  guint n_cached, n_written;   /* tokens: of the prompt, and of the answer */
  GString *text;               /* that waits for room in the ring */
  guint text_tokens;
  gboolean text_is_thought;
  gboolean ending;   /* what comes now was held back: it may be half a letter, … */
  gsize n_sure;      /* … and begins here in text */
  GString *written;  /* all of the answer */
  gboolean is_plain; /* and that is all that came */
  BottegaGaps gaps;  /* between its tokens */
} Answer;

static BottegaEngineSourceInterface *
iface_of (BottegaEngineWorker *self)
{
  return BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source);
}

/* ---- events ---- */

static gboolean
try_push_text (Answer *answer)
{
  BottegaEvent event = {
    answer->text_is_thought ? BOTTEGA_EVENT_THOUGHT : BOTTEGA_EVENT_TEXT,
    answer->job->id,
    .done = answer->text_tokens,
  };

  if (answer->text_tokens == 0 && answer->text->len == 0)
    return TRUE;
  event.text = g_strndup (answer->text->str, answer->text->len);
  if (!bottega_engine_worker_try_push (answer->worker, &event)) {
    bottega_event_clear (&event);
    return FALSE;
  }
  g_string_truncate (answer->text, 0);
  answer->text_tokens = 0;

  return TRUE;
}

static void
push_text (Answer *answer)
{
  while (!try_push_text (answer) && !atomic_load (&answer->worker->quit))
    g_usleep (RING_FULL_WAIT_US);
}

static void
on_engine_event (const EngineEvent *engine_event, void *user_data)
{
  Answer *answer = user_data;
  BottegaEvent event = { BOTTEGA_EVENT_READING, answer->job->id };
  gboolean is_thought = engine_event->text_kind == ENGINE_TEXT_THOUGHT;

  switch (engine_event->kind) {
  case ENGINE_EVENT_READING:
    answer->n_cached = engine_event->done;
    event.done = engine_event->done;
    event.total = engine_event->total;
    event.left_s = engine_event->left_s;
    /* A lost one does not matter: the next comes soon. */
    if (!bottega_engine_worker_try_push (answer->worker, &event))
      bottega_event_clear (&event);
    break;

  case ENGINE_EVENT_TOKEN:
    if (answer->text_is_thought != is_thought)
      push_text (answer);
    answer->text_is_thought = is_thought;
    /* The syntax of a tool call is nothing to read. */
    if (engine_event->text_kind != ENGINE_TEXT_TOOL)
      g_string_append (answer->text, engine_event->text);
    if (engine_event->text_kind != ENGINE_TEXT_ANSWER)
      answer->is_plain = FALSE;
    else if (!answer->ending)
      g_string_append (answer->written, engine_event->text);
    answer->text_tokens += engine_event->token >= 0;
    answer->n_written += engine_event->token >= 0;
    if (engine_event->token >= 0)
      bottega_gaps_add (&answer->gaps, g_get_monotonic_time ());
    if (!answer->ending)
      try_push_text (answer);
    break;

  default:
    break;
  }
}

/* ---- the prompt ---- */

static gboolean
count_tokens (const EngineMessage *messages,
              gsize n_messages,
              const char *answer_prefix,
              guint *tokens,
              gpointer user_data,
              GError **error)
{
  BottegaEngineWorker *self = user_data;

  return iface_of (self)->count (self->source, messages, n_messages, answer_prefix, tokens, error);
}

void
bottega_engine_worker_count (BottegaEngineWorker *self, BottegaJob *job)
{
  BottegaEvent event = { BOTTEGA_EVENT_COUNTED, job->id };
  gsize n_messages;
  const EngineMessage *messages = bottega_prompt_get_messages (job->prompt, &n_messages);

  if (bottega_engine_worker_check_loaded (self, &event.error))
    count_tokens (messages, n_messages, bottega_prompt_get_answer_prefix (job->prompt), &event.done,
                  self, &event.error);
  bottega_engine_worker_push_event (self, &event);
}

/* Once for each size of the context. */
static gboolean
fit_prompt (BottegaEngineWorker *self, BottegaJob *job, GError **error)
{
  BottegaPromptFit fit = { 0 };

  if (job->fit_context == self->context_tokens)
    return TRUE;
  if (!bottega_prompt_fit (job->prompt, self->context_tokens,
                           MIN (job->reserve_tokens, self->context_tokens / 4), count_tokens, self,
                           &fit, error))
    return FALSE;
  fit.dropped_turns += job->fit.dropped_turns;
  if (fit.recap == BOTTEGA_PROMPT_OWN_RECAP && job->fit.recap == BOTTEGA_PROMPT_NEXT_RECAP)
    fit.recap = BOTTEGA_PROMPT_NEXT_RECAP;
  job->fit = fit;
  job->fit_context = self->context_tokens;

  return TRUE;
}

/* ---- room ---- */

/* Tokens that an answer is sure to find room for when it begins. It may write more where nobody
 * needs the room. */
static guint
reserve_of (BottegaEngineWorker *self, const BottegaJob *job)
{
  return MIN (MIN (job->options.max_tokens, job->reserve_tokens), self->context_tokens / 4);
}

/* Tokens that an answer may add yet. */
static guint
left_of (BottegaEngineWorker *self, const Answer *answer)
{
  guint reserve = reserve_of (self, answer->job);

  return answer->job->fit.prompt_tokens - MIN (answer->n_cached, answer->job->fit.prompt_tokens) +
         reserve - MIN (answer->n_written, reserve);
}

/* The answers in progress, most urgent first; at most BOTTEGA_QUEUE_MOST_ANSWERS. */
static guint
get_answers (BottegaEngineWorker *self, Answer **answers)
{
  BottegaJob *jobs[BOTTEGA_QUEUE_MOST_ANSWERS];
  guint n_jobs, n = 0;

  g_mutex_lock (&self->lock);
  n_jobs = bottega_engine_queue_get_answers (self->queue, jobs);
  for (guint i = 0; i < n_jobs; i++)
    if (jobs[i]->data != NULL)
      answers[n++] = jobs[i]->data;
  g_mutex_unlock (&self->lock);

  return n;
}

static guint
get_room (BottegaEngineWorker *self, Answer *const *answers, guint n)
{
  BottegaSourceAnswer *sources[BOTTEGA_QUEUE_MOST_ANSWERS];

  for (guint i = 0; i < n; i++)
    sources[i] = answers[i]->answer;

  return iface_of (self)->get_room (self->source, sources, n);
}

/* One that runs alone has all of the context. */
static gboolean
has_room (BottegaEngineWorker *self, const BottegaJob *job)
{
  Answer *answers[BOTTEGA_QUEUE_MOST_ANSWERS];
  guint n = get_answers (self, answers);
  guint64 wanted = job->fit.prompt_tokens + reserve_of (self, job);

  for (guint i = 0; i < n; i++)
    wanted += left_of (self, answers[i]);

  return n == 0 || wanted <= get_room (self, answers, n);
}

/* Of n answers, how many may get on: when those that write more than was reserved for them use up
 * the room, the least urgent pause until another one has ended. */
static guint
limit_by_room (BottegaEngineWorker *self, Answer *const *answers, guint n)
{
  guint64 wanted = 0;
  guint room, n_fit;

  if (n < 2)
    return n;
  room = get_room (self, answers, n);
  for (n_fit = 0; n_fit < n; n_fit++) {
    guint n_prompt = answers[n_fit]->job->fit.prompt_tokens;

    wanted += n_prompt - MIN (answers[n_fit]->n_cached, n_prompt) + STEP_TOKENS;
    if (wanted > room)
      break;
  }

  return n_fit;
}

/* ---- the end ---- */

static Answer *
answer_new (BottegaEngineWorker *self, BottegaJob *job)
{
  Answer *answer = g_new0 (Answer, 1);

  answer->worker = self;
  answer->job = job;
  answer->text = g_string_new (NULL);
  answer->written = g_string_new (NULL);
  answer->is_plain = TRUE;
  if (job->gaps != NULL)
    answer->gaps = *job->gaps;

  return answer;
}

static void
answer_free (Answer *answer)
{
  if (answer == NULL)
    return;
  g_string_free (answer->text, TRUE);
  g_string_free (answer->written, TRUE);
  g_free (answer);
}

/* Of an answer that was written in two pieces: it was waited for until the first began, and reading
 * that one for the second is reading too. */
static EngineStats
add_stats (const EngineStats *first, const EngineStats *second)
{
  EngineStats sum = *second;

  sum.prompt_tokens = first->prompt_tokens;
  sum.reused_tokens = first->reused_tokens;
  sum.read_tokens = first->read_tokens;
  sum.ttft_s = first->ttft_s;
  sum.written_tokens += first->written_tokens;
  sum.prefill_s += first->prefill_s;
  sum.decode_s += first->decode_s;
  sum.bytes_read += first->bytes_read;
  sum.drafted_tokens += first->drafted_tokens;
  sum.accepted_tokens += first->accepted_tokens;
  sum.model_drafted_tokens += first->model_drafted_tokens;
  sum.model_accepted_tokens += first->model_accepted_tokens;
  sum.shared_tokens += first->shared_tokens;
  sum.queued_tokens += first->queued_tokens;
  sum.others_s += first->others_s;
  sum.stalls += first->stalls;
  sum.gap_max_ms = MAX (sum.gap_max_ms, first->gap_max_ms);
  sum.decode_tok_s = sum.decode_s > 0 ? sum.written_tokens / sum.decode_s : 0;
  sum.decode_gb_s = sum.decode_s > 0 ? (double) sum.bytes_read / sum.decode_s / 1e9 : 0;

  return sum;
}

/* Takes the error. stats NULL: nothing was generated. */
static void
finish (BottegaEngineWorker *self, BottegaJob *job, const EngineStats *stats, GError *error)
{
  BottegaEvent event = { BOTTEGA_EVENT_FINISHED, job->id, .error = error };
  Answer *answer = job->data;

  if (stats != NULL)
    event.stats = job->resumes ? add_stats (&job->before, stats) : *stats;
  else if (job->resumes)
    event.stats = job->before;
  event.has_stats = stats != NULL || job->resumes;
  if (answer != NULL && answer->gaps.n > 0)
    event.gaps = g_memdup2 (&answer->gaps, sizeof answer->gaps);
  if (answer != NULL)
    push_text (answer);
  bottega_engine_worker_push_event (self, &event);

  g_mutex_lock (&self->lock);
  job->data = NULL;
  bottega_engine_queue_end (self->queue, job);
  g_mutex_unlock (&self->lock);
  answer_free (answer);
}

/* The source lets go of it. */
static gboolean
end_in_source (BottegaEngineWorker *self, Answer *answer, EngineStats *stats, GError **error)
{
  BottegaSourceAnswer *source_answer;

  g_mutex_lock (&self->lock);
  source_answer = g_steal_pointer (&answer->answer);
  g_mutex_unlock (&self->lock);

  return iface_of (self)->end (self->source, source_answer, stats, error);
}

/* One that has ended, but is not told to have. */
typedef struct {
  BottegaJob *job;
  EngineStats stats;
  gboolean has_stats;
  GError *error; /* owned */
} Ended;

static Ended
end (BottegaEngineWorker *self, Answer *answer)
{
  Ended ended = { answer->job };
  gboolean ok;

  answer->ending = TRUE;
  answer->n_sure = answer->text->len;
  ok = end_in_source (self, answer, &ended.stats, &ended.error);
  ended.has_stats = ok || ended.stats.written_tokens > 0;

  return ended;
}

static gboolean
is_cancelled (BottegaEngineWorker *self, const BottegaJob *job)
{
  gboolean cancelled;

  g_mutex_lock (&self->lock);
  cancelled = job->cancelled;
  g_mutex_unlock (&self->lock);

  return cancelled;
}

/* A job that has not begun for anybody who reads waits again. */
static void
put_back (BottegaEngineWorker *self, BottegaJob *job, gboolean blocked)
{
  Answer *answer = job->data;

  g_mutex_lock (&self->lock);
  job->data = NULL;
  /* A cancel that came a moment ago is not to wait for room. */
  bottega_engine_queue_put_back (self->queue, job, blocked && !job->cancelled);
  g_mutex_unlock (&self->lock);
  answer_free (answer);
}

/* Text that the model can go on with: it stands at the end of the prompt. A thought, or what comes
 * after one, would have to be said to it in a way of its own; and what nobody waits for may have to
 * begin anew. */
static gboolean
can_resume (const Ended *ended)
{
  const Answer *answer = ended->job->data;

  return answer != NULL && ended->job->class != BOTTEGA_ANSWER_AHEAD &&
         answer->is_plain && answer->written->len > 0 &&
         ended->job->options.max_tokens > ended->stats.written_tokens;
}

/* It waits to go on with what it has written. */
static void
resume (BottegaEngineWorker *self, const Ended *ended)
{
  BottegaJob *job = ended->job;
  Answer *answer = job->data;
  const char *prefix = bottega_prompt_get_answer_prefix (job->prompt);
  g_autofree char *text = g_strconcat (prefix != NULL ? prefix : "", answer->written->str, NULL);

  bottega_prompt_set_answer_prefix (job->prompt, text);
  job->before = job->resumes ? add_stats (&job->before, &ended->stats) : ended->stats;
  job->resumes = TRUE;
  job->options.max_tokens -= ended->stats.written_tokens;
  job->fit.prompt_tokens += ended->stats.written_tokens;
  g_free (job->gaps);
  job->gaps = g_memdup2 (&answer->gaps, sizeof answer->gaps);
  put_back (self, job, FALSE);
}

/* Says so of those that will go on, with all that they have written. */
static void
tell_lost (BottegaEngineWorker *self, const Ended *ended, guint n, const char *reason)
{
  for (guint i = 0; i < n; i++)
    if (ended[i].error != NULL && can_resume (&ended[i])) {
      BottegaEvent event = { BOTTEGA_EVENT_LOST, ended[i].job->id, .text = g_strdup (reason) };
      Answer *answer = ended[i].job->data;

      g_string_truncate (answer->text, answer->n_sure);
      push_text (answer);
      bottega_engine_worker_push_event (self, &event);
    }
}

/* The device has failed these, and all others in progress with them, whose memory goes with it.
 * Takes what ended holds. Those that have not written yet cost a second try on the processor, not
 * the answer; those that have go on from there, where their text can be read; the others end, and
 * the next question finds the processor ready. */
static void
lose_device (BottegaEngineWorker *self, Ended *ended, guint n, const GError *error)
{
  g_autoptr (GError) reason = g_error_copy (error);
  Answer *answers[BOTTEGA_QUEUE_MOST_ANSWERS];
  guint n_left = get_answers (self, answers);
  gboolean ok;

  for (guint i = 0; i < n_left; i++)
    if (answers[i]->answer != NULL) {
      ended[n] = end (self, answers[i]);
      if (ended[n].error == NULL)
        ended[n].error = g_error_copy (reason);
      n++;
    }
  tell_lost (self, ended, n, reason->message);
  ok = bottega_engine_worker_fall_back (self, reason);
  for (guint i = 0; i < n; i++) {
    Ended *one = &ended[i];

    if (is_cancelled (self, one->job))
      g_clear_error (&one->error);
    if (one->error != NULL && ok && one->stats.written_tokens == 0) {
      g_clear_error (&one->error);
      put_back (self, one->job, FALSE);
    } else if (one->error != NULL && ok && can_resume (one)) {
      g_clear_error (&one->error);
      resume (self, one);
    } else {
      finish (self, one->job, one->has_stats ? &one->stats : NULL,
              g_steal_pointer (&one->error));
    }
  }
}

/* Takes what ended holds. */
static void
settle (BottegaEngineWorker *self, Ended *ended, guint n)
{
  for (guint i = 0; i < n; i++)
    if (ended[i].error != NULL && bottega_engine_worker_may_fall_back (self, ended[i].error)) {
      lose_device (self, ended, n, ended[i].error);
      return;
    }
  for (guint i = 0; i < n; i++)
    finish (self, ended[i].job, ended[i].has_stats ? &ended[i].stats : NULL, ended[i].error);
}

/* ---- the beginning, and what is between ---- */

static void
begin (BottegaEngineWorker *self, BottegaJob *job)
{
  BottegaEvent started = { job->resumes ? BOTTEGA_EVENT_RESUMED : BOTTEGA_EVENT_STARTED, job->id };
  Answer *answer = answer_new (self, job);
  Ended ended[BOTTEGA_QUEUE_MOST_ANSWERS] = { { job } };
  BottegaSourceAnswer *source_answer;
  const EngineMessage *messages;
  gsize n_messages;

  started.fit = job->fit;
  started.fit.first_message = NULL;
  started.text = g_strdup (job->fit.first_message);
  bottega_engine_worker_push_event (self, &started);

  messages = bottega_prompt_get_messages (job->prompt, &n_messages);
  source_answer = iface_of (self)->begin (self->source, job->path,
                                          bottega_prompt_get_pinned_path (job->prompt), messages,
                                          n_messages,
                                          bottega_prompt_get_answer_prefix (job->prompt),
                                          &job->options, on_engine_event, answer,
                                          &ended[0].error);
  g_mutex_lock (&self->lock);
  answer->answer = source_answer;
  job->data = answer;
  if (job->cancelled)
    bottega_engine_worker_cancel_answer (self, job);
  g_mutex_unlock (&self->lock);
  if (source_answer == NULL)
    settle (self, ended, 1);
}

/* What nobody waits for waits until others have ended, and begins anew. */
static void
put_back_ahead (BottegaEngineWorker *self)
{
  Answer *answers[BOTTEGA_QUEUE_MOST_ANSWERS];
  guint n = get_answers (self, answers);

  for (guint i = 0; i < n; i++)
    if (answers[i]->job->class == BOTTEGA_ANSWER_AHEAD) {
      end_in_source (self, answers[i], NULL, NULL);
      put_back (self, answers[i]->job, FALSE);
    }
}

void
bottega_engine_worker_begin_answer (BottegaEngineWorker *self, BottegaJob *job)
{
  BottegaEvent began = { BOTTEGA_EVENT_BEGAN, job->id };
  GError *error = NULL;
  gboolean fits =
      bottega_engine_worker_check_loaded (self, &error) && fit_prompt (self, job, &error);

  if (job->class != BOTTEGA_ANSWER_AHEAD)
    put_back_ahead (self);
  if (fits && !has_room (self, job) && !is_cancelled (self, job)) {
    put_back (self, job, TRUE);
    return;
  }
  bottega_engine_worker_push_event (self, &began);
  if (fits && !is_cancelled (self, job))
    begin (self, job);
  else
    finish (self, job, NULL, error);
}

/* There is no more room even for the most urgent one: this one gives its own. What it has written
 * stays, and can be continued. */
static void
give_room (BottegaEngineWorker *self, Answer *answer)
{
  Ended ended = end (self, answer);

  g_clear_error (&ended.error);
  ended.stats.stop = ENGINE_STOP_CONTEXT;
  if (ended.stats.written_tokens == 0)
    put_back (self, ended.job, TRUE);
  else
    finish (self, ended.job, &ended.stats, NULL);
}

void
bottega_engine_worker_step_answers (BottegaEngineWorker *self)
{
  Answer *answers[BOTTEGA_QUEUE_MOST_ANSWERS];
  BottegaSourceAnswer *sources[BOTTEGA_QUEUE_MOST_ANSWERS];
  Ended ended[BOTTEGA_QUEUE_MOST_ANSWERS] = { 0 };
  guint n = get_answers (self, answers), n_steps = limit_by_room (self, answers, n), n_ended = 0;

  if (n > 0 && n_steps == 0) {
    give_room (self, answers[n - 1]);
    return;
  }
  for (guint i = 0; i < n; i++)
    sources[i] = answers[i]->answer;
  iface_of (self)->step (self->source, sources, n_steps);
  for (guint i = 0; i < n; i++)
    if (iface_of (self)->is_done (self->source, sources[i]) ||
        (i >= n_steps && is_cancelled (self, answers[i]->job)))
      ended[n_ended++] = end (self, answers[i]);
  settle (self, ended, n_ended);
}

void
bottega_engine_worker_cancel_answer (BottegaEngineWorker *self, BottegaJob *job)
{
  Answer *answer = job->data;

  if (answer != NULL && answer->answer != NULL)
    iface_of (self)->cancel_answer (self->source, answer->answer);
}

void
bottega_engine_worker_drop_answers (BottegaEngineWorker *self)
{
  Answer *answers[BOTTEGA_QUEUE_MOST_ANSWERS];
  guint n = get_answers (self, answers);

  for (guint i = 0; i < n; i++) {
    end_in_source (self, answers[i], NULL, NULL);
    put_back (self, answers[i]->job, FALSE);
  }
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One list of jobs in the order in which they came, running ones included, and a table that says
 * who may begin beside whom. It must not know what a job does. */
#define G_LOG_DOMAIN "bottega-engine-queue"

#include "app/assistant/bottega-engine-queue.h"

struct _BottegaEngineQueue {
  GQueue jobs; /* of BottegaJob, oldest first */
  char *shown; /* NULL: none */
};

/* Most urgent first. */
typedef enum {
  RANK_SHOWN, /* an answer in the conversation on the screen */
  RANK_CHAT,  /* in another one */
  RANK_TASK,  /* a step towards an answer */
  RANK_FILES, /* what is kept of conversations on the disk */
  RANK_AHEAD, /* what nobody waits for */
  RANK_COUNT, /* for the context meter */
  RANK_MODEL, /* loading, unloading: in its place of the queue */
} Rank;

/* A job may begin while fewer answers run than its rank says: one place is left for the
 * conversation on the screen, and one for conversations before the steps of others. */
static const guint begins_below[] = {
  [RANK_SHOWN] = BOTTEGA_QUEUE_MOST_ANSWERS,
  [RANK_CHAT] = BOTTEGA_QUEUE_MOST_ANSWERS - 1,
  [RANK_TASK] = BOTTEGA_QUEUE_MOST_ANSWERS - 2,
  [RANK_FILES] = 1,
  [RANK_AHEAD] = 1,
  [RANK_COUNT] = G_MAXUINT,
  [RANK_MODEL] = 1,
};

static const Rank rank_of_kind[] = {
  [BOTTEGA_JOB_LOAD] = RANK_MODEL,
  [BOTTEGA_JOB_UNLOAD] = RANK_MODEL,
  [BOTTEGA_JOB_GENERATE] = RANK_CHAT, /* or another one: rank_of () */
  [BOTTEGA_JOB_COUNT] = RANK_COUNT,
  [BOTTEGA_JOB_KEEP] = RANK_FILES,
  [BOTTEGA_JOB_FORGET] = RANK_FILES,
  [BOTTEGA_JOB_SWEEP] = RANK_FILES,
  [BOTTEGA_JOB_FIT] = RANK_FILES,
};

void
bottega_job_free (BottegaJob *job)
{
  if (job == NULL)
    return;
  bottega_load_request_free (job->request);
  g_free (job->path);
  g_strfreev (job->ids);
  bottega_prompt_free (job->prompt);
  g_free (job->gaps);
  g_free (job);
}

BottegaEngineQueue *
bottega_engine_queue_new (void)
{
  return g_new0 (BottegaEngineQueue, 1);
}

void
bottega_engine_queue_free (BottegaEngineQueue *self)
{
  if (self == NULL)
    return;
  g_queue_clear_full (&self->jobs, (GDestroyNotify) bottega_job_free);
  g_free (self->shown);
  g_free (self);
}

/* ---- who comes before whom ---- */

static gboolean
is_load (const BottegaJob *job)
{
  return rank_of_kind[job->kind] == RANK_MODEL;
}

static gboolean
is_answer (const BottegaJob *job)
{
  return job->kind == BOTTEGA_JOB_GENERATE;
}

/* Nothing waits for it, and it gives way. */
static gboolean
is_ahead (const BottegaJob *job)
{
  return is_answer (job) && job->class == BOTTEGA_ANSWER_AHEAD;
}

static Rank
rank_of (BottegaEngineQueue *self, const BottegaJob *job)
{
  if (!is_answer (job))
    return rank_of_kind[job->kind];
  if (job->class == BOTTEGA_ANSWER_TASK)
    return RANK_TASK;
  if (job->class == BOTTEGA_ANSWER_AHEAD)
    return RANK_AHEAD;

  return job->path != NULL && g_strcmp0 (job->path, self->shown) == 0 ? RANK_SHOWN : RANK_CHAT;
}

static gboolean
is_before (BottegaEngineQueue *self, const BottegaJob *a, const BottegaJob *b)
{
  Rank rank_a = rank_of (self, a), rank_b = rank_of (self, b);

  return rank_a != rank_b ? rank_a < rank_b : a->id < b->id;
}

static guint
count_running (BottegaEngineQueue *self)
{
  guint n = 0;

  for (GList *link = self->jobs.head; link != NULL; link = link->next) {
    const BottegaJob *job = link->data;

    n += is_answer (job) && job->running;
  }

  return n;
}

/* An earlier answer of the same conversation has not ended. */
static gboolean
waits_for_its_own (GList *link)
{
  const BottegaJob *job = link->data;

  if (!is_answer (job) || job->path == NULL)
    return FALSE;
  for (link = link->prev; link != NULL; link = link->prev) {
    const BottegaJob *other = link->data;

    if (is_answer (other) && g_strcmp0 (other->path, job->path) == 0)
      return TRUE;
  }

  return FALSE;
}

/* The most urgent of those that wait for room; NULL: none. */
static const BottegaJob *
find_blocked (BottegaEngineQueue *self)
{
  const BottegaJob *first = NULL;

  for (GList *link = self->jobs.head; link != NULL; link = link->next) {
    const BottegaJob *job = link->data;

    if (job->blocked && (first == NULL || is_before (self, job, first)))
      first = job;
  }

  return first;
}

BottegaJob *
bottega_engine_queue_take (BottegaEngineQueue *self)
{
  guint n_running = count_running (self);
  const BottegaJob *blocked = n_running > 0 ? find_blocked (self) : NULL;
  BottegaJob *best = NULL;

  for (GList *link = self->jobs.head; link != NULL; link = link->next) {
    BottegaJob *job = link->data;

    if (is_load (job) && link != self->jobs.head)
      break;
    if (!job->running &&
        n_running < begins_below[rank_of (self, job)] &&
        !(is_answer (job) && blocked != NULL && !is_before (self, job, blocked)) &&
        !waits_for_its_own (link) &&
        (best == NULL || is_before (self, job, best)))
      best = job;
    if (is_load (job))
      break;
  }
  if (best != NULL)
    best->running = TRUE;

  return best;
}

/* ---- coming and going ---- */

void
bottega_engine_queue_push (BottegaEngineQueue *self, BottegaJob *job)
{
  g_queue_push_tail (&self->jobs, job);
}

gboolean
bottega_engine_queue_push_load (BottegaEngineQueue *self, BottegaJob *job)
{
  GList *running = NULL;

  for (GList *link = self->jobs.head; link != NULL; link = link->next) {
    BottegaJob *other = link->data;

    if (!is_load (other))
      continue;
    if (!other->running) {
      bottega_job_free (other);
      link->data = job;
      return FALSE;
    }
    running = link;
  }
  if (running != NULL)
    g_queue_insert_after (&self->jobs, running, job);
  else
    g_queue_push_tail (&self->jobs, job);

  return running != NULL;
}

void
bottega_engine_queue_set_shown (BottegaEngineQueue *self, const char *path)
{
  g_set_str (&self->shown, path);
}

void
bottega_engine_queue_put_back (BottegaEngineQueue *self, BottegaJob *job, gboolean blocked)
{
  job->running = FALSE;
  job->blocked = blocked;
}

void
bottega_engine_queue_end (BottegaEngineQueue *self, BottegaJob *job)
{
  if (is_answer (job) && job->running)
    for (GList *link = self->jobs.head; link != NULL; link = link->next)
      ((BottegaJob *) link->data)->blocked = FALSE;
  g_queue_remove (&self->jobs, job);
  bottega_job_free (job);
}

/* ---- looking ---- */

BottegaJob *
bottega_engine_queue_find (BottegaEngineQueue *self, guint64 id)
{
  for (GList *link = self->jobs.head; link != NULL; link = link->next)
    if (((const BottegaJob *) link->data)->id == id)
      return link->data;

  return NULL;
}

BottegaJob *
bottega_engine_queue_first (BottegaEngineQueue *self)
{
  return g_queue_peek_head (&self->jobs);
}

guint
bottega_engine_queue_get_answers (BottegaEngineQueue *self, BottegaJob **answers)
{
  guint n = 0;

  for (GList *link = self->jobs.head; link != NULL; link = link->next) {
    BottegaJob *job = link->data;
    guint i;

    if (!is_answer (job) || !job->running)
      continue;
    for (i = n++; i > 0 && is_before (self, job, answers[i - 1]); i--)
      answers[i] = answers[i - 1];
    answers[i] = job;
  }

  return n;
}

void
bottega_engine_queue_cancel_ahead (BottegaEngineQueue *self)
{
  for (GList *link = self->jobs.head; link != NULL; link = link->next)
    if (is_ahead (link->data))
      ((BottegaJob *) link->data)->cancelled = TRUE;
}

BottegaJob *
bottega_engine_queue_get_other (BottegaEngineQueue *self)
{
  for (GList *link = self->jobs.head; link != NULL; link = link->next) {
    BottegaJob *job = link->data;

    if (!is_answer (job) && job->running)
      return job;
  }

  return NULL;
}

guint
bottega_engine_queue_before (BottegaEngineQueue *self, const BottegaJob *job)
{
  gboolean after_load = FALSE;
  guint n = 0;

  if (job->running)
    return 0;
  for (GList *link = self->jobs.head; link != NULL && link->data != job; link = link->next)
    after_load = after_load || is_load (link->data);
  for (GList *link = self->jobs.head; link != NULL; link = link->next) {
    const BottegaJob *other = link->data;

    if (is_load (other))
      break;
    n += other != job && is_answer (other) && !is_ahead (other) &&
         (after_load || other->running || is_before (self, other, job));
  }

  return n;
}

BottegaJob *
bottega_engine_queue_moved (BottegaEngineQueue *self, guint *n_before)
{
  for (GList *link = self->jobs.head; link != NULL; link = link->next) {
    BottegaJob *job = link->data;

    if (!is_answer (job) || is_ahead (job) || job->running)
      continue;
    *n_before = bottega_engine_queue_before (self, job);
    if (*n_before != job->told_before)
      return job;
  }

  return NULL;
}

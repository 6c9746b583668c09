/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The queue of the engine thread alone: who begins beside whom, in which order, and how many come
 * before one that waits. */
#include "app/assistant/bottega-engine-queue.h"

typedef struct {
  BottegaEngineQueue *queue;
  guint64 last;
} Fixture;

static void
set_up (Fixture *self, gconstpointer data)
{
  self->queue = bottega_engine_queue_new ();
  self->last = 0;
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  bottega_engine_queue_free (self->queue);
}

static BottegaJob *
make (Fixture *self, BottegaJobKind kind, const char *path)
{
  BottegaJob *job = g_new0 (BottegaJob, 1);

  job->kind = kind;
  job->id = ++self->last;
  job->path = g_strdup (path);

  return job;
}

static BottegaJob *
push (Fixture *self, BottegaJobKind kind, const char *path)
{
  BottegaJob *job = make (self, kind, path);

  bottega_engine_queue_push (self->queue, job);

  return job;
}

static BottegaJob *
ask (Fixture *self, const char *path)
{
  return push (self, BOTTEGA_JOB_GENERATE, path);
}

static BottegaJob *
ask_task (Fixture *self)
{
  BottegaJob *job = ask (self, NULL);

  job->class = BOTTEGA_ANSWER_TASK;

  return job;
}

static void
assert_takes (Fixture *self, BottegaJob *job)
{
  g_assert_true (bottega_engine_queue_take (self->queue) == job);
  if (job != NULL)
    g_assert_true (job->running);
}

static void
assert_before (Fixture *self, const BottegaJob *job, guint n)
{
  g_assert_cmpuint (bottega_engine_queue_before (self->queue, job), ==, n);
}

static void
end (Fixture *self, BottegaJob *job)
{
  bottega_engine_queue_end (self->queue, job);
}

/* The one on the screen first, then others as they came, then steps, while each rank may. */
static void
test_ranks (Fixture *self, gconstpointer data)
{
  BottegaJob *task = ask_task (self), *first = ask (self, "/1"), *second = ask (self, "/2");
  BottegaJob *shown = ask (self, "/3"), *third = ask (self, "/4");
  BottegaJob *count = push (self, BOTTEGA_JOB_COUNT, NULL);
  BottegaJob *answers[BOTTEGA_QUEUE_MOST_ANSWERS];

  bottega_engine_queue_set_shown (self->queue, "/3");
  assert_takes (self, shown);
  assert_takes (self, first);
  assert_takes (self, second);
  assert_takes (self, count); /* beside any number of answers */
  assert_takes (self, NULL);  /* a place is left for the one on the screen */
  end (self, count);
  assert_before (self, third, 3);
  assert_before (self, task, 4);
  bottega_engine_queue_set_shown (self->queue, "/4");
  assert_before (self, third, 3);
  assert_takes (self, third);
  assert_takes (self, NULL);
  g_assert_cmpuint (bottega_engine_queue_get_answers (self->queue, answers), ==, 4);
  g_assert_true (answers[0] == third);
  g_assert_true (answers[1] == first);
  g_assert_true (answers[2] == second);
  g_assert_true (answers[3] == shown);
  end (self, first);
  end (self, second);
  assert_takes (self, NULL);
  end (self, third);
  assert_takes (self, task);
  assert_before (self, task, 0);
}

/* What nobody waits for begins when nothing else is asked for, after files; nobody counts it as
 * before them, and a load ends it. */
static void
test_ahead (Fixture *self, gconstpointer data)
{
  BottegaJob *ahead = ask (self, NULL), *answer, *keep;

  ahead->class = BOTTEGA_ANSWER_AHEAD;
  answer = ask (self, "/1");
  keep = push (self, BOTTEGA_JOB_KEEP, "/1");
  assert_takes (self, answer);
  assert_takes (self, NULL);
  end (self, answer);
  assert_takes (self, keep);
  end (self, keep);
  assert_takes (self, ahead);
  answer = ask (self, "/1");
  assert_before (self, answer, 0);
  assert_takes (self, answer);
  bottega_engine_queue_put_back (self->queue, ahead, FALSE);
  assert_takes (self, NULL);
  end (self, answer);
  g_assert_false (ahead->cancelled);
  bottega_engine_queue_cancel_ahead (self->queue);
  g_assert_true (ahead->cancelled);
  assert_takes (self, ahead);
}

static void
test_one_conversation (Fixture *self, gconstpointer data)
{
  BottegaJob *first = ask (self, "/1"), *second = ask (self, "/1"), *other = ask (self, "/2");
  BottegaJob *none = ask (self, NULL), *none_too = ask (self, NULL);

  assert_takes (self, first);
  assert_takes (self, other);
  assert_takes (self, none);
  assert_takes (self, NULL);
  end (self, other);
  assert_takes (self, none_too); /* what is no conversation waits for none */
  assert_before (self, second, 3);
  end (self, none);
  assert_takes (self, NULL);
  end (self, first);
  assert_takes (self, second);
}

/* What was asked for before a load comes before it, and what after it, after. */
static void
test_load (Fixture *self, gconstpointer data)
{
  BottegaJob *before = ask (self, "/1"), *count = push (self, BOTTEGA_JOB_COUNT, NULL);
  BottegaJob *load = make (self, BOTTEGA_JOB_LOAD, "/a"), *after, *again, *last;

  g_assert_false (bottega_engine_queue_push_load (self->queue, load));
  after = ask (self, "/2");
  bottega_engine_queue_set_shown (self->queue, "/2");
  assert_takes (self, before);
  assert_takes (self, count);
  end (self, count);
  assert_takes (self, NULL);
  assert_before (self, after, 1);

  /* Another one takes its place, not the end of the queue. */
  again = make (self, BOTTEGA_JOB_LOAD, "/b");
  g_assert_false (bottega_engine_queue_push_load (self->queue, again));
  g_assert_null (bottega_engine_queue_find (self->queue, 3));
  assert_takes (self, NULL);
  end (self, before);
  assert_before (self, after, 0); /* it is the model that it waits for */
  assert_takes (self, again);
  assert_takes (self, NULL);
  g_assert_true (bottega_engine_queue_get_other (self->queue) == again);

  /* One that runs is given up for the next, and so is that one for another. */
  last = make (self, BOTTEGA_JOB_LOAD, "/c");
  g_assert_true (bottega_engine_queue_push_load (self->queue, last));
  last = make (self, BOTTEGA_JOB_UNLOAD, NULL);
  g_assert_false (bottega_engine_queue_push_load (self->queue, last));
  assert_takes (self, NULL);
  end (self, again);
  assert_takes (self, last);
  end (self, last);
  assert_takes (self, after);
}

/* Files wait until nobody answers, and come before counting. */
static void
test_files (Fixture *self, gconstpointer data)
{
  BottegaJob *answer = ask (self, "/1"), *keep = push (self, BOTTEGA_JOB_KEEP, "/2");
  BottegaJob *count = push (self, BOTTEGA_JOB_COUNT, NULL);
  BottegaJob *forget = push (self, BOTTEGA_JOB_FORGET, "/2");

  assert_takes (self, answer);
  assert_takes (self, count);
  assert_takes (self, NULL);
  end (self, answer);
  end (self, count);
  count = push (self, BOTTEGA_JOB_COUNT, NULL);
  assert_takes (self, keep);
  end (self, keep);
  assert_takes (self, forget);
  end (self, forget);
  assert_takes (self, count);
}

/* Without room for one, nothing less urgent overtakes it; with an end it may try again. */
static void
test_blocked (Fixture *self, gconstpointer data)
{
  BottegaJob *running = ask (self, "/1"), *big = ask (self, "/2"), *small = ask (self, "/3");
  BottegaJob *shown;

  assert_takes (self, running);
  assert_takes (self, big);
  bottega_engine_queue_put_back (self->queue, big, TRUE);
  assert_takes (self, NULL);
  assert_before (self, big, 1);
  assert_before (self, small, 2);
  shown = ask (self, "/4");
  bottega_engine_queue_set_shown (self->queue, "/4");
  assert_takes (self, shown);
  assert_takes (self, NULL);
  end (self, shown);
  assert_takes (self, big);
  bottega_engine_queue_put_back (self->queue, big, TRUE);
  assert_takes (self, NULL);
  /* The one that it waited for waits again itself: nobody would end. */
  bottega_engine_queue_put_back (self->queue, running, FALSE);
  assert_takes (self, running);
  end (self, running);
  assert_takes (self, big);
  assert_takes (self, small);
}

/* What is told of those that wait. */
static void
test_moved (Fixture *self, gconstpointer data)
{
  BottegaJob *first = ask (self, "/1"), *second = ask (self, "/1"), *third = ask (self, "/1");
  guint n_before = 0;

  assert_takes (self, first);
  g_assert_true (bottega_engine_queue_moved (self->queue, &n_before) == second);
  g_assert_cmpuint (n_before, ==, 1);
  second->told_before = n_before;
  g_assert_true (bottega_engine_queue_moved (self->queue, &n_before) == third);
  g_assert_cmpuint (n_before, ==, 2);
  third->told_before = n_before;
  g_assert_null (bottega_engine_queue_moved (self->queue, &n_before));
  end (self, second); /* cancelled */
  g_assert_true (bottega_engine_queue_moved (self->queue, &n_before) == third);
  g_assert_cmpuint (n_before, ==, 1);
  g_assert_true (bottega_engine_queue_first (self->queue) == first);
}

#define ADD(name, function) \
  g_test_add ("/app/engine-queue/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("ranks", test_ranks);
  ADD ("ahead", test_ahead);
  ADD ("one-conversation", test_one_conversation);
  ADD ("load", test_load);
  ADD ("files", test_files);
  ADD ("blocked", test_blocked);
  ADD ("moved", test_moved);

  return g_test_run ();
}

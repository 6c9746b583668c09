/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a batch is run: steps one after another, each a number of units that whoever is free
 * takes. A step is over when all its units are done, not when all workers have come: one that
 * the system keeps from running, and that has taken nothing, holds nobody up. Must not know what
 * a step computes.
 *
 * A worker may wake up in the middle of a run, or after it. So everything that it looks at
 * before it has taken a unit is an atomic word that carries the run's number; once it has one,
 * the run cannot end without it, and all else is safe to read. */
#include "engine/cpu/internal.h"

/* A share's word: the run's number, units of the whole step, units of this share taken. */
#define COUNT_BITS 20
#define COUNT_MASK ((UINT64_C (1) << COUNT_BITS) - 1)
#define RUN_MASK   UINT64_C (0xffffff)

static inline uint64_t
share_word (uint32_t run, uint32_t n_units)
{
  return (run & RUN_MASK) << (2 * COUNT_BITS) | (uint64_t) n_units << COUNT_BITS;
}

static inline uint32_t
share_n_units (uint64_t word)
{
  return (uint32_t) (word >> COUNT_BITS & COUNT_MASK);
}

/* The word that all wait for: the run's number, its workers, and the step that is open. */
#define STEP_BITS 22

static inline uint64_t
open_word (uint32_t run, unsigned n_workers, uint32_t step)
{
  return (uint64_t) run << 32 | (uint64_t) n_workers << STEP_BITS | step;
}

/* Opens the first step from s on that has units, or says that the run is over. */
static void
open_step (CpuExecutable *x, uint32_t run, unsigned n_workers, uint32_t s)
{
  while (s < x->run.end && share_n_units (x->shares[s]) == 0)
    s++;
  atomic_store_explicit (&x->progress->done, 0, memory_order_relaxed);
  atomic_store (&x->progress->open, open_word (run, n_workers, s < x->run.end ? s : x->n_steps));
  cpu_pool_wake (x->model->backend->pool);
}

/* Takes a unit of a share, if the run is still on and there is one left. */
static gboolean
take (CpuPoolWord *share, uint32_t run, unsigned owner, unsigned n_workers, uint32_t *unit)
{
  uint64_t word = atomic_load_explicit (share, memory_order_relaxed);

  while ((word >> (2 * COUNT_BITS)) == (run & RUN_MASK)) {
    uint64_t n = share_n_units (word), taken = word & COUNT_MASK;
    uint64_t first = n * owner / n_workers, last = n * (owner + 1) / n_workers;

    if (first + taken >= last)
      return FALSE;
    if (atomic_compare_exchange_weak_explicit (share, &word, word + 1, memory_order_acquire,
                                               memory_order_relaxed)) {
      *unit = (uint32_t) (first + taken);
      return TRUE;
    }
  }
  return FALSE;
}

static gboolean
is_cancelled (CpuRun *run)
{
  if (atomic_load_explicit (&run->cancelled, memory_order_relaxed))
    return TRUE;
  if (run->cancel == NULL || g_atomic_int_get (run->cancel) == 0)
    return FALSE;
  atomic_store (&run->cancelled, TRUE);
  return TRUE;
}

/* A worker in a step. */
typedef struct {
  CpuExecutable *x;
  uint32_t run, step;
  unsigned n_workers, worker;
  gboolean begun;
  gboolean helps; /* others at once: in the last step they were late */
} Part;

/* Does what is left of a share, if anything is, and opens the next step if nothing is left of this
 * one. What was done is said once, at the end: the word is everybody's, and to change it stops the
 * loads that are under way. After a cancel units are still taken and counted, with nothing to do in
 * them. */
static gboolean
do_share (Part *part, unsigned owner)
{
  CpuExecutable *x = part->x;
  const CpuStep *step = &x->steps[part->step];
  CpuPoolWord *share = &x->shares[owner * x->shares_stride + part->step];
  uint32_t unit, n_done = 0, n_units;

  for (; take (share, part->run, owner, part->n_workers, &unit); n_done++) {
    if (is_cancelled (&x->run))
      continue;
    if (!part->begun && step->begin != NULL)
      step->begin (&x->run, step, part->worker);
    part->begun = TRUE;
    step->work (&x->run, step, part->worker, unit);
  }
  if (n_done == 0)
    return FALSE;
  n_units = share_n_units (atomic_load_explicit (share, memory_order_relaxed));
  if (atomic_fetch_add (&x->progress->done, n_done) + n_done == n_units)
    open_step (x, part->run, part->n_workers, part->step + 1);
  return TRUE;
}

/* Works on the open step until it is over. Each worker has a share of consecutive units, so that it
 * reads weights as they lie; when it is done with its own it helps the others. Not at once: to look
 * at their shares takes these from their caches, and as a rule they are done in a moment too. */
static void
work_on (Part *part, uint64_t open)
{
  CpuPool *pool = part->x->model->backend->pool;
  const CpuPoolWord *word = &part->x->progress->open;

  do_share (part, part->worker);
  if (!part->helps && cpu_pool_wait_a_moment (word, open))
    return;
  part->helps = FALSE;
  for (unsigned i = 1; i < part->n_workers && atomic_load (word) == open; i++)
    part->helps |= do_share (part, (part->worker + i) % part->n_workers);
  if (atomic_load (word) == open)
    cpu_pool_wait (pool, word, open);
}

static void
run_worker (void *data, unsigned worker, uint32_t run)
{
  CpuExecutable *x = data;
  Part part = { .x = x, .run = run, .worker = worker };

  for (;;) {
    uint64_t open = atomic_load (&x->progress->open);

    part.step = open & ((1u << STEP_BITS) - 1);
    part.n_workers = (uint32_t) open >> STEP_BITS;
    part.begun = FALSE;
    if (open >> 32 != run || part.step >= x->n_steps || worker >= part.n_workers)
      return;
    work_on (&part, open);
  }
}

void
cpu_run_steps (CpuExecutable *x)
{
  CpuPool *pool = x->model->backend->pool;
  const unsigned n_workers = x->run.n_workers;
  uint32_t run = cpu_pool_next_job (pool), first = x->segment_first[x->run.batch->segment];

  for (uint32_t s = first; s < x->run.end; s++) {
    uint32_t n_units = x->steps[s].units (&x->run, &x->steps[s]);

    for (unsigned w = 0; w < n_workers; w++)
      atomic_store_explicit (&x->shares[w * x->shares_stride + s], share_word (run, n_units),
                             memory_order_release);
  }
  open_step (x, run, n_workers, first);
  cpu_pool_start (pool, run_worker, x);
  run_worker (x, 0, run);
}

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
  CpuPool *pool = x->model->backend->pool;

  while (s < x->run.end && share_n_units (x->shares[(size_t) s * cpu_pool_n_workers (pool)]) == 0)
    s++;
  atomic_store (&x->open, open_word (run, n_workers, s < x->run.end ? s : x->n_steps));
  cpu_pool_wake (pool);
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

/* Works on a step until all its units are taken. Each worker has a share of consecutive units,
 * so that it reads weights as they lie; when it is done with its own it helps the others. What it
 * has done it says once, at the end: the word is everybody's, and to change it stops the loads that
 * are under way. After a cancel units are still taken and counted, with nothing to do in them. */
static void
work_on (CpuExecutable *x, uint32_t run, unsigned n_workers, uint32_t s, unsigned worker)
{
  const CpuStep *step = &x->steps[s];
  CpuPoolWord *shares = x->shares + (size_t) s * cpu_pool_n_workers (x->model->backend->pool);
  uint32_t unit, n_units = 0, n_done = 0;
  gboolean begun = FALSE;

  for (unsigned i = 0; i < n_workers; i++) {
    unsigned owner = worker + i < n_workers ? worker + i : worker + i - n_workers;

    for (; take (&shares[owner], run, owner, n_workers, &unit); n_done++) {
      n_units = share_n_units (shares[owner]);
      if (is_cancelled (&x->run))
        continue;
      if (!begun && step->begin != NULL)
        step->begin (&x->run, step, worker);
      begun = TRUE;
      step->work (&x->run, step, worker, unit);
    }
  }
  if (n_done > 0 && atomic_fetch_add (&x->done[s], n_done) + n_done == n_units)
    open_step (x, run, n_workers, s + 1);
}

static void
run_worker (void *data, unsigned worker, uint32_t run)
{
  CpuExecutable *x = data;

  for (;;) {
    uint64_t open = atomic_load (&x->open);
    uint32_t s = open & ((1u << STEP_BITS) - 1);
    unsigned n_workers = (uint32_t) open >> STEP_BITS;

    if (open >> 32 != run || s >= x->n_steps || worker >= n_workers)
      return;
    work_on (x, run, n_workers, s, worker);
    if (atomic_load (&x->open) == open)
      cpu_pool_wait (x->model->backend->pool, &x->open, open);
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

    atomic_store_explicit (&x->done[s], 0, memory_order_relaxed);
    for (unsigned w = 0; w < n_workers; w++)
      atomic_store_explicit (&x->shares[(size_t) s * cpu_pool_n_workers (pool) + w],
                             share_word (run, n_units), memory_order_release);
  }
  open_step (x, run, n_workers, first);
  cpu_pool_start (pool, run_worker, x);
  run_worker (x, 0, run);
}

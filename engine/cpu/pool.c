/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threads, a start signal and one barrier. A waiter spins first, because the next op is
 * microseconds away, and sleeps when it is not: on a busy machine spinning takes time from
 * whoever it waits for. Must not know what the workers compute. */
#include "engine/cpu/pool.h"

#include "engine/error.h"

#include <stdatomic.h>

#define SPIN_US        50
#define SPINS_PER_LOOK 64 /* pauses between two looks at the clock */

struct _CpuPool {
  unsigned n_workers;
  GThread **threads; /* [n_workers - 1] */

  GMutex mutex;
  GCond condition;
  atomic_uint sleepers; /* workers that wait on the condition */
  atomic_bool quit;

  CpuPoolFunc func; /* of the run in progress, written before started is raised */
  void *data;

  _Alignas (64) atomic_uint started; /* runs begun */
  _Alignas (64) atomic_uint arrived; /* calls of the barrier, by anyone, ever; may wrap */
  _Alignas (64) atomic_uint passed;  /* barriers completed */
};

typedef struct {
  CpuPool *pool;
  unsigned worker;
} Start;

static inline void
relax (void)
{
#if defined(__x86_64__)
  __builtin_ia32_pause ();
#endif
}

/* Waits until *word differs from old. */
static void
wait_change (CpuPool *pool, atomic_uint *word, unsigned old, gboolean spin)
{
  if (spin) {
    gint64 end_us = g_get_monotonic_time () + SPIN_US;

    do {
      for (unsigned i = 0; i < SPINS_PER_LOOK; i++) {
        if (atomic_load_explicit (word, memory_order_acquire) != old)
          return;
        relax ();
      }
    } while (g_get_monotonic_time () < end_us);
  }

  /* Sequentially consistent on both sides: either the one who changes the word sees a sleeper,
   * or the sleeper sees the change. */
  g_mutex_lock (&pool->mutex);
  atomic_fetch_add (&pool->sleepers, 1);
  while (atomic_load (word) == old && !atomic_load (&pool->quit))
    g_cond_wait (&pool->condition, &pool->mutex);
  atomic_fetch_sub (&pool->sleepers, 1);
  g_mutex_unlock (&pool->mutex);
}

static void
wake_all (CpuPool *pool)
{
  if (atomic_load (&pool->sleepers) == 0)
    return;
  g_mutex_lock (&pool->mutex);
  g_cond_broadcast (&pool->condition);
  g_mutex_unlock (&pool->mutex);
}

void
cpu_pool_barrier (CpuPool *pool)
{
  unsigned passed = atomic_load_explicit (&pool->passed, memory_order_relaxed);

  if (pool->n_workers == 1)
    return;
  if (atomic_fetch_add (&pool->arrived, 1) + 1 == (passed + 1) * pool->n_workers) {
    atomic_fetch_add (&pool->passed, 1);
    wake_all (pool);
  } else {
    wait_change (pool, &pool->passed, passed, TRUE);
  }
}

static gpointer
worker_main (gpointer user_data)
{
  Start *start = user_data;
  CpuPool *pool = start->pool;
  unsigned worker = start->worker, seen = 0;

  g_free (start);
  for (;;) {
    wait_change (pool, &pool->started, seen, seen != 0);
    if (atomic_load (&pool->quit))
      return NULL;
    seen = atomic_load (&pool->started);
    pool->func (pool->data, worker);
    cpu_pool_barrier (pool);
  }
}

void
cpu_pool_run (CpuPool *pool, CpuPoolFunc func, void *data)
{
  pool->func = func;
  pool->data = data;
  atomic_fetch_add (&pool->started, 1);
  wake_all (pool);
  func (data, 0);
  cpu_pool_barrier (pool);
}

CpuPool *
cpu_pool_new (unsigned n_workers, GError **error)
{
  g_autoptr (CpuPool) pool = NULL;

  pool = g_aligned_alloc0 (1, sizeof *pool, 64);
  g_mutex_init (&pool->mutex);
  g_cond_init (&pool->condition);
  pool->threads = g_new0 (GThread *, n_workers);
  for (pool->n_workers = 1; pool->n_workers < n_workers; pool->n_workers++) {
    Start *start = g_new (Start, 1);
    GThread *thread;

    *start = (Start) { pool, pool->n_workers };
    thread = g_thread_try_new ("engine-cpu", worker_main, start, NULL);
    if (thread == NULL) {
      g_free (start);
      g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_DEVICE,
                   "The system refuses to start %u threads; choose fewer.", n_workers);
      return NULL;
    }
    pool->threads[pool->n_workers - 1] = thread;
  }
  return g_steal_pointer (&pool);
}

void
cpu_pool_free (CpuPool *pool)
{
  if (pool == NULL)
    return;
  atomic_store (&pool->quit, TRUE);
  g_mutex_lock (&pool->mutex);
  g_cond_broadcast (&pool->condition);
  g_mutex_unlock (&pool->mutex);
  for (unsigned i = 0; i + 1 < pool->n_workers; i++)
    g_thread_join (pool->threads[i]);
  g_free (pool->threads);
  g_mutex_clear (&pool->mutex);
  g_cond_clear (&pool->condition);
  g_aligned_free (pool);
}

unsigned
cpu_pool_n_workers (const CpuPool *pool)
{
  return pool->n_workers;
}

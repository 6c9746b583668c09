/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threads, a start signal, and waiting for a word to change. A waiter spins first, because the
 * next op is microseconds away, and sleeps when it is not: on a busy machine spinning takes time
 * from whoever it waits for. Must not know what the workers compute. */
#include "engine/cpu/pool.h"

#include "engine/error.h"

#define SPIN_US        50
#define SPINS_PER_LOOK 64 /* pauses between two looks at the clock: 1 to 3 µs */

struct _CpuPool {
  unsigned n_workers;
  GThread **threads; /* [n_workers - 1] */

  GMutex mutex;
  GCond condition;
  atomic_uint sleepers; /* on the condition */
  atomic_bool quit;

  _Atomic CpuPoolFunc func;
  void *_Atomic data; /* NULL: there is no job */

  _Alignas (64) CpuPoolWord job;    /* number of the last one */
  _Alignas (64) CpuPoolWord inside; /* workers in func, or about to look for it */
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

gboolean
cpu_pool_wait_a_moment (const CpuPoolWord *word, uint64_t old)
{
  for (unsigned i = 0; i < SPINS_PER_LOOK; i++) {
    if (atomic_load_explicit (word, memory_order_acquire) != old)
      return TRUE;
    relax ();
  }
  return FALSE;
}

static gboolean
spin (const CpuPoolWord *word, uint64_t old)
{
  gint64 end_us = g_get_monotonic_time () + SPIN_US;

  do {
    if (cpu_pool_wait_a_moment (word, old))
      return TRUE;
  } while (g_get_monotonic_time () < end_us);
  return FALSE;
}

void
cpu_pool_wait (CpuPool *pool, const CpuPoolWord *word, uint64_t old)
{
  if (spin (word, old))
    return;
  /* Sequentially consistent on both sides: either the one who changes the word sees a sleeper, or
   * the sleeper sees the change. */
  g_mutex_lock (&pool->mutex);
  atomic_fetch_add (&pool->sleepers, 1);
  while (atomic_load (word) == old && !atomic_load (&pool->quit))
    g_cond_wait (&pool->condition, &pool->mutex);
  atomic_fetch_sub (&pool->sleepers, 1);
  g_mutex_unlock (&pool->mutex);
}

void
cpu_pool_wake (CpuPool *pool)
{
  if (atomic_load (&pool->sleepers) == 0)
    return;
  g_mutex_lock (&pool->mutex);
  g_cond_broadcast (&pool->condition);
  g_mutex_unlock (&pool->mutex);
}

/* Enters the job there is now, and returns its number. The count inside goes up before the data are
 * looked at: from then on cpu_pool_stop () waits for this worker. */
static uint64_t
join_job (CpuPool *pool, unsigned worker)
{
  CpuPoolFunc func;
  uint64_t job;
  void *data;

  atomic_fetch_add (&pool->inside, 1);
  do {
    job = atomic_load (&pool->job);
    data = atomic_load (&pool->data);
    func = atomic_load (&pool->func);
  } while (job != atomic_load (&pool->job));
  if (data != NULL)
    func (data, worker, (uint32_t) job);
  atomic_fetch_sub (&pool->inside, 1);
  cpu_pool_wake (pool);
  return job;
}

static gpointer
worker_main (gpointer user_data)
{
  Start *start = user_data;
  CpuPool *pool = start->pool;
  unsigned worker = start->worker;
  uint64_t seen = 0;

  g_free (start);
  for (;;) {
    cpu_pool_wait (pool, &pool->job, seen);
    if (atomic_load (&pool->quit))
      return NULL;
    seen = join_job (pool, worker);
  }
}

uint32_t
cpu_pool_next_job (const CpuPool *pool)
{
  return (uint32_t) (atomic_load (&pool->job) + 1);
}

void
cpu_pool_start (CpuPool *pool, CpuPoolFunc func, void *data)
{
  atomic_store (&pool->func, func);
  atomic_store (&pool->data, data);
  atomic_fetch_add (&pool->job, 1);
  cpu_pool_wake (pool);
}

void
cpu_pool_stop (CpuPool *pool)
{
  uint64_t inside;

  atomic_store (&pool->data, NULL);
  while ((inside = atomic_load (&pool->inside)) != 0)
    cpu_pool_wait (pool, &pool->inside, inside);
}

CpuPool *
cpu_pool_new (unsigned n_workers, GError **error)
{
  g_autoptr (CpuPool) pool = g_aligned_alloc0 (1, sizeof *pool, 64);

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

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pool: workers join a job, none is waited for, a stopped job is left, and idle workers use no
 * time. */
#include "engine/cpu/pool.h"

#include <sys/resource.h>

/* A job of n_units numbered steps, as run.c has them, but with plain data behind the atomic
 * words. */
typedef struct {
  CpuPool *pool;
  CpuPoolWord taken; /* job << 32 | units taken */
  CpuPoolWord done;  /* job << 32 | units done */
  unsigned n_units;
  unsigned plain[64]; /* not atomic: the words must make it visible */
  atomic_uint late;   /* calls that came after their job */
} Shared;

static void
work (void *data, unsigned worker, uint32_t job)
{
  Shared *shared = data;

  for (;;) {
    uint64_t word = atomic_load (&shared->taken), done;
    uint32_t unit = (uint32_t) word;

    if (word >> 32 != job) {
      atomic_fetch_add (&shared->late, 1);
      return;
    }
    if (unit >= shared->n_units)
      break;
    if (!atomic_compare_exchange_strong (&shared->taken, &word, word + 1))
      continue;
    shared->plain[unit % 64]++;
    done = atomic_fetch_add (&shared->done, 1) + 1;
    if ((uint32_t) done == shared->n_units)
      cpu_pool_wake (shared->pool);
  }
}

static void
run_job (Shared *shared)
{
  uint64_t job = cpu_pool_next_job (shared->pool), done;

  atomic_store (&shared->done, job << 32);
  atomic_store (&shared->taken, job << 32);
  cpu_pool_start (shared->pool, work, shared);
  work (shared, 0, (uint32_t) job);
  while ((uint32_t) (done = atomic_load (&shared->done)) < shared->n_units)
    cpu_pool_wait (shared->pool, &shared->done, done);
}

static void
test_jobs (void)
{
  for (unsigned n = 1; n <= 5; n++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (CpuPool) pool = cpu_pool_new (n, &error);
    Shared shared = { .pool = pool, .n_units = 64 };

    g_assert_no_error (error);
    g_assert_cmpuint (cpu_pool_n_workers (pool), ==, n);
    for (unsigned run = 1; run <= 300; run++) {
      run_job (&shared);
      for (unsigned i = 0; i < 64; i++)
        g_assert_cmpuint (shared.plain[i], ==, run);
      if (run % 50 == 0)
        g_usleep (300); /* they go to sleep */
    }
    cpu_pool_stop (pool);
    g_test_message ("%u workers, %u late calls", n, atomic_load (&shared.late));
  }
}

/* After stop the data may go, whatever the workers were about to do. */
static void
test_stop (void)
{
  g_autoptr (CpuPool) pool = cpu_pool_new (4, NULL);

  for (unsigned run = 0; run < 200; run++) {
    Shared *shared = g_new0 (Shared, 1);

    shared->pool = pool;
    shared->n_units = run % 3;
    run_job (shared);
    cpu_pool_stop (pool);
    g_free (shared);
  }
}

static double
processor_s (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void
test_idle (void)
{
  g_autoptr (CpuPool) pool = cpu_pool_new (4, NULL);
  Shared shared = { .pool = pool, .n_units = 64 };
  double before_s;

  run_job (&shared);
  g_usleep (20000);
  before_s = processor_s ();
  g_usleep (300000);
  g_assert_cmpfloat (processor_s () - before_s, <, 0.02);
  cpu_pool_stop (pool);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cpu/pool/jobs", test_jobs);
  g_test_add_func ("/cpu/pool/stop", test_stop);
  g_test_add_func ("/cpu/pool/idle", test_idle);
  return g_test_run ();
}

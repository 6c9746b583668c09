/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pool: every worker runs once, the barrier holds them together, and idle workers use no
 * time. */
#include "engine/cpu/pool.h"

#include <sys/resource.h>

#define ROUNDS 300

typedef struct {
  CpuPool *pool;
  unsigned plain[64][16]; /* not atomic: the barrier must make them visible */
  unsigned n_wrong[64];
} Shared;

/* Each worker writes its own cell, then checks everybody's. */
static void
meet (void *data, unsigned worker)
{
  Shared *shared = data;
  unsigned n = cpu_pool_n_workers (shared->pool);

  for (unsigned round = 1; round <= 20; round++) {
    shared->plain[worker][0] = round;
    cpu_pool_barrier (shared->pool);
    for (unsigned i = 0; i < n; i++)
      shared->n_wrong[worker] += shared->plain[i][0] != round;
    cpu_pool_barrier (shared->pool);
  }
}

static void
test_barrier (void)
{
  for (unsigned n = 1; n <= 5; n++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (CpuPool) pool = cpu_pool_new (n, &error);
    Shared shared = { .pool = pool };

    g_assert_no_error (error);
    g_assert_cmpuint (cpu_pool_n_workers (pool), ==, n);
    for (unsigned run = 0; run < ROUNDS / n; run++)
      cpu_pool_run (pool, meet, &shared);
    for (unsigned i = 0; i < n; i++)
      g_assert_cmpuint (shared.n_wrong[i], ==, 0);
  }
}

/* The first worker comes late: the others must have gone to sleep and wake again. */
static void
meet_late (void *data, unsigned worker)
{
  if (worker == 0)
    g_usleep (2000);
  meet (data, worker);
}

static void
test_late (void)
{
  g_autoptr (CpuPool) pool = cpu_pool_new (3, NULL);
  Shared shared = { .pool = pool };

  for (unsigned run = 0; run < 10; run++) {
    cpu_pool_run (pool, meet_late, &shared);
    g_usleep (500);
  }
  for (unsigned i = 0; i < 3; i++)
    g_assert_cmpuint (shared.n_wrong[i], ==, 0);
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
  Shared shared = { .pool = pool };
  double before_s;

  cpu_pool_run (pool, meet, &shared);
  g_usleep (20000);
  before_s = processor_s ();
  g_usleep (300000);
  g_assert_cmpfloat (processor_s () - before_s, <, 0.02);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cpu/pool/barrier", test_barrier);
  g_test_add_func ("/cpu/pool/late", test_late);
  g_test_add_func ("/cpu/pool/idle", test_idle);
  return g_test_run ();
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the knee is found on curves that are known: processors that share a memory, that share
 * nothing, that get in each other's way, and beside a computer that is busy now and then. */
#include "engine/cpu/knee.h"

#define RUNS 400 /* more than the search takes */

/* The time of a run by so many. */
typedef gint64 (*Curve) (unsigned n_workers);

/* Work that is cut among all. */
static gint64
shared_work (unsigned n)
{
  return 16000 / n;
}

/* Four read all that memory gives; the rest is work. */
static gint64
shared_memory (unsigned n)
{
  return MAX (10000 / n, 2500) + 160 / n;
}

/* Each more than six makes the others wait. */
static gint64
in_the_way (unsigned n)
{
  return n <= 6 ? 6000 / n : 1000 + 100 * (n - 6);
}

static unsigned
find (Curve curve, unsigned n_workers, gboolean busy)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  gint64 all_us = 0, us = 0;
  unsigned found = 0;
  guint searched = 0;
  CpuKnee knee;

  cpu_knee_begin (&knee, n_workers);
  for (int i = 0; i < RUNS; i++) {
    unsigned n = cpu_knee_workers (&knee);
    /* Half of the runs are up to three times as long. */
    double slowdown = busy && g_rand_boolean (rand) ? g_rand_double_range (rand, 1, 3) : 1;
    gint64 ran_us = (gint64) ((double) curve (n) * slowdown);

    g_assert_cmpuint (n, >=, 1);
    g_assert_cmpuint (n, <=, n_workers);
    searched += knee.tried != 0;
    cpu_knee_ran (&knee, ran_us);
    us += curve (n);
    all_us += curve (n_workers);
    found = n;
  }
  g_assert_cmpuint (knee.tried, ==, 0);
  g_test_message ("%u workers of %u, searched for %u runs: %.2f of the time of all", found,
                  n_workers, searched, (double) us / (double) all_us);
  return found;
}

static void
test_shared_work (void)
{
  for (unsigned n = 1; n <= 32; n++) {
    g_assert_cmpuint (find (shared_work, n, FALSE), ==, n);
    g_assert_cmpuint (find (shared_work, n, TRUE), ==, n);
  }
}

static void
test_shared_memory (void)
{
  for (unsigned n = 1; n <= 32; n++) {
    unsigned found = find (shared_memory, n, FALSE), beside = find (shared_memory, n, TRUE);

    g_assert_cmpuint (found, >=, MIN (n, 4));
    g_assert_cmpuint (found, <=, 6);
    /* By few as fast as by all; where runs are too unlike to tell, more than need be. */
    g_assert_cmpfloat ((double) shared_memory (found), <=, 1.1 * (double) shared_memory (n));
    g_assert_cmpfloat ((double) shared_memory (beside), <=, 1.1 * (double) shared_memory (n));
  }
}

static void
test_in_the_way (void)
{
  g_assert_cmpuint (find (in_the_way, 16, FALSE), ==, 6);
  g_assert_cmpuint (find (in_the_way, 6, FALSE), ==, 6);
}

/* A model of next to nothing: one alone is quicker, which says nothing of others. */
static gint64
next_to_nothing (unsigned n)
{
  return 50 + 10 * n;
}

static void
test_short (void)
{
  g_assert_cmpuint (find (next_to_nothing, 8, FALSE), ==, 8);
}

/* A person's own number is not looked at again. */
static void
test_all (void)
{
  CpuKnee knee;

  cpu_knee_set_all (&knee, 8);
  for (int i = 0; i < 100; i++) {
    g_assert_cmpuint (cpu_knee_workers (&knee), ==, 8);
    cpu_knee_ran (&knee, 1000);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/knee/shared-work", test_shared_work);
  g_test_add_func ("/knee/shared-memory", test_shared_memory);
  g_test_add_func ("/knee/in-the-way", test_in_the_way);
  g_test_add_func ("/knee/short", test_short);
  g_test_add_func ("/knee/all", test_all);

  return g_test_run ();
}

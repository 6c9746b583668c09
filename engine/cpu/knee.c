/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs by all and by three quarters of them take turns, so that whatever else the computer does
 * meets both; the least time of each counts. While fewer are as fast, fewer still are tried: that
 * costs nothing, so there is time to be sure. Must not know threads. */
#include "engine/cpu/knee.h"

#define AS_FAST     1.02 /* times as long at most */
#define PAIRS       8
#define HOPELESS    1.25 /* times as long after so many pairs: they are not tried any more */
#define FIRST_PAIRS 3
#define SHORT_US    500 /* what is as short waits for threads, and not for memory */

static void
try_fewer (CpuKnee *knee)
{
  *knee = (CpuKnee) { .best = knee->best,
                      .tried = knee->best * 3 / 4, /* 0 of one */
                      .best_us = G_MAXINT64,
                      .tried_us = G_MAXINT64 };
}

void
cpu_knee_set_all (CpuKnee *knee, unsigned n_workers)
{
  *knee = (CpuKnee) { .best = n_workers };
}

void
cpu_knee_begin (CpuKnee *knee, unsigned n_workers)
{
  cpu_knee_set_all (knee, n_workers);
  try_fewer (knee);
}

unsigned
cpu_knee_workers (const CpuKnee *knee)
{
  return knee->trying ? knee->tried : knee->best;
}

static gboolean
is_tried (const CpuKnee *knee)
{
  return knee->n_pairs >= PAIRS ||
         (knee->n_pairs >= FIRST_PAIRS &&
          (knee->best_us < SHORT_US ||
           (double) knee->tried_us > HOPELESS * (double) knee->best_us));
}

void
cpu_knee_ran (CpuKnee *knee, gint64 us)
{
  gint64 *least = knee->trying ? &knee->tried_us : &knee->best_us;

  if (knee->tried == 0)
    return;
  *least = MIN (*least, us);
  knee->n_pairs += knee->trying;
  knee->trying = !knee->trying;
  if (knee->trying || !is_tried (knee))
    return;
  if (knee->best_us < SHORT_US ||
      (double) knee->tried_us > AS_FAST * (double) knee->best_us) {
    cpu_knee_set_all (knee, knee->best);
    return;
  }
  knee->best = knee->tried;
  try_fewer (knee);
}

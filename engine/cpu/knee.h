/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The knee of the curve of threads: one token is written as fast as memory is read, and of many
 * processors a part can read all that memory gives. More take energy, and time from the window.
 * Which part is found on the first tokens themselves, by turns with all of them. Must not know
 * what is run. Thread: the one that runs. */
#pragma once

#include <glib.h>

typedef struct {
  unsigned best;            /* workers */
  unsigned tried;           /* fewer than these; 0: it is found */
  gboolean trying;          /* the next run is by the fewer */
  guint n_pairs;            /* of runs, since they are tried */
  gint64 best_us, tried_us; /* the least of each */
} CpuKnee;

/* Not looked for: all n workers always. */
void cpu_knee_set_all (CpuKnee *knee, unsigned n_workers);
/* Looked for from the next run on. */
void cpu_knee_begin (CpuKnee *knee, unsigned n_workers);
/* That the next run is to be done by, 1 to n_workers. */
unsigned cpu_knee_workers (const CpuKnee *knee);
/* The time that it took them. Runs must be of the same work, about. */
void cpu_knee_ran (CpuKnee *knee, gint64 us);

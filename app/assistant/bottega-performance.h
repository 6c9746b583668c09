/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaPerformance: what this computer adds to the facts of an answer. It knows how fast memory
 * is read and models came, watches memory and energy while answers are made, and keeps the best
 * that was seen in <data-dir>/performance.ini. Main thread; sensors and measuring have a thread of
 * their own.
 *
 * Signals: sampled (), limits-changed ().
 */
#pragma once

#include "app/assistant/bottega-answer-facts.h"
#include "app/assistant/bottega-energy.h"
#include "app/assistant/bottega-engine-source.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_PERFORMANCE (bottega_performance_get_type ())
G_DECLARE_FINAL_TYPE (BottegaPerformance, bottega_performance, BOTTEGA, PERFORMANCE, GObject)

/* What was held and used at a moment. */
typedef struct {
  gint64 at_us;                              /* monotonic */
  guint64 ram_bytes;                         /* by this program */
  guint64 card_bytes;                        /* on a graphics card, by the loaded model */
  guint64 ram_total_bytes, ram_others_bytes; /* others: of all other programs */
} BottegaMemorySample;

/* An answer begins: what is counted so far. */
typedef struct {
  double stall_s, energy_j;
  guint64 major_faults;
} BottegaPerformanceMark;

/* data_dir NULL: nothing is kept. root: where "proc" and "sys" are, "/" but in tests. */
BottegaPerformance *bottega_performance_new (BottegaEngineSource *source, const char *data_dir,
                                             const char *root);
/* Ends its thread; also at the last unref. */
void bottega_performance_shutdown (BottegaPerformance *self);

/* For the engine thread: the model that is loaded now, NULL: none. A speed of memory that is not
 * known yet for a model of that size is measured once nobody waits for an answer, which takes a
 * second of all cores. */
void bottega_performance_set_loaded (BottegaPerformance *self, const char *path,
                                     const BottegaLoaded *loaded);

/* An answer is waited for. Every begin has its end. */
void bottega_performance_begin (BottegaPerformance *self, BottegaPerformanceMark *mark);
/* Fills in the part of facts that is the model's and the computer's. stats NULL: there was no
 * answer; facts NULL: nobody asks. */
void bottega_performance_end (BottegaPerformance *self, const BottegaPerformanceMark *mark,
                              const EngineStats *stats, BottegaAnswerFacts *facts);

/* Somebody looks: memory is sampled every two seconds, and limits are measured that are not known.
 */
void bottega_performance_watch (BottegaPerformance *self);
void bottega_performance_unwatch (BottegaPerformance *self);

/* Of BottegaMemorySample, oldest first, of the last ten minutes or so; borrowed. */
GArray *bottega_performance_get_samples (BottegaPerformance *self);
/* The processor's; 0: not known yet. */
void bottega_performance_get_limits (BottegaPerformance *self, BottegaLimits *limits);
/* What energy can be measured of: BottegaEnergyScope. */
guint bottega_performance_get_energy_scope (BottegaPerformance *self);

/* Waited for memory by anybody since the computer started, in seconds; 0 where that is not told.
 * Any thread. */
double bottega_performance_read_stall_s (const char *root);

G_END_DECLS

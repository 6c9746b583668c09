/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times between tokens. Must not know why they took as long as they did. */
#include "engine/session/flow.h"

#include <stdlib.h>

/* A gap that a reader notices: well over the usual one, and long in itself. */
#define STALL_FACTOR     4
#define STALL_MINIMUM_US 100000

void
session_flow_init (SessionFlow *flow)
{
  *flow = (SessionFlow) {
    .start_us = g_get_monotonic_time (),
    .gaps_us = g_array_new (FALSE, FALSE, sizeof (guint32)),
  };
}

void
session_flow_finish (SessionFlow *flow)
{
  g_clear_pointer (&flow->gaps_us, g_array_unref);
}

void
session_flow_token (SessionFlow *flow, gint64 now_us)
{
  if (flow->first_us == 0) {
    flow->first_us = now_us;
  } else {
    guint32 gap = (guint32) CLAMP (now_us - flow->last_us, 0, G_MAXUINT32);

    g_array_append_val (flow->gaps_us, gap);
  }
  flow->last_us = now_us;
}

static int
compare_gaps (const void *a, const void *b)
{
  guint32 x = *(const guint32 *) a, y = *(const guint32 *) b;

  return (x > y) - (x < y);
}

/* Nearest rank on sorted values. */
static guint32
percentile (const GArray *sorted, double p)
{
  guint i = (guint) (p * (sorted->len - 1) + 0.5);

  return g_array_index (sorted, guint32, i);
}

void
session_flow_summarise (SessionFlow *flow, EngineStats *stats)
{
  GArray *gaps = flow->gaps_us;
  guint32 median;

  stats->ttft_s = flow->first_us > 0 ? (flow->first_us - flow->start_us) / 1e6 : 0;
  if (gaps->len == 0)
    return;
  qsort (gaps->data, gaps->len, sizeof (guint32), compare_gaps);
  median = percentile (gaps, 0.5);
  stats->gap_p50_ms = median / 1e3;
  stats->gap_p95_ms = percentile (gaps, 0.95) / 1e3;
  stats->gap_max_ms = g_array_index (gaps, guint32, gaps->len - 1) / 1e3;
  for (guint i = gaps->len; i-- > 0;) {
    guint32 gap = g_array_index (gaps, guint32, i);

    if (gap < STALL_MINIMUM_US || gap < STALL_FACTOR * (guint64) median)
      break;
    stats->stalls++;
  }
}

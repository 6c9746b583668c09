/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The flow of an answer: when each token came, and what that says (time to first token, median and
 * 95th percentile of the gaps, stalls).
 * Thread: the engine thread. */
#pragma once

#include "engine/engine.h"

typedef struct {
  gint64 start_us, first_us, last_us; /* g_get_monotonic_time; 0: not yet */
  GArray *gaps_us;                    /* guint32, between consecutive tokens */
} SessionFlow;

void session_flow_init (SessionFlow *flow);
void session_flow_finish (SessionFlow *flow);
/* A token was given to the caller now. */
void session_flow_token (SessionFlow *flow, gint64 now_us);
/* Fills ttft_s, gap_*, stalls. */
void session_flow_summarise (SessionFlow *flow, EngineStats *stats);

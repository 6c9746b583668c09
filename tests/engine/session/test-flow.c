/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gaps between tokens: percentiles and stalls of a made-up timeline. */
#include "engine/session/flow.h"

static EngineStats
play (const unsigned *gaps_ms, unsigned n)
{
  SessionFlow flow;
  EngineStats stats = { 0 };
  gint64 now;

  session_flow_init (&flow);
  now = flow.start_us + 250000;
  session_flow_token (&flow, now);
  for (unsigned i = 0; i < n; i++)
    session_flow_token (&flow, now += gaps_ms[i] * 1000);
  session_flow_summarise (&flow, &stats);
  session_flow_finish (&flow);
  return stats;
}

static void
test_percentiles (void)
{
  unsigned gaps[100];
  EngineStats stats;

  for (unsigned i = 0; i < 100; i++)
    gaps[i] = 100 - i;
  stats = play (gaps, 100);
  g_assert_cmpfloat_with_epsilon (stats.ttft_s, 0.25, 1e-6);
  g_assert_cmpfloat_with_epsilon (stats.gap_p50_ms, 51, 1);
  g_assert_cmpfloat_with_epsilon (stats.gap_p95_ms, 95, 1);
  g_assert_cmpfloat_with_epsilon (stats.gap_max_ms, 100, 1e-6);
}

static void
test_stalls (void)
{
  const unsigned gaps[] = { 20, 20, 500, 20, 90, 20, 101, 20, 20 };

  g_assert_cmpuint (play (gaps, G_N_ELEMENTS (gaps)).stalls, ==, 2); /* 500 and 101; 90 is short */
}

static void
test_one_token (void)
{
  EngineStats stats = play (NULL, 0);

  g_assert_cmpfloat (stats.gap_p50_ms, ==, 0);
  g_assert_cmpfloat_with_epsilon (stats.ttft_s, 0.25, 1e-6);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engine/session/flow/percentiles", test_percentiles);
  g_test_add_func ("/engine/session/flow/stalls", test_stalls);
  g_test_add_func ("/engine/session/flow/one-token", test_one_token);
  return g_test_run ();
}

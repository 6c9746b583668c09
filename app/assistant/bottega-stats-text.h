/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The quiet line below an answer, in the person's language and with the locale's numbers. Any
 * thread. */
#pragma once

#include "app/assistant/bottega-answer-facts.h"

G_BEGIN_DECLS

/* "0.42 s to first word · 31 tok/s · 1,204 of 1,310 tokens reused". Free with g_free. */
char *bottega_stats_text_long (const EngineStats *stats);
/* "0.42 s · 31 tok/s". Free with g_free. */
char *bottega_stats_text_short (const EngineStats *stats);
/* "0.42 s", "3.2 s", "12 s": two digits are what a person can use. Free with g_free. */
char *bottega_stats_text_seconds (double seconds);
/* As a JSON object with the names of the struct's fields, and the facts (may be NULL) in it; and
 * back. FALSE when text is not such an object. facts: NULL stays where there are none; free with
 * g_free. */
char *bottega_stats_to_json (const EngineStats *stats, const BottegaAnswerFacts *facts);
gboolean bottega_stats_from_json (const char *text, EngineStats *stats,
                                  BottegaAnswerFacts **facts);

G_END_DECLS

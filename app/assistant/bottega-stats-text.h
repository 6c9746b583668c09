/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The quiet line below an answer, in the person's language and with the locale's numbers. Any
 * thread. */
#pragma once

#include "engine/engine.h"

G_BEGIN_DECLS

/* "0.42 s to first word · 31 tok/s · 1,204 of 1,310 tokens reused". Free with g_free. */
char *bottega_stats_text_long (const EngineStats *stats);
/* "0.42 s · 31 tok/s". Free with g_free. */
char *bottega_stats_text_short (const EngineStats *stats);
/* As a JSON object with the names of the struct's fields, and back. FALSE when text is not such an
 * object. */
char *bottega_stats_to_json (const EngineStats *stats);
gboolean bottega_stats_from_json (const char *text, EngineStats *stats);

G_END_DECLS

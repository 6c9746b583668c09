/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaEngineRest: when a model leaves the memory, and what the computer's power profile does to
 * the next load. It lets the engine rest after the minutes that are set, counted from the last
 * answer, and when memory runs short; it tells the settings when power is saved. Main thread only.
 *
 * A shortage that comes in the midst of an answer waits for its end. A slight one
 * (G_MEMORY_MONITOR_WARNING_LEVEL_LOW) spares a model that was used within the last minute.
 */
#pragma once

#include "app/assistant/bottega-engine-thread.h"
#include "app/assistant/bottega-settings.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define BOTTEGA_TYPE_ENGINE_REST (bottega_engine_rest_get_type ())
G_DECLARE_FINAL_TYPE (BottegaEngineRest, bottega_engine_rest, BOTTEGA, ENGINE_REST, GObject)

/* minute_ms: how long a minute takes; 0: a minute (tests have less time). */
BottegaEngineRest *bottega_engine_rest_new (BottegaEngineThread *engine, BottegaSettings *settings,
                                            guint minute_ms);
/* Once. Each may be NULL: there is no such service here. */
void bottega_engine_rest_watch (BottegaEngineRest *self, GMemoryMonitor *memory,
                                GPowerProfileMonitor *power);

G_END_DECLS

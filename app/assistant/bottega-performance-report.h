/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The performance page as data, for whoever looks into it elsewhere: numbers, verdicts and names of
 * models and devices, nothing of what was asked or answered. Any thread that owns what it is
 * given. */
#pragma once

#include "app/assistant/bottega-message.h"
#include "app/assistant/bottega-performance.h"

G_BEGIN_DECLS

/* answers: of BottegaMessage, newest first. devices: of EngineDevice; NULL: not known. An indented
 * JSON object; free with g_free. Main thread. */
char *bottega_performance_report (GListModel *answers, BottegaPerformance *performance,
                                  GPtrArray *devices);

G_END_DECLS

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page that says why answers take as long as they do: the verdict of one answer with what would
 * help, plots of the last ones, and what this computer can give. Main thread. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-assistant.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_PERFORMANCE_PAGE (bottega_performance_page_get_type ())
G_DECLARE_FINAL_TYPE (BottegaPerformancePage, bottega_performance_page, BOTTEGA, PERFORMANCE_PAGE,
                      AdwBin)

GtkWidget *bottega_performance_page_new (BottegaAssistant *assistant);
/* It is being shown: with the verdict of this answer, NULL: of the last one. */
void bottega_performance_page_show (BottegaPerformancePage *self, BottegaMessage *answer);

G_END_DECLS

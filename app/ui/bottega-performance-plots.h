/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The four plots of the performance page, each in a card with its title, and what goes into them.
 * Main thread. */
#pragma once

#include "app/assistant/bottega-message.h"
#include "app/assistant/bottega-performance.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct _BottegaPerformancePlots BottegaPerformancePlots;

/* Puts the cards into box. */
BottegaPerformancePlots *bottega_performance_plots_new (GtkFlowBox *box);
void bottega_performance_plots_free (BottegaPerformancePlots *self);

/* Of BottegaMessage, the newest first. */
void bottega_performance_plots_show_answers (BottegaPerformancePlots *self, GListModel *answers);
/* The times between its tokens; all of it 0: there is none. */
void bottega_performance_plots_show_answer (BottegaPerformancePlots *self,
                                            const BottegaDiagnosis *diagnosis);
void bottega_performance_plots_show_memory (BottegaPerformancePlots *self,
                                            BottegaPerformance *performance);

/* When an answer began, in the words of the plots: "07/14/2026, 14:32". */
char *bottega_performance_plots_dup_moment (BottegaMessage *answer);

G_END_DECLS

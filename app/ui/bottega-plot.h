/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaPlot: numbers as stacked bars, lines or points, in the accent colour and its tints, with
 * two axes from 0 and, of more than one series, a legend. Main thread. */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef enum {
  BOTTEGA_PLOT_BARS,   /* at 0, 1, 2 …: the series on top of each other */
  BOTTEGA_PLOT_LINES,  /* of each series from x to x */
  BOTTEGA_PLOT_POINTS, /* one series */
} BottegaPlotKind;

#define BOTTEGA_PLOT_MOST_SERIES 5

/* All borrowed during the call. */
typedef struct {
  BottegaPlotKind kind;
  guint n_series, n;
  guint n_slots;               /* of bars: there is room for so many at least */
  const double *x;             /* [n], not falling but for points; NULL: 0, 1, 2 … */
  const double *y;             /* [n_series][n], not negative */
  const char *const *names;    /* [n_series] for the legend; NULL: none */
  const char *const *tips;     /* [n] what is said of each when pointed at; NULL: nothing */
  const char *y_format;        /* of one double, "%.0f ms" */
  const char *x_begin, *x_end; /* what stands at the ends of the axis; begin NULL: "0" */
} BottegaPlotData;

#define BOTTEGA_TYPE_PLOT (bottega_plot_get_type ())
G_DECLARE_FINAL_TYPE (BottegaPlot, bottega_plot, BOTTEGA, PLOT, GtkWidget)

/* n 0: it shows "empty" instead. */
void bottega_plot_set_data (BottegaPlot *self, const BottegaPlotData *data);
/* What a screen reader says instead of the picture. */
void bottega_plot_set_summary (BottegaPlot *self, const char *title, const char *summary);
/* A sentence in the place of no data. */
void bottega_plot_set_empty (BottegaPlot *self, const char *sentence);

G_END_DECLS

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns which numbers of the answers each plot shows. Must not know how they are drawn. */
#define G_LOG_DOMAIN "bottega-performance-plots"

#include "config.h"

#include "app/ui/bottega-performance-plots.h"

#include "app/assistant/bottega-stats-text.h"
#include "app/ui/bottega-plot.h"

#include <glib/gi18n.h>

/* Bars that can be told apart. */
#define MOST_BARS 20

typedef enum {
  PLOT_PHASES,
  PLOT_GAPS,
  PLOT_SPEED,
  PLOT_MEMORY,
  N_PLOTS,
} PlotId;

struct _BottegaPerformancePlots {
  BottegaPlot *plots[N_PLOTS]; /* of the cards in the box */
};

static const struct {
  const char *title, *caption, *empty;
} plots[] = {
  [PLOT_PHASES] = { N_ ("Where the Time Went"), N_ ("The last answers, in seconds"),
                    N_ ("The next answer will be the first here.") },
  [PLOT_GAPS] = { N_ ("Between Tokens"), N_ ("One answer from its first token to its last"),
                  N_ ("No times were kept of this answer.") },
  [PLOT_SPEED] = { N_ ("Speed and Length"),
                   N_ ("Tokens written per second, by the tokens of the conversation"),
                   N_ ("No answer was long enough to be measured.") },
  [PLOT_MEMORY] = { N_ ("Memory"), N_ ("Held by Bottega while answers are made and this page is "
                                       "open"),
                    N_ ("Nothing has been measured yet.") },
};
G_STATIC_ASSERT (G_N_ELEMENTS (plots) == N_PLOTS);

/* ---- the cards */

static GtkWidget *
label_new (const char *text,
           const char *css_class)
{
  GtkWidget *label = g_object_new (GTK_TYPE_LABEL, "label", text, "xalign", 0.0f, "wrap", TRUE,
                                   "max-width-chars", 24, NULL);

  gtk_widget_add_css_class (label, css_class);
  return label;
}

static GtkWidget *
card_new (PlotId id,
          GtkWidget *plot)
{
  GtkWidget *card = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *caption = label_new (_ (plots[id].caption), "caption");

  gtk_widget_add_css_class (card, "card");
  gtk_widget_add_css_class (card, "plot-card");
  gtk_widget_add_css_class (caption, "dimmed");
  gtk_box_append (GTK_BOX (card), label_new (_ (plots[id].title), "heading"));
  gtk_box_append (GTK_BOX (card), caption);
  gtk_widget_set_margin_top (plot, 12);
  gtk_widget_set_vexpand (plot, TRUE);
  gtk_box_append (GTK_BOX (card), plot);
  return card;
}

BottegaPerformancePlots *
bottega_performance_plots_new (GtkFlowBox *box)
{
  BottegaPerformancePlots *self = g_new0 (BottegaPerformancePlots, 1);

  for (guint i = 0; i < N_PLOTS; i++) {
    GtkWidget *plot = g_object_new (BOTTEGA_TYPE_PLOT, NULL);
    GtkWidget *child = gtk_flow_box_child_new ();

    gtk_flow_box_child_set_child (GTK_FLOW_BOX_CHILD (child), card_new (i, plot));
    gtk_widget_set_focusable (child, FALSE);
    gtk_flow_box_append (box, child);
    self->plots[i] = BOTTEGA_PLOT (plot);
    bottega_plot_set_empty (self->plots[i], _ (plots[i].empty));
    bottega_plot_set_summary (self->plots[i], _ (plots[i].title), _ (plots[i].empty));
  }
  return self;
}

void
bottega_performance_plots_free (BottegaPerformancePlots *self)
{
  g_free (self);
}

static void
set (BottegaPerformancePlots *self,
     PlotId id,
     const BottegaPlotData *data,
     const char *summary)
{
  bottega_plot_set_data (self->plots[id], data);
  bottega_plot_set_summary (self->plots[id], _ (plots[id].title),
                            data->n > 0 ? summary : _ (plots[id].empty));
}

/* ---- phases */

static const struct {
  const char *name;
  gsize offset; /* in the facts */
} phases[] = {
  { N_ ("Waiting"), G_STRUCT_OFFSET (BottegaAnswerFacts, queue_s) },
  { N_ ("Searching"), G_STRUCT_OFFSET (BottegaAnswerFacts, search_s) },
  { N_ ("Loading"), G_STRUCT_OFFSET (BottegaAnswerFacts, load_s) },
  { N_ ("Reading"), G_STRUCT_OFFSET (BottegaAnswerFacts, read_s) },
  { N_ ("Writing"), G_STRUCT_OFFSET (BottegaAnswerFacts, write_s) },
};
#define N_PHASES G_N_ELEMENTS (phases)
G_STATIC_ASSERT (N_PHASES <= BOTTEGA_PLOT_MOST_SERIES);

static double
phase_s (const BottegaDiagnosis *diagnosis,
         guint phase)
{
  return *(const double *) G_STRUCT_MEMBER_P (&diagnosis->facts, phases[phase].offset);
}

char *
bottega_performance_plots_dup_moment (BottegaMessage *answer)
{
  gint64 seconds = bottega_message_get_started_us (answer) / G_USEC_PER_SEC;
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_local (seconds);

  return g_date_time_format (time, "%x, %R");
}

/* Its moment, then a line for each phase that took time. */
static char *
describe_answer (BottegaMessage *answer,
                 const BottegaDiagnosis *diagnosis)
{
  g_autofree char *when = bottega_performance_plots_dup_moment (answer);
  GString *text = g_string_new (when);

  for (guint i = 0; i < N_PHASES; i++) {
    double value = phase_s (diagnosis, i);
    g_autofree char *duration = bottega_stats_text_seconds (value);

    if (value >= 0.005)
      /* TRANSLATORS: a phase of an answer and how long it took. */
      g_string_append_printf (text, _ ("\n%s: %s"), _ (phases[i].name), duration);
  }
  return g_string_free (text, FALSE);
}

static void
show_phases (BottegaPerformancePlots *self,
             GListModel *answers)
{
  double y[N_PHASES * MOST_BARS];
  const char *names[N_PHASES];
  g_autoptr (GPtrArray) tips = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) shown = g_ptr_array_new_with_free_func (g_free); /* BottegaDiagnosis */
  guint n;

  for (guint i = 0; i < g_list_model_get_n_items (answers) && shown->len < MOST_BARS; i++) {
    g_autoptr (BottegaMessage) answer = g_list_model_get_item (answers, i);
    g_autofree BottegaDiagnosis *diagnosis = g_new (BottegaDiagnosis, 1);

    if (!bottega_message_diagnose (answer, diagnosis))
      continue;
    g_ptr_array_insert (tips, 0, describe_answer (answer, diagnosis));
    g_ptr_array_insert (shown, 0, g_steal_pointer (&diagnosis));
  }
  n = shown->len;
  for (guint i = 0; i < N_PHASES; i++) {
    names[i] = _ (phases[i].name);
    for (guint j = 0; j < n; j++)
      y[i * n + j] = phase_s (g_ptr_array_index (shown, j), i);
  }
  set (self, PLOT_PHASES,
       &(BottegaPlotData) {
           .kind = BOTTEGA_PLOT_BARS,
           .n_series = N_PHASES,
           .n = n,
           .n_slots = MOST_BARS,
           .y = y,
           .names = names,
           .tips = (const char *const *) tips->pdata,
           .y_format = _ ("%g s"),
           .x_begin = n > 1 ? _ ("Oldest") : "",
           .x_end = _ ("Latest"),
       },
       n > 0 ? g_ptr_array_index (tips, n - 1) : NULL);
}

/* ---- between tokens */

void
bottega_performance_plots_show_answer (BottegaPerformancePlots *self,
                                       const BottegaDiagnosis *diagnosis)
{
  const BottegaGaps *gaps = &diagnosis->facts.gaps;
  double x[BOTTEGA_MOST_GAPS], y[BOTTEGA_MOST_GAPS];
  g_autofree char *end = NULL, *summary = NULL;

  for (guint i = 0; i < gaps->n; i++) {
    x[i] = (i + 1) * gaps->tokens_each;
    y[i] = (double) gaps->ms[i];
  }
  end = g_strdup_printf (ngettext ("%'u token", "%'u tokens", gaps->n * gaps->tokens_each + 1),
                         gaps->n * gaps->tokens_each + 1);
  /* TRANSLATORS: times between two tokens of an answer. */
  summary = g_strdup_printf (_ ("Half of them within %.0f ms, the longest %.0f ms"),
                             diagnosis->stats.gap_p50_ms, diagnosis->stats.gap_max_ms);
  set (self, PLOT_GAPS,
       &(BottegaPlotData) {
           .kind = BOTTEGA_PLOT_LINES,
           .n_series = 1,
           .n = gaps->n,
           .x = x,
           .y = y,
           .y_format = _ ("%g ms"),
           .x_end = end,
       },
       summary);
}

/* ---- speed */

static void
show_speed (BottegaPerformancePlots *self,
            GListModel *answers)
{
  guint n_answers = g_list_model_get_n_items (answers), n = 0;
  g_autofree double *x = g_new (double, n_answers), *y = g_new (double, n_answers);
  g_autoptr (GPtrArray) tips = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *end = NULL, *summary = NULL;
  double most = 0;

  for (guint i = 0; i < n_answers; i++) {
    g_autoptr (BottegaMessage) answer = g_list_model_get_item (answers, i);
    const EngineStats *stats = bottega_message_get_stats (answer);
    const char *model = bottega_message_get_model_name (answer);
    guint tokens;

    if (stats == NULL || stats->decode_tok_s <= 0)
      continue;
    tokens = stats->prompt_tokens + stats->written_tokens;
    x[n] = tokens;
    y[n++] = stats->decode_tok_s;
    most = MAX (most, tokens);
    /* TRANSLATORS: tokens of a conversation, a speed, and the name of a model. */
    g_ptr_array_add (tips, g_strdup_printf (_ ("%'u tokens: %.1f tok/s\n%s"), tokens,
                                            stats->decode_tok_s, model != NULL ? model : ""));
  }
  end = g_strdup_printf (ngettext ("%'u token", "%'u tokens", (guint) most), (guint) most);
  if (n > 0)
    summary = g_strdup_printf (_ ("The last answer: %.1f tok/s"), y[0]);
  set (self, PLOT_SPEED,
       &(BottegaPlotData) {
           .kind = BOTTEGA_PLOT_POINTS,
           .n_series = 1,
           .n = n,
           .x = x,
           .y = y,
           .tips = (const char *const *) tips->pdata,
           .y_format = "%g",
           .x_end = end,
       },
       summary);
}

void
bottega_performance_plots_show_answers (BottegaPerformancePlots *self,
                                        GListModel *answers)
{
  show_phases (self, answers);
  show_speed (self, answers);
}

/* ---- memory */

void
bottega_performance_plots_show_memory (BottegaPerformancePlots *self,
                                       BottegaPerformance *performance)
{
  const GArray *samples = bottega_performance_get_samples (performance);
  const char *names[] = { _ ("Main memory"), _ ("Graphics memory") };
  g_autofree double *x = g_new (double, samples->len), *y = g_new (double, 2 * samples->len);
  g_autofree char *begin = NULL, *summary = NULL, *size = NULL;
  gboolean has_card = FALSE;

  for (guint i = 0; i < samples->len; i++) {
    const BottegaMemorySample *sample = &g_array_index (samples, BottegaMemorySample, i);

    x[i] = (double) (sample->at_us - g_array_index (samples, BottegaMemorySample, 0).at_us) / 1e6;
    y[i] = (double) sample->ram_bytes / 1e9;
    y[samples->len + i] = (double) sample->card_bytes / 1e9;
    has_card |= sample->card_bytes > 0;
  }
  if (samples->len > 0) {
    double ago_s = x[samples->len - 1];

    size = g_format_size ((guint64) (y[samples->len - 1] * 1e9));
    begin = ago_s < 100 ? g_strdup_printf (_ ("%.0f s ago"), ago_s)
                        : g_strdup_printf (_ ("%.0f min ago"), ago_s / 60);
    /* TRANSLATORS: %s is a size. */
    summary = g_strdup_printf (_ ("Now %s of main memory"), size);
  }
  set (self, PLOT_MEMORY,
       &(BottegaPlotData) {
           .kind = BOTTEGA_PLOT_LINES,
           .n_series = has_card ? 2 : 1,
           .n = samples->len > 1 ? samples->len : 0,
           .x = x,
           .y = y,
           .names = names,
           .y_format = _ ("%g GB"),
           .x_begin = begin,
           .x_end = _ ("Now"),
       },
       summary);
}

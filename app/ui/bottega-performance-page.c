/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns what the performance page shows of which answer, and saves it. Must not know how a verdict
 * comes about or a plot is drawn. */
#define G_LOG_DOMAIN "bottega-performance-page"

#include "config.h"

#include "app/ui/bottega-performance-page.h"

#include "app/assistant/bottega-devices.h"
#include "app/assistant/bottega-performance-report.h"
#include "app/assistant/bottega-stats-text.h"
#include "app/ui/bottega-fact-row.h"
#include "app/ui/bottega-performance-plots.h"

#include <glib/gi18n.h>
#include <string.h>

struct _BottegaPerformancePage {
  AdwBin parent_instance;

  GtkScrolledWindow *scroller;
  GtkWidget *content;
  GtkWidget *empty_page;
  GtkWidget *verdict_card;
  GtkLabel *verdict_label;
  GtkLabel *verdict_detail;
  GtkButton *verdict_button;
  GtkFlowBox *plots;
  AdwPreferencesGroup *limits_group;
  GtkWidget *read_row;
  GtkWidget *arithmetic_row;
  GtkWidget *energy_row;

  BottegaAssistant *assistant;
  BottegaPerformancePlots *drawn;
  GListModel *answers;    /* of BottegaMessage, newest first; NULL: not shown yet */
  BottegaMessage *chosen; /* that was asked for; NULL: the last one */
  GPtrArray *devices;     /* of EngineDevice; NULL: not known yet */
};

G_DEFINE_FINAL_TYPE (BottegaPerformancePage, bottega_performance_page, ADW_TYPE_BIN)

static BottegaPerformance *
get_performance (BottegaPerformancePage *self)
{
  return bottega_assistant_get_performance (self->assistant);
}

/* ---- the verdict */

/* The chosen answer, else the last one of which is known what limited it. NULL: there is none, and
 * the diagnosis is as it was. */
static BottegaMessage *
dup_shown (BottegaPerformancePage *self,
           BottegaDiagnosis *diagnosis)
{
  guint n = self->answers != NULL ? g_list_model_get_n_items (self->answers) : 0;

  if (self->chosen != NULL && bottega_message_diagnose (self->chosen, diagnosis))
    return g_object_ref (self->chosen);
  for (guint i = 0; i < n; i++) {
    g_autoptr (BottegaMessage) answer = g_list_model_get_item (self->answers, i);

    if (bottega_message_diagnose (answer, diagnosis))
      return g_steal_pointer (&answer);
  }
  return NULL;
}

/* "3.2 s of 5.1 s of waiting · 07/14/2026, 14:32 · SmolLM2". */
static char *
describe (BottegaMessage *answer,
          const BottegaDiagnosis *diagnosis)
{
  g_autofree char *when = bottega_performance_plots_dup_moment (answer);
  g_autofree char *part = bottega_stats_text_seconds (diagnosis->seconds[diagnosis->verdict]);
  g_autofree char *all = bottega_stats_text_seconds (diagnosis->total_s);
  g_autofree char *explains =
      /* TRANSLATORS: durations: so much of the whole waiting is explained by the sentence above. */
      g_strdup_printf (_ ("%s of %s of waiting"), part, all);
  const char *parts[4] = { explains, when, bottega_message_get_model_name (answer), NULL };

  return g_strjoinv (" · ", (char **) parts);
}

/* answer NULL: there is none. */
static void
show_verdict (BottegaPerformancePage *self,
              BottegaMessage *answer,
              const BottegaDiagnosis *diagnosis)
{
  g_autofree char *sentence = NULL, *detail = NULL;
  const char *button;

  gtk_widget_set_visible (self->verdict_card, answer != NULL);
  if (answer == NULL)
    return;
  sentence = bottega_diagnosis_sentence (diagnosis);
  detail = describe (answer, diagnosis);
  button = bottega_diagnosis_get_button (diagnosis);
  gtk_label_set_label (self->verdict_label, sentence);
  gtk_label_set_label (self->verdict_detail, detail);
  gtk_widget_set_visible (GTK_WIDGET (self->verdict_button), button != NULL);
  if (button != NULL) {
    gtk_button_set_label (self->verdict_button, button);
    gtk_actionable_set_action_name (GTK_ACTIONABLE (self->verdict_button),
                                    bottega_diagnosis_get_action (diagnosis));
  }
}

/* ---- this computer */

static void
show_energy (BottegaPerformancePage *self,
             const BottegaDiagnosis *diagnosis)
{
  const char *scope =
      bottega_energy_scope_text (bottega_performance_get_energy_scope (get_performance (self)));
  g_autofree char *text = NULL;

  if (diagnosis->facts.energy_j > 0)
    /* TRANSLATORS: joules, watt-hours, and "of the processor". */
    text = g_strdup_printf (_ ("%.1f J (%.4f Wh), %s"), diagnosis->facts.energy_j,
                            diagnosis->facts.energy_j / 3600, scope);
  bottega_fact_row_set_value (self->energy_row, text != NULL ? text : scope);
}

static void
limits_cb (BottegaPerformancePage *self)
{
  BottegaLimits limits;
  g_autofree char *read = NULL, *arithmetic = NULL;

  g_assert (BOTTEGA_IS_PERFORMANCE_PAGE (self));

  bottega_performance_get_limits (get_performance (self), &limits);
  if (limits.read_bytes_s > 0)
    /* TRANSLATORS: gigabytes per second, twice: of large and of small models. */
    read = limits.set_bytes_s > limits.read_bytes_s
               ? g_strdup_printf (_ ("%.1f GB/s, and %.1f GB/s for the model that is loaded"),
                                  limits.read_bytes_s / 1e9, limits.set_bytes_s / 1e9)
               : g_strdup_printf (_ ("%.1f GB/s"), limits.read_bytes_s / 1e9);
  if (limits.int8_s > 0)
    arithmetic = g_strdup_printf (_ ("%.0f billion multiplications of bytes a second"),
                                  limits.int8_s / 1e9);
  bottega_fact_row_set_value (self->read_row, read != NULL ? read : _ ("Not measured yet"));
  bottega_fact_row_set_value (self->arithmetic_row,
                              arithmetic != NULL ? arithmetic : _ ("Not measured yet"));
}

static void
sampled_cb (BottegaPerformancePage *self)
{
  g_assert (BOTTEGA_IS_PERFORMANCE_PAGE (self));

  if (gtk_widget_get_mapped (GTK_WIDGET (self)))
    bottega_performance_plots_show_memory (self->drawn, get_performance (self));
}

static void
add_devices (BottegaPerformancePage *self)
{
  for (guint i = 0; i < self->devices->len; i++) {
    const EngineDevice *device = g_ptr_array_index (self->devices, i);
    g_autofree char *size = g_format_size (device->memory_bytes);
    g_autofree char *text = g_strdup_printf ("%s · %s · %s", device->name, size, device->driver);

    adw_preferences_group_add (
        self->limits_group,
        bottega_fact_row_new (g_str_equal (device->id, "cpu") ? _ ("Processor")
                              : device->software              ? _ ("Graphics driver in software")
                                                              : _ ("Graphics card"),
                              device->missing != NULL ? device->missing : text));
  }
}

static void
devices_cb (GObject *source,
            GAsyncResult *result,
            gpointer user_data)
{
  g_autoptr (BottegaPerformancePage) self = user_data;

  self->devices = bottega_devices_list_finish (result);
  if (self->devices != NULL && self->assistant != NULL)
    add_devices (self);
}

/* ---- the answers */

static void
show_answer (BottegaPerformancePage *self)
{
  g_autofree BottegaDiagnosis *diagnosis = g_new0 (BottegaDiagnosis, 1);
  g_autoptr (BottegaMessage) answer = dup_shown (self, diagnosis);

  show_verdict (self, answer, diagnosis);
  show_energy (self, diagnosis);
  bottega_performance_plots_show_answer (self->drawn, diagnosis);
}

static void
answers_cb (BottegaPerformancePage *self)
{
  gboolean any = g_list_model_get_n_items (self->answers) > 0;

  g_assert (BOTTEGA_IS_PERFORMANCE_PAGE (self));

  gtk_widget_set_visible (self->empty_page, !any);
  gtk_widget_set_visible (GTK_WIDGET (self->plots), any);
  bottega_performance_plots_show_answers (self->drawn, self->answers);
  show_answer (self);
}

/* Of the space that is open. */
static void
read_answers (BottegaPerformancePage *self)
{
  GListModel *answers = bottega_conversation_list_read_answers (
      bottega_assistant_get_conversations (self->assistant));

  if (answers == self->answers)
    return;
  if (self->answers != NULL)
    g_signal_handlers_disconnect_by_func (self->answers, answers_cb, self);
  g_set_object (&self->answers, answers);
  g_signal_connect_object (answers, "items-changed", G_CALLBACK (answers_cb), self,
                           G_CONNECT_SWAPPED);
  answers_cb (self);
}

/* Another answer has ended, and it is the last one now. */
static void
answered_cb (BottegaPerformancePage *self)
{
  g_assert (BOTTEGA_IS_PERFORMANCE_PAGE (self));

  g_clear_object (&self->chosen);
  if (gtk_widget_get_mapped (GTK_WIDGET (self)))
    read_answers (self);
}

/* ---- saving */

static void
say (BottegaPerformancePage *self,
     const char *sentence)
{
  gtk_widget_activate_action (GTK_WIDGET (self), "win.say", "s", sentence);
}

/* All of the page, also what is scrolled out of sight. */
static GBytes *
make_image (BottegaPerformancePage *self)
{
  static const GdkRGBA papers[] = { { 0.98f, 0.98f, 0.984f, 1 }, { 0.133f, 0.133f, 0.149f, 1 } };
  gboolean dark = adw_style_manager_get_dark (adw_style_manager_get_default ());
  g_autoptr (GdkPaintable) paintable = gtk_widget_paintable_new (self->content);
  g_autoptr (GtkSnapshot) snapshot = gtk_snapshot_new ();
  g_autoptr (GskRenderNode) node = NULL;
  g_autoptr (GdkTexture) texture = NULL;
  GskRenderer *renderer = gtk_native_get_renderer (gtk_widget_get_native (self->content));
  double width = gtk_widget_get_width (self->content);
  double height = gtk_widget_get_height (self->content);
  graphene_rect_t bounds = GRAPHENE_RECT_INIT (0, 0, (float) width, (float) height);

  gtk_snapshot_append_color (snapshot, &papers[dark], &bounds);
  gdk_paintable_snapshot (paintable, GDK_SNAPSHOT (snapshot), width, height);
  node = gtk_snapshot_to_node (snapshot);
  texture = gsk_renderer_render_texture (renderer, node, &bounds);
  return gdk_texture_save_to_png_bytes (texture);
}

static GBytes *
make_data (BottegaPerformancePage *self)
{
  char *text = bottega_performance_report (self->answers, get_performance (self), self->devices);

  return g_bytes_new_take (text, strlen (text));
}

static const struct {
  const char *action, *name;
  GBytes *(*make) (BottegaPerformancePage *self);
} reports[] = {
  { "performance.save-data", "bottega-performance.json", make_data },
  { "performance.save-image", "bottega-performance.png", make_image },
};

typedef struct {
  BottegaPerformancePage *self; /* owned */
  GBytes *bytes;                /* owned */
} Saving;

static void
saving_free (Saving *saving)
{
  g_object_unref (saving->self);
  g_bytes_unref (saving->bytes);
  g_free (saving);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Saving, saving_free)

static void
saved_cb (GObject *source,
          GAsyncResult *result,
          gpointer user_data)
{
  g_autoptr (Saving) saving = user_data;
  g_autoptr (GError) error = NULL;

  if (g_file_replace_contents_finish (G_FILE (source), result, NULL, &error))
    say (saving->self, _ ("Report saved"));
  else
    say (saving->self, error->message);
}

static void
chosen_cb (GObject *source,
           GAsyncResult *result,
           gpointer user_data)
{
  g_autoptr (Saving) saving = user_data;
  g_autoptr (GFile) file =
      gtk_file_dialog_save_finish (GTK_FILE_DIALOG (source), result, NULL);
  GBytes *bytes = saving->bytes;

  if (file != NULL)
    g_file_replace_contents_bytes_async (file, bytes, NULL, FALSE, G_FILE_CREATE_NONE, NULL,
                                         saved_cb, g_steal_pointer (&saving));
}

/* What is saved is what was seen when it was asked for. */
static void
save_action (GtkWidget *widget,
             const char *name,
             GVariant *parameter)
{
  BottegaPerformancePage *self = BOTTEGA_PERFORMANCE_PAGE (widget);

  for (guint i = 0; i < G_N_ELEMENTS (reports); i++) {
    g_autoptr (GtkFileDialog) dialog = NULL;
    Saving *saving;

    if (!g_str_equal (name, reports[i].action))
      continue;
    dialog = gtk_file_dialog_new ();
    saving = g_new (Saving, 1);
    *saving = (Saving) { g_object_ref (self), reports[i].make (self) };
    gtk_file_dialog_set_title (dialog, _ ("Save Report"));
    gtk_file_dialog_set_initial_name (dialog, reports[i].name);
    gtk_file_dialog_save (dialog, GTK_WINDOW (gtk_widget_get_root (widget)), NULL, chosen_cb,
                          saving);
  }
}

/* ---- the class */

static void
bottega_performance_page_map (GtkWidget *widget)
{
  BottegaPerformancePage *self = BOTTEGA_PERFORMANCE_PAGE (widget);

  bottega_performance_watch (get_performance (self));
  read_answers (self);
  GTK_WIDGET_CLASS (bottega_performance_page_parent_class)->map (widget);
}

static void
bottega_performance_page_unmap (GtkWidget *widget)
{
  bottega_performance_unwatch (get_performance (BOTTEGA_PERFORMANCE_PAGE (widget)));
  GTK_WIDGET_CLASS (bottega_performance_page_parent_class)->unmap (widget);
}

static void
bottega_performance_page_dispose (GObject *object)
{
  BottegaPerformancePage *self = BOTTEGA_PERFORMANCE_PAGE (object);

  g_clear_pointer (&self->drawn, bottega_performance_plots_free);
  g_clear_object (&self->answers);
  g_clear_object (&self->chosen);
  g_clear_object (&self->assistant);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_PERFORMANCE_PAGE);
  G_OBJECT_CLASS (bottega_performance_page_parent_class)->dispose (object);
}

static void
bottega_performance_page_finalize (GObject *object)
{
  g_clear_pointer (&BOTTEGA_PERFORMANCE_PAGE (object)->devices, g_ptr_array_unref);
  G_OBJECT_CLASS (bottega_performance_page_parent_class)->finalize (object);
}

static void
bottega_performance_page_class_init (BottegaPerformancePageClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = bottega_performance_page_dispose;
  object_class->finalize = bottega_performance_page_finalize;
  widget_class->map = bottega_performance_page_map;
  widget_class->unmap = bottega_performance_page_unmap;
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-performance-page.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaPerformancePage, scroller);
  gtk_widget_class_bind_template_child (widget_class, BottegaPerformancePage, content);
  gtk_widget_class_bind_template_child (widget_class, BottegaPerformancePage, empty_page);
  gtk_widget_class_bind_template_child (widget_class, BottegaPerformancePage, verdict_card);
  gtk_widget_class_bind_template_child (widget_class, BottegaPerformancePage, verdict_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaPerformancePage, verdict_detail);
  gtk_widget_class_bind_template_child (widget_class, BottegaPerformancePage, verdict_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaPerformancePage, plots);
  gtk_widget_class_bind_template_child (widget_class, BottegaPerformancePage, limits_group);
  for (guint i = 0; i < G_N_ELEMENTS (reports); i++)
    gtk_widget_class_install_action (widget_class, reports[i].action, NULL, save_action);
}

static void
bottega_performance_page_init (BottegaPerformancePage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  self->drawn = bottega_performance_plots_new (self->plots);
  self->read_row = bottega_fact_row_new (_ ("Memory is read at up to"), "");
  self->arithmetic_row = bottega_fact_row_new (_ ("The processor computes at most"), "");
  self->energy_row = bottega_fact_row_new (_ ("Energy of the answer"), "");
  adw_preferences_group_add (self->limits_group, self->read_row);
  adw_preferences_group_add (self->limits_group, self->arithmetic_row);
  adw_preferences_group_add (self->limits_group, self->energy_row);
}

GtkWidget *
bottega_performance_page_new (BottegaAssistant *assistant)
{
  BottegaPerformancePage *self = g_object_new (BOTTEGA_TYPE_PERFORMANCE_PAGE, NULL);
  BottegaPerformance *performance;

  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (assistant), NULL);

  self->assistant = g_object_ref (assistant);
  performance = bottega_assistant_get_performance (assistant);
  g_signal_connect_object (performance, "sampled", G_CALLBACK (sampled_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (performance, "limits-changed", G_CALLBACK (limits_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (bottega_assistant_get_engine (assistant), "answered",
                           G_CALLBACK (answered_cb), self, G_CONNECT_SWAPPED);
  limits_cb (self);
  bottega_devices_list_async (devices_cb, g_object_ref (self));
  return GTK_WIDGET (self);
}

void
bottega_performance_page_show (BottegaPerformancePage *self,
                               BottegaMessage *answer)
{
  GtkAdjustment *adjustment;

  g_return_if_fail (BOTTEGA_IS_PERFORMANCE_PAGE (self));

  g_set_object (&self->chosen, answer);
  show_answer (self);
  adjustment = gtk_scrolled_window_get_vadjustment (self->scroller);
  gtk_adjustment_set_value (adjustment, 0);
  gtk_widget_grab_focus (gtk_widget_get_visible (GTK_WIDGET (self->verdict_button))
                             ? GTK_WIDGET (self->verdict_button)
                             : GTK_WIDGET (self->scroller));
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns how the proof looks: an icon, a word and a row for each line. Must not know what counts as
 * proof. */
#define G_LOG_DOMAIN "bottega-offline-dialog"

#include "config.h"

#include "app/assistant/bottega-offline.h"
#include "app/ui/bottega-offline-dialog.h"

#include <glib/gi18n.h>

struct _BottegaOfflineDialog {
  AdwDialog parent_instance;

  AdwToastOverlay *toasts;
  GtkImage *icon;
  GtkLabel *heading, *sentence;
  GtkListBox *lines;

  BottegaOfflineFacts *facts;
};

G_DEFINE_FINAL_TYPE (BottegaOfflineDialog, bottega_offline_dialog, ADW_TYPE_DIALOG)

static const struct {
  const char *icon_name, *style;
} looks[] = {
  [BOTTEGA_OFFLINE_HOLDS] = { "object-select-symbolic", "success" },
  [BOTTEGA_OFFLINE_KNOW] = { "dialog-information-symbolic", "dimmed" },
  [BOTTEGA_OFFLINE_BROKEN] = { "dialog-warning-symbolic", "warning" },
};

/* What was seen in the system's own words, below what it means. */
static GtkWidget *
row_new (const BottegaOfflineLine *line)
{
  GtkWidget *row = adw_action_row_new ();
  GtkWidget *icon = gtk_image_new_from_icon_name (looks[line->verdict].icon_name);
  const char *verdict = bottega_offline_verdict_text (line->verdict);
  g_autofree char *subtitle =
      g_markup_printf_escaped ("%s\n<tt>%s</tt>", line->meaning, line->found);

  gtk_widget_add_css_class (icon, looks[line->verdict].style);
  gtk_widget_set_tooltip_text (icon, verdict);
  gtk_accessible_update_property (GTK_ACCESSIBLE (icon), GTK_ACCESSIBLE_PROPERTY_LABEL, verdict,
                                  -1);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), line->title);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
  adw_action_row_set_subtitle_selectable (ADW_ACTION_ROW (row), TRUE);
  adw_action_row_add_prefix (ADW_ACTION_ROW (row), icon);
  return row;
}

static void
copy_action (GtkWidget *widget,
             const char *name,
             GVariant *parameter)
{
  BottegaOfflineDialog *self = BOTTEGA_OFFLINE_DIALOG (widget);
  g_autofree char *text = bottega_offline_to_text (self->facts);

  gdk_clipboard_set_text (gtk_widget_get_clipboard (widget), text);
  adw_toast_overlay_add_toast (self->toasts, adw_toast_new (_ ("Copied as text")));
}

static void
bottega_offline_dialog_dispose (GObject *object)
{
  BottegaOfflineDialog *self = BOTTEGA_OFFLINE_DIALOG (object);

  g_clear_pointer (&self->facts, bottega_offline_facts_free);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_OFFLINE_DIALOG);
  G_OBJECT_CLASS (bottega_offline_dialog_parent_class)->dispose (object);
}

static void
bottega_offline_dialog_class_init (BottegaOfflineDialogClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = bottega_offline_dialog_dispose;
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-offline-dialog.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaOfflineDialog, toasts);
  gtk_widget_class_bind_template_child (widget_class, BottegaOfflineDialog, icon);
  gtk_widget_class_bind_template_child (widget_class, BottegaOfflineDialog, heading);
  gtk_widget_class_bind_template_child (widget_class, BottegaOfflineDialog, sentence);
  gtk_widget_class_bind_template_child (widget_class, BottegaOfflineDialog, lines);
  gtk_widget_class_install_action (widget_class, "offline.copy", NULL, copy_action);
}

static void
bottega_offline_dialog_init (BottegaOfflineDialog *self)
{
  g_autoptr (GPtrArray) lines = NULL;
  const char *heading, *sentence;
  BottegaOfflineVerdict verdict;

  gtk_widget_init_template (GTK_WIDGET (self));
  self->facts = bottega_offline_look ();
  verdict = bottega_offline_sum_up (self->facts, &heading, &sentence);
  gtk_image_set_from_icon_name (self->icon, verdict == BOTTEGA_OFFLINE_HOLDS
                                                ? "security-high-symbolic"
                                                : "security-low-symbolic");
  gtk_label_set_label (self->heading, heading);
  gtk_label_set_label (self->sentence, sentence);
  lines = bottega_offline_judge (self->facts);
  for (guint i = 0; i < lines->len; i++)
    gtk_list_box_append (self->lines, row_new (g_ptr_array_index (lines, i)));
}

AdwDialog *
bottega_offline_dialog_new (void)
{
  return g_object_new (BOTTEGA_TYPE_OFFLINE_DIALOG, NULL);
}

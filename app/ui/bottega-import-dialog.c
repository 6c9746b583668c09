/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the question before a model is added. Must not copy anything: whoever made it does, when it
 * is told. */
#define G_LOG_DOMAIN "bottega-import-dialog"

#include "config.h"

#include "app/ui/bottega-fact-row.h"
#include "app/ui/bottega-import-dialog.h"

#include <glib/gi18n.h>

struct _BottegaImportDialog {
  AdwDialog parent_instance;

  GtkStack *stack;
  GtkButton *cancel_button;
  GtkWidget *add_button;
  AdwStatusPage *refused_page;
  GtkLabel *name_label;
  AdwPreferencesGroup *facts_group;
  GtkWidget *how_group;
  AdwActionRow *copy_row;
  GtkCheckButton *copy_radio;
  GtkCheckButton *in_place_radio;

  BottegaAssistant *assistant;
  GFile *file;
  gboolean lasts;
  GCancellable *cancellable;
  BottegaImportChosen chosen;
  gpointer user_data;
  GDestroyNotify destroy;
};

G_DEFINE_FINAL_TYPE (BottegaImportDialog, bottega_import_dialog, ADW_TYPE_DIALOG)

/* ---- the answer */

static void
cancel_action (GtkWidget *widget,
               const char *name,
               GVariant *parameter)
{
  adw_dialog_close (ADW_DIALOG (widget));
}

static void
add_action (GtkWidget *widget,
            const char *name,
            GVariant *parameter)
{
  BottegaImportDialog *self = BOTTEGA_IMPORT_DIALOG (widget);
  BottegaImportHow how = gtk_check_button_get_active (self->in_place_radio)
                             ? BOTTEGA_IMPORT_IN_PLACE
                             : BOTTEGA_IMPORT_COPY;

  self->chosen (self->file, how, self->user_data);
  adw_dialog_close (ADW_DIALOG (self));
}

/* ---- what is found */

static void
show_page (BottegaImportDialog *self,
           const char *name)
{
  gboolean facts = g_str_equal (name, "facts");

  gtk_stack_set_visible_child_name (self->stack, name);
  gtk_widget_set_visible (self->add_button, facts);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "import.add", facts);
  if (g_str_equal (name, "refused"))
    gtk_button_set_label (self->cancel_button, _ ("_Close"));
  gtk_widget_grab_focus (facts ? self->add_button : GTK_WIDGET (self->cancel_button));
}

static void
refuse (BottegaImportDialog *self,
        const char *sentence)
{
  g_autofree char *escaped = g_markup_escape_text (sentence, -1);

  adw_status_page_set_description (self->refused_page, escaped);
  show_page (self, "refused");
}

static void
add_fact (BottegaImportDialog *self,
          const char *title,
          const char *value)
{
  if (value != NULL)
    adw_preferences_group_add (self->facts_group, bottega_fact_row_new (title, value));
}

static void
add_facts (BottegaImportDialog *self,
           const BottegaModelLook *look)
{
  const BottegaModelFacts *facts = &look->facts;
  g_autofree char *parameters = bottega_model_text_parameters (facts->parameters);
  g_autofree char *size = g_format_size (look->file_bytes);
  g_autofree char *what = g_strjoin (" · ", facts->architecture, parameters, facts->types, NULL);
  const BottegaMachine *machine =
      bottega_model_store_get_machine (bottega_assistant_get_models (self->assistant));

  if (look->n_files > 1) {
    /* TRANSLATORS: the size of a model, and how many files it is made of. */
    g_autofree char *parts = g_strdup_printf (
        ngettext ("%s in %u file", "%s in %u files", look->n_files), size, look->n_files);
    g_set_str (&size, parts);
  }
  add_fact (self, _ ("Model"), what);
  add_fact (self, _ ("Size"), size);
  if (facts->license != NULL)
    add_fact (self, _ ("Licence"), bottega_model_text_license (facts->license));
  if (facts->embedding_size > 0) {
    add_fact (self, _ ("On this computer"),
              bottega_model_facts_fit_search (facts)
                  ? _ ("Serves the search of documents; it writes no answers.")
                  : _ ("Belongs to the search of documents, which uses multilingual-e5-small alone"
                       ": it is listed, and not used."));
  } else if (machine != NULL) {
    const BottegaModelNeed need = {
      .weights_bytes = facts->file_bytes - facts->file_only_bytes,
      .kv_bytes_per_token = facts->kv_bytes_per_token,
      .decode_bytes = facts->decode_bytes,
      .context_tokens = bottega_model_automatic_context (facts->context_tokens),
    };
    g_autofree char *here = bottega_model_text_here (&need, NULL, machine);

    add_fact (self, _ ("On this computer"), here);
  }
  add_fact (self, _ ("To know"), facts->warning);
}

static void
say_how (BottegaImportDialog *self,
         const BottegaModelLook *look)
{
  g_autofree char *size = g_format_size (look->file_bytes);
  g_autofree char *left = g_format_size (look->free_bytes);
  g_autofree char *text =
      look->shares
          ? g_strdup (_ ("Takes no room: the disk shares what is the same in both files."))
          /* TRANSLATORS: two sizes, of the file and of what is free. */
          : g_strdup_printf (_ ("Takes %s of the %s that the disk has left."), size, left);

  adw_action_row_set_subtitle (self->copy_row, text);
  gtk_widget_set_visible (self->how_group, look->local && (self->lasts || !look->handed));
}

static void
looked_cb (GObject *source,
           GAsyncResult *result,
           gpointer user_data)
{
  g_autoptr (BottegaImportDialog) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (BottegaModelLook) look =
      bottega_model_store_look_finish (BOTTEGA_MODEL_STORE (source), result, &error);

  if (self->assistant == NULL || g_cancellable_is_cancelled (self->cancellable))
    return;
  if (look == NULL) {
    refuse (self, error->message);
    return;
  }
  if (look->duplicate != NULL) {
    g_autofree char *sentence =
        g_strdup_printf (_ ("This model is here already, as “%s”."), look->duplicate);
    refuse (self, sentence);
    return;
  }
  gtk_label_set_label (self->name_label, look->facts.name);
  add_facts (self, look);
  say_how (self, look);
  show_page (self, "facts");
}

/* ---- the class */

static void
closed_cb (BottegaImportDialog *self)
{
  g_assert (BOTTEGA_IS_IMPORT_DIALOG (self));

  g_cancellable_cancel (self->cancellable);
}

static void
bottega_import_dialog_dispose (GObject *object)
{
  BottegaImportDialog *self = BOTTEGA_IMPORT_DIALOG (object);

  g_clear_object (&self->assistant);
  g_clear_object (&self->file);
  g_clear_object (&self->cancellable);
  if (self->destroy != NULL)
    g_steal_pointer (&self->destroy) (self->user_data);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_IMPORT_DIALOG);
  G_OBJECT_CLASS (bottega_import_dialog_parent_class)->dispose (object);
}

static void
bottega_import_dialog_class_init (BottegaImportDialogClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = bottega_import_dialog_dispose;
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-import-dialog.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaImportDialog, stack);
  gtk_widget_class_bind_template_child (widget_class, BottegaImportDialog, cancel_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaImportDialog, add_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaImportDialog, refused_page);
  gtk_widget_class_bind_template_child (widget_class, BottegaImportDialog, name_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaImportDialog, facts_group);
  gtk_widget_class_bind_template_child (widget_class, BottegaImportDialog, how_group);
  gtk_widget_class_bind_template_child (widget_class, BottegaImportDialog, copy_row);
  gtk_widget_class_bind_template_child (widget_class, BottegaImportDialog, copy_radio);
  gtk_widget_class_bind_template_child (widget_class, BottegaImportDialog, in_place_radio);
  gtk_widget_class_install_action (widget_class, "import.cancel", NULL, cancel_action);
  gtk_widget_class_install_action (widget_class, "import.add", NULL, add_action);
}

static void
bottega_import_dialog_init (BottegaImportDialog *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->copy_radio), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Copy to Bottega’s models"), -1);
  self->cancellable = g_cancellable_new ();
  g_signal_connect (self, "closed", G_CALLBACK (closed_cb), NULL);
  show_page (self, "looking");
}

AdwDialog *
bottega_import_dialog_new (BottegaAssistant *assistant,
                           GFile *file,
                           gboolean lasts,
                           BottegaImportChosen chosen,
                           gpointer user_data,
                           GDestroyNotify destroy)
{
  BottegaImportDialog *self = g_object_new (BOTTEGA_TYPE_IMPORT_DIALOG, NULL);

  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (assistant), NULL);
  g_return_val_if_fail (G_IS_FILE (file), NULL);
  g_return_val_if_fail (chosen != NULL, NULL);

  self->assistant = g_object_ref (assistant);
  self->file = g_object_ref (file);
  self->lasts = lasts;
  self->chosen = chosen;
  self->user_data = user_data;
  self->destroy = destroy;
  bottega_model_store_look_async (bottega_assistant_get_models (assistant), file,
                                  self->cancellable, looked_cb, g_object_ref (self));
  return ADW_DIALOG (self);
}

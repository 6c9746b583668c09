/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the words about one model of the catalogue and the way to its page. Must not know whether it
 * is installed, nor open a connection: the desktop's browser does that. */
#define G_LOG_DOMAIN "bottega-catalogue-row"

#include "config.h"

#include "app/ui/bottega-catalogue-row.h"
#include "app/ui/bottega-fact-row.h"
#include "app/ui/bottega-launch.h"

#include <glib/gi18n.h>

#define SHOWN_LANGUAGES 2

struct _BottegaCatalogueRow {
  AdwExpanderRow parent_instance;

  GtkWidget *installed_label;
  GtkWidget *get_button;

  char *page;
};

G_DEFINE_FINAL_TYPE (BottegaCatalogueRow, bottega_catalogue_row, ADW_TYPE_EXPANDER_ROW)

static void
get_action (GtkWidget *widget,
            const char *name,
            GVariant *parameter)
{
  bottega_launch_address (widget, BOTTEGA_CATALOGUE_ROW (widget)->page);
}

static void
bottega_catalogue_row_dispose (GObject *object)
{
  gtk_widget_dispose_template (GTK_WIDGET (object), BOTTEGA_TYPE_CATALOGUE_ROW);
  G_OBJECT_CLASS (bottega_catalogue_row_parent_class)->dispose (object);
}

static void
bottega_catalogue_row_finalize (GObject *object)
{
  g_free (BOTTEGA_CATALOGUE_ROW (object)->page);
  G_OBJECT_CLASS (bottega_catalogue_row_parent_class)->finalize (object);
}

static void
bottega_catalogue_row_class_init (BottegaCatalogueRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = bottega_catalogue_row_dispose;
  G_OBJECT_CLASS (klass)->finalize = bottega_catalogue_row_finalize;
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-catalogue-row.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaCatalogueRow, installed_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaCatalogueRow, get_button);
  gtk_widget_class_install_action (widget_class, "row.get", NULL, get_action);
}

static void
bottega_catalogue_row_init (BottegaCatalogueRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

static char *
say_languages (const BottegaCatalogueEntry *entry,
               guint n_shown)
{
  return bottega_model_text_languages (entry->languages, n_shown, entry->n_languages);
}

static void
add_fact (BottegaCatalogueRow *self,
          const char *title,
          const char *value)
{
  adw_expander_row_add_row (ADW_EXPANDER_ROW (self), bottega_fact_row_new (title, value));
}

static void
add_facts (BottegaCatalogueRow *self,
           const BottegaCatalogueEntry *entry,
           const BottegaMachine *machine)
{
  g_autofree char *parameters = bottega_model_text_parameters (entry->parameters);
  g_autofree char *active = bottega_model_text_parameters (entry->active_parameters);
  g_autofree char *languages = say_languages (entry, 0);
  g_autofree char *context = bottega_model_text_context (entry->context_tokens);
  g_autofree char *memory = NULL;
  BottegaModelNeed need;

  bottega_catalogue_need (entry, &need);
  memory = bottega_model_text_need (&need, machine);
  if (entry->active_parameters < entry->parameters) {
    /* TRANSLATORS: how many parameters a model has; then how many of them one token uses. */
    g_autofree char *both =
        g_strdup_printf (_ ("%s, of which a token uses %s"), parameters, active);
    g_set_str (&parameters, both);
  }
  add_fact (self, _ ("Made by"), entry->maker);
  add_fact (self, _ ("Licence"), bottega_model_text_license (entry->license));
  add_fact (self, _ ("Languages"), languages);
  add_fact (self, _ ("Parameters"), parameters);
  add_fact (self, _ ("Number type"), entry->types);
  add_fact (self, _ ("Context, as trained"), context);
  add_fact (self, _ ("Memory"), memory);
  add_fact (self, _ ("File"), entry->file);
  add_fact (self, _ ("Checksum (SHA-256)"),
            entry->sha256 != NULL ? entry->sha256 : _ ("Not known"));
  add_fact (self, _ ("Page"), entry->page);
}

GtkWidget *
bottega_catalogue_row_new (const BottegaCatalogueEntry *entry,
                           const BottegaMachine *machine)
{
  BottegaCatalogueRow *self = g_object_new (BOTTEGA_TYPE_CATALOGUE_ROW, NULL);
  g_autofree char *size = g_format_size (entry->bytes);
  g_autofree char *languages = say_languages (entry, SHOWN_LANGUAGES);
  g_autofree char *facts =
      g_strjoin (" · ", size, bottega_model_text_license (entry->license), languages, NULL);
  g_autofree char *subtitle = NULL;
  /* TRANSLATORS: what a screen reader says of the button; %s is the name of a model. */
  g_autofree char *spoken = g_strdup_printf (_ ("Get %s"), entry->name);

  self->page = g_strdup (entry->page);
  if (machine != NULL) {
    g_autofree char *here = NULL;
    BottegaModelNeed need;

    bottega_catalogue_need (entry, &need);
    here = bottega_model_text_here (&need, NULL, machine);
    subtitle = g_strdup_printf ("%s\n%s", facts, here);
    if (!bottega_model_need_fits (&need, machine))
      gtk_widget_add_css_class (GTK_WIDGET (self), "too-big");
  }
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self), entry->name);
  adw_expander_row_set_subtitle (ADW_EXPANDER_ROW (self), subtitle != NULL ? subtitle : facts);
  gtk_widget_set_tooltip_text (self->get_button, _ ("Open the download page in the browser"));
  /* The word on it would win over the label. */
  gtk_accessible_reset_relation (GTK_ACCESSIBLE (self->get_button),
                                 GTK_ACCESSIBLE_RELATION_LABELLED_BY);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->get_button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  spoken, -1);
  add_facts (self, entry, machine);
  return GTK_WIDGET (self);
}

void
bottega_catalogue_row_set_installed (BottegaCatalogueRow *self,
                                     gboolean installed)
{
  g_return_if_fail (BOTTEGA_IS_CATALOGUE_ROW (self));

  gtk_widget_set_visible (self->installed_label, installed);
  gtk_widget_set_visible (self->get_button, !installed);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the words for what is held over the window and the parting of models from documents. Must
 * not know how either is added. */
#define G_LOG_DOMAIN "bottega-drop-area"

#include "config.h"

#include "app/ui/bottega-add-documents.h"
#include "app/ui/bottega-add-model.h"
#include "app/ui/bottega-drop-area.h"
#include "app/ui/bottega-space-menu.h"

#include <glib/gi18n.h>

struct _BottegaDropArea {
  AdwBin parent_instance;

  GtkRevealer *revealer;
  AdwStatusPage *page;

  BottegaAssistant *assistant;
  AdwToastOverlay *toasts; /* of the window, which holds this too */
};

G_DEFINE_FINAL_TYPE (BottegaDropArea, bottega_drop_area, ADW_TYPE_BIN)

/* What a drag holds: bits. A drag out of a sandbox may not say it before it is dropped. */
enum {
  HOLDS_DOCUMENTS = 1 << 0,
  HOLDS_MODELS = 1 << 1,
  HOLDS_OTHERS = 1 << 2,
};

static const struct {
  const char *icon_name, *title, *description; /* %s in title: the space */
} words[] = {
  [0] = { "bottega-library-symbolic", N_ ("Drop documents or a model to add them"), NULL },
  [HOLDS_DOCUMENTS] = { "bottega-library-symbolic", N_ ("Drop documents to add them to %s"),
                        N_ ("They are read on this computer and stay where they are.") },
  [HOLDS_MODELS] = { "bottega-model-symbolic", N_ ("Drop to add this model"),
                     N_ ("You are asked whether to copy the file or use it where it lies.") },
  [HOLDS_DOCUMENTS |
      HOLDS_MODELS] = { "bottega-library-symbolic", N_ ("Drop to add all of it"),
                        N_ ("Documents stay where they are.") },
  [HOLDS_OTHERS] = { "dialog-warning-symbolic", N_ ("This cannot be added"),
                     N_ ("Bottega reads documents, and models whose names end in .gguf.") },
};

static guint
look_at (GSList *files)
{
  guint holds = 0;

  for (GSList *l = files; l != NULL; l = l->next) {
    if (bottega_add_model_accepts (l->data))
      holds |= HOLDS_MODELS;
    else if (bottega_library_accepts (l->data))
      holds |= HOLDS_DOCUMENTS;
    else
      holds |= HOLDS_OTHERS;
  }
  /* What else is among them is said when it is dropped. */
  return holds == HOLDS_OTHERS ? holds : holds & ~(guint) HOLDS_OTHERS;
}

static void
show_words (BottegaDropArea *self,
            guint holds)
{
  const char *description = words[holds].description;
  g_autofree char *title = NULL;

  /* At the end of the window there is no assistant any more. */
  if (holds == HOLDS_DOCUMENTS && self->assistant != NULL)
    /* TRANSLATORS: %s is the name of a space, such as Personal. */
    title = g_strdup_printf (
        _ ("Drop documents to add them to %s"),
        bottega_space_menu_title (bottega_assistant_get_space (self->assistant)));
  else
    title = g_strdup (_ (words[holds].title));
  adw_status_page_set_icon_name (self->page, words[holds].icon_name);
  adw_status_page_set_title (self->page, title);
  adw_status_page_set_description (self->page, description != NULL ? _ (description) : NULL);
}

/* ---- the drag */

static void
value_cb (BottegaDropArea *self,
          GParamSpec *pspec,
          GtkDropTarget *target)
{
  const GValue *value = gtk_drop_target_get_value (target);
  g_autoptr (GSList) files = NULL;

  g_assert (BOTTEGA_IS_DROP_AREA (self));

  if (value != NULL)
    files = gdk_file_list_get_files (g_value_get_boxed (value));
  show_words (self, look_at (files));
}

static GdkDragAction
enter_cb (BottegaDropArea *self,
          double x,
          double y,
          GtkDropTarget *target)
{
  g_assert (BOTTEGA_IS_DROP_AREA (self));

  value_cb (self, NULL, target);
  gtk_revealer_set_reveal_child (self->revealer, TRUE);
  return GDK_ACTION_COPY;
}

static void
leave_cb (BottegaDropArea *self)
{
  g_assert (BOTTEGA_IS_DROP_AREA (self));

  gtk_revealer_set_reveal_child (self->revealer, FALSE);
}

gboolean
bottega_drop_area_take (BottegaDropArea *self,
                        GSList *files)
{
  g_autoptr (GSList) documents = NULL;
  guint n_models = 0;

  g_return_val_if_fail (BOTTEGA_IS_DROP_AREA (self), FALSE);

  for (GSList *l = files; l != NULL; l = l->next) {
    if (bottega_add_model_accepts (l->data)) {
      bottega_add_model_ask (self->assistant, self->toasts, l->data, GTK_WIDGET (self->toasts));
      n_models++;
    } else {
      documents = g_slist_append (documents, l->data);
    }
  }
  if (documents != NULL &&
      bottega_add_documents (bottega_assistant_get_library (self->assistant), GTK_WIDGET (self),
                             documents))
    return TRUE;
  return n_models > 0;
}

static gboolean
drop_cb (BottegaDropArea *self,
         const GValue *value)
{
  g_autoptr (GSList) files = gdk_file_list_get_files (g_value_get_boxed (value));

  g_assert (BOTTEGA_IS_DROP_AREA (self));

  leave_cb (self);
  return bottega_drop_area_take (self, files);
}

/* ---- the class */

static void
bottega_drop_area_dispose (GObject *object)
{
  BottegaDropArea *self = BOTTEGA_DROP_AREA (object);

  g_clear_object (&self->assistant);
  /* It would be let go of twice: by the bin, and by the template that it is bound to. */
  adw_bin_set_child (ADW_BIN (self), NULL);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_DROP_AREA);
  G_OBJECT_CLASS (bottega_drop_area_parent_class)->dispose (object);
}

static void
bottega_drop_area_class_init (BottegaDropAreaClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = bottega_drop_area_dispose;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/bottega/Bottega/bottega-drop-area.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaDropArea, revealer);
  gtk_widget_class_bind_template_child (widget_class, BottegaDropArea, page);
}

static void
bottega_drop_area_init (BottegaDropArea *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  show_words (self, 0);
}

void
bottega_drop_area_watch (BottegaDropArea *self,
                         GtkWidget *target,
                         BottegaAssistant *assistant,
                         AdwToastOverlay *toasts)
{
  GtkDropTarget *drop = gtk_drop_target_new (GDK_TYPE_FILE_LIST, GDK_ACTION_COPY);

  g_return_if_fail (BOTTEGA_IS_DROP_AREA (self) && self->assistant == NULL);
  g_return_if_fail (BOTTEGA_IS_ASSISTANT (assistant));
  g_return_if_fail (ADW_IS_TOAST_OVERLAY (toasts));

  self->assistant = g_object_ref (assistant);
  self->toasts = toasts;
  gtk_drop_target_set_preload (drop, TRUE);
  g_signal_connect_object (drop, "notify::value", G_CALLBACK (value_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (drop, "enter", G_CALLBACK (enter_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (drop, "leave", G_CALLBACK (leave_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (drop, "drop", G_CALLBACK (drop_cb), self, G_CONNECT_SWAPPED);
  gtk_widget_add_controller (target, GTK_EVENT_CONTROLLER (drop));
}

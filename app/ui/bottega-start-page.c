/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the states in which there is no conversation to show, and the words for each. Must not know
 * the window: it asks through actions. */
#define G_LOG_DOMAIN "bottega-start-page"

#include "config.h"

#include "app/ui/bottega-start-page.h"

#include <glib/gi18n.h>

/* "Use a Smaller Context" halves the present one until it fits, but never below this. */
#define SMALLEST_CONTEXT_TOKENS  512
#define AUTOMATIC_CONTEXT_TOKENS 8192

struct _BottegaStartPage {
  AdwBin parent_instance;

  GtkStack *stack;
  AdwStatusPage *welcome_page;
  GtkLabel *device_label;
  GtkWidget *start_button;
  GtkWidget *documents_button;
  GtkRevealer *loading_revealer;
  GtkLabel *loading_label;
  GtkProgressBar *loading_bar;
  AdwStatusPage *broken_page;
  GtkWidget *remove_button;
  AdwStatusPage *failed_page;
  AdwStatusPage *memory_page;
  GtkWidget *smaller_button;

  BottegaAssistant *assistant;
  gboolean ready;
};

enum {
  PROP_0,
  PROP_READY,
  N_PROPS
};
static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (BottegaStartPage, bottega_start_page, ADW_TYPE_BIN)

/* The model that the page speaks of: the one that was to be loaded. NULL when it is gone. */
static BottegaModelItem *
get_item (BottegaStartPage *self)
{
  BottegaModelStore *models = bottega_assistant_get_models (self->assistant);
  const char *path =
      bottega_engine_thread_get_model_path (bottega_assistant_get_engine (self->assistant));
  BottegaModelItem *item = path != NULL ? bottega_model_store_find (models, path) : NULL;

  if (item == NULL && g_list_model_get_n_items (G_LIST_MODEL (models)) > 0) {
    g_autoptr (BottegaModelItem) first = g_list_model_get_item (G_LIST_MODEL (models), 0);
    item = first; /* the store holds it */
  }
  return item;
}

static guint
get_context (BottegaStartPage *self)
{
  guint tokens =
      bottega_settings_get_context_length (bottega_assistant_get_settings (self->assistant));

  return tokens != 0 ? tokens : AUTOMATIC_CONTEXT_TOKENS;
}

/* ---- the states: each fills its page */

static void
show_welcome (BottegaStartPage *self)
{
  BottegaEngineThread *engine = bottega_assistant_get_engine (self->assistant);
  BottegaConversationList *conversations = bottega_assistant_get_conversations (self->assistant);
  BottegaLibrary *library = bottega_assistant_get_library (self->assistant);
  gboolean first = bottega_conversation_list_get_loaded (conversations) &&
                   g_list_model_get_n_items (G_LIST_MODEL (conversations)) == 0;
  gboolean loading = bottega_engine_thread_get_state (engine) == BOTTEGA_ENGINE_LOADING;
  const char *device = bottega_assistant_get_device_line (self->assistant);
  const char *name = bottega_engine_thread_get_model_name (engine);

  adw_status_page_set_title (self->welcome_page, first ? _ ("Welcome to your workshop")
                                                       : _ ("What are we working on?"));
  gtk_widget_set_visible (self->start_button, first);
  gtk_widget_set_visible (self->documents_button,
                          bottega_library_get_available (library) &&
                              bottega_library_get_loaded (library) &&
                              g_list_model_get_n_items (G_LIST_MODEL (library)) == 0);
  gtk_label_set_label (self->device_label, device != NULL ? device : "");
  gtk_widget_set_visible (GTK_WIDGET (self->device_label), device != NULL);
  gtk_revealer_set_reveal_child (self->loading_revealer, loading);
  if (loading) {
    g_autofree char *text =
        g_strdup_printf (_ ("Loading %s…"), name != NULL ? name : _ ("the model"));
    gtk_label_set_label (self->loading_label, text);
    gtk_progress_bar_set_fraction (self->loading_bar,
                                   bottega_engine_thread_get_load_fraction (engine));
  }
  gtk_stack_set_visible_child_name (self->stack, "welcome");
}

static void
show_broken (BottegaStartPage *self,
             BottegaModelItem *item,
             const char *sentence)
{
  const char *name =
      item != NULL ? bottega_model_item_get_name (item) : _ ("This model cannot be used");
  g_autofree char *markup = g_markup_escape_text (sentence != NULL ? sentence : "", -1);

  adw_status_page_set_title (self->broken_page, name);
  adw_status_page_set_description (self->broken_page, markup);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "start.remove",
                                 item != NULL && bottega_model_item_get_removable (item));
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "start.show-file", item != NULL);
  gtk_stack_set_visible_child_name (self->stack, "broken");
}

static void
show_no_memory (BottegaStartPage *self,
                const char *sentence)
{
  g_autofree char *markup = g_markup_escape_text (sentence != NULL ? sentence : "", -1);

  adw_status_page_set_description (self->memory_page, markup);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "start.smaller-context",
                                 get_context (self) > SMALLEST_CONTEXT_TOKENS);
  gtk_stack_set_visible_child_name (self->stack, "no-memory");
}

/* The load failed: what the person can do depends on why. */
static void
show_failed (BottegaStartPage *self)
{
  BottegaEngineThread *engine = bottega_assistant_get_engine (self->assistant);
  const char *sentence = bottega_engine_thread_get_error (engine);
  g_autofree char *markup = g_markup_escape_text (sentence != NULL ? sentence : "", -1);

  switch (bottega_engine_thread_get_error_code (engine)) {
  case ENGINE_ERROR_NO_MEMORY:
    show_no_memory (self, sentence);
    break;
  case ENGINE_ERROR_BAD_FILE:
  case ENGINE_ERROR_UNSUPPORTED:
  case ENGINE_ERROR_IO:
    show_broken (self, get_item (self), sentence);
    break;
  default:
    adw_status_page_set_description (self->failed_page, markup);
    gtk_stack_set_visible_child_name (self->stack, "failed");
  }
}

static void
update_cb (BottegaStartPage *self)
{
  BottegaEngineThread *engine = bottega_assistant_get_engine (self->assistant);
  BottegaModelStore *models = bottega_assistant_get_models (self->assistant);
  guint n_models = g_list_model_get_n_items (G_LIST_MODEL (models));
  gboolean was_ready = self->ready;

  g_assert (BOTTEGA_IS_START_PAGE (self));

  self->ready = FALSE;
  if (bottega_engine_thread_get_state (engine) == BOTTEGA_ENGINE_FAILED && n_models > 0) {
    show_failed (self);
  } else if (bottega_assistant_get_has_model (self->assistant) ||
             !bottega_model_store_get_loaded (models)) {
    self->ready = TRUE;
    show_welcome (self);
  } else if (n_models > 0) {
    BottegaModelItem *item = get_item (self);
    show_broken (self, item, bottega_model_item_get_error (item));
  } else {
    gtk_stack_set_visible_child_name (self->stack, "no-model");
  }
  if (self->ready != was_ready)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_READY]);
}

/* ---- what its buttons do */

static void
show_file_action (GtkWidget *widget,
                  const char *name,
                  GVariant *parameter)
{
  BottegaModelItem *item = get_item (BOTTEGA_START_PAGE (widget));

  if (item != NULL)
    gtk_widget_activate_action (widget, "win.show-file", "s", bottega_model_item_get_path (item));
}

static void
remove_action (GtkWidget *widget,
               const char *name,
               GVariant *parameter)
{
  BottegaModelItem *item = get_item (BOTTEGA_START_PAGE (widget));

  if (item != NULL)
    gtk_widget_activate_action (widget, "win.remove-model", "s",
                                bottega_model_item_get_path (item));
}

static void
try_again_action (GtkWidget *widget,
                  const char *name,
                  GVariant *parameter)
{
  bottega_assistant_reload_model (BOTTEGA_START_PAGE (widget)->assistant);
}

static void
smaller_context_action (GtkWidget *widget,
                        const char *name,
                        GVariant *parameter)
{
  BottegaStartPage *self = BOTTEGA_START_PAGE (widget);
  BottegaModelStore *models = bottega_assistant_get_models (self->assistant);
  BottegaModelItem *item = get_item (self);
  guint tokens = get_context (self);

  do
    tokens = MAX (tokens / 2, SMALLEST_CONTEXT_TOKENS);
  while (item != NULL && tokens > SMALLEST_CONTEXT_TOKENS &&
         !bottega_model_store_will_fit (models, item, tokens, NULL));
  g_object_set (bottega_assistant_get_settings (self->assistant), "context-length", tokens, NULL);
  bottega_assistant_reload_model (self->assistant);
}

/* ---- the class */

static void
bottega_start_page_dispose (GObject *object)
{
  BottegaStartPage *self = BOTTEGA_START_PAGE (object);

  g_clear_object (&self->assistant);
  /* The template would unparent the child behind the back of AdwBin. */
  adw_bin_set_child (ADW_BIN (self), NULL);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_START_PAGE);
  G_OBJECT_CLASS (bottega_start_page_parent_class)->dispose (object);
}

static void
bottega_start_page_get_property (GObject *object,
                                 guint prop_id,
                                 GValue *value,
                                 GParamSpec *pspec)
{
  if (prop_id == PROP_READY)
    g_value_set_boolean (value, BOTTEGA_START_PAGE (object)->ready);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
}

static void
bottega_start_page_class_init (BottegaStartPageClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = bottega_start_page_dispose;
  object_class->get_property = bottega_start_page_get_property;
  properties[PROP_READY] = g_param_spec_boolean ("ready", NULL, NULL, FALSE,
                                                 G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/bottega/Bottega/bottega-start-page.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaStartPage, stack);
  gtk_widget_class_bind_template_child (widget_class, BottegaStartPage, welcome_page);
  gtk_widget_class_bind_template_child (widget_class, BottegaStartPage, device_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaStartPage, start_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaStartPage, documents_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaStartPage, loading_revealer);
  gtk_widget_class_bind_template_child (widget_class, BottegaStartPage, loading_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaStartPage, loading_bar);
  gtk_widget_class_bind_template_child (widget_class, BottegaStartPage, broken_page);
  gtk_widget_class_bind_template_child (widget_class, BottegaStartPage, remove_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaStartPage, failed_page);
  gtk_widget_class_bind_template_child (widget_class, BottegaStartPage, memory_page);
  gtk_widget_class_bind_template_child (widget_class, BottegaStartPage, smaller_button);
  gtk_widget_class_install_action (widget_class, "start.show-file", NULL, show_file_action);
  gtk_widget_class_install_action (widget_class, "start.remove", NULL, remove_action);
  gtk_widget_class_install_action (widget_class, "start.try-again", NULL, try_again_action);
  gtk_widget_class_install_action (widget_class, "start.smaller-context", NULL,
                                   smaller_context_action);
}

static void
bottega_start_page_init (BottegaStartPage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

void
bottega_start_page_set_assistant (BottegaStartPage *self,
                                  BottegaAssistant *assistant)
{
  g_return_if_fail (BOTTEGA_IS_START_PAGE (self));
  g_return_if_fail (BOTTEGA_IS_ASSISTANT (assistant) && self->assistant == NULL);

  self->assistant = g_object_ref (assistant);
  struct {
    gpointer object;
    const char *signal;
  } sources[] = {
    { assistant, "notify" },
    { bottega_assistant_get_engine (assistant), "notify" },
    { bottega_assistant_get_models (assistant), "notify::loaded" },
    { bottega_assistant_get_models (assistant), "items-changed" },
    { bottega_assistant_get_conversations (assistant), "notify::loaded" },
    { bottega_assistant_get_conversations (assistant), "items-changed" },
    { bottega_assistant_get_library (assistant), "notify::loaded" },
    { bottega_assistant_get_library (assistant), "items-changed" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (sources); i++)
    g_signal_connect_object (sources[i].object, sources[i].signal, G_CALLBACK (update_cb), self,
                             G_CONNECT_SWAPPED);
  update_cb (self);
}

gboolean
bottega_start_page_get_ready (BottegaStartPage *self)
{
  g_return_val_if_fail (BOTTEGA_IS_START_PAGE (self), FALSE);

  return self->ready;
}

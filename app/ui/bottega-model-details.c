/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the rows about one model and writes what is set for it. Must not know how it is stored or
 * used; a model that is loaded is loaded again when the dialog closes, if that is needed. */
#define G_LOG_DOMAIN "bottega-model-details"

#include "config.h"

#include "app/assistant/bottega-devices.h"
#include "app/assistant/bottega-model-planning.h"
#include "app/assistant/bottega-plan-text.h"
#include "app/ui/bottega-device-row.h"
#include "app/ui/bottega-fact-row.h"
#include "app/ui/bottega-model-details.h"
#include "app/ui/bottega-wheel.h"

#include <glib/gi18n.h>

struct _BottegaModelDetails {
  AdwDialog parent_instance;

  AdwWindowTitle *window_title;
  AdwPreferencesGroup *about_group;
  AdwPreferencesGroup *here_group;
  AdwPreferencesGroup *defaults_group;
  AdwPreferencesGroup *file_group;
  AdwComboRow *context_row;
  AdwComboRow *device_row;
  AdwComboRow *kv_row;
  AdwComboRow *draft_row;
  AdwExpanderRow *temperature_row;
  AdwSpinRow *temperature_spin;
  AdwExpanderRow *instructions_row;
  GtkTextView *instructions_view;

  GtkWidget *memory_fact, *speed_fact, *first_word_fact;
  BottegaAssistant *assistant;
  BottegaModelItem *item;
  BottegaPlan *plan; /* with the settings as they are; NULL: not known yet */
  GPtrArray *catalogue;
  GPtrArray *device_ids;       /* of char *, in the order of the row; the first is NULL: not set */
  GPtrArray *draft_paths;      /* the same of models that guess */
  BottegaModelDefaults before; /* as they were when the dialog came up */
  gboolean filling;            /* the rows are being set */
  gboolean measured;           /* devices have been, where that was missing */
  gboolean planning, again;    /* a plan is on its way; the settings have changed since */
};

G_DEFINE_FINAL_TYPE (BottegaModelDetails, bottega_model_details, ADW_TYPE_DIALOG)

static const char *const kv_choices[] = { NULL, "f16", "q8_0" }; /* in the order of the row */
static const guint context_choices[] = { 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072 };

static BottegaModelStore *
get_models (BottegaModelDetails *self)
{
  return bottega_assistant_get_models (self->assistant);
}

/* ---- facts */

static GtkWidget *
add_fact (AdwPreferencesGroup *group,
          const char *title,
          const char *value)
{
  GtkWidget *row;

  if (value == NULL)
    return NULL;
  row = bottega_fact_row_new (title, value);
  adw_preferences_group_add (group, row);
  return row;
}

static void
add_about (BottegaModelDetails *self)
{
  const BottegaModelFacts *facts = bottega_model_item_get_facts (self->item);
  g_autofree char *parameters = bottega_model_text_parameters (facts->parameters);
  g_autofree char *size = g_format_size (facts->file_bytes);
  g_autofree char *context = bottega_model_text_context (facts->context_tokens);
  g_autofree char *languages =
      facts->languages != NULL ? bottega_model_text_languages (facts->languages, 0, 0) : NULL;

  add_fact (self->about_group, _ ("Calls itself"), facts->title);
  add_fact (self->about_group, _ ("Family"), facts->architecture);
  add_fact (self->about_group, _ ("Parameters"), parameters);
  add_fact (self->about_group, _ ("Size"), size);
  add_fact (self->about_group, _ ("Number types"), facts->types);
  add_fact (self->about_group, _ ("Context, as trained"), context);
  add_fact (self->about_group, _ ("Licence"),
            facts->license != NULL ? bottega_model_text_license (facts->license)
                                   : _ ("The file does not say"));
  add_fact (self->about_group, _ ("Languages"), languages);
  add_fact (self->about_group, _ ("To know"), facts->warning);
}

static gboolean
is_loaded (BottegaModelDetails *self)
{
  BottegaEngineThread *engine = bottega_assistant_get_engine (self->assistant);

  return g_strcmp0 (bottega_engine_thread_get_model_path (engine),
                    bottega_model_item_get_path (self->item)) == 0;
}

/* What a loaded model holds itself is not free to the planner, which then refuses. */
static void
update_here_cb (BottegaModelDetails *self)
{
  const BottegaMachine *machine = bottega_model_store_get_machine (get_models (self));
  BottegaModelNeed need;
  BottegaModelFigures figures;
  g_autofree char *memory = NULL;
  g_autofree char *speed = NULL;
  g_autofree char *word = NULL;

  g_assert (BOTTEGA_IS_MODEL_DETAILS (self));

  if (self->memory_fact == NULL)
    return;
  bottega_model_store_get_need (get_models (self), self->item, &need);
  bottega_model_store_get_figures (get_models (self), self->item, &figures);
  if (self->plan != NULL)
    bottega_model_need_take_plan (&need, self->plan);
  if (self->plan != NULL && self->plan->refusal != NULL && !is_loaded (self))
    memory = g_strdup (self->plan->refusal);
  else
    memory = bottega_model_text_need (&need, machine);
  speed = bottega_model_text_speed (&need, &figures, machine);
  word = bottega_model_text_first_word (&figures);
  bottega_fact_row_set_value (self->memory_fact, memory);
  bottega_fact_row_set_value (self->speed_fact, speed);
  if (word == NULL && self->plan != NULL && self->plan->first_s > 0)
    word = bottega_plan_text_first_word (self->plan);
  if (word == NULL)
    word = g_strdup (_ ("Not known yet: the first answer will tell"));
  bottega_fact_row_set_value (self->first_word_fact, word);
}

static void ask_plan (BottegaModelDetails *self);

static void
planned_cb (GObject *source,
            GAsyncResult *result,
            gpointer user_data)
{
  g_autoptr (BottegaModelDetails) self = user_data;
  g_autoptr (BottegaPlan) plan = bottega_model_store_plan_finish (result, NULL);

  self->planning = FALSE;
  if (self->assistant == NULL)
    return;
  if (self->again) {
    ask_plan (self);
    return;
  }
  self->plan = g_steal_pointer (&plan);
  update_here_cb (self);
}

/* What is reckoned is shown until the planner has answered. It measures the device at first, but
 * not beside an answer, whose time it would take. One is asked at a time, so that none is of
 * settings that are no more. */
static void
ask_plan (BottegaModelDetails *self)
{
  gboolean answering =
      bottega_engine_thread_get_answering (bottega_assistant_get_engine (self->assistant));

  if (self->memory_fact == NULL)
    return;
  g_clear_pointer (&self->plan, bottega_plan_free);
  update_here_cb (self);
  self->again = self->planning;
  if (self->planning)
    return;
  self->planning = TRUE;
  bottega_model_store_plan_async (get_models (self), self->item, NULL,
                                  !answering && !self->measured, planned_cb, g_object_ref (self));
  self->measured |= !answering;
}

static void
add_here (BottegaModelDetails *self)
{
  if (bottega_model_item_get_searches (self->item)) {
    add_fact (self->here_group, _ ("Use"),
              bottega_model_item_get_usable (self->item)
                  ? _ ("Serves the search of documents; it writes no answers.")
                  : _ ("Belongs to the search of documents, which uses multilingual-e5-small alone"
                       ": it is listed, and not used."));
    return;
  }
  self->memory_fact = add_fact (self->here_group, _ ("Memory"), "");
  self->speed_fact = add_fact (self->here_group, _ ("Writing"), "");
  self->first_word_fact = add_fact (self->here_group, _ ("First word"), "");
  ask_plan (self);
}

char *
bottega_model_details_compare (GPtrArray *catalogue,
                               BottegaModelItem *item)
{
  const char *sha256 = bottega_model_item_get_sha256 (item);
  g_autofree char *file = g_path_get_basename (bottega_model_item_get_path (item));
  const BottegaCatalogueEntry *entry = bottega_catalogue_find (catalogue, sha256, file);

  if (entry == NULL || sha256 == NULL)
    return NULL;
  if (entry->sha256 == NULL)
    return g_strdup (_ ("The checksum of the published file is not known."));
  if (g_str_equal (entry->sha256, sha256))
    /* TRANSLATORS: %s is the name of a model. */
    return g_strdup_printf (_ ("Matches the published file of %s."), entry->name);
  return g_strdup_printf (_ ("Differs from the published file of %s: another version, or a "
                             "download that did not end well."),
                          entry->name);
}

static void
show_file_cb (BottegaModelDetails *self)
{
  g_assert (BOTTEGA_IS_MODEL_DETAILS (self));

  gtk_widget_activate_action (GTK_WIDGET (self), "win.show-file", "s",
                              bottega_model_item_get_path (self->item));
}

static void
add_file (BottegaModelDetails *self)
{
  GtkWidget *row =
      add_fact (self->file_group, _ ("Place"), bottega_model_item_get_path (self->item));
  GtkWidget *button = gtk_button_new_from_icon_name ("folder-open-symbolic");
  const char *sha256 = bottega_model_item_get_sha256 (self->item);
  g_autofree char *verdict = bottega_model_details_compare (self->catalogue, self->item);

  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  gtk_widget_set_tooltip_text (button, _ ("Show File"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Show File"), -1);
  gtk_widget_add_css_class (button, "flat");
  g_signal_connect_object (button, "clicked", G_CALLBACK (show_file_cb), self, G_CONNECT_SWAPPED);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), button);
  add_fact (self->file_group, _ ("Checksum (SHA-256)"),
            sha256 != NULL ? sha256 : _ ("Not known: it is reckoned when a file is added"));
  add_fact (self->file_group, _ ("Published file"), verdict);
}

/* ---- what is set for it alone */

/* Whether a model is loaded otherwise. */
static gboolean
loads_otherwise (const BottegaModelDefaults *a,
                 const BottegaModelDefaults *b)
{
  return a->has_context != b->has_context ||
         a->context_tokens != b->context_tokens ||
         g_strcmp0 (a->device, b->device) != 0 ||
         g_strcmp0 (a->kv_type, b->kv_type) != 0 ||
         g_strcmp0 (a->draft, b->draft) != 0;
}

static void
store_cb (BottegaModelDetails *self)
{
  GtkTextBuffer *buffer = gtk_text_view_get_buffer (self->instructions_view);
  guint context = adw_combo_row_get_selected (self->context_row);
  guint device = adw_combo_row_get_selected (self->device_row);
  guint kv = adw_combo_row_get_selected (self->kv_row);
  guint draft = adw_combo_row_get_selected (self->draft_row);
  const char *path = bottega_model_item_get_path (self->item);
  g_auto (BottegaModelDefaults) defaults = { 0 };
  g_auto (BottegaModelDefaults) old = { 0 };

  g_assert (BOTTEGA_IS_MODEL_DETAILS (self));

  if (self->filling)
    return;
  defaults.has_context = context > 0 && context != GTK_INVALID_LIST_POSITION;
  if (context > 1 && defaults.has_context)
    defaults.context_tokens = context_choices[context - 2];
  if (device > 0 && device < self->device_ids->len)
    defaults.device = g_strdup (self->device_ids->pdata[device]);
  if (kv < G_N_ELEMENTS (kv_choices))
    defaults.kv_type = g_strdup (kv_choices[kv]);
  if (draft > 0 && draft < self->draft_paths->len)
    defaults.draft = g_strdup (self->draft_paths->pdata[draft]);
  defaults.has_temperature = adw_expander_row_get_enable_expansion (self->temperature_row);
  if (defaults.has_temperature)
    defaults.temperature = adw_spin_row_get_value (self->temperature_spin);
  if (adw_expander_row_get_enable_expansion (self->instructions_row))
    g_object_get (buffer, "text", &defaults.instructions, NULL);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "details.reset",
                                 bottega_model_defaults_any (&defaults));
  bottega_model_store_get_defaults (get_models (self), path, &old);
  bottega_model_store_set_defaults (get_models (self), path, &defaults);
  if (loads_otherwise (&old, &defaults))
    ask_plan (self);
}

static void
fill_context (BottegaModelDetails *self,
              const BottegaModelDefaults *defaults)
{
  g_autoptr (GtkStringList) names = gtk_string_list_new (NULL);
  guint trained = bottega_model_item_get_context (self->item);
  guint selected = defaults->has_context ? 1 : 0;

  gtk_string_list_append (names, _ ("As in the preferences"));
  gtk_string_list_append (names, _ ("Automatic"));
  for (guint i = 0; i < G_N_ELEMENTS (context_choices); i++) {
    /* More than the model was trained for would not be used. */
    if (context_choices[i] > trained)
      break;
    gtk_string_list_take (names, g_strdup_printf (_ ("%'u tokens"), context_choices[i]));
    if (defaults->has_context && context_choices[i] <= defaults->context_tokens)
      selected = i + 2;
  }
  adw_combo_row_set_model (self->context_row, G_LIST_MODEL (names));
  adw_combo_row_set_selected (self->context_row, selected);
}

/* The models of its vocabulary; without any there is nothing to choose. */
static void
fill_drafts (BottegaModelDetails *self,
             const char *chosen)
{
  g_autoptr (GtkStringList) names = gtk_string_list_new (NULL);
  GListModel *models = G_LIST_MODEL (get_models (self));
  guint selected = 0;

  g_ptr_array_set_size (self->draft_paths, 0);
  g_ptr_array_add (self->draft_paths, NULL);
  gtk_string_list_append (names, _ ("None"));
  for (guint i = 0; i < g_list_model_get_n_items (models); i++) {
    g_autoptr (BottegaModelItem) item = g_list_model_get_item (models, i);
    const char *path = bottega_model_item_get_path (item);

    if (!bottega_model_item_can_draft (item, self->item))
      continue;
    if (g_strcmp0 (path, chosen) == 0)
      selected = self->draft_paths->len;
    g_ptr_array_add (self->draft_paths, g_strdup (path));
    gtk_string_list_append (names, bottega_model_item_get_name (item));
  }
  /* What is set stays, though it cannot be had just now. */
  if (chosen != NULL && selected == 0) {
    g_autofree char *name = g_path_get_basename (chosen);

    selected = self->draft_paths->len;
    g_ptr_array_add (self->draft_paths, g_strdup (chosen));
    gtk_string_list_append (names, name);
  }
  gtk_widget_set_visible (GTK_WIDGET (self->draft_row), self->draft_paths->len > 1);
  adw_combo_row_set_model (self->draft_row, G_LIST_MODEL (names));
  adw_combo_row_set_selected (self->draft_row, selected);
}

/* devices: GPtrArray of EngineDevice; NULL while they are not known. */
static void
fill_devices (BottegaModelDetails *self,
              GPtrArray *devices,
              const char *chosen)
{
  self->filling = TRUE;
  bottega_device_row_fill (self->device_row, self->device_ids, _ ("As in the preferences"), devices,
                           chosen);
  self->filling = FALSE;
}

static void
devices_cb (GObject *source,
            GAsyncResult *result,
            gpointer user_data)
{
  g_autoptr (BottegaModelDetails) self = user_data;
  g_autoptr (GPtrArray) devices = bottega_devices_list_finish (result);
  g_auto (BottegaModelDefaults) defaults = { 0 };

  if (devices == NULL || self->assistant == NULL)
    return;
  bottega_model_store_get_defaults (get_models (self), bottega_model_item_get_path (self->item),
                                    &defaults);
  fill_devices (self, devices, defaults.device);
}

static void
fill_defaults (BottegaModelDetails *self)
{
  BottegaSettings *settings = bottega_assistant_get_settings (self->assistant);
  g_auto (BottegaModelDefaults) defaults = { 0 };

  bottega_model_store_get_defaults (get_models (self), bottega_model_item_get_path (self->item),
                                    &defaults);
  self->filling = TRUE;
  fill_context (self, &defaults);
  for (guint i = 0; i < G_N_ELEMENTS (kv_choices); i++)
    if (g_strcmp0 (kv_choices[i], defaults.kv_type) == 0)
      adw_combo_row_set_selected (self->kv_row, i);
  fill_drafts (self, defaults.draft);
  adw_expander_row_set_enable_expansion (self->temperature_row, defaults.has_temperature);
  adw_spin_row_set_value (self->temperature_spin,
                          defaults.has_temperature ? defaults.temperature
                                                   : bottega_settings_get_temperature (settings));
  adw_expander_row_set_enable_expansion (self->instructions_row, defaults.instructions != NULL);
  gtk_text_buffer_set_text (gtk_text_view_get_buffer (self->instructions_view),
                            defaults.instructions != NULL
                                ? defaults.instructions
                                : bottega_settings_get_instructions (settings),
                            -1);
  fill_devices (self, NULL, defaults.device);
  self->filling = FALSE;
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "details.reset",
                                 bottega_model_defaults_any (&defaults));
}

static void
reset_action (GtkWidget *widget,
              const char *name,
              GVariant *parameter)
{
  BottegaModelDetails *self = BOTTEGA_MODEL_DETAILS (widget);
  const BottegaModelDefaults none = { 0 };

  bottega_model_store_set_defaults (get_models (self), bottega_model_item_get_path (self->item),
                                    &none);
  fill_defaults (self);
  bottega_devices_list_async (devices_cb, g_object_ref (self));
  ask_plan (self);
}

/* Another context, device or draft model needs loading; what is set is what is used. */
static void
closed_cb (BottegaModelDetails *self)
{
  g_auto (BottegaModelDefaults) now = { 0 };

  g_assert (BOTTEGA_IS_MODEL_DETAILS (self));

  bottega_model_store_get_defaults (get_models (self), bottega_model_item_get_path (self->item),
                                    &now);
  if (is_loaded (self) && loads_otherwise (&now, &self->before))
    bottega_assistant_reload_model (self->assistant);
}

/* ---- the class */

static void
bottega_model_details_dispose (GObject *object)
{
  BottegaModelDetails *self = BOTTEGA_MODEL_DETAILS (object);

  g_clear_object (&self->assistant);
  g_clear_object (&self->item);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_MODEL_DETAILS);
  G_OBJECT_CLASS (bottega_model_details_parent_class)->dispose (object);
}

static void
bottega_model_details_finalize (GObject *object)
{
  BottegaModelDetails *self = BOTTEGA_MODEL_DETAILS (object);

  g_clear_pointer (&self->catalogue, g_ptr_array_unref);
  g_clear_pointer (&self->plan, bottega_plan_free);
  g_ptr_array_unref (self->device_ids);
  g_ptr_array_unref (self->draft_paths);
  bottega_model_defaults_clear (&self->before);
  G_OBJECT_CLASS (bottega_model_details_parent_class)->finalize (object);
}

static void
bottega_model_details_class_init (BottegaModelDetailsClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = bottega_model_details_dispose;
  G_OBJECT_CLASS (klass)->finalize = bottega_model_details_finalize;
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-model-details.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaModelDetails, window_title);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelDetails, about_group);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelDetails, here_group);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelDetails, defaults_group);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelDetails, file_group);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelDetails, context_row);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelDetails, device_row);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelDetails, kv_row);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelDetails, draft_row);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelDetails, temperature_row);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelDetails, temperature_spin);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelDetails, instructions_row);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelDetails, instructions_view);
  gtk_widget_class_install_action (widget_class, "details.reset", NULL, reset_action);
}

static void
bottega_model_details_init (BottegaModelDetails *self)
{
  self->device_ids = g_ptr_array_new_with_free_func (g_free);
  self->draft_paths = g_ptr_array_new_with_free_func (g_free);
  gtk_widget_init_template (GTK_WIDGET (self));
  bottega_wheel_scrolls_only (GTK_WIDGET (self->temperature_spin));
}

static void
watch_rows (BottegaModelDetails *self)
{
  const struct {
    gpointer object;
    const char *signal;
  } changes[] = {
    { self->context_row, "notify::selected" },
    { self->device_row, "notify::selected" },
    { self->kv_row, "notify::selected" },
    { self->draft_row, "notify::selected" },
    { self->temperature_row, "notify::enable-expansion" },
    { self->temperature_spin, "notify::value" },
    { self->instructions_row, "notify::enable-expansion" },
    { gtk_text_view_get_buffer (self->instructions_view), "changed" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (changes); i++)
    g_signal_connect_object (changes[i].object, changes[i].signal, G_CALLBACK (store_cb), self,
                             G_CONNECT_SWAPPED);
}

AdwDialog *
bottega_model_details_new (BottegaAssistant *assistant,
                           BottegaModelItem *item,
                           GPtrArray *catalogue)
{
  BottegaModelDetails *self = g_object_new (BOTTEGA_TYPE_MODEL_DETAILS, NULL);
  BottegaModelStore *models;

  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (assistant), NULL);
  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (item), NULL);

  self->assistant = g_object_ref (assistant);
  self->item = g_object_ref (item);
  self->catalogue = g_ptr_array_ref (catalogue);
  models = bottega_assistant_get_models (assistant);
  bottega_model_store_get_defaults (models, bottega_model_item_get_path (item), &self->before);
  adw_dialog_set_title (ADW_DIALOG (self), bottega_model_item_get_name (item));
  adw_window_title_set_title (self->window_title, bottega_model_item_get_name (item));
  add_about (self);
  add_here (self);
  add_file (self);
  gtk_widget_set_visible (GTK_WIDGET (self->defaults_group),
                          !bottega_model_item_get_searches (item));
  fill_defaults (self);
  watch_rows (self);
  g_signal_connect_object (models, "notify::machine", G_CALLBACK (update_here_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect (self, "closed", G_CALLBACK (closed_cb), NULL);
  bottega_devices_list_async (devices_cb, g_object_ref (self));
  return ADW_DIALOG (self);
}

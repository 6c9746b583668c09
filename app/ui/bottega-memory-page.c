/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the rows about memory and speed, and asks the planner what they come to: after each change,
 * on a thread, the newest answer wins. Must not know how a setting is stored or used. */
#define G_LOG_DOMAIN "bottega-memory-page"

#include "config.h"

#include "app/assistant/bottega-devices.h"
#include "app/assistant/bottega-memory-words.h"
#include "app/assistant/bottega-model-planning.h"
#include "app/assistant/bottega-presets.h"
#include "app/ui/bottega-choice-row.h"
#include "app/ui/bottega-device-row.h"
#include "app/ui/bottega-memory-bar.h"
#include "app/ui/bottega-memory-page.h"
#include "app/ui/bottega-wheel.h"

#include <glib/gi18n.h>

/* A slider or an arrow key that is held changes a setting many times. */
#define SETTLED_MS 150

struct _BottegaMemoryPage {
  AdwPreferencesPage parent_instance;

  AdwBanner *banner;
  GtkBox *bars;
  AdwWrapBox *legend;
  GtkWidget *spinner;
  GtkLabel *times_label, *own_label;
  AdwPreferencesGroup *presets_group;
  AdwComboRow *context_row, *kv_row, *device_row, *gpu_row, *threads_row, *chunk_row, *unload_row;
  AdwActionRow *device_now_row;
  AdwSwitchRow *summarise_row, *saver_row, *speculate_row;
  GtkSpinButton *kept_button;
  GtkCheckButton *preset_buttons[BOTTEGA_N_PRESETS + 1]; /* the last is not shown: none of them */

  BottegaAssistant *assistant;
  GPtrArray *device_ids; /* of char *, in the order of the row */
  char *loaded_with;     /* all that the model was loaded with */
  gboolean filling;      /* rows are being set from the settings */

  BottegaPlan *plan;    /* with the settings; NULL: not known yet */
  char *problem;        /* why there is none */
  guint64 kv_bytes[2];  /* of the model, in the order of the row; 0: not known */
  guint asked;          /* times that plans were: what answers an earlier one is out of date */
  guint settle;         /* source */
  gboolean measuring;   /* devices are being measured */
  GHashTable *measured; /* set of char *: for what they were, successfully or not */
};

G_DEFINE_FINAL_TYPE (BottegaMemoryPage, bottega_memory_page, ADW_TYPE_PREFERENCES_PAGE)

static const char *const kv_types[] = { "f16", "q8_0" };

/* 0 too for what can be set by an editor only. */
static guint
find_kv_type (const char *kv_type)
{
  for (guint i = 1; i < G_N_ELEMENTS (kv_types); i++)
    if (g_strcmp0 (kv_types[i], kv_type) == 0)
      return i;
  return 0;
}

static BottegaSettings *
get_settings (BottegaMemoryPage *self)
{
  return bottega_assistant_get_settings (self->assistant);
}

static BottegaEngineThread *
get_engine (BottegaMemoryPage *self)
{
  return bottega_assistant_get_engine (self->assistant);
}

/* The model in use, else the one that will be; NULL: there is none. */
static BottegaModelItem *
get_item (BottegaMemoryPage *self)
{
  BottegaModelStore *models = bottega_assistant_get_models (self->assistant);
  const char *path = bottega_engine_thread_get_model_path (get_engine (self));
  BottegaModelItem *item = path != NULL ? bottega_model_store_find (models, path) : NULL;

  return item != NULL ? item : bottega_model_store_get_default (models);
}

/* ---- loading again */

/* All that the model would be loaded with now; NULL: nothing is loaded, or it rests, and takes what
 * is set when it is needed. */
static char *
describe_load (BottegaMemoryPage *self)
{
  const char *path = bottega_engine_thread_get_model_path (get_engine (self));
  g_auto (BottegaModelDefaults) defaults = { 0 };
  BottegaLoadRequest request;

  if (path == NULL ||
      bottega_engine_thread_get_state (get_engine (self)) == BOTTEGA_ENGINE_RESTING)
    return NULL;
  bottega_model_store_get_request (bottega_assistant_get_models (self->assistant), path, &defaults,
                                   &request);
  return g_strdup_printf ("%s %u %s %u %u %u", request.device, request.context_tokens,
                          request.kv_type, request.n_threads, request.chunk_tokens,
                          request.gpu_percent);
}

static gboolean
needs_reload (BottegaMemoryPage *self)
{
  g_autofree char *now = describe_load (self);

  return now != NULL && g_strcmp0 (now, self->loaded_with) != 0;
}

static void
update_reload (BottegaMemoryPage *self)
{
  gboolean needed = needs_reload (self);

  /* A banner that is not revealed would still be read out. */
  gtk_widget_set_visible (GTK_WIDGET (self->banner), needed);
  adw_banner_set_revealed (self->banner, needed);
}

/* What is set now is what the next load uses. */
static void
remember_loaded (BottegaMemoryPage *self)
{
  g_free (self->loaded_with);
  self->loaded_with = describe_load (self);
}

void
bottega_memory_page_apply (BottegaMemoryPage *self)
{
  g_return_if_fail (BOTTEGA_IS_MEMORY_PAGE (self));

  if (!needs_reload (self))
    return;
  remember_loaded (self);
  bottega_assistant_reload_model (self->assistant);
  update_reload (self);
}

void
bottega_memory_page_focus (BottegaMemoryPage *self)
{
  g_return_if_fail (BOTTEGA_IS_MEMORY_PAGE (self));

  gtk_widget_grab_focus (GTK_WIDGET (self->preset_buttons[BOTTEGA_PRESET_BALANCED]));
}

/* The banner hides, and with it what has the focus. */
static void
reload_action (GtkWidget *widget,
               const char *name,
               GVariant *parameter)
{
  BottegaMemoryPage *self = BOTTEGA_MEMORY_PAGE (widget);

  if (gtk_widget_get_focus_child (GTK_WIDGET (self->banner)) != NULL)
    bottega_memory_page_focus (self);
  bottega_memory_page_apply (self);
}

/* ---- the card on top */

static GtkWidget *
heap_new (const BottegaPlanHeap *heap)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  GtkWidget *line = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  GtkWidget *title = gtk_label_new (bottega_plan_heap_get_title (heap));
  g_autofree char *used = bottega_plan_text_used (heap);
  GtkWidget *amount = gtk_label_new (used), *bar = bottega_memory_bar_new ();

  gtk_label_set_xalign (GTK_LABEL (title), 0);
  gtk_label_set_wrap (GTK_LABEL (title), TRUE);
  gtk_widget_set_hexpand (title, TRUE);
  gtk_widget_add_css_class (title, "heading");
  gtk_widget_add_css_class (amount, "numeric");
  bottega_memory_bar_set_heap (BOTTEGA_MEMORY_BAR (bar), heap);
  gtk_box_append (GTK_BOX (line), title);
  gtk_box_append (GTK_BOX (line), amount);
  gtk_box_append (GTK_BOX (box), line);
  gtk_box_append (GTK_BOX (box), bar);
  return box;
}

static GtkWidget *
legend_new (BottegaPlanPart part,
            guint64 bytes)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6), *label;
  g_autofree char *size = g_format_size (bytes);
  g_autofree char *text = NULL;

  text = g_strdup_printf ("%s %s", bottega_plan_part_get_name (part), size);
  label = gtk_label_new (text);
  gtk_widget_add_css_class (label, "caption");
  gtk_widget_add_css_class (label, "numeric");
  gtk_box_append (GTK_BOX (box), bottega_memory_bar_new_swatch (part));
  gtk_box_append (GTK_BOX (box), label);
  return box;
}

static void
show_memory (BottegaMemoryPage *self)
{
  gboolean known = self->plan != NULL && self->plan->n_heaps > 0;
  GtkWidget *child;

  gtk_widget_set_visible (GTK_WIDGET (self->bars), known);
  gtk_widget_set_visible (GTK_WIDGET (self->legend), known);
  if (!known)
    return;
  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self->bars))) != NULL)
    gtk_box_remove (self->bars, child);
  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self->legend))) != NULL)
    adw_wrap_box_remove (self->legend, child);
  for (guint i = 0; i < self->plan->n_heaps; i++)
    gtk_box_append (self->bars, heap_new (&self->plan->heaps[i]));
  /* Of all heaps together. */
  for (guint part = 0; part < BOTTEGA_PLAN_N_PARTS; part++) {
    guint64 bytes = 0;

    for (guint i = 0; i < self->plan->n_heaps; i++)
      bytes += bottega_plan_heap_get_bytes (&self->plan->heaps[i], (BottegaPlanPart) part);
    if (bottega_plan_part_shows ((BottegaPlanPart) part, bytes))
      adw_wrap_box_append (self->legend, legend_new ((BottegaPlanPart) part, bytes));
  }
}

static void
show_times (BottegaMemoryPage *self)
{
  g_autofree char *text = NULL;
  gboolean refused = self->plan != NULL && self->plan->refusal != NULL;

  if (get_item (self) == NULL)
    text = g_strdup (_ ("There is no model yet: choose one, and what it takes is shown here."));
  else if (self->problem != NULL)
    text = g_strdup (self->problem);
  else if (refused)
    text = bottega_plan_text_refusal (self->plan);
  else if (self->plan != NULL)
    text = bottega_plan_text_times (self->plan);
  if (text == NULL && self->measuring)
    text = g_strdup (_ ("Measuring how fast this computer is: a few seconds…"));
  else if (text == NULL && bottega_engine_thread_get_answering (get_engine (self)))
    text = g_strdup (_ ("How fast it will be is measured once the answer has ended."));
  else if (text == NULL)
    text = g_strdup (self->plan == NULL ? _ ("Looking at the model…")
                                        : _ ("How fast it will be is not known."));
  gtk_label_set_label (self->times_label, text);
  gtk_widget_set_visible (self->spinner, self->measuring && !refused);
  if (refused || self->problem != NULL)
    gtk_widget_add_css_class (GTK_WIDGET (self->times_label), "warning");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self->times_label), "warning");
}

/* ---- what each row says */

static void
update_words (BottegaMemoryPage *self)
{
  BottegaModelItem *item = get_item (self);
  g_auto (BottegaModelDefaults) own = { 0 };
  g_autofree char *own_text = NULL;
  gboolean rests = bottega_engine_thread_get_state (get_engine (self)) == BOTTEGA_ENGINE_RESTING;
  const char *device_now =
      rests ? _ ("The model rests and takes no memory. The next question loads it again.")
            : bottega_engine_thread_get_device_description (get_engine (self));
  BottegaMemoryOptions options = {
    .settings = get_settings (self),
    .plan = self->plan,
    .own = &own,
    .kv_bytes = { self->kv_bytes[0], self->kv_bytes[1] },
    .trained_tokens = item != NULL ? bottega_model_item_get_context (item) : 0,
  };
  const struct {
    gpointer row;
    char *(*words) (const BottegaMemoryOptions *options);
  } rows[] = {
    { self->context_row, bottega_memory_words_context },
    { self->kv_row, bottega_memory_words_precision },
    { self->gpu_row, bottega_memory_words_gpu },
    { self->threads_row, bottega_memory_words_threads },
    { self->saver_row, bottega_memory_words_saver },
    { self->chunk_row, bottega_memory_words_chunk },
    { self->unload_row, bottega_memory_words_unload },
  };

  if (item != NULL)
    bottega_model_store_get_defaults (bottega_assistant_get_models (self->assistant),
                                      bottega_model_item_get_path (item), &own);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *words = rows[i].words (&options);

    adw_action_row_set_subtitle (rows[i].row, words);
  }
  gtk_widget_set_sensitive (GTK_WIDGET (self->gpu_row), bottega_memory_words_has_card (&options));
  adw_action_row_set_subtitle (self->device_now_row,
                               device_now != NULL ? device_now : _ ("No model is loaded."));
  own_text = item != NULL ? bottega_memory_words_own (&options, bottega_model_item_get_name (item))
                          : NULL;
  gtk_label_set_label (self->own_label, own_text != NULL ? own_text : "");
  gtk_widget_set_visible (GTK_WIDGET (self->own_label), own_text != NULL);
}

static void
show_plan (BottegaMemoryPage *self)
{
  show_memory (self);
  show_times (self);
  update_words (self);
}

/* ---- asking the planner */

/* A plan that was asked for. */
typedef struct {
  BottegaMemoryPage *self; /* owned */
  guint asked;             /* see the page's */
  guint kv;                /* of kv_types */
  gboolean is_set;         /* it is the one that is set, else asked for its price alone */
} Asked;

static void ask_plan (BottegaMemoryPage *self);

/* The devices have been measured, for whatever was set then: what is set now is planned anew. */
static void
measured_cb (GObject *source,
             GAsyncResult *result,
             gpointer user_data)
{
  g_autoptr (BottegaMemoryPage) self = user_data;
  g_autoptr (BottegaPlan) plan = bottega_model_store_plan_finish (result, NULL);

  self->measuring = FALSE;
  if (self->assistant != NULL)
    ask_plan (self);
}

/* Only for somebody who looks, not beside an answer, whose time it would take, and once for each
 * model, device and precision. */
static void
measure_if_needed (BottegaMemoryPage *self)
{
  g_autofree char *key = NULL;

  if (self->plan == NULL || self->plan->refusal != NULL || self->plan->first_s > 0 ||
      self->measuring || self->plan->n_heaps == 0 || !gtk_widget_get_mapped (GTK_WIDGET (self)) ||
      bottega_engine_thread_get_answering (get_engine (self)))
    return;
  key = g_strjoin (" ", self->plan->heaps[0].device,
                   bottega_settings_get_kv_type (get_settings (self)),
                   bottega_model_item_get_path (get_item (self)), NULL);
  if (!g_hash_table_add (self->measured, g_steal_pointer (&key)))
    return;
  self->measuring = TRUE;
  bottega_model_store_plan_async (bottega_assistant_get_models (self->assistant), get_item (self),
                                  NULL, TRUE, measured_cb, g_object_ref (self));
}

static void
planned_cb (GObject *source,
            GAsyncResult *result,
            gpointer user_data)
{
  g_autofree Asked *asked = user_data;
  g_autoptr (BottegaMemoryPage) self = asked->self;
  g_autoptr (GError) error = NULL;
  g_autoptr (BottegaPlan) plan = bottega_model_store_plan_finish (result, &error);

  if (self->assistant == NULL || asked->asked != self->asked)
    return;
  self->kv_bytes[asked->kv] = plan != NULL ? plan->kv_bytes : 0;
  if (!asked->is_set) {
    update_words (self);
    return;
  }
  g_clear_pointer (&self->plan, bottega_plan_free);
  self->plan = g_steal_pointer (&plan);
  g_set_str (&self->problem, error != NULL ? error->message : NULL);
  measure_if_needed (self);
  show_plan (self);
}

/* What is shown stays until the answers come, so that nothing flickers. What is set is asked for as
 * it is written, so that the planner says what is wrong with it. */
static void
ask_plan (BottegaMemoryPage *self)
{
  BottegaModelStore *models = bottega_assistant_get_models (self->assistant);
  BottegaModelItem *item = get_item (self);
  g_auto (BottegaModelDefaults) defaults = { 0 };
  BottegaLoadRequest request;
  guint set;

  self->asked++;
  if (item == NULL) {
    g_clear_pointer (&self->plan, bottega_plan_free);
    show_plan (self);
    return;
  }
  bottega_model_store_get_request (models, bottega_model_item_get_path (item), &defaults,
                                   &request);
  set = find_kv_type (request.kv_type);
  for (guint i = 0; i < G_N_ELEMENTS (kv_types); i++) {
    Asked *asked = g_new (Asked, 1);

    *asked = (Asked) { g_object_ref (self), self->asked, i, i == set };
    bottega_model_store_plan_async (models, item, i == set ? NULL : kv_types[i], FALSE, planned_cb,
                                    asked);
  }
}

static gboolean
settled_cb (gpointer user_data)
{
  BottegaMemoryPage *self = user_data;

  self->settle = 0;
  ask_plan (self);
  return G_SOURCE_REMOVE;
}

static void
ask_plan_soon (BottegaMemoryPage *self)
{
  g_clear_handle_id (&self->settle, g_source_remove);
  self->settle = g_timeout_add (SETTLED_MS, settled_cb, self);
  g_source_set_name_by_id (self->settle, "[bottega] plan anew");
}

/* ---- rows of numbers to choose from */

static const guint context_values[] = { 0, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072 };
static const guint gpu_values[] = { 0, 75, 50, 25 };
static const guint threads_values[] = { 0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64 };
static const guint chunk_values[] = { 0, 64, 128, 256, 512, 1024 };
static const guint unload_values[] = { 0, 5, 15, 60 };

static void
bind_choices (BottegaMemoryPage *self)
{
#define CHOICES(setting, values, name) { setting, values, G_N_ELEMENTS (values), name }
  static const BottegaChoices context =
      CHOICES ("context-length", context_values, bottega_memory_words_tokens);
  static const BottegaChoices gpu =
      CHOICES ("gpu-percent", gpu_values, bottega_memory_words_percent);
  static const BottegaChoices threads =
      CHOICES ("threads", threads_values, bottega_memory_words_n_threads);
  static const BottegaChoices chunk =
      CHOICES ("chunk-tokens", chunk_values, bottega_memory_words_tokens);
  static const BottegaChoices unload =
      CHOICES ("unload-minutes", unload_values, bottega_memory_words_minutes);
#undef CHOICES
  BottegaSettings *settings = get_settings (self);

  bottega_choice_row_bind (self->context_row, settings, &context);
  bottega_choice_row_bind (self->gpu_row, settings, &gpu);
  bottega_choice_row_bind (self->threads_row, settings, &threads);
  bottega_choice_row_bind (self->chunk_row, settings, &chunk);
  bottega_choice_row_bind (self->unload_row, settings, &unload);
  bottega_choice_row_show_chosen (self->kv_row);
  bottega_choice_row_show_chosen (self->device_row);
  bottega_choice_row_set_most (self->threads_row, g_get_num_processors ());
}

/* ---- device and precision */

static void
device_selected_cb (BottegaMemoryPage *self)
{
  guint selected = adw_combo_row_get_selected (self->device_row);

  g_assert (BOTTEGA_IS_MEMORY_PAGE (self));

  if (!self->filling && selected < self->device_ids->len)
    g_object_set (get_settings (self), "device", g_ptr_array_index (self->device_ids, selected),
                  NULL);
}

/* devices: GPtrArray of EngineDevice; NULL while they are not known. */
static void
fill_devices (BottegaMemoryPage *self,
              GPtrArray *devices)
{
  self->filling = TRUE;
  bottega_device_row_fill (self->device_row, self->device_ids, NULL, devices,
                           bottega_settings_get_device (get_settings (self)));
  self->filling = FALSE;
}

static void
devices_cb (GObject *source,
            GAsyncResult *result,
            gpointer user_data)
{
  g_autoptr (BottegaMemoryPage) self = user_data;
  g_autoptr (GPtrArray) devices = bottega_devices_list_finish (result);

  if (devices != NULL && self->assistant != NULL)
    fill_devices (self, devices);
}

static void
select_device (BottegaMemoryPage *self)
{
  guint position;

  if (g_ptr_array_find_with_equal_func (self->device_ids,
                                        bottega_settings_get_device (get_settings (self)),
                                        g_str_equal, &position))
    adw_combo_row_set_selected (self->device_row, position);
}

static void
kv_selected_cb (BottegaMemoryPage *self)
{
  guint selected = adw_combo_row_get_selected (self->kv_row);

  g_assert (BOTTEGA_IS_MEMORY_PAGE (self));

  if (!self->filling && selected < G_N_ELEMENTS (kv_types))
    g_object_set (get_settings (self), "kv-type", kv_types[selected], NULL);
}

/* ---- presets */

static void
preset_toggled_cb (BottegaMemoryPage *self,
                   GtkCheckButton *button)
{
  g_assert (BOTTEGA_IS_MEMORY_PAGE (self));

  if (self->filling || !gtk_check_button_get_active (button))
    return;
  for (guint i = 0; i < BOTTEGA_N_PRESETS; i++)
    if (self->preset_buttons[i] == button)
      bottega_preset_apply ((BottegaPreset) i, get_settings (self));
}

/* The last button belongs to the group and is in no row: it is active when the settings are
 * somebody's own. */
static void
add_presets (BottegaMemoryPage *self)
{
  self->preset_buttons[BOTTEGA_PRESET_NONE] =
      GTK_CHECK_BUTTON (g_object_ref_sink (gtk_check_button_new ()));
  for (guint i = 0; i < BOTTEGA_N_PRESETS; i++) {
    GtkWidget *row = adw_action_row_new (), *button = gtk_check_button_new ();
    const char *name = bottega_preset_get_name ((BottegaPreset) i);

    self->preset_buttons[i] = GTK_CHECK_BUTTON (button);
    gtk_check_button_set_group (GTK_CHECK_BUTTON (button),
                                self->preset_buttons[BOTTEGA_PRESET_NONE]);
    gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
    gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, name,
                                    -1);
    adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), name);
    adw_action_row_set_subtitle (ADW_ACTION_ROW (row),
                                 bottega_preset_get_consequence ((BottegaPreset) i));
    adw_action_row_add_prefix (ADW_ACTION_ROW (row), button);
    adw_action_row_set_activatable_widget (ADW_ACTION_ROW (row), button);
    adw_preferences_group_add (self->presets_group, row);
    g_signal_connect_object (button, "toggled", G_CALLBACK (preset_toggled_cb), self,
                             G_CONNECT_SWAPPED);
  }
}

/* ---- rows and settings in step */

static void
settings_changed_cb (BottegaMemoryPage *self)
{
  BottegaSettings *settings = get_settings (self);

  g_assert (BOTTEGA_IS_MEMORY_PAGE (self));

  self->filling = TRUE;
  select_device (self);
  adw_combo_row_set_selected (self->kv_row,
                              find_kv_type (bottega_settings_get_kv_type (settings)));
  gtk_check_button_set_active (self->preset_buttons[bottega_preset_find (settings)], TRUE);
  self->filling = FALSE;
  update_words (self);
  update_reload (self);
  /* Whoever comes to look later asks then. */
  if (gtk_widget_get_mapped (GTK_WIDGET (self)))
    ask_plan_soon (self);
}

/* Another model, or none. */
static void
model_changed_cb (BottegaMemoryPage *self)
{
  BottegaModelItem *item = get_item (self);

  g_assert (BOTTEGA_IS_MEMORY_PAGE (self));

  remember_loaded (self);
  /* More than it was trained for would not be used. */
  bottega_choice_row_set_most (self->context_row,
                               item != NULL ? bottega_model_item_get_context (item) : 0);
  settings_changed_cb (self);
}

static void
engine_changed_cb (BottegaMemoryPage *self)
{
  g_assert (BOTTEGA_IS_MEMORY_PAGE (self));

  show_times (self);
  update_words (self);
  update_reload (self);
  measure_if_needed (self);
}

static void
bottega_memory_page_map (GtkWidget *widget)
{
  BottegaMemoryPage *self = BOTTEGA_MEMORY_PAGE (widget);

  GTK_WIDGET_CLASS (bottega_memory_page_parent_class)->map (widget);
  if (self->assistant != NULL)
    ask_plan (self);
}

/* ---- the class */

static void
bottega_memory_page_dispose (GObject *object)
{
  BottegaMemoryPage *self = BOTTEGA_MEMORY_PAGE (object);

  g_clear_handle_id (&self->settle, g_source_remove);
  g_clear_object (&self->preset_buttons[BOTTEGA_PRESET_NONE]);
  g_clear_object (&self->assistant);
  /* It would be let go of twice: by the page, and by the template that it is bound to. */
  adw_preferences_page_set_banner (ADW_PREFERENCES_PAGE (self), NULL);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_MEMORY_PAGE);
  G_OBJECT_CLASS (bottega_memory_page_parent_class)->dispose (object);
}

static void
bottega_memory_page_finalize (GObject *object)
{
  BottegaMemoryPage *self = BOTTEGA_MEMORY_PAGE (object);

  g_clear_pointer (&self->plan, bottega_plan_free);
  g_ptr_array_unref (self->device_ids);
  g_hash_table_unref (self->measured);
  g_free (self->loaded_with);
  g_free (self->problem);
  G_OBJECT_CLASS (bottega_memory_page_parent_class)->finalize (object);
}

static void
bottega_memory_page_class_init (BottegaMemoryPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = bottega_memory_page_dispose;
  G_OBJECT_CLASS (klass)->finalize = bottega_memory_page_finalize;
  widget_class->map = bottega_memory_page_map;
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-memory-page.ui");
#define BIND(child) gtk_widget_class_bind_template_child (widget_class, BottegaMemoryPage, child)
  BIND (banner);
  BIND (bars);
  BIND (legend);
  BIND (spinner);
  BIND (times_label);
  BIND (own_label);
  BIND (presets_group);
  BIND (context_row);
  BIND (kv_row);
  BIND (summarise_row);
  BIND (device_row);
  BIND (device_now_row);
  BIND (gpu_row);
  BIND (threads_row);
  BIND (saver_row);
  BIND (chunk_row);
  BIND (speculate_row);
  BIND (unload_row);
  BIND (kept_button);
#undef BIND
  gtk_widget_class_install_action (widget_class, "memory.reload", NULL, reload_action);
}

static void
bottega_memory_page_init (BottegaMemoryPage *self)
{
  self->device_ids = g_ptr_array_new_with_free_func (g_free);
  self->measured = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gtk_widget_init_template (GTK_WIDGET (self));
  bottega_wheel_scrolls_only (GTK_WIDGET (self->kept_button));
  add_presets (self);
}

static void
watch (BottegaMemoryPage *self)
{
  BottegaSettings *settings = get_settings (self);
  const GBindingFlags both = G_BINDING_SYNC_CREATE | G_BINDING_BIDIRECTIONAL;
  const struct {
    gpointer object;
    const char *signal;
    GCallback callback;
  } changes[] = {
    { self->kv_row, "notify::selected", G_CALLBACK (kv_selected_cb) },
    { self->device_row, "notify::selected", G_CALLBACK (device_selected_cb) },
    { settings, "notify", G_CALLBACK (settings_changed_cb) },
    { settings, "power-changed", G_CALLBACK (settings_changed_cb) },
    { get_engine (self), "notify::model-path", G_CALLBACK (model_changed_cb) },
    { get_engine (self), "notify::state", G_CALLBACK (engine_changed_cb) },
    { get_engine (self), "notify::answering", G_CALLBACK (engine_changed_cb) },
    { bottega_assistant_get_models (self->assistant), "notify::loaded",
      G_CALLBACK (model_changed_cb) },
  };

  for (guint i = 0; i < G_N_ELEMENTS (changes); i++)
    g_signal_connect_object (changes[i].object, changes[i].signal, changes[i].callback, self,
                             G_CONNECT_SWAPPED);
  g_object_bind_property (settings, "kept-megabytes", self->kept_button, "value", both);
  g_object_bind_property (settings, "summarise-turns", self->summarise_row, "active", both);
  g_object_bind_property (settings, "speculate", self->speculate_row, "active", both);
  g_object_bind_property (settings, "respect-power-saver", self->saver_row, "active", both);
}

void
bottega_memory_page_set_assistant (BottegaMemoryPage *self,
                                   BottegaAssistant *assistant)
{
  g_return_if_fail (BOTTEGA_IS_MEMORY_PAGE (self));
  g_return_if_fail (BOTTEGA_IS_ASSISTANT (assistant) && self->assistant == NULL);

  self->assistant = g_object_ref (assistant);
  fill_devices (self, NULL);
  bind_choices (self);
  watch (self);
  model_changed_cb (self);
  show_plan (self);
  bottega_devices_list_async (devices_cb, g_object_ref (self));
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The settings as a table: each row becomes a property and, where the schema is installed, a
 * binding to the key of the same name. Must not know what a setting is used for. */
#define G_LOG_DOMAIN "bottega-settings"

#include "app/assistant/bottega-settings.h"

struct _BottegaSettings {
  GObject parent_instance;
  GSettings *gsettings; /* NULL in memory */
  BottegaModelDefaults model;
  gboolean saving_power;
  GValue values[24]; /* [property id] */
};

enum {
  PROP_0,
  PROP_DEFAULT_MODEL,
  PROP_DEVICE,
  PROP_CONTEXT_LENGTH,
  PROP_TEMPERATURE,
  PROP_MAX_ANSWER_TOKENS,
  PROP_INSTRUCTIONS,
  PROP_ONLY_DOCUMENTS,
  PROP_SUMMARISE_TURNS,
  PROP_SPACE,
  PROP_KEPT_MEGABYTES,
  PROP_KV_TYPE,
  PROP_THREADS,
  PROP_CHUNK_TOKENS,
  PROP_GPU_PERCENT,
  PROP_SPECULATE,
  PROP_UNLOAD_MINUTES,
  PROP_RESPECT_POWER_SAVER,
  PROP_WINDOW_WIDTH,
  PROP_WINDOW_HEIGHT,
  PROP_WINDOW_MAXIMIZED,
  PROP_SIDEBAR_VISIBLE,
  N_PROPS,
};

enum {
  SIGNAL_POWER_CHANGED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (BottegaSettings, bottega_settings, G_TYPE_OBJECT)

static void
bottega_settings_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_copy (&BOTTEGA_SETTINGS (object)->values[id], value);
}

static void
bottega_settings_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  BottegaSettings *self = BOTTEGA_SETTINGS (object);

  if (g_param_values_cmp (pspec, &self->values[id], value) == 0)
    return;
  g_value_copy (value, &self->values[id]);
  g_object_notify_by_pspec (object, pspec);
}

static void
bottega_settings_finalize (GObject *object)
{
  BottegaSettings *self = BOTTEGA_SETTINGS (object);

  g_clear_object (&self->gsettings);
  bottega_model_defaults_clear (&self->model);
  for (guint i = 1; i < N_PROPS; i++)
    g_value_unset (&self->values[i]);

  G_OBJECT_CLASS (bottega_settings_parent_class)->finalize (object);
}

static void
bottega_settings_class_init (BottegaSettingsClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  G_STATIC_ASSERT (N_PROPS <= G_N_ELEMENTS (((BottegaSettings *) NULL)->values));

  object_class->finalize = bottega_settings_finalize;
  object_class->get_property = bottega_settings_get_property;
  object_class->set_property = bottega_settings_set_property;

  properties[PROP_DEFAULT_MODEL] = g_param_spec_string ("default-model", NULL, NULL, "", flags);
  properties[PROP_DEVICE] = g_param_spec_string ("device", NULL, NULL, "auto", flags);
  properties[PROP_CONTEXT_LENGTH] =
      g_param_spec_uint ("context-length", NULL, NULL, 0, G_MAXUINT, 0, flags);
  properties[PROP_TEMPERATURE] = g_param_spec_double ("temperature", NULL, NULL, 0, 2, 0.7, flags);
  properties[PROP_MAX_ANSWER_TOKENS] =
      g_param_spec_uint ("max-answer-tokens", NULL, NULL, 1, G_MAXUINT, 2048, flags);
  properties[PROP_INSTRUCTIONS] = g_param_spec_string ("instructions", NULL, NULL, "", flags);
  properties[PROP_ONLY_DOCUMENTS] =
      g_param_spec_boolean ("only-documents", NULL, NULL, FALSE, flags);
  properties[PROP_SUMMARISE_TURNS] =
      g_param_spec_boolean ("summarise-turns", NULL, NULL, TRUE, flags);
  properties[PROP_SPACE] = g_param_spec_string ("space", NULL, NULL, "personal", flags);
  properties[PROP_KEPT_MEGABYTES] =
      g_param_spec_uint ("kept-megabytes", NULL, NULL, 0, 1000000, 2000, flags);
  properties[PROP_KV_TYPE] = g_param_spec_string ("kv-type", NULL, NULL, "f16", flags);
  properties[PROP_THREADS] = g_param_spec_uint ("threads", NULL, NULL, 0, 1024, 0, flags);
  properties[PROP_CHUNK_TOKENS] =
      g_param_spec_uint ("chunk-tokens", NULL, NULL, 0, 8192, 0, flags);
  properties[PROP_GPU_PERCENT] = g_param_spec_uint ("gpu-percent", NULL, NULL, 0, 100, 0, flags);
  properties[PROP_SPECULATE] = g_param_spec_boolean ("speculate", NULL, NULL, TRUE, flags);
  properties[PROP_UNLOAD_MINUTES] =
      g_param_spec_uint ("unload-minutes", NULL, NULL, 0, 1440, 60, flags);
  properties[PROP_RESPECT_POWER_SAVER] =
      g_param_spec_boolean ("respect-power-saver", NULL, NULL, TRUE, flags);
  properties[PROP_WINDOW_WIDTH] =
      g_param_spec_int ("window-width", NULL, NULL, 0, G_MAXINT, 1100, flags);
  properties[PROP_WINDOW_HEIGHT] =
      g_param_spec_int ("window-height", NULL, NULL, 0, G_MAXINT, 720, flags);
  properties[PROP_WINDOW_MAXIMIZED] =
      g_param_spec_boolean ("window-maximized", NULL, NULL, FALSE, flags);
  properties[PROP_SIDEBAR_VISIBLE] =
      g_param_spec_boolean ("sidebar-visible", NULL, NULL, TRUE, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
  signals[SIGNAL_POWER_CHANGED] =
      g_signal_new ("power-changed", BOTTEGA_TYPE_SETTINGS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                    G_TYPE_NONE, 0);
}

static void
bottega_settings_init (BottegaSettings *self)
{
  for (guint i = 1; i < N_PROPS; i++) {
    g_value_init (&self->values[i], G_PARAM_SPEC_VALUE_TYPE (properties[i]));
    g_param_value_set_default (properties[i], &self->values[i]);
  }
}

BottegaSettings *
bottega_settings_new (void)
{
  BottegaSettings *self = bottega_settings_new_in_memory ();
  GSettingsSchemaSource *source = g_settings_schema_source_get_default ();
  g_autoptr (GSettingsSchema) schema = NULL;

  if (source != NULL)
    schema = g_settings_schema_source_lookup (source, BOTTEGA_SETTINGS_SCHEMA, TRUE);
  if (schema == NULL)
    return self;

  self->gsettings = g_settings_new_full (schema, NULL, NULL);
  for (guint i = 1; i < N_PROPS; i++) {
    /* An older schema may lack a key: that setting then lives in memory. */
    if (g_settings_schema_has_key (schema, properties[i]->name))
      g_settings_bind (self->gsettings, properties[i]->name, self, properties[i]->name,
                       G_SETTINGS_BIND_DEFAULT);
  }

  return self;
}

BottegaSettings *
bottega_settings_new_in_memory (void)
{
  return g_object_new (BOTTEGA_TYPE_SETTINGS, NULL);
}

const char *
bottega_settings_get_default_model (BottegaSettings *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), NULL);

  return g_value_get_string (&self->values[PROP_DEFAULT_MODEL]);
}

void
bottega_settings_set_default_model (BottegaSettings *self, const char *path)
{
  g_return_if_fail (BOTTEGA_IS_SETTINGS (self));

  g_object_set (self, "default-model", path != NULL ? path : "", NULL);
}

const char *
bottega_settings_get_device (BottegaSettings *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), NULL);

  return g_value_get_string (&self->values[PROP_DEVICE]);
}

guint
bottega_settings_get_context_length (BottegaSettings *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), 0);

  return g_value_get_uint (&self->values[PROP_CONTEXT_LENGTH]);
}

double
bottega_settings_get_temperature (BottegaSettings *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), 0);

  return g_value_get_double (&self->values[PROP_TEMPERATURE]);
}

guint
bottega_settings_get_max_answer_tokens (BottegaSettings *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), 1);

  return g_value_get_uint (&self->values[PROP_MAX_ANSWER_TOKENS]);
}

const char *
bottega_settings_get_instructions (BottegaSettings *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), NULL);

  return g_value_get_string (&self->values[PROP_INSTRUCTIONS]);
}

gboolean
bottega_settings_get_only_documents (BottegaSettings *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), FALSE);

  return g_value_get_boolean (&self->values[PROP_ONLY_DOCUMENTS]);
}

gboolean
bottega_settings_get_summarise_turns (BottegaSettings *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), FALSE);

  return g_value_get_boolean (&self->values[PROP_SUMMARISE_TURNS]);
}

const char *
bottega_settings_get_space (BottegaSettings *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), NULL);

  return g_value_get_string (&self->values[PROP_SPACE]);
}

guint
bottega_settings_get_kept_megabytes (BottegaSettings *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), 0);

  return g_value_get_uint (&self->values[PROP_KEPT_MEGABYTES]);
}

const char *
bottega_settings_get_kv_type (BottegaSettings *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), NULL);

  return g_value_get_string (&self->values[PROP_KV_TYPE]);
}

guint
bottega_settings_get_chunk_tokens (BottegaSettings *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), 0);

  return g_value_get_uint (&self->values[PROP_CHUNK_TOKENS]);
}

guint
bottega_settings_get_gpu_percent (BottegaSettings *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), 0);

  return g_value_get_uint (&self->values[PROP_GPU_PERCENT]);
}

gboolean
bottega_settings_get_speculate (BottegaSettings *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), TRUE);

  return g_value_get_boolean (&self->values[PROP_SPECULATE]);
}

guint
bottega_settings_get_unload_minutes (BottegaSettings *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), 0);

  return g_value_get_uint (&self->values[PROP_UNLOAD_MINUTES]);
}

gboolean
bottega_settings_get_respect_power_saver (BottegaSettings *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), TRUE);

  return g_value_get_boolean (&self->values[PROP_RESPECT_POWER_SAVER]);
}

void
bottega_settings_set_saving_power (BottegaSettings *self, gboolean saving_power)
{
  g_return_if_fail (BOTTEGA_IS_SETTINGS (self));

  if (self->saving_power == saving_power)
    return;
  self->saving_power = saving_power;
  g_signal_emit (self, signals[SIGNAL_POWER_CHANGED], 0);
}

gboolean
bottega_settings_get_saves_power (BottegaSettings *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), FALSE);

  return self->saving_power && bottega_settings_get_respect_power_saver (self);
}

guint
bottega_settings_get_saving_threads (void)
{
  return MAX (g_get_num_processors () / 2, 1);
}

guint
bottega_settings_get_load_threads (BottegaSettings *self)
{
  guint set, half = bottega_settings_get_saving_threads ();

  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), 0);

  set = g_value_get_uint (&self->values[PROP_THREADS]);
  if (!bottega_settings_get_saves_power (self))
    return set;

  return set > 0 ? MIN (set, half) : half;
}

void
bottega_settings_set_model_defaults (BottegaSettings *self, const BottegaModelDefaults *defaults)
{
  BottegaModelDefaults copy;

  g_return_if_fail (BOTTEGA_IS_SETTINGS (self));
  g_return_if_fail (defaults != NULL);

  bottega_model_defaults_copy (defaults, &copy);
  bottega_model_defaults_clear (&self->model);
  self->model = copy;
}

double
bottega_settings_get_answer_temperature (BottegaSettings *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), 0);

  return self->model.has_temperature ? self->model.temperature
                                     : bottega_settings_get_temperature (self);
}

const char *
bottega_settings_get_answer_instructions (BottegaSettings *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (self), NULL);

  return self->model.instructions != NULL ? self->model.instructions
                                          : bottega_settings_get_instructions (self);
}

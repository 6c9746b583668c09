/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of presets, and of the settings that belong to memory and speed. Must not know what a
 * setting does, nor how it is shown. */
#define G_LOG_DOMAIN "bottega-presets"
#include "config.h"

#include "app/assistant/bottega-presets.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define HALF "half" /* of the processors */

static const struct {
  const char *id, *name, *consequence;
} presets[] = {
  [BOTTEGA_PRESET_QUICK] = { "quick", N_ ("Quick"),
                             N_ ("The model stays loaded, ready for the first word. Conversations "
                                 "are shorter.") },
  [BOTTEGA_PRESET_BALANCED] = { "balanced", N_ ("Balanced"),
                                N_ ("Long conversations at full speed. After an hour without a "
                                    "question the model leaves the memory.") },
  [BOTTEGA_PRESET_LONG_MEMORY] = { "long-memory", N_ ("Long Memory"),
                                   N_ ("Up to four times as much is read at once, kept compact. It "
                                       "needs more memory, and long conversations are slower.") },
  [BOTTEGA_PRESET_LOW_POWER] = { "low-power", N_ ("Low Power"),
                                 N_ ("Half of the processor and no guesses: slower, cooler and "
                                     "quieter. The model soon leaves the memory.") },
};

/* A setting, and its value with each of them. */
static const struct {
  const char *setting;
  const char *values[BOTTEGA_N_PRESETS];
} rows[] = {
  /*                    quick   balanced  long     low power */
  { "context-length", { "4096", "0", "32768", "4096" } },
  { "kv-type", { "f16", "f16", "q8_0", "f16" } },
  { "chunk-tokens", { "0", "0", "0", "0" } },
  { "threads", { "0", "0", "0", HALF } },
  { "speculate", { "true", "true", "true", "false" } },
  { "kept-megabytes", { "4000", "2000", "4000", "2000" } },
  { "summarise-turns", { "true", "true", "true", "false" } },
  { "unload-minutes", { "0", "60", "60", "5" } },
};

/* Those that are the machine's. */
static const char *const others[] = { "device", "gpu-percent", "respect-power-saver" };

static const char *
setting_at (guint i)
{
  return i < G_N_ELEMENTS (rows) ? rows[i].setting : others[i - G_N_ELEMENTS (rows)];
}

#define N_SETTINGS (G_N_ELEMENTS (rows) + G_N_ELEMENTS (others))

/* A word of the table as the value of a setting. */
static void
read_value (BottegaSettings *settings, const char *setting, const char *word, GValue *value)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (settings), setting);

  g_value_init (value, G_PARAM_SPEC_VALUE_TYPE (pspec));
  switch (G_VALUE_TYPE (value)) {
  case G_TYPE_STRING:
    g_value_set_string (value, word);
    break;
  case G_TYPE_BOOLEAN:
    g_value_set_boolean (value, strcmp (word, "true") == 0);
    break;
  default:
    g_value_set_uint (value, strcmp (word, HALF) == 0
                                 ? bottega_settings_get_saving_threads ()
                                 : (guint) g_ascii_strtoull (word, NULL, 10));
  }
}

static gboolean
has_value (BottegaSettings *settings, const char *setting, const GValue *value)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (settings), setting);
  g_auto (GValue) now = G_VALUE_INIT;

  g_object_get_property (G_OBJECT (settings), setting, &now);
  return g_param_values_cmp (pspec, &now, value) == 0;
}

const char *
bottega_preset_get_id (BottegaPreset preset)
{
  g_return_val_if_fail (preset < BOTTEGA_N_PRESETS, NULL);

  return presets[preset].id;
}

const char *
bottega_preset_get_name (BottegaPreset preset)
{
  g_return_val_if_fail (preset < BOTTEGA_N_PRESETS, NULL);

  return _ (presets[preset].name);
}

const char *
bottega_preset_get_consequence (BottegaPreset preset)
{
  g_return_val_if_fail (preset < BOTTEGA_N_PRESETS, NULL);

  return _ (presets[preset].consequence);
}

void
bottega_preset_apply (BottegaPreset preset, BottegaSettings *settings)
{
  g_return_if_fail (preset < BOTTEGA_N_PRESETS);
  g_return_if_fail (BOTTEGA_IS_SETTINGS (settings));

  g_object_freeze_notify (G_OBJECT (settings));
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_auto (GValue) value = G_VALUE_INIT;

    read_value (settings, rows[i].setting, rows[i].values[preset], &value);
    g_object_set_property (G_OBJECT (settings), rows[i].setting, &value);
  }
  g_object_thaw_notify (G_OBJECT (settings));
}

BottegaPreset
bottega_preset_find (BottegaSettings *settings)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (settings), BOTTEGA_PRESET_NONE);

  for (guint preset = 0; preset < BOTTEGA_N_PRESETS; preset++) {
    gboolean all = TRUE;

    for (guint i = 0; i < G_N_ELEMENTS (rows) && all; i++) {
      g_auto (GValue) value = G_VALUE_INIT;

      read_value (settings, rows[i].setting, rows[i].values[preset], &value);
      all = has_value (settings, rows[i].setting, &value);
    }
    if (all)
      return (BottegaPreset) preset;
  }

  return BOTTEGA_PRESET_NONE;
}

/* ---- going back ---- */

static void
value_free (gpointer data)
{
  g_value_unset (data);
  g_free (data);
}

GHashTable *
bottega_presets_save (BottegaSettings *settings)
{
  GHashTable *saved = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, value_free);

  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (settings), saved);

  for (guint i = 0; i < N_SETTINGS; i++) {
    GValue *value = g_new0 (GValue, 1);

    g_object_get_property (G_OBJECT (settings), setting_at (i), value);
    g_hash_table_insert (saved, (gpointer) setting_at (i), value);
  }

  return saved;
}

void
bottega_presets_restore (GHashTable *saved, BottegaSettings *settings)
{
  GHashTableIter iter;
  gpointer setting, value;

  g_return_if_fail (saved != NULL);
  g_return_if_fail (BOTTEGA_IS_SETTINGS (settings));

  g_object_freeze_notify (G_OBJECT (settings));
  g_hash_table_iter_init (&iter, saved);
  while (g_hash_table_iter_next (&iter, &setting, &value))
    g_object_set_property (G_OBJECT (settings), setting, value);
  g_object_thaw_notify (G_OBJECT (settings));
}

static const GValue *
default_of (BottegaSettings *settings, const char *setting)
{
  return g_param_spec_get_default_value (
      g_object_class_find_property (G_OBJECT_GET_CLASS (settings), setting));
}

void
bottega_presets_reset (BottegaSettings *settings)
{
  g_return_if_fail (BOTTEGA_IS_SETTINGS (settings));

  g_object_freeze_notify (G_OBJECT (settings));
  for (guint i = 0; i < N_SETTINGS; i++)
    g_object_set_property (G_OBJECT (settings), setting_at (i),
                           default_of (settings, setting_at (i)));
  g_object_thaw_notify (G_OBJECT (settings));
}

gboolean
bottega_presets_any_set (BottegaSettings *settings)
{
  g_return_val_if_fail (BOTTEGA_IS_SETTINGS (settings), FALSE);

  for (guint i = 0; i < N_SETTINGS; i++)
    if (!has_value (settings, setting_at (i), default_of (settings, setting_at (i))))
      return TRUE;

  return FALSE;
}

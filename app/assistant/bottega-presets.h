/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Presets: sets of settings for one wish each. Which one is chosen is read from the settings, so
 * that there is nothing beside them to keep in step. What belongs to the machine and not to a wish
 * (its device, its graphics memory) is in none. Main thread. */
#pragma once

#include "app/assistant/bottega-settings.h"

G_BEGIN_DECLS

typedef enum {
  BOTTEGA_PRESET_QUICK,
  BOTTEGA_PRESET_BALANCED, /* the settings' own defaults */
  BOTTEGA_PRESET_LONG_MEMORY,
  BOTTEGA_PRESET_LOW_POWER,
  BOTTEGA_N_PRESETS,
  BOTTEGA_PRESET_NONE = BOTTEGA_N_PRESETS, /* the settings are somebody's own */
} BottegaPreset;

/* "low-power". */
const char *bottega_preset_get_id (BottegaPreset preset);
/* In the person's language; and a sentence about what it means. */
const char *bottega_preset_get_name (BottegaPreset preset);
const char *bottega_preset_get_consequence (BottegaPreset preset);

void bottega_preset_apply (BottegaPreset preset, BottegaSettings *settings);
BottegaPreset bottega_preset_find (BottegaSettings *settings);

/* ---- going back ---- */

/* The settings that the presets and the machine's rows hold, as they are now; free with
 * g_hash_table_unref. */
GHashTable *bottega_presets_save (BottegaSettings *settings);
void bottega_presets_restore (GHashTable *saved, BottegaSettings *settings);
/* All of them to their defaults. */
void bottega_presets_reset (BottegaSettings *settings);
gboolean bottega_presets_any_set (BottegaSettings *settings);

G_END_DECLS

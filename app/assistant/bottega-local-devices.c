/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What our engine says of model files and devices when nothing is loaded. It must not know what is,
 * nor conversations. */
#include "config.h"

#include "app/assistant/bottega-local-devices.h"

#include <glib/gi18n-lib.h>
#include <string.h>

/* The device of a setting: its id, or of "vulkan" the first that is a card. NULL: not there. */
const EngineDevice *
bottega_local_find_device (GPtrArray *devices, const char *setting)
{
  g_autofree char *automatic = NULL;

  if (strcmp (setting, "auto") == 0)
    setting = automatic = engine_device_auto (NULL);
  for (guint i = 0; setting != NULL && i < devices->len; i++) {
    const EngineDevice *device = g_ptr_array_index (devices, i);

    if (device->usable &&
        (strcmp (device->id, setting) == 0 ||
         (strcmp (setting, "vulkan") == 0 && g_str_has_prefix (device->id, "vulkan:"))))
      return device;
  }

  return NULL;
}

/* "Q4_1, F32": by their share of the bytes, biggest first. */
static char *
join_types (const EngineModelInfo *info)
{
  GString *types = g_string_new (NULL);
  guint64 done[G_N_ELEMENTS (info->types)] = { 0 };

  for (guint n = 0; n < info->n_types; n++) {
    guint best = info->n_types;

    for (guint i = 0; i < info->n_types; i++)
      if (!done[i] && (best == info->n_types || info->types[i].bytes > info->types[best].bytes))
        best = i;
    done[best] = TRUE;
    g_string_append_printf (types, "%s%s", types->len > 0 ? ", " : "", info->types[best].name);
  }

  return g_string_free (types, FALSE);
}

gboolean
bottega_local_read_facts (BottegaEngineSource *source, const char *path, BottegaModelFacts *facts,
                          GError **error)
{
  g_autoptr (EngineModelInfo) info = engine_model_read_info (path, error);

  if (info == NULL)
    return FALSE;
  *facts = (BottegaModelFacts) {
    .name = g_strdup (info->name),
    .architecture = g_strdup (info->architecture),
    .types = join_types (info),
    .warning = g_strdup (info->warning),
    .title = g_strdup (info->title),
    .license = g_strdup (info->license),
    .languages = g_strdup (info->languages),
    .file_bytes = info->file_bytes,
    .file_only_bytes = info->file_only_bytes,
    .parameters = info->parameters,
    .kv_bytes_per_token = info->kv_bytes_per_token_f16,
    .compact_kv_bytes_per_token = info->kv_bytes_per_token_q8_0,
    .decode_bytes = info->decode_bytes,
    .context_tokens = info->context_tokens,
    .embedding_size = info->embedding_size,
    .vocabulary = info->vocabulary,
    .takes_guesses = info->takes_guesses,
  };

  return TRUE;
}

/* "Radeon RX 7600, 8.6 GB, radv"; or that there is no card. */
char *
bottega_local_describe_device (BottegaEngineSource *source)
{
  g_autofree char *id = engine_device_auto (NULL);
  g_autoptr (GPtrArray) devices = engine_devices ();

  for (guint i = 0; i < devices->len && id != NULL; i++) {
    const EngineDevice *device = g_ptr_array_index (devices, i);
    g_autofree char *size = NULL;

    if (strcmp (device->id, id) != 0 || strcmp (device->kind, "processor") == 0)
      continue;
    size = g_format_size (device->memory_bytes);
    return g_strjoin (", ", device->name, size, device->driver, NULL);
  }

  return g_strdup (_ ("No graphics card found: answers are computed on the processor"));
}

static guint64
memory_of_processor (GPtrArray *devices)
{
  for (guint i = 0; i < devices->len; i++) {
    const EngineDevice *device = g_ptr_array_index (devices, i);

    if (strcmp (device->kind, "processor") == 0)
      return device->memory_bytes;
  }

  return 0;
}

gboolean
bottega_local_measure (BottegaEngineSource *source, const char *setting, BottegaMachine *machine)
{
  g_autoptr (GPtrArray) devices = engine_devices ();
  const EngineDevice *device = bottega_local_find_device (devices, setting);

  if (device == NULL)
    return FALSE;
  *machine = (BottegaMachine) {
    .device = g_strdup (device->id),
    .name = g_strdup (device->name),
    .is_card = strcmp (device->kind, "discrete") == 0,
    .memory_bytes = device->memory_bytes,
    .beside_bytes = strcmp (device->kind, "discrete") == 0 ? memory_of_processor (devices) : 0,
    .read_bytes_s =
        strcmp (device->kind, "processor") == 0 ? engine_measure_read_bandwidth (0, 0) : 0,
  };

  return TRUE;
}

gboolean
bottega_local_limits (BottegaEngineSource *source, guint64 set_bytes, BottegaLimits *limits)
{
  *limits = (BottegaLimits) {
    .read_bytes_s = engine_measure_read_bandwidth (0, 0),
    .set_bytes_s = set_bytes > 0 ? engine_measure_read_bandwidth (0, set_bytes) : 0,
    .int8_s = engine_measure_int8_rate (0),
  };

  return TRUE;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The devices of this machine and which of them a name stands for. Must not open any for work. */
#include "engine/devices.h"

#include "engine/vulkan/vulkan.h"

#include <string.h>

static const char *const kind_names[] = {
  [VULKAN_KIND_DISCRETE] = "discrete",
  [VULKAN_KIND_INTEGRATED] = "integrated",
  [VULKAN_KIND_VIRTUAL] = "virtual",
  [VULKAN_KIND_SOFTWARE] = "software",
  [VULKAN_KIND_OTHER] = "other",
};

/* What --cpu-tier and tests say. */
static const char *const tier_keys[CPU_N_TIERS] = {
  [CPU_TIER_PORTABLE] = "portable",
  [CPU_TIER_AVX2] = "avx2",
  [CPU_TIER_AVX_VNNI] = "avx-vnni",
  [CPU_TIER_AVX512] = "avx512",
  [CPU_TIER_AMX] = "amx",
};

gboolean
engine_cpu_tier_parse (const char *name, CpuTier *tier, GError **error)
{
  for (CpuTier t = 0; t < CPU_N_TIERS; t++) {
    if (strcmp (name, tier_keys[t]) == 0 && cpu_tier_runs (t)) {
      *tier = t;
      return TRUE;
    }
  }
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
               "“%s” is no instruction set that this processor runs; the best is %s.", name,
               tier_keys[cpu_tier_best ()]);
  return FALSE;
}

void
engine_device_free (EngineDevice *device)
{
  if (device == NULL)
    return;
  g_free (device->id);
  g_free (device->name);
  g_free (device->driver);
  g_free (device->kind);
  g_free (device->features);
  g_free (device->missing);
  g_free (device);
}

static EngineDevice *
cpu_device (void)
{
  EngineDevice *device = g_new0 (EngineDevice, 1);

  device->id = g_strdup ("cpu");
  device->name = cpu_processor_name ();
  device->driver = g_strdup (cpu_tier_name (cpu_tier_best ()));
  device->kind = g_strdup ("processor");
  device->features = g_strdup_printf ("%u cores", g_get_num_processors ());
  cpu_memory_available (&device->memory_bytes, &device->free_bytes);
  device->usable = TRUE;
  return device;
}

static EngineDevice *
vulkan_device (const VulkanDeviceInfo *info)
{
  EngineDevice *device = g_new0 (EngineDevice, 1);

  device->id = g_strdup_printf ("vulkan:%u", info->index);
  device->name = g_strdup (info->name);
  device->driver = g_strdup_printf ("%s, Vulkan %s", info->driver, info->api);
  device->kind = g_strdup (kind_names[info->kind]);
  device->features = g_strdup (info->features);
  device->missing = g_strdup (info->missing);
  device->memory_bytes = info->memory_bytes;
  device->free_bytes = info->free_bytes;
  device->usable = info->usable;
  device->software = info->kind == VULKAN_KIND_SOFTWARE;
  return device;
}

GPtrArray *
engine_devices (void)
{
  GPtrArray *devices = g_ptr_array_new_with_free_func ((GDestroyNotify) engine_device_free);
  g_autoptr (GPtrArray) vulkan = vulkan_devices (NULL);

  for (guint i = 0; vulkan != NULL && i < vulkan->len; i++)
    g_ptr_array_add (devices, vulkan_device (g_ptr_array_index (vulkan, i)));
  g_ptr_array_add (devices, cpu_device ());
  return devices;
}

char *
engine_device_auto (char **why)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) devices = vulkan_devices (&error);
  g_autofree char *reason = NULL;
  int picked = -1;

  if (devices == NULL)
    reason = g_strdup_printf ("Answers are computed on the processor: %s", error->message);
  else
    picked = vulkan_pick_device (devices, &reason);
  if (why != NULL)
    *why = g_steal_pointer (&reason);
  return picked < 0 ? g_strdup ("cpu") : g_strdup_printf ("vulkan:%d", picked);
}

/* The best usable device, a software driver only when it is the only kind there is. */
static char *
resolve_vulkan (GError **error)
{
  g_autoptr (GPtrArray) devices = vulkan_devices (error);
  g_autofree char *why = NULL;
  int picked;

  if (devices == NULL)
    return NULL;
  picked = vulkan_pick_device (devices, &why);
  if (picked >= 0)
    return g_strdup_printf ("vulkan:%d", picked);
  for (guint i = 0; i < devices->len; i++) {
    const VulkanDeviceInfo *info = g_ptr_array_index (devices, i);

    if (info->usable)
      return g_strdup_printf ("vulkan:%u", info->index);
  }
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_DEVICE, "No Vulkan device can be used: %s",
               why);
  return NULL;
}

static char *
resolve_vulkan_index (const char *device, GError **error)
{
  g_autoptr (GPtrArray) devices = vulkan_devices (error);
  guint64 index;

  if (devices == NULL)
    return NULL;
  if (!g_ascii_string_to_unsigned (device + strlen ("vulkan:"), 10, 0, 255, &index, NULL) ||
      index >= devices->len) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_DEVICE,
                 "There is no device “%s”: this machine has %u Vulkan devices, counted from 0.",
                 device, devices->len);
    return NULL;
  }
  return g_strdup_printf ("vulkan:%u", (unsigned) index);
}

char *
engine_device_resolve (const char *device, GError **error)
{
  g_autofree char *why = NULL;

  if (engine_device_is_automatic (device))
    return engine_device_auto (&why);
  if (strcmp (device, "cpu") == 0)
    return g_strdup ("cpu");
  if (strcmp (device, "vulkan") == 0)
    return resolve_vulkan (error);
  if (g_str_has_prefix (device, "vulkan:"))
    return resolve_vulkan_index (device, error);
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
               "“%s” is no device; say auto, cpu, vulkan or vulkan:N.", device);
  return NULL;
}

double
engine_measure_read_bandwidth (unsigned n_threads, uint64_t set_bytes)
{
  /* Larger than any cache, small enough to be touched in a moment. */
  return cpu_measure_read_bandwidth (n_threads, set_bytes > 0 ? (size_t) set_bytes
                                                              : (size_t) 256 << 20);
}

unsigned
engine_processor_threads (void)
{
  return cpu_count_cores ();
}

double
engine_measure_int8_rate (unsigned n_threads)
{
  return cpu_measure_int8_rate (n_threads, cpu_tier_best ());
}

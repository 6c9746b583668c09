/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the names of a device's files in the cache folder. Must not know what is in them. */
#include "engine/vulkan/cache.h"

char *
vulkan_cache_identity (const VulkanDevice *device)
{
  g_autoptr (GString) name = g_string_new ("vulkan-");
  for (size_t i = 0; i < VK_UUID_SIZE; i++)
    g_string_append_printf (name, "%02x", device->can.id.deviceUUID[i]);
  g_string_append_printf (name, "-%08x", device->can.properties.driverVersion);
  return g_strdup (name->str);
}

char *
vulkan_cache_file (const VulkanDevice *device, const char *cache_dir, const char *suffix)
{
  if (cache_dir == NULL)
    return NULL;
  g_autofree char *identity = vulkan_cache_identity (device);
  g_autofree char *name = g_strconcat (identity, ".", suffix, NULL);
  return g_build_filename (cache_dir, name, NULL);
}

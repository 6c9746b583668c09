/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of the cache folder that belong to a device and its driver: found by name, checked by a
 * sum, written at once or not at all. */
#pragma once

#include "engine/vulkan/device.h"

/* "vulkan-UUID-VERSION.suffix" in cache_dir; free with g_free. NULL for a cache_dir of NULL. */
char *vulkan_cache_file (const VulkanDevice *device, const char *cache_dir, const char *suffix);
/* What was written there (inside *contents, which the caller frees), or NULL when there is none, it
 * is of another kind or damaged. file may be NULL. */
const void *vulkan_cache_read (const char *file, const char magic[8], char **contents,
                               gsize *bytes);
/* Makes the folder where it is missing. Failing to write is no error: FALSE. */
gboolean vulkan_cache_write (const char *file, const char magic[8], const void *data, gsize bytes);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of files of the cache folder (engine/cache.h) that belong to a device and its driver. */
#pragma once

#include "engine/cache.h"
#include "engine/vulkan/device.h"

/* "vulkan-UUID-VERSION": the device and its driver; free with g_free. */
char *vulkan_cache_identity (const VulkanDevice *device);
/* The same with ".suffix" in cache_dir. NULL for a cache_dir of NULL. */
char *vulkan_cache_file (const VulkanDevice *device, const char *cache_dir, const char *suffix);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of devices, inside the engine (engine.h has the public part). Thread: any. */
#pragma once

#include "engine/cpu/cpu.h"
#include "engine/engine.h"

#include <string.h>

/* Whether the choice is the engine's. */
static inline gboolean
engine_device_is_automatic (const char *device)
{
  return device == NULL || strcmp (device, "auto") == 0;
}

/* "auto", "cpu", "vulkan", "vulkan:N" or NULL → "cpu" or "vulkan:N" (owned by the caller). "auto"
 * never takes a software driver; "vulkan" takes one when there is nothing better. NULL with a
 * sentence when there is no such device. */
char *engine_device_resolve (const char *device, GError **error);

gboolean engine_cpu_tier_parse (const char *name, CpuTier *tier, GError **error);

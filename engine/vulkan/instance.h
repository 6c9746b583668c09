/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The connection to the Vulkan loader, and how a failed call becomes a GError. */
#pragma once

#include "engine/error.h"

#include <vulkan/vulkan.h>

typedef struct {
  VkInstance instance;
  VkDebugUtilsMessengerEXT messenger; /* VK_NULL_HANDLE unless validating */
  gboolean validating;
} VulkanInstance;

/* NULL without an error when the loader knows no driver: this machine simply has no Vulkan. */
VulkanInstance *vulkan_instance_new (GError **error);
void vulkan_instance_free (VulkanInstance *instance);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VulkanInstance, vulkan_instance_free)

/* TRUE when result is a success; else sets error from the call's text and place. */
gboolean vulkan_check (VkResult result, const char *call, const char *file, int line,
                       GError **error);
const char *vulkan_result_name (VkResult result);

/* if (!VK (vkQueueSubmit (...), error)) return FALSE; */
#define VK(call, error) (vulkan_check ((call), #call, __FILE__, __LINE__, (error)))

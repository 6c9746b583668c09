/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the VkInstance, the debug messenger that turns validation messages into criticals, and the
 * table of result names. Knows nothing of devices, models or plans. */
#include "engine/vulkan/instance.h"

#include <string.h>

#define VALIDATION_LAYER "VK_LAYER_KHRONOS_validation"

static const struct {
  VkResult result;
  const char *name;
  EngineErrorCode code;
} results[] = {
#define RESULT(name, code) { name, #name, ENGINE_ERROR_##code }
  RESULT (VK_NOT_READY, NO_DEVICE),
  RESULT (VK_TIMEOUT, DEVICE_LOST),
  RESULT (VK_INCOMPLETE, NO_DEVICE),
  RESULT (VK_ERROR_OUT_OF_HOST_MEMORY, NO_MEMORY),
  RESULT (VK_ERROR_OUT_OF_DEVICE_MEMORY, NO_MEMORY),
  RESULT (VK_ERROR_INITIALIZATION_FAILED, NO_DEVICE),
  RESULT (VK_ERROR_DEVICE_LOST, DEVICE_LOST),
  RESULT (VK_ERROR_MEMORY_MAP_FAILED, NO_MEMORY),
  RESULT (VK_ERROR_LAYER_NOT_PRESENT, NO_DEVICE),
  RESULT (VK_ERROR_EXTENSION_NOT_PRESENT, NO_DEVICE),
  RESULT (VK_ERROR_FEATURE_NOT_PRESENT, NO_DEVICE),
  RESULT (VK_ERROR_INCOMPATIBLE_DRIVER, NO_DEVICE),
  RESULT (VK_ERROR_TOO_MANY_OBJECTS, NO_MEMORY),
  RESULT (VK_ERROR_OUT_OF_POOL_MEMORY, NO_MEMORY),
  RESULT (VK_ERROR_FRAGMENTED_POOL, NO_MEMORY),
  RESULT (VK_ERROR_UNKNOWN, NO_DEVICE),
#undef RESULT
};

static int
find_result (VkResult result)
{
  for (size_t i = 0; i < G_N_ELEMENTS (results); i++)
    if (results[i].result == result)
      return (int) i;
  return -1;
}

const char *
vulkan_result_name (VkResult result)
{
  int i = find_result (result);
  return i < 0 ? "an unknown result" : results[i].name;
}

gboolean
vulkan_check (VkResult result, const char *call, const char *file, int line, GError **error)
{
  if (result == VK_SUCCESS)
    return TRUE;
  int i = find_result (result);
  EngineErrorCode code = i < 0 ? ENGINE_ERROR_NO_DEVICE : results[i].code;
  const char *what = code == ENGINE_ERROR_DEVICE_LOST ? "The graphics driver gave up on the device"
                     : code == ENGINE_ERROR_NO_MEMORY ? "The graphics driver ran out of memory"
                                                      : "The graphics driver refused a request";
  g_set_error (error, ENGINE_ERROR, (gint) code, "%s (%.*s: %s, %s:%d).", what,
               (int) strcspn (call, " ("), call, vulkan_result_name (result), file, line);
  return FALSE;
}

static VKAPI_ATTR VkBool32 VKAPI_CALL
on_message (VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT types,
            const VkDebugUtilsMessengerCallbackDataEXT *data, void *user_data)
{
  (void) severity;
  (void) types;
  (void) user_data;
  g_critical ("Vulkan validation: %s", data->pMessage);
  return VK_FALSE;
}

static gboolean
has_layer (const char *name)
{
  uint32_t n = 0;
  if (vkEnumerateInstanceLayerProperties (&n, NULL) != VK_SUCCESS || n == 0)
    return FALSE;
  g_autofree VkLayerProperties *layers = g_new0 (VkLayerProperties, n);
  if (vkEnumerateInstanceLayerProperties (&n, layers) < 0)
    return FALSE;
  for (uint32_t i = 0; i < n; i++)
    if (strcmp (layers[i].layerName, name) == 0)
      return TRUE;
  return FALSE;
}

static const VkDebugUtilsMessengerCreateInfoEXT messenger_info = {
  .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
  .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                     VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
  .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT |
                 VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT,
  .pfnUserCallback = on_message,
};

static gboolean
add_messenger (VulkanInstance *self, GError **error)
{
  PFN_vkCreateDebugUtilsMessengerEXT create = (PFN_vkCreateDebugUtilsMessengerEXT) (void *)
      vkGetInstanceProcAddr (self->instance, "vkCreateDebugUtilsMessengerEXT");
  return create == NULL ||
         VK (create (self->instance, &messenger_info, NULL, &self->messenger), error);
}

VulkanInstance *
vulkan_instance_new (GError **error)
{
  g_autoptr (VulkanInstance) self = g_new0 (VulkanInstance, 1);
  self->validating = g_strcmp0 (g_getenv ("BOTTEGA_VULKAN_VALIDATION"), "1") == 0 &&
                     has_layer (VALIDATION_LAYER);
  static const VkValidationFeatureEnableEXT enables[] = {
    VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT,
  };
  VkValidationFeaturesEXT features = {
    .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
    .enabledValidationFeatureCount = G_N_ELEMENTS (enables),
    .pEnabledValidationFeatures = enables,
  };
  VkApplicationInfo application = {
    .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
    .pApplicationName = "Bottega",
    .pEngineName = "Bottega",
    .apiVersion = VK_API_VERSION_1_3, /* the newest that is used; devices of 1.2 are fine */
  };
  static const char *const layers[] = { VALIDATION_LAYER };
  static const char *const extensions[] = { VK_EXT_DEBUG_UTILS_EXTENSION_NAME,
                                            VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME };
  VkInstanceCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
    .pNext = self->validating ? &features : NULL,
    .pApplicationInfo = &application,
    .enabledLayerCount = self->validating ? G_N_ELEMENTS (layers) : 0,
    .ppEnabledLayerNames = layers,
    .enabledExtensionCount = self->validating ? G_N_ELEMENTS (extensions) : 0,
    .ppEnabledExtensionNames = extensions,
  };
  VkResult result = vkCreateInstance (&info, NULL, &self->instance);
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
    return NULL;
  if (!vulkan_check (result, "vkCreateInstance", __FILE__, __LINE__, error))
    return NULL;
  if (self->validating && !add_messenger (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
vulkan_instance_free (VulkanInstance *self)
{
  if (self == NULL)
    return;
  if (self->messenger != VK_NULL_HANDLE) {
    PFN_vkDestroyDebugUtilsMessengerEXT destroy = (PFN_vkDestroyDebugUtilsMessengerEXT) (void *)
        vkGetInstanceProcAddr (self->instance, "vkDestroyDebugUtilsMessengerEXT");
    destroy (self->instance, self->messenger, NULL);
  }
  if (self->instance != VK_NULL_HANDLE)
    vkDestroyInstance (self->instance, NULL);
  g_free (self);
}

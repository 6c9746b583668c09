/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The choice of a device from made-up lists, and the list and opening of the real ones. Skips what
 * needs a driver where there is none. */
#include "engine/vulkan/device.h"

#include <string.h>

static void
add (GPtrArray *devices, const char *name, VulkanKind kind, uint64_t memory_bytes, gboolean usable)
{
  VulkanDeviceInfo *info = g_new0 (VulkanDeviceInfo, 1);
  info->index = devices->len;
  info->name = g_strdup (name);
  info->kind = kind;
  info->memory_bytes = memory_bytes;
  info->usable = usable;
  if (!usable)
    info->missing = g_strdup_printf ("%s lacks everything.", name);
  g_ptr_array_add (devices, info);
}

static GPtrArray *
new_list (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) vulkan_device_info_free);
}

static void
test_pick_order (void)
{
  g_autoptr (GPtrArray) devices = new_list ();
  g_autofree char *none = NULL, *soft = NULL, *lacks = NULL, *integrated = NULL, *card = NULL,
                  *bigger = NULL;
  g_assert_cmpint (vulkan_pick_device (devices, &none), ==, -1);
  g_assert_nonnull (strstr (none, "No graphics card"));
  add (devices, "llvmpipe", VULKAN_KIND_SOFTWARE, 1 << 30, TRUE);
  g_assert_cmpint (vulkan_pick_device (devices, &soft), ==, -1);
  g_assert_nonnull (strstr (soft, "llvmpipe"));
  add (devices, "Old", VULKAN_KIND_DISCRETE, 4 << 20, FALSE);
  g_assert_cmpint (vulkan_pick_device (devices, &lacks), ==, -1);
  g_assert_nonnull (strstr (lacks, "Old lacks everything."));
  add (devices, "Unit", VULKAN_KIND_INTEGRATED, 1 << 30, TRUE);
  g_assert_cmpint (vulkan_pick_device (devices, &integrated), ==, 2);
  add (devices, "Card", VULKAN_KIND_DISCRETE, 1 << 20, TRUE);
  g_assert_cmpint (vulkan_pick_device (devices, &card), ==, 3);
  g_assert_nonnull (strstr (card, "Card is used because"));
  add (devices, "Bigger", VULKAN_KIND_DISCRETE, 1 << 21, TRUE);
  g_assert_cmpint (vulkan_pick_device (devices, &bigger), ==, 4);
}

static void
test_real_devices (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) devices = vulkan_devices (&error);
  g_assert_no_error (error);
  g_assert_nonnull (devices);
  for (guint i = 0; i < devices->len; i++) {
    const VulkanDeviceInfo *info = g_ptr_array_index (devices, i);
    g_test_message ("%u: %s | %s | %s | %s", info->index, info->name, info->driver, info->api,
                    info->features);
    g_assert_cmpuint (info->index, ==, i);
    g_assert_cmpuint (info->free_bytes, <=, info->memory_bytes);
    g_assert_true (info->usable == (info->missing == NULL));
    if (!info->usable)
      continue;
    g_autoptr (VulkanDevice) device = vulkan_device_open (i, &error);
    g_assert_no_error (error);
    g_assert_nonnull (device->queue);
    g_assert_cmpuint (device->quirks.lanes, >=, 8);
  }
}

static void
test_no_such_device (void)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (vulkan_device_open (1000, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_DEVICE);
  g_assert_nonnull (strstr (error->message, "1000"));
}

static void
test_results (void)
{
  g_autoptr (GError) lost = NULL, memory = NULL;
  g_assert_true (vulkan_check (VK_SUCCESS, "vkA ()", "a.c", 1, NULL));
  g_assert_false (vulkan_check (VK_ERROR_DEVICE_LOST, "vkQueueSubmit (q, 1)", "a.c", 7, &lost));
  g_assert_error (lost, ENGINE_ERROR, ENGINE_ERROR_DEVICE_LOST);
  g_assert_nonnull (strstr (lost->message, "vkQueueSubmit: VK_ERROR_DEVICE_LOST, a.c:7"));
  g_assert_false (vulkan_check (VK_ERROR_OUT_OF_DEVICE_MEMORY, "vkB ()", "a.c", 1, &memory));
  g_assert_error (memory, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY);
}

int
main (int argc, char **argv)
{
  g_setenv ("BOTTEGA_VULKAN_VALIDATION", "1", TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vulkan/device/pick", test_pick_order);
  g_test_add_func ("/vulkan/device/real", test_real_devices);
  g_test_add_func ("/vulkan/device/none", test_no_such_device);
  g_test_add_func ("/vulkan/device/results", test_results);
  return g_test_run ();
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the choice of a memory type and the life of a buffer. Knows nothing of what lies in it. */
#include "engine/vulkan/memory.h"

#include "engine/pages.h"

#include <string.h>

#define HUGE_PAGE_BYTES (2u << 20)
/* Room past the end that kernels may read (never write): a software driver runs a loop's body once
 * more with all lanes off, and still reads at addresses that are the same for all lanes. */
#define GUARD_BYTES (64u << 10)
/* Left to the desktop and to the driver. */
#define RESERVE_BYTES (64ull << 20)

/* Wanted properties in falling order of preference; the last row always exists. */
static const struct {
  VulkanMemoryKind kind;
  gboolean unified; /* only where the device shares the host's memory */
  VkMemoryPropertyFlags wanted, unwanted;
} preferences[] = {
#define LOCAL  VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT
#define HOST   (VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT)
#define CACHED VK_MEMORY_PROPERTY_HOST_CACHED_BIT
  { VULKAN_MEMORY_DEVICE, TRUE, LOCAL | HOST, 0 },
  { VULKAN_MEMORY_DEVICE, FALSE, LOCAL, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT },
  { VULKAN_MEMORY_DEVICE, FALSE, LOCAL, 0 },
  { VULKAN_MEMORY_WRITE, FALSE, LOCAL | HOST, 0 },
  { VULKAN_MEMORY_WRITE, FALSE, HOST, 0 },
  { VULKAN_MEMORY_READ, FALSE, HOST | CACHED, 0 },
  { VULKAN_MEMORY_READ, FALSE, HOST, 0 },
#undef LOCAL
#undef HOST
#undef CACHED
};

static gboolean
is_device (VulkanMemoryKind kind)
{
  return kind == VULKAN_MEMORY_DEVICE || kind == VULKAN_MEMORY_WEIGHTS;
}

static gboolean
find_type (const VulkanDevice *device, VulkanMemoryKind kind, uint32_t bits, uint32_t *type)
{
  const VkPhysicalDeviceMemoryProperties *memory = &device->can.memory;
  kind = is_device (kind) ? VULKAN_MEMORY_DEVICE : kind;
  for (size_t row = 0; row < G_N_ELEMENTS (preferences); row++) {
    if (preferences[row].kind != kind ||
        (preferences[row].unified && !vulkan_device_is_unified (device)))
      continue;
    for (uint32_t i = 0; i < memory->memoryTypeCount; i++) {
      VkMemoryPropertyFlags flags = memory->memoryTypes[i].propertyFlags;
      if ((bits & (1u << i)) != 0 && (flags & preferences[row].wanted) == preferences[row].wanted &&
          (flags & preferences[row].unwanted) == 0) {
        *type = i;
        return TRUE;
      }
    }
  }
  return FALSE;
}

static gboolean
check_budget (const VulkanDevice *device, uint32_t heap, uint64_t bytes, const char *what,
              GError **error)
{
  uint64_t free_bytes = vulkan_device_free_bytes (device, heap);
  if (bytes <= device->can.max_allocation_bytes && bytes + RESERVE_BYTES <= free_bytes)
    return TRUE;
  g_autofree char *need = g_format_size (bytes);
  g_autofree char *have = g_format_size (MIN (free_bytes, device->can.max_allocation_bytes));
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
               "%s needs %s for %s, and %s are free there: choose a smaller model or context, or "
               "close other programs.",
               device->info->name, need, what, have);
  return FALSE;
}

/* Weights of a driver in software, which would lay them in pages of 4 KiB: the processor looks up
 * each, and asks for nothing ahead beyond it. */
static gboolean
is_imported (const VulkanDevice *device, VulkanMemoryKind kind)
{
  return kind == VULKAN_MEMORY_WEIGHTS && device->can.imports_memory && !device->quirks.staged;
}

static void
unmap_pages (VulkanBuffer *self)
{
  engine_pages_unmap (self->imported, self->imported_bytes);
  self->imported = NULL;
}

/* Maps pages for size bytes, if the driver takes them as memory of the type. FALSE, and nothing is
 * mapped: the driver's own do too. */
static gboolean
map_pages (VulkanBuffer *self, uint64_t size, uint32_t type)
{
  VkMemoryHostPointerPropertiesEXT can = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT,
  };
  PFN_vkGetMemoryHostPointerPropertiesEXT ask = (PFN_vkGetMemoryHostPointerPropertiesEXT)
      vkGetDeviceProcAddr (self->device, "vkGetMemoryHostPointerPropertiesEXT");
  self->imported_bytes = (size + HUGE_PAGE_BYTES - 1) / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
  self->imported = engine_pages_map (self->imported_bytes);
  if (self->imported != NULL &&
      ask (self->device, VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT, self->imported,
           &can) == VK_SUCCESS &&
      (can.memoryTypeBits & (1u << type)) != 0)
    return TRUE;
  unmap_pages (self);
  return FALSE;
}

static gboolean
bind_memory (VulkanBuffer *self, const VulkanDevice *device, VulkanMemoryKind kind,
             const char *what, GError **error)
{
  VkMemoryRequirements needs;
  uint32_t type;
  vkGetBufferMemoryRequirements (self->device, self->buffer, &needs);
  if (!find_type (device, kind, needs.memoryTypeBits, &type)) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_DEVICE,
                 "%s offers no memory for %s.", device->info->name, what);
    return FALSE;
  }
  const VkMemoryType *memory_type = &device->can.memory.memoryTypes[type];
  if (!check_budget (device, memory_type->heapIndex, needs.size, what, error))
    return FALSE;
  VkMemoryAllocateFlagsInfo flags = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
    .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
  };
  VkImportMemoryHostPointerInfoEXT import = {
    .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
    .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
  };
  VkMemoryAllocateInfo info = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
    .pNext = &flags,
    .allocationSize = needs.size,
    .memoryTypeIndex = type,
  };
  if (is_imported (device, kind) && map_pages (self, needs.size, type)) {
    import.pHostPointer = self->imported;
    info.allocationSize = self->imported_bytes;
    flags.pNext = &import;
  }
  if (!VK (vkAllocateMemory (self->device, &info, NULL, &self->memory), error) ||
      !VK (vkBindBufferMemory (self->device, self->buffer, self->memory, 0), error))
    return FALSE;
  gboolean staged = is_device (kind) && device->quirks.staged;
  if (!staged && (memory_type->propertyFlags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0 &&
      !VK (vkMapMemory (self->device, self->memory, 0, VK_WHOLE_SIZE, 0, &self->map), error))
    return FALSE;
  return TRUE;
}

gboolean
vulkan_buffer_init (VulkanBuffer *self, const VulkanDevice *device, VulkanMemoryKind kind,
                    uint64_t bytes, const char *what, GError **error)
{
  memset (self, 0, sizeof *self);
  self->device = device->device;
  self->bytes = bytes;
  /* Asked before the driver, which would only say no. */
  if (is_device (kind) &&
      !check_budget (device, vulkan_device_weights_heap (device), bytes, what, error))
    return FALSE;
  VkExternalMemoryBufferCreateInfo external = {
    .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
    .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
  };
  VkBufferCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
    .pNext = is_imported (device, kind) ? &external : NULL,
    .size = bytes + GUARD_BYTES,
    .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
             VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT |
             VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT,
  };
  if (!VK (vkCreateBuffer (self->device, &info, NULL, &self->buffer), error) ||
      !bind_memory (self, device, kind, what, error)) {
    vulkan_buffer_finish (self);
    return FALSE;
  }
  VkBufferDeviceAddressInfo address = {
    .sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
    .buffer = self->buffer,
  };
  self->address = vkGetBufferDeviceAddress (self->device, &address);
  return TRUE;
}

gboolean
vulkan_buffer_is_seen (const VulkanDevice *device)
{
  uint32_t type;
  return !device->quirks.staged && find_type (device, VULKAN_MEMORY_DEVICE, UINT32_MAX, &type) &&
         (device->can.memory.memoryTypes[type].propertyFlags &
          VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0;
}

void
vulkan_buffer_finish (VulkanBuffer *self)
{
  if (self->buffer != VK_NULL_HANDLE)
    vkDestroyBuffer (self->device, self->buffer, NULL);
  if (self->memory != VK_NULL_HANDLE)
    vkFreeMemory (self->device, self->memory, NULL);
  unmap_pages (self);
  memset (self, 0, sizeof *self);
}

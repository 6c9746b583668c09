/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stands between a program and the Vulkan loader: of every compute pipeline that is made it prints
 * what the driver says of it (statistics, and the code for the chip), and work for the device is
 * taken and never done, since a driver without a device has nowhere to do it. Linked into a
 * program, or preloaded into one, with the loader after it where the program loads that by itself.
 * Must not know kernels; needs the C library alone, whatever the program brings along.
 *
 * On the standard output, of each pipeline; HANDLE tells it from others:
 *   pipeline HANDLE MODULE CONSTANT…
 *   stat VALUE NAME           one a line
 *   code BYTES                and as many bytes
 *   name HANDLE NAME          when the program says it */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

/* Of the next definition of a function: the loader's. */
#define REAL(name)        ((PFN_##name) dlsym (RTLD_NEXT, #name))
#define N_ELEMENTS(array) (sizeof (array) / sizeof *(array))

static PFN_vkGetDeviceProcAddr device_proc_addr;

/* ---- what is told of a pipeline ------------------------------------------------------------- */

static void
print_statistics (VkDevice device, const VkPipelineExecutableInfoKHR *which)
{
  PFN_vkGetPipelineExecutableStatisticsKHR get = (PFN_vkGetPipelineExecutableStatisticsKHR)
      device_proc_addr (device, "vkGetPipelineExecutableStatisticsKHR");
  VkPipelineExecutableStatisticKHR found[64];
  uint32_t n = N_ELEMENTS (found);
  for (uint32_t i = 0; i < n; i++)
    found[i] = (VkPipelineExecutableStatisticKHR) {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR,
    };
  if (get == NULL || get (device, which, &n, found) < 0)
    return;
  for (uint32_t i = 0; i < n; i++)
    if (found[i].format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR)
      printf ("stat %" PRIu64 " %s\n", found[i].value.u64, found[i].name);
}

static void
print_code (VkDevice device, const VkPipelineExecutableInfoKHR *which)
{
  PFN_vkGetPipelineExecutableInternalRepresentationsKHR get =
      (PFN_vkGetPipelineExecutableInternalRepresentationsKHR)
          device_proc_addr (device, "vkGetPipelineExecutableInternalRepresentationsKHR");
  VkPipelineExecutableInternalRepresentationKHR found[8];
  uint32_t n = N_ELEMENTS (found);
  for (uint32_t i = 0; i < n; i++)
    found[i] = (VkPipelineExecutableInternalRepresentationKHR) {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR,
    };
  if (get == NULL || get (device, which, &n, found) < 0)
    return;
  for (uint32_t i = 0; i < n; i++)
    found[i].pData = calloc (1, found[i].dataSize + 1);
  if (get (device, which, &n, found) >= 0)
    for (uint32_t i = 0; i < n; i++)
      if (strcmp (found[i].name, "Assembly") == 0) {
        const char *text = found[i].pData;
        printf ("code %zu\n%s", strlen (text), text);
      }
  for (uint32_t i = 0; i < n; i++)
    free (found[i].pData);
}

static void
print_pipeline (VkDevice device, const VkComputePipelineCreateInfo *info, VkPipeline pipeline)
{
  const VkSpecializationInfo *special = info->stage.pSpecializationInfo;
  VkPipelineExecutableInfoKHR which = {
    .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR,
    .pipeline = pipeline,
  };
  printf ("pipeline %" PRIu64 " %" PRIu64, (uint64_t) pipeline, (uint64_t) info->stage.module);
  for (uint32_t i = 0; special != NULL && i < special->mapEntryCount; i++) {
    uint32_t value = 0;
    memcpy (&value, (const char *) special->pData + special->pMapEntries[i].offset,
            special->pMapEntries[i].size < sizeof value ? special->pMapEntries[i].size
                                                        : sizeof value);
    printf (" %u", value);
  }
  printf ("\n");
  print_statistics (device, &which);
  print_code (device, &which);
  fflush (stdout);
}

/* ---- what is done otherwise ----------------------------------------------------------------- */

static bool
has_extension (const VkDeviceCreateInfo *info, const char *name)
{
  for (uint32_t i = 0; i < info->enabledExtensionCount; i++)
    if (strcmp (info->ppEnabledExtensionNames[i], name) == 0)
      return true;
  return false;
}

/* With the extension that tells of pipelines, unless the program asks for it itself. */
VKAPI_ATTR VkResult VKAPI_CALL
vkCreateDevice (VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
                const VkAllocationCallbacks *allocator, VkDevice *device)
{
  const char *name = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
  VkDeviceCreateInfo more = *info;
  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR feature = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
    .pNext = (void *) info->pNext,
    .pipelineExecutableInfo = VK_TRUE,
  };
  const char **names = calloc (info->enabledExtensionCount + 1, sizeof *names);
  if (names == NULL)
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  for (uint32_t i = 0; i < info->enabledExtensionCount; i++)
    names[i] = info->ppEnabledExtensionNames[i];
  names[info->enabledExtensionCount] = name;
  if (!has_extension (info, name)) {
    more.ppEnabledExtensionNames = names;
    more.enabledExtensionCount++;
    more.pNext = &feature;
  }
  device_proc_addr = REAL (vkGetDeviceProcAddr);
  VkResult result = REAL (vkCreateDevice) (physical, &more, allocator, device);
  free (names);
  return result;
}

VKAPI_ATTR VkResult VKAPI_CALL
vkCreateComputePipelines (VkDevice device, VkPipelineCache cache, uint32_t n,
                          const VkComputePipelineCreateInfo *infos,
                          const VkAllocationCallbacks *allocator, VkPipeline *pipelines)
{
  VkResult result = VK_SUCCESS;
  for (uint32_t i = 0; i < n; i++) {
    VkComputePipelineCreateInfo info = infos[i];
    info.flags |= VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR |
                  VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR;
    VkResult one = REAL (vkCreateComputePipelines) (device, cache, 1, &info, allocator,
                                                    &pipelines[i]);
    if (one == VK_SUCCESS)
      print_pipeline (device, &info, pipelines[i]);
    else
      result = one;
  }
  return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL
set_name (VkDevice device, const VkDebugUtilsObjectNameInfoEXT *info)
{
  if (info->objectType == VK_OBJECT_TYPE_PIPELINE && info->pObjectName != NULL)
    printf ("name %" PRIu64 " %s\n", info->objectHandle, info->pObjectName);
  return VK_SUCCESS;
}

/* The driver fails, or falls, where it would talk to a device: commands and what signals their end
 * are kept from it. Handles of what it cannot make are numbers. */
static uint64_t n_handles;

#define NOTHING(name, ...)   \
  VKAPI_ATTR void VKAPI_CALL \
  name (__VA_ARGS__)         \
  {                          \
  }
#define SUCCEEDS(name, result, ...) \
  VKAPI_ATTR VkResult VKAPI_CALL    \
  name (__VA_ARGS__)                \
  {                                 \
    return result;                  \
  }
#define NUMBERED(type, other)                                                   \
  VKAPI_ATTR VkResult VKAPI_CALL                                                \
      vkCreate##type (VkDevice device, const Vk##other *info,                   \
                      const VkAllocationCallbacks *allocator, Vk##type *handle) \
  {                                                                             \
    *handle = (Vk##type)++ n_handles;                                           \
    return VK_SUCCESS;                                                          \
  }                                                                             \
  NOTHING (vkDestroy##type, VkDevice device, Vk##type handle,                   \
           const VkAllocationCallbacks *allocator)

NUMBERED (Fence, FenceCreateInfo)
NUMBERED (Semaphore, SemaphoreCreateInfo)
NUMBERED (QueryPool, QueryPoolCreateInfo)
NUMBERED (CommandPool, CommandPoolCreateInfo)
NUMBERED (DescriptorPool, DescriptorPoolCreateInfo)
NUMBERED (Event, EventCreateInfo)

VKAPI_ATTR VkResult VKAPI_CALL
vkAllocateCommandBuffers (VkDevice device, const VkCommandBufferAllocateInfo *info,
                          VkCommandBuffer *commands)
{
  for (uint32_t i = 0; i < info->commandBufferCount; i++)
    commands[i] = (VkCommandBuffer) (uintptr_t) ++n_handles;
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL
vkAllocateDescriptorSets (VkDevice device, const VkDescriptorSetAllocateInfo *info,
                          VkDescriptorSet *sets)
{
  for (uint32_t i = 0; i < info->descriptorSetCount; i++)
    sets[i] = (VkDescriptorSet) (uintptr_t) ++n_handles;
  return VK_SUCCESS;
}

NOTHING (vkUpdateDescriptorSets, VkDevice device, uint32_t n, const VkWriteDescriptorSet *writes,
         uint32_t n_copies, const VkCopyDescriptorSet *copies)
NOTHING (vkFreeCommandBuffers, VkDevice device, VkCommandPool pool, uint32_t n,
         const VkCommandBuffer *commands)
SUCCEEDS (vkResetCommandPool, VK_SUCCESS, VkDevice device, VkCommandPool pool,
          VkCommandPoolResetFlags flags)
SUCCEEDS (vkResetFences, VK_SUCCESS, VkDevice device, uint32_t n, const VkFence *fences)
SUCCEEDS (vkWaitForFences, VK_SUCCESS, VkDevice device, uint32_t n, const VkFence *fences,
          VkBool32 all, uint64_t ns)
SUCCEEDS (vkGetFenceStatus, VK_SUCCESS, VkDevice device, VkFence fence)
SUCCEEDS (vkGetEventStatus, VK_EVENT_SET, VkDevice device, VkEvent event)
SUCCEEDS (vkSetEvent, VK_SUCCESS, VkDevice device, VkEvent event)
SUCCEEDS (vkResetEvent, VK_SUCCESS, VkDevice device, VkEvent event)
SUCCEEDS (vkWaitSemaphores, VK_SUCCESS, VkDevice device, const VkSemaphoreWaitInfo *info,
          uint64_t ns)
SUCCEEDS (vkQueueSubmit, VK_SUCCESS, VkQueue queue, uint32_t n, const VkSubmitInfo *infos,
          VkFence fence)
SUCCEEDS (vkQueueWaitIdle, VK_SUCCESS, VkQueue queue)
SUCCEEDS (vkDeviceWaitIdle, VK_SUCCESS, VkDevice device)
SUCCEEDS (vkBeginCommandBuffer, VK_SUCCESS, VkCommandBuffer commands,
          const VkCommandBufferBeginInfo *info)
SUCCEEDS (vkEndCommandBuffer, VK_SUCCESS, VkCommandBuffer commands)
SUCCEEDS (vkResetCommandBuffer, VK_SUCCESS, VkCommandBuffer commands,
          VkCommandBufferResetFlags flags)
NOTHING (vkCmdBindPipeline, VkCommandBuffer commands, VkPipelineBindPoint point,
         VkPipeline pipeline)
NOTHING (vkCmdPushConstants, VkCommandBuffer commands, VkPipelineLayout layout,
         VkShaderStageFlags stages, uint32_t offset, uint32_t bytes, const void *values)
NOTHING (vkCmdDispatch, VkCommandBuffer commands, uint32_t x, uint32_t y, uint32_t z)
NOTHING (vkCmdDispatchIndirect, VkCommandBuffer commands, VkBuffer buffer, VkDeviceSize offset)
NOTHING (vkCmdPipelineBarrier, VkCommandBuffer commands, VkPipelineStageFlags before,
         VkPipelineStageFlags after, VkDependencyFlags flags, uint32_t n,
         const VkMemoryBarrier *barriers, uint32_t n_buffers,
         const VkBufferMemoryBarrier *buffers, uint32_t n_images,
         const VkImageMemoryBarrier *images)
NOTHING (vkCmdCopyBuffer, VkCommandBuffer commands, VkBuffer src, VkBuffer dst, uint32_t n,
         const VkBufferCopy *regions)
NOTHING (vkCmdFillBuffer, VkCommandBuffer commands, VkBuffer dst, VkDeviceSize offset,
         VkDeviceSize bytes, uint32_t value)
NOTHING (vkCmdResetQueryPool, VkCommandBuffer commands, VkQueryPool pool, uint32_t first,
         uint32_t n)
NOTHING (vkCmdWriteTimestamp, VkCommandBuffer commands, VkPipelineStageFlagBits stage,
         VkQueryPool pool, uint32_t query)

VKAPI_ATTR VkResult VKAPI_CALL
vkGetQueryPoolResults (VkDevice device, VkQueryPool pool, uint32_t first, uint32_t n, size_t bytes,
                       void *data, VkDeviceSize stride, VkQueryResultFlags flags)
{
  memset (data, 0, bytes);
  return VK_SUCCESS;
}

/* Of any command. */
static VKAPI_ATTR void VKAPI_CALL
do_nothing (void)
{
}

/* Memory is the host's own, as much as a program may want. */
#define HEAP_BYTES (64ull << 30)
#define PAGE_BYTES 4096

static const VkPhysicalDeviceMemoryProperties offered = {
  .memoryTypeCount = 3,
  .memoryTypes = {
      { VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0 },
      { VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
            VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
        0 },
      { VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |
            VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
        1 },
  },
  .memoryHeapCount = 2,
  .memoryHeaps = { { HEAP_BYTES, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT }, { HEAP_BYTES, 0 } },
};

VKAPI_ATTR void VKAPI_CALL
vkGetPhysicalDeviceMemoryProperties (VkPhysicalDevice physical,
                                     VkPhysicalDeviceMemoryProperties *memory)
{
  *memory = offered;
}

VKAPI_ATTR void VKAPI_CALL
vkGetPhysicalDeviceMemoryProperties2 (VkPhysicalDevice physical,
                                      VkPhysicalDeviceMemoryProperties2 *memory)
{
  memory->memoryProperties = offered;
  for (VkBaseOutStructure *more = memory->pNext; more != NULL; more = more->pNext)
    if (more->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT)
      for (uint32_t i = 0; i < VK_MAX_MEMORY_HEAPS; i++)
        ((VkPhysicalDeviceMemoryBudgetPropertiesEXT *) more)->heapBudget[i] = HEAP_BYTES;
}

VKAPI_ATTR void VKAPI_CALL
vkGetBufferMemoryRequirements (VkDevice device, VkBuffer buffer, VkMemoryRequirements *needs)
{
  REAL (vkGetBufferMemoryRequirements) (device, buffer, needs);
  needs->memoryTypeBits = (1u << offered.memoryTypeCount) - 1;
}

VKAPI_ATTR VkResult VKAPI_CALL
vkAllocateMemory (VkDevice device, const VkMemoryAllocateInfo *info,
                  const VkAllocationCallbacks *allocator, VkDeviceMemory *memory)
{
  /* A page before it holds what is to be freed; pages that nobody touches cost nothing. */
  void *whole = calloc (1, info->allocationSize + 2 * PAGE_BYTES);
  uintptr_t begin = ((uintptr_t) whole + 2 * PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
  if (whole == NULL)
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  ((void **) begin)[-1] = whole;
  *memory = (VkDeviceMemory) begin;
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL
vkFreeMemory (VkDevice device, VkDeviceMemory memory, const VkAllocationCallbacks *allocator)
{
  if (memory != VK_NULL_HANDLE)
    free (((void **) (uintptr_t) memory)[-1]);
}

VKAPI_ATTR VkResult VKAPI_CALL
vkMapMemory (VkDevice device, VkDeviceMemory memory, VkDeviceSize offset, VkDeviceSize bytes,
             VkMemoryMapFlags flags, void **data)
{
  *data = (char *) (uintptr_t) memory + offset;
  return VK_SUCCESS;
}

NOTHING (vkUnmapMemory, VkDevice device, VkDeviceMemory memory)
SUCCEEDS (vkBindBufferMemory, VK_SUCCESS, VkDevice device, VkBuffer buffer, VkDeviceMemory memory,
          VkDeviceSize offset)
SUCCEEDS (vkFlushMappedMemoryRanges, VK_SUCCESS, VkDevice device, uint32_t n,
          const VkMappedMemoryRange *ranges)
SUCCEEDS (vkInvalidateMappedMemoryRanges, VK_SUCCESS, VkDevice device, uint32_t n,
          const VkMappedMemoryRange *ranges)

VKAPI_ATTR VkDeviceAddress VKAPI_CALL
vkGetBufferDeviceAddress (VkDevice device, const VkBufferDeviceAddressInfo *info)
{
  return ++n_handles << 32;
}

/* ---- for programs that ask for functions by name -------------------------------------------- */

static const struct {
  const char *name;
  PFN_vkVoidFunction function;
} replaced[] = {
#define OWN(name) { #name, (PFN_vkVoidFunction) name }
  OWN (vkCreateDevice),
  OWN (vkCreateComputePipelines),
  OWN (vkCreateDescriptorPool),
  OWN (vkDestroyDescriptorPool),
  OWN (vkAllocateDescriptorSets),
  OWN (vkUpdateDescriptorSets),
  OWN (vkCreateEvent),
  OWN (vkDestroyEvent),
  OWN (vkSetEvent),
  OWN (vkResetEvent),
  OWN (vkCreateFence),
  OWN (vkDestroyFence),
  OWN (vkCreateSemaphore),
  OWN (vkDestroySemaphore),
  OWN (vkCreateQueryPool),
  OWN (vkDestroyQueryPool),
  OWN (vkCreateCommandPool),
  OWN (vkDestroyCommandPool),
  OWN (vkResetCommandPool),
  OWN (vkAllocateCommandBuffers),
  OWN (vkFreeCommandBuffers),
  OWN (vkResetFences),
  OWN (vkWaitForFences),
  OWN (vkGetFenceStatus),
  OWN (vkGetEventStatus),
  OWN (vkWaitSemaphores),
  OWN (vkQueueSubmit),
  OWN (vkQueueWaitIdle),
  OWN (vkDeviceWaitIdle),
  OWN (vkBeginCommandBuffer),
  OWN (vkGetPhysicalDeviceMemoryProperties),
  OWN (vkGetPhysicalDeviceMemoryProperties2),
  OWN (vkGetBufferMemoryRequirements),
  OWN (vkAllocateMemory),
  OWN (vkFreeMemory),
  OWN (vkMapMemory),
  OWN (vkUnmapMemory),
  OWN (vkBindBufferMemory),
  OWN (vkFlushMappedMemoryRanges),
  OWN (vkInvalidateMappedMemoryRanges),
  OWN (vkGetBufferDeviceAddress),
  OWN (vkEndCommandBuffer),
  OWN (vkResetCommandBuffer),
  OWN (vkGetQueryPoolResults),
  OWN (vkGetInstanceProcAddr),
  OWN (vkGetDeviceProcAddr),
#undef OWN
  { "vkWaitSemaphoresKHR", (PFN_vkVoidFunction) vkWaitSemaphores },
  { "vkSetDebugUtilsObjectNameEXT", (PFN_vkVoidFunction) set_name },
};

static PFN_vkVoidFunction
find (const char *name)
{
  for (size_t i = 0; i < N_ELEMENTS (replaced); i++)
    if (strcmp (replaced[i].name, name) == 0)
      return replaced[i].function;
  return strncmp (name, "vkCmd", 5) == 0 ? (PFN_vkVoidFunction) do_nothing : NULL;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL
vkGetInstanceProcAddr (VkInstance instance, const char *name)
{
  PFN_vkVoidFunction own = find (name);
  return own != NULL ? own : REAL (vkGetInstanceProcAddr) (instance, name);
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL
vkGetDeviceProcAddr (VkDevice device, const char *name)
{
  PFN_vkVoidFunction own = find (name);
  return own != NULL ? own : REAL (vkGetDeviceProcAddr) (device, name);
}

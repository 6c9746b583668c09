/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stands before the loader: what the program calls by the loader's names is here, and the loader's
 * own function is found behind it (RTLD_NEXT). Every function that makes or frees something that
 * the engine uses is listed; one that is missing would only not be failed nor counted. */
#include "tests/engine/vulkan/faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vulkan/vulkan.h>

static atomic_uint calls[N_FAULTS], live_objects;
static atomic_ullong live_bytes, budget_bytes;
static atomic_uint armed_nth;
static atomic_int armed_fault;
static atomic_bool has_struck, is_lost;

#define REAL(name) ((PFN_##name) (void *) dlsym (RTLD_NEXT, #name))

void
faults_arm (Fault fault, guint nth)
{
  atomic_store (&armed_nth, 0);
  for (guint i = 0; i < N_FAULTS; i++)
    atomic_store (&calls[i], 0);
  atomic_store (&has_struck, FALSE);
  atomic_store (&is_lost, FALSE);
  atomic_store (&armed_fault, (int) fault);
  atomic_store (&armed_nth, nth);
}

gboolean
faults_struck (void)
{
  return atomic_load (&has_struck);
}

guint
faults_calls (Fault fault)
{
  return atomic_load (&calls[fault]);
}

void
faults_set_budget (uint64_t bytes)
{
  atomic_store (&budget_bytes, bytes);
}

guint
faults_live_objects (void)
{
  return atomic_load (&live_objects);
}

uint64_t
faults_live_bytes (void)
{
  return atomic_load (&live_bytes);
}

static gboolean
strikes (Fault fault)
{
  guint n = atomic_fetch_add (&calls[fault], 1) + 1;

  if (atomic_load (&armed_fault) != (int) fault || n != atomic_load (&armed_nth))
    return FALSE;
  atomic_store (&has_struck, TRUE);
  return TRUE;
}

static gboolean
loses (void)
{
  if (strikes (FAULT_LOST))
    atomic_store (&is_lost, TRUE);
  return atomic_load (&is_lost);
}

/* What the engine keeps weights, conversations and activations in, on the processor. */
void *
mmap (void *address, size_t bytes, int protection, int flags, int file, off_t offset)
{
  if ((flags & MAP_ANONYMOUS) != 0 && strikes (FAULT_MAP)) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  return (void *) syscall (SYS_mmap, address, bytes, protection, flags, file, offset);
}

/* ---- objects ---- */

/* What fails where an object is refused, and is counted where not. */
#define MAKES(name, parameters, arguments)       \
  VKAPI_ATTR VkResult VKAPI_CALL name parameters \
  {                                              \
    VkResult result;                             \
                                                 \
    if (strikes (FAULT_OBJECT))                  \
      return VK_ERROR_OUT_OF_HOST_MEMORY;        \
    result = REAL (name) arguments;              \
    if (result == VK_SUCCESS)                    \
      atomic_fetch_add (&live_objects, 1);       \
    return result;                               \
  }
#define FREES(name, parameters, arguments, object) \
  VKAPI_ATTR void VKAPI_CALL name parameters       \
  {                                                \
    if (object != VK_NULL_HANDLE)                  \
      atomic_fetch_sub (&live_objects, 1);         \
    REAL (name)                                    \
    arguments;                                     \
  }
/* What only fails. */
#define TRIES(name, parameters, arguments)                                               \
  VKAPI_ATTR VkResult VKAPI_CALL name parameters                                         \
  {                                                                                      \
    return strikes (FAULT_OBJECT) ? VK_ERROR_OUT_OF_HOST_MEMORY : REAL (name) arguments; \
  }

#define MAKER const VkAllocationCallbacks *allocator
#define PAIR(Object)                                                                              \
  MAKES (vkCreate##Object,                                                                        \
         (VkDevice device, const Vk##Object##CreateInfo *info, MAKER, Vk##Object *made),          \
         (device, info, allocator, made))                                                         \
  FREES (vkDestroy##Object, (VkDevice device, Vk##Object made, MAKER), (device, made, allocator), \
         made)

PAIR (Buffer)
PAIR (CommandPool)
PAIR (Fence)
PAIR (QueryPool)
PAIR (PipelineCache)
PAIR (PipelineLayout)
PAIR (ShaderModule)

MAKES (vkCreateInstance, (const VkInstanceCreateInfo *info, MAKER, VkInstance *made),
       (info, allocator, made))
FREES (vkDestroyInstance, (VkInstance made, MAKER), (made, allocator), made)
MAKES (vkCreateDevice,
       (VkPhysicalDevice physical, const VkDeviceCreateInfo *info, MAKER, VkDevice *made),
       (physical, info, allocator, made))
MAKES (vkCreateComputePipelines,
       (VkDevice device, VkPipelineCache cache, uint32_t n,
        const VkComputePipelineCreateInfo *infos, MAKER, VkPipeline *made),
       (device, cache, n, infos, allocator, made)) /* the engine makes them one by one */
FREES (vkDestroyPipeline, (VkDevice device, VkPipeline made, MAKER), (device, made, allocator),
       made)

TRIES (vkAllocateCommandBuffers,
       (VkDevice device, const VkCommandBufferAllocateInfo *info, VkCommandBuffer *made),
       (device, info, made))
TRIES (vkBindBufferMemory,
       (VkDevice device, VkBuffer buffer, VkDeviceMemory memory, VkDeviceSize offset),
       (device, buffer, memory, offset))
TRIES (vkMapMemory,
       (VkDevice device, VkDeviceMemory memory, VkDeviceSize offset, VkDeviceSize size,
        VkMemoryMapFlags flags, void **map),
       (device, memory, offset, size, flags, map))
TRIES (vkBeginCommandBuffer, (VkCommandBuffer commands, const VkCommandBufferBeginInfo *info),
       (commands, info))
TRIES (vkEndCommandBuffer, (VkCommandBuffer commands), (commands))

VKAPI_ATTR void VKAPI_CALL
vkDestroyDevice (VkDevice device, const VkAllocationCallbacks *allocator)
{
  if (device != VK_NULL_HANDLE)
    atomic_fetch_sub (&live_objects, 1);
  REAL (vkDestroyDevice) (device, allocator);
  atomic_store (&is_lost, FALSE);
}

/* ---- memory ---- */

/* How large each allocation is that lives. */
static GMutex sizes_lock;
static GHashTable *sizes; /* of uint64_t *, by handle */

VKAPI_ATTR VkResult VKAPI_CALL
vkAllocateMemory (VkDevice device, const VkMemoryAllocateInfo *info, MAKER, VkDeviceMemory *made)
{
  VkResult result;

  if (strikes (FAULT_MEMORY))
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  result = REAL (vkAllocateMemory) (device, info, allocator, made);
  if (result != VK_SUCCESS)
    return result;
  g_mutex_lock (&sizes_lock);
  if (sizes == NULL)
    sizes = g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, g_free);
  g_hash_table_insert (sizes, *made, g_memdup2 (&info->allocationSize, sizeof (VkDeviceSize)));
  g_mutex_unlock (&sizes_lock);
  atomic_fetch_add (&live_bytes, info->allocationSize);
  return result;
}

VKAPI_ATTR void VKAPI_CALL
vkFreeMemory (VkDevice device, VkDeviceMemory memory, const VkAllocationCallbacks *allocator)
{
  g_mutex_lock (&sizes_lock);
  if (memory != VK_NULL_HANDLE) {
    atomic_fetch_sub (&live_bytes, *(VkDeviceSize *) g_hash_table_lookup (sizes, memory));
    g_hash_table_remove (sizes, memory);
  }
  g_mutex_unlock (&sizes_lock);
  REAL (vkFreeMemory) (device, memory, allocator);
}

VKAPI_ATTR void VKAPI_CALL
vkGetPhysicalDeviceMemoryProperties2 (VkPhysicalDevice physical,
                                      VkPhysicalDeviceMemoryProperties2 *properties)
{
  uint64_t most = atomic_load (&budget_bytes);

  REAL (vkGetPhysicalDeviceMemoryProperties2) (physical, properties);
  for (VkBaseOutStructure *next = properties->pNext; most > 0 && next != NULL; next = next->pNext) {
    VkPhysicalDeviceMemoryBudgetPropertiesEXT *budget = (void *) next;

    if (next->sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT)
      continue;
    for (uint32_t i = 0; i < VK_MAX_MEMORY_HEAPS; i++)
      budget->heapBudget[i] = MIN (budget->heapBudget[i], budget->heapUsage[i] + most);
  }
}

/* ---- the queue ---- */

VKAPI_ATTR VkResult VKAPI_CALL
vkQueueSubmit (VkQueue queue, uint32_t n, const VkSubmitInfo *infos, VkFence fence)
{
  return loses () ? VK_ERROR_DEVICE_LOST : REAL (vkQueueSubmit) (queue, n, infos, fence);
}

/* What is on its way really ends first, as it does on a device that is lost. */
VKAPI_ATTR VkResult VKAPI_CALL
vkWaitForFences (VkDevice device, uint32_t n, const VkFence *fences, VkBool32 all,
                 uint64_t timeout_ns)
{
  gboolean lost = loses ();
  VkResult result =
      REAL (vkWaitForFences) (device, n, fences, all, lost ? 1000000000 : timeout_ns);

  return lost ? VK_ERROR_DEVICE_LOST : result;
}

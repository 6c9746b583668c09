/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns what is known of a graphics card: its abilities, the table of driver quirks, and the logical
 * device with one compute queue. Knows nothing of memory blocks, pipelines or models. */
#include "engine/vulkan/device.h"

#include "shaders/shared.h"

#include <string.h>

#define VENDOR_AMD    0x1002
#define VENDOR_NVIDIA 0x10de

/* First match wins. The row of llvmpipe is measured (engine/vulkan/README.md); for hardware,
 * lanes are the size of a subgroup or two, so that a workgroup's loads fill whole cache lines. */
static const VulkanQuirks quirks[] = {
  {
      .driver = VK_DRIVER_ID_MESA_LLVMPIPE,
      .float_dots = TRUE,
      .lanes = 8,
      .group = 32,
      .lanes_small = 8,
      .narrow_rows = 32,
      .split = 1,
      .fill = 4,
      .max_columns = 16,
      .tiling = VULKAN_TILING_NONE,
      .chunk_tokens = 128,
  },
  {
      .vendor = VENDOR_AMD,
      .lanes = 64,
      .group = 64,
      .lanes_small = 64,
      .split = 4,
      .fill = 256,
      .max_columns = 8,
      .tiling = VULKAN_TILING_MATRIX,
      .fill_tiles = 64,
      .sums = 8,
      .ahead = 1,
      .chunk_tokens = 512,
  },
  {
      .vendor = VENDOR_NVIDIA,
      .lanes = 32,
      .group = 32,
      .lanes_small = 64,
      .split = 8,
      .fill = 512,
      .max_columns = 8,
      .tiling = VULKAN_TILING_MATRIX,
      .fill_tiles = 128,
      .sums = 8,
      .ahead = 1,
      .chunk_tokens = 512,
  },
  {
      .lanes = 32,
      .group = 32,
      .lanes_small = 64,
      .split = 4,
      .fill = 256,
      .max_columns = 8,
      .tiling = VULKAN_TILING_MATRIX,
      .fill_tiles = 64,
      .sums = 8,
      .ahead = 1,
      .chunk_tokens = 256,
  },
};

static gboolean
has_extension (const VkExtensionProperties *extensions, uint32_t n, const char *name)
{
  for (uint32_t i = 0; i < n; i++)
    if (strcmp (extensions[i].extensionName, name) == 0)
      return TRUE;
  return FALSE;
}

static void
ask_properties (VkPhysicalDevice physical, VulkanAbilities *can)
{
  VkPhysicalDeviceShaderIntegerDotProductProperties dot = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_PROPERTIES,
  };
  VkPhysicalDeviceSubgroupSizeControlProperties size = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES,
    .pNext = can->has_int_dot ? &dot : NULL,
  };
  VkPhysicalDeviceMaintenance3Properties sizes = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES,
    .pNext = can->has_subgroup_control ? (void *) &size : size.pNext,
  };
  VkPhysicalDeviceSubgroupProperties subgroup = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
    .pNext = &sizes,
  };
  can->id.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES;
  can->id.pNext = &subgroup;
  can->driver.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES;
  can->driver.pNext = &can->id;
  VkPhysicalDeviceProperties2 properties = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
    .pNext = &can->driver,
  };
  vkGetPhysicalDeviceProperties2 (physical, &properties);
  can->properties = properties.properties;
  can->driver.pNext = can->id.pNext = NULL;
  can->max_allocation_bytes = sizes.maxMemoryAllocationSize;
  can->subgroup_size = can->subgroup_min = can->subgroup_max = subgroup.subgroupSize;
  if (can->has_subgroup_control) {
    can->subgroup_min = size.minSubgroupSize;
    can->subgroup_max = size.maxSubgroupSize;
  }
  can->int_dot_fast = can->has_int_dot && dot.integerDotProduct4x8BitPackedSignedAccelerated;
}

static void
ask_features (VkPhysicalDevice physical, VulkanAbilities *can)
{
  VkPhysicalDeviceShaderIntegerDotProductFeatures dot = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES,
  };
  VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrix = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR,
    .pNext = can->has_int_dot ? &dot : NULL,
  };
  VkPhysicalDeviceSubgroupSizeControlFeatures size = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES,
    .pNext = can->has_cooperative_matrix ? (void *) &matrix : matrix.pNext,
  };
  VkPhysicalDeviceVulkan12Features v12 = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
    .pNext = can->has_subgroup_control ? (void *) &size : size.pNext,
  };
  VkPhysicalDeviceVulkan11Features v11 = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
    .pNext = &v12,
  };
  VkPhysicalDeviceFeatures2 features = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
    .pNext = &v11,
  };
  vkGetPhysicalDeviceFeatures2 (physical, &features);
  can->has_storage16 = v11.storageBuffer16BitAccess;
  can->has_addresses = v12.bufferDeviceAddress;
  can->has_float16 = v12.shaderFloat16;
  can->has_memory_model = v12.vulkanMemoryModel && v12.vulkanMemoryModelDeviceScope;
  can->has_int_dot = can->has_int_dot && dot.shaderIntegerDotProduct;
  can->has_cooperative_matrix = can->has_cooperative_matrix && matrix.cooperativeMatrix;
  can->has_full_subgroups = can->has_subgroup_control && size.subgroupSizeControl &&
                            size.computeFullSubgroups;
}

/* What the matrix units multiply: of the shapes of f16 with sums in f32 that a subgroup has, the
 * one of most products. The kernel asks for a fixed size of subgroups besides. */
static void
ask_matrix (VkInstance instance, VkPhysicalDevice physical, VulkanAbilities *can)
{
  PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR get =
      (PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR) vkGetInstanceProcAddr (
          instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
  uint32_t n = 0;
  if (!can->has_cooperative_matrix || !can->has_float16 || !can->has_memory_model ||
      !can->has_full_subgroups || get == NULL || get (physical, &n, NULL) != VK_SUCCESS)
    return;
  g_autofree VkCooperativeMatrixPropertiesKHR *shapes =
      g_new0 (VkCooperativeMatrixPropertiesKHR, n + 1);
  for (uint32_t i = 0; i < n; i++)
    shapes[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR;
  if (get (physical, &n, shapes) != VK_SUCCESS)
    return;
  uint32_t most = 0;
  for (uint32_t i = 0; i < n; i++) {
    const VkCooperativeMatrixPropertiesKHR *shape = &shapes[i];
    uint32_t products = shape->MSize * shape->NSize * shape->KSize;
    if (shape->AType != VK_COMPONENT_TYPE_FLOAT16_KHR ||
        shape->BType != VK_COMPONENT_TYPE_FLOAT16_KHR ||
        shape->CType != VK_COMPONENT_TYPE_FLOAT32_KHR ||
        shape->ResultType != VK_COMPONENT_TYPE_FLOAT32_KHR || shape->saturatingAccumulation ||
        shape->scope != VK_SCOPE_SUBGROUP_KHR || SHADER_BLOCK % shape->KSize != 0 ||
        products <= most)
      continue;
    most = products;
    can->matrix = (VulkanMatrix) { shape->MSize, shape->NSize, shape->KSize, can->subgroup_size };
  }
  if (can->subgroup_min <= 32 && can->subgroup_max >= 32)
    can->matrix.subgroup = 32;
}

static void
ask_queues (VkPhysicalDevice physical, VulkanAbilities *can)
{
  uint32_t n = 0;
  vkGetPhysicalDeviceQueueFamilyProperties (physical, &n, NULL);
  g_autofree VkQueueFamilyProperties *families = g_new0 (VkQueueFamilyProperties, n);
  vkGetPhysicalDeviceQueueFamilyProperties (physical, &n, families);
  can->queue_family = UINT32_MAX;
  for (uint32_t i = 0; i < n; i++) {
    if ((families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) == 0)
      continue;
    /* A queue without graphics keeps the desktop smooth while a prompt is read. */
    gboolean alone = (families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT) == 0;
    if (can->queue_family != UINT32_MAX && !alone)
      continue;
    can->queue_family = i;
    can->timestamp_bits = families[i].timestampValidBits;
    if (alone)
      break;
  }
}

static void
ask (VkInstance instance, VkPhysicalDevice physical, VulkanAbilities *can)
{
  memset (can, 0, sizeof *can);
  vkGetPhysicalDeviceProperties (physical, &can->properties);
  if (can->properties.apiVersion < VK_API_VERSION_1_2) {
    can->missing = "Vulkan 1.2";
    can->subgroup_min = can->subgroup_max = can->subgroup_size = 1;
    vkGetPhysicalDeviceMemoryProperties (physical, &can->memory);
    return;
  }
  uint32_t n = 0;
  vkEnumerateDeviceExtensionProperties (physical, NULL, &n, NULL);
  g_autofree VkExtensionProperties *extensions = g_new0 (VkExtensionProperties, n + 1);
  vkEnumerateDeviceExtensionProperties (physical, NULL, &n, extensions);
  can->has_int_dot =
      has_extension (extensions, n, VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
  can->has_subgroup_control =
      has_extension (extensions, n, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
  can->has_cooperative_matrix =
      has_extension (extensions, n, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME);
  can->has_budget = has_extension (extensions, n, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  can->has_executable_info =
      has_extension (extensions, n, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME);
  can->imports_memory = can->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU &&
                        has_extension (extensions, n, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
  ask_features (physical, can);
  ask_properties (physical, can);
  ask_matrix (instance, physical, can);
  ask_queues (physical, can);
  vkGetPhysicalDeviceMemoryProperties (physical, &can->memory);
  if (!can->has_storage16)
    can->missing = "16-bit values in storage buffers";
  else if (!can->has_addresses)
    can->missing = "buffer device addresses";
  else if (can->queue_family == UINT32_MAX)
    can->missing = "a queue for compute work";
  else if (can->properties.limits.maxComputeSharedMemorySize < 16384)
    can->missing = "16 KiB of memory shared in a workgroup";
}

static uint32_t
weights_heap (const VkPhysicalDeviceMemoryProperties *memory)
{
  uint32_t best = 0;
  uint64_t best_bytes = 0;
  for (uint32_t i = 0; i < memory->memoryHeapCount; i++) {
    const VkMemoryHeap *heap = &memory->memoryHeaps[i];
    if ((heap->flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0 && heap->size > best_bytes) {
      best = i;
      best_bytes = heap->size;
    }
  }
  return best;
}

static uint64_t
free_bytes (VkPhysicalDevice physical, const VulkanAbilities *can, uint32_t heap)
{
  uint64_t size = can->memory.memoryHeaps[heap].size;
  if (!can->has_budget)
    return size;
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT,
  };
  VkPhysicalDeviceMemoryProperties2 properties = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
    .pNext = &budget,
  };
  vkGetPhysicalDeviceMemoryProperties2 (physical, &properties);
  uint64_t all = MIN (budget.heapBudget[heap], size); /* some drivers say more than there is */
  return all > budget.heapUsage[heap] ? all - budget.heapUsage[heap] : 0;
}

static VulkanKind
kind_of (VkPhysicalDeviceType type)
{
  static const struct {
    VkPhysicalDeviceType type;
    VulkanKind kind;
  } kinds[] = {
    { VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, VULKAN_KIND_DISCRETE },
    { VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU, VULKAN_KIND_INTEGRATED },
    { VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU, VULKAN_KIND_VIRTUAL },
    { VK_PHYSICAL_DEVICE_TYPE_CPU, VULKAN_KIND_SOFTWARE },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (kinds[i].type == type)
      return kinds[i].kind;
  return VULKAN_KIND_OTHER;
}

static char *
features_text (const VulkanAbilities *can)
{
  const struct {
    gboolean has;
    const char *text;
  } features[] = {
    { can->has_storage16, "16-bit storage" },
    { can->has_float16, "16-bit arithmetic" },
    { can->int_dot_fast, "integer dot product" },
    { can->has_int_dot && !can->int_dot_fast, "integer dot product (emulated)" },
    { can->has_cooperative_matrix, "cooperative matrix" },
    { can->has_subgroup_control, "subgroup size control" },
    { can->has_budget, "memory budget" },
    { can->timestamp_bits != 0, "timestamps" },
  };
  g_autoptr (GPtrArray) texts = g_ptr_array_new ();
  for (size_t i = 0; i < G_N_ELEMENTS (features); i++)
    if (features[i].has)
      g_ptr_array_add (texts, (gpointer) features[i].text);
  g_ptr_array_add (texts, NULL);
  return g_strjoinv (", ", (char **) texts->pdata);
}

static VulkanDeviceInfo *
describe (VkPhysicalDevice physical, const VulkanAbilities *can, unsigned index)
{
  VulkanDeviceInfo *info = g_new0 (VulkanDeviceInfo, 1);
  uint32_t api = can->properties.apiVersion, heap = weights_heap (&can->memory);
  info->index = index;
  info->name = g_utf8_make_valid (can->properties.deviceName, -1);
  info->driver = can->driver.driverName[0] == '\0'
                     ? g_strdup_printf ("version %u", can->properties.driverVersion)
                     : g_strdup_printf ("%s, %s", can->driver.driverName, can->driver.driverInfo);
  info->api = g_strdup_printf ("%u.%u.%u", VK_API_VERSION_MAJOR (api), VK_API_VERSION_MINOR (api),
                               VK_API_VERSION_PATCH (api));
  info->kind = kind_of (can->properties.deviceType);
  info->memory_bytes = can->memory.memoryHeapCount == 0 ? 0 : can->memory.memoryHeaps[heap].size;
  info->free_bytes = can->memory.memoryHeapCount == 0 ? 0 : free_bytes (physical, can, heap);
  info->max_buffer_range_bytes = can->properties.limits.maxStorageBufferRange;
  info->subgroup_min = can->subgroup_min;
  info->subgroup_max = can->subgroup_max;
  info->usable = can->missing == NULL;
  if (!info->usable)
    info->missing = g_strdup_printf ("%s lacks %s.", info->name, can->missing);
  info->features = features_text (can);
  return info;
}

void
vulkan_device_info_free (VulkanDeviceInfo *info)
{
  if (info == NULL)
    return;
  g_free (info->name);
  g_free (info->driver);
  g_free (info->api);
  g_free (info->missing);
  g_free (info->features);
  g_free (info);
}

/* The loader's list; *n = 0 without an error when there is none. Free with g_free. */
static VkPhysicalDevice *
enumerate (const VulkanInstance *instance, uint32_t *n, GError **error)
{
  *n = 0;
  VkResult result = vkEnumeratePhysicalDevices (instance->instance, n, NULL);
  if (result == VK_ERROR_INITIALIZATION_FAILED) /* drivers without hardware */
    *n = 0;
  else if (!vulkan_check (result, "vkEnumeratePhysicalDevices", __FILE__, __LINE__, error))
    return NULL;
  VkPhysicalDevice *devices = g_new0 (VkPhysicalDevice, *n + 1);
  if (*n > 0 && vkEnumeratePhysicalDevices (instance->instance, n, devices) < 0)
    *n = 0;
  return devices;
}

GPtrArray *
vulkan_devices (GError **error)
{
  GError *local = NULL;
  g_autoptr (GPtrArray) infos =
      g_ptr_array_new_with_free_func ((GDestroyNotify) vulkan_device_info_free);
  g_autoptr (VulkanInstance) instance = vulkan_instance_new (&local);
  if (local != NULL) {
    g_propagate_error (error, local);
    return NULL;
  }
  if (instance == NULL)
    return g_steal_pointer (&infos);
  uint32_t n;
  g_autofree VkPhysicalDevice *devices = enumerate (instance, &n, error);
  if (devices == NULL)
    return NULL;
  for (uint32_t i = 0; i < n; i++) {
    VulkanAbilities can;
    ask (instance->instance, devices[i], &can);
    g_ptr_array_add (infos, describe (devices[i], &can, i));
  }
  return g_steal_pointer (&infos);
}

/* Why a device of a kind is taken, and the order of preference. */
static const char *const reasons[] = {
  [VULKAN_KIND_DISCRETE] = "it is a graphics card with memory of its own",
  [VULKAN_KIND_INTEGRATED] = "it is the graphics unit of the processor and there is no card",
  [VULKAN_KIND_VIRTUAL] = "it is the only device, shared by a virtual machine",
};

static gboolean
better (const VulkanDeviceInfo *a, const VulkanDeviceInfo *b)
{
  return b == NULL || a->kind < b->kind ||
         (a->kind == b->kind && a->memory_bytes > b->memory_bytes);
}

int
vulkan_pick_device (GPtrArray *devices, char **why)
{
  const VulkanDeviceInfo *best = NULL, *lacking = NULL, *software = NULL;
  for (guint i = 0; i < devices->len; i++) {
    const VulkanDeviceInfo *info = g_ptr_array_index (devices, i);
    if (info->kind >= VULKAN_KIND_SOFTWARE)
      software = info;
    else if (!info->usable)
      lacking = info;
    else if (better (info, best))
      best = info;
  }
  if (best != NULL)
    *why = g_strdup_printf ("%s is used because %s.", best->name, reasons[best->kind]);
  else if (lacking != NULL)
    *why = g_strdup_printf ("No graphics card is used: %s", lacking->missing);
  else if (software != NULL)
    *why = g_strdup_printf ("No graphics card was found; %s is a driver in software, slower than "
                            "the engine's own code for the processor.",
                            software->name);
  else
    *why = g_strdup ("No graphics card with a Vulkan driver was found.");
  return best == NULL ? -1 : (int) best->index;
}

uint64_t
vulkan_device_free_bytes (const VulkanDevice *self, uint32_t heap)
{
  return free_bytes (self->physical, &self->can, heap);
}

uint32_t
vulkan_device_weights_heap (const VulkanDevice *self)
{
  return weights_heap (&self->can.memory);
}

gboolean
vulkan_device_is_unified (const VulkanDevice *self)
{
  return self->info->kind == VULKAN_KIND_INTEGRATED || self->info->kind == VULKAN_KIND_SOFTWARE;
}

/* "name=number,…": for finding the numbers of a row on a card. Words without a number are
 * skipped. */
static void
override_quirks (VulkanQuirks *self, const char *text)
{
  const struct {
    const char *name;
    uint32_t *value;
  } fields[] = {
    { "lanes", &self->lanes },
    { "group", &self->group },
    { "split", &self->split },
    { "fill", &self->fill },
    { "columns", &self->max_columns },
    { "chunk", &self->chunk_tokens },
    { "small", &self->lanes_small },
    { "slow_dots", &self->slow_dots },
    { "tiling", &self->tiling },
    { "fill_tiles", &self->fill_tiles },
    { "sums", &self->sums },
    { "ahead", &self->ahead },
  };
  g_auto (GStrv) words = g_strsplit (text, ",", -1);
  for (char **word = words; *word != NULL; word++)
    for (size_t i = 0; i < G_N_ELEMENTS (fields); i++)
      if (g_str_has_prefix (*word, fields[i].name) && (*word)[strlen (fields[i].name)] == '=')
        *fields[i].value =
            (uint32_t) g_ascii_strtoull (*word + strlen (fields[i].name) + 1, NULL, 10);
}

static VulkanQuirks
find_quirks (const VulkanAbilities *can)
{
  size_t i = 0;
  const char *wanted = g_getenv ("BOTTEGA_VULKAN_QUIRKS");
  /* Tests run a graphics card unknown to this table, with memory of its own, on the driver in
   * software. */
  gboolean card = wanted != NULL && g_str_has_prefix (wanted, "none");
  if (card)
    i = G_N_ELEMENTS (quirks) - 1;
  while ((quirks[i].driver != 0 && quirks[i].driver != can->driver.driverID) ||
         (quirks[i].vendor != 0 && quirks[i].vendor != can->properties.vendorID))
    i++; /* the last row matches all */
  VulkanQuirks found = quirks[i];
  found.staged = card;
  if (card)
    found.tiling = VULKAN_TILING_NONE; /* slow to compile in software; tests ask for it */
  if (wanted != NULL)
    override_quirks (&found, wanted);
  return found;
}

/* Those that are used where they exist; their number. */
static uint32_t
list_extensions (const VulkanAbilities *can, const char *extensions[5])
{
  uint32_t n = 0;
  if (can->has_int_dot)
    extensions[n++] = VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME;
  if (can->matrix.m > 0) {
    extensions[n++] = VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME;
    extensions[n++] = VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME;
  }
  if (can->has_budget)
    extensions[n++] = VK_EXT_MEMORY_BUDGET_EXTENSION_NAME;
  if (can->imports_memory)
    extensions[n++] = VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME;
  return n;
}

static gboolean
create_device (VulkanDevice *self, GError **error)
{
  const VulkanAbilities *can = &self->can;
  const char *extensions[5];
  gboolean matrices = can->matrix.m > 0;
  VkPhysicalDeviceShaderIntegerDotProductFeatures dot = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES,
    .shaderIntegerDotProduct = VK_TRUE,
  };
  VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrix = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR,
    .pNext = can->has_int_dot ? &dot : NULL,
    .cooperativeMatrix = VK_TRUE,
  };
  VkPhysicalDeviceSubgroupSizeControlFeatures size = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES,
    .pNext = &matrix,
    .subgroupSizeControl = VK_TRUE,
    .computeFullSubgroups = VK_TRUE,
  };
  VkPhysicalDeviceVulkan12Features v12 = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
    .pNext = matrices ? (void *) &size : matrix.pNext,
    .bufferDeviceAddress = VK_TRUE,
    .shaderFloat16 = matrices,
    .vulkanMemoryModel = matrices,
    .vulkanMemoryModelDeviceScope = matrices,
  };
  VkPhysicalDeviceVulkan11Features v11 = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
    .pNext = &v12,
    .storageBuffer16BitAccess = VK_TRUE,
  };
  float priority = 0.5f;
  VkDeviceQueueCreateInfo queue = {
    .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
    .queueFamilyIndex = can->queue_family,
    .queueCount = 1,
    .pQueuePriorities = &priority,
  };
  VkDeviceCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
    .pNext = &v11,
    .queueCreateInfoCount = 1,
    .pQueueCreateInfos = &queue,
    .enabledExtensionCount = list_extensions (can, extensions),
    .ppEnabledExtensionNames = extensions,
  };
  if (!VK (vkCreateDevice (self->physical, &info, NULL, &self->device), error))
    return FALSE;
  vkGetDeviceQueue (self->device, can->queue_family, 0, &self->queue);
  return TRUE;
}

VulkanDevice *
vulkan_device_open (unsigned index, GError **error)
{
  GError *local = NULL;
  g_autoptr (VulkanDevice) self = g_new0 (VulkanDevice, 1);
  self->instance = vulkan_instance_new (&local);
  if (local != NULL) {
    g_propagate_error (error, local);
    return NULL;
  }
  uint32_t n = 0;
  g_autofree VkPhysicalDevice *devices = NULL;
  if (self->instance != NULL) {
    devices = enumerate (self->instance, &n, error);
    if (devices == NULL)
      return NULL;
  }
  if (index >= n) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_DEVICE,
                 "There is no Vulkan device %u: this machine has %u.", index, n);
    return NULL;
  }
  self->physical = devices[index];
  ask (self->instance->instance, self->physical, &self->can);
  self->quirks = find_quirks (&self->can);
  self->quirks.float_dots |= !self->can.has_int_dot;
  /* RADV multiplies whole words then: three times as slow on a Radeon RX 5700 (./dev isa). */
  self->quirks.slow_dots |=
      self->can.properties.vendorID == VENDOR_AMD && !self->can.int_dot_fast;
  gboolean dots = !self->quirks.float_dots && !self->quirks.slow_dots;
  self->quirks.tiling = MIN (self->quirks.tiling, self->can.matrix.m > 0 ? VULKAN_TILING_MATRIX
                                                  : dots                 ? VULKAN_TILING_INT
                                                                         : VULKAN_TILING_NONE);
  if (self->can.subgroup_size != 8) /* LP_NATIVE_VECTOR_WIDTH changes it */
    self->quirks.narrow_rows = 0;
  self->info = describe (self->physical, &self->can, index);
  if (!self->info->usable) {
    g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_NO_DEVICE, self->info->missing);
    return NULL;
  }
  if (!create_device (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
vulkan_device_close (VulkanDevice *self)
{
  if (self == NULL)
    return;
  if (self->device != VK_NULL_HANDLE)
    vkDestroyDevice (self->device, NULL);
  vulkan_device_info_free (self->info);
  vulkan_instance_free (self->instance);
  g_free (self);
}

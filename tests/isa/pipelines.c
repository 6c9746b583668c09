/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes the pipelines that the engine makes on the first Vulkan device, through the engine's own
 * code: models of a layer or two are loaded and their plans recorded, and capture.c prints what the
 * driver says of each pipeline. What is computed never matters here.
 *
 * isa-pipelines decode                  one token of the formats that a test holds to
 * isa-pipelines all [FILE.gguf…]   every number format, and the models of the files in turn,
 *                                       for batches of every size; a model of F16 in which experts
 *                                       are mixed in every format too */
#include "engine/vulkan/executable.h"
#include "engine/vulkan/unpack.h"
#include "engine/vulkan/vulkan.h"
#include "tests/engine/opened.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_PAGES      8
#define CHUNK_TOKENS 64

/* The formats that the test holds to; llamas of both sizes of heads that are common. */
static const ModelType held[] = { MODEL_TYPE_Q4_0, MODEL_TYPE_Q4_K, MODEL_TYPE_Q6_K,
                                  MODEL_TYPE_Q8_0 };
static const TestLlama llamas[] = {
  { .n_layers = 1, .n_heads = 8, .n_heads_kv = 2, .d_head = 128, .untied = TRUE },
  { .n_layers = 1, .n_heads = 9, .n_heads_kv = 3, .d_head = 64, .d_model = 576, .d_ff = 1536 },
};

/* capture.c knows modules, not what is in them. */
VKAPI_ATTR VkResult VKAPI_CALL
vkCreateShaderModule (VkDevice device, const VkShaderModuleCreateInfo *info,
                      const VkAllocationCallbacks *allocator, VkShaderModule *module)
{
  PFN_vkCreateShaderModule real =
      (PFN_vkCreateShaderModule) vkGetDeviceProcAddr (device, "vkCreateShaderModule");
  VkResult result = real (device, info, allocator, module);
  for (size_t i = 0; result == VK_SUCCESS && i < SHADER_N_KERNELS; i++)
    if (shader_kernels[i].words == info->pCode)
      printf ("module %" G_GUINT64_FORMAT " %s\n", (guint64) *module, shader_kernels[i].name);
  return result;
}

static void
fail (GError *error, const char *what)
{
  if (error == NULL)
    return;
  fprintf (stderr, "%s: %s\n", what, error->message);
  exit (1);
}

/* Records everything that batches of up to max_tokens need. */
static void
make (EngineBackendModel *model, const ModelDesc *desc, uint32_t max_tokens, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GraphPlan) plan =
      graph_plan_build (desc, 0, desc->h.n_layers, TRUE, TRUE, max_tokens, 1);
  VulkanExecutable *executable = vulkan_executable_new ((VulkanModel *) model, plan, &error);
  fail (error, name);
  uint32_t most = vulkan_bucket (executable, max_tokens);
  for (uint32_t part = 0; part < VULKAN_N_PARTS; part++)
    for (uint32_t bucket = 0; bucket <= most; bucket++)
      if (!vulkan_record (executable, (VulkanPlanPart) part, bucket, &error))
        fail (error, name);
  model->backend->vtable->discard (&executable->base);
}

static void
run (EngineBackend *backend, const ModelDesc *desc, const char *name, gboolean all)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GraphPlan) plan = graph_plan_build (desc, 0, desc->h.n_layers, TRUE, TRUE,
                                                 all ? CHUNK_TOKENS : 1, 1);
  EngineKvSize size = { { N_PAGES, N_PAGES }, 2 };
  EngineBackendModel *model = backend->vtable->load (backend, plan, &size, NULL, NULL, NULL,
                                                     &error);
  fail (error, name);
  make (model, desc, 1, name);
  if (all)
    make (model, desc, CHUNK_TOKENS, name);
  backend->vtable->unload (model);
}

static void
run_llamas (EngineBackend *backend, ModelType type, gboolean all)
{
  for (size_t i = 0; i < G_N_ELEMENTS (llamas); i++) {
    const ModelTypeInfo *info = model_type_info (type);
    uint32_t width = llamas[i].d_model;
    if (width % info->block_weights != 0)
      continue;
    g_autoptr (TestGguf) written = test_gguf_build_llama (&llamas[i], type, 1);
    g_auto (TestOpened) opened = test_open (written);
    fail (opened.error, info->name);
    run (backend, opened.desc, info->name, all);
  }
}

/* As if the F16 matrices of a file held weights of another format, for which they have room. */
static void
retype (const ModelDesc *desc, const ModelTypeInfo *from, const ModelTypeInfo *to)
{
  g_autoptr (GraphPlan) plan =
      graph_plan_build (desc, 0, desc->h.n_layers, TRUE, TRUE, 1, 1);
  for (uint32_t i = 0; i < plan->n_ops; i++)
    for (uint32_t w = 0; w < plan->ops[i].n_weights; w++) {
      ModelTensor *tensor = (ModelTensor *) plan->ops[i].weights[w];
      if (tensor->type == from && tensor->ne[0] % to->block_weights == 0) {
        tensor->type = to;
        tensor->bytes = model_type_row_bytes (to, tensor->ne[0]) * tensor->ne[1] * tensor->ne[2];
      }
    }
}

static void
run_file (EngineBackend *backend, const char *path, const ModelTypeInfo *type)
{
  g_auto (TestOpened) opened = test_open_file (path);
  fail (opened.error, path);
  if (type != NULL)
    retype (opened.desc, model_type_info (MODEL_TYPE_F16), type);
  run (backend, opened.desc, path, TRUE);
}

static gboolean
has_experts (const char *path)
{
  g_auto (TestOpened) opened = test_open_file (path);
  return opened.desc != NULL && opened.desc->h.n_experts > 0;
}

/* Formats of up to 16 bits. */
static gboolean
fits_f16 (const ModelTypeInfo *info)
{
  return info->block_bytes * 8 <= info->block_weights * 16;
}

static void
run_all (EngineBackend *backend, int n_files, char **files)
{
  gboolean mixed = FALSE;
  for (uint32_t id = 0; id < 64; id++)
    if (model_type_info (id) != NULL && vulkan_format (id) != NULL)
      run_llamas (backend, (ModelType) id, TRUE);
  for (int i = 0; i < n_files; i++) {
    run_file (backend, files[i], NULL);
    run_file (backend, files[i], model_type_info (MODEL_TYPE_Q4_K));
    for (uint32_t id = 0; id < 64 && !mixed && has_experts (files[i]); id++) {
      const ModelTypeInfo *info = model_type_info (id);
      if (info != NULL && vulkan_format (id) != NULL && fits_f16 (info))
        run_file (backend, files[i], info);
    }
    mixed |= has_experts (files[i]);
  }
}

/* A line each: the table says which of them nobody asked for. */
static void
print_kernels (void)
{
  for (size_t i = 0; i < SHADER_N_KERNELS; i++)
    if (shader_kernels[i].words != NULL)
      printf ("kernel %s\n", shader_kernels[i].name);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  gboolean all = argc > 1 && strcmp (argv[1], "all") == 0;
  if (!all && (argc != 2 || strcmp (argv[1], "decode") != 0)) {
    fprintf (stderr, "usage: isa-pipelines decode | all [FILE.gguf…]\n");
    return 2;
  }
  EngineBackend *backend = vulkan_backend_open (0, NULL, &error);
  fail (error, "no device");
  const VulkanDevice *device = ((VulkanBackend *) backend)->device;
  printf ("device %s\n", device->info->name);
  print_kernels ();
  if (all)
    run_all (backend, argc - 2, argv + 2);
  for (size_t i = 0; !all && i < G_N_ELEMENTS (held); i++)
    run_llamas (backend, held[i], FALSE);
  backend->vtable->close (backend);
  return 0;
}

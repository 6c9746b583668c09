/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Turns a plan's ops into recorded command buffers: one function per op, a table of them, and
 * one place that adds a barrier exactly where a dispatch touches what an earlier one wrote.
 * Sizes that depend on the batch are indirect arguments (batch.c writes them), so a recording is
 * replayed as it is. Must not know a batch. */
#include "engine/vulkan/recorder.h"

#define NUMBERS_A_LANE 16u /* of a row */
#define MAX_FOURS      8u  /* of a norm, in registers */

static void
barrier (Recorder *self)
{
  VkMemoryBarrier memory = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
    .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
    .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT,
  };
  vkCmdPipelineBarrier (self->commands,
                        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &memory, 0, NULL, 0, NULL);
  self->read = self->written = 0;
}

static gboolean
begin (Recorder *self, GError **error)
{
  VkCommandBufferBeginInfo info = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO };
  self->commands = vulkan_submitter_new_commands (self->exe->model->backend->submitter, error);
  if (self->commands == VK_NULL_HANDLE)
    return FALSE;
  g_array_append_val (self->recording->commands, self->commands);
  if (!VK (vkBeginCommandBuffer (self->commands, &info), error))
    return FALSE;
  barrier (self);
  return TRUE;
}

static gboolean
end (Recorder *self, GError **error)
{
  return VK (vkEndCommandBuffer (self->commands), error);
}

gboolean
record (Recorder *self, const Dispatch *what, GError **error)
{
  VulkanPipelines *pipelines = self->exe->model->backend->pipelines;
  VkPipeline pipeline =
      vulkan_pipelines_get (pipelines, what->kernel, what->constants, what->subgroup, error);
  if (pipeline == VK_NULL_HANDLE)
    return FALSE;
  if ((what->reads & self->written) != 0 ||
      (what->writes & ~what->disjoint & (self->written | self->read)) != 0)
    barrier (self);
  self->read |= what->reads;
  self->written |= what->writes;
  vkCmdBindPipeline (self->commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
  vkCmdPushConstants (self->commands, vulkan_pipelines_layout (pipelines),
                      VK_SHADER_STAGE_COMPUTE_BIT, 0, what->push_bytes, what->push);
  uint64_t argument = self->recording->first_argument + self->recording->grids->len;
  vkCmdDispatchIndirect (self->commands, self->exe->params.buffer,
                         self->exe->at.arguments + argument * sizeof (VkDispatchIndirectCommand));
  g_array_append_val (self->recording->grids, what->grid);
  return TRUE;
}

uint32_t
recorder_row_lanes (const Recorder *self, uint32_t width)
{
  const VkPhysicalDeviceLimits *limits =
      &self->exe->model->backend->device->can.properties.limits;
  uint32_t most = MIN (limits->maxComputeWorkGroupInvocations, limits->maxComputeWorkGroupSize[0]);
  uint32_t lanes = self->quirks->lanes_small;
  while (self->quirks->narrow_rows == 0 && lanes * NUMBERS_A_LANE < width && 2 * lanes <= most)
    lanes *= 2;
  return lanes;
}

/* By halves a workgroup is whole rows; else lanes are blocks, and workgroups share a tile: in
 * software one has it all. */
Dispatch
recorder_pack (const Recorder *self, const VulkanWay *way, uint32_t width, uint32_t stride)
{
  uint32_t lanes = self->quirks->lanes_small, groups = 1;
  uint32_t n_blocks = way->columns * ((width + SHADER_BLOCK - 1) / SHADER_BLOCK);
  if (way->pack == VULKAN_PACK_HALF) {
    lanes = recorder_row_lanes (self, width);
    groups = way->columns / SHADER_PACK_COLUMNS;
  } else if (self->quirks->narrow_rows == 0) {
    groups = (n_blocks + lanes - 1) / lanes;
  }
  return (Dispatch) {
    .constants = { lanes, 1, way->parts, width % SHADER_BLOCK == 0 && stride % 4 == 0 },
    .grid = { .fixed = { way->columns, groups, 1 } },
    .writes = BIT_PACK,
  };
}

/* Rows that the host has read from the file are there as floats, one after another. */
static gboolean
record_embed (Recorder *self, const GraphOp *op, GError **error)
{
  const VulkanExecutable *exe = self->exe;
  uint32_t form = SHADER_FORM_F32, pick = SHADER_PICK_ROW;
  ShaderEmbedPush push = {
    .tokens = exe->params.address + exe->at.tokens,
    .dst = recorder_buffer (self, op->dst),
    .width = op->dst_width,
    .stride = recorder_stride (self, op->dst),
    .scale = op->scale,
  };
  if (op->from_file) {
    uint64_t rows = exe->params.address + exe->at.file_rows;
    push.w = (ShaderWeights) { rows, rows, rows, rows };
    push.blocks = vulkan_file_row_floats (op) / SHADER_BLOCK;
    push.group = 1;
  } else {
    const VulkanPart *part = vulkan_weights_part (exe->model->weights, op->weights[0]);
    const VulkanLayout *layout = &part->stack->layout;
    push.w = part->stack->planes;
    push.blocks = layout->blocks;
    push.group = layout->group;
    push.row0 = part->first_row;
    form = layout->form;
    pick = op->pick;
  }
  return record (self,
                 &(Dispatch) {
                     .kernel = SHADER_FORM_KERNEL (form, SHADER_FAMILY_EMBED),
                     .constants = { self->quirks->lanes_small, 1, pick, op->accumulate,
                                    op->scale != 1 },
                     PUSH (push),
                     .grid = recorder_rows (op),
                     .reads = op->accumulate ? BIT (op->dst) : 0,
                     .writes = BIT (op->dst),
                 },
                 error);
}

static gboolean
record_norm (Recorder *self, const GraphOp *op, GError **error)
{
  const GraphOp *before = op - 1;
  if (self->index > 0 && before->kind == GRAPH_OP_MATMUL && before->accumulate &&
      before->dst == op->src && self->n_squares > 0)
    return TRUE; /* the product before has done all but the division */
  self->n_squares = 0;
  uint32_t lanes = recorder_row_lanes (self, op->dst_width), fours = 0;
  VulkanGrid grid = recorder_rows (op);
  grid.fixed[1] = graph_op_n_parts (op);
  ShaderNormPush push = {
    .src = recorder_buffer (self, op->src),
    .vector = recorder_vector (self, op->vector),
    .dst = recorder_buffer (self, op->dst),
    .factor = recorder_vector (self, op->factor != NULL ? op->factor : op->vector),
    .width = op->dst_width,
    .epsilon = self->plan->desc->h.norm_epsilon,
    .scale = op->scale,
    .src_stride = recorder_stride (self, op->src),
    .dst_stride = recorder_stride (self, op->dst),
    .vector_stride = op->vector->ne[1] > 1 ? op->dst_width : 0,
  };
  if (self->quirks->narrow_rows == 0 && (push.width | push.src_stride | push.dst_stride) % 4 == 0)
    fours = (push.width / 4 + lanes - 1) / lanes;
  return record (self,
                 &(Dispatch) {
                     .kernel = SHADER_NORM,
                     .constants = { lanes, 1, op->accumulate, op->scale != 1, op->factor != NULL,
                                    fours <= MAX_FOURS ? fours : 0 },
                     PUSH (push),
                     .grid = grid,
                     .reads = BIT (op->src) | (op->accumulate ? BIT (op->dst) : 0),
                     .writes = BIT (op->dst),
                 },
                 error);
}

static gboolean
record_layer_norm (Recorder *self, const GraphOp *op, GError **error)
{
  const ModelTensor *bias = op->biases[0] != NULL ? op->biases[0] : op->vector;
  ShaderNormPush push = {
    .src = recorder_buffer (self, op->src),
    .vector = recorder_vector (self, op->vector),
    .dst = recorder_buffer (self, op->dst),
    .bias = recorder_vector (self, bias),
    .width = op->dst_width,
    .epsilon = self->plan->desc->h.norm_epsilon,
    .src_stride = recorder_stride (self, op->src),
    .dst_stride = recorder_stride (self, op->dst),
  };
  self->n_squares = 0;
  return record (self,
                 &(Dispatch) {
                     .kernel = SHADER_LAYER_NORM,
                     .constants = { recorder_row_lanes (self, op->dst_width), 1,
                                    op->biases[0] != NULL },
                     PUSH (push),
                     .grid = recorder_rows (op),
                     .reads = BIT (op->src),
                     .writes = BIT (op->dst),
                 },
                 error);
}

static gboolean
record_gather (Recorder *self, const GraphOp *op, GError **error)
{
  ShaderGatherPush push = {
    .src = recorder_buffer (self, op->src),
    .outputs = self->exe->params.address + self->exe->at.outputs,
    .dst = recorder_buffer (self, op->dst),
    .width = op->dst_width,
    .src_stride = recorder_stride (self, op->src),
    .dst_stride = recorder_stride (self, op->dst),
  };
  return record (self,
                 &(Dispatch) {
                     .kernel = op->kind == GRAPH_OP_POOL ? SHADER_POOL : SHADER_GATHER,
                     .constants = { self->quirks->lanes_small, 1 },
                     PUSH (push),
                     .grid = { { VULKAN_COUNT_OUTPUTS }, { 0, 1, 1 } },
                     .reads = BIT (op->src),
                     .writes = BIT (op->dst),
                 },
                 error);
}

static gboolean
record_candidates (Recorder *self, const GraphOp *op, GError **error)
{
  VulkanExecutable *exe = self->exe;
  ShaderCandidatesPush push = {
    .logits = recorder_buffer (self, op->src),
    .slices = exe->activations.address + exe->slices,
    .result = exe->results.address,
    .batch = exe->params.address + exe->at.batch,
    .vocab = op->src_width,
    .slice = (op->src_width + SHADER_SLICES - 1) / SHADER_SLICES,
  };
  uint32_t lanes = self->quirks->lanes_small;
  uint32_t most = recorder_row_lanes (self, NUMBERS_A_LANE * SHADER_SLICES); /* one a slice */
  VulkanGrid all = { { VULKAN_COUNT_FIXED, VULKAN_COUNT_OUTPUTS }, { SHADER_SLICES, 0, 1 } };
  VulkanGrid one = { { VULKAN_COUNT_FIXED, VULKAN_COUNT_OUTPUTS }, { 1, 0, 1 } };
  const struct {
    ShaderKernelId kernel;
    uint32_t lanes;
    VulkanGrid grid;
    uint32_t reads, writes;
  } passes[] = {
    { SHADER_CANDIDATES_SLICE, lanes, all, BIT (op->src), BIT_SLICES },
    { SHADER_CANDIDATES_CUT, most, one, BIT_SLICES, BIT_RESULTS },
    { SHADER_CANDIDATES_COLLECT, lanes, all, BIT (op->src) | BIT_SLICES | BIT_RESULTS,
      BIT_RESULTS },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (passes); i++)
    if (!record (self,
                 &(Dispatch) {
                     .kernel = passes[i].kernel,
                     .constants = { passes[i].lanes, 1 },
                     PUSH (push),
                     .grid = passes[i].grid,
                     .reads = passes[i].reads,
                     .writes = passes[i].writes,
                 },
                 error))
      return FALSE;
  return TRUE;
}

static gboolean (*const record_op[GRAPH_N_OPS]) (Recorder *self, const GraphOp *op,
                                                 GError **error) = {
  [GRAPH_OP_EMBED] = record_embed,
  [GRAPH_OP_NORM] = record_norm,
  [GRAPH_OP_LAYER_NORM] = record_layer_norm,
  [GRAPH_OP_MATMUL] = record_matmul,
  [GRAPH_OP_ROPE_STORE] = record_rope_store,
  [GRAPH_OP_ATTENTION] = record_attention,
  [GRAPH_OP_GATED] = record_gated,
  [GRAPH_OP_GATE] = record_gate,
  [GRAPH_OP_ROUTE] = record_route,
  [GRAPH_OP_EXPERTS_GATED] = record_experts_gated,
  [GRAPH_OP_EXPERTS_DOWN] = record_experts_down,
  [GRAPH_OP_CONV] = record_conv,
  [GRAPH_OP_DELTA_NET] = record_delta_net,
  [GRAPH_OP_SSM] = record_ssm,
  [GRAPH_OP_SPLIT_GATES] = record_split_gates,
  [GRAPH_OP_SIGMOID_GATE] = record_sigmoid_gate,
  [GRAPH_OP_GATHER] = record_gather,
  [GRAPH_OP_POOL] = record_gather,
  [GRAPH_OP_CANDIDATES] = record_candidates,
};

static VulkanPlanPart
part_of (const GraphOp *op)
{
  return op->output_rows || op->kind == GRAPH_OP_GATHER || op->kind == GRAPH_OP_POOL
             ? VULKAN_PART_OUTPUTS
             : VULKAN_PART_TOKENS;
}

/* What the host reads must be made visible to it at the end. */
static void
record_visible (Recorder *self)
{
  VkMemoryBarrier visible = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
    .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
    .dstAccessMask = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT,
  };
  VkPipelineStageFlags stages = VK_PIPELINE_STAGE_HOST_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
  vkCmdPipelineBarrier (self->commands,
                        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                        stages, 0, 1, &visible, 0, NULL, 0, NULL);
}

/* Candidates to where the host sees them. */
static void
record_results (Recorder *self)
{
  VulkanExecutable *exe = self->exe;
  if (exe->readback.buffer == VK_NULL_HANDLE)
    return;
  VkMemoryBarrier to_host = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
    .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
    .dstAccessMask = VK_ACCESS_HOST_READ_BIT,
  };
  VkBufferCopy region = { 0, 0, exe->results.bytes };
  vkCmdCopyBuffer (self->commands, exe->results.buffer, exe->readback.buffer, 1, &region);
  vkCmdPipelineBarrier (self->commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                        VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &to_host, 0, NULL, 0, NULL);
}

/* The ops of a part in a segment. Segments begin afresh: what is in buffers may come from
 * outside. */
static gboolean
record_segment (Recorder *self, VulkanPlanPart part, uint32_t segment, GError **error)
{
  uint32_t first = graph_plan_segment_first (self->plan, segment);
  gboolean any = FALSE, exports;
  self->n_squares = 0;
  self->segment_end = graph_plan_segment_first (self->plan, segment + 1);
  for (uint32_t i = first; i < self->segment_end; i++) {
    const GraphOp *op = &self->plan->ops[i];
    if (part_of (op) != part)
      continue;
    self->index = i;
    /* A submit may end where the norm of a block stands. */
    gboolean norm = op->kind == GRAPH_OP_NORM || op->kind == GRAPH_OP_LAYER_NORM;
    if (!any || (norm && op->src == GRAPH_BUFFER_X)) {
      if ((any && !end (self, error)) || !begin (self, error))
        return FALSE;
      any = TRUE;
    }
    if (!record_op[op->kind](self, op, error))
      return FALSE;
  }
  exports = self->plan->n_segments > 0 && self->plan->segments[segment].exports != 0;
  if (any && (part == VULKAN_PART_OUTPUTS || exports))
    record_visible (self);
  if (any && part == VULKAN_PART_OUTPUTS)
    record_results (self);
  return !any || end (self, error);
}

static gboolean
record_part (Recorder *self, VulkanPlanPart part, GError **error)
{
  for (uint32_t s = 0; s < graph_plan_n_segments (self->plan); s++) {
    if (!record_segment (self, part, s, error))
      return FALSE;
    self->recording->ends[s] = self->recording->commands->len;
  }
  return TRUE;
}

gboolean
vulkan_record (VulkanExecutable *self, VulkanPlanPart part, uint32_t bucket, GError **error)
{
  VulkanRecording *recording = &self->recordings[part][bucket];
  if (recording->commands != NULL)
    return TRUE;
  const VulkanQuirks *quirks = &self->model->backend->device->quirks;
  Recorder recorder = {
    .exe = self,
    .plan = self->plan,
    .quirks = quirks,
    .recording = recording,
    .columns = bucket < VULKAN_BUCKET_FEW ? 1u << bucket : quirks->max_columns,
    .most = bucket < VULKAN_BUCKET_FEW    ? 0
            : bucket == VULKAN_BUCKET_FEW ? VULKAN_TILE_LEAST
                                          : VULKAN_TILE_MOST,
  };
  recording->first_argument = self->n_arguments;
  recording->commands = g_array_new (FALSE, FALSE, sizeof (VkCommandBuffer));
  recording->grids = g_array_new (FALSE, FALSE, sizeof (VulkanGrid));
  recording->ends = g_new0 (uint32_t, graph_plan_n_segments (self->plan));
  gboolean ok = record_part (&recorder, part, error);
  if (ok && recording->first_argument + recording->grids->len <= self->at.max_arguments) {
    self->n_arguments += recording->grids->len;
    return TRUE;
  }
  for (guint i = 0; i < recording->commands->len; i++)
    vulkan_submitter_free_commands (self->model->backend->submitter,
                                    g_array_index (recording->commands, VkCommandBuffer, i));
  g_clear_pointer (&recording->commands, g_array_unref);
  g_clear_pointer (&recording->grids, g_array_unref);
  g_clear_pointer (&recording->ends, g_free);
  if (ok)
    g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                         "The plan has more operations than its executable was sized for.");
  return FALSE;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files that record ops share: the recorder, a dispatch, and where things lie. Private to
 * engine/vulkan. Must not know what an op computes. */
#pragma once

#include "engine/vulkan/executable.h"

/* What dispatches read and write, as bits: the plan's buffers, and these. */
#define BIT(buffer) (1u << (buffer))
#define BIT_PACK    BIT (GRAPH_N_BUFFERS)
#define BIT_PARTS   BIT (GRAPH_N_BUFFERS + 1)
#define BIT_KV      BIT (GRAPH_N_BUFFERS + 2)
#define BIT_SLICES  BIT (GRAPH_N_BUFFERS + 3)
#define BIT_RESULTS BIT (GRAPH_N_BUFFERS + 4)
#define BIT_SQUARES BIT (GRAPH_N_BUFFERS + 5)
#define BIT_TILES   BIT (GRAPH_N_BUFFERS + 6)

typedef struct {
  VulkanExecutable *exe;
  const GraphPlan *plan;
  const VulkanQuirks *quirks;
  VulkanRecording *recording;
  VkCommandBuffer commands;
  uint32_t columns;       /* of a tile where a lane is a row */
  uint32_t most;          /* columns of other tiles at most; 0: there are none for so few */
  uint32_t read, written; /* since the last barrier */
  uint32_t index;         /* of the op in the plan */
  uint32_t segment_end;   /* of the ops: behind the last of the segment */
  gboolean stores;        /* the attention that comes next does the work of ROPE_STORE too */
  uint32_t n_squares;     /* NORMED still lacks its division: parts of the sum of squares; else 0 */
} Recorder;

typedef struct {
  ShaderKernelId kernel;
  uint32_t constants[VULKAN_N_CONSTANTS];
  uint32_t subgroup; /* size that it needs, 0: any */
  const void *push;
  uint32_t push_bytes;
  VulkanGrid grid;
  uint32_t reads, writes;
  uint32_t disjoint; /* of writes: other parts of the buffer than those since the last barrier */
} Dispatch;

#define PUSH(what) .push = &(what), .push_bytes = sizeof (what)

/* Records one dispatch, behind a barrier where it touches what an earlier one wrote. */
gboolean record (Recorder *self, const Dispatch *what, GError **error);

/* One function per op; those of recorder.c are not listed. */
gboolean record_matmul (Recorder *self, const GraphOp *op, GError **error);
gboolean record_gated (Recorder *self, const GraphOp *op, GError **error);
gboolean record_gate (Recorder *self, const GraphOp *op, GError **error);
gboolean record_rope_store (Recorder *self, const GraphOp *op, GError **error);
gboolean record_attention (Recorder *self, const GraphOp *op, GError **error);
gboolean record_route (Recorder *self, const GraphOp *op, GError **error);
gboolean record_experts_gated (Recorder *self, const GraphOp *op, GError **error);
gboolean record_conv (Recorder *self, const GraphOp *op, GError **error);
gboolean record_delta_net (Recorder *self, const GraphOp *op, GError **error);
gboolean record_ssm (Recorder *self, const GraphOp *op, GError **error);
gboolean record_split_gates (Recorder *self, const GraphOp *op, GError **error);
gboolean record_sigmoid_gate (Recorder *self, const GraphOp *op, GError **error);
gboolean record_experts_down (Recorder *self, const GraphOp *op, GError **error);

static inline uint64_t
recorder_buffer (const Recorder *self, GraphBuffer buffer)
{
  return self->exe->activations.address + self->exe->offset[buffer];
}

/* Floats from one row of a buffer to the next. */
static inline uint32_t
recorder_stride (const Recorder *self, GraphBuffer buffer)
{
  return self->plan->buffer_width[buffer];
}

static inline uint64_t
recorder_vector (const Recorder *self, const ModelTensor *tensor)
{
  return vulkan_weights_vector (self->exe->model->weights, tensor)->address;
}

/* Lanes of a workgroup that takes a row of so many numbers: as many as leave each a few loads to
 * wait for. In software lanes run one after another. */
uint32_t recorder_row_lanes (const Recorder *self, uint32_t width);
/* What makes rows of activations ready for a product: how it is cut and its constants. Its kernel,
 * its push constants, what it reads and of what there are tiles are the caller's to say. */
Dispatch recorder_pack (const Recorder *self, const VulkanWay *way, uint32_t width,
                        uint32_t stride);

static inline VulkanGrid
recorder_rows (const GraphOp *op)
{
  VulkanCount rows = op->output_rows ? VULKAN_COUNT_OUTPUTS : VULKAN_COUNT_TOKENS;
  return (VulkanGrid) { { rows }, { 0, 1, 1 } };
}

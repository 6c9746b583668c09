/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A plan made ready to run: its activations, its parameters, and its recorded command buffers. */
#pragma once

#include "engine/vulkan/ahead.h"
#include "engine/vulkan/exchange.h"
#include "engine/vulkan/kv.h"
#include "engine/vulkan/pipeline.h"
#include "engine/vulkan/states.h"
#include "engine/vulkan/tile.h"
#include "engine/vulkan/tune.h"
#include "engine/vulkan/weights.h"

typedef struct {
  EngineBackend base;
  EngineBackendCaps caps;
  VulkanDevice *device;
  VulkanPipelines *pipelines;
  VulkanSubmitter *submitter;
  VulkanTuner *tuner;
} VulkanBackend;

typedef struct {
  EngineBackendModel base;
  VulkanBackend *backend;
  VulkanWeights *weights;
  VulkanKv kv[GRAPH_N_KV_GROUPS];
  VulkanStates states;
  VulkanAhead ahead;
  uint64_t scratch_bytes; /* of all executables */
} VulkanModel;

/* A dimension of a dispatch that depends on the batch. */
typedef enum {
  VULKAN_COUNT_FIXED,
  VULKAN_COUNT_TOKENS,
  VULKAN_COUNT_TOKEN_TILES, /* of `fixed` columns */
  VULKAN_COUNT_OUTPUTS,
  VULKAN_COUNT_OUTPUT_TILES,
  VULKAN_COUNT_SPLITS, /* of all keys, below of those in a window */
  VULKAN_COUNT_WINDOW_SPLITS,
  VULKAN_COUNT_SPLIT_TOKENS, /* tokens, or 0 when the KV is not split */
  VULKAN_COUNT_WINDOW_SPLIT_TOKENS,
  VULKAN_COUNT_RUNS,
  VULKAN_COUNT_RUN_TILES,    /* of the longest run, of SHADER_CONV_TILE tokens */
  VULKAN_COUNT_EXPERT_TILES, /* at most, of `fixed` columns */
} VulkanCount;

typedef struct {
  VulkanCount kind[3];
  uint32_t fixed[3];
} VulkanGrid;

/* Recordings by the number of rows: columns 1, 2, 4, 8, 16, few in tiles, many in tiles. */
#define VULKAN_BUCKET_FEW  5
#define VULKAN_BUCKET_MANY 6
#define VULKAN_N_BUCKETS   7

/* The commands of one part of the plan for one number of columns. */
typedef struct {
  GArray *commands;        /* VkCommandBuffer, cut where a submit may end; NULL: not recorded yet */
  uint32_t *ends;          /* [segments] of the commands: the index behind a segment's last */
  GArray *grids;           /* VulkanGrid, one per dispatch, in the order of the arguments */
  uint32_t first_argument; /* of this recording in the arguments */
  double each_us;          /* of one command buffer and one column, measured */
} VulkanRecording;

typedef enum {
  VULKAN_PART_TOKENS,
  VULKAN_PART_OUTPUTS,
  VULKAN_N_PARTS
} VulkanPlanPart;

/* Where things lie in the parameters, in bytes. */
typedef struct {
  uint64_t batch, tokens, runs, outputs, pick, arguments, file_rows, bytes;
  uint64_t pages[GRAPH_N_KV_GROUPS];
  uint64_t rotations, rotation_bytes; /* rotation i lies i times its bytes behind the first */
  uint32_t max_arguments;
} VulkanParameters;

struct _VulkanExecutable {
  EngineBackendExecutable base;
  VulkanModel *model;
  const GraphPlan *plan;                              /* borrowed */
  uint32_t rows[GRAPH_N_BUFFERS];                     /* padded to whole tiles */
  uint64_t offset[GRAPH_N_BUFFERS];                   /* into activations */
  uint64_t pack, pack_scales, parts, slices, squares; /* offsets into activations */
  uint64_t expert_counts, expert_tiles, expert_parts; /* the same */
  VulkanBuffer activations;
  VulkanBuffer params;
  VulkanParameters at;
  VulkanBuffer results;  /* [max_outputs][SHADER_RESULT_WORDS] */
  VulkanBuffer readback; /* the same for the host, where it does not see results */
  VulkanExchange exchange;
  VulkanRecording recordings[VULKAN_N_PARTS][VULKAN_N_BUCKETS];
  const GraphOp *file_op;    /* EMBED whose rows are read from the file, or NULL */
  uint32_t rotations;        /* bits of those in use */
  gboolean whole_run;        /* tokens see all of their run */
  uint32_t window_tokens;    /* of the layers that have one; 0: none has */
  uint32_t max_split_tokens; /* tokens * splits that parts has room for */
  uint32_t tile_tokens;      /* that a workgroup of attention takes of many; 0: one */
  uint32_t n_arguments;
  VulkanExecutable *twin; /* takes turns with it, see ahead.h; NULL: none */
  gboolean is_twin;       /* the other one owns it */
  VkCommandBuffer next;   /* picks the twin's token from the results */
};

VulkanExecutable *vulkan_executable_new (VulkanModel *model, const GraphPlan *plan, GError **error);
void vulkan_executable_free (VulkanExecutable *self);
/* Bytes of the device that it takes, and those that one of the plan would take: model says only
 * which device it is and how many pages there are. */
uint64_t vulkan_executable_bytes (const VulkanExecutable *self);
uint64_t vulkan_executable_measure (VulkanModel *model, const GraphPlan *plan);

/* Tiles that n_tokens can make at most, of so many pairs of token and expert each. */
static inline uint32_t
vulkan_most_expert_tiles (const ModelHparams *h, uint32_t n_tokens, uint32_t columns)
{
  uint32_t n_pairs = n_tokens * h->n_experts_used;
  return columns == 1 ? n_pairs : MIN (n_pairs, h->n_experts) + n_pairs / columns;
}

/* The bucket of n rows: the smallest number of columns that holds them; beyond, the most, or
 * tiles. */
uint32_t vulkan_bucket (const VulkanExecutable *self, uint32_t n_rows);
/* Records part for bucket when that has not been done (recorder.c). */
gboolean vulkan_record (VulkanExecutable *self, VulkanPlanPart part, uint32_t bucket,
                        GError **error);
/* Floats from one row to the next of those that a back end reads from the file for an EMBED op. */
static inline uint32_t
vulkan_file_row_floats (const GraphOp *op)
{
  return (uint32_t) (op->weights[0]->ne[0] + SHADER_BLOCK - 1) / SHADER_BLOCK * SHADER_BLOCK;
}

/* Reads the rows of a batch from the file, where an op wants them (batch.c). */
gboolean vulkan_batch_read_rows (VulkanExecutable *self, const EngineBatch *batch, GError **error);
/* Writes what the kernels read of a batch (batch.c). */
void vulkan_batch_write (VulkanExecutable *self, const EngineBatch *batch,
                         const uint32_t buckets[VULKAN_N_PARTS]);
/* Takes the candidates of the last run to result; whole rows when the device found too many. */
gboolean vulkan_batch_read (VulkanExecutable *self, const EngineBatch *batch, EngineResult *result,
                            GError **error);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns what was measured of the kernels on this device: which candidates there are, how they are
 * timed and held to the results of the device's row, the file that keeps it. Must not know
 * recordings nor batches. */
#include "engine/vulkan/tune.h"

#include "engine/vulkan/cache.h"

#include <math.h>
#include <string.h>

#define CACHE_MAGIC    "BTGVKT1"
#define BUDGET_MS      2500
#define MAX_PRODUCTS   4    /* of different layers, so that weights do not wait in a cache */
#define N_COLUMNS      256u /* of a product by tiles */
#define N_COMPARED     512u
#define RUNS           3
#define WORTH_IT       0.97 /* of the time before; less is noise */
#define MAX_SPLIT      16u
#define MAX_CANDIDATES 16u
#define MAX_SCRATCH    (128u << 20)
#define X_SCALES_PART  4u /* of the activations' bytes */

typedef enum {
  TUNE_ROWS, /* value: lanes << 16 | split */
  TUNE_TILE, /* value: index of the tile */
} TuneClass;

/* Kept in the file. Sizes are powers of two: products of about a size share what was found. */
typedef struct {
  uint32_t kind, form, rows_log2, blocks_log2, value;
} Entry;

/* Products of the same kind and size. */
typedef struct {
  Entry entry; /* without a value */
  const VulkanTensor *stacks[MAX_PRODUCTS];
  uint32_t row0[MAX_PRODUCTS];
  uint32_t n, rows;
  uint64_t bytes; /* of all such weights */
} Subject;

struct _VulkanTuner {
  const VulkanDevice *device; /* borrowed */
  char *file;                 /* NULL: none */
  GArray *entries;            /* Entry */
  gint64 budget_us;
};

typedef struct {
  VulkanTuner *tuner;
  VulkanPipelines *pipelines;
  VulkanSubmitter *submitter;
  VulkanBuffer x, dst;
  VkCommandBuffer commands;
  float wanted[N_COMPARED]; /* results of the first candidate */
  gint64 deadline_us;
} Bench;

/* The kernels and forms that entries speak of: entries of others mean something else. */
static char *
sum_of_kernels (void)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  for (size_t i = 0; i < SHADER_N_KERNELS; i++)
    if (shader_kernels[i].words != NULL)
      g_checksum_update (sum, (const guchar *) shader_kernels[i].words,
                         (gssize) shader_kernels[i].bytes);
  return g_strdup (g_checksum_get_string (sum));
}

static uint32_t
log2_of (uint32_t n)
{
  return (uint32_t) g_bit_storage (n);
}

static Entry
entry_for (TuneClass kind, const VulkanLayout *layout, uint32_t rows)
{
  return (Entry) { kind, layout->form, log2_of (rows), log2_of (layout->blocks), 0 };
}

static const Entry *
find (const VulkanTuner *self, const Entry *wanted)
{
  for (guint i = 0; i < self->entries->len; i++) {
    const Entry *entry = &g_array_index (self->entries, Entry, i);
    if (memcmp (entry, wanted, offsetof (Entry, value)) == 0)
      return entry;
  }
  return NULL;
}

/* ---- the file ------------------------------------------------------------------------------- */

#define SUM_CHARS 64

static void
read_file (VulkanTuner *self)
{
  g_autofree char *contents = NULL, *sum = sum_of_kernels ();
  gsize bytes = 0;
  const char *data = engine_cache_read (self->file, CACHE_MAGIC, &contents, &bytes);
  if (data == NULL || bytes < SUM_CHARS || memcmp (data, sum, SUM_CHARS) != 0)
    return;
  for (gsize at = SUM_CHARS; at + sizeof (Entry) <= bytes; at += sizeof (Entry)) {
    Entry entry;
    memcpy (&entry, data + at, sizeof entry);
    g_array_append_val (self->entries, entry);
  }
}

static void
write_file (const VulkanTuner *self)
{
  g_autofree char *sum = sum_of_kernels ();
  g_autoptr (GByteArray) data = g_byte_array_new ();
  if (self->file == NULL)
    return;
  g_byte_array_append (data, (const guint8 *) sum, SUM_CHARS);
  g_byte_array_append (data, (const guint8 *) self->entries->data,
                       (guint) (self->entries->len * sizeof (Entry)));
  engine_cache_write (self->file, CACHE_MAGIC, data->data, data->len);
}

VulkanTuner *
vulkan_tuner_new (const VulkanDevice *device, const char *cache_dir)
{
  VulkanTuner *self = g_new0 (VulkanTuner, 1);
  const char *wanted = g_getenv ("BOTTEGA_VULKAN_TUNE");
  gboolean named = g_getenv ("BOTTEGA_VULKAN_QUIRKS") != NULL;
  uint64_t budget_ms = named || device->info->kind >= VULKAN_KIND_SOFTWARE ? 0 : BUDGET_MS;
  if (wanted != NULL)
    budget_ms = MIN (g_ascii_strtoull (wanted, NULL, 10), 60000);
  self->device = device;
  self->budget_us = (gint64) budget_ms * 1000;
  self->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  self->file = vulkan_cache_file (device, cache_dir, "tune");
  if (self->budget_us > 0)
    read_file (self);
  return self;
}

void
vulkan_tuner_free (VulkanTuner *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->entries);
  g_free (self->file);
  g_free (self);
}

/* ---- what was found ------------------------------------------------------------------------- */

/* Rows of a stack are padded to the lanes of the device's row: candidates divide these. */
static gboolean
is_right (const VulkanTuner *self, VulkanRows rows)
{
  const VkPhysicalDeviceLimits *limits = &self->device->can.properties.limits;
  return rows.lanes > 0 && rows.split > 0 && self->device->quirks.lanes % rows.lanes == 0 &&
         rows.split <= MIN (MAX_SPLIT, limits->maxComputeWorkGroupSize[1]) &&
         rows.lanes * rows.split <= limits->maxComputeWorkGroupInvocations;
}

VulkanRows
vulkan_tuner_rows (const VulkanTuner *self, const VulkanLayout *layout, uint32_t rows)
{
  const VulkanQuirks *quirks = &self->device->quirks;
  Entry wanted = entry_for (TUNE_ROWS, layout, rows);
  const Entry *entry = find (self, &wanted);
  VulkanRows usual = { quirks->lanes, quirks->split };
  VulkanRows found = { entry != NULL ? entry->value >> 16 : 0,
                       entry != NULL ? entry->value & 0xffff : 0 };
  return is_right (self, found) ? found : usual;
}

const VulkanTile *
vulkan_tuner_tile (const VulkanTuner *self, const VulkanLayout *layout, uint32_t rows,
                   uint32_t n_columns, uint32_t most_columns)
{
  Entry wanted = entry_for (TUNE_TILE, layout, rows);
  const Entry *entry = n_columns >= N_COLUMNS ? find (self, &wanted) : NULL;
  const VulkanTile *tile = NULL;
  if (entry != NULL)
    tile = vulkan_tile_at (self->device, layout, entry->value, most_columns);
  return tile != NULL ? tile
                      : vulkan_tile_choose (self->device, layout, rows, n_columns, most_columns);
}

/* ---- what there is to measure --------------------------------------------------------------- */

static Subject *
find_subject (GArray *subjects, const Entry *entry)
{
  for (guint i = 0; i < subjects->len; i++) {
    Subject *subject = &g_array_index (subjects, Subject, i);
    if (memcmp (&subject->entry, entry, sizeof *entry) == 0)
      return subject;
  }
  return NULL;
}

static void
add_product (const VulkanTuner *self, GArray *subjects, TuneClass kind, const VulkanPart *first,
             uint32_t rows)
{
  const VulkanLayout *layout = &first->stack->layout;
  Entry entry = entry_for (kind, layout, rows);
  if (find (self, &entry) != NULL)
    return;
  Subject *subject = find_subject (subjects, &entry);
  if (subject == NULL) {
    Subject fresh = { .entry = entry, .rows = rows };
    g_array_append_val (subjects, fresh);
    subject = &g_array_index (subjects, Subject, subjects->len - 1);
  }
  for (VulkanPlane plane = 0; plane < VULKAN_N_PLANES; plane++)
    subject->bytes += (uint64_t) layout->row_bytes[plane] * rows;
  if (subject->n == MAX_PRODUCTS || rows != subject->rows)
    return;
  subject->stacks[subject->n] = first->stack;
  subject->row0[subject->n++] = first->first_row;
}

/* An op's weights that lie behind each other are one product, as record-products.c has it; those of
 * outputs have few columns. */
static void
add_op (const VulkanTuner *self, GArray *subjects, const VulkanWeights *weights,
        const GraphOp *op)
{
  for (uint32_t w = 0; w < op->n_weights;) {
    const VulkanPart *first = vulkan_weights_part (weights, op->weights[w]);
    uint32_t rows = (uint32_t) op->weights[w]->ne[1];
    for (w++; op->kind == GRAPH_OP_MATMUL && w < op->n_weights; w++) {
      const VulkanPart *next = vulkan_weights_part (weights, op->weights[w]);
      if (next->stack != first->stack || next->first_row != first->first_row + rows ||
          op->biases[w] != NULL || op->biases[w - 1] != NULL)
        break;
      rows += (uint32_t) op->weights[w]->ne[1];
    }
    add_product (self, subjects, TUNE_ROWS, first, rows);
    if (!op->output_rows &&
        vulkan_tile_choose (self->device, &first->stack->layout, rows, N_COLUMNS,
                            VULKAN_TILE_MOST) != NULL)
      add_product (self, subjects, TUNE_TILE, first, rows);
  }
}

static gint
compare_bytes (gconstpointer a, gconstpointer b)
{
  const Subject *x = a, *y = b;
  return x->bytes == y->bytes ? 0 : x->bytes > y->bytes ? -1
                                                        : 1;
}

/* Values that may be right for a subject, that of the device's row first; their number. */
static uint32_t
list_candidates (const VulkanTuner *self, const Subject *subject, uint32_t values[MAX_CANDIDATES])
{
  const VulkanQuirks *quirks = &self->device->quirks;
  const VulkanLayout *layout = &subject->stacks[0]->layout;
  uint32_t n = 0;
  if (subject->entry.kind == TUNE_ROWS) {
    values[n++] = quirks->lanes << 16 | quirks->split;
    for (uint32_t lanes = quirks->lanes; lanes >= 32; lanes /= 2)
      for (uint32_t split = 2; split <= MAX_SPLIT; split *= 2)
        if (is_right (self, (VulkanRows) { lanes, split }) &&
            (lanes != quirks->lanes || split != quirks->split))
          values[n++] = lanes << 16 | split;
    return n;
  }
  const VulkanTile *usual = vulkan_tile_choose (self->device, layout, subject->rows, N_COLUMNS,
                                                VULKAN_TILE_MOST);
  values[n++] = vulkan_tile_index (usual);
  for (uint32_t i = 0; i < MAX_CANDIDATES && n < MAX_CANDIDATES; i++) {
    const VulkanTile *tile = vulkan_tile_at (self->device, layout, i, VULKAN_TILE_MOST);
    if (tile != NULL && tile != usual && tile->tiling == usual->tiling)
      values[n++] = i;
  }
  return n;
}

/* ---- measuring ------------------------------------------------------------------------------ */

/* A candidate's way, its dispatch and the constants of its pipeline. */
typedef struct {
  VulkanWay way;
  uint32_t constants[VULKAN_N_CONSTANTS];
  uint32_t groups[2];
} Candidate;

static Candidate
candidate_for (const VulkanTuner *self, const Subject *subject, uint32_t value)
{
  const VulkanLayout *layout = &subject->stacks[0]->layout;
  gboolean ints = !self->device->quirks.float_dots && layout->type->block_weights > 1;
  VulkanRows rows = { value >> 16, value & 0xffff };
  const VulkanTile *tile = NULL;
  if (subject->entry.kind == TUNE_TILE) {
    tile = vulkan_tile_at (self->device, layout, value, VULKAN_TILE_MOST);
    rows = (VulkanRows) { tile->rows, 1 };
  }
  Candidate candidate = {
    .way = vulkan_way (tile, layout, ints, FALSE, 1),
    .constants = { rows.lanes, rows.split, tile != NULL ? tile->columns : 1, SHADER_STORE,
                   layout->group },
    .groups = { (subject->rows + rows.lanes - 1) / rows.lanes,
                tile != NULL ? N_COLUMNS / tile->columns : 1 },
  };
  candidate.constants[5] = vulkan_way_features (self->device, &candidate.way, rows.lanes);
  if (tile != NULL)
    vulkan_tile_constants (self->device, tile, candidate.constants);
  return candidate;
}

/* All products of a subject, one after another. */
static gboolean
record (Bench *bench, const Subject *subject, const Candidate *candidate, GError **error)
{
  VkCommandBufferBeginInfo begin = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO };
  VkMemoryBarrier barrier = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
    .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
    .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT,
  };
  const VulkanLayout *layout = &subject->stacks[0]->layout;
  VkPipeline pipeline = vulkan_pipelines_get (
      bench->pipelines, SHADER_FORM_KERNEL (layout->form, candidate->way.family),
      candidate->constants, vulkan_way_subgroup (bench->tuner->device, &candidate->way), error);
  if (pipeline == VK_NULL_HANDLE || !VK (vkBeginCommandBuffer (bench->commands, &begin), error))
    return FALSE;
  vkCmdBindPipeline (bench->commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
  for (uint32_t i = 0; i < subject->n; i++) {
    uint64_t scales = bench->x.address + bench->x.bytes / X_SCALES_PART * (X_SCALES_PART - 1);
    ShaderMatmulPush push = {
      .w = subject->stacks[i]->planes,
      .x = candidate->way.pack == VULKAN_PACK_FLOAT ? scales : bench->x.address,
      .x_codes = bench->x.address,
      .x_scales = scales,
      .dst = bench->dst.address,
      .bias = bench->x.address,
      .rows = subject->rows,
      .blocks = layout->blocks,
      .stride = subject->rows,
      .group = layout->group,
      .row0 = subject->row0[i],
      .scale = 1,
    };
    vkCmdPipelineBarrier (bench->commands,
                          VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                          VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
    vkCmdPushConstants (bench->commands, vulkan_pipelines_layout (bench->pipelines),
                        VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof push, &push);
    vkCmdDispatch (bench->commands, candidate->groups[0], candidate->groups[1], 1);
  }
  return VK (vkEndCommandBuffer (bench->commands), error);
}

/* Whether the last results are those of the first candidate, which are kept. */
static gboolean
check_results (Bench *bench, const Subject *subject, gboolean first, GError **error)
{
  float got[N_COMPARED];
  uint32_t n = MIN (subject->rows, N_COMPARED);
  double difference = 0, size = 0;
  if (!vulkan_submitter_read (bench->submitter, &bench->dst, 0, got, n * sizeof *got, error))
    return FALSE;
  if (first)
    memcpy (bench->wanted, got, sizeof got);
  for (uint32_t i = 0; i < n; i++) {
    difference += fabs ((double) got[i] - (double) bench->wanted[i]);
    size += fabs ((double) bench->wanted[i]);
  }
  return difference <= 1e-3 * size; /* false for what is no number, too */
}

/* The time of a candidate; 0 when it cannot be had. */
static double
time_candidate (Bench *bench, const Subject *subject, const Candidate *candidate, GError **error)
{
  double each_us = 0;
  uint64_t us = 0;
  return record (bench, subject, candidate, error) &&
                 vulkan_submitter_run (bench->submitter, &bench->commands, 1, &each_us, NULL, &us,
                                       error)
             ? each_us
             : 0;
}

/* Candidates come by turns, for a card's clock rises while it works: what came later would seem
 * faster. The first turn warms up and looks at results. */
static void
measure (Bench *bench, const Subject *subject)
{
  uint32_t values[MAX_CANDIDATES], best = 0;
  uint32_t n = list_candidates (bench->tuner, subject, values);
  Candidate candidates[MAX_CANDIDATES];
  double least[MAX_CANDIDATES] = { 0 };
  for (uint32_t turn = 0; turn <= RUNS; turn++)
    for (uint32_t i = 0; i < n; i++) {
      g_autoptr (GError) error = NULL;
      if (turn == 0)
        candidates[i] = candidate_for (bench->tuner, subject, values[i]);
      else if (least[i] == 0)
        continue;
      double us = time_candidate (bench, subject, &candidates[i], &error);
      if (turn == 0 && us > 0 && !check_results (bench, subject, i == 0, &error))
        us = 0;
      if (us == 0 && i == 0)
        return;
      least[i] = turn < 2 || us == 0 ? us : MIN (least[i], us);
      if (g_get_monotonic_time () > bench->deadline_us)
        return; /* half of a comparison is none */
    }
  for (uint32_t i = 1; i < n; i++)
    if (least[i] > 0 && least[i] < WORTH_IT * least[best])
      best = i;
  Entry entry = subject->entry;
  entry.value = values[best];
  g_array_append_val (bench->tuner->entries, entry);
}

/* Activations for all ways: ones as halves (codes of 0 and 60 as bytes), ones as floats. */
static gboolean
prepare (Bench *bench, GArray *subjects, GError **error)
{
  const VulkanDevice *device = bench->tuner->device;
  uint64_t x = 0, dst = 0;
  for (guint i = 0; i < subjects->len; i++) {
    const Subject *subject = &g_array_index (subjects, Subject, i);
    uint64_t columns = subject->entry.kind == TUNE_TILE ? N_COLUMNS : 1;
    x = MAX (x, (uint64_t) subject->stacks[0]->layout.blocks * SHADER_BLOCK * 4 * columns);
    dst = MAX (dst, subject->rows * columns * 4);
  }
  x = (x + 1023) / 1024 * 1024 * X_SCALES_PART;
  if (x + dst > MAX_SCRATCH ||
      !vulkan_buffer_init (&bench->x, device, VULKAN_MEMORY_DEVICE, x, "measuring", error) ||
      !vulkan_buffer_init (&bench->dst, device, VULKAN_MEMORY_DEVICE, dst, "measuring", error))
    return FALSE;
  VkCommandBufferBeginInfo begin = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO };
  uint64_t codes = x / X_SCALES_PART * (X_SCALES_PART - 1), us = 0;
  double each_us = 0;
  bench->commands = vulkan_submitter_new_commands (bench->submitter, error);
  if (bench->commands == VK_NULL_HANDLE ||
      !VK (vkBeginCommandBuffer (bench->commands, &begin), error))
    return FALSE;
  vkCmdFillBuffer (bench->commands, bench->x.buffer, 0, codes, 0x3c003c00u);
  vkCmdFillBuffer (bench->commands, bench->x.buffer, codes, VK_WHOLE_SIZE, 0x3f800000u);
  return VK (vkEndCommandBuffer (bench->commands), error) &&
         vulkan_submitter_run (bench->submitter, &bench->commands, 1, &each_us, NULL, &us, error);
}

void
vulkan_tuner_learn (VulkanTuner *self, VulkanPipelines *pipelines, VulkanSubmitter *submitter,
                    const VulkanWeights *weights, const GraphPlan *plan)
{
  g_autoptr (GArray) subjects = g_array_new (FALSE, FALSE, sizeof (Subject));
  g_autoptr (GError) error = NULL;
  Bench bench = {
    .tuner = self,
    .pipelines = pipelines,
    .submitter = submitter,
    .deadline_us = g_get_monotonic_time () + self->budget_us,
  };
  guint before = self->entries->len;
  if (self->budget_us == 0 || self->device->quirks.narrow_rows > 0)
    return;
  for (uint32_t i = 0; i < plan->n_ops; i++)
    if (plan->ops[i].kind == GRAPH_OP_MATMUL || plan->ops[i].kind == GRAPH_OP_GATED)
      add_op (self, subjects, weights, &plan->ops[i]);
  g_array_sort (subjects, compare_bytes);
  if (subjects->len > 0 && prepare (&bench, subjects, &error))
    for (guint i = 0; i < subjects->len && g_get_monotonic_time () < bench.deadline_us; i++)
      measure (&bench, &g_array_index (subjects, Subject, i));
  if (self->entries->len > before)
    write_file (self);
  vulkan_submitter_free_commands (submitter, bench.commands);
  vulkan_buffer_finish (&bench.x);
  vulkan_buffer_finish (&bench.dst);
}

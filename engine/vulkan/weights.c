/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns a model's weights on the device: sizes them, allocates blocks, and streams every tensor
 * through the repacking in pieces of a few MiB, so that memory is never doubled. Knows tensors
 * and planes; must not know what a plan computes. */
#include "engine/vulkan/weights.h"

#include "engine/vulkan/unpack.h"

#include <string.h>

#define PIECE_BYTES (2u << 20)   /* of the file, at a time */
#define BLOCK_BYTES (512u << 20) /* of one allocation, unless a tensor is larger */
#define MAX_SLICES  16
#define ALIGNMENT   256u

typedef struct {
  VulkanWeights *weights;
  VulkanSubmitter *submitter;
  const ModelGguf *gguf;
  EngineProgress progress;
  void *user_data;
  const gint *cancel;
  uint64_t total_bytes, done_bytes; /* of the file */
} Loader;

static uint64_t
align (uint64_t bytes)
{
  return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void
free_vector (void *data)
{
  VulkanVector *vector = data;
  g_free (vector->host);
  g_free (vector);
}

/* Rows that a workgroup of the matrix kernels takes: it reads whole groups. */
static uint32_t
rows_a_group (const VulkanDevice *device)
{
  return MAX (device->quirks.lanes, device->quirks.narrow_rows);
}

/* Of all its matrices, one after another: those of experts are one tall matrix. */
static uint32_t
rows_of (const ModelTensor *tensor)
{
  return (uint32_t) (tensor->ne[1] * tensor->ne[2]);
}

/* Whether the op's weights can lie on top of each other: same type, and each but the last ends
 * where a workgroup's rows end. */
static gboolean
can_stack (const VulkanWeights *self, const GraphOp *op)
{
  for (uint32_t w = 0; w < op->n_weights; w++) {
    const ModelTensor *tensor = op->weights[w];
    if (tensor->type != op->weights[0]->type || g_hash_table_contains (self->parts, tensor) ||
        (w + 1 < op->n_weights && rows_of (tensor) % rows_a_group (self->device) != 0))
      return FALSE;
  }
  return op->n_weights > 0;
}

static void
add_stack (VulkanWeights *self, const ModelTensor *const *tensors, uint32_t n)
{
  const VulkanQuirks *quirks = &self->device->quirks;
  VulkanTensor *stack = g_new0 (VulkanTensor, 1);
  uint32_t rows = 0;
  for (uint32_t i = 0; i < n; i++) {
    VulkanPart *part = g_new (VulkanPart, 1);
    *part = (VulkanPart) { stack, rows };
    g_hash_table_insert (self->parts, (gpointer) tensors[i], part);
    stack->parts[stack->n_parts++] = tensors[i];
    rows += rows_of (tensors[i]);
  }
  vulkan_layout_init (&stack->layout, tensors[0]->type, rows, (uint32_t) tensors[0]->ne[0],
                      quirks->group, rows_a_group (self->device), quirks->float_dots);
  g_ptr_array_add (self->stacks, stack);
}

/* tensor: NULL adds nothing. */
static void
add_vector (VulkanWeights *self, const ModelTensor *tensor)
{
  if (tensor == NULL || g_hash_table_contains (self->vectors, tensor))
    return;
  VulkanVector *vector = g_new0 (VulkanVector, 1);
  vector->tensor = tensor;
  vector->n = (uint32_t) tensor->ne[0] * rows_of (tensor);
  g_hash_table_insert (self->vectors, (gpointer) tensor, vector);
}

/* Refuses what there are no kernels for: the processor may have them. */
static gboolean
check_types (const GraphPlan *plan, GError **error)
{
  for (uint32_t i = 0; i < plan->n_ops; i++)
    for (uint32_t w = 0; w < plan->ops[i].n_weights; w++) {
      const ModelTensor *tensor = plan->ops[i].weights[w];
      if (vulkan_layout_runs (tensor->type) || plan->ops[i].from_file)
        continue;
      g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_UNSUPPORTED,
                   "Graphics cards cannot run weights of the format %s yet (%s): choose the "
                   "processor in the settings, or a file in Q4_K_M.",
                   tensor->type->name, tensor->name);
      return FALSE;
    }
  return TRUE;
}

/* Fills stacks and vectors from the plan, without memory yet. */
static void
collect (VulkanWeights *self, const GraphPlan *plan)
{
  for (uint32_t i = 0; i < plan->n_ops; i++) {
    const GraphOp *op = &plan->ops[i];
    if (op->from_file)
      continue;
    if (can_stack (self, op))
      add_stack (self, op->weights, op->n_weights);
    for (uint32_t w = 0; w < op->n_weights; w++)
      if (!g_hash_table_contains (self->parts, op->weights[w]))
        add_stack (self, &op->weights[w], 1);
    add_vector (self, op->vector);
    add_vector (self, op->k_norm);
    add_vector (self, op->factor);
    add_vector (self, op->step);
    add_vector (self, op->decay);
    add_vector (self, op->skip);
    for (uint32_t b = 0; b < GRAPH_MAX_WEIGHTS; b++)
      add_vector (self, op->biases[b]);
  }
}

static uint64_t
tensor_bytes (const VulkanLayout *layout)
{
  uint64_t bytes = 0;
  for (VulkanPlane plane = 0; plane < VULKAN_N_PLANES; plane++)
    bytes += align (vulkan_layout_plane_bytes (layout, plane));
  return bytes;
}

/* Bytes of the book that the codes of a stack are indices of, when no stack before it has the same
 * type; *before: that stack, or NULL. */
static uint64_t
book_bytes (const VulkanWeights *self, guint index, const VulkanTensor **before)
{
  const VulkanTensor *stack = self->stacks->pdata[index];
  for (guint i = 0; i < index; i++) {
    *before = self->stacks->pdata[i];
    if ((*before)->layout.type == stack->layout.type)
      return 0;
  }
  *before = NULL;
  return align (vulkan_format_book (vulkan_format (stack->layout.type->id), NULL) * 4);
}

/* Where the next piece goes. */
typedef struct {
  uint64_t used, size; /* of the last block */
  uint64_t left;       /* to be placed yet */
} Cursor;

/* Places a piece in the last block, or at the start of a new one: then TRUE, with its size. */
static gboolean
opens_block (Cursor *cursor, uint64_t bytes, uint64_t *offset)
{
  gboolean opens = cursor->used + bytes > cursor->size;
  if (opens) {
    cursor->size = MAX (bytes, MIN (cursor->left, BLOCK_BYTES));
    cursor->used = 0;
  }
  *offset = cursor->used;
  cursor->used += bytes;
  cursor->left -= bytes;
  return opens;
}

static gboolean
check_total (VulkanWeights *self, GError **error)
{
  uint64_t total = 0;
  for (guint i = 0; i < self->stacks->len; i++)
    total += tensor_bytes (&((VulkanTensor *) self->stacks->pdata[i])->layout);
  uint32_t heap = vulkan_device_weights_heap (self->device);
  uint64_t have = vulkan_device_free_bytes (self->device, heap);
  if (total <= have)
    return TRUE;
  g_autofree char *need_text = g_format_size (total);
  g_autofree char *have_text = g_format_size (have);
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY,
               "The weights need %s of memory on %s, where %s are free: choose a smaller model or "
               "the processor.",
               need_text, self->device->info->name, have_text);
  return FALSE;
}

/* Room of bytes in the current block, or in a new one. */
static VulkanBuffer *
take (VulkanWeights *self, uint64_t bytes, uint64_t *offset, Cursor *cursor, GError **error)
{
  if (opens_block (cursor, bytes, offset)) {
    VulkanBuffer block;
    if (!vulkan_buffer_init (&block, self->device, VULKAN_MEMORY_DEVICE, cursor->size,
                             "the weights", error))
      return NULL;
    g_array_append_val (self->blocks, block);
    self->bytes += cursor->size;
  }
  return &g_array_index (self->blocks, VulkanBuffer, self->blocks->len - 1);
}

static gboolean
step (Loader *loader, uint64_t bytes, GError **error)
{
  loader->done_bytes += bytes;
  if (loader->progress != NULL)
    loader->progress ((double) loader->done_bytes / (double) MAX (loader->total_bytes, 1),
                      loader->user_data);
  if (loader->cancel == NULL || g_atomic_int_get (loader->cancel) == 0)
    return TRUE;
  g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED, "Loading was stopped.");
  return FALSE;
}

/* Some groups of rows on their way into the planes. */
typedef struct {
  const VulkanLayout *layout;
  const uint8_t *src;
  uint32_t n;
  uint8_t *planes[VULKAN_N_PLANES];
  GThread *thread; /* NULL: packed where it was set up */
} Slice;

static gpointer
pack_slice (gpointer data)
{
  Slice *slice = data;
  vulkan_layout_pack (slice->layout, slice->src, slice->n, slice->planes);
  return NULL;
}

/* vulkan_layout_pack on all processors: one packs 150 MB a second, far less than disks read. */
static void
pack (const VulkanLayout *layout, const uint8_t *src, uint32_t n,
      uint8_t *const planes[VULKAN_N_PLANES])
{
  Slice slices[MAX_SLICES];
  uint32_t groups = (n + layout->group - 1) / layout->group;
  uint32_t n_slices = CLAMP (MIN (g_get_num_processors (), groups), 1, MAX_SLICES);
  uint32_t rows = (groups + n_slices - 1) / n_slices * layout->group;
  for (uint32_t i = 0; i < n_slices; i++) {
    uint32_t first = MIN (i * rows, n);
    slices[i] = (Slice) {
      .layout = layout,
      .src = src + first * model_type_row_bytes (layout->type, layout->columns),
      .n = MIN (rows, n - first),
    };
    for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++)
      slices[i].planes[p] = planes[p] + (size_t) first * layout->row_bytes[p];
    if (i + 1 < n_slices)
      slices[i].thread = g_thread_try_new ("pack", pack_slice, &slices[i], NULL);
    if (slices[i].thread == NULL)
      pack_slice (&slices[i]);
  }
  for (uint32_t i = 0; i < n_slices; i++)
    if (slices[i].thread != NULL)
      g_thread_join (slices[i].thread);
}

/* Packs n rows from src to where they belong in each plane of block. */
static gboolean
put_rows (Loader *loader, const VulkanLayout *layout, VulkanBuffer *block,
          const uint64_t offsets[VULKAN_N_PLANES], uint32_t first, uint32_t n, const uint8_t *src,
          uint8_t *scratch, GError **error)
{
  uint8_t *planes[VULKAN_N_PLANES];
  uint32_t whole = (n + layout->group - 1) / layout->group * layout->group;
  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++) {
    uint64_t at = offsets[p] + (uint64_t) first * layout->row_bytes[p];
    planes[p] = block->map != NULL ? (uint8_t *) block->map + at : scratch;
    if (block->map == NULL)
      scratch += (uint64_t) whole * layout->row_bytes[p];
  }
  pack (layout, src, n, planes);
  if (block->map != NULL)
    return TRUE;
  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++)
    if (layout->row_bytes[p] > 0 &&
        !vulkan_submitter_write (loader->submitter, block,
                                 offsets[p] + (uint64_t) first * layout->row_bytes[p], planes[p],
                                 (uint64_t) whole * layout->row_bytes[p], error))
      return FALSE;
  return TRUE;
}

static gboolean
no_memory (const char *name, GError **error)
{
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY, "There is no memory to load %s.", name);
  return FALSE;
}

/* Rows of one tensor, from row first_row of the stack on. The last part of a stack also writes the
 * padding: rows of zero bytes, which are zero in every type. */
static gboolean
fill_part (Loader *loader, const VulkanTensor *stack, const ModelTensor *tensor, uint32_t first_row,
           VulkanBuffer *block, const uint64_t offsets[VULKAN_N_PLANES], GError **error)
{
  const VulkanLayout *layout = &stack->layout;
  uint32_t rows = rows_of (tensor);
  uint32_t end = first_row + rows == layout->rows ? layout->padded_rows - first_row : rows;
  size_t src_row = model_type_row_bytes (layout->type, layout->columns), packed_row = 0;
  uint32_t at_once = (uint32_t) MAX (PIECE_BYTES / src_row / layout->group, 1) * layout->group;
  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++)
    packed_row += layout->row_bytes[p];
  g_autofree uint8_t *src = g_try_malloc (at_once * src_row);
  g_autofree uint8_t *scratch = block->map != NULL ? NULL : g_try_malloc (at_once * packed_row);
  if (src == NULL || (scratch == NULL && block->map == NULL))
    return no_memory (tensor->name, error);
  for (uint32_t first = 0; first < end; first += at_once) {
    uint32_t n = first < rows ? MIN (at_once, rows - first) : 0, all = MIN (at_once, end - first);
    memset (src + n * src_row, 0, (all - n) * src_row);
    if ((n > 0 && !model_gguf_read (loader->gguf, tensor, (uint64_t) first * src_row, src,
                                    n * src_row, error)) ||
        !put_rows (loader, layout, block, offsets, first_row + first, all, src, scratch, error) ||
        !step (loader, (uint64_t) n * src_row, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
load_stack (Loader *loader, VulkanTensor *stack, Cursor *cursor, GError **error)
{
  uint64_t bytes = tensor_bytes (&stack->layout), offset;
  VulkanBuffer *block = take (loader->weights, bytes, &offset, cursor, error);
  if (block == NULL)
    return FALSE;
  uint64_t offsets[VULKAN_N_PLANES];
  for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++) {
    offsets[p] = offset;
    offset += align (vulkan_layout_plane_bytes (&stack->layout, p));
  }
  stack->planes.codes = block->address + offsets[VULKAN_PLANE_CODES];
  stack->planes.high = block->address + offsets[VULKAN_PLANE_HIGH];
  stack->planes.scales = block->address + offsets[VULKAN_PLANE_SCALES];
  stack->planes.supers = block->address + offsets[VULKAN_PLANE_SUPERS];
  for (uint32_t i = 0; i < stack->n_parts; i++) {
    const VulkanPart *part = vulkan_weights_part (loader->weights, stack->parts[i]);
    if (!fill_part (loader, stack, stack->parts[i], part->first_row, block, offsets, error))
      return FALSE;
  }
  return TRUE;
}

/* Where the codes of a stack are indices into a book, the book stands in for upper bits. */
static gboolean
load_book (Loader *loader, guint index, Cursor *cursor, GError **error)
{
  VulkanTensor *stack = loader->weights->stacks->pdata[index];
  const VulkanFormat *format = vulkan_format (stack->layout.type->id);
  const VulkanTensor *before;
  uint64_t bytes = book_bytes (loader->weights, index, &before), offset;
  uint32_t n = vulkan_format_book (format, NULL);
  if (n == 0)
    return TRUE;
  if (before != NULL) {
    stack->planes.high = before->planes.high;
    return TRUE;
  }
  VulkanBuffer *block = take (loader->weights, bytes, &offset, cursor, error);
  if (block == NULL)
    return FALSE;
  g_autofree uint32_t *words = g_new (uint32_t, n);
  vulkan_format_book (format, words);
  stack->planes.high = block->address + offset;
  return vulkan_submitter_write (loader->submitter, block, offset, words, (uint64_t) n * 4, error);
}

static uint64_t
vector_bytes (const VulkanVector *vector)
{
  return align ((uint64_t) vector->n * sizeof (float));
}

static gboolean
load_vector (Loader *loader, VulkanVector *own, Cursor *cursor, GError **error)
{
  uint64_t bytes = vector_bytes (own), offset;
  VulkanBuffer *block = take (loader->weights, bytes, &offset, cursor, error);
  if (block == NULL)
    return FALSE;
  size_t src_bytes = model_type_row_bytes (own->tensor->type, own->n);
  g_autofree uint8_t *src = g_try_malloc (src_bytes);
  own->host = g_try_new (float, own->n);
  if (src == NULL || own->host == NULL)
    return no_memory (own->tensor->name, error);
  if (!model_gguf_read (loader->gguf, own->tensor, 0, src, src_bytes, error))
    return FALSE;
  own->tensor->type->to_f32 (src, own->host, own->n);
  own->address = block->address + offset;
  return vulkan_submitter_write (loader->submitter, block, offset, own->host,
                                 (uint64_t) own->n * sizeof (float), error);
}

/* All that is to be placed. */
static uint64_t
total_bytes (const VulkanWeights *self)
{
  GHashTableIter iter;
  gpointer value;
  uint64_t bytes = 0;
  for (guint i = 0; i < self->stacks->len; i++) {
    const VulkanTensor *stack = self->stacks->pdata[i], *before;
    bytes += tensor_bytes (&stack->layout) + book_bytes (self, i, &before);
  }
  g_hash_table_iter_init (&iter, self->vectors);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    bytes += vector_bytes (value);
  return bytes;
}

static gboolean
load_all (Loader *loader, GError **error)
{
  VulkanWeights *self = loader->weights;
  Cursor cursor = { .left = total_bytes (self) };
  GHashTableIter iter;
  gpointer value;
  for (guint i = 0; i < self->stacks->len; i++) {
    const VulkanTensor *stack = self->stacks->pdata[i];
    for (uint32_t part = 0; part < stack->n_parts; part++)
      loader->total_bytes += stack->parts[part]->bytes;
  }
  for (guint i = 0; i < self->stacks->len; i++)
    if (!load_stack (loader, self->stacks->pdata[i], &cursor, error) ||
        !load_book (loader, i, &cursor, error))
      return FALSE;
  g_hash_table_iter_init (&iter, self->vectors);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (!load_vector (loader, value, &cursor, error))
      return FALSE;
  return TRUE;
}

/* What a plan refers to, without memory yet. */
static VulkanWeights *
shape_of (VulkanDevice *device, const GraphPlan *plan)
{
  VulkanWeights *self = g_new0 (VulkanWeights, 1);
  self->device = device;
  self->stacks = g_ptr_array_new_with_free_func (g_free);
  self->parts = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->vectors = g_hash_table_new_full (NULL, NULL, NULL, free_vector);
  self->blocks = g_array_new (FALSE, FALSE, sizeof (VulkanBuffer));
  collect (self, plan);
  return self;
}

/* The same pieces in the same order as load_all () places them. */
gboolean
vulkan_weights_measure (VulkanDevice *device, const GraphPlan *plan, uint64_t *bytes,
                        GError **error)
{
  GHashTableIter iter;
  gpointer value;
  uint64_t offset;
  if (!check_types (plan, error))
    return FALSE;
  VulkanWeights *self = shape_of (device, plan);
  Cursor cursor = { .left = total_bytes (self) };
  *bytes = 0;
  for (guint i = 0; i < self->stacks->len; i++) {
    const VulkanTensor *stack = self->stacks->pdata[i], *before;
    uint64_t book = book_bytes (self, i, &before);
    if (opens_block (&cursor, tensor_bytes (&stack->layout), &offset))
      *bytes += cursor.size;
    if (book > 0 && opens_block (&cursor, book, &offset))
      *bytes += cursor.size;
  }
  g_hash_table_iter_init (&iter, self->vectors);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (opens_block (&cursor, vector_bytes (value), &offset))
      *bytes += cursor.size;
  vulkan_weights_free (self);
  return TRUE;
}

VulkanWeights *
vulkan_weights_new (VulkanDevice *device, VulkanSubmitter *submitter, const GraphPlan *plan,
                    EngineProgress progress, void *user_data, const gint *cancel, GError **error)
{
  if (!check_types (plan, error))
    return NULL;
  VulkanWeights *self = shape_of (device, plan);
  Loader loader = {
    .weights = self,
    .submitter = submitter,
    .gguf = plan->desc->gguf,
    .progress = progress,
    .user_data = user_data,
    .cancel = cancel,
  };
  if (!check_total (self, error) || !load_all (&loader, error)) {
    vulkan_weights_free (self);
    return NULL;
  }
  return self;
}

void
vulkan_weights_free (VulkanWeights *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < self->blocks->len; i++)
    vulkan_buffer_finish (&g_array_index (self->blocks, VulkanBuffer, i));
  g_array_unref (self->blocks);
  g_ptr_array_unref (self->stacks);
  g_hash_table_unref (self->parts);
  g_hash_table_unref (self->vectors);
  g_free (self);
}

const VulkanPart *
vulkan_weights_part (const VulkanWeights *self, const ModelTensor *tensor)
{
  return g_hash_table_lookup (self->parts, tensor);
}

const VulkanVector *
vulkan_weights_vector (const VulkanWeights *self, const ModelTensor *tensor)
{
  return g_hash_table_lookup (self->vectors, tensor);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns a model's weights on the device: sizes them, allocates blocks, says where every tensor goes,
 * and has them streamed there (stream.c). Knows tensors and planes; must not know what a plan
 * computes. */
#include "engine/vulkan/weights.h"

#include "engine/vulkan/stream.h"
#include "engine/vulkan/unpack.h"

#define BLOCK_BYTES (512u << 20) /* of one allocation, unless a tensor is larger */
#define ALIGNMENT   256u

typedef struct {
  VulkanWeights *weights;
  VulkanSubmitter *submitter;
  const ModelGguf *gguf;
  GArray *pieces; /* VulkanPiece, of all stacks */
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

static void
add_vector (VulkanWeights *self, const ModelTensor *tensor)
{
  if (g_hash_table_contains (self->vectors, tensor))
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
    const ModelTensor *vectors[GRAPH_MAX_VECTORS];
    uint32_t n_vectors = graph_op_vectors (op, vectors);
    for (uint32_t v = 0; v < n_vectors; v++)
      add_vector (self, vectors[v]);
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
    if (!vulkan_buffer_init (&block, self->device, VULKAN_MEMORY_WEIGHTS, cursor->size,
                             "the weights", error))
      return NULL;
    g_array_append_val (self->blocks, block);
    self->bytes += cursor->size;
  }
  return &g_array_index (self->blocks, VulkanBuffer, self->blocks->len - 1);
}

static gboolean
no_memory (const char *name, GError **error)
{
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY, "There is no memory to load %s.", name);
  return FALSE;
}

/* Gives a stack its place, and says how it is to be filled. The last of its tensors also brings the
 * padding: rows of zero bytes, which are zero in every type. */
static gboolean
place_stack (Loader *loader, VulkanTensor *stack, Cursor *cursor, GError **error)
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
    uint32_t first = vulkan_weights_part (loader->weights, stack->parts[i])->first_row;
    VulkanPiece part = {
      .layout = &stack->layout,
      .tensor = stack->parts[i],
      .n = rows_of (stack->parts[i]),
      .all = rows_of (stack->parts[i]),
      .block = loader->weights->blocks->len - 1,
    };
    if (i + 1 == stack->n_parts)
      part.all = stack->layout.padded_rows - first;
    for (VulkanPlane p = 0; p < VULKAN_N_PLANES; p++)
      part.offsets[p] = offsets[p] + (uint64_t) first * stack->layout.row_bytes[p];
    vulkan_stream_cut (loader->pieces, &part);
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

/* All that is small is written here, the stacks when all have their places. */
static gboolean
place_all (Loader *loader, GError **error)
{
  VulkanWeights *self = loader->weights;
  Cursor cursor = { .left = total_bytes (self) };
  GHashTableIter iter;
  gpointer value;
  for (guint i = 0; i < self->stacks->len; i++)
    if (!place_stack (loader, self->stacks->pdata[i], &cursor, error) ||
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

/* The same pieces in the same order as place_all () places them. */
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
  g_autoptr (GArray) pieces = g_array_new (FALSE, FALSE, sizeof (VulkanPiece));
  Loader loader = { self, submitter, plan->desc->gguf, pieces };
  if (!check_total (self, error) || !place_all (&loader, error) ||
      !vulkan_stream_run (device, loader.gguf, (const VulkanBuffer *) self->blocks->data,
                          (const VulkanPiece *) pieces->data, pieces->len, progress, user_data,
                          cancel, error)) {
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

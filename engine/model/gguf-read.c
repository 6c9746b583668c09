/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads and validates the header of a GGUF file: the only code that sees its raw bytes. A file is
 * an attack until proved otherwise: every count is bounded by the bytes that remain before anything
 * is allocated, all arithmetic is checked, and what metadata takes is limited by a budget. It must
 * not know what a key or a tensor is for, but general.alignment.
 * Source of the format: the GGUF specification, versions 2 and 3. */
#include "engine/model/gguf-private.h"

#include "engine/error.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

G_STATIC_ASSERT (G_BYTE_ORDER == G_LITTLE_ENDIAN); /* numbers are used as they lie in the file */

#define MAX_VALUES         (UINT64_C (64) << 10)
#define MAX_KEY_BYTES      (UINT64_C (64) << 10)
#define MAX_NAME_BYTES     UINT64_C (63)
#define MAX_STRING_BYTES   (UINT64_C (16) << 20)
#define MAX_ARRAY_ELEMENTS (UINT64_C (8) << 20)
#define MAX_DIMENSION      (UINT64_C (1) << 31)
#define MIN_ALIGNMENT      UINT64_C (8)
#define MAX_ALIGNMENT      (UINT64_C (1) << 20)
#define DEFAULT_ALIGNMENT  UINT64_C (32)
#define BLOCK_BYTES        ((size_t) 64 << 10)
/* The fewest bytes that an entry can take in the file. */
#define MIN_VALUE_BYTES  (8 + 1 + 4 + 1)
#define MIN_TENSOR_BYTES (8 + 1 + 4 + 8 + 4 + 8)

struct _ModelGgufBlock {
  ModelGgufBlock *next;
  size_t used, size;
  max_align_t data[];
};

typedef struct {
  ModelGguf *gguf;
  uint64_t position; /* of the next byte */
  uint64_t buffered; /* file offset of buffer[0] */
  size_t n_buffered;
  uint8_t buffer[BLOCK_BYTES];
} Reader;

/* Bytes of each value type in the file; 0: of variable size. Indexed by ModelValueType. */
static const uint8_t value_bytes[] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };

void
model_gguf_free_blocks (ModelGguf *gguf)
{
  while (gguf->blocks != NULL) {
    ModelGgufBlock *next = gguf->blocks->next;

    g_free (gguf->blocks);
    gguf->blocks = next;
  }
}

/* Memory that lives as long as gguf; not cleared. */
static void *
allocate (ModelGguf *gguf, uint64_t bytes, GError **error)
{
  uint64_t rounded;
  ModelGgufBlock *block = gguf->blocks;

  /* No caller needs more; sums stay small. */
  if (bytes > MAX_ARRAY_ELEMENTS * sizeof (ModelString))
    bytes = UINT64_MAX / 2;
  rounded = (bytes + sizeof (max_align_t) - 1) / sizeof (max_align_t) * sizeof (max_align_t);
  if (block == NULL || block->size - block->used < rounded) {
    uint64_t size = MAX (rounded, BLOCK_BYTES);
    uint64_t total = size + sizeof *block;

    if (total > gguf->memory_left) {
      model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                         "has more metadata than its size allows");
      return NULL;
    }
    block = g_try_malloc (total);
    if (block == NULL) {
      model_gguf_refuse (gguf, ENGINE_ERROR_NO_MEMORY, error,
                         "cannot be opened: %" PRIu64
                         " bytes of memory for its metadata are not free",
                         total);
      return NULL;
    }
    gguf->memory_left -= total;
    block->used = 0;
    block->size = size;
    /* A large piece does not end the use of a block that still has room. */
    if (rounded >= BLOCK_BYTES && gguf->blocks != NULL) {
      block->next = gguf->blocks->next;
      gguf->blocks->next = block;
    } else {
      block->next = gguf->blocks;
      gguf->blocks = block;
    }
  }
  block->used += rounded;
  return (char *) block->data + block->used - rounded;
}

static uint64_t
remaining (const Reader *reader)
{
  return reader->gguf->file_bytes - reader->position;
}

static gboolean
read_bytes (Reader *reader, void *dst, size_t n, GError **error)
{
  uint8_t *out = dst;

  if (n > remaining (reader))
    return model_gguf_refuse (reader->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is cut off in its metadata, at byte %" PRIu64 "; download it again",
                              reader->gguf->file_bytes);
  while (n > 0) {
    uint64_t skip = reader->position - reader->buffered;
    size_t part;

    if (skip >= reader->n_buffered) {
      size_t want = (size_t) MIN (remaining (reader), sizeof reader->buffer);

      if (!model_gguf_pread (reader->gguf, reader->position, reader->buffer, want, error))
        return FALSE;
      reader->buffered = reader->position;
      reader->n_buffered = want;
      skip = 0;
    }
    part = MIN (n, reader->n_buffered - (size_t) skip);
    memcpy (out, reader->buffer + skip, part);
    out += part;
    n -= part;
    reader->position += part;
  }
  return TRUE;
}

static gboolean
read_u32 (Reader *reader, uint32_t *value, GError **error)
{
  return read_bytes (reader, value, sizeof *value, error);
}

static gboolean
read_u64 (Reader *reader, uint64_t *value, GError **error)
{
  return read_bytes (reader, value, sizeof *value, error);
}

/* A string in the arena, with a NUL after it. what: for the message. */
static gboolean
read_string (Reader *reader,
             uint64_t max_bytes,
             const char *what,
             ModelString *string,
             GError **error)
{
  uint64_t length;
  char *data;

  if (!read_u64 (reader, &length, error))
    return FALSE;
  if (length > max_bytes)
    return model_gguf_refuse (reader->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: %s of %" PRIu64
                              " bytes is longer than the limit of %" PRIu64,
                              what, length, max_bytes);
  if (length > remaining (reader))
    return model_gguf_refuse (reader->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged or cut off: %s of %" PRIu64
                              " bytes does not fit into what is left of it",
                              what, length);
  data = allocate (reader->gguf, length + 1, error);
  if (data == NULL || !read_bytes (reader, data, (size_t) length, error))
    return FALSE;
  data[length] = '\0';
  string->data = data;
  string->length = (uint32_t) length;
  return TRUE;
}

/* A name that messages and look-ups use: not empty, valid UTF-8 without NUL. */
static gboolean
read_name (Reader *reader, uint64_t max_bytes, const char *what, char **name, GError **error)
{
  ModelString string;

  if (!read_string (reader, max_bytes, what, &string, error))
    return FALSE;
  if (string.length == 0 || !g_utf8_validate (string.data, string.length, NULL))
    return model_gguf_refuse (reader->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: %s is empty or no valid text", what);
  *name = (char *) string.data;
  return TRUE;
}

/* The views of n strings. They cost twice their eight bytes in the file, hence the budget. */
static gboolean
read_string_array (Reader *reader, ModelArray *array, GError **error)
{
  ModelString *strings = allocate (reader->gguf, array->n * sizeof *strings, error);
  char *pool = NULL;
  size_t pool_left = 0;

  if (strings == NULL)
    return FALSE;
  /* Text is packed without padding: token texts are a few bytes each. */
  for (uint64_t i = 0; i < array->n; i++) {
    uint64_t length;

    if (!read_u64 (reader, &length, error))
      return FALSE;
    if (length > MAX_STRING_BYTES || length > remaining (reader))
      return model_gguf_refuse (reader->gguf, ENGINE_ERROR_BAD_FILE, error,
                                "is damaged or cut off: string %" PRIu64 " of an array has %" PRIu64
                                " bytes",
                                i, length);
    if (length > pool_left) {
      size_t want = MAX ((size_t) length, BLOCK_BYTES / 4);

      pool = allocate (reader->gguf, want, error);
      if (pool == NULL)
        return FALSE;
      pool_left = want;
    }
    strings[i].data = length > 0 ? pool : "";
    strings[i].length = (uint32_t) length;
    if (!read_bytes (reader, pool, (size_t) length, error))
      return FALSE;
    if (length > 0)
      pool += length;
    pool_left -= length;
  }
  array->strings = strings;
  return TRUE;
}

static gboolean
read_array (Reader *reader, const char *key, ModelArray *array, GError **error)
{
  uint32_t type;
  uint64_t min_bytes;

  memset (array, 0, sizeof *array);
  if (!read_u32 (reader, &type, error) || !read_u64 (reader, &array->n, error))
    return FALSE;
  if (type == MODEL_VALUE_ARRAY)
    return model_gguf_refuse (reader->gguf, ENGINE_ERROR_UNSUPPORTED, error,
                              "has an array of arrays under “%.100s”, which is not supported", key);
  if (type >= G_N_ELEMENTS (value_bytes))
    return model_gguf_refuse (reader->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: the array “%.100s” has elements of the unknown type %u",
                              key, type);
  min_bytes = type == MODEL_VALUE_STRING ? 8 : value_bytes[type];
  if (array->n > MAX_ARRAY_ELEMENTS || array->n * min_bytes > remaining (reader))
    return model_gguf_refuse (reader->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged or cut off: the array “%.100s” claims %" PRIu64
                              " elements",
                              key, array->n);
  array->type = (ModelValueType) type;
  if (type == MODEL_VALUE_STRING)
    return read_string_array (reader, array, error);
  {
    void *data = allocate (reader->gguf, array->n * min_bytes, error);

    array->data = data;
    return data != NULL && read_bytes (reader, data, (size_t) (array->n * min_bytes), error);
  }
}

/* A number of any width becomes 64 bits wide. */
static gboolean
read_number (Reader *reader, ModelValue *value, GError **error)
{
  unsigned n = value_bytes[value->type];
  uint64_t raw = 0; /* the lower bytes are filled */
  float f32;

  if (!read_bytes (reader, &raw, n, error))
    return FALSE;
  switch ((int) value->type) {
  case MODEL_VALUE_I8:
  case MODEL_VALUE_I16:
  case MODEL_VALUE_I32:
  case MODEL_VALUE_I64: /* up to bit 63 and back: the sign fills all bits above its own */
    value->i = (int64_t) (raw << (64 - 8 * n)) >> (64 - 8 * n);
    return TRUE;
  case MODEL_VALUE_F32:
    memcpy (&f32, &raw, sizeof f32);
    value->f = f32;
    return TRUE;
  case MODEL_VALUE_F64:
    memcpy (&value->f, &raw, sizeof value->f);
    return TRUE;
  default:
    value->u = raw;
    return value->type != MODEL_VALUE_BOOL || raw <= 1 ||
           model_gguf_refuse (reader->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: “%.100s” is neither true nor false but %" PRIu64,
                              value->key, raw);
  }
}

static gboolean
read_value (Reader *reader, ModelValue *value, GError **error)
{
  char *key = NULL;
  uint32_t type;

  if (!read_name (reader, MAX_KEY_BYTES, "a key", &key, error) || !read_u32 (reader, &type, error))
    return FALSE;
  if (type >= G_N_ELEMENTS (value_bytes))
    return model_gguf_refuse (reader->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: “%.100s” has the unknown type %u", key, type);
  value->key = key;
  value->type = (ModelValueType) type;
  if (type == MODEL_VALUE_ARRAY)
    return read_array (reader, key, &value->array, error);
  if (type != MODEL_VALUE_STRING)
    return read_number (reader, value, error);
  if (!read_string (reader, MAX_STRING_BYTES, "a text", &value->string, error))
    return FALSE;
  if (memchr (value->string.data, 0, value->string.length) != NULL)
    return model_gguf_refuse (reader->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: the text “%.100s” has a NUL character in it", key);
  return TRUE;
}

static int
compare_values (const void *a, const void *b)
{
  return strcmp (((const ModelValue *) a)->key, ((const ModelValue *) b)->key);
}

/* Sorted rather than hashed: names that collide on purpose cannot make it slow. */
static gboolean
read_values (Reader *reader, uint64_t n, GError **error)
{
  ModelGguf *gguf = reader->gguf;

  if (n > MAX_VALUES || n * MIN_VALUE_BYTES > remaining (reader))
    return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged or cut off: it claims %" PRIu64 " metadata entries", n);
  gguf->values = allocate (gguf, n * sizeof *gguf->values, error);
  if (gguf->values == NULL)
    return FALSE;
  for (uint64_t i = 0; i < n; i++)
    if (!read_value (reader, &gguf->values[i], error))
      return FALSE;
  gguf->n_values = n;
  qsort (gguf->values, n, sizeof *gguf->values, compare_values);
  for (uint64_t i = 1; i < n; i++)
    if (strcmp (gguf->values[i - 1].key, gguf->values[i].key) == 0)
      return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                                "is damaged: the key “%.100s” is there twice", gguf->values[i].key);
  return TRUE;
}

/* Size of the data from dimensions and type. */
static gboolean
measure_tensor (const ModelGguf *gguf, ModelTensor *tensor, GError **error)
{
  const ModelTypeInfo *known = model_type_known (tensor->type_id);
  uint64_t n_blocks;

  if (known == NULL)
    return model_gguf_refuse (
        gguf, ENGINE_ERROR_UNSUPPORTED, error,
        "stores the tensor “%s” in a number format of id %u that is not known here", tensor->name,
        tensor->type_id);
  for (unsigned d = 0; d < 4; d++)
    if (tensor->ne[d] == 0 || tensor->ne[d] > MAX_DIMENSION)
      return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                                "is damaged: dimension %u of the tensor “%s” is %" PRIu64, d,
                                tensor->name, tensor->ne[d]);
  if (tensor->ne[0] % known->block_weights != 0)
    return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: rows of the tensor “%s” have %" PRIu64
                              " weights, no multiple of the %u of %s",
                              tensor->name, tensor->ne[0], known->block_weights, known->name);
  n_blocks = tensor->ne[0] / known->block_weights;
  if (!g_uint64_checked_mul (&n_blocks, n_blocks, tensor->ne[1]) ||
      !g_uint64_checked_mul (&n_blocks, n_blocks, tensor->ne[2]) ||
      !g_uint64_checked_mul (&n_blocks, n_blocks, tensor->ne[3]) ||
      !g_uint64_checked_mul (&tensor->bytes, n_blocks, known->block_bytes) ||
      tensor->bytes > gguf->file_bytes)
    return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged or cut off: the tensor “%s” is larger than the file",
                              tensor->name);
  tensor->part = 0;
  tensor->matrix_bytes = 0;
  tensor->type = model_type_info (tensor->type_id);
  return TRUE;
}

static gboolean
read_tensor (Reader *reader, ModelTensor *tensor, GError **error)
{
  if (!read_name (reader, MAX_NAME_BYTES, "a tensor's name", &tensor->name, error) ||
      !read_u32 (reader, &tensor->n_dims, error))
    return FALSE;
  if (tensor->n_dims < 1 || tensor->n_dims > 4)
    return model_gguf_refuse (reader->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: the tensor “%s” has %u dimensions, not 1 to 4",
                              tensor->name, tensor->n_dims);
  for (unsigned d = 0; d < 4; d++)
    tensor->ne[d] = 1;
  return read_bytes (reader, tensor->ne, tensor->n_dims * sizeof tensor->ne[0], error) &&
         read_u32 (reader, &tensor->type_id, error) && read_u64 (reader, &tensor->offset, error) &&
         measure_tensor (reader->gguf, tensor, error);
}

static int
compare_names (const void *a, const void *b)
{
  return strcmp ((*(const ModelTensor *const *) a)->name, (*(const ModelTensor *const *) b)->name);
}

static int
compare_offsets (const void *a, const void *b)
{
  const ModelTensor *x = *(const ModelTensor *const *) a, *y = *(const ModelTensor *const *) b;

  return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Makes offsets absolute. Gaps and any order are accepted, overlaps are not: each byte belongs to
 * one tensor. sorted: room for n_tensors pointers. */
static gboolean
place_tensors (ModelGguf *gguf,
               uint64_t data_start,
               uint64_t alignment,
               const ModelTensor **sorted,
               GError **error)
{
  for (uint64_t i = 0; i < gguf->n_tensors; i++) {
    ModelTensor *tensor = &gguf->tensors[i];
    uint64_t end;

    if (tensor->offset % alignment != 0)
      return model_gguf_refuse (
          gguf, ENGINE_ERROR_BAD_FILE, error,
          "is damaged: the tensor “%s” does not begin at a multiple of %" PRIu64 " bytes",
          tensor->name, alignment);
    if (!g_uint64_checked_add (&tensor->offset, tensor->offset, data_start) ||
        !g_uint64_checked_add (&end, tensor->offset, tensor->bytes) || end > gguf->file_bytes)
      return model_gguf_refuse (
          gguf, ENGINE_ERROR_BAD_FILE, error,
          "is damaged or cut off: the tensor “%s” ends after the file's %" PRIu64
          " bytes; download it again",
          tensor->name, gguf->file_bytes);
    sorted[i] = tensor;
  }
  qsort (sorted, gguf->n_tensors, sizeof *sorted, compare_offsets);
  for (uint64_t i = 1; i < gguf->n_tensors; i++)
    if (sorted[i]->offset - sorted[i - 1]->offset < sorted[i - 1]->bytes)
      return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                                "is damaged: the tensors “%s” and “%s” overlap",
                                sorted[i - 1]->name, sorted[i]->name);
  return TRUE;
}

static gboolean
read_alignment (const ModelGguf *gguf, uint64_t *alignment, GError **error)
{
  *alignment = DEFAULT_ALIGNMENT;
  if (!model_gguf_get_u64 (gguf, "general.alignment", alignment, NULL, error))
    return FALSE;
  if (*alignment < MIN_ALIGNMENT || *alignment > MAX_ALIGNMENT ||
      (*alignment & (*alignment - 1)) != 0)
    return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: its alignment of %" PRIu64
                              " bytes is no power of two from 8 to 1048576",
                              *alignment);
  return TRUE;
}

gboolean
model_gguf_sort_names (ModelGguf *gguf, GError **error)
{
  qsort (gguf->by_name, gguf->n_tensors, sizeof *gguf->by_name, compare_names);
  for (uint64_t i = 1; i < gguf->n_tensors; i++)
    if (strcmp (gguf->by_name[i - 1]->name, gguf->by_name[i]->name) == 0)
      return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                                "is damaged: the tensor “%s” is there twice",
                                gguf->by_name[i]->name);
  return TRUE;
}

static gboolean
read_tensors (Reader *reader, uint64_t n, GError **error)
{
  ModelGguf *gguf = reader->gguf;
  uint64_t alignment;

  if (!read_alignment (gguf, &alignment, error))
    return FALSE;
  if (n * MIN_TENSOR_BYTES > remaining (reader))
    return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged or cut off: it claims %" PRIu64 " tensors", n);
  gguf->tensors = allocate (gguf, n * sizeof *gguf->tensors, error);
  gguf->by_name = gguf->tensors != NULL ? allocate (gguf, n * sizeof *gguf->by_name, error) : NULL;
  if (gguf->by_name == NULL)
    return FALSE;
  for (uint64_t i = 0; i < n; i++)
    if (!read_tensor (reader, &gguf->tensors[i], error))
      return FALSE;
  gguf->n_tensors = n;
  /* No overflow: position is at most the file's size, and a file's size is a signed number. */
  if (!place_tensors (gguf, (reader->position + alignment - 1) / alignment * alignment, alignment,
                      gguf->by_name, error))
    return FALSE;
  return model_gguf_sort_names (gguf, error);
}

static gboolean
check_version (const ModelGguf *gguf, const char magic[4], uint32_t version, GError **error)
{
  if (memcmp (magic, "GGUF", 4) != 0)
    return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is no GGUF model: it does not begin with “GGUF”");
  if ((version & 0xffff) == 0)
    return model_gguf_refuse (gguf, ENGINE_ERROR_UNSUPPORTED, error,
                              "was made for big-endian machines, which is not supported");
  if (version != 2 && version != 3)
    return model_gguf_refuse (gguf, ENGINE_ERROR_UNSUPPORTED, error,
                              "is of GGUF version %u; versions 2 and 3 are supported", version);
  return TRUE;
}

gboolean
model_gguf_parse (ModelGguf *gguf, GError **error)
{
  g_autofree Reader *reader = g_new0 (Reader, 1);
  char magic[4];
  uint32_t version;
  uint64_t n_tensors, n_values;

  reader->gguf = gguf;
  if (!read_bytes (reader, magic, sizeof magic, error) || !read_u32 (reader, &version, error) ||
      !check_version (gguf, magic, version, error) || !read_u64 (reader, &n_tensors, error) ||
      !read_u64 (reader, &n_values, error))
    return FALSE;
  if (n_tensors > MODEL_GGUF_MAX_TENSORS)
    return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: it claims %" PRIu64 " tensors", n_tensors);
  return read_values (reader, n_values, error) && read_tensors (reader, n_tensors, error);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An open GGUF file: opening, look-ups, typed getters, and reading tensor data. gguf-read.c has
 * parsed and validated all of it; the limits are there. Parts are joined in gguf-parts.c. */
#include "engine/model/gguf-private.h"

#include "engine/error.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

gboolean
model_gguf_refuse (const ModelGguf *gguf, int code, GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  g_autofree char *valid = NULL; /* a precision in format may have cut a character */
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  valid = g_utf8_make_valid (text, -1);
  g_set_error (error, ENGINE_ERROR, code, "The model file “%s” %s.", gguf->shown_name, valid);
  return FALSE;
}

static gboolean
open_file (ModelGguf *gguf, GError **error)
{
  struct stat status;

  /* Not blocking: a pipe that nobody writes to must not hang the program. Files are not
   * affected. */
  gguf->fd = open (gguf->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (gguf->fd < 0 || fstat (gguf->fd, &status) < 0)
    return model_gguf_refuse (gguf, ENGINE_ERROR_IO, error, "cannot be opened: %s",
                              g_strerror (errno));
  if (!S_ISREG (status.st_mode))
    return model_gguf_refuse (gguf, ENGINE_ERROR_IO, error, "is no ordinary file");
  gguf->file_bytes = (uint64_t) status.st_size;
  return TRUE;
}

ModelGguf *
model_gguf_open_file (const char *path, uint64_t *memory_left, GError **error)
{
  g_autoptr (ModelGguf) gguf = g_new0 (ModelGguf, 1);

  gguf->path = g_strdup (path);
  gguf->shown_name = g_filename_display_basename (path);
  gguf->fd = -1;
  if (!open_file (gguf, error))
    return NULL;
  if (!g_uint64_checked_add (&gguf->memory_left, gguf->file_bytes, *memory_left))
    gguf->memory_left = UINT64_MAX;
  if (!model_gguf_parse (gguf, error))
    return NULL;
  *memory_left = MIN (gguf->memory_left, *memory_left);
  return g_steal_pointer (&gguf);
}

ModelGguf *
model_gguf_open (const char *path, GError **error)
{
  uint64_t memory_left = MODEL_GGUF_MEMORY_SLACK_BYTES;
  ModelGguf *gguf = model_gguf_open_file (path, &memory_left, error);

  return gguf != NULL ? model_gguf_join_parts (gguf, &memory_left, error) : NULL;
}

void
model_gguf_free (ModelGguf *gguf)
{
  if (gguf == NULL)
    return;
  for (uint32_t i = 1; i < gguf->n_parts; i++)
    model_gguf_free (gguf->parts[i]);
  g_free (gguf->parts);
  g_free (gguf->joined_tensors);
  g_free (gguf->joined_names);
  if (gguf->fd >= 0)
    close (gguf->fd);
  model_gguf_free_blocks (gguf);
  g_free (gguf->shown_name);
  g_free (gguf->path);
  g_free (gguf);
}

const char *
model_gguf_path (const ModelGguf *gguf)
{
  return gguf->path;
}

char *
model_gguf_name (const ModelGguf *gguf)
{
  g_autofree char *base = g_path_get_basename (gguf->path);

  if (g_str_has_suffix (base, ".gguf"))
    base[strlen (base) - strlen (".gguf")] = '\0';
  return g_filename_display_name (base);
}

const char *
model_gguf_shown_name (const ModelGguf *gguf)
{
  return gguf->shown_name;
}

uint64_t
model_gguf_file_bytes (const ModelGguf *gguf)
{
  uint64_t bytes = gguf->file_bytes;

  for (uint32_t i = 1; i < gguf->n_parts; i++)
    bytes += gguf->parts[i]->file_bytes;
  return bytes;
}

const ModelValue *
model_gguf_find_value (const ModelGguf *gguf, const char *key)
{
  uint64_t low = 0, high = gguf->n_values;

  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    int order = strcmp (key, gguf->values[middle].key);

    if (order == 0)
      return &gguf->values[middle];
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return NULL;
}

/* The value under key or NULL; *found says whether there is one. */
static const ModelValue *
find (const ModelGguf *gguf, const char *key, gboolean *found)
{
  const ModelValue *value = model_gguf_find_value (gguf, key);

  if (found != NULL)
    *found = value != NULL;
  return value;
}

static gboolean
refuse_kind (const ModelGguf *gguf, const char *key, const char *kind, GError **error)
{
  return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error, "is damaged: “%s” is not %s", key,
                            kind);
}

gboolean
model_gguf_get_u64 (const ModelGguf *gguf,
                    const char *key,
                    uint64_t *value,
                    gboolean *found,
                    GError **error)
{
  const ModelValue *entry = find (gguf, key, found);

  if (entry == NULL)
    return TRUE;
  switch ((int) entry->type) {
  case MODEL_VALUE_U8:
  case MODEL_VALUE_U16:
  case MODEL_VALUE_U32:
  case MODEL_VALUE_U64:
    *value = entry->u;
    return TRUE;
  case MODEL_VALUE_I8:
  case MODEL_VALUE_I16:
  case MODEL_VALUE_I32:
  case MODEL_VALUE_I64:
    if (entry->i < 0)
      return refuse_kind (gguf, key, "a positive number", error);
    *value = (uint64_t) entry->i;
    return TRUE;
  default:
    return refuse_kind (gguf, key, "a whole number", error);
  }
}

gboolean
model_gguf_get_f64 (const ModelGguf *gguf,
                    const char *key,
                    double *value,
                    gboolean *found,
                    GError **error)
{
  const ModelValue *entry = find (gguf, key, found);

  if (entry == NULL)
    return TRUE;
  switch ((int) entry->type) {
  case MODEL_VALUE_F32:
  case MODEL_VALUE_F64:
    if (!isfinite (entry->f))
      return refuse_kind (gguf, key, "a finite number", error);
    *value = entry->f;
    return TRUE;
  case MODEL_VALUE_U8:
  case MODEL_VALUE_U16:
  case MODEL_VALUE_U32:
  case MODEL_VALUE_U64:
    *value = (double) entry->u;
    return TRUE;
  case MODEL_VALUE_I8:
  case MODEL_VALUE_I16:
  case MODEL_VALUE_I32:
  case MODEL_VALUE_I64:
    *value = (double) entry->i;
    return TRUE;
  default:
    return refuse_kind (gguf, key, "a number", error);
  }
}

gboolean
model_gguf_get_bool (const ModelGguf *gguf,
                     const char *key,
                     gboolean *value,
                     gboolean *found,
                     GError **error)
{
  const ModelValue *entry = find (gguf, key, found);

  if (entry == NULL)
    return TRUE;
  if (entry->type != MODEL_VALUE_BOOL)
    return refuse_kind (gguf, key, "true or false", error);
  *value = entry->u != 0;
  return TRUE;
}

const char *
model_gguf_get_string (const ModelGguf *gguf, const char *key)
{
  const ModelValue *entry = model_gguf_find_value (gguf, key);

  return entry != NULL && entry->type == MODEL_VALUE_STRING ? entry->string.data : NULL;
}

gboolean
model_gguf_get_array (const ModelGguf *gguf, const char *key, ModelArray *array)
{
  const ModelValue *entry = model_gguf_find_value (gguf, key);

  if (entry == NULL || entry->type != MODEL_VALUE_ARRAY)
    return FALSE;
  *array = entry->array;
  return TRUE;
}

/* Elements lie as they lie in the file, aligned for their type. */
#define ELEMENT(type) (((const type *) array->data)[i])

int64_t
model_array_int (const ModelArray *array, uint64_t i)
{
  if (array->data == NULL || i >= array->n)
    return 0;
  switch ((int) array->type) {
  case MODEL_VALUE_U8:
    return ELEMENT (uint8_t);
  case MODEL_VALUE_I8:
    return ELEMENT (int8_t);
  case MODEL_VALUE_U16:
    return ELEMENT (uint16_t);
  case MODEL_VALUE_I16:
    return ELEMENT (int16_t);
  case MODEL_VALUE_U32:
    return ELEMENT (uint32_t);
  case MODEL_VALUE_I32:
    return ELEMENT (int32_t);
  case MODEL_VALUE_U64:
    return (int64_t) MIN (ELEMENT (uint64_t), (uint64_t) INT64_MAX);
  case MODEL_VALUE_I64:
    return ELEMENT (int64_t);
  case MODEL_VALUE_BOOL:
    return ELEMENT (uint8_t) != 0;
  default: {
    double value = model_array_float (array, i);

    if (isnan (value))
      return 0;
    return value >= 0x1p63 ? INT64_MAX : value <= -0x1p63 ? INT64_MIN
                                                          : (int64_t) value;
  }
  }
}

double
model_array_float (const ModelArray *array, uint64_t i)
{
  if (array->data == NULL || i >= array->n)
    return 0;
  if (array->type == MODEL_VALUE_F32)
    return ELEMENT (float);
  if (array->type == MODEL_VALUE_F64)
    return ELEMENT (double);
  return (double) model_array_int (array, i);
}

uint64_t
model_gguf_n_tensors (const ModelGguf *gguf)
{
  return gguf->n_tensors;
}

const ModelTensor *
model_gguf_tensor (const ModelGguf *gguf, uint64_t i)
{
  return i < gguf->n_tensors ? &gguf->tensors[i] : NULL;
}

const ModelTensor *
model_gguf_find_tensor (const ModelGguf *gguf, const char *name)
{
  uint64_t low = 0, high = gguf->n_tensors;

  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    int order = strcmp (name, gguf->by_name[middle]->name);

    if (order == 0)
      return gguf->by_name[middle];
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return NULL;
}

gboolean
model_gguf_pread (const ModelGguf *gguf,
                  uint64_t offset,
                  void *buffer,
                  size_t bytes,
                  GError **error)
{
  char *out = buffer;

  while (bytes > 0) {
    ssize_t n = pread (gguf->fd, out, bytes, (off_t) offset);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return model_gguf_refuse (gguf, ENGINE_ERROR_IO, error, "cannot be read: %s",
                                g_strerror (errno));
    if (n == 0)
      return model_gguf_refuse (gguf, ENGINE_ERROR_IO, error,
                                "has become shorter while it was in use");
    out += n;
    bytes -= (size_t) n;
    offset += (uint64_t) n;
  }
  return TRUE;
}

/* gguf: the part. */
static gboolean
read_matrices (const ModelGguf *gguf, const ModelTensor *tensor, uint64_t first, void *buffer,
               size_t bytes, GError **error)
{
  uint64_t each = tensor->bytes / tensor->ne[2];
  char *to = buffer;

  while (bytes > 0) {
    uint64_t matrix = first / each, within = first % each;
    size_t n = (size_t) MIN (bytes, each - within);

    if (!model_gguf_pread (gguf, tensor->offset + matrix * tensor->matrix_bytes + within, to, n,
                           error))
      return FALSE;
    to += n;
    first += n;
    bytes -= n;
  }
  return TRUE;
}

gboolean
model_gguf_read (const ModelGguf *gguf,
                 const ModelTensor *tensor,
                 uint64_t first,
                 void *buffer,
                 size_t bytes,
                 GError **error)
{
  if (first > tensor->bytes || bytes > tensor->bytes - first) {
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                 "Bytes %" PRIu64 " and the next %" G_GSIZE_FORMAT " are outside the tensor “%s”.",
                 first, bytes, tensor->name);
    return FALSE;
  }
  if (tensor->part > 0)
    gguf = gguf->parts[tensor->part];
  if (tensor->matrix_bytes == 0)
    return model_gguf_pread (gguf, tensor->offset + first, buffer, bytes, error);
  return read_matrices (gguf, tensor, first, buffer, bytes, error);
}

void
model_gguf_will_read (const ModelGguf *gguf, const ModelTensor *tensor, uint64_t first,
                      size_t bytes)
{
  int fd = tensor->part > 0 ? gguf->parts[tensor->part]->fd : gguf->fd;

  /* Else it does not lie in one piece; and no bytes would be all to the end of the file. */
  if (bytes > 0 && tensor->matrix_bytes == 0)
    posix_fadvise (fd, (off_t) (tensor->offset + first), (off_t) bytes, POSIX_FADV_WILLNEED);
}

gboolean
model_gguf_read_rows (const ModelGguf *gguf, const ModelTensor *tensor, const int32_t *rows,
                      uint32_t n, void *buffer, GError **error)
{
  uint64_t row_bytes = model_type_row_bytes (tensor->type, tensor->ne[0]);

  for (uint32_t i = 0; n > 1 && i < n; i++)
    model_gguf_will_read (gguf, tensor, (uint64_t) rows[i] * row_bytes, row_bytes);
  for (uint32_t i = 0; i < n; i++)
    if (!model_gguf_read (gguf, tensor, (uint64_t) rows[i] * row_bytes,
                          (char *) buffer + i * row_bytes, row_bytes, error))
      return FALSE;
  return TRUE;
}

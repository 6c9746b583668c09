/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A GGUF v2/v3 file, validated before anything else sees it. Metadata is copied to the heap; tensor
 * data stays in the file and is read with pread, never mapped, so that a file that changes or
 * shrinks while open gives an error and not a SIGBUS. Limits: see gguf-read.c.
 * Thread: open and free on one thread; all getters and reads are safe from any thread. */
#pragma once

#include "engine/model/quant.h"

typedef struct _ModelGguf ModelGguf;

typedef enum { /* ids as in the file */
  MODEL_VALUE_U8,
  MODEL_VALUE_I8,
  MODEL_VALUE_U16,
  MODEL_VALUE_I16,
  MODEL_VALUE_U32,
  MODEL_VALUE_I32,
  MODEL_VALUE_F32,
  MODEL_VALUE_BOOL,
  MODEL_VALUE_STRING,
  MODEL_VALUE_ARRAY,
  MODEL_VALUE_U64,
  MODEL_VALUE_I64,
  MODEL_VALUE_F64,
} ModelValueType;

typedef struct {
  char *name;                /* unique in the file */
  const ModelTypeInfo *type; /* NULL when this version cannot run the type (see type_id) */
  uint32_t type_id;
  uint32_t n_dims; /* 1..4 */
  uint64_t ne[4];  /* ne[0] is contiguous (columns), unused ones are 1; product checked */
  uint32_t part;   /* which file of a model in parts */
  uint64_t offset; /* from the start of that file, checked */
  uint64_t bytes;  /* size of the data, inside the file */
  /* Of a tensor that is the same rows of each matrix of another one: from one matrix to the next.
   * 0: they follow each other */
  uint64_t matrix_bytes;
} ModelTensor;

/* Opens and validates. NULL with a sentence naming the file when it cannot be read or lies. Of a
 * model in parts (NAME-00001-of-00003.gguf) any will do: the others are found beside it, and all
 * are one model. */
ModelGguf *model_gguf_open (const char *path, GError **error);
void model_gguf_free (ModelGguf *gguf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ModelGguf, model_gguf_free)

/* Of a model in parts: of the first one. */
const char *model_gguf_path (const ModelGguf *gguf);
/* The file's name without its ending, for people; free with g_free. What files call themselves in
 * general.name is often a training run's label that nobody would recognise. */
char *model_gguf_name (const ModelGguf *gguf);
/* The file's own name as valid UTF-8, for messages. */
const char *model_gguf_shown_name (const ModelGguf *gguf);
/* Of all parts. */
uint64_t model_gguf_file_bytes (const ModelGguf *gguf);
/* Sets error (domain ENGINE_ERROR) to "The model file “NAME” <format>." and returns FALSE: how
 * whoever reads a model refuses it. */
gboolean
model_gguf_refuse (const ModelGguf *gguf, int code, GError **error, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

/* Typed getters. Integers of any width and sign convert when the value fits; a present key of
 * another kind is an error (returns FALSE with error set). An absent key leaves *value alone and
 * returns TRUE with *found FALSE (found may be NULL: then *value keeps the caller's default). */
gboolean model_gguf_get_u64 (const ModelGguf *gguf,
                             const char *key,
                             uint64_t *value,
                             gboolean *found,
                             GError **error);
/* Integers convert too; infinities and NaNs are refused. */
gboolean model_gguf_get_f64 (const ModelGguf *gguf,
                             const char *key,
                             double *value,
                             gboolean *found,
                             GError **error);
gboolean model_gguf_get_bool (const ModelGguf *gguf,
                              const char *key,
                              gboolean *value,
                              gboolean *found,
                              GError **error);
/* Borrowed, valid UTF-8 not promised, NUL-terminated (embedded NULs refused); NULL when absent or
 * of another type. */
const char *model_gguf_get_string (const ModelGguf *gguf, const char *key);

/* Arrays, borrowed. The view says its element type; strings come as (pointer, length) pairs because
 * a token may hold any byte. */
typedef struct {
  const char *data; /* not terminated by NUL in general */
  uint32_t length;  /* bytes */
} ModelString;
typedef struct {
  ModelValueType type; /* of the elements */
  uint64_t n;
  const void *data;           /* packed little-endian numbers; NULL for strings */
  const ModelString *strings; /* n entries for MODEL_VALUE_STRING, else NULL */
} ModelArray;
/* FALSE when the key is absent or no array. */
gboolean model_gguf_get_array (const ModelGguf *gguf, const char *key, ModelArray *array);
/* Element i of an array of integers, floats or bools, converted; 0 for strings and beyond the
 * end. */
int64_t model_array_int (const ModelArray *array, uint64_t i);
double model_array_float (const ModelArray *array, uint64_t i);

uint64_t model_gguf_n_tensors (const ModelGguf *gguf);
const ModelTensor *model_gguf_tensor (const ModelGguf *gguf, uint64_t i);
const ModelTensor *model_gguf_find_tensor (const ModelGguf *gguf, const char *name);

/* Reads rows of a matrix, as the file has them, one after another into buffer. Where the file is
 * not in memory, the disk is asked for all of them before the first is waited for. Thread: any. */
gboolean model_gguf_read_rows (const ModelGguf *gguf,
                               const ModelTensor *tensor,
                               const int32_t *rows,
                               uint32_t n,
                               void *buffer,
                               GError **error);
/* Asks the disk for what will be read soon; does not wait. Thread: any. */
void model_gguf_will_read (const ModelGguf *gguf,
                           const ModelTensor *tensor,
                           uint64_t first,
                           size_t bytes);
/* Reads bytes [first, first + bytes) of a tensor's data into buffer. Thread: any. */
gboolean model_gguf_read (const ModelGguf *gguf,
                          const ModelTensor *tensor,
                          uint64_t first,
                          void *buffer,
                          size_t bytes,
                          GError **error);

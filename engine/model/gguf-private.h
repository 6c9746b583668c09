/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What gguf-read.c fills and gguf.c hands out. Nobody else includes this. */
#pragma once

#include "engine/model/gguf.h"

typedef struct {
  const char *key;
  ModelValueType type;
  union {
    uint64_t u; /* U8, U16, U32, U64, BOOL */
    int64_t i;  /* I8, I16, I32, I64 */
    double f;   /* F32, F64 */
    ModelString string;
    ModelArray array;
  };
} ModelValue;

/* All metadata lies in these blocks, which are freed together. */
typedef struct _ModelGgufBlock ModelGgufBlock;

struct _ModelGguf {
  char *path;
  char *shown_name; /* the file's own name, valid UTF-8, for messages */
  int fd;
  uint64_t file_bytes;

  ModelGgufBlock *blocks; /* the newest first */
  uint64_t memory_left;   /* what metadata may still take */

  ModelValue *values; /* [n_values], sorted by key */
  uint64_t n_values;
  ModelTensor *tensors;        /* [n_tensors], in the file's order */
  const ModelTensor **by_name; /* [n_tensors], sorted by name */
  uint64_t n_tensors;
};

/* Reads the header of the open file into gguf. FALSE with a sentence. */
gboolean model_gguf_parse (ModelGguf *gguf, GError **error);
void model_gguf_free_blocks (ModelGguf *gguf);

/* Reads exactly bytes at offset; FALSE with a sentence when the file ends before or cannot be
 * read. */
gboolean model_gguf_pread (const ModelGguf *gguf,
                           uint64_t offset,
                           void *buffer,
                           size_t bytes,
                           GError **error);

/* NULL when absent. */
const ModelValue *model_gguf_find_value (const ModelGguf *gguf, const char *key);

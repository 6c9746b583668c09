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

  /* Of a model in parts, in the first one. */
  ModelGguf **parts;                /* [n_parts], which begins with itself */
  uint32_t n_parts;                 /* 0: the model is one file */
  ModelTensor *joined_tensors;      /* of all parts: what tensors is then */
  const ModelTensor **joined_names; /* and by_name */
};

/* One file, whatever it says of parts. memory_left: what its metadata may take besides its size;
 * what is left of it afterwards. */
ModelGguf *model_gguf_open_file (const char *path, uint64_t *memory_left, GError **error);
/* A file that says that it is a part becomes, with all others, the first one; others are given back
 * as they are. Takes gguf. NULL with a sentence. */
ModelGguf *model_gguf_join_parts (ModelGguf *gguf, uint64_t *memory_left, GError **error);
/* Sorts gguf->by_name. FALSE with a sentence when a name is there twice. */
gboolean model_gguf_sort_names (ModelGguf *gguf, GError **error);

/* Tensors of a file, and of all parts of a model. */
#define MODEL_GGUF_MAX_TENSORS (UINT64_C (64) << 10)
/* Metadata may take the file's size and this much on the heap; the promise is 64 MiB, the rest is
 * left to the allocator's own needs. */
#define MODEL_GGUF_MEMORY_SLACK_BYTES (UINT64_C (48) << 20)

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

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Models in parts: the first file has all metadata, each has some of the tensors. It finds the
 * others by their names, checks that they belong together, and makes one list of tensors of all. It
 * must not know what a tensor is for.
 * Source of keys and names: llama-gguf-split. */
#include "engine/model/gguf-private.h"

#include "engine/error.h"

#include <inttypes.h>
#include <string.h>

/* Each is an open file; the largest models have some tens. */
#define MAX_PARTS 256

typedef struct {
  uint64_t number; /* from 0 */
  uint64_t count;  /* 0 or 1: the model is one file */
  uint64_t n_tensors;
} Split;

static gboolean
read_split (const ModelGguf *gguf, Split *split, GError **error)
{
  *split = (Split) { 0 };
  return model_gguf_get_u64 (gguf, "split.count", &split->count, NULL, error) &&
         model_gguf_get_u64 (gguf, "split.no", &split->number, NULL, error) &&
         model_gguf_get_u64 (gguf, "split.tensors.count", &split->n_tensors, NULL, error);
}

static char *
part_ending (uint64_t number, uint64_t count)
{
  return g_strdup_printf ("-%05" PRIu64 "-of-%05" PRIu64 ".gguf", number + 1, count);
}

/* What the paths of all parts begin with; NULL with a sentence when gguf's own name does not fit
 * what it says. */
static char *
find_stem (const ModelGguf *gguf, const Split *split, GError **error)
{
  g_autofree char *ending = part_ending (split->number, split->count);
  size_t bytes = strlen (gguf->path), tail = strlen (ending);

  if (bytes > tail && strcmp (gguf->path + bytes - tail, ending) == 0)
    return g_strndup (gguf->path, bytes - tail);
  model_gguf_refuse (gguf, ENGINE_ERROR_INVALID, error,
                     "is part %" PRIu64 " of %" PRIu64 " of a model, and its others cannot be "
                     "found: give it back its name, which ends in “%s”",
                     split->number + 1, split->count, ending);
  return NULL;
}

/* The part of that number, checked to be it. opened: a part of the model, for messages. */
static ModelGguf *
open_part (const ModelGguf *opened, const char *stem, const Split *wanted, uint64_t *memory_left,
           GError **error)
{
  g_autofree char *ending = part_ending (wanted->number, wanted->count);
  g_autofree char *path = g_strconcat (stem, ending, NULL);
  g_autoptr (ModelGguf) part = NULL;
  Split split;

  if (!g_file_test (path, G_FILE_TEST_EXISTS)) {
    g_autofree char *name = g_filename_display_basename (path);

    model_gguf_refuse (opened, ENGINE_ERROR_IO, error,
                       "is one of %" PRIu64 " parts of a model, and part %" PRIu64
                       ", “%s”, is missing: all must lie in one folder",
                       wanted->count, wanted->number + 1, name);
    return NULL;
  }
  part = model_gguf_open_file (path, memory_left, error);
  if (part == NULL || !read_split (part, &split, error))
    return NULL;
  if (split.number != wanted->number || split.count != wanted->count ||
      split.n_tensors != wanted->n_tensors) {
    model_gguf_refuse (part, ENGINE_ERROR_BAD_FILE, error,
                       "does not belong to the other parts beside it: it says that it is part "
                       "%" PRIu64 " of %" PRIu64 "; download all of them again",
                       split.number + 1, split.count);
    return NULL;
  }
  return g_steal_pointer (&part);
}

/* Opens all parts but the first, which gguf is, in order. */
static gboolean
open_others (ModelGguf *gguf, const char *stem, const Split *split, uint64_t *memory_left,
             GError **error)
{
  gguf->parts = g_new0 (ModelGguf *, split->count);
  gguf->parts[0] = gguf;
  gguf->n_parts = 1;
  for (uint64_t i = 1; i < split->count; i++) {
    const Split wanted = { i, split->count, split->n_tensors };
    ModelGguf *part = open_part (gguf, stem, &wanted, memory_left, error);

    if (part == NULL)
      return FALSE;
    gguf->parts[gguf->n_parts++] = part;
  }
  return TRUE;
}

/* One list of all tensors, in the order of the parts. */
static gboolean
join_tensors (ModelGguf *gguf, uint64_t wanted, GError **error)
{
  uint64_t n = 0;

  for (uint32_t i = 0; i < gguf->n_parts; i++)
    n += gguf->parts[i]->n_tensors;
  if (n != wanted || n > MODEL_GGUF_MAX_TENSORS)
    return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                              "has with its other parts %" PRIu64 " tensors, not the %" PRIu64
                              " that it speaks of; download all parts again",
                              n, wanted);
  gguf->joined_tensors = g_new (ModelTensor, n);
  gguf->joined_names = g_new (const ModelTensor *, n);
  n = 0;
  for (uint32_t i = 0; i < gguf->n_parts; i++)
    for (uint64_t k = 0; k < gguf->parts[i]->n_tensors; k++, n++) {
      gguf->joined_tensors[n] = gguf->parts[i]->tensors[k];
      gguf->joined_tensors[n].part = i;
      gguf->joined_names[n] = &gguf->joined_tensors[n];
    }
  gguf->tensors = gguf->joined_tensors;
  gguf->by_name = gguf->joined_names;
  gguf->n_tensors = n;
  return model_gguf_sort_names (gguf, error);
}

ModelGguf *
model_gguf_join_parts (ModelGguf *gguf, uint64_t *memory_left, GError **error)
{
  g_autoptr (ModelGguf) opened = gguf, first = NULL;
  g_autofree char *stem = NULL;
  Split split;

  if (!read_split (opened, &split, error))
    return NULL;
  if (split.count <= 1)
    return g_steal_pointer (&opened);
  if (split.count > MAX_PARTS || split.number >= split.count) {
    model_gguf_refuse (opened, ENGINE_ERROR_BAD_FILE, error,
                       "is damaged: it claims to be part %" PRIu64 " of %" PRIu64,
                       split.number + 1, split.count);
    return NULL;
  }
  stem = find_stem (opened, &split, error);
  if (stem == NULL)
    return NULL;
  if (split.number > 0) {
    split.number = 0;
    first = open_part (opened, stem, &split, memory_left, error);
  } else {
    first = g_steal_pointer (&opened);
  }
  if (first == NULL || !open_others (first, stem, &split, memory_left, error) ||
      !join_tensors (first, split.n_tensors, error))
    return NULL;
  return g_steal_pointer (&first);
}

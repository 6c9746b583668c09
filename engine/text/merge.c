/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The loop that all tokenizers with merges share. It knows no tokens and no text.
 * Source of the method: Sennrich et al. 2016. */
#include "engine/text/merge.h"

#include <string.h>

/* Two neighbours that may merge. It is out of date when their bytes are no longer as many: parts
 * only grow, or have none. */
typedef struct _TextMergePair {
  TextMerge merge;
  int32_t left; /* index of the part */
  uint32_t bytes;
} Pair;

void
text_merge_scratch_clear (TextMergeScratch *scratch)
{
  g_free (scratch->parts);
  g_free (scratch->heap);
  memset (scratch, 0, sizeof *scratch);
}

void
text_merge_begin (TextMergeScratch *scratch, size_t max_parts)
{
  if (max_parts > scratch->max_parts) {
    scratch->max_parts = MAX (max_parts, 64);
    scratch->parts = g_renew (TextMergePart, scratch->parts, scratch->max_parts);
  }
  scratch->n_parts = 0;
  scratch->n_heap = 0;
}

void
text_merge_add (TextMergeScratch *scratch, uint32_t id, uint32_t bytes)
{
  size_t i = scratch->n_parts++;
  TextMergePart *part = &scratch->parts[i], *before = i > 0 ? part - 1 : NULL;

  part->id = id;
  part->begin = before != NULL ? before->begin + before->bytes : 0;
  part->bytes = bytes;
  part->previous = (int32_t) i - 1;
  part->next = -1;
  if (before != NULL)
    before->next = (int32_t) i;
}

static gboolean
comes_before (const Pair *a, const Pair *b)
{
  return a->merge.rank != b->merge.rank ? a->merge.rank < b->merge.rank : a->left < b->left;
}

static void
heap_push (TextMergeScratch *scratch, Pair pair)
{
  size_t i = scratch->n_heap;

  if (scratch->n_heap == scratch->max_heap) {
    scratch->max_heap = MAX (scratch->max_heap * 2, 64);
    scratch->heap = g_renew (Pair, scratch->heap, scratch->max_heap);
  }
  scratch->n_heap++;
  for (; i > 0 && comes_before (&pair, &scratch->heap[(i - 1) / 2]); i = (i - 1) / 2)
    scratch->heap[i] = scratch->heap[(i - 1) / 2];
  scratch->heap[i] = pair;
}

static Pair
heap_pop (TextMergeScratch *scratch)
{
  Pair *heap = scratch->heap;
  Pair first = heap[0], last = heap[--scratch->n_heap];
  size_t n = scratch->n_heap, i = 0;

  for (size_t child = 1; child < n; child = 2 * i + 1) {
    if (child + 1 < n && comes_before (&heap[child + 1], &heap[child]))
      child++;
    if (!comes_before (&heap[child], &last))
      break;
    heap[i] = heap[child];
    i = child;
  }
  if (n > 0)
    heap[i] = last;
  return first;
}

/* Queues the merge of part left with the one after it, if there is one. */
static void
consider (TextMergeScratch *scratch, int32_t left, TextMergeFind find, gconstpointer data)
{
  const TextMergePart *parts = scratch->parts, *right;
  Pair pair = { .left = left };

  if (left < 0 || parts[left].next < 0)
    return;
  right = &parts[parts[left].next];
  if (!find (data, &parts[left], right, &pair.merge))
    return;
  pair.bytes = parts[left].bytes + right->bytes;
  heap_push (scratch, pair);
}

void
text_merge_all (TextMergeScratch *scratch, TextMergeFind find, gconstpointer data)
{
  TextMergePart *parts = scratch->parts;

  for (size_t i = 0; i + 1 < scratch->n_parts; i++)
    consider (scratch, (int32_t) i, find, data);
  while (scratch->n_heap > 0) {
    Pair pair = heap_pop (scratch);
    TextMergePart *left = &parts[pair.left], *right;

    if (left->bytes == 0 || left->next < 0 ||
        left->bytes + parts[left->next].bytes != pair.bytes)
      continue;
    right = &parts[left->next];
    left->id = pair.merge.id;
    left->bytes = pair.bytes;
    right->bytes = 0;
    left->next = right->next;
    if (left->next >= 0)
      parts[left->next].previous = pair.left;
    consider (scratch, left->previous, find, data);
    consider (scratch, pair.left, find, data);
  }
}

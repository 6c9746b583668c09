/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Merging the neighbours of a word until no more may merge: a heap over a linked list, time
 * n log n. What may merge, and in which order, the caller says. Private to engine/text. */
#pragma once

#include "engine/text/byte-strings.h"

/* A part of the word. Parts form a list in the order of the word. */
typedef struct {
  uint32_t id;            /* symbol, or TEXT_STRINGS_NONE */
  uint32_t begin, bytes;  /* in the word; no bytes: merged into the part before */
  int32_t previous, next; /* -1: none */
} TextMergePart;

typedef struct {
  uint32_t rank; /* the lower, the earlier; of equals the leftmost */
  uint32_t id;   /* symbol of both together, or TEXT_STRINGS_NONE */
} TextMerge;

/* Whether two neighbours may merge. */
typedef gboolean (*TextMergeFind) (gconstpointer data,
                                   const TextMergePart *left,
                                   const TextMergePart *right,
                                   TextMerge *merge);

/* The word at hand, in memory that is kept from word to word. Init with { 0 }. */
typedef struct {
  TextMergePart *parts; /* the first is the first of the list */
  struct _TextMergePair *heap;
  size_t n_parts, n_heap;     /* in use */
  size_t max_parts, max_heap; /* allocated */
} TextMergeScratch;
void text_merge_scratch_clear (TextMergeScratch *scratch);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TextMergeScratch, text_merge_scratch_clear)

/* A new word of at most max_parts parts. */
void text_merge_begin (TextMergeScratch *scratch, size_t max_parts);
/* Its next part, bytes long. */
void text_merge_add (TextMergeScratch *scratch, uint32_t id, uint32_t bytes);
void text_merge_all (TextMergeScratch *scratch, TextMergeFind find, gconstpointer data);

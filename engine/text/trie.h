/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A trie of byte strings, made at once and read only: the nodes stand level by level, so that
 * children stand together and a node says only where its own begin. Private to engine/text. */
#pragma once

#include "engine/text/byte-strings.h"

#include <string.h>

#define TEXT_TRIE_ROOT UINT32_C (0)
#define TEXT_TRIE_NONE UINT32_MAX

typedef struct {
  uint32_t first_child; /* the last is before the next node's first */
  uint32_t value;       /* of the string that ends here, or TEXT_TRIE_NONE */
} TextTrieNode;

typedef struct {
  TextTrieNode *nodes; /* [n_nodes + 1] */
  guint8 *labels;      /* [n_nodes]: the byte that leads here */
  uint32_t n_nodes;
} TextTrie;

/* values (n of them) are indices into strings. Of equal strings the one that comes last counts;
 * empty ones are left out. NULL when there would be more than max_nodes nodes. */
TextTrie *
text_trie_new (const TextStrings *strings, const uint32_t *values, size_t n, uint32_t max_nodes);
void text_trie_free (TextTrie *trie);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TextTrie, text_trie_free)

/* The child of node by byte, or TEXT_TRIE_NONE. */
static inline uint32_t
text_trie_step (const TextTrie *trie, uint32_t node, guint8 byte)
{
  uint32_t first = trie->nodes[node].first_child;
  uint32_t n = trie->nodes[node + 1].first_child - first;
  const guint8 *labels = trie->labels + first;

  if (n > 8) {
    const guint8 *label = memchr (labels, byte, n);

    return label != NULL ? first + (uint32_t) (label - labels) : TEXT_TRIE_NONE;
  }
  for (uint32_t i = 0; i < n; i++)
    if (labels[i] == byte)
      return first + i;
  return TEXT_TRIE_NONE;
}

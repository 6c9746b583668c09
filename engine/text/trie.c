/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Building a trie: the strings are sorted once, then each level's nodes are ranges of them. */
#include "engine/text/trie.h"

#include <stdlib.h>

/* A string and its first bytes as numbers: most comparisons need no more. */
typedef struct {
  uint64_t high, low;
  const char *data;
  uint32_t length, value;
} Key;

/* A node's strings while it waits for its children. */
typedef struct {
  uint32_t begin, end;
} Range;

static uint64_t
leading_bytes (const char *data, size_t n)
{
  uint64_t number = 0;

  memcpy (&number, data, MIN (n, sizeof number));
  return GUINT64_FROM_BE (number);
}

static int
compare_keys (const void *a, const void *b)
{
  const Key *x = a, *y = b;
  int order;

  if (x->high != y->high)
    return x->high < y->high ? -1 : 1;
  if (x->low != y->low)
    return x->low < y->low ? -1 : 1;
  order = memcmp (x->data, y->data, MIN (x->length, y->length));
  if (order != 0)
    return order;
  if (x->length != y->length)
    return x->length < y->length ? -1 : 1;
  return (x->value > y->value) - (x->value < y->value);
}

/* Without the empty ones; *n becomes their number. */
static Key *
sorted_keys (const TextStrings *strings, const uint32_t *values, size_t *n)
{
  Key *keys = g_new (Key, *n + 1);
  size_t n_keys = 0;

  for (size_t i = 0; i < *n; i++) {
    size_t length;
    const char *data = text_strings_get (strings, values[i], &length);

    if (length > 0)
      keys[n_keys++] = (Key) { leading_bytes (data, length),
                               length > 8 ? leading_bytes (data + 8, length - 8) : 0, data,
                               (uint32_t) length, values[i] };
  }
  qsort (keys, n_keys, sizeof *keys, compare_keys);
  *n = n_keys;
  return keys;
}

/* One more node than there are strings' bytes at most; no more than max. */
static size_t
most_nodes (const Key *keys, size_t n, uint32_t max)
{
  size_t nodes = 1;

  for (size_t i = 0; i < n && nodes <= max; i++)
    nodes += keys[i].length;
  return MIN (nodes, max);
}

/* Appends the children of a node whose strings agree in depth bytes; FALSE when they are too
 * many. */
static gboolean
add_children (TextTrie *trie, Range *ranges, const Key *keys, uint32_t node, size_t depth,
              size_t max_nodes)
{
  Range left = ranges[node];

  trie->nodes[node] = (TextTrieNode) { trie->n_nodes, TEXT_TRIE_NONE };
  for (; left.begin < left.end && keys[left.begin].length == depth; left.begin++)
    trie->nodes[node].value = keys[left.begin].value;
  while (left.begin < left.end) {
    guint8 label = (guint8) keys[left.begin].data[depth];
    uint32_t begin = left.begin;

    if (trie->n_nodes >= max_nodes)
      return FALSE;
    while (left.begin < left.end && (guint8) keys[left.begin].data[depth] == label)
      left.begin++;
    ranges[trie->n_nodes] = (Range) { begin, left.begin };
    trie->labels[trie->n_nodes++] = label;
  }
  return TRUE;
}

TextTrie *
text_trie_new (const TextStrings *strings, const uint32_t *values, size_t n, uint32_t max_nodes)
{
  g_autofree Key *keys = sorted_keys (strings, values, &n);
  size_t most = most_nodes (keys, n, max_nodes);
  g_autofree Range *ranges = g_new (Range, most);
  g_autoptr (TextTrie) trie = g_new0 (TextTrie, 1);
  uint32_t level_end = 1;
  size_t depth = 0;

  trie->nodes = g_new (TextTrieNode, most + 1);
  trie->labels = g_malloc (most);
  trie->n_nodes = 1;
  trie->labels[0] = 0;
  ranges[0] = (Range) { 0, (uint32_t) n };
  for (uint32_t node = 0; node < trie->n_nodes; node++) {
    if (node == level_end) {
      depth++;
      level_end = trie->n_nodes;
    }
    if (!add_children (trie, ranges, keys, node, depth, most))
      return NULL;
  }
  trie->nodes[trie->n_nodes] = (TextTrieNode) { trie->n_nodes, TEXT_TRIE_NONE };
  trie->nodes = g_renew (TextTrieNode, trie->nodes, trie->n_nodes + 1);
  trie->labels = g_realloc (trie->labels, trie->n_nodes);
  return g_steal_pointer (&trie);
}

void
text_trie_free (TextTrie *trie)
{
  if (trie == NULL)
    return;
  g_free (trie->nodes);
  g_free (trie->labels);
  g_free (trie);
}

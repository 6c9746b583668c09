/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Look-up in a precompiled map. The trie comes from a file and is trusted in nothing: each step is
 * held to its bounds. Source of the layout: Darts-clone's unit (bits 0–7 label, 8 has a leaf, 9
 * offset counts in 256, 10–30 offset, 31 leaf) and SentencePiece's normalizer. */
#include "engine/text/charsmap.h"

#include <string.h>

/* The longest known stands for U+FDFA and has 33 bytes. */
#define MAX_REPLACEMENT_BYTES 255

struct _TextCharsmap {
  uint32_t *units;
  size_t n_units;
  char *texts; /* ends in NUL */
  size_t n_text_bytes;
  guint8 begins[256]; /* whether a key begins with this byte */
};

static uint32_t
unit_offset (uint32_t unit)
{
  return (unit >> 10) << ((unit & (1u << 9)) >> 6);
}

static uint32_t
unit_label (uint32_t unit)
{
  return unit & (1u << 31 | 0xff);
}

static gboolean
texts_are_short (const char *texts, size_t n)
{
  size_t length = 0;

  for (size_t i = 0; i < n; i++) {
    length = texts[i] == '\0' ? 0 : length + 1;
    if (length > MAX_REPLACEMENT_BYTES)
      return FALSE;
  }
  return TRUE;
}

/* Follows one byte from *at, the place of a node's children; FALSE when no key goes on so. */
static gboolean
step (const TextCharsmap *map, uint32_t *at, guint8 byte, uint32_t *unit)
{
  uint32_t child = *at ^ byte;

  if (byte == 0 || child >= map->n_units || unit_label (map->units[child]) != byte)
    return FALSE;
  *unit = map->units[child];
  *at = child ^ unit_offset (*unit);
  return TRUE;
}

TextCharsmap *
text_charsmap_new (const void *data, size_t n_bytes)
{
  const char *bytes = data;
  g_autoptr (TextCharsmap) map = NULL;
  uint32_t trie_bytes;

  if (n_bytes < sizeof trie_bytes)
    return NULL;
  memcpy (&trie_bytes, bytes, sizeof trie_bytes);
  trie_bytes = GUINT32_FROM_LE (trie_bytes);
  n_bytes -= sizeof trie_bytes;
  bytes += sizeof trie_bytes;
  if (trie_bytes == 0 || trie_bytes % 4 != 0 || trie_bytes >= n_bytes ||
      bytes[n_bytes - 1] != '\0' || !texts_are_short (bytes + trie_bytes, n_bytes - trie_bytes))
    return NULL;

  map = g_new0 (TextCharsmap, 1);
  map->n_units = trie_bytes / 4;
  map->units = g_memdup2 (bytes, trie_bytes);
  for (size_t i = 0; i < map->n_units; i++)
    map->units[i] = GUINT32_FROM_LE (map->units[i]);
  map->n_text_bytes = n_bytes - trie_bytes;
  map->texts = g_memdup2 (bytes + trie_bytes, map->n_text_bytes);
  for (unsigned i = 0; i < 256; i++) {
    uint32_t at = unit_offset (map->units[0]), unit;

    map->begins[i] = step (map, &at, (guint8) i, &unit);
  }
  return g_steal_pointer (&map);
}

void
text_charsmap_free (TextCharsmap *map)
{
  if (map == NULL)
    return;
  g_free (map->units);
  g_free (map->texts);
  g_free (map);
}

size_t
text_charsmap_find (const TextCharsmap *map, const char *text, size_t n, const char **replacement)
{
  uint32_t at = unit_offset (map->units[0]), unit;
  size_t found = 0;

  if (n == 0 || !map->begins[(guint8) text[0]])
    return 0;
  for (size_t i = 0; i < n && step (map, &at, (guint8) text[i], &unit); i++) {
    uint32_t offset;

    if (!(unit >> 8 & 1) || at >= map->n_units)
      continue;
    offset = map->units[at] & ~(1u << 31);
    if (offset >= map->n_text_bytes)
      continue;
    *replacement = map->texts + offset;
    found = i + 1;
  }
  return found;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Byte strings with look-up: one block of bytes, the ends, and an open-addressing table of indices.
 * It knows nothing of tokens. */
#include "engine/text/byte-strings.h"

#include <string.h>

typedef struct {
  uint32_t index; /* of a linked string, or TEXT_STRINGS_NONE */
  uint32_t hash;  /* upper half of the hash: most other strings differ without a look at them */
} Slot;

struct _TextStrings {
  GByteArray *bytes; /* all strings, one after the other */
  GArray *ends;      /* guint: end of string i; it begins where the one before ends */
  Slot *slots;       /* [n_slots] */
  size_t n_slots;    /* a power of two, or 0 */
  size_t n_linked;
  uint64_t seed;
};

uint64_t
text_random_seed (void)
{
  return (uint64_t) g_random_int () << 32 | g_random_int ();
}

uint64_t
text_mix (uint64_t a, uint64_t b)
{
  /* The two halves of a 128-bit product, folded. */
  __uint128_t product = (__uint128_t) (a ^ UINT64_C (0x9e3779b97f4a7c15)) *
                        (b ^ UINT64_C (0xd6e8feb86659fd93));

  return (uint64_t) product ^ (uint64_t) (product >> 64);
}

static uint64_t
hash (const TextStrings *strings, const char *data, size_t n)
{
  uint64_t h = strings->seed ^ n;

  for (; n >= 8; data += 8, n -= 8) {
    uint64_t word;

    memcpy (&word, data, sizeof word);
    h = text_mix (h, word);
  }
  if (n > 0) {
    uint64_t word = 0;

    memcpy (&word, data, n);
    h = text_mix (h, word);
  }
  return text_mix (h, strings->seed);
}

TextStrings *
text_strings_new (void)
{
  TextStrings *strings = g_new0 (TextStrings, 1);

  strings->bytes = g_byte_array_new ();
  strings->ends = g_array_new (FALSE, FALSE, sizeof (guint));
  strings->seed = text_random_seed ();
  return strings;
}

void
text_strings_free (TextStrings *strings)
{
  if (strings == NULL)
    return;
  g_byte_array_unref (strings->bytes);
  g_array_unref (strings->ends);
  g_free (strings->slots);
  g_free (strings);
}

uint32_t
text_strings_count (const TextStrings *strings)
{
  return strings->ends->len;
}

const char *
text_strings_get (const TextStrings *strings, uint32_t index, size_t *n)
{
  guint begin = index > 0 ? g_array_index (strings->ends, guint, index - 1) : 0;

  *n = g_array_index (strings->ends, guint, index) - begin;
  return (const char *) strings->bytes->data + begin;
}

uint32_t
text_strings_append (TextStrings *strings, const char *data, size_t n)
{
  guint end;

  if (n > 0)
    g_byte_array_append (strings->bytes, (const guint8 *) data, (guint) n);
  end = strings->bytes->len;
  g_array_append_val (strings->ends, end);
  return strings->ends->len - 1;
}

/* The slot that holds these bytes, or the free one where they would go. The table is never full. */
static Slot *
find_slot (const TextStrings *strings, const char *data, size_t n, uint64_t h)
{
  size_t i = (size_t) h & (strings->n_slots - 1);

  for (;; i = (i + 1) & (strings->n_slots - 1)) {
    Slot *slot = &strings->slots[i];
    size_t length;
    const char *other;

    if (slot->index == TEXT_STRINGS_NONE)
      return slot;
    if (slot->hash != (uint32_t) (h >> 32))
      continue;
    other = text_strings_get (strings, slot->index, &length);
    if (length == n && memcmp (other, data, n) == 0)
      return slot;
  }
}

static void
grow (TextStrings *strings)
{
  g_autofree Slot *old = strings->slots;
  size_t n_old = strings->n_slots;

  strings->n_slots = MAX (n_old * 2, 64);
  strings->slots = g_new (Slot, strings->n_slots);
  memset (strings->slots, 0xff, strings->n_slots * sizeof *strings->slots);
  for (size_t i = 0; i < n_old; i++)
    if (old[i].index != TEXT_STRINGS_NONE) {
      size_t n;
      const char *data = text_strings_get (strings, old[i].index, &n);

      *find_slot (strings, data, n, hash (strings, data, n)) = old[i];
    }
}

void
text_strings_link (TextStrings *strings, uint32_t index)
{
  size_t n;
  const char *data;
  uint64_t h;
  Slot *slot;

  if (strings->n_linked * 2 >= strings->n_slots)
    grow (strings);
  data = text_strings_get (strings, index, &n);
  h = hash (strings, data, n);
  slot = find_slot (strings, data, n, h);
  strings->n_linked += slot->index == TEXT_STRINGS_NONE;
  *slot = (Slot) { index, (uint32_t) (h >> 32) };
}

uint32_t
text_strings_find (const TextStrings *strings, const char *data, size_t n)
{
  if (strings->n_slots == 0)
    return TEXT_STRINGS_NONE;
  return find_slot (strings, data, n, hash (strings, data, n))->index;
}

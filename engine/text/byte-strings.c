/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Byte strings with look-up: one block of bytes, the ends, and an open-addressing table of indices.
 * It knows nothing of tokens. */
#include "engine/text/byte-strings.h"

#include <string.h>

struct _TextStrings {
  GByteArray *bytes; /* all strings, one after the other */
  GArray *ends;      /* guint: end of string i; it begins where the one before ends */
  uint32_t *slots;   /* [n_slots] indices of linked strings, or TEXT_STRINGS_NONE */
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
static uint32_t *
find_slot (const TextStrings *strings, const char *data, size_t n)
{
  size_t i = (size_t) hash (strings, data, n) & (strings->n_slots - 1);

  for (;; i = (i + 1) & (strings->n_slots - 1)) {
    size_t length;
    const char *other;

    if (strings->slots[i] == TEXT_STRINGS_NONE)
      return &strings->slots[i];
    other = text_strings_get (strings, strings->slots[i], &length);
    if (length == n && memcmp (other, data, n) == 0)
      return &strings->slots[i];
  }
}

static void
grow (TextStrings *strings)
{
  g_autofree uint32_t *old = strings->slots;
  size_t n_old = strings->n_slots;

  strings->n_slots = MAX (n_old * 2, 64);
  strings->slots = g_new (uint32_t, strings->n_slots);
  memset (strings->slots, 0xff, strings->n_slots * sizeof *strings->slots);
  for (size_t i = 0; i < n_old; i++)
    if (old[i] != TEXT_STRINGS_NONE) {
      size_t n;
      const char *data = text_strings_get (strings, old[i], &n);

      *find_slot (strings, data, n) = old[i];
    }
}

void
text_strings_link (TextStrings *strings, uint32_t index)
{
  size_t n;
  const char *data;
  uint32_t *slot;

  if (strings->n_linked * 4 >= strings->n_slots * 3)
    grow (strings);
  data = text_strings_get (strings, index, &n);
  slot = find_slot (strings, data, n);
  strings->n_linked += *slot == TEXT_STRINGS_NONE;
  *slot = index;
}

uint32_t
text_strings_find (const TextStrings *strings, const char *data, size_t n)
{
  return strings->n_slots > 0 ? *find_slot (strings, data, n) : TEXT_STRINGS_NONE;
}

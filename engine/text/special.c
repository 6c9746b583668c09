/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Matching of whole tokens in a text. Which tokens may match is the caller's business. */
#include "engine/text/special.h"

#include <string.h>

static int
compare_strings (gconstpointer a, gconstpointer b, gpointer strings)
{
  size_t n_a, n_b;
  const char *x = text_strings_get (strings, *(const uint32_t *) a, &n_a);
  const char *y = text_strings_get (strings, *(const uint32_t *) b, &n_b);
  int order = memcmp (x, y, MIN (n_a, n_b));

  return order != 0 ? order : (n_a > n_b) - (n_a < n_b);
}

void
text_specials_init (TextSpecials *specials, const TextStrings *strings, GArray *ids)
{
  specials->ids = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  memset (specials->begins, 0, sizeof specials->begins);
  for (guint i = 0; i < ids->len; i++) {
    uint32_t id = g_array_index (ids, uint32_t, i);
    size_t n;
    const char *data = text_strings_get (strings, id, &n);

    if (n == 0)
      continue;
    specials->begins[(guchar) data[0]] = 1;
    g_array_append_val (specials->ids, id);
  }
  g_array_sort_with_data (specials->ids, compare_strings, (gpointer) strings);
  g_array_unref (ids);
}

void
text_specials_finish (TextSpecials *specials)
{
  g_clear_pointer (&specials->ids, g_array_unref);
}

/* The first of [low, high) whose byte at depth is at least wanted. Strings that end before sort
 * first. */
static guint
lower_bound (const TextSpecials *specials, const TextStrings *strings, guint low, guint high,
             size_t depth, int wanted)
{
  while (low < high) {
    guint middle = low + (high - low) / 2;
    size_t n;
    const char *data = text_strings_get (strings, g_array_index (specials->ids, uint32_t, middle),
                                         &n);
    int byte = depth < n ? (guchar) data[depth] : -1;

    if (byte < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* All strings that stand at offset: the range of candidates shrinks with each byte. */
static void
match_at (const TextSpecials *specials, const TextStrings *strings, const char *text, size_t n,
          size_t offset, GArray *found)
{
  guint low = 0, high = specials->ids->len;

  for (size_t depth = 0; offset + depth < n && low < high; depth++) {
    int byte = (guchar) text[offset + depth];

    low = lower_bound (specials, strings, low, high, depth, byte);
    high = lower_bound (specials, strings, low, high, depth, byte + 1);
    for (guint i = low; i < high; i++) {
      TextSpecialMatch match = { offset, depth + 1, g_array_index (specials->ids, uint32_t, i) };
      size_t length;

      text_strings_get (strings, match.id, &length);
      if (length != depth + 1) /* the ones that end here stand first */
        break;
      g_array_append_val (found, match);
    }
  }
}

static int
compare_priority (gconstpointer a, gconstpointer b)
{
  const TextSpecialMatch *x = a, *y = b;

  if (x->bytes != y->bytes)
    return x->bytes > y->bytes ? -1 : 1;
  if (x->id != y->id)
    return x->id < y->id ? -1 : 1;
  return (x->offset > y->offset) - (x->offset < y->offset);
}

static int
compare_offsets (gconstpointer a, gconstpointer b)
{
  const TextSpecialMatch *x = a, *y = b;

  return (x->offset > y->offset) - (x->offset < y->offset);
}

void
text_specials_find (const TextSpecials *specials, const TextStrings *strings, const char *text,
                    size_t n, TextSpecialAllowed allowed, gconstpointer data, GArray *matches)
{
  g_autoptr (GArray) found = NULL;
  g_autofree guint8 *covered = NULL;

  for (size_t i = 0; i < n && specials->ids->len > 0; i++)
    if (specials->begins[(guchar) text[i]]) {
      if (found == NULL)
        found = g_array_new (FALSE, FALSE, sizeof (TextSpecialMatch));
      match_at (specials, strings, text, n, i, found);
    }
  if (found == NULL || found->len == 0)
    return;
  g_array_sort (found, compare_priority);
  covered = g_malloc0 (n);
  for (guint i = 0; i < found->len; i++) {
    const TextSpecialMatch *match = &g_array_index (found, TextSpecialMatch, i);

    /* Those before are at least as long: one that overlaps covers an end of this one. */
    if (covered[match->offset] || covered[match->offset + match->bytes - 1] ||
        !allowed (match, data))
      continue;
    memset (covered + match->offset, 1, match->bytes);
    g_array_append_vals (matches, match, 1);
  }
  g_array_sort (matches, compare_offsets);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the same tokens stood before. Must not know models or samplers, nor what a guess gains. */
#include "engine/session/lookup.h"

#include <string.h>

/* The slot of the run of so many tokens that ends before `end`. */
static guint32 *
slot_of (const SessionLookup *lookup, const gint32 *tokens, guint size, guint32 end)
{
  guint64 hash = size;

  for (guint32 i = end - size; i < end; i++)
    hash = (hash ^ (guint32) tokens[i]) * 0x9e3779b97f4a7c15u;
  return &lookup->slots[size - SESSION_LOOKUP_SHORTEST][hash >> 40 & (lookup->n_slots - 1)];
}

/* A run becomes known only with the token that follows it: else the last one would find itself. */
static void
learn (SessionLookup *lookup, const gint32 *tokens, guint32 n)
{
  for (; lookup->n_known < n; lookup->n_known++) {
    guint32 at = lookup->n_known;

    for (guint size = SESSION_LOOKUP_SHORTEST; size <= SESSION_LOOKUP_LONGEST && size <= at; size++)
      *slot_of (lookup, tokens, size, at) = at;
  }
}

/* Where the tokens go on that stood before as they stand now at the end, and how many of them do,
 * up to `most`; 0: none. */
static guint32
find_before (const SessionLookup *lookup, const gint32 *tokens, guint32 n, guint32 most,
             guint32 *n_same)
{
  for (guint size = SESSION_LOOKUP_LONGEST; size >= SESSION_LOOKUP_SHORTEST; size--) {
    guint32 follow = n > size ? *slot_of (lookup, tokens, size, n) : 0;

    if (follow >= size && /* another run may have the same hash */
        memcmp (tokens + follow - size, tokens + n - size, size * sizeof *tokens) == 0) {
      *n_same = size;
      while (*n_same < MIN (most, follow) &&
             tokens[follow - 1 - *n_same] == tokens[n - 1 - *n_same])
        ++*n_same;
      return follow;
    }
  }
  return 0;
}

static guint32
guess (SessionGuesser *guesser, const gint32 *tokens, guint32 n, gint32 *guesses, guint32 most)
{
  SessionLookup *lookup = (SessionLookup *) guesser;
  gint64 begin_us = g_get_monotonic_time ();
  guint32 follow, n_same;

  learn (lookup, tokens, n); /* at first a whole prompt, which is no fault of this guess */
  guesser->catch_up_us = g_get_monotonic_time () - begin_us;
  follow = find_before (lookup, tokens, n, most, &n_same);
  if (follow == 0)
    return 0;
  /* A short run often goes on otherwise: one guess or two cost next to nothing. What has been the
   * same for long goes on being the same for long. */
  most = MIN (most, n_same < SESSION_LOOKUP_LONGEST ? n_same - 1 : n_same + 1);
  for (guint32 i = 0; i < most; i++) /* what repeats itself goes on past the end */
    guesses[i] = follow + i < n ? tokens[follow + i] : guesses[follow + i - n];
  return most;
}

void
session_lookup_init (SessionLookup *lookup, guint32 n_tokens)
{
  *lookup = (SessionLookup) { .n_slots = 64 };
  session_guesser_init (&lookup->guesser, guess, 0);
  while (lookup->n_slots < 2 * (guint64) n_tokens && lookup->n_slots < 1u << 24)
    lookup->n_slots *= 2;
  for (guint i = 0; i < SESSION_LOOKUP_N_SIZES; i++)
    lookup->slots[i] = g_new0 (guint32, lookup->n_slots);
}

void
session_lookup_finish (SessionLookup *lookup)
{
  for (guint i = 0; i < SESSION_LOOKUP_N_SIZES; i++)
    g_clear_pointer (&lookup->slots[i], g_free);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prompt look-up: what followed the same tokens before. Must not know models or samplers: a wrong
 * guess costs time, never a token. */
#include "engine/session/draft.h"

#include <string.h>

#define LEARN_TOKENS 3 /* whose time is measured before the first guess */
#define FIRST_PAUSE  16
#define LAST_PAUSE   512
#define FORGET       0.75 /* of earlier rounds with each new one */

void
session_draft_init (SessionDraft *draft, const gint32 *prompt, guint32 n, guint32 most)
{
  *draft = (SessionDraft) { .tokens = g_array_sized_new (FALSE, FALSE, sizeof (gint32), n + 64),
                            .n_slots = 64,
                            .next_pause = FIRST_PAUSE };
  while (draft->n_slots < 2 * (guint64) (n + most) && draft->n_slots < 1u << 24)
    draft->n_slots *= 2;
  for (guint i = 0; i < SESSION_DRAFT_N_SIZES; i++)
    draft->slots[i] = g_new0 (guint32, draft->n_slots);
  for (guint32 i = 0; i < n; i++)
    session_draft_push (draft, prompt[i]);
}

void
session_draft_finish (SessionDraft *draft)
{
  g_clear_pointer (&draft->tokens, g_array_unref);
  for (guint i = 0; i < SESSION_DRAFT_N_SIZES; i++)
    g_clear_pointer (&draft->slots[i], g_free);
}

/* The slot of the run of so many tokens that ends before `end`. */
static guint32 *
slot_of (const SessionDraft *draft, guint size, guint32 end)
{
  guint64 hash = size;

  for (guint32 i = end - size; i < end; i++)
    hash = (hash ^ (guint32) g_array_index (draft->tokens, gint32, i)) * 0x9e3779b97f4a7c15u;
  return &draft->slots[size - SESSION_DRAFT_SHORTEST][hash >> 40 & (draft->n_slots - 1)];
}

/* The runs before the token become known only now: else the last one would find itself. */
void
session_draft_push (SessionDraft *draft, gint32 token)
{
  guint32 at = draft->tokens->len;

  for (guint size = SESSION_DRAFT_SHORTEST; size <= SESSION_DRAFT_LONGEST && size <= at; size++)
    *slot_of (draft, size, at) = at;
  g_array_append_val (draft->tokens, token);
  if (draft->pause > 0)
    draft->pause--;
}

/* Where the tokens go on that stood before as they stand now at the end, and how many of them do,
 * up to `most`; 0: none. */
static guint32
find_before (const SessionDraft *draft, guint32 most, guint32 *n_same)
{
  const gint32 *tokens = (const gint32 *) (const void *) draft->tokens->data;
  guint32 n = draft->tokens->len;

  for (guint size = SESSION_DRAFT_LONGEST; size >= SESSION_DRAFT_SHORTEST; size--) {
    guint32 follow = n > size ? *slot_of (draft, size, n) : 0;

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

guint32
session_draft_propose (SessionDraft *draft, gint32 *guesses, guint32 most)
{
  guint32 n = draft->tokens->len, follow, n_same;

  if (draft->pause > 0 || draft->n_plain < LEARN_TOKENS)
    return 0;
  follow = find_before (draft, most, &n_same);
  if (follow == 0)
    return 0;
  /* A short run often goes on otherwise: one guess or two cost next to nothing. What has been the
   * same for long goes on being the same for long. */
  most = MIN (most, n_same < SESSION_DRAFT_LONGEST ? n_same - 1 : n_same + 1);
  for (guint32 i = 0; i < most; i++) /* what repeats itself goes on past the end */
    guesses[i] = follow + i < n ? g_array_index (draft->tokens, gint32, follow + i)
                                : guesses[follow + i - n];
  return most;
}

/* A wrong guess costs what checking it took beyond one token's time: off while it does not pay. */
static void
judge (SessionDraft *draft)
{
  if (draft->gained * draft->plain_us >= draft->spent_us) {
    draft->next_pause = FIRST_PAUSE;
    return;
  }
  draft->pause = draft->next_pause;
  draft->next_pause = MIN (2 * draft->next_pause, LAST_PAUSE);
  draft->gained = draft->spent_us = 0;
}

void
session_draft_learn (SessionDraft *draft, guint32 n_guesses, guint32 n_held, gint64 us)
{
  if (n_guesses == 0) {
    draft->n_plain++;
    draft->plain_us += ((double) us - draft->plain_us) / MIN (draft->n_plain, 8);
    return;
  }
  draft->gained = draft->gained * FORGET + n_held + 1;
  draft->spent_us = draft->spent_us * FORGET + (double) us;
  judge (draft);
}

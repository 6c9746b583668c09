/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prompt look-up: guesses what followed the last time that the same few tokens stood in the
 * timeline, since answers repeat their sources. Knows token ids only.
 * Thread: none of its own; one belongs to one answer. */
#pragma once

#include "engine/session/draft.h"

/* Runs of so many tokens are looked up, the longest first. */
#define SESSION_LOOKUP_LONGEST  4
#define SESSION_LOOKUP_SHORTEST 2
#define SESSION_LOOKUP_N_SIZES  (SESSION_LOOKUP_LONGEST - SESSION_LOOKUP_SHORTEST + 1)

typedef struct {
  SessionGuesser guesser; /* the first member */
  /* [n_slots] of each size: where the last run with that hash was followed up; 0: none */
  guint32 *slots[SESSION_LOOKUP_N_SIZES];
  guint32 n_slots; /* a power of two */
  guint32 n_known; /* tokens that are in them */
} SessionLookup;

/* n_tokens: about how many there will be. */
void session_lookup_init (SessionLookup *lookup, guint32 n_tokens);
void session_lookup_finish (SessionLookup *lookup);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guesses of the next tokens, to be checked by the model in one batch: those that followed the last
 * time that the same few tokens stood in the timeline (prompt look-up: answers repeat their
 * sources), and how many of them are worth the time that checking takes. Knows token ids and times
 * only.
 * Thread: none of its own; one belongs to one answer. */
#pragma once

#include <glib.h>

/* Runs of so many tokens are looked up, the longest first. */
#define SESSION_DRAFT_LONGEST  4
#define SESSION_DRAFT_SHORTEST 2
#define SESSION_DRAFT_N_SIZES  (SESSION_DRAFT_LONGEST - SESSION_DRAFT_SHORTEST + 1)

typedef struct {
  GArray *tokens; /* gint32: the prompt and the answer so far */
  /* [n_slots] of each size: where the last run with that hash was followed up; 0: none */
  guint32 *slots[SESSION_DRAFT_N_SIZES];
  guint32 n_slots;         /* a power of two */
  guint32 pause;           /* tokens until the next guess */
  guint32 next_pause;      /* when they turn out not to be worth it */
  guint32 n_plain;         /* tokens that were written without guesses */
  double plain_us;         /* that one takes */
  double gained, spent_us; /* tokens made with guesses lately, and the time they took */
} SessionDraft;

/* prompt[n]; most: tokens that may be written. */
void session_draft_init (SessionDraft *draft, const gint32 *prompt, guint32 n, guint32 most);
void session_draft_finish (SessionDraft *draft);
/* The next token of the answer. */
void session_draft_push (SessionDraft *draft, gint32 token);
/* Writes at most `most` guesses of what follows and returns how many; 0 when there is none, or
 * when they have not been worth it lately. */
guint32 session_draft_propose (SessionDraft *draft, gint32 *guesses, guint32 most);
/* What came of a batch that checked n_guesses (0: it made one token as ever): how many held, and
 * the time that it took. */
void session_draft_learn (SessionDraft *draft, guint32 n_guesses, guint32 n_held, gint64 us);

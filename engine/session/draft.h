/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guesses of the next tokens, to be checked by the model in one batch: who makes them, and whether
 * those of each have lately been worth the time that making and checking them takes. A wrong guess
 * costs time, never a token. Knows token ids and times only, and not how guesses are made.
 * Thread: none of its own; a draft belongs to one answer. */
#pragma once

#include <glib.h>

/* Whoever guesses: a struct whose first member this is. The numbers are draft.c's. */
typedef struct _SessionGuesser SessionGuesser;
struct _SessionGuesser {
  /* Writes at most `most` > 0 guesses of what follows tokens[n] and returns how many; writes
   * nothing where it has none. */
  guint32 (*guess) (SessionGuesser *self, const gint32 *tokens, guint32 n, gint32 *guesses,
                    guint32 most);
  /* Set by guess: of its time, what catching up took, such as reading a prompt. This is not held
   * against the guesses; but while they are not worth their time it is not spent again soon. */
  gint64 catch_up_us;
  double patience; /* tokens whose time it may lose before it is not asked any more */

  gint64 asked_us;    /* that guessing took, but for catching up; 0: not asked */
  guint32 pause;      /* tokens until it is asked again */
  guint32 next_pause; /* when its guesses turn out not to be worth it */
  double ahead;       /* of plain writing, in tokens; begins with its patience */
  double owed;        /* tokens' time of catching up that no gain has paid for yet */
};
void session_guesser_init (SessionGuesser *guesser,
                           guint32 (*guess) (SessionGuesser *self, const gint32 *tokens, guint32 n,
                                             gint32 *guesses, guint32 most),
                           double patience);

#define SESSION_MOST_GUESSERS 2

typedef struct {
  GArray *tokens; /* gint32: the prompt and the answer so far */
  SessionGuesser *guessers[SESSION_MOST_GUESSERS];
  guint n_guessers;
  SessionGuesser *at_hand; /* whose the last guesses are; NULL: there were none */
  guint32 n_plain;         /* tokens that were written without guesses */
  double plain_us;         /* that one takes */
} SessionDraft;

/* Of prompt[n]. */
void session_draft_init (SessionDraft *draft, const gint32 *prompt, guint32 n);
void session_draft_finish (SessionDraft *draft);
/* Borrowed until the draft is finished. The first one is asked first; the others when it has few
 * guesses, and theirs are taken then. What is known of its guesses goes on with the next draft. */
void session_draft_add_guesser (SessionDraft *draft, SessionGuesser *guesser);
/* The next token of the answer. */
void session_draft_push (SessionDraft *draft, gint32 token);
/* Writes at most `most` guesses of what follows and returns how many; 0 when there is none, or
 * when they have not been worth it lately. */
guint32 session_draft_propose (SessionDraft *draft, gint32 *guesses, guint32 most);
/* What came of a batch that checked the n_guesses first of the last guesses (0: it made one token
 * as ever): how many held, and the time that it took. */
void session_draft_learn (SessionDraft *draft, guint32 n_guesses, guint32 n_held, gint64 us);

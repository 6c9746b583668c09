/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asks the guessers in turn and keeps accounts of what each one gains. Must not know models or
 * samplers, nor how guesses are made. */
#include "engine/session/draft.h"

#define LEARN_TOKENS 3 /* whose time is measured before the first guess */
#define FIRST_PAUSE  16
#define LAST_PAUSE   512
#define MANY         5         /* guesses that need no others beside them */
#define TRIFLE       (1 / 64.) /* of a token's time: as if it were none */
#define MOST_AHEAD   8         /* tokens: what was gained longer ago pays for nothing */
/* Catching up may take the time of so many tokens before gains have paid for it; in vain at most
 * one part in so many of the time is spent on it. */
#define MOST_OWED 256
#define PAYBACK   32

void
session_guesser_init (SessionGuesser *guesser,
                      guint32 (*guess) (SessionGuesser *self, const gint32 *tokens, guint32 n,
                                        gint32 *guesses, guint32 most),
                      double patience)
{
  *guesser = (SessionGuesser) {
    .guess = guess, .patience = patience, .next_pause = FIRST_PAUSE, .ahead = patience
  };
}

void
session_draft_init (SessionDraft *draft, const gint32 *prompt, guint32 n)
{
  *draft = (SessionDraft) { .tokens = g_array_sized_new (FALSE, FALSE, sizeof (gint32), n + 64) };
  g_array_append_vals (draft->tokens, prompt, n);
}

void
session_draft_finish (SessionDraft *draft)
{
  g_clear_pointer (&draft->tokens, g_array_unref);
}

void
session_draft_add_guesser (SessionDraft *draft, SessionGuesser *guesser)
{
  g_assert (draft->n_guessers < SESSION_MOST_GUESSERS);
  draft->guessers[draft->n_guessers++] = guesser;
  guesser->asked_us = 0;
}

void
session_draft_push (SessionDraft *draft, gint32 token)
{
  g_array_append_val (draft->tokens, token);
  for (guint i = 0; i < draft->n_guessers; i++)
    if (draft->guessers[i]->pause > 0)
      draft->guessers[i]->pause--;
}

static guint32
ask (const SessionDraft *draft, SessionGuesser *guesser, gint32 *guesses, guint32 most)
{
  gint64 begin_us = g_get_monotonic_time ();
  guint32 n;

  guesser->catch_up_us = 0;
  n = guesser->guess (guesser, (const gint32 *) (const void *) draft->tokens->data,
                      draft->tokens->len, guesses, most);
  guesser->asked_us = MAX (g_get_monotonic_time () - begin_us - guesser->catch_up_us, 1);
  guesser->owed += (double) guesser->catch_up_us / draft->plain_us;
  return n;
}

guint32
session_draft_propose (SessionDraft *draft, gint32 *guesses, guint32 most)
{
  guint32 n = 0;

  draft->at_hand = NULL;
  if (draft->n_plain < LEARN_TOKENS || most == 0)
    return 0;
  for (guint i = 0; i < draft->n_guessers && n < MANY; i++) {
    SessionGuesser *guesser = draft->guessers[i];
    guint32 n_new = guesser->pause == 0 ? ask (draft, guesser, guesses, most) : 0;

    if (n_new > 0) {
      draft->at_hand = guesser;
      n = n_new;
    }
  }
  return n;
}

/* gained tokens took so long, with the making of their guesses: off while that does not pay. */
static void
settle (const SessionDraft *draft, SessionGuesser *guesser, guint32 gained, double us)
{
  double profit = gained - us / draft->plain_us;

  guesser->owed = MAX (guesser->owed - MAX (profit, 0), 0);
  guesser->ahead = MIN (guesser->ahead + profit, MOST_AHEAD);
  if (guesser->ahead > guesser->patience)
    guesser->next_pause = FIRST_PAUSE;
  if (guesser->ahead >= 0 && guesser->owed <= MOST_OWED)
    return;
  guesser->pause = MAX (guesser->next_pause, (guint32) MIN (PAYBACK * guesser->owed, G_MAXINT32));
  guesser->next_pause = MIN (2 * guesser->next_pause, LAST_PAUSE);
  guesser->ahead = guesser->patience;
  guesser->owed = 0;
}

/* The least of the first ones: what interrupts one of them must not make guesses look cheap. */
static void
learn_plain (SessionDraft *draft, double us)
{
  us = MAX (us, 1);
  draft->n_plain++;
  if (draft->n_plain <= LEARN_TOKENS)
    draft->plain_us = draft->n_plain > 1 ? MIN (draft->plain_us, us) : us;
  else
    draft->plain_us += (us - draft->plain_us) / 8;
}

void
session_draft_learn (SessionDraft *draft, guint32 n_guesses, guint32 n_held, gint64 us)
{
  if (n_guesses == 0)
    learn_plain (draft, (double) us);
  for (guint i = 0; i < draft->n_guessers; i++) {
    SessionGuesser *guesser = draft->guessers[i];
    double asked_us = (double) guesser->asked_us;

    guesser->asked_us = 0;
    if (guesser == draft->at_hand && n_guesses > 0)
      settle (draft, guesser, n_held + 1, asked_us + (double) us);
    else if (asked_us > TRIFLE * draft->plain_us) /* it had none, or others were taken */
      settle (draft, guesser, 0, asked_us);
  }
}

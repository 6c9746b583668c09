/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guesses: what followed the same tokens before, the longest run first; whom of several is asked;
 * and none for a while when making and checking them costs more than they gain. */
#include "engine/session/lookup.h"

/* A token's time: long, since making guesses is measured, and what interrupts a test meanwhile must
 * be nothing beside it. */
#define TOKEN_US (G_USEC_PER_SEC)

typedef struct {
  SessionDraft draft;
  SessionLookup lookup;
} Guesses;

/* The time of three tokens is known. */
static void
begin (Guesses *g, const gint32 *prompt, guint32 n)
{
  session_draft_init (&g->draft, prompt, n);
  session_lookup_init (&g->lookup, 5000);
  session_draft_add_guesser (&g->draft, &g->lookup.guesser);
  for (int i = 0; i < 3; i++) {
    gint32 guesses[1];

    g_assert_cmpuint (session_draft_propose (&g->draft, guesses, 1), ==, 0);
    session_draft_learn (&g->draft, 0, 0, TOKEN_US);
  }
}

static void
end (Guesses *g)
{
  session_draft_finish (&g->draft);
  session_lookup_finish (&g->lookup);
}

static void
assert_guesses (Guesses *g, guint32 most, const gint32 *expected, guint32 n)
{
  gint32 guesses[16];
  guint32 got = session_draft_propose (&g->draft, guesses, most);

  g_assert_cmpmem (guesses, got * sizeof *guesses, expected, n * sizeof *expected);
}

static void
test_look_up (void)
{
  /* 2 3 goes on with 4 and, later, with 9; 1 2 3 with 4 alone. */
  static const gint32 prompt[] = { 1, 2, 3, 4, 5, 6, 7, 2, 3, 9, 8, 0, 1, 2 };
  Guesses g;

  begin (&g, prompt, G_N_ELEMENTS (prompt));
  assert_guesses (&g, 8, (const gint32[]) { 3 }, 1);
  assert_guesses (&g, 1, (const gint32[]) { 3 }, 1);
  session_draft_push (&g.draft, 3);
  assert_guesses (&g, 8, (const gint32[]) { 4, 5 }, 2);
  session_draft_push (&g.draft, 77); /* 3 77 is new */
  assert_guesses (&g, 8, NULL, 0);
  session_draft_push (&g.draft, 2);
  session_draft_push (&g.draft, 3); /* the last of what followed 2 3 */
  assert_guesses (&g, 8, (const gint32[]) { 77 }, 1);
  end (&g);
}

/* What repeats itself is guessed past its end. */
static void
test_loop (void)
{
  static const gint32 prompt[] = { 1, 2, 3, 1, 2, 3, 1, 2, 3, 1 };
  Guesses g;

  begin (&g, prompt, G_N_ELEMENTS (prompt));
  assert_guesses (&g, 7, (const gint32[]) { 2, 3, 1, 2, 3, 1, 2 }, 7);
  end (&g);
}

static void
test_short (void)
{
  static const gint32 same[] = { 5, 5, 5 };
  Guesses g;

  begin (&g, same, 0);
  assert_guesses (&g, 8, NULL, 0);
  session_draft_push (&g.draft, 5);
  assert_guesses (&g, 8, NULL, 0);
  end (&g);
  begin (&g, same, 3);
  assert_guesses (&g, 8, (const gint32[]) { 5 }, 1);
  end (&g);
}

/* Tokens that are written until there are guesses again. */
static guint32
count_pause (SessionDraft *draft)
{
  gint32 guesses[8];
  guint32 n;

  for (n = 0; session_draft_propose (draft, guesses, 8) == 0; n++) {
    g_assert_cmpuint (n, <, 100000);
    session_draft_learn (draft, 0, 0, TOKEN_US);
    session_draft_push (draft, n % 2 ? 2 : 1);
  }
  return n;
}

/* Off while it does not pay, for longer each time; on again when it does. */
static void
test_pause (void)
{
  static const gint32 prompt[] = { 1, 2, 3, 4, 1, 2 };
  gint32 guesses[8];
  guint32 first, second;
  Guesses g;

  begin (&g, prompt, 6);
  g_assert_cmpuint (session_draft_propose (&g.draft, guesses, 8), >, 0);
  session_draft_learn (&g.draft, 3, 3, 2 * TOKEN_US); /* 4 tokens in the time of 2 */
  g_assert_cmpuint (session_draft_propose (&g.draft, guesses, 8), >, 0);
  session_draft_learn (&g.draft, 3, 0, 9 * TOKEN_US);
  first = count_pause (&g.draft);
  session_draft_learn (&g.draft, 3, 0, 9 * TOKEN_US);
  second = count_pause (&g.draft);
  g_assert_cmpuint (first, >=, 8);
  g_assert_cmpuint (second, >, first);
  end (&g);
}

/* Guesses what it is told to. */
typedef struct {
  SessionGuesser guesser;
  guint32 n, n_asked;
  gint64 catch_up_us, us;
} Teller;

static guint32
tell (SessionGuesser *guesser, const gint32 *tokens, guint32 n, gint32 *guesses, guint32 most)
{
  Teller *teller = (Teller *) guesser;

  for (guint32 i = 0; i < MIN (teller->n, most); i++)
    guesses[i] = 900 + (gint32) i;
  if (teller->us > 0)
    g_usleep ((gulong) teller->us);
  guesser->catch_up_us = teller->catch_up_us;
  teller->catch_up_us = 0;
  teller->n_asked++;
  return MIN (teller->n, most);
}

static Teller
teller_new (guint32 n)
{
  Teller teller = { .n = n };

  session_guesser_init (&teller.guesser, tell, 0);
  return teller;
}

/* The second is asked where the first has few guesses, and what came of guesses goes to whose they
 * were. */
static void
test_several (void)
{
  static const gint32 prompt[] = { 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2 };
  Teller teller = teller_new (2);
  gint32 guesses[8];
  Guesses g;

  begin (&g, prompt, G_N_ELEMENTS (prompt));
  session_draft_add_guesser (&g.draft, &teller.guesser);
  assert_guesses (&g, 6, (const gint32[]) { 3, 1, 2, 3, 1, 2 }, 6);
  g_assert_cmpuint (teller.n_asked, ==, 0);
  session_draft_push (&g.draft, 8);
  session_draft_push (&g.draft, 1);
  session_draft_push (&g.draft, 2);
  assert_guesses (&g, 8, (const gint32[]) { 900, 901 }, 2);
  g_assert_true (g.draft.at_hand == &teller.guesser);
  session_draft_learn (&g.draft, 2, 1, 1.1 * TOKEN_US);
  g_assert_cmpfloat (teller.guesser.ahead, >, 0.5);
  g_assert_cmpfloat (g.lookup.guesser.ahead, ==, 0);
  teller.n = 0; /* then those of the first are taken, be they few */
  assert_guesses (&g, 8, (const gint32[]) { 8 }, 1);
  g_assert_true (g.draft.at_hand == &g.lookup.guesser);
  teller.n = 2;
  session_draft_learn (&g.draft, 1, 0, 0.9 * TOKEN_US);
  assert_guesses (&g, 8, (const gint32[]) { 900, 901 }, 2);
  session_draft_learn (&g.draft, 2, 0, 9 * TOKEN_US); /* off, and the other is not */
  assert_guesses (&g, 8, (const gint32[]) { 8 }, 1);
  g_assert_cmpuint (session_draft_propose (&g.draft, guesses, 0), ==, 0);
  end (&g);
}

/* One that takes time and has no guesses is off too, and stays off in the next answer. */
static void
test_silent (void)
{
  Teller teller = teller_new (0);
  guint32 n_first;

  teller.us = TOKEN_US / 30;
  for (int answer = 0; answer < 2; answer++) {
    Guesses g;

    begin (&g, NULL, 0);
    session_draft_add_guesser (&g.draft, &teller.guesser);
    for (gint32 i = 0; i < 100; i++) {
      gint32 guesses[8];

      g_assert_cmpuint (session_draft_propose (&g.draft, guesses, 8), ==, 0);
      session_draft_learn (&g.draft, 0, 0, TOKEN_US);
      session_draft_push (&g.draft, 10 + i);
    }
    g_assert_cmpuint (teller.n_asked, <=, 5);
    g_assert_cmpuint (teller.n_asked, >, 0);
    if (answer == 0)
      n_first = teller.n_asked;
    else
      g_assert_cmpuint (teller.n_asked, <=, n_first + 1);
    end (&g);
  }
}

/* Reading a prompt is not held against guesses that are worth it, but in vain it is not done again
 * before that time has been written in many times over; and not too often without a gain. */
static void
test_catch_up (void)
{
  Teller teller = teller_new (4);
  SessionDraft draft;

  session_draft_init (&draft, NULL, 0);
  session_draft_add_guesser (&draft, &teller.guesser);
  for (int i = 0; i < 3; i++)
    session_draft_learn (&draft, 0, 0, TOKEN_US);
  teller.catch_up_us = 50 * TOKEN_US;
  g_assert_cmpuint (count_pause (&draft), ==, 0);
  session_draft_learn (&draft, 4, 4, 2 * TOKEN_US); /* 3 are gained of 50 */
  g_assert_cmpuint (count_pause (&draft), ==, 0);
  session_draft_learn (&draft, 4, 0, 9 * TOKEN_US);
  g_assert_cmpuint (count_pause (&draft), >=, 47 * 32);
  session_draft_learn (&draft, 4, 0, 9 * TOKEN_US); /* nothing is owed now */
  g_assert_cmpuint (count_pause (&draft), <, 100);
  teller.catch_up_us = 400 * TOKEN_US;
  session_draft_learn (&draft, 4, 4, 2 * TOKEN_US);
  g_assert_cmpuint (count_pause (&draft), ==, 0);
  session_draft_learn (&draft, 4, 4, 2 * TOKEN_US);
  g_assert_cmpuint (count_pause (&draft), >=, 390 * 32);
  session_draft_finish (&draft);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/session/draft/look-up", test_look_up);
  g_test_add_func ("/session/draft/loop", test_loop);
  g_test_add_func ("/session/draft/short", test_short);
  g_test_add_func ("/session/draft/pause", test_pause);
  g_test_add_func ("/session/draft/several", test_several);
  g_test_add_func ("/session/draft/silent", test_silent);
  g_test_add_func ("/session/draft/catch-up", test_catch_up);
  return g_test_run ();
}

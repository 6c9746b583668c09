/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guesses: what followed the same tokens before, the longest run first, and none for a while when
 * checking them costs more than they gain. */
#include "engine/session/draft.h"

static void
assert_guesses (SessionDraft *draft, guint32 most, const gint32 *expected, guint32 n)
{
  gint32 guesses[16];
  guint32 got = session_draft_propose (draft, guesses, most);

  g_assert_cmpmem (guesses, got * sizeof *guesses, expected, n * sizeof *expected);
}

static void
begin (SessionDraft *draft, const gint32 *prompt, guint32 n)
{
  session_draft_init (draft, prompt, n, 100);
  for (int i = 0; i < 3; i++)
    session_draft_learn (draft, 0, 0, 1000);
}

static void
test_look_up (void)
{
  /* 2 3 goes on with 4 and, later, with 9; 1 2 3 with 4 alone. */
  static const gint32 prompt[] = { 1, 2, 3, 4, 5, 6, 7, 2, 3, 9, 8, 0, 1, 2 };
  SessionDraft draft;

  begin (&draft, prompt, G_N_ELEMENTS (prompt));
  assert_guesses (&draft, 8, (const gint32[]) { 3 }, 1);
  assert_guesses (&draft, 1, (const gint32[]) { 3 }, 1);
  session_draft_push (&draft, 3);
  assert_guesses (&draft, 8, (const gint32[]) { 4, 5 }, 2);
  session_draft_push (&draft, 77); /* 3 77 is new */
  assert_guesses (&draft, 8, NULL, 0);
  session_draft_push (&draft, 2);
  session_draft_push (&draft, 3); /* the last of what followed 2 3 */
  assert_guesses (&draft, 8, (const gint32[]) { 77 }, 1);
  session_draft_finish (&draft);
}

/* What repeats itself is guessed past its end. */
static void
test_loop (void)
{
  static const gint32 prompt[] = { 1, 2, 3, 1, 2, 3, 1, 2, 3, 1 };
  SessionDraft draft;

  begin (&draft, prompt, G_N_ELEMENTS (prompt));
  assert_guesses (&draft, 7, (const gint32[]) { 2, 3, 1, 2, 3, 1, 2 }, 7);
  session_draft_finish (&draft);
}

static void
test_short (void)
{
  static const gint32 same[] = { 5, 5, 5 };
  SessionDraft draft;

  begin (&draft, same, 0);
  assert_guesses (&draft, 8, NULL, 0);
  session_draft_push (&draft, 5);
  assert_guesses (&draft, 8, NULL, 0);
  session_draft_finish (&draft);
  begin (&draft, same, 3);
  assert_guesses (&draft, 8, (const gint32[]) { 5 }, 1);
  session_draft_finish (&draft);
}

/* Off while it does not pay, for longer each time; on again when it does. */
static void
test_pause (void)
{
  static const gint32 prompt[] = { 1, 2, 3, 4, 1, 2 };
  SessionDraft draft;
  gint32 guesses[8];
  guint32 first, second;

  session_draft_init (&draft, prompt, 6, 5000);
  g_assert_cmpuint (session_draft_propose (&draft, guesses, 8), ==, 0); /* no time is known yet */
  for (int i = 0; i < 3; i++)
    session_draft_learn (&draft, 0, 0, 1000);
  g_assert_cmpuint (session_draft_propose (&draft, guesses, 8), >, 0);
  session_draft_learn (&draft, 3, 3, 2000); /* 4 tokens in the time of 2 */
  g_assert_cmpuint (session_draft_propose (&draft, guesses, 8), >, 0);
  session_draft_learn (&draft, 3, 0, 9000);
  for (first = 0; session_draft_propose (&draft, guesses, 8) == 0; first++) {
    g_assert_cmpuint (first, <, 2000);
    session_draft_push (&draft, first % 2 ? 2 : 1);
  }
  session_draft_learn (&draft, 3, 0, 9000);
  for (second = 0; session_draft_propose (&draft, guesses, 8) == 0; second++) {
    g_assert_cmpuint (second, <, 2000);
    session_draft_push (&draft, second % 2 ? 2 : 1);
  }
  g_assert_cmpuint (first, >=, 8);
  g_assert_cmpuint (second, >, first);
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
  return g_test_run ();
}

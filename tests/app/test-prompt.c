/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The prompt's budget: whole turns leave, oldest first, never the system text nor the question;
 * what does not fit is refused with its numbers. A token is a byte here. */
#include "app/assistant/bottega-prompt.h"

#include <string.h>

static guint n_counts;

static gboolean
count_bytes (const EngineMessage *messages,
             gsize n_messages,
             const char *answer_prefix,
             guint *tokens,
             gpointer user_data,
             GError **error)
{
  n_counts++;
  *tokens = answer_prefix != NULL ? (guint) strlen (answer_prefix) : 0;
  for (gsize i = 0; i < n_messages; i++)
    *tokens += (guint) strlen (messages[i].content);

  return TRUE;
}

static gboolean
count_fails (const EngineMessage *messages,
             gsize n_messages,
             const char *answer_prefix,
             guint *tokens,
             gpointer user_data,
             GError **error)
{
  g_set_error_literal (error, ENGINE_ERROR, ENGINE_ERROR_INVALID, "No.");

  return FALSE;
}

/* A template that cannot bear an empty message. */
static gboolean
count_no_empty (const EngineMessage *messages,
                gsize n_messages,
                const char *answer_prefix,
                guint *tokens,
                gpointer user_data,
                GError **error)
{
  for (gsize i = 0; i < n_messages; i++)
    if (messages[i].content[0] == '\0')
      return count_fails (messages, n_messages, answer_prefix, tokens, user_data, error);

  return count_bytes (messages, n_messages, answer_prefix, tokens, user_data, error);
}

/* n_turns questions of 10 tokens with answers of 10, then a question of 10: ids q0, a0, q1, … */
static BottegaPrompt *
make_prompt (const char *system_text, guint n_turns)
{
  BottegaPrompt *prompt = bottega_prompt_new (system_text);

  for (guint i = 0; i < n_turns; i++) {
    g_autofree char *question = g_strdup_printf ("q%u", i);
    g_autofree char *answer = g_strdup_printf ("a%u", i);

    bottega_prompt_add (prompt, "user", question, "0123456789");
    bottega_prompt_add (prompt, "assistant", answer, "abcdefghij");
  }
  bottega_prompt_add (prompt, "user", "last", "LASTLASTLA");

  return prompt;
}

static void
test_fits (void)
{
  g_autoptr (BottegaPrompt) prompt = make_prompt ("system", 3);
  g_autoptr (GError) error = NULL;
  BottegaPromptFit fit;
  gsize n;

  g_assert_true (bottega_prompt_fit (prompt, 100, 24, count_bytes, NULL, &fit, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (fit.prompt_tokens, ==, 76);
  g_assert_cmpuint (fit.dropped_turns, ==, 0);
  g_assert_cmpstr (fit.first_message, ==, "q0");
  bottega_prompt_get_messages (prompt, &n);
  g_assert_cmpuint (n, ==, 8);
}

static void
assert_kinds (const BottegaPromptFit *fit, guint system, guint earlier, guint passages,
              guint question)
{
  g_assert_cmpuint (fit->tokens_of[BOTTEGA_PROMPT_SYSTEM], ==, system);
  g_assert_cmpuint (fit->tokens_of[BOTTEGA_PROMPT_EARLIER], ==, earlier);
  g_assert_cmpuint (fit->tokens_of[BOTTEGA_PROMPT_PASSAGES], ==, passages);
  g_assert_cmpuint (fit->tokens_of[BOTTEGA_PROMPT_QUESTION], ==, question);
  if (system + question > 0)
    g_assert_cmpuint (system + earlier + passages + question, ==, fit->prompt_tokens);
}

/* Every token has its kind, also when turns have left and when passages were read; what was asked
 * stays as it is. */
static void
test_kinds (void)
{
  static const char *const choices[] = { "two passages, LASTLASTLA", "passage, LASTLASTLA",
                                         "LASTLASTLA", NULL };
  g_autoptr (BottegaPrompt) plain = make_prompt ("system", 3);
  g_autoptr (BottegaPrompt) long_one = make_prompt ("system", 20);
  g_autoptr (BottegaPrompt) reading = make_prompt (NULL, 1);
  g_autoptr (BottegaPrompt) broken = make_prompt ("system", 1);
  g_autoptr (GError) error = NULL;
  const EngineMessage *messages;
  BottegaPromptFit fit;
  gsize n;

  g_assert_true (bottega_prompt_fit (plain, 100, 24, count_bytes, NULL, &fit, &error));
  assert_kinds (&fit, 6, 60, 0, 10);
  g_assert_cmpuint (fit.earlier_turns, ==, 3);
  g_assert_true (bottega_prompt_fit (long_one, 300, 60, count_bytes, NULL, &fit, &error));
  assert_kinds (&fit, 6, 160, 0, 10);
  g_assert_cmpuint (fit.earlier_turns, ==, 8);
  bottega_prompt_set_choices (reading, choices);
  bottega_prompt_set_answer_prefix (reading, "Well");
  g_assert_true (bottega_prompt_fit (reading, 70, 20, count_bytes, NULL, &fit, &error));
  assert_kinds (&fit, 0, 20, 14, 14);
  messages = bottega_prompt_get_messages (reading, &n);
  g_assert_cmpstr (messages[n - 1].content, ==, choices[0]);
  g_assert_true (bottega_prompt_fit (broken, 100, 24, count_no_empty, NULL, &fit, &error));
  assert_kinds (&fit, 0, 0, 0, 0);
  g_assert_cmpuint (fit.prompt_tokens, ==, 36);
  g_assert_no_error (error);
}

/* Pinned documents come after the system text, are a kind of their own, and never leave. */
static void
test_pinned (void)
{
  const char *const systems[] = { "system", NULL };

  for (guint i = 0; i < G_N_ELEMENTS (systems); i++) {
    g_autoptr (BottegaPrompt) prompt = bottega_prompt_new (systems[i]);
    guint n_system = systems[i] != NULL ? 8 : 0; /* with the lines between them */
    g_autoptr (GError) error = NULL;
    const EngineMessage *messages;
    BottegaPromptFit fit;
    gsize n;

    g_assert_null (bottega_prompt_get_pinned_path (prompt));
    bottega_prompt_set_pinned (prompt, "THE WHOLE DOCUMENT..", "/kept");
    g_assert_cmpstr (bottega_prompt_get_pinned_path (prompt), ==, "/kept");
    for (guint turn = 0; turn < 20; turn++) {
      bottega_prompt_add (prompt, "user", "q", "0123456789");
      bottega_prompt_add (prompt, "assistant", "a", "abcdefghij");
    }
    bottega_prompt_add (prompt, "user", "last", "LASTLASTLA");

    /* Room for 240: beside the 20 of the document a quarter of the rest is to be free. */
    g_assert_true (bottega_prompt_fit (prompt, 300, 60, count_bytes, NULL, &fit, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (fit.tokens_of[BOTTEGA_PROMPT_SYSTEM], ==, systems[i] != NULL ? 6 : 0);
    g_assert_cmpuint (fit.tokens_of[BOTTEGA_PROMPT_PINNED], ==, systems[i] != NULL ? 22 : 20);
    g_assert_cmpuint (fit.tokens_of[BOTTEGA_PROMPT_EARLIER], ==, 140);
    g_assert_cmpuint (fit.tokens_of[BOTTEGA_PROMPT_QUESTION], ==, 10);
    g_assert_cmpuint (fit.prompt_tokens, ==, n_system + 170);
    messages = bottega_prompt_get_messages (prompt, &n);
    g_assert_cmpuint (n, ==, 16);
    g_assert_cmpstr (messages[0].role, ==, "system");
    g_assert_true (g_str_has_suffix (messages[0].content, "THE WHOLE DOCUMENT.."));
    g_assert_cmpuint (strlen (messages[0].content), ==, n_system + 20);

    /* A context in which the question alone would fit. */
    g_assert_false (bottega_prompt_fit (prompt, 30, 5, count_bytes, NULL, &fit, &error));
    g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_LIMIT);
    g_assert_nonnull (strstr (error->message, "pinned documents"));
    bottega_prompt_get_messages (prompt, &n);
    g_assert_cmpuint (n, ==, 16);
  }
}

static void
test_oldest_turns_leave (void)
{
  g_autoptr (BottegaPrompt) prompt = make_prompt ("system", 20);
  g_autoptr (GError) error = NULL;
  const EngineMessage *messages;
  BottegaPromptFit fit;
  gsize n;

  /* Room for 240 of 416; a quarter of it is to be free: 180 hold the system text, the question
   * and 8 turns. */
  g_assert_true (bottega_prompt_fit (prompt, 300, 60, count_bytes, NULL, &fit, &error));
  g_assert_cmpuint (fit.dropped_turns, ==, 12);
  g_assert_cmpuint (fit.prompt_tokens, ==, 176);
  g_assert_cmpstr (fit.first_message, ==, "q12");
  messages = bottega_prompt_get_messages (prompt, &n);
  g_assert_cmpuint (n, ==, 18);
  g_assert_cmpstr (messages[0].role, ==, "system");
  g_assert_cmpstr (messages[1].role, ==, "user");
  g_assert_cmpstr (messages[n - 1].content, ==, "LASTLASTLA");
}

static void
test_only_the_question_stays (void)
{
  g_autoptr (BottegaPrompt) prompt = make_prompt (NULL, 5);
  g_autoptr (GError) error = NULL;
  BottegaPromptFit fit;
  gsize n;

  g_assert_true (bottega_prompt_fit (prompt, 13, 1, count_bytes, NULL, &fit, &error));
  g_assert_cmpuint (fit.dropped_turns, ==, 5);
  g_assert_cmpuint (fit.prompt_tokens, ==, 10);
  g_assert_cmpstr (fit.first_message, ==, "last");
  bottega_prompt_get_messages (prompt, &n);
  g_assert_cmpuint (n, ==, 1);
}

static void
test_question_too_long (void)
{
  g_autoptr (BottegaPrompt) prompt = make_prompt ("system", 2);
  g_autoptr (GError) error = NULL;
  BottegaPromptFit fit;
  gsize n;

  g_assert_false (bottega_prompt_fit (prompt, 20, 5, count_bytes, NULL, &fit, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_LIMIT);
  g_assert_nonnull (strstr (error->message, "16"));
  g_assert_nonnull (strstr (error->message, "15"));
  bottega_prompt_get_messages (prompt, &n);
  g_assert_cmpuint (n, ==, 6);
  g_clear_error (&error);

  /* A reserve that is longer than the context. */
  g_assert_false (bottega_prompt_fit (prompt, 20, 50, count_bytes, NULL, &fit, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_LIMIT);
}

static void
test_stays_the_same_for_a_while (void)
{
  guint n_changes = 0;
  guint first = 0;

  /* Turn after turn in a context of 400: the beginning of what is read must rarely move. */
  for (guint turn = 1; turn <= 100; turn++) {
    g_autoptr (BottegaPrompt) prompt = bottega_prompt_new ("system");
    g_autoptr (GError) error = NULL;
    BottegaPromptFit fit;

    for (guint i = first; i < turn; i++) {
      bottega_prompt_add (prompt, "user", "q", "0123456789");
      if (i + 1 < turn)
        bottega_prompt_add (prompt, "assistant", "a", "abcdefghij");
    }
    g_assert_true (bottega_prompt_fit (prompt, 400, 100, count_bytes, NULL, &fit, &error));
    first += fit.dropped_turns;
    n_changes += fit.dropped_turns > 0;
    g_assert_cmpuint (fit.prompt_tokens, <=, 300);
  }
  g_assert_cmpuint (n_changes, >=, 10);
  g_assert_cmpuint (n_changes, <=, 30);
}

static void
test_counts_few_times (void)
{
  g_autoptr (BottegaPrompt) prompt = make_prompt (NULL, 1000);
  g_autoptr (GError) error = NULL;
  BottegaPromptFit fit;

  n_counts = 0;
  g_assert_true (bottega_prompt_fit (prompt, 1000, 100, count_bytes, NULL, &fit, &error));
  g_assert_cmpuint (n_counts, <=, 15);
}

static void
test_roles_alternate (void)
{
  g_autoptr (BottegaPrompt) prompt = bottega_prompt_new ("");
  const EngineMessage *messages;
  gsize n;

  bottega_prompt_add (prompt, "user", "q0", "one");
  bottega_prompt_add (prompt, "user", "q1", "two");
  bottega_prompt_set_answer_prefix (prompt, "beginning");
  messages = bottega_prompt_get_messages (prompt, &n);
  g_assert_cmpuint (n, ==, 1);
  g_assert_cmpstr (messages[0].content, ==, "one\n\ntwo");
  g_assert_cmpstr (bottega_prompt_get_answer_prefix (prompt), ==, "beginning");
}

static void
test_count_fails (void)
{
  g_autoptr (BottegaPrompt) prompt = make_prompt (NULL, 1);
  g_autoptr (GError) error = NULL;
  BottegaPromptFit fit;

  g_assert_false (bottega_prompt_fit (prompt, 100, 10, count_fails, NULL, &fit, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID);
}

static const char *
content_at (BottegaPrompt *prompt, guint index)
{
  gsize n;
  const EngineMessage *messages = bottega_prompt_get_messages (prompt, &n);

  g_assert_cmpuint (index, <, n);

  return messages[index].content;
}

/* n_turns as ever, of which the first n_own have left with a recap of 5, and one of 6 is ready for
 * when the next n_next leave. */
static BottegaPrompt *
make_recapped (guint n_turns, guint n_own, guint n_next)
{
  BottegaPrompt *prompt = bottega_prompt_new ("system");

  for (guint i = n_own; i < n_turns; i++) {
    g_autofree char *question = g_strdup_printf ("q%u", i);

    if (i == n_own && n_own > 0)
      bottega_prompt_set_recap (prompt, "OWN: ");
    if (i == n_own + n_next && n_next > 0)
      bottega_prompt_set_next_recap (prompt, "NEXT: ");
    bottega_prompt_add (prompt, "user", question, "0123456789");
    bottega_prompt_add (prompt, "assistant", "a", "abcdefghij");
  }
  bottega_prompt_add (prompt, "user", "last", "LASTLASTLA");

  return prompt;
}

/* A recap is read before the first question that stays, is a kind of its own, and another one takes
 * its place with the turns that leave, as many as it is about. */
static void
test_recaps (void)
{
  static const struct {
    guint n_turns, n_own, n_next; /* as above */
    guint dropped;
    BottegaPromptRecap recap;
    const char *first; /* message of the user */
    const char *id;
  } cases[] = {
    /* Room for 240; a turn makes 20. What fits stays as it is. */
    { 11, 0, 0, 0, BOTTEGA_PROMPT_NO_RECAP, "0123456789", "q0" },
    { 14, 4, 0, 0, BOTTEGA_PROMPT_OWN_RECAP, "OWN: 0123456789", "q4" },
    { 14, 4, 5, 0, BOTTEGA_PROMPT_OWN_RECAP, "OWN: 0123456789", "q4" },
    /* 180 may stay. */
    { 20, 4, 0, 9, BOTTEGA_PROMPT_OWN_RECAP, "OWN: 0123456789", "q13" },
    /* As many as the recap is about, when an eighth is free then. */
    { 20, 0, 11, 11, BOTTEGA_PROMPT_NEXT_RECAP, "NEXT: 0123456789", "q11" },
    { 20, 4, 7, 7, BOTTEGA_PROMPT_NEXT_RECAP, "NEXT: 0123456789", "q11" },
    { 20, 4, 13, 13, BOTTEGA_PROMPT_NEXT_RECAP, "NEXT: 0123456789", "q17" },
    /* More, when it is about too few. */
    { 20, 4, 2, 9, BOTTEGA_PROMPT_NEXT_RECAP, "NEXT: 0123456789", "q13" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (BottegaPrompt) prompt =
        make_recapped (cases[i].n_turns, cases[i].n_own, cases[i].n_next);
    g_autoptr (GError) error = NULL;
    BottegaPromptFit fit;
    guint n_recap = (guint) (strchr (cases[i].first, '0') - cases[i].first), n_stayed;

    g_assert_true (bottega_prompt_fit (prompt, 300, 60, count_bytes, NULL, &fit, &error));
    g_assert_no_error (error);
    g_test_message ("case %u: %u left, recap %d", i, fit.dropped_turns, (int) fit.recap);
    g_assert_cmpuint (fit.dropped_turns, ==, cases[i].dropped);
    g_assert_cmpint (fit.recap, ==, cases[i].recap);
    g_assert_cmpstr (fit.first_message, ==, cases[i].id);
    g_assert_cmpstr (content_at (prompt, 1), ==, cases[i].first);
    g_assert_cmpstr (content_at (prompt, 3), ==, "0123456789");
    n_stayed = cases[i].n_turns - cases[i].n_own - cases[i].dropped;
    g_assert_cmpuint (fit.tokens_of[BOTTEGA_PROMPT_RECAP], ==, n_recap);
    g_assert_cmpuint (fit.tokens_of[BOTTEGA_PROMPT_EARLIER], ==, 20 * n_stayed);
    g_assert_cmpuint (fit.prompt_tokens, ==, 16 + n_recap + 20 * n_stayed);
  }
}

/* A question that leaves no room for a recap is asked without, and one that does not fit by itself
 * is refused as ever. */
static void
test_recap_gives_way (void)
{
  static const guint contexts[] = { 22, 17, 16 };

  for (guint i = 0; i < G_N_ELEMENTS (contexts); i++) {
    g_autoptr (BottegaPrompt) prompt = make_recapped (5, 2, 2);
    g_autoptr (GError) error = NULL;
    BottegaPromptFit fit;

    if (contexts[i] < 17) {
      g_assert_false (bottega_prompt_fit (prompt, contexts[i], 1, count_bytes, NULL, &fit, &error));
      g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_LIMIT);
      g_assert_cmpstr (content_at (prompt, 1), ==, "OWN: 0123456789");
      continue;
    }
    g_assert_true (bottega_prompt_fit (prompt, contexts[i], 1, count_bytes, NULL, &fit, &error));
    g_assert_no_error (error);
    g_assert_cmpint (fit.recap, ==, BOTTEGA_PROMPT_NO_RECAP);
    g_assert_cmpuint (fit.prompt_tokens, ==, 16);
    g_assert_cmpstr (content_at (prompt, 1), ==, "LASTLASTLA");
  }
}

/* It is read from a later question on, in the middle of what stays, also where that one joins an
 * unanswered one. */
static void
test_recap_in_the_middle (void)
{
  g_autoptr (BottegaPrompt) prompt = bottega_prompt_new (NULL);
  g_autoptr (GError) error = NULL;
  BottegaPromptFit fit;

  bottega_prompt_add (prompt, "user", "q0", "first");
  bottega_prompt_add (prompt, "assistant", "a0", "answer");
  bottega_prompt_add (prompt, "user", "q1", "unanswered");
  bottega_prompt_set_recap (prompt, "R: ");
  bottega_prompt_add (prompt, "user", "q2", "second");
  g_assert_cmpstr (content_at (prompt, 0), ==, "first");
  g_assert_cmpstr (content_at (prompt, 2), ==, "R: unanswered\n\nsecond");
  g_assert_true (bottega_prompt_fit (prompt, 30, 5, count_bytes, NULL, &fit, &error));
  g_assert_cmpuint (fit.dropped_turns, ==, 1);
  g_assert_cmpint (fit.recap, ==, BOTTEGA_PROMPT_OWN_RECAP);
  g_assert_cmpstr (content_at (prompt, 0), ==, "R: unanswered\n\nsecond");
}

/* The fullest text that leaves half of the context to the rest; it takes the place of what was
 * added last, also where that joined an unanswered question. */
static void
test_choices (void)
{
  static const struct {
    guint context, choice;
  } cases[] = { { 200, 0 }, { 100, 1 }, { 60, 2 }, { 38, 3 } };
  const char *const texts[] = { "passages of sixty-six bytes, no more, no less, so: one two. last",
                                "passages of thirty-five bytes, last", "passages of 20, last",
                                "last", NULL };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (BottegaPrompt) prompt = bottega_prompt_new (NULL);
    g_autoptr (GError) error = NULL;
    g_autofree char *expected = g_strconcat ("unanswered\n\n", texts[cases[i].choice], NULL);
    const EngineMessage *messages;
    BottegaPromptFit fit;
    gsize n;

    bottega_prompt_add (prompt, "user", "q0", "unanswered");
    bottega_prompt_add (prompt, "user", "q1", "something else");
    bottega_prompt_set_choices (prompt, texts);
    g_assert_true (bottega_prompt_fit (prompt, cases[i].context, 8, count_bytes, NULL, &fit,
                                       &error));
    messages = bottega_prompt_get_messages (prompt, &n);
    g_assert_cmpuint (fit.choice, ==, cases[i].choice);
    g_assert_cmpuint (n, ==, 1);
    g_assert_cmpstr (messages[0].content, ==, expected);
    g_assert_cmpuint (fit.prompt_tokens, ==, strlen (expected));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/app/prompt/fits", test_fits);
  g_test_add_func ("/app/prompt/kinds", test_kinds);
  g_test_add_func ("/app/prompt/pinned", test_pinned);
  g_test_add_func ("/app/prompt/oldest-turns-leave", test_oldest_turns_leave);
  g_test_add_func ("/app/prompt/only-the-question-stays", test_only_the_question_stays);
  g_test_add_func ("/app/prompt/question-too-long", test_question_too_long);
  g_test_add_func ("/app/prompt/stays-the-same-for-a-while", test_stays_the_same_for_a_while);
  g_test_add_func ("/app/prompt/counts-few-times", test_counts_few_times);
  g_test_add_func ("/app/prompt/roles-alternate", test_roles_alternate);
  g_test_add_func ("/app/prompt/count-fails", test_count_fails);
  g_test_add_func ("/app/prompt/choices", test_choices);
  g_test_add_func ("/app/prompt/recaps", test_recaps);
  g_test_add_func ("/app/prompt/recap-gives-way", test_recap_gives_way);
  g_test_add_func ("/app/prompt/recap-in-the-middle", test_recap_in_the_middle);

  return g_test_run ();
}

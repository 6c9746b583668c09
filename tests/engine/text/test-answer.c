/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What models write, sorted: each family's markers, however the text is cut, and answers that only
 * speak of markers. */
#include "engine/text/answer.h"

#include <string.h>

typedef struct {
  GString *pieces[3];
} Sorted;

static void
collect (TextPiece piece, const char *text, gpointer user_data)
{
  Sorted *sorted = user_data;

  g_assert_cmpstr (text, !=, "");
  g_string_append (sorted->pieces[piece], text);
}

typedef struct {
  const char *prompt, *text; /* control tokens in text stand between \1 and \2 */
  const char *answer, *thought, *tool;
} Case;

static const Case cases[] = {
  { NULL, "Hello", "Hello", "", "" },
  { NULL, "<think>\nhm\n</think>\n\nHello", "Hello", "hm\n", "" },
  { "<|im_start|>assistant\n<think>\n", "hm\n</think>\n\nHello", "Hello", "hm\n", "" },
  { "<|im_start|>assistant\n<think>\n\n</think>\n\n", "Hello", "Hello", "", "" },
  { "assistant\n<think>\nold\n</think>\nno\nassistant\n", "Hello", "Hello", "", "" },
  { NULL, "\1<think>\2hm\1</think>\2Hello", "Hello", "hm", "" },
  { NULL, "[THINK]hm[/THINK]Hello", "Hello", "hm", "" },
  { NULL, "\1<|channel>\2thought\nhm\1<channel|>\2Hello", "Hello", "hm", "" },
  { NULL,
    "\1<|channel|>\2analysis\1<|message|>\2hm\1<|end|>\2\1<|start|>\2assistant"
    "\1<|channel|>\2final\1<|message|>\2Hello",
    "Hello", "hm", "" },
  { NULL,
    "\1<|channel|>\2commentary to=functions.f \1<|constrain|>\2json\1<|message|>\2{\"a\": 1}", "",
    "", "to=functions.f json{\"a\": 1}" },
  { NULL, "\1<|channel|>\2commentary\1<|message|>\2I look.\1<|end|>\2", "", "I look.", "" },
  { NULL, "<think>hm</think><response>Hello</response>", "Hello", "hm", "" },
  { NULL, "Well.\n<tool_call>\n{\"name\": 1}\n</tool_call>", "Well.\n", "", "{\"name\": 1}\n" },
  { NULL, "<think>hm</think>\n\n<tool_call>{}</tool_call>\n<tool_call>{1}</tool_call>", "", "hm",
    "{}{1}" },
  { NULL, "[TOOL_CALLS] [{}]", "", "", "[{}]" },
  { NULL, "\1<|python_tag|>\2print(1)", "", "", "print(1)" },
  { NULL, "◁think▷hm◁/think▷Hello", "Hello", "hm", "" },
  /* Never closed: all of it is thought. */
  { NULL, "<think>hm", "", "hm", "" },
  /* An answer about markers, and signs that only begin like one. */
  { NULL, "Write <think> and </think>.", "Write <think> and </think>.", "", "" },
  { NULL, "Use <tool_call> so.", "Use <tool_call> so.", "", "" },
  { NULL, "a < b <thi", "a < b <thi", "", "" },
  { NULL, "<thin ice>", "<thin ice>", "", "" },
  { NULL, "<think>a <tool_call> b</think>c", "c", "a <tool_call> b", "" },
  { NULL, "[TOOL boxes] “quoted” ◁", "[TOOL boxes] “quoted” ◁", "", "" },
  /* A control token that is no marker is not shown. */
  { NULL, "a\1<|fim_middle|>\2b", "ab", "", "" },
  { NULL, "", "", "", "" },
};

/* In pieces of `step` bytes; control tokens stay whole. */
static void
check (const Case *c, size_t step)
{
  g_autoptr (TextAnswer) answer = text_answer_new (c->prompt);
  const char *const expected[] = { c->answer, c->thought, c->tool };
  Sorted sorted;

  for (size_t i = 0; i < G_N_ELEMENTS (sorted.pieces); i++)
    sorted.pieces[i] = g_string_new (NULL);
  for (const char *at = c->text; *at != '\0';) {
    gboolean control = *at == '\1';
    size_t n = control ? strcspn (++at, "\2") : MIN (step, strcspn (at, "\1"));
    g_autofree char *text = g_strndup (at, n);

    text_answer_push (answer, text, control, collect, &sorted);
    at += n + (control ? 1 : 0);
  }
  text_answer_end (answer, collect, &sorted);
  for (size_t i = 0; i < G_N_ELEMENTS (sorted.pieces); i++) {
    if (strcmp (sorted.pieces[i]->str, expected[i]) != 0)
      g_error ("“%s” by %zu: piece %zu is “%s”", c->text, step, i, sorted.pieces[i]->str);
    g_string_free (sorted.pieces[i], TRUE);
  }
}

static void
test_cases (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    for (size_t step = 1; step < 40; step++)
      check (&cases[i], step);
}

/* Nothing is held back that cannot become a marker. */
static void
test_no_delay (void)
{
  static const char *const pieces[] = { "Hel", "lo, ", "x < y", " and", " [a]" };
  g_autoptr (TextAnswer) answer = text_answer_new (NULL);
  Sorted sorted = { { g_string_new (NULL), g_string_new (NULL), g_string_new (NULL) } };
  g_autoptr (GString) all = g_string_new (NULL);

  for (size_t i = 0; i < G_N_ELEMENTS (pieces); i++) {
    g_string_append (all, pieces[i]);
    text_answer_push (answer, pieces[i], FALSE, collect, &sorted);
    g_assert_cmpstr (sorted.pieces[TEXT_ANSWER]->str, ==, all->str);
  }
  for (size_t i = 0; i < G_N_ELEMENTS (sorted.pieces); i++)
    g_string_free (sorted.pieces[i], TRUE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/answer/cases", test_cases);
  g_test_add_func ("/text/answer/no-delay", test_no_delay);
  return g_test_run ();
}

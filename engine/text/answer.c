/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The markers of thoughts and tool calls as a table, and the state between them. A marker in plain
 * text counts only where models put it (a thought before the answer, a call at the beginning of a
 * line), so that an answer may speak of it. */
#include "engine/text/answer.h"

#include <string.h>

/* open leads to piece until close (NULL: to the end). at_start: plain text may only open it before
 * anything was answered. */
static const struct {
  const char *open, *close;
  TextPiece piece;
  gboolean at_start;
} markers[] = {
  /* Qwen, DeepSeek, SmolLM3, Granite and many others */
  { "<think>", "</think>", TEXT_THOUGHT, TRUE },
  { "<response>", "</response>", TEXT_ANSWER, TRUE },
  /* Mistral */
  { "[THINK]", "[/THINK]", TEXT_THOUGHT, TRUE },
  /* Gemma 4 */
  { "<|channel>thought", "<channel|>", TEXT_THOUGHT, TRUE },
  { "<|channel>final", "<channel|>", TEXT_ANSWER, TRUE },
  { "<|tool_call>", "<tool_call|>", TEXT_TOOL, FALSE },
  /* gpt-oss */
  { "<|channel|>analysis<|message|>", "<|end|>", TEXT_THOUGHT, FALSE },
  { "<|channel|>final<|message|>", "<|end|>", TEXT_ANSWER, FALSE },
  { "<|channel|>commentary<|message|>", "<|end|>", TEXT_THOUGHT, FALSE },
  { "<|channel|>commentary", "<|end|>", TEXT_TOOL, FALSE },
  { "<|start|>assistant", NULL, TEXT_ANSWER, FALSE },
  /* Command A, Seed, Kimi and others */
  { "<|START_THINKING|>", "<|END_THINKING|>", TEXT_THOUGHT, TRUE },
  { "<|START_RESPONSE|>", "<|END_RESPONSE|>", TEXT_ANSWER, TRUE },
  { "<|START_ACTION|>", "<|END_ACTION|>", TEXT_TOOL, FALSE },
  { "<seed:think>", "</seed:think>", TEXT_THOUGHT, TRUE },
  { "◁think▷", "◁/think▷", TEXT_THOUGHT, TRUE },
  /* tool calls */
  { "<tool_call>", "</tool_call>", TEXT_TOOL, FALSE },
  { "<function_calls>", "</function_calls>", TEXT_TOOL, FALSE },
  { "[TOOL_CALLS]", NULL, TEXT_TOOL, FALSE },
  { "<|python_tag|>", NULL, TEXT_TOOL, FALSE },
  { "<|tool_call|>", "<|/tool_call|>", TEXT_TOOL, FALSE },
  { "<|tool_call_start|>", "<|tool_call_end|>", TEXT_TOOL, FALSE },
  { "<start_function_call>", "<end_function_call>", TEXT_TOOL, FALSE },
  { "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", TEXT_TOOL, FALSE },
  { "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>", TEXT_TOOL, FALSE },
};

struct _TextAnswer {
  int open;             /* the row that we are in, or -1 */
  GString *held;        /* what may become a marker */
  GByteArray *controls; /* [held], 1: of a control token */
  gboolean answered;    /* something but white space was given as answer */
  gboolean line_start;  /* nothing stands before us in this line of the answer */
  gboolean skips_space; /* behind a marker */
};

TextPiece
text_answer_piece (const TextAnswer *answer)
{
  return answer->open >= 0 ? markers[answer->open].piece : TEXT_ANSWER;
}

/* Where the last open marker of the prompt's end is not closed again. */
static int
open_at (const char *prompt_end)
{
  const char *last = NULL;
  int open = -1;

  for (size_t i = 0; prompt_end != NULL && i < G_N_ELEMENTS (markers); i++) {
    const char *found = g_strrstr (prompt_end, markers[i].open), *rest;

    if (found == NULL || markers[i].piece != TEXT_THOUGHT || found < last)
      continue;
    rest = found + strlen (markers[i].open);
    /* Nothing but white space behind it: an earlier turn's thought has text. */
    if (rest[strspn (rest, " \n\r\t")] != '\0')
      continue;
    last = found;
    open = (int) i;
  }
  return open;
}

TextAnswer *
text_answer_new (const char *prompt_end)
{
  TextAnswer *answer = g_new0 (TextAnswer, 1);

  answer->open = open_at (prompt_end);
  answer->held = g_string_new (NULL);
  answer->controls = g_byte_array_new ();
  answer->line_start = TRUE;
  answer->skips_space = answer->open >= 0;
  return answer;
}

void
text_answer_free (TextAnswer *answer)
{
  if (answer == NULL)
    return;
  g_string_free (answer->held, TRUE);
  g_byte_array_unref (answer->controls);
  g_free (answer);
}

/* ---- matching -------------------------------------------------------------------------- */

typedef enum {
  MATCH_NONE,
  MATCH_PARTLY, /* the held text ends before the marker does */
  MATCH_WHOLE,
} Match;

static Match
match (const TextAnswer *answer, size_t at, const char *marker)
{
  size_t n = strlen (marker), rest = answer->held->len - at;

  if (memcmp (answer->held->str + at, marker, MIN (n, rest)) != 0)
    return MATCH_NONE;
  return rest >= n ? MATCH_WHOLE : MATCH_PARTLY;
}

/* Whether the row's opening may stand here at all. */
static gboolean
may_open (const TextAnswer *answer, size_t row, size_t at)
{
  if (answer->controls->data[at] != 0)
    return TRUE;
  return markers[row].at_start ? !answer->answered : answer->line_start;
}

/* The marker at this byte: whole and its length, partly, or none. *row: what is open after it. */
static Match
find_marker (const TextAnswer *answer, size_t at, int *row, size_t *n)
{
  const char *close = answer->open >= 0 ? markers[answer->open].close : NULL;
  gboolean inside = answer->open >= 0 && markers[answer->open].piece != TEXT_ANSWER;
  Match best = MATCH_NONE;

  if (close != NULL && (best = match (answer, at, close)) != MATCH_NONE) {
    *row = -1;
    *n = strlen (close);
    return best;
  }
  *n = 0;
  for (size_t i = 0; i < G_N_ELEMENTS (markers); i++) {
    Match found = match (answer, at, markers[i].open);

    /* Inside of a thought only a control token begins something else. */
    if (found == MATCH_NONE || !may_open (answer, i, at) ||
        (inside && answer->controls->data[at] == 0))
      continue;
    /* A longer marker may still come: wait for it. */
    if (found == MATCH_PARTLY)
      return MATCH_PARTLY;
    if (strlen (markers[i].open) > *n) {
      *row = (int) i;
      *n = strlen (markers[i].open);
      best = MATCH_WHOLE;
    }
  }
  return best;
}

/* ---- giving ---------------------------------------------------------------------------- */

/* Bytes from..to of the held text, which are no marker; control tokens among them are dropped. */
static void
give (TextAnswer *answer, size_t from, size_t to, TextAnswerFunc emit, gpointer user_data)
{
  TextPiece piece = text_answer_piece (answer);
  g_autoptr (GString) text = g_string_new (NULL);

  for (size_t i = from; i < to; i++) {
    char c = answer->held->str[i];

    if (answer->controls->data[i] != 0 || (answer->skips_space && g_ascii_isspace (c)))
      continue;
    answer->skips_space = FALSE;
    g_string_append_c (text, c);
    if (piece != TEXT_ANSWER)
      continue;
    answer->answered |= !g_ascii_isspace (c);
    answer->line_start = c == '\n' || (answer->line_start && g_ascii_isspace (c));
  }
  if (text->len > 0)
    emit (piece, text->str, user_data);
}

static void
sort (TextAnswer *answer, gboolean ends, TextAnswerFunc emit, gpointer user_data)
{
  size_t given = 0, at = 0;

  while (at < answer->held->len) {
    int row = -1;
    size_t n;
    Match found = find_marker (answer, at, &row, &n);

    if (found == MATCH_PARTLY && !ends)
      break;
    if (found != MATCH_WHOLE) {
      /* What a line begins with is known only when it is given. */
      at++;
      give (answer, given, at, emit, user_data);
      given = at;
      continue;
    }
    at = given = at + n;
    answer->open = row;
    answer->skips_space = TRUE;
    answer->line_start = TRUE;
  }
  g_string_erase (answer->held, 0, (gssize) given);
  g_byte_array_remove_range (answer->controls, 0, (guint) given);
}

/* Pieces of one kind in a row become one. */
typedef struct {
  TextAnswerFunc emit;
  gpointer user_data;
  TextPiece piece;
  GString *text;
} Joined;

static void
flush (Joined *joined)
{
  if (joined->text->len > 0)
    joined->emit (joined->piece, joined->text->str, joined->user_data);
  g_string_truncate (joined->text, 0);
}

static void
join (TextPiece piece, const char *text, gpointer user_data)
{
  Joined *joined = user_data;

  if (piece != joined->piece)
    flush (joined);
  joined->piece = piece;
  g_string_append (joined->text, text);
}

static void
sort_joined (TextAnswer *answer, gboolean ends, TextAnswerFunc emit, gpointer user_data)
{
  Joined joined = { emit, user_data, TEXT_ANSWER, g_string_new (NULL) };

  sort (answer, ends, join, &joined);
  flush (&joined);
  g_string_free (joined.text, TRUE);
}

void
text_answer_push (TextAnswer *answer, const char *text, gboolean control, TextAnswerFunc emit,
                  gpointer user_data)
{
  size_t n = strlen (text), before = answer->controls->len;

  g_string_append (answer->held, text);
  g_byte_array_set_size (answer->controls, (guint) (before + n));
  if (n > 0) /* an array that never grew has no memory */
    memset (answer->controls->data + before, control ? 1 : 0, n);
  sort_joined (answer, FALSE, emit, user_data);
}

void
text_answer_end (TextAnswer *answer, TextAnswerFunc emit, gpointer user_data)
{
  sort_joined (answer, TRUE, emit, user_data);
}

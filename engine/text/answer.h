/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sorts what a model writes into answer, thought and tool call while it streams. Markers are the
 * ones of the model families in the table of answer.c; they are never shown. Text is held back only
 * as long as it may still become a marker. It knows no sessions and no tokens but their text. */
#pragma once

#include <glib.h>

typedef enum {
  TEXT_ANSWER,
  TEXT_THOUGHT,
  TEXT_TOOL, /* the syntax of a tool call */
} TextPiece;

/* One piece, valid during the call. */
typedef void (*TextAnswerFunc) (TextPiece piece, const char *text, gpointer user_data);

typedef struct _TextAnswer TextAnswer;

/* prompt_end: the last bytes of the prompt, control tokens written out, may be NULL: a template may
 * have opened the thought already. */
TextAnswer *text_answer_new (const char *prompt_end);
void text_answer_free (TextAnswer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TextAnswer, text_answer_free)

/* What the next text will be, as far as is known. */
TextPiece text_answer_piece (const TextAnswer *answer);
/* control: text is a control token, which is a marker or nothing. */
void text_answer_push (TextAnswer *answer, const char *text, gboolean control, TextAnswerFunc emit,
                       gpointer user_data);
/* Gives what was held back. */
void text_answer_end (TextAnswer *answer, TextAnswerFunc emit, gpointer user_data);

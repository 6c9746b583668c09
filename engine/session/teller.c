/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tells of an answer as it comes. Must not know sessions, sampling or figures. */
#include "engine/session/teller.h"

/* Tokens at the end of a prompt that say in which part the answer begins. */
#define HEADER_TOKENS 16

/* The last bytes of a prompt, control tokens written out: a template may open a thought there. */
static TextAnswer *
sort_answer (const TextTokenizer *tokenizer, const gint32 *tokens, uint32_t n)
{
  g_autoptr (GString) end = g_string_new (NULL);

  for (uint32_t i = n > HEADER_TOKENS ? n - HEADER_TOKENS : 0; i < n; i++)
    text_tokenizer_decode (tokenizer, tokens[i], TRUE, end);
  return text_answer_new (end->str);
}

void
session_teller_init (SessionTeller *teller, const TextTokenizer *tokenizer, const gint32 *prompt,
                     uint32_t n, gboolean unsorted, EngineEventFunc on_event, void *user_data)
{
  *teller = (SessionTeller) {
    .tokenizer = tokenizer,
    .answer = unsorted ? NULL : sort_answer (tokenizer, prompt, n),
    .last_of_prompt = n > 0 ? prompt[n - 1] : -1,
    .token = -1,
    .bytes = g_string_new (NULL),
    .text = g_string_new (NULL),
    .on_event = on_event,
    .user_data = user_data,
  };
}

void
session_teller_finish (SessionTeller *teller)
{
  g_clear_pointer (&teller->answer, text_answer_free);
  g_string_free (teller->bytes, TRUE);
  g_string_free (teller->text, TRUE);
}

G_STATIC_ASSERT ((int) TEXT_THOUGHT == (int) ENGINE_TEXT_THOUGHT);
G_STATIC_ASSERT ((int) TEXT_TOOL == (int) ENGINE_TEXT_TOOL);

static void
tell (TextPiece piece, const char *text, gpointer user_data)
{
  SessionTeller *teller = user_data;
  EngineEvent event = {
    .kind = ENGINE_EVENT_TOKEN,
    .token = teller->token,
    .text = text,
    .text_kind = (EngineTextKind) piece,
  };

  teller->token = -1;
  if (teller->on_event != NULL)
    teller->on_event (&event, teller->user_data);
}

void
session_teller_token (SessionTeller *teller, int32_t token)
{
  gboolean control =
      teller->answer != NULL && text_tokenizer_is_special (teller->tokenizer, token);

  teller->token = token;
  g_string_truncate (teller->bytes, 0);
  g_string_truncate (teller->text, 0);
  text_tokenizer_decode (teller->tokenizer, token, control, teller->bytes);
  if (teller->last_of_prompt >= 0)
    text_tokenizer_drop_prefix (teller->tokenizer, teller->last_of_prompt, teller->bytes);
  teller->last_of_prompt = -1;
  text_utf8_stream_push (&teller->utf8, teller->bytes->str, teller->bytes->len, teller->text);
  if (teller->answer != NULL)
    text_answer_push (teller->answer, teller->text->str, control, tell, teller);
  if (teller->token >= 0) /* it is told of, text or not */
    tell (teller->answer != NULL ? text_answer_piece (teller->answer) : TEXT_ANSWER,
          teller->answer != NULL ? "" : teller->text->str, teller);
}

void
session_teller_end (SessionTeller *teller)
{
  g_string_truncate (teller->text, 0);
  text_utf8_stream_end (&teller->utf8, teller->text);
  if (teller->answer != NULL) {
    text_answer_push (teller->answer, teller->text->str, FALSE, tell, teller);
    text_answer_end (teller->answer, tell, teller);
  } else if (teller->text->len > 0) {
    tell (TEXT_ANSWER, teller->text->str, teller);
  }
}

void
session_teller_reading (const SessionTeller *teller, uint32_t done, uint32_t total, double left_s)
{
  EngineEvent event = {
    .kind = ENGINE_EVENT_READING, .done = done, .total = total, .left_s = left_s, .token = -1
  };

  if (teller->on_event != NULL)
    teller->on_event (&event, teller->user_data);
}

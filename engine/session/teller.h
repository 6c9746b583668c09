/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the tokens of an answer to its events: bytes become whole UTF-8, thoughts and tool calls are
 * told from the answer. Knows a tokenizer and the syntax of answers; neither models nor why a token
 * was picked. Thread: the engine thread. */
#pragma once

#include "engine/engine.h"
#include "engine/text/answer.h"
#include "engine/text/tokenizer.h"

typedef struct {
  const TextTokenizer *tokenizer; /* borrowed */
  TextUtf8Stream utf8;
  TextAnswer *answer;     /* NULL: text is given as it comes */
  int32_t last_of_prompt; /* goes before the first token; -1: nothing does */
  int32_t token;          /* at hand, until an event has told of it; else -1 */
  GString *bytes, *text;  /* of the token at hand */
  EngineEventFunc on_event;
  void *user_data;
} SessionTeller;

/* prompt[n]: what the answer follows. on_event may be NULL. */
void session_teller_init (SessionTeller *teller, const TextTokenizer *tokenizer,
                          const gint32 *prompt, uint32_t n, gboolean unsorted,
                          EngineEventFunc on_event, void *user_data);
void session_teller_finish (SessionTeller *teller);

/* The next token; one event at least tells of it. */
void session_teller_token (SessionTeller *teller, int32_t token);
/* No token follows: tells what was held back. */
void session_teller_end (SessionTeller *teller);
/* done of total tokens of the prompt are in the cache; left_s < 0: not known yet. */
void session_teller_reading (const SessionTeller *teller, uint32_t done, uint32_t total,
                             double left_s);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chat messages to a prompt, by the template in the model file. A prompt is a list of parts that
 * remember where they come from: only parts of the template may become control tokens, parts
 * written by people or documents never do, through whatever filters they went. */
#pragma once

#include "engine/text/tokenizer.h"

typedef struct {
  const char *role;    /* "system", "user", "assistant": a word of small letters */
  const char *content; /* UTF-8 */
  const char *thought; /* of an assistant: what it thought before; NULL: nothing. Templates that
                        * show thoughts find it as reasoning_content */
} TextMessage;

typedef struct _TextChat TextChat;

/* tokenizer is borrowed and must outlive the chat; gguf may be freed afterwards. Thread:
 * immutable after creation. Picks how to render for this file. Never fails: a file without a
 * template, or with one that cannot be run, gets the format that its tokens belong to, plain
 * "Role: text" lines else, and text_chat_warning says so. */
TextChat *text_chat_new (const ModelGguf *gguf, const TextTokenizer *tokenizer);
void text_chat_free (TextChat *chat);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TextChat, text_chat_free)

/* The format: "chatml", "llama3" … as its tokens say, "own" for a template of another kind,
 * "plain". Borrowed. */
const char *text_chat_name (const TextChat *chat);
const char *text_chat_warning (const TextChat *chat);

/* The whole prompt as text, with the header of the answer to come when add_generation. Where a
 * template refuses the messages they are tried again with the system message in front of the first
 * question, and with messages of one role in a row as one. ENGINE_ERROR_INVALID when it refuses
 * all the same. Free with g_free. */
char *text_chat_render (const TextChat *chat, const TextMessage *messages, size_t n_messages,
                        gboolean add_generation, GError **error);
/* The same as ids, BOS included once where the model wants one; appends to tokens (GArray of
 * int32_t). */
gboolean text_chat_encode (const TextChat *chat, const TextMessage *messages, size_t n_messages,
                           gboolean add_generation, GArray *tokens, GError **error);

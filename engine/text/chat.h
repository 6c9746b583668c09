/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chat messages to a prompt. A prompt is a list of parts that remember where they come from:
 * only parts of the template may become control tokens, parts written by people or documents
 * never do. ChatML now; a Jinja engine joins behind the same function. */
#pragma once

#include "engine/text/tokenizer.h"

typedef struct {
  const char *role;    /* "system", "user", "assistant" */
  const char *content; /* UTF-8 */
} TextMessage;

typedef struct _TextChat TextChat;

/* tokenizer is borrowed and must outlive the chat; gguf may be freed afterwards. Thread:
 * immutable after creation. Picks how to render for this file. Never fails: a file without a
 * template, or with one that cannot be run, gets ChatML where its tokens exist and plain "Role:
 * text" lines else, and text_chat_warning says so. */
TextChat *text_chat_new (const ModelGguf *gguf, const TextTokenizer *tokenizer);
void text_chat_free (TextChat *chat);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TextChat, text_chat_free)

/* "chatml", "plain". Borrowed. */
const char *text_chat_name (const TextChat *chat);
const char *text_chat_warning (const TextChat *chat);

/* The whole prompt as text, with the header of the answer to come when add_generation. A model
 * whose template puts a default system message when none is given gets it too. Free with g_free. */
char *text_chat_render (const TextChat *chat, const TextMessage *messages, size_t n_messages,
                        gboolean add_generation, GError **error);
/* The same as ids, BOS included where the model wants one; appends to tokens (GArray of
 * int32_t). */
gboolean text_chat_encode (const TextChat *chat, const TextMessage *messages, size_t n_messages,
                           gboolean add_generation, GArray *tokens, GError **error);

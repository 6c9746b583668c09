/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chat prompts in the formats of a table. Whatever a person or a document wrote stays a part of
 * its own until it is tokens, so that it can never become a control token. It does not run
 * templates: it only recognises their format and, in ChatML, the system message that they put
 * when there is none. */
#include "engine/text/chat.h"

#include "engine/error.h"

#include <string.h>

typedef struct {
  const char *name;
  const char *tokens[2]; /* control tokens that it needs; NULL: none */
  const char *before_role, *after_role, *after_content;
  const char *generation; /* the header of the answer to come */
  gboolean capital_role;
} Format;

/* The first one whose tokens the model has is taken; the last needs none. */
static const Format formats[] = {
  { "chatml",
    { "<|im_start|>", "<|im_end|>" },
    "<|im_start|>",
    "\n",
    "<|im_end|>\n",
    "<|im_start|>assistant\n",
    FALSE },
  { "plain", { NULL, NULL }, "", ": ", "\n\n", "Assistant:", TRUE },
};

struct _TextChat {
  const TextTokenizer *tokenizer;
  const Format *format;
  char *warning;
  char *default_system; /* put before messages without one; NULL: none */
};

#define SYSTEM_HEADER "<|im_start|>system"

/* The system message written out in a ChatML template: the text between its header and
 * <|im_end|>, when it is one literal (no quote or brace ends it before). NULL when there is
 * none. */
static char *
find_default_system (const char *template)
{
  for (const char *at = strstr (template, SYSTEM_HEADER); at != NULL;
       at = strstr (at, SYSTEM_HEADER)) {
    const char *end;

    at += strlen (SYSTEM_HEADER);
    /* A line end, as it is or as an escape. */
    if (*at == '\n')
      at++;
    else if (g_str_has_prefix (at, "\\n"))
      at += 2;
    else
      continue;
    end = strstr (at, "<|im_end|>");
    if (end != NULL && end > at && strcspn (at, "'\"{}\\") >= (size_t) (end - at))
      return g_strndup (at, (gsize) (end - at));
  }
  return NULL;
}

static gboolean
has_tokens (const Format *format, const TextTokenizer *tokenizer)
{
  for (size_t i = 0; i < G_N_ELEMENTS (format->tokens); i++)
    if (format->tokens[i] != NULL && text_tokenizer_special (tokenizer, format->tokens[i]) < 0)
      return FALSE;
  return TRUE;
}

/* Whether a template writes this format: it names all of its tokens. */
static gboolean
template_uses (const char *template, const Format *format)
{
  for (size_t i = 0; i < G_N_ELEMENTS (format->tokens); i++)
    if (format->tokens[i] == NULL || strstr (template, format->tokens[i]) == NULL)
      return FALSE;
  return TRUE;
}

TextChat *
text_chat_new (const ModelGguf *gguf, const TextTokenizer *tokenizer)
{
  TextChat *chat = g_new0 (TextChat, 1);
  const char *template = model_gguf_get_string (gguf, "tokenizer.chat_template");
  const char *what = NULL;

  chat->tokenizer = tokenizer;
  chat->format = formats;
  while (!has_tokens (chat->format, tokenizer))
    chat->format++;
  if (template != NULL && template_uses (template, chat->format))
    chat->default_system = find_default_system (template);
  else
    what = template != NULL
               ? "The model's chat template is of a kind that this version does not know"
               : "The model file has no chat template";
  if (what != NULL)
    chat->warning = g_strdup_printf ("%s; the format “%s” is used, and answers may be worse.", what,
                                     chat->format->name);
  return chat;
}

void
text_chat_free (TextChat *chat)
{
  if (chat == NULL)
    return;
  g_free (chat->warning);
  g_free (chat->default_system);
  g_free (chat);
}

const char *
text_chat_name (const TextChat *chat)
{
  return chat->format->name;
}

const char *
text_chat_warning (const TextChat *chat)
{
  return chat->warning;
}

/* ---- parts ---------------------------------------------------------------------------- */

typedef struct {
  GArray *parts;      /* TextPart */
  GPtrArray *strings; /* what parts point to and nobody else owns */
} Prompt;

static void
add_part (Prompt *prompt, const char *text, gboolean trusted)
{
  TextPart part = { text, -1, trusted };

  g_array_append_val (prompt->parts, part);
}

static void
add_message (const TextChat *chat, Prompt *prompt, const char *role, const char *content)
{
  char *shown_role = g_strdup (role);

  if (chat->format->capital_role)
    shown_role[0] = g_ascii_toupper (shown_role[0]);
  g_ptr_array_add (prompt->strings, shown_role);
  add_part (prompt, chat->format->before_role, TRUE);
  add_part (prompt, shown_role, TRUE);
  add_part (prompt, chat->format->after_role, TRUE);
  add_part (prompt, content, FALSE);
  add_part (prompt, chat->format->after_content, TRUE);
}

/* A role goes into the prompt as a word of the template. */
static gboolean
check_message (const TextMessage *message, GError **error)
{
  const char *role = message->role != NULL ? message->role : "";

  if (role[0] != '\0' && strspn (role, "abcdefghijklmnopqrstuvwxyz_") == strlen (role) &&
      message->content != NULL)
    return TRUE;
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
               "A message has no content or a role that is no word: “%.40s”.", role);
  return FALSE;
}

static gboolean
build_prompt (const TextChat *chat, const TextMessage *messages, size_t n_messages,
              gboolean add_generation, Prompt *prompt, GError **error)
{
  for (size_t i = 0; i < n_messages; i++) {
    if (!check_message (&messages[i], error))
      return FALSE;
    if (i == 0 && chat->default_system != NULL && strcmp (messages[0].role, "system") != 0)
      add_message (chat, prompt, "system", chat->default_system);
    add_message (chat, prompt, messages[i].role, messages[i].content);
  }
  if (add_generation)
    add_part (prompt, chat->format->generation, TRUE);
  return TRUE;
}

static void
prompt_init (Prompt *prompt)
{
  prompt->parts = g_array_new (FALSE, FALSE, sizeof (TextPart));
  prompt->strings = g_ptr_array_new_with_free_func (g_free);
}

static void
prompt_finish (Prompt *prompt)
{
  g_array_unref (prompt->parts);
  g_ptr_array_unref (prompt->strings);
}

char *
text_chat_render (const TextChat *chat, const TextMessage *messages, size_t n_messages,
                  gboolean add_generation, GError **error)
{
  Prompt prompt;
  char *text = NULL;

  prompt_init (&prompt);
  if (build_prompt (chat, messages, n_messages, add_generation, &prompt, error)) {
    GString *joined = g_string_new (NULL);

    for (guint i = 0; i < prompt.parts->len; i++)
      g_string_append (joined, g_array_index (prompt.parts, TextPart, i).text);
    text = g_string_free (joined, FALSE);
  }
  prompt_finish (&prompt);
  return text;
}

gboolean
text_chat_encode (const TextChat *chat, const TextMessage *messages, size_t n_messages,
                  gboolean add_generation, GArray *tokens, GError **error)
{
  Prompt prompt;
  gboolean ok;

  prompt_init (&prompt);
  ok = build_prompt (chat, messages, n_messages, add_generation, &prompt, error);
  if (ok) {
    int32_t bos = text_tokenizer_bos (chat->tokenizer);

    if (text_tokenizer_adds_bos (chat->tokenizer))
      g_array_append_val (tokens, bos);
    text_tokenizer_encode_parts (chat->tokenizer, (const TextPart *) prompt.parts->data,
                                 prompt.parts->len, tokens);
  }
  prompt_finish (&prompt);
  return ok;
}

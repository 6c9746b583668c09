/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prompts of messages: which template of a file is used, the variables it gets, what is tried when
 * it refuses, and the parts that come out. It knows no template's inside; formats.c stands in
 * where there is none. */
#include "engine/text/chat.h"

#include "engine/error.h"
#include "engine/text/formats.h"
#include "engine/text/jinja/jinja.h"

#include <string.h>

struct _TextChat {
  const TextTokenizer *tokenizer;
  JinjaTemplate *template;  /* NULL: format is written */
  const TextFormat *format; /* what the template writes, or is written; NULL: not known */
  char *warning;
  char *bos, *eos; /* as text, may be empty */
};

/* Names of the templates that a file may have, the best first; others are for tools. */
static const char *const template_keys[] = {
  "tokenizer.chat_template",
  "tokenizer.chat_template.default",
  "tokenizer.chat_template.chat",
  "tokenizer.chat_template.tool_use",
};

static char *
token_text (const TextTokenizer *tokenizer, int32_t id)
{
  GString *text = g_string_new (NULL);

  if (id >= 0)
    text_tokenizer_decode (tokenizer, id, TRUE, text);
  return g_string_free (text, FALSE);
}

/* A template that cannot even render a plain conversation is of no use. */
static gboolean
try_template (const TextChat *chat, GError **error)
{
  static const TextMessage talk[] = {
    { "system", "Be brief.", NULL },
    { "user", "Hello", NULL },
    { "assistant", "Hi", NULL },
    { "user", "Thanks", NULL },
  };
  g_autofree char *text = text_chat_render (chat, talk, G_N_ELEMENTS (talk), TRUE, error);

  return text != NULL;
}

static void
use_template (TextChat *chat, const char *source)
{
  g_autoptr (GError) error = NULL;

  chat->format = text_format_of_template (source);
  chat->template = jinja_template_new (source, -1, &error);
  if (chat->template != NULL && try_template (chat, &error))
    return;
  g_clear_pointer (&chat->template, jinja_template_free);
  if (chat->format == NULL)
    chat->format = text_format_of_tokens (chat->tokenizer);
  chat->warning = g_strdup_printf ("%s The format “%s” is used in its place, and answers may be "
                                   "worse.",
                                   error->message, chat->format->name);
}

TextChat *
text_chat_new (const ModelGguf *gguf, const TextTokenizer *tokenizer)
{
  TextChat *chat = g_new0 (TextChat, 1);
  const char *source = NULL;

  chat->tokenizer = tokenizer;
  chat->bos = token_text (tokenizer, text_tokenizer_bos (tokenizer));
  chat->eos = token_text (tokenizer, text_tokenizer_eos (tokenizer));
  for (size_t i = 0; i < G_N_ELEMENTS (template_keys) && source == NULL; i++)
    source = model_gguf_get_string (gguf, template_keys[i]);
  if (source != NULL) {
    use_template (chat, source);
    return chat;
  }
  chat->format = text_format_of_tokens (tokenizer);
  chat->warning = g_strdup_printf ("The model file has no chat template; the format “%s” is used, "
                                   "and answers may be worse.",
                                   chat->format->name);
  return chat;
}

void
text_chat_free (TextChat *chat)
{
  if (chat == NULL)
    return;
  jinja_template_free (chat->template);
  g_free (chat->warning);
  g_free (chat->bos);
  g_free (chat->eos);
  g_free (chat);
}

const char *
text_chat_name (const TextChat *chat)
{
  return chat->format != NULL ? chat->format->name : "own";
}

const char *
text_chat_warning (const TextChat *chat)
{
  return chat->warning;
}

/* ---- messages -------------------------------------------------------------------------- */

/* A role goes into the prompt as a word of the template. */
static gboolean
check_messages (const TextMessage *messages, size_t n, GError **error)
{
  for (size_t i = 0; i < n; i++) {
    const char *role = messages[i].role != NULL ? messages[i].role : "";

    if (role[0] != '\0' && strspn (role, "abcdefghijklmnopqrstuvwxyz_") == strlen (role) &&
        messages[i].content != NULL)
      continue;
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                 "A message has no content or a role that is no word: “%.40s”.", role);
    return FALSE;
  }
  return TRUE;
}

/* Messages as they are tried; strings of joined ones are owned. */
typedef struct {
  GArray *messages;   /* TextMessage */
  GPtrArray *strings; /* owned */
} Talk;

static void
talk_init (Talk *talk)
{
  talk->messages = g_array_new (FALSE, FALSE, sizeof (TextMessage));
  talk->strings = g_ptr_array_new_with_free_func (g_free);
}

static void
talk_finish (Talk *talk)
{
  g_array_unref (talk->messages);
  g_ptr_array_unref (talk->strings);
}

static const char *
joined (Talk *talk, const char *first, const char *second)
{
  char *text = g_strconcat (first, "\n\n", second, NULL);

  g_ptr_array_add (talk->strings, text);
  return text;
}

/* What is changed of the messages when a template refuses them. */
static const struct {
  gboolean system_in_question, roles_alternate;
} attempts[] = {
  { FALSE, FALSE },
  { TRUE, FALSE },
  { FALSE, TRUE },
  { TRUE, TRUE },
};

static void
arrange (Talk *talk, const TextMessage *messages, size_t n, gboolean system_in_question,
         gboolean roles_alternate)
{
  const char *system = NULL;

  for (size_t i = 0; i < n; i++) {
    TextMessage message = messages[i], *last = NULL;

    if (system_in_question && strcmp (message.role, "system") == 0) {
      system = system != NULL ? joined (talk, system, message.content) : message.content;
      continue;
    }
    if (system != NULL && strcmp (message.role, "user") == 0) {
      message.content = joined (talk, system, message.content);
      system = NULL;
    }
    if (talk->messages->len > 0)
      last = &g_array_index (talk->messages, TextMessage, talk->messages->len - 1);
    if (roles_alternate && last != NULL && strcmp (last->role, message.role) == 0)
      last->content = joined (talk, last->content, message.content);
    else
      g_array_append_val (talk->messages, message);
  }
}

/* ---- by template ----------------------------------------------------------------------- */

/* Roles that templates write as words of their own; others are a caller's. */
static gboolean
is_known_role (const char *role)
{
  static const char *const known[] = { "system", "user", "assistant",
                                       "tool", "developer", "model" };

  for (size_t i = 0; i < G_N_ELEMENTS (known); i++)
    if (strcmp (known[i], role) == 0)
      return TRUE;
  return FALSE;
}

static JinjaValue
message_value (JinjaRun *run, const TextMessage *message)
{
  JinjaValue value = jinja_dict (run);

  jinja_dict_set_name (run, value.dict, "role",
                       jinja_string (run, message->role, -1, !is_known_role (message->role)));
  jinja_dict_set_name (run, value.dict, "content", jinja_string (run, message->content, -1, TRUE));
  if (message->thought != NULL)
    jinja_dict_set_name (run, value.dict, "reasoning_content",
                         jinja_string (run, message->thought, -1, TRUE));
  return value;
}

static JinjaRun *
run_template (const TextChat *chat, const GArray *messages, gboolean add_generation, GError **error)
{
  g_autoptr (JinjaRun) run = jinja_run_new (chat->template);
  JinjaValue list = jinja_list (run);

  for (guint i = 0; i < messages->len; i++)
    jinja_list_add (run, list.list,
                    message_value (run, &g_array_index (messages, TextMessage, i)));
  jinja_run_set (run, "messages", list);
  jinja_run_set (run, "add_generation_prompt", jinja_bool (add_generation));
  jinja_run_set (run, "enable_thinking", jinja_bool (TRUE));
  jinja_run_set (run, "bos_token", jinja_string (run, chat->bos, -1, FALSE));
  jinja_run_set (run, "eos_token", jinja_string (run, chat->eos, -1, FALSE));
  return jinja_run_render (run, error) ? g_steal_pointer (&run) : NULL;
}

/* ---- by format ------------------------------------------------------------------------- */

static TextRole
role_of (const char *role)
{
  return strcmp (role, "system") == 0      ? TEXT_ROLE_SYSTEM
         : strcmp (role, "assistant") == 0 ? TEXT_ROLE_ASSISTANT
                                           : TEXT_ROLE_USER;
}

static void
add_part (GArray *parts, const char *text, gboolean trusted)
{
  TextPart part = { text, (gssize) strlen (text), trusted };

  g_array_append_val (parts, part);
}

static void
write_format (const TextChat *chat, const GArray *messages, gboolean add_generation, GArray *parts)
{
  const TextFormat *format = chat->format;
  const char *in_front = NULL; /* a system message that is written with the next one */

  for (guint i = 0; i < messages->len; i++) {
    const TextMessage *message = &g_array_index (messages, TextMessage, i);
    TextRole role = role_of (message->role);

    if (format->roles[role].before == NULL) {
      in_front = message->content;
      continue;
    }
    add_part (parts, format->roles[role].before, TRUE);
    if (in_front != NULL) {
      add_part (parts, in_front, FALSE);
      add_part (parts, format->roles[TEXT_ROLE_SYSTEM].after, TRUE);
      in_front = NULL;
    }
    add_part (parts, message->content, FALSE);
    add_part (parts, format->roles[role].after, TRUE);
  }
  if (add_generation)
    add_part (parts, format->generation, TRUE);
}

/* ---- prompts --------------------------------------------------------------------------- */

typedef struct {
  Talk talk;
  JinjaRun *run; /* NULL: by format */
  GArray *parts; /* TextPart, borrowed from the run or the talk */
} Prompt;

static void
prompt_finish (Prompt *prompt)
{
  talk_finish (&prompt->talk);
  jinja_run_free (prompt->run);
  g_array_unref (prompt->parts);
}

static void
cut_parts (Prompt *prompt)
{
  const guint8 *marks;
  size_t n;
  const char *text = jinja_run_output (prompt->run, &n, &marks);

  for (size_t from = 0; from < n;) {
    size_t to = from + 1;
    TextPart part = { text + from, 0, marks == NULL || marks[from] == 0 };

    while (to < n && (marks == NULL || marks[to] == marks[from]))
      to++;
    part.n_bytes = (gssize) (to - from);
    g_array_append_val (prompt->parts, part);
    from = to;
  }
}

static gboolean
prompt_init (Prompt *prompt, const TextChat *chat, const TextMessage *messages, size_t n,
             gboolean add_generation, GError **error)
{
  g_autoptr (GError) first = NULL;

  talk_init (&prompt->talk);
  prompt->run = NULL;
  prompt->parts = g_array_new (FALSE, FALSE, sizeof (TextPart));
  if (!check_messages (messages, n, error))
    return FALSE;
  if (chat->template == NULL) {
    arrange (&prompt->talk, messages, n, FALSE, FALSE);
    write_format (chat, prompt->talk.messages, add_generation, prompt->parts);
    return TRUE;
  }
  for (size_t i = 0; i < G_N_ELEMENTS (attempts) && prompt->run == NULL; i++) {
    g_autoptr (GError) problem = NULL;

    g_array_set_size (prompt->talk.messages, 0);
    arrange (&prompt->talk, messages, n, attempts[i].system_in_question,
             attempts[i].roles_alternate);
    prompt->run = run_template (chat, prompt->talk.messages, add_generation, &problem);
    if (first == NULL) /* what it said of the messages as they are */
      first = g_steal_pointer (&problem);
    if (!g_error_matches (first, ENGINE_ERROR, ENGINE_ERROR_INVALID))
      break;
  }
  if (prompt->run == NULL) {
    g_propagate_error (error, g_steal_pointer (&first));
    return FALSE;
  }
  cut_parts (prompt);
  return TRUE;
}

char *
text_chat_render (const TextChat *chat, const TextMessage *messages, size_t n_messages,
                  gboolean add_generation, GError **error)
{
  Prompt prompt;
  char *text = NULL;

  if (prompt_init (&prompt, chat, messages, n_messages, add_generation, error)) {
    GString *whole = g_string_new (NULL);

    for (guint i = 0; i < prompt.parts->len; i++) {
      const TextPart *part = &g_array_index (prompt.parts, TextPart, i);

      g_string_append_len (whole, part->text, part->n_bytes);
    }
    text = g_string_free (whole, FALSE);
  }
  prompt_finish (&prompt);
  return text;
}

/* Whether the template itself wrote the token that begins a text. */
static gboolean
begins_with_bos (const TextChat *chat, const GArray *parts)
{
  const TextPart *first = parts->len > 0 ? (const TextPart *) parts->data : NULL;
  size_t n = strlen (chat->bos);

  return n > 0 && first != NULL && first->trusted && (size_t) first->n_bytes >= n &&
         memcmp (first->text, chat->bos, n) == 0;
}

gboolean
text_chat_encode (const TextChat *chat, const TextMessage *messages, size_t n_messages,
                  gboolean add_generation, GArray *tokens, GError **error)
{
  Prompt prompt;
  gboolean ok = prompt_init (&prompt, chat, messages, n_messages, add_generation, error);

  if (ok) {
    int32_t bos = text_tokenizer_bos (chat->tokenizer);

    if (text_tokenizer_adds_bos (chat->tokenizer) && !begins_with_bos (chat, prompt.parts))
      g_array_append_val (tokens, bos);
    text_tokenizer_encode_parts (chat->tokenizer, (const TextPart *) prompt.parts->data,
                                 prompt.parts->len, tokens);
  }
  prompt_finish (&prompt);
  return ok;
}

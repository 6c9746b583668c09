/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sums up one document: its parts one after the other, then what was said of them, until all fits
 * one answer, which is then written like any other, with the parts as its passages. Between
 * two parts other questions have their turn. It must not know how a document is stored or a model
 * runs. */
#define G_LOG_DOMAIN "bottega-conversation-summary"
#include "config.h"

#include "app/assistant/bottega-conversation-private.h"
#include "app/assistant/bottega-grounding.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define DEFAULT_CONTEXT 4096
/* So many bytes of text make a token or less; on the safe side. */
#define BYTES_A_TOKEN 3
/* Of what is said of one part. */
#define PART_ANSWER_TOKENS 160
/* A document that fits as it is has passages of about a page. */
#define PAGE_BYTES 2400
/* Of the part's own text, kept for showing where it stands. */
#define SHOWN_BYTES 400

struct _BottegaSummary {
  GPtrArray *parts; /* of BottegaFound; window: what is said of it, or its text */
  guint next;       /* part that is being read */
  GString *text;    /* what is being said of it */
};

void
bottega_summary_free (BottegaSummary *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->parts, g_ptr_array_unref);
  g_string_free (self->text, TRUE);
  g_free (self);
}

/* Bytes that the passages of one prompt may have together. */
static guint
budget_bytes (BottegaConversation *self)
{
  guint context = bottega_engine_thread_get_context_size (self->engine);

  return (context > 0 ? context : DEFAULT_CONTEXT) / 2 * BYTES_A_TOKEN;
}

static const char *
said_of (const BottegaFound *part)
{
  return part->window != NULL ? part->window : part->text;
}

static gsize
total_bytes (const GPtrArray *parts)
{
  gsize total = 0;

  for (guint i = 0; i < parts->len; i++)
    total += strlen (said_of (parts->pdata[i]));

  return total;
}

/* Joins neighbours to parts that fit one prompt each. */
static GPtrArray *
join (const GPtrArray *parts, gsize most_bytes)
{
  GPtrArray *joined = g_ptr_array_new_with_free_func ((GDestroyNotify) bottega_found_free);
  BottegaFound *open = NULL;

  for (guint i = 0; i < parts->len; i++) {
    const BottegaFound *part = parts->pdata[i];
    const char *said = said_of (part);

    if (open != NULL && strlen (open->text) + strlen (said) + 2 <= most_bytes) {
      g_autofree char *before = open->text;

      open->text = g_strconcat (before, "\n\n", said, NULL);
      open->last_page = MAX (open->last_page, part->last_page);
      open->length = part->offset + part->length - open->offset;
      continue;
    }
    open = g_new0 (BottegaFound, 1);
    open->document = part->document;
    open->path = g_strdup (part->path);
    open->title = g_strdup (part->title);
    open->page = part->page;
    open->last_page = part->last_page;
    open->offset = part->offset;
    open->length = part->length;
    open->score = part->score;
    open->text = g_strdup (said);
    g_ptr_array_add (joined, open);
  }

  return joined;
}

/* ---- the last step: an answer with the parts as its passages ---- */

static void
answer (BottegaConversation *self)
{
  BottegaSummary *summary = self->summary;
  BottegaGrounded grounded = { .found = summary->parts };
  g_autoptr (GPtrArray) passages = NULL;

  for (guint i = 0; i < summary->parts->len; i++) {
    BottegaFound *part = summary->parts->pdata[i];

    if (part->window == NULL)
      part->window = g_strdup (part->text);
    if (strlen (part->text) > SHOWN_BYTES) {
      char *end = g_utf8_find_prev_char (part->text, part->text + SHOWN_BYTES);

      if (end != NULL)
        strcpy (end, "…");
    }
  }
  passages = bottega_grounding_make_passages (&grounded);
  bottega_message_set_found (self->answer, NULL, BOTTEGA_SOURCES_SUMMARY, FALSE, passages);
  g_clear_pointer (&self->summary, bottega_summary_free);
  bottega_conversation_put (self, self->answer, NULL, BOTTEGA_STORE_QUICK, NULL, NULL);
  bottega_message_set_state (self->answer, BOTTEGA_MESSAGE_STATE_QUEUED);
  bottega_conversation_set_state (self, BOTTEGA_CONVERSATION_QUEUED);
  bottega_conversation_submit (self);
}

/* ---- one part after the other ---- */

static void read_next (BottegaConversation *self);

static void
on_part_text (const char *utf8, gsize bytes, guint n_tokens, gpointer user_data)
{
  BottegaConversation *self = user_data;

  g_string_append_len (self->summary->text, utf8, (gssize) bytes);
}

static void
on_part_finished (const EngineStats *stats, const GError *error, gpointer user_data)
{
  BottegaConversation *self = user_data;
  BottegaSummary *summary = self->summary;

  self->job = 0;
  if (self->state == BOTTEGA_CONVERSATION_STOPPING || stats == NULL ||
      stats->stop == ENGINE_STOP_CANCELLED) {
    bottega_conversation_end_answer (self,
                                     error != NULL ? BOTTEGA_MESSAGE_STATE_FAILED
                                                   : BOTTEGA_MESSAGE_STATE_STOPPED,
                                     error != NULL ? error->message : NULL, NULL);
    return;
  }
  if (error != NULL) {
    bottega_conversation_end_answer (self, BOTTEGA_MESSAGE_STATE_FAILED, error->message, NULL);
    return;
  }
  ((BottegaFound *) summary->parts->pdata[summary->next])->window =
      g_strstrip (g_strndup (summary->text->str, summary->text->len));
  summary->next++;
  read_next (self);
}

/* Reads the next part; after the last, joins what was said until it fits. */
static void
read_next (BottegaConversation *self)
{
  static const BottegaGenerateEvents events = { .text = on_part_text,
                                                .finished = on_part_finished };
  BottegaSummary *summary = self->summary;
  EngineGenerate options = ENGINE_GENERATE_GREEDY;
  const BottegaFound *part;
  g_autofree char *phase = NULL;
  g_autofree char *text = NULL;
  BottegaPrompt *prompt;

  if (summary->next == summary->parts->len) {
    GPtrArray *joined;

    if (total_bytes (summary->parts) <= budget_bytes (self)) {
      answer (self);
      return;
    }
    joined = join (summary->parts, budget_bytes (self));
    g_ptr_array_unref (summary->parts);
    summary->parts = joined;
    summary->next = 0;
  }
  part = summary->parts->pdata[summary->next];
  phase = g_strdup_printf (_ ("Summarising part %u of %u"), summary->next + 1,
                           summary->parts->len);
  bottega_message_set_search_phase (self->answer, phase);
  g_string_truncate (summary->text, 0);
  text = bottega_grounding_render_part (bottega_message_get_text (self->question), part->text);
  prompt = bottega_prompt_new (NULL);
  bottega_prompt_add (prompt, "user", NULL, text);
  options.max_tokens = PART_ANSWER_TOKENS;
  self->job = bottega_engine_thread_generate (self->engine, NULL, BOTTEGA_ANSWER_TASK, prompt,
                                              PART_ANSWER_TOKENS, &options, &events, self);
}

typedef struct {
  BottegaConversation *conversation; /* owned */
  guint serial;
} Reading;

static void
reading_free (gpointer data)
{
  Reading *reading = data;

  g_object_unref (reading->conversation);
  g_free (reading);
}

static void
on_parts (GPtrArray *parts, const GError *error, gpointer user_data)
{
  Reading *reading = user_data;
  BottegaConversation *self = reading->conversation;

  if (reading->serial != self->serial || self->answer == NULL)
    return;
  if (self->state == BOTTEGA_CONVERSATION_STOPPING) {
    bottega_conversation_end_answer (self, BOTTEGA_MESSAGE_STATE_STOPPED, NULL, NULL);
    return;
  }
  if (parts == NULL || parts->len == 0) {
    bottega_conversation_end_answer (self, BOTTEGA_MESSAGE_STATE_FAILED,
                                     error != NULL ? error->message
                                                   : _ ("There is no text of this document. Wait "
                                                        "until it has been read."),
                                     NULL);
    return;
  }
  self->summary = g_new0 (BottegaSummary, 1);
  self->summary->text = g_string_new (NULL);
  if (total_bytes (parts) <= budget_bytes (self)) {
    self->summary->parts = g_ptr_array_ref (parts);
    answer (self);
    return;
  }
  self->summary->parts = join (parts, budget_bytes (self));
  read_next (self);
}

gboolean
bottega_conversation_begin_summary (BottegaConversation *self)
{
  const BottegaSources *asked = bottega_message_get_sources (self->question);
  Reading *reading;

  if (self->library == NULL || asked->use != BOTTEGA_SOURCES_SUMMARY || asked->scope == NULL ||
      !bottega_library_get_available (self->library))
    return FALSE;
  bottega_message_set_search_phase (self->answer, _ ("Reading the document"));
  bottega_message_set_state (self->answer, BOTTEGA_MESSAGE_STATE_SEARCHING);
  bottega_conversation_set_state (self, BOTTEGA_CONVERSATION_SEARCHING);
  reading = g_new0 (Reading, 1);
  reading->conversation = g_object_ref (self);
  reading->serial = self->serial;
  bottega_library_read_parts (self->library, g_array_index (asked->scope, gint64, 0),
                              MIN (PAGE_BYTES, budget_bytes (self) / 2), on_parts, reading,
                              reading_free);

  return TRUE;
}

gboolean
bottega_conversation_summarise (BottegaConversation *self,
                                BottegaDocumentItem *item,
                                GError **error)
{
  /* Translators: a request to the model, in the language that it is to answer in. */
  g_autofree char *text = g_strdup_printf (_ ("Summarise the document “%s”."),
                                           bottega_document_item_get_title (item));
  g_autofree char *title =
      g_strdup_printf (_ ("Summary of “%s”"), bottega_document_item_get_title (item));
  g_autoptr (BottegaMessage) question = NULL;
  gint64 id = bottega_document_item_get_id (item);

  if (!bottega_conversation_can_ask (self, NULL, error))
    return FALSE;
  question = bottega_message_new (NULL, BOTTEGA_MESSAGE_ROLE_USER, text);
  bottega_message_set_scope (question, &id, 1, bottega_document_item_get_title (item));
  bottega_message_set_found (question, NULL, BOTTEGA_SOURCES_SUMMARY, FALSE, NULL);
  bottega_conversation_set_title (self, title);
  bottega_conversation_ask (self, question, FALSE);

  return TRUE;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How documents come into an answer: the search before it, the passages in what the model reads,
 * the markers in what it writes. It must not know how a passage is found or a marker is read. */
#define G_LOG_DOMAIN "bottega-conversation-sources"
#include "config.h"

#include "app/assistant/bottega-conversation-private.h"
#include "app/assistant/bottega-grounding.h"

#include <glib/gi18n-lib.h>
#include <string.h>

/* A question that leans on one that leant on another …: no further. */
#define MOST_QUERY_BYTES 400

/* The answer to a question of the list; NULL: none. Borrowed. */
static BottegaMessage *
answer_of (BottegaConversation *self, guint question_index)
{
  BottegaMessage *answer = question_index + 1 < self->items->len
                               ? g_ptr_array_index (self->items, question_index + 1)
                               : NULL;

  return answer != NULL && bottega_message_get_role (answer) == BOTTEGA_MESSAGE_ROLE_ASSISTANT
             ? answer
             : NULL;
}

/* ---- the search ---- */

/* What was looked for before this answer; NULL: it is the first, or the one before it summed up. */
static const char *
previous_query (BottegaConversation *self, BottegaMessage *answer)
{
  int index = bottega_conversation_index_of (self, answer);

  for (int i = index - 2; i >= 0; i--) {
    BottegaMessage *question = g_ptr_array_index (self->items, i);
    BottegaMessage *before = answer_of (self, (guint) i);
    const BottegaSources *sources;

    if (bottega_message_get_role (question) != BOTTEGA_MESSAGE_ROLE_USER || before == NULL)
      continue;
    sources = bottega_message_get_sources (before);
    if (sources->use == BOTTEGA_SOURCES_SUMMARY)
      return NULL;
    if (sources->query != NULL && strlen (sources->query) < MOST_QUERY_BYTES)
      return sources->query;
    return bottega_message_get_text (question);
  }

  return NULL;
}

typedef struct {
  BottegaConversation *conversation; /* owned */
  guint serial;
} Search;

static void
search_free (gpointer data)
{
  Search *search = data;

  g_object_unref (search->conversation);
  g_free (search);
}

static void
set_found (BottegaConversation *self, const BottegaGrounded *grounded)
{
  g_autoptr (GPtrArray) passages = bottega_grounding_make_passages (grounded);

  bottega_message_set_found (self->answer, grounded->query, grounded->use, self->only_documents,
                             passages);
  if (passages->len == 0 && self->pinned->len == 0)
    bottega_message_set_note (
        self->answer, _ ("Nothing in the documents answers this: the model answers by itself."));
  bottega_conversation_put (self, self->answer, NULL, BOTTEGA_STORE_QUICK, NULL, NULL);
}

/* The question is answered all the same, and the answer says what is missing. */
static void
set_failed (BottegaConversation *self, const GError *error)
{
  /* Translators: %s is a whole sentence about what went wrong. */
  g_autofree char *note =
      g_strdup_printf (_ ("The documents could not be searched, and the answer does without them: "
                          "%s"),
                       error->message);

  bottega_message_set_note (self->answer, note);
}

static void
on_found (const BottegaGrounded *grounded, const GError *error, gpointer user_data)
{
  Search *search = user_data;
  BottegaConversation *self = search->conversation;

  if (search->serial != self->serial || self->answer == NULL)
    return;
  g_clear_object (&self->searching);
  if (self->state == BOTTEGA_CONVERSATION_STOPPING) {
    bottega_conversation_end_answer (self, BOTTEGA_MESSAGE_STATE_STOPPED, NULL, NULL);
    return;
  }
  if (grounded != NULL)
    set_found (self, grounded);
  else
    set_failed (self, error);
  if (grounded != NULL && grounded->use == BOTTEGA_SOURCES_ABSTAINED) {
    const char *sentence =
        bottega_grounding_abstention (bottega_message_get_text (self->question));

    bottega_message_append (self->answer, sentence, strlen (sentence));
    bottega_conversation_end_answer (self, BOTTEGA_MESSAGE_STATE_COMPLETE, NULL, NULL);
    return;
  }
  bottega_message_set_state (self->answer, BOTTEGA_MESSAGE_STATE_QUEUED);
  bottega_conversation_set_state (self, BOTTEGA_CONVERSATION_QUEUED);
  bottega_conversation_submit (self);
}

gboolean
bottega_conversation_search (BottegaConversation *self)
{
  BottegaMessage *question = self->question;
  /* What the passages do not say may stand in a document that is read whole. */
  BottegaGroundingRequest request = {
    .only_documents = self->only_documents && self->pinned->len == 0
  };
  g_autofree char *phase = NULL;
  Search *search;
  guint n;

  if (self->library == NULL || question == NULL ||
      !bottega_library_get_available (self->library))
    return FALSE;
  request.question = bottega_message_get_text (question);
  n = bottega_library_get_n_ready (self->library);
  if ((n == 0 && !self->only_documents) || bottega_grounding_is_small_talk (request.question))
    return FALSE;
  request.previous = previous_query (self, self->answer);
  request.documents = bottega_message_get_scope (question, &request.n_documents);
  request.context_tokens = bottega_engine_thread_get_context_size (self->engine);
  n = request.n_documents > 0 ? request.n_documents : n;
  phase = g_strdup_printf (ngettext ("Searching %'u document", "Searching %'u documents", n), n);

  bottega_message_set_search_phase (self->answer, phase);
  bottega_message_set_state (self->answer, BOTTEGA_MESSAGE_STATE_SEARCHING);
  bottega_conversation_set_state (self, BOTTEGA_CONVERSATION_SEARCHING);
  self->searching = g_cancellable_new ();
  search = g_new0 (Search, 1);
  search->conversation = g_object_ref (self);
  search->serial = self->serial;
  bottega_library_search (self->library, &request, self->searching, on_found, search, search_free);

  return TRUE;
}

/* ---- what the model reads ---- */

char *
bottega_conversation_dup_question (BottegaConversation *self, guint index)
{
  BottegaMessage *question = g_ptr_array_index (self->items, index);
  BottegaMessage *answer = answer_of (self, index);
  const BottegaSources *sources = answer != NULL ? bottega_message_get_sources (answer) : NULL;
  const char *text = bottega_message_get_text (question);

  if (bottega_message_get_role (question) != BOTTEGA_MESSAGE_ROLE_USER)
    return NULL;
  if (sources == NULL ||
      (answer != self->answer && bottega_message_get_text_bytes (answer) == 0))
    return g_strdup (text);
  if (sources->only_documents && sources->n_read == 0 && self->pins_text != NULL)
    return bottega_grounding_render_pinned_only (text);

  return bottega_grounding_render (text, sources, sources->n_read);
}

BottegaPrompt *
bottega_conversation_begin_prompt (BottegaConversation *self, gboolean pins, const char *pins_path)
{
  BottegaPrompt *prompt =
      bottega_prompt_new (bottega_settings_get_answer_instructions (self->settings));

  if (pins && self->pins_text != NULL)
    bottega_prompt_set_pinned (prompt, self->pins_text, pins_path);

  return prompt;
}

void
bottega_conversation_add_message (BottegaConversation *self, BottegaPrompt *prompt, guint index)
{
  BottegaMessage *message = g_ptr_array_index (self->items, index);
  BottegaMessageRole role = bottega_message_get_role (message);
  g_autofree char *question = bottega_conversation_dup_question (self, index);

  if (role == BOTTEGA_MESSAGE_ROLE_SYSTEM_NOTE || bottega_message_get_text_bytes (message) == 0)
    return;
  if (question != NULL)
    bottega_prompt_add (prompt, "user", bottega_message_get_id (message), question);
  else
    bottega_prompt_add_answer (prompt, bottega_message_get_id (message),
                               bottega_message_get_text (message),
                               bottega_message_get_thought (message));
}

/* The present question may have fewer passages, where all are too long. */
static void
add_choices (BottegaConversation *self, BottegaPrompt *prompt)
{
  const BottegaSources *sources = bottega_message_get_sources (self->answer);
  g_auto (GStrv) choices = NULL;

  if (self->continues || self->question == NULL || sources->n_read == 0)
    return;
  choices = bottega_grounding_render_all (bottega_message_get_text (self->question), sources);
  bottega_prompt_set_choices (prompt, (const char *const *) choices);
}

BottegaPrompt *
bottega_conversation_make_prompt (BottegaConversation *self)
{
  BottegaPrompt *prompt = bottega_conversation_begin_prompt (self, TRUE, self->pins_path);

  bottega_conversation_begin_recaps (self);
  for (guint i = 0; i < self->items->len; i++) {
    BottegaMessage *message = g_ptr_array_index (self->items, i);

    if (message == self->answer)
      break;
    if (!bottega_message_get_included (message))
      continue;
    bottega_conversation_add_recaps (self, prompt, i);
    bottega_conversation_add_message (self, prompt, i);
  }
  add_choices (self, prompt);
  if (self->continues)
    bottega_prompt_set_answer_prefix (prompt, bottega_message_get_text (self->answer));

  return prompt;
}

/* ---- what it writes ---- */

void
bottega_conversation_begin_citations (BottegaConversation *self, guint choice)
{
  const BottegaSources *sources = bottega_message_get_sources (self->answer);

  g_clear_pointer (&self->citations, bottega_citations_free);
  if (sources->n_read == 0)
    return;
  if (!self->continues)
    bottega_message_set_n_read (self->answer,
                                sources->n_read - MIN (choice, sources->n_read));
  if (sources->n_read > 0)
    self->citations = bottega_citations_new (sources->n_read);
}

void
bottega_conversation_append_text (BottegaConversation *self, const char *utf8, gsize bytes)
{
  g_autoptr (GString) shown = NULL;

  if (self->citations == NULL) {
    bottega_message_append (self->answer, utf8, bytes);
    return;
  }
  shown = g_string_new (NULL);
  bottega_citations_push (self->citations, utf8, bytes, shown);
  bottega_grounding_mark_used (bottega_message_get_passages (self->answer), self->citations);
  bottega_message_append (self->answer, shown->str, shown->len);
}

void
bottega_conversation_end_citations (BottegaConversation *self)
{
  g_autoptr (GString) shown = NULL;
  g_autofree char *marked = NULL;
  gboolean any;

  if (self->citations == NULL)
    return;
  shown = g_string_new (NULL);
  bottega_citations_finish (self->citations, shown);
  bottega_message_append (self->answer, shown->str, shown->len);
  any = bottega_citations_any_used (self->citations);
  g_clear_pointer (&self->citations, bottega_citations_free);
  if (any || self->continues)
    return;
  marked = bottega_grounding_attribute (bottega_message_get_text (self->answer),
                                        bottega_message_get_passages (self->answer));
  if (marked != NULL)
    bottega_message_set_text (self->answer, marked);
}

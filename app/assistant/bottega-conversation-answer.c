/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How an answer comes about: a question is committed to disk, then given to the engine; text
 * arrives and is flushed to disk twice a second; at the end the next question of the queue has its
 * turn. It must not know how either the store or the engine does it. */
#define G_LOG_DOMAIN "bottega-conversation-answer"
#include "config.h"

#include "app/assistant/bottega-conversation-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

/* A killed program loses at most a second of an answer: half of it here, the rest is for the
 * store's own delay. */
#define FLUSH_US         (G_USEC_PER_SEC / 2)
#define TITLE_CHARACTERS 48

/* ---- the end of an answer ---- */

/* Lets go of the answer in progress. Gives the reference that was kept meanwhile: unref it last. */
static BottegaConversation *
forget_answer (BottegaConversation *self)
{
  g_clear_handle_id (&self->flush_source, g_source_remove);
  bottega_conversation_end_facts (self, NULL);
  g_clear_object (&self->answer);
  g_clear_object (&self->question);
  g_clear_object (&self->searching);
  g_clear_pointer (&self->summary, bottega_summary_free);
  g_clear_pointer (&self->citations, bottega_citations_free);
  g_clear_pointer (&self->pins_text, g_free);
  g_clear_pointer (&self->pins_path, g_free);
  g_clear_pointer (&self->lost_reason, g_free);
  self->job = 0;
  self->serial++;

  return self;
}

void
bottega_conversation_end_answer (BottegaConversation *self,
                                 BottegaMessageState state,
                                 const char *sentence,
                                 const EngineStats *stats)
{
  g_autoptr (BottegaMessage) answer = g_object_ref (self->answer);
  g_autoptr (BottegaConversation) kept = NULL;

  bottega_conversation_end_citations (self);
  if (stats != NULL) {
    bottega_conversation_end_facts (self, stats);
    bottega_conversation_prepare_recap (self, stats);
  }
  kept = forget_answer (self);

  bottega_message_finish (answer, state, sentence, stats);
  if (stats != NULL)
    bottega_conversation_set_context_used (self, stats->prompt_tokens + stats->written_tokens);
  bottega_conversation_put (self, answer, NULL, BOTTEGA_STORE_DURABLE, NULL, NULL);
  if (state == BOTTEGA_MESSAGE_STATE_FAILED)
    bottega_conversation_set_error (self, sentence);
  else if (state == BOTTEGA_MESSAGE_STATE_COMPLETE)
    bottega_conversation_set_error (self, NULL);

  bottega_conversation_set_state (self, state == BOTTEGA_MESSAGE_STATE_FAILED
                                            ? BOTTEGA_CONVERSATION_FAILED
                                            : BOTTEGA_CONVERSATION_IDLE);
  g_signal_emit_by_name (self, "finished", answer);

  /* After a stop or a failure the person decides whether the next question still makes sense. */
  if (state == BOTTEGA_MESSAGE_STATE_COMPLETE)
    bottega_conversation_send_queued (self);
}

/* The question does not fit the context: it goes back to the composer. */
static void
refuse (BottegaConversation *self, const char *sentence)
{
  g_autofree char *text = g_strdup (bottega_message_get_text (self->question));
  int index = bottega_conversation_index_of (self, self->question);
  g_autoptr (BottegaConversation) kept = forget_answer (self);

  bottega_conversation_truncate (self, (guint) index);
  bottega_conversation_set_state (self, BOTTEGA_CONVERSATION_IDLE);
  g_signal_emit_by_name (self, "refused", text, sentence);
}

void
bottega_conversation_give_up (BottegaConversation *self, const char *sentence)
{
  if (self->refusable && bottega_message_get_text_bytes (self->answer) == 0)
    refuse (self, sentence);
  else
    bottega_conversation_end_answer (self, BOTTEGA_MESSAGE_STATE_FAILED, sentence, NULL);
}

/* ---- what the engine says ---- */

static void
on_started (const BottegaPromptFit *fit, gpointer user_data)
{
  BottegaConversation *self = user_data;

  self->turns_left = fit->dropped_turns;
  bottega_conversation_use_fit (self, fit);
  bottega_conversation_set_context_read (self, fit);
  bottega_conversation_begin_citations (self, fit->choice);
  bottega_message_set_writer (self->answer, bottega_engine_thread_get_model_name (self->engine),
                              bottega_engine_thread_get_device_description (self->engine));
  /* Were the program killed now, the answer would still say who was writing it. */
  bottega_conversation_put (self, self->answer, NULL, BOTTEGA_STORE_QUICK, NULL, NULL);
  bottega_message_set_state (self->answer, BOTTEGA_MESSAGE_STATE_READING);
  if (self->state != BOTTEGA_CONVERSATION_STOPPING)
    bottega_conversation_set_state (self, BOTTEGA_CONVERSATION_READING);
}

static void
on_reading (guint done, guint total, double left_s, gpointer user_data)
{
  BottegaConversation *self = user_data;

  bottega_message_set_reading (self->answer, done, total, left_s);
}

static void
flush (BottegaConversation *self)
{
  g_clear_handle_id (&self->flush_source, g_source_remove);
  self->flushed_us = g_get_monotonic_time ();
  if (!self->purged)
    bottega_store_put_text (self->store, bottega_message_get_id (self->answer),
                            bottega_message_get_text (self->answer));
}

static gboolean
on_flush_time (gpointer user_data)
{
  BottegaConversation *self = user_data;

  self->flush_source = 0;
  flush (self);

  return G_SOURCE_REMOVE;
}

static void
begin_writing (BottegaConversation *self)
{
  bottega_message_set_state (self->answer, BOTTEGA_MESSAGE_STATE_WRITING);
  if (self->state == BOTTEGA_CONVERSATION_READING)
    bottega_conversation_set_state (self, BOTTEGA_CONVERSATION_WRITING);
}

/* It is stored with the answer, at its end. */
static void
on_thought (const char *utf8, gsize bytes, guint n_tokens, gpointer user_data)
{
  BottegaConversation *self = user_data;

  begin_writing (self);
  bottega_message_append_thought (self->answer, utf8, bytes);
  bottega_conversation_set_context_used (self, self->context_used + n_tokens);
}

static void
on_text (const char *utf8, gsize bytes, guint n_tokens, gpointer user_data)
{
  BottegaConversation *self = user_data;
  gint64 since_us = g_get_monotonic_time () - self->flushed_us;

  begin_writing (self);
  bottega_conversation_append_text (self, utf8, bytes);
  bottega_conversation_set_context_used (self, self->context_used + n_tokens);

  if (since_us >= FLUSH_US)
    flush (self);
  else if (self->flush_source == 0) {
    self->flush_source =
        g_timeout_add ((guint) ((FLUSH_US - since_us) / 1000) + 1, on_flush_time, self);
    g_source_set_name_by_id (self->flush_source, "[bottega] flush answer");
  }
}

static void
on_gaps (const BottegaGaps *gaps, gpointer user_data)
{
  BottegaConversation *self = user_data;

  self->gaps = *gaps;
}

/* What has come of it stays, and is read again. */
static void
on_lost (const char *reason, gpointer user_data)
{
  BottegaConversation *self = user_data;

  g_set_str (&self->lost_reason, reason);
  if (self->state == BOTTEGA_CONVERSATION_STOPPING)
    return;
  bottega_message_set_waiting (self->answer, 0);
  bottega_message_set_state (self->answer, BOTTEGA_MESSAGE_STATE_QUEUED);
  bottega_conversation_set_state (self, BOTTEGA_CONVERSATION_QUEUED);
}

static void
on_resumed (const BottegaPromptFit *fit, gpointer user_data)
{
  BottegaConversation *self = user_data;
  const char *before = bottega_message_get_note (self->answer);
  /* Translators: the first %s is a whole sentence about what went wrong with the graphics card. */
  g_autofree char *sentence =
      g_strdup_printf (_ ("%s The answer went on from there on the processor."), self->lost_reason);
  g_autofree char *note =
      before != NULL ? g_strconcat (before, " ", sentence, NULL) : g_strdup (sentence);

  bottega_conversation_use_fit (self, fit);
  bottega_message_set_note (self->answer, note);
  bottega_message_set_reading (self->answer, 0, 0, -1);
  bottega_message_set_state (self->answer, BOTTEGA_MESSAGE_STATE_READING);
  if (self->state != BOTTEGA_CONVERSATION_STOPPING)
    bottega_conversation_set_state (self, BOTTEGA_CONVERSATION_READING);
}

static void
on_finished (const EngineStats *stats, const GError *error, gpointer user_data)
{
  BottegaConversation *self = user_data;
  gboolean stopped = self->state == BOTTEGA_CONVERSATION_STOPPING ||
                     (error == NULL && (stats == NULL || stats->stop == ENGINE_STOP_CANCELLED));

  if (g_error_matches (error, ENGINE_ERROR, ENGINE_ERROR_LIMIT) &&
      self->refusable &&
      bottega_message_get_text_bytes (self->answer) == 0)
    refuse (self, error->message);
  else if (error != NULL && !g_error_matches (error, ENGINE_ERROR, ENGINE_ERROR_CANCELLED))
    bottega_conversation_end_answer (self, BOTTEGA_MESSAGE_STATE_FAILED, error->message, stats);
  else if (stopped)
    bottega_conversation_end_answer (self, BOTTEGA_MESSAGE_STATE_STOPPED, NULL, stats);
  else
    bottega_conversation_end_answer (self, BOTTEGA_MESSAGE_STATE_COMPLETE, NULL, stats);
}

/* ---- the beginning of an answer ---- */

typedef struct {
  BottegaConversation *conversation; /* owned */
  guint serial;
} Commit;

static void
on_committed (const GError *error, gpointer user_data)
{
  g_autofree Commit *commit = user_data;
  g_autoptr (BottegaConversation) self = commit->conversation;

  if (commit->serial != self->serial || self->answer == NULL)
    return;
  if (error != NULL)
    bottega_conversation_end_answer (self, BOTTEGA_MESSAGE_STATE_FAILED, error->message, NULL);
  else if (self->state == BOTTEGA_CONVERSATION_STOPPING)
    bottega_conversation_end_answer (self, BOTTEGA_MESSAGE_STATE_STOPPED, NULL, NULL);
  else if (self->continues ||
           (!bottega_conversation_begin_summary (self) && !bottega_conversation_search (self)))
    bottega_conversation_submit (self);
}

/* Commits question and answer, which are in the list; the engine gets them once on disk. */
static void
begin_answer (BottegaConversation *self, BottegaMessage *answer)
{
  int index = bottega_conversation_index_of (self, answer);
  BottegaMessage *question = index > 0 ? g_ptr_array_index (self->items, index - 1) : NULL;
  Commit *commit = g_new0 (Commit, 1);

  bottega_conversation_watch_engine (self);
  g_object_ref (self);
  self->serial++;
  g_set_object (&self->answer, answer);
  g_set_object (&self->question, question);
  self->updated_us = MAX (self->updated_us + 1, g_get_real_time ());
  bottega_message_set_waiting (answer, 0);
  bottega_message_set_state (answer, BOTTEGA_MESSAGE_STATE_QUEUED);
  bottega_conversation_begin_facts (self);
  bottega_conversation_set_state (self, BOTTEGA_CONVERSATION_QUEUED);
  bottega_conversation_notify (self, BOTTEGA_CONVERSATION_PROP_UPDATED_US);

  commit->conversation = g_object_ref (self);
  commit->serial = self->serial;
  bottega_conversation_put (self, question, answer, BOTTEGA_STORE_DURABLE, on_committed, commit);
}

void
bottega_conversation_submit (BottegaConversation *self)
{
  if (!bottega_conversation_read_pins (self))
    bottega_conversation_submit_read (self);
}

void
bottega_conversation_submit_read (BottegaConversation *self)
{
  static const BottegaGenerateEvents events = { on_started, on_reading, on_text,
                                                on_finished, on_thought, on_gaps,
                                                on_lost, on_resumed };
  EngineGenerate options = ENGINE_GENERATE_DEFAULT;
  BottegaPrompt *prompt = bottega_conversation_make_prompt (self);
  g_autofree char *path = bottega_conversation_dup_kept_path (self);

  options.temperature = (float) bottega_settings_get_answer_temperature (self->settings);
  options.max_tokens = bottega_settings_get_max_answer_tokens (self->settings);
  options.speculate = bottega_settings_get_speculate (self->settings);
  options.seed = ((guint64) g_random_int () << 32) | g_random_int ();
  self->flushed_us = g_get_monotonic_time ();
  self->job = bottega_engine_thread_generate (self->engine, path, BOTTEGA_ANSWER_CHAT, prompt,
                                              options.max_tokens, &options, &events, self);
  bottega_conversation_update_phase (self);
}

void
bottega_conversation_update_phase (BottegaConversation *self)
{
  gboolean loading =
      bottega_engine_thread_get_state (self->engine) == BOTTEGA_ENGINE_LOADING;
  guint n_before;

  if (self->job == 0 ||
      (self->state != BOTTEGA_CONVERSATION_QUEUED && self->state != BOTTEGA_CONVERSATION_LOADING))
    return;

  n_before = bottega_engine_thread_get_position (self->engine, self->job);
  self->n_before = MAX (self->n_before, n_before);
  bottega_message_set_waiting (self->answer, n_before);
  bottega_message_set_load_fraction (self->answer,
                                     bottega_engine_thread_get_load_fraction (self->engine));
  /* Once it is our turn and the model is there, the engine's first word is a moment away. */
  loading = n_before == 0 && (loading || self->state == BOTTEGA_CONVERSATION_LOADING);
  bottega_message_set_state (self->answer, loading ? BOTTEGA_MESSAGE_STATE_LOADING
                                                   : BOTTEGA_MESSAGE_STATE_QUEUED);
  bottega_conversation_set_state (self, loading ? BOTTEGA_CONVERSATION_LOADING
                                                : BOTTEGA_CONVERSATION_QUEUED);
}

/* Now, but later than every message there is. */
static gint64
next_us (BottegaConversation *self)
{
  gint64 now_us = g_get_real_time ();

  for (guint i = 0; i < self->items->len; i++) {
    gint64 started_us = bottega_message_get_started_us (g_ptr_array_index (self->items, i));

    now_us = MAX (now_us, started_us + 1);
  }

  return now_us;
}

/* The first words of the first question, cut between words. */
static char *
make_title (const char *text)
{
  g_autofree char *line = g_strdup (text);
  g_autofree char *start = NULL;
  char *space;

  g_strdelimit (line, "\n\r\t", ' ');
  g_strstrip (line);
  if (g_utf8_strlen (line, -1) <= TITLE_CHARACTERS)
    return g_steal_pointer (&line);
  start = g_utf8_substring (line, 0, TITLE_CHARACTERS);
  space = strrchr (start, ' ');
  if (space != NULL && space > start + TITLE_CHARACTERS / 2)
    *space = '\0';

  return g_strconcat (g_strchomp (start), "…", NULL);
}

void
bottega_conversation_ask (BottegaConversation *self, BottegaMessage *question, gboolean refusable)
{
  g_autoptr (BottegaMessage) answer =
      bottega_message_new (NULL, BOTTEGA_MESSAGE_ROLE_ASSISTANT, NULL);
  gint64 now_us = next_us (self);

  bottega_message_set_state (question, BOTTEGA_MESSAGE_STATE_COMPLETE);
  bottega_message_set_started_us (question, now_us);
  bottega_message_set_started_us (answer, now_us + 1);
  bottega_message_set_state (answer, BOTTEGA_MESSAGE_STATE_QUEUED);
  if (*self->title == '\0') {
    g_autofree char *title = make_title (bottega_message_get_text (question));

    bottega_conversation_set_title (self, title);
  }
  bottega_conversation_append (self, question);
  bottega_conversation_append (self, answer);
  self->refusable = refusable;
  self->continues = FALSE;
  begin_answer (self, answer);
}

/* ---- what the person asks for ---- */

gboolean
bottega_conversation_can_ask (BottegaConversation *self, const char *text, GError **error)
{
  g_autofree char *stripped = text != NULL ? g_strstrip (g_strdup (text)) : NULL;
  BottegaEngineState state = bottega_engine_thread_get_state (self->engine);

  if (stripped != NULL && *stripped == '\0') {
    g_set_error_literal (error, BOTTEGA_CONVERSATION_ERROR, BOTTEGA_CONVERSATION_ERROR_EMPTY,
                         _ ("Write a question first."));
    return FALSE;
  }
  if (state == BOTTEGA_ENGINE_NO_MODEL) {
    g_set_error_literal (error, BOTTEGA_CONVERSATION_ERROR, BOTTEGA_CONVERSATION_ERROR_NO_MODEL,
                         _ ("There is no model to answer with. Choose one first."));
    return FALSE;
  }
  if (state == BOTTEGA_ENGINE_FAILED) {
    g_set_error_literal (error, BOTTEGA_CONVERSATION_ERROR, BOTTEGA_CONVERSATION_ERROR_NO_MODEL,
                         bottega_engine_thread_get_error (self->engine));
    return FALSE;
  }

  return TRUE;
}

static gboolean
check_not_busy (BottegaConversation *self, GError **error)
{
  if (!bottega_conversation_get_busy (self) && self->loaded)
    return TRUE;
  g_set_error_literal (error, BOTTEGA_CONVERSATION_ERROR, BOTTEGA_CONVERSATION_ERROR_BUSY,
                       _ ("Wait for the answer to end, or stop it."));

  return FALSE;
}

/* The index of a message of that role in this conversation; -1 and an error otherwise. */
static int
find_message (BottegaConversation *self,
              BottegaMessage *message,
              BottegaMessageRole role,
              GError **error)
{
  int index = bottega_conversation_index_of (self, message);

  if (index >= 0 && bottega_message_get_role (message) == role)
    return index;
  g_set_error_literal (error, BOTTEGA_CONVERSATION_ERROR, BOTTEGA_CONVERSATION_ERROR_INVALID,
                       _ ("This message is no longer in the conversation."));

  return -1;
}

static void
set_scope (BottegaConversation *self,
           BottegaMessage *question,
           const gint64 *documents,
           guint n_documents)
{
  g_autoptr (GString) titles = g_string_new (NULL);

  for (guint i = 0; i < n_documents && self->library != NULL; i++) {
    BottegaDocumentItem *item = bottega_library_find (self->library, documents[i]);

    if (item != NULL)
      g_string_append_printf (titles, "%s%s", titles->len > 0 ? ", " : "",
                              bottega_document_item_get_title (item));
  }
  bottega_message_set_scope (question, documents, n_documents, titles->str);
}

gboolean
bottega_conversation_send (BottegaConversation *self, const char *text, GError **error)
{
  return bottega_conversation_send_scoped (self, text, NULL, 0, error);
}

gboolean
bottega_conversation_send_scoped (BottegaConversation *self,
                                  const char *text,
                                  const gint64 *documents,
                                  guint n_documents,
                                  GError **error)
{
  g_autoptr (BottegaMessage) question = NULL;

  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), FALSE);
  g_return_val_if_fail (text != NULL, FALSE);

  if (!bottega_conversation_can_ask (self, text, error))
    return FALSE;
  question = bottega_message_new (NULL, BOTTEGA_MESSAGE_ROLE_USER, text);
  set_scope (self, question, documents, n_documents);
  if (self->loaded && !bottega_conversation_get_busy (self)) {
    bottega_conversation_ask (self, question, TRUE);
    return TRUE;
  }

  bottega_message_set_state (question, BOTTEGA_MESSAGE_STATE_QUEUED);
  bottega_message_set_started_us (question, next_us (self));
  g_list_store_append (self->queue, question);
  bottega_conversation_put (self, question, NULL, BOTTEGA_STORE_DURABLE, NULL, NULL);
  if (!self->loaded) {
    self->send_when_loaded = TRUE;
    bottega_conversation_load_messages (self);
  }

  return TRUE;
}

void
bottega_conversation_send_queued (BottegaConversation *self)
{
  g_autoptr (BottegaMessage) question = NULL;

  g_return_if_fail (BOTTEGA_IS_CONVERSATION (self));

  if (bottega_conversation_get_busy (self) ||
      !self->loaded ||
      !bottega_conversation_can_ask (self, NULL, NULL))
    return;
  question = g_list_model_get_item (G_LIST_MODEL (self->queue), 0);
  if (question == NULL)
    return;
  g_list_store_remove (self->queue, 0);
  bottega_conversation_ask (self, question, TRUE);
}

void
bottega_conversation_remove_queued (BottegaConversation *self, BottegaMessage *question)
{
  const char *id;
  guint position;

  g_return_if_fail (BOTTEGA_IS_CONVERSATION (self));
  g_return_if_fail (BOTTEGA_IS_MESSAGE (question));

  if (!g_list_store_find (self->queue, question, &position))
    return;
  id = bottega_message_get_id (question);
  bottega_store_supersede (self->store, &id, 1, NULL, NULL);
  g_list_store_remove (self->queue, position);
}

void
bottega_conversation_stop (BottegaConversation *self)
{
  g_return_if_fail (BOTTEGA_IS_CONVERSATION (self));

  if (!bottega_conversation_get_busy (self) || self->state == BOTTEGA_CONVERSATION_STOPPING)
    return;
  bottega_conversation_set_state (self, BOTTEGA_CONVERSATION_STOPPING);
  g_cancellable_cancel (self->searching);
  if (self->job != 0)
    bottega_engine_thread_cancel (self->engine, self->job);
}

void
bottega_conversation_interrupt (BottegaConversation *self)
{
  if (self->answer == NULL)
    return;
  g_cancellable_cancel (self->searching);
  if (self->job != 0)
    bottega_engine_thread_abandon (self->engine, self->job);
  if (self->state != BOTTEGA_CONVERSATION_STOPPING)
    bottega_conversation_set_state (self, BOTTEGA_CONVERSATION_STOPPING);
  bottega_conversation_end_answer (self, BOTTEGA_MESSAGE_STATE_INTERRUPTED, NULL, NULL);
}

gboolean
bottega_conversation_regenerate (BottegaConversation *self, BottegaMessage *answer, GError **error)
{
  g_autoptr (BottegaMessage) fresh = NULL;
  int index;

  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), FALSE);
  g_return_val_if_fail (BOTTEGA_IS_MESSAGE (answer), FALSE);

  index = find_message (self, answer, BOTTEGA_MESSAGE_ROLE_ASSISTANT, error);
  if (index < 0 ||
      !check_not_busy (self, error) ||
      !bottega_conversation_can_ask (self, NULL, error))
    return FALSE;

  bottega_conversation_truncate (self, (guint) index);
  fresh = bottega_message_new (NULL, BOTTEGA_MESSAGE_ROLE_ASSISTANT, NULL);
  bottega_message_set_started_us (fresh, next_us (self));
  bottega_message_set_state (fresh, BOTTEGA_MESSAGE_STATE_QUEUED);
  bottega_conversation_append (self, fresh);
  self->refusable = self->continues = FALSE;
  begin_answer (self, fresh);

  return TRUE;
}

gboolean
bottega_conversation_edit_and_resend (BottegaConversation *self,
                                      BottegaMessage *question,
                                      const char *text,
                                      GError **error)
{
  g_autoptr (BottegaMessage) fresh = NULL;
  const gint64 *scope;
  guint n_scope;
  int index;

  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), FALSE);
  g_return_val_if_fail (BOTTEGA_IS_MESSAGE (question) && text != NULL, FALSE);

  index = find_message (self, question, BOTTEGA_MESSAGE_ROLE_USER, error);
  if (index < 0 ||
      !check_not_busy (self, error) ||
      !bottega_conversation_can_ask (self, text, error))
    return FALSE;

  fresh = bottega_message_new (NULL, BOTTEGA_MESSAGE_ROLE_USER, text);
  scope = bottega_message_get_scope (question, &n_scope);
  bottega_message_set_scope (fresh, scope, n_scope, bottega_message_get_scope_text (question));
  bottega_conversation_truncate (self, (guint) index);
  /* Not refusable: what it replaces has gone already, so that a text that is too long stays and can
   * be edited. */
  bottega_conversation_ask (self, fresh, FALSE);

  return TRUE;
}

gboolean
bottega_conversation_can_continue (BottegaConversation *self, BottegaMessage *answer)
{
  const EngineStats *stats;
  BottegaMessageState state;

  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), FALSE);
  g_return_val_if_fail (BOTTEGA_IS_MESSAGE (answer), FALSE);

  state = bottega_message_get_state (answer);
  stats = bottega_message_get_stats (answer);
  if (bottega_conversation_get_busy (self) ||
      self->items->len == 0 ||
      g_ptr_array_index (self->items, self->items->len - 1) != answer ||
      bottega_message_get_role (answer) != BOTTEGA_MESSAGE_ROLE_ASSISTANT ||
      bottega_message_get_text_bytes (answer) == 0)
    return FALSE;

  return state != BOTTEGA_MESSAGE_STATE_COMPLETE ||
         (stats != NULL &&
          (stats->stop == ENGINE_STOP_MAX_TOKENS || stats->stop == ENGINE_STOP_CONTEXT));
}

gboolean
bottega_conversation_continue (BottegaConversation *self, BottegaMessage *answer, GError **error)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), FALSE);
  g_return_val_if_fail (BOTTEGA_IS_MESSAGE (answer), FALSE);

  if (find_message (self, answer, BOTTEGA_MESSAGE_ROLE_ASSISTANT, error) < 0 ||
      !check_not_busy (self, error) ||
      !bottega_conversation_can_ask (self, NULL, error))
    return FALSE;
  if (!bottega_conversation_can_continue (self, answer)) {
    g_set_error_literal (error, BOTTEGA_CONVERSATION_ERROR, BOTTEGA_CONVERSATION_ERROR_INVALID,
                         _ ("Only the last answer can go on, and only when it was cut."));
    return FALSE;
  }
  self->refusable = FALSE;
  self->continues = TRUE;
  begin_answer (self, answer);

  return TRUE;
}

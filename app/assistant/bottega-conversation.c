/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The conversation as an object: its messages as a list model, its properties, its state table, its
 * rows in the store. How an answer comes about is in bottega-conversation-answer.c. */
#define G_LOG_DOMAIN "bottega-conversation"
#include "config.h"

#include "app/assistant/bottega-conversation-private.h"
#include "app/assistant/bottega-kept-files.h"

#include <glib/gi18n-lib.h>
#include <string.h>

G_DEFINE_QUARK (bottega-conversation-error-quark, bottega_conversation_error)

G_DEFINE_ENUM_TYPE (BottegaConversationState, bottega_conversation_state,
                    G_DEFINE_ENUM_VALUE (BOTTEGA_CONVERSATION_IDLE, "idle"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_CONVERSATION_QUEUED, "queued"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_CONVERSATION_SEARCHING, "searching"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_CONVERSATION_LOADING, "loading"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_CONVERSATION_READING, "reading"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_CONVERSATION_WRITING, "writing"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_CONVERSATION_STOPPING, "stopping"),
                    G_DEFINE_ENUM_VALUE (BOTTEGA_CONVERSATION_FAILED, "failed"))

/* Every way that a conversation can go, once. */
static const struct {
  BottegaConversationState from, to;
} transitions[] = {
#define EDGE(from, to) { BOTTEGA_CONVERSATION_##from, BOTTEGA_CONVERSATION_##to }
  EDGE (IDLE, QUEUED),      /* a question was sent */
  EDGE (FAILED, QUEUED),    /* likewise, after a failure */
  EDGE (QUEUED, SEARCHING), /* the question is on disk, and there are documents */
  EDGE (SEARCHING, QUEUED), /* passages or not: the engine has it */
  EDGE (SEARCHING, IDLE),   /* the documents have no answer, and nothing else may be said */
  EDGE (SEARCHING, STOPPING),
  EDGE (SEARCHING, FAILED),
  EDGE (QUEUED, LOADING), /* it is our turn, but the model is not there yet */
  EDGE (LOADING, QUEUED), /* the model is there, but so is another answer */
  EDGE (QUEUED, READING), /* the engine has begun */
  EDGE (LOADING, READING),
  EDGE (READING, WRITING), /* the first token */
  EDGE (READING, IDLE),    /* ended without a word */
  EDGE (WRITING, IDLE),    /* ended */
  EDGE (WRITING, QUEUED),  /* the device has failed: it goes on from there on another */
  EDGE (QUEUED, IDLE),     /* refused: too long */
  EDGE (LOADING, IDLE),
  EDGE (QUEUED, STOPPING), /* the person asked to stop */
  EDGE (LOADING, STOPPING),
  EDGE (READING, STOPPING),
  EDGE (WRITING, STOPPING),
  EDGE (STOPPING, IDLE),
  EDGE (QUEUED, FAILED),
  EDGE (LOADING, FAILED),
  EDGE (READING, FAILED),
  EDGE (WRITING, FAILED),
  EDGE (STOPPING, FAILED), /* it failed before it could stop */
#undef EDGE
};

static GParamSpec *properties[BOTTEGA_CONVERSATION_N_PROPS];

static void list_model_iface_init (GListModelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BottegaConversation, bottega_conversation, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_iface_init))

gboolean
bottega_conversation_state_may (BottegaConversationState from, BottegaConversationState to)
{
  for (guint i = 0; i < G_N_ELEMENTS (transitions); i++)
    if (transitions[i].from == from && transitions[i].to == to)
      return TRUE;

  return FALSE;
}

/* ---- GListModel ---- */

static GType
conversation_get_item_type (GListModel *model)
{
  return BOTTEGA_TYPE_MESSAGE;
}

static guint
conversation_get_n_items (GListModel *model)
{
  return BOTTEGA_CONVERSATION (model)->items->len;
}

static gpointer
conversation_get_item (GListModel *model, guint position)
{
  BottegaConversation *self = BOTTEGA_CONVERSATION (model);

  if (position >= self->items->len)
    return NULL;

  return g_object_ref (g_ptr_array_index (self->items, position));
}

static void
list_model_iface_init (GListModelInterface *iface)
{
  iface->get_item_type = conversation_get_item_type;
  iface->get_n_items = conversation_get_n_items;
  iface->get_item = conversation_get_item;
}

/* ---- GObject ---- */

static const char *
get_string (BottegaConversation *self, guint id)
{
  switch (id) {
  case BOTTEGA_CONVERSATION_PROP_ID:
    return self->id;
  case BOTTEGA_CONVERSATION_PROP_TITLE:
    return self->title;
  case BOTTEGA_CONVERSATION_PROP_ERROR:
    return self->error;
  default:
    return bottega_conversation_get_recap (self, NULL);
  }
}

static void
bottega_conversation_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  BottegaConversation *self = BOTTEGA_CONVERSATION (object);
  guint size = bottega_conversation_get_context_size (self);

  switch (id) {
  case BOTTEGA_CONVERSATION_PROP_UPDATED_US:
    g_value_set_int64 (value, self->updated_us);
    break;
  case BOTTEGA_CONVERSATION_PROP_STATE:
    g_value_set_enum (value, self->state);
    break;
  case BOTTEGA_CONVERSATION_PROP_BUSY:
    g_value_set_boolean (value, bottega_conversation_get_busy (self));
    break;
  case BOTTEGA_CONVERSATION_PROP_LOADED:
    g_value_set_boolean (value, self->loaded);
    break;
  case BOTTEGA_CONVERSATION_PROP_EMPTY:
    g_value_set_boolean (value, bottega_conversation_get_empty (self));
    break;
  case BOTTEGA_CONVERSATION_PROP_QUEUE:
    g_value_set_object (value, self->queue);
    break;
  case BOTTEGA_CONVERSATION_PROP_CONTEXT_USED:
    g_value_set_uint (value, self->context_used);
    break;
  case BOTTEGA_CONVERSATION_PROP_CONTEXT_SIZE:
    g_value_set_uint (value, size);
    break;
  case BOTTEGA_CONVERSATION_PROP_CONTEXT_FRACTION:
    g_value_set_double (value, size > 0 ? MIN (1.0, (double) self->context_used / size) : 0);
    break;
  case BOTTEGA_CONVERSATION_PROP_DROPPED_TURNS:
    g_value_set_uint (value, self->dropped_turns);
    break;
  case BOTTEGA_CONVERSATION_PROP_FIRST_INCLUDED:
    g_value_set_object (value, bottega_conversation_get_first_included (self));
    break;
  case BOTTEGA_CONVERSATION_PROP_ONLY_DOCUMENTS:
    g_value_set_boolean (value, self->only_documents);
    break;
  case BOTTEGA_CONVERSATION_PROP_PINNED:
    g_value_set_uint (value, self->pinned->len);
    break;
  case BOTTEGA_CONVERSATION_PROP_ID:
  case BOTTEGA_CONVERSATION_PROP_TITLE:
  case BOTTEGA_CONVERSATION_PROP_ERROR:
  case BOTTEGA_CONVERSATION_PROP_RECAP:
    g_value_set_string (value, get_string (self, id));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
bottega_conversation_set_property (GObject *object, guint id, const GValue *value,
                                   GParamSpec *pspec)
{
  switch (id) {
  case BOTTEGA_CONVERSATION_PROP_TITLE:
    bottega_conversation_set_title (BOTTEGA_CONVERSATION (object), g_value_get_string (value));
    break;
  case BOTTEGA_CONVERSATION_PROP_ONLY_DOCUMENTS:
    bottega_conversation_set_only_documents (BOTTEGA_CONVERSATION (object),
                                             g_value_get_boolean (value));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
bottega_conversation_finalize (GObject *object)
{
  BottegaConversation *self = BOTTEGA_CONVERSATION (object);

  g_clear_handle_id (&self->flush_source, g_source_remove);
  g_free (self->id);
  g_free (self->title);
  g_free (self->error);
  g_free (self->first_included);
  g_ptr_array_unref (self->items);
  g_clear_object (&self->queue);
  g_clear_object (&self->answer);
  g_clear_object (&self->question);
  g_clear_object (&self->store);
  g_clear_object (&self->engine);
  g_clear_object (&self->settings);
  g_clear_object (&self->library);
  g_clear_object (&self->searching);
  g_clear_pointer (&self->summary, bottega_summary_free);
  g_clear_pointer (&self->recap, bottega_recap_free);
  g_clear_pointer (&self->next_recap, bottega_recap_free);
  g_clear_pointer (&self->recap_job, bottega_recap_job_free);
  g_free (self->recap_failed);
  g_clear_pointer (&self->citations, bottega_citations_free);
  g_array_unref (self->pinned);
  g_ptr_array_unref (self->pinned_titles);
  g_free (self->pins_note);
  g_free (self->pins_text);
  g_free (self->pins_path);

  G_OBJECT_CLASS (bottega_conversation_parent_class)->finalize (object);
}

static void
install_properties (GObjectClass *object_class)
{
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

#define PROP(name) properties[BOTTEGA_CONVERSATION_PROP_##name]
  PROP (ID) = g_param_spec_string ("id", NULL, NULL, NULL, flags);
  PROP (TITLE) = g_param_spec_string ("title", NULL, NULL, "", flags | G_PARAM_WRITABLE);
  PROP (UPDATED_US) = g_param_spec_int64 ("updated-us", NULL, NULL, 0, G_MAXINT64, 0, flags);
  PROP (STATE) = g_param_spec_enum ("state", NULL, NULL, BOTTEGA_TYPE_CONVERSATION_STATE,
                                    BOTTEGA_CONVERSATION_IDLE, flags);
  PROP (BUSY) = g_param_spec_boolean ("busy", NULL, NULL, FALSE, flags);
  PROP (LOADED) = g_param_spec_boolean ("loaded", NULL, NULL, FALSE, flags);
  PROP (EMPTY) = g_param_spec_boolean ("empty", NULL, NULL, TRUE, flags);
  PROP (ERROR) = g_param_spec_string ("error", NULL, NULL, NULL, flags);
  PROP (QUEUE) = g_param_spec_object ("queue", NULL, NULL, G_TYPE_LIST_MODEL, flags);
  PROP (CONTEXT_USED) = g_param_spec_uint ("context-used", NULL, NULL, 0, G_MAXUINT, 0, flags);
  PROP (CONTEXT_SIZE) = g_param_spec_uint ("context-size", NULL, NULL, 0, G_MAXUINT, 0, flags);
  PROP (CONTEXT_FRACTION) = g_param_spec_double ("context-fraction", NULL, NULL, 0, 1, 0, flags);
  PROP (DROPPED_TURNS) = g_param_spec_uint ("dropped-turns", NULL, NULL, 0, G_MAXUINT, 0, flags);
  PROP (FIRST_INCLUDED) =
      g_param_spec_object ("first-included", NULL, NULL, BOTTEGA_TYPE_MESSAGE, flags);
  PROP (ONLY_DOCUMENTS) =
      g_param_spec_boolean ("only-documents", NULL, NULL, FALSE, flags | G_PARAM_WRITABLE);
  PROP (PINNED) = g_param_spec_uint ("pinned", NULL, NULL, 0, G_MAXUINT, 0, flags);
  PROP (RECAP) = g_param_spec_string ("recap", NULL, NULL, NULL, flags);
#undef PROP
  g_object_class_install_properties (object_class, BOTTEGA_CONVERSATION_N_PROPS, properties);
}

static void
bottega_conversation_class_init (BottegaConversationClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = bottega_conversation_finalize;
  object_class->get_property = bottega_conversation_get_property;
  object_class->set_property = bottega_conversation_set_property;
  install_properties (object_class);

  g_signal_new ("refused", BOTTEGA_TYPE_CONVERSATION, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_STRING);
  g_signal_new ("finished", BOTTEGA_TYPE_CONVERSATION, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                G_TYPE_NONE, 1, BOTTEGA_TYPE_MESSAGE);
}

static void
bottega_conversation_init (BottegaConversation *self)
{
  self->items = g_ptr_array_new_with_free_func (g_object_unref);
  self->queue = g_list_store_new (BOTTEGA_TYPE_MESSAGE);
  self->pinned = g_array_new (FALSE, FALSE, sizeof (gint64));
  self->pinned_titles = g_ptr_array_new_with_free_func (g_free);
}

BottegaConversation *
bottega_conversation_new (BottegaStore *store,
                          BottegaEngineThread *engine,
                          BottegaSettings *settings,
                          BottegaLibrary *library,
                          const BottegaStoreConversation *row)
{
  BottegaConversation *self = g_object_new (BOTTEGA_TYPE_CONVERSATION, NULL);

  self->store = g_object_ref (store);
  self->engine = g_object_ref (engine);
  self->settings = g_object_ref (settings);
  g_set_object (&self->library, library);
  if (row != NULL) {
    self->id = g_strdup (row->id);
    self->title = g_strdup (row->title);
    self->first_included = g_strdup (row->first_message);
    self->created_us = row->created_us;
    self->updated_us = row->updated_us;
    self->only_documents = row->only_documents;
    bottega_conversation_set_pins (self, row->pinned);
    bottega_conversation_set_recaps (self, row->recaps);
    self->stored = TRUE;
  } else {
    self->id = g_uuid_string_random ();
    self->title = g_strdup ("");
    self->created_us = self->updated_us = g_get_real_time ();
    self->only_documents = bottega_settings_get_only_documents (settings);
    self->loaded = TRUE;
  }

  return self;
}

/* ---- what changes it ---- */

void
bottega_conversation_notify (BottegaConversation *self, guint property)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[property]);
}

gboolean
bottega_conversation_set_state (BottegaConversation *self, BottegaConversationState state)
{
  gboolean was_busy = bottega_conversation_get_busy (self);

  if (self->state == state)
    return TRUE;
  if (!bottega_conversation_state_may (self->state, state)) {
    g_warning ("A conversation cannot go from state %d to %d", (int) self->state, (int) state);
    return FALSE;
  }
  self->state = state;
  bottega_conversation_notify (self, BOTTEGA_CONVERSATION_PROP_STATE);
  if (was_busy != bottega_conversation_get_busy (self))
    bottega_conversation_notify (self, BOTTEGA_CONVERSATION_PROP_BUSY);

  return TRUE;
}

void
bottega_conversation_set_error (BottegaConversation *self, const char *sentence)
{
  if (g_set_str (&self->error, sentence))
    bottega_conversation_notify (self, BOTTEGA_CONVERSATION_PROP_ERROR);
}

void
bottega_conversation_set_context_used (BottegaConversation *self, guint tokens)
{
  if (self->context_used == tokens)
    return;
  self->context_used = tokens;
  bottega_conversation_notify (self, BOTTEGA_CONVERSATION_PROP_CONTEXT_USED);
  bottega_conversation_notify (self, BOTTEGA_CONVERSATION_PROP_CONTEXT_FRACTION);
}

void
bottega_conversation_set_context_read (BottegaConversation *self, const BottegaPromptFit *fit)
{
  memcpy (self->context_of, fit->tokens_of, sizeof self->context_of);
  self->earlier_turns = fit->earlier_turns;
  bottega_conversation_set_context_used (self, fit->prompt_tokens);
}

void
bottega_conversation_set_first_included (BottegaConversation *self, const char *id)
{
  guint first = 0, dropped = 0;

  /* An id that is not there (any more) means that all is read. */
  for (guint i = 0; i < self->items->len && id != NULL && first == 0; i++)
    if (strcmp (bottega_message_get_id (g_ptr_array_index (self->items, i)), id) == 0)
      first = i;
  for (guint i = 0; i < self->items->len; i++) {
    BottegaMessage *message = g_ptr_array_index (self->items, i);

    bottega_message_set_included (message, i >= first);
    dropped += i < first && bottega_message_get_role (message) == BOTTEGA_MESSAGE_ROLE_USER;
  }
  g_set_str (&self->first_included, first > 0 ? id : NULL);
  self->dropped_turns = dropped;
  bottega_conversation_notify (self, BOTTEGA_CONVERSATION_PROP_DROPPED_TURNS);
  bottega_conversation_notify (self, BOTTEGA_CONVERSATION_PROP_FIRST_INCLUDED);
}

/* After n_removed messages at position became n_added. */
static void
items_changed (BottegaConversation *self, guint position, guint n_removed, guint n_added)
{
  gboolean was_empty = self->items->len + n_removed - n_added == 0;

  g_list_model_items_changed (G_LIST_MODEL (self), position, n_removed, n_added);
  if (was_empty != (self->items->len == 0))
    bottega_conversation_notify (self, BOTTEGA_CONVERSATION_PROP_EMPTY);
}

void
bottega_conversation_append (BottegaConversation *self, BottegaMessage *message)
{
  g_ptr_array_add (self->items, g_object_ref (message));
  items_changed (self, self->items->len - 1, 0, 1);
}

void
bottega_conversation_truncate (BottegaConversation *self, guint index)
{
  guint n = self->items->len - index;
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);

  if (index >= self->items->len)
    return;
  for (guint i = index; i < self->items->len; i++)
    g_ptr_array_add (ids,
                     g_strdup (bottega_message_get_id (g_ptr_array_index (self->items, i))));
  bottega_store_supersede (self->store, (const char *const *) ids->pdata, ids->len, NULL, NULL);

  g_ptr_array_set_size (self->items, (int) index);
  items_changed (self, index, n, 0);
  bottega_conversation_set_first_included (self, self->first_included);
  bottega_conversation_check_recaps (self);
}

int
bottega_conversation_index_of (BottegaConversation *self, BottegaMessage *message)
{
  guint index;

  return g_ptr_array_find (self->items, message, &index) ? (int) index : -1;
}

/* ---- the store ---- */

/* The id of the message before this one in the list, or of the last one; NULL: none. */
static const char *
parent_of (BottegaConversation *self, BottegaMessage *message)
{
  int index = bottega_conversation_index_of (self, message);

  if (index < 0)
    index = (int) self->items->len;

  return index > 0 ? bottega_message_get_id (g_ptr_array_index (self->items, index - 1)) : NULL;
}

void
bottega_conversation_put (BottegaConversation *self,
                          BottegaMessage *first,
                          BottegaMessage *second,
                          BottegaStoreDurability durability,
                          BottegaStoreDone done,
                          gpointer user_data)
{
  g_autofree char *pinned = bottega_conversation_pins_to_json (self);
  g_autofree char *recaps = bottega_conversation_recaps_to_json (self);
  const BottegaStoreConversation row = { self->id, self->title, self->first_included,
                                         self->created_us, self->updated_us,
                                         self->only_documents, pinned, recaps };
  BottegaMessage *const messages[] = { first, second };
  g_autoptr (GPtrArray) rows =
      g_ptr_array_new_with_free_func ((GDestroyNotify) bottega_store_message_free);

  if (self->purged)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (messages); i++)
    if (messages[i] != NULL)
      g_ptr_array_add (rows, bottega_message_to_row (messages[i], self->id,
                                                     parent_of (self, messages[i])));
  self->stored = TRUE;
  bottega_store_put (self->store, &row, (const BottegaStoreMessage *const *) rows->pdata, rows->len,
                     durability, done, user_data);
}

/* The last thing known about how full the context is. */
static guint
last_context_used (BottegaConversation *self)
{
  for (guint i = self->items->len; i > 0; i--) {
    const EngineStats *stats =
        bottega_message_get_stats (g_ptr_array_index (self->items, i - 1));

    if (stats != NULL)
      return stats->prompt_tokens + stats->written_tokens;
  }

  return 0;
}

static gboolean
is_in_queue (BottegaConversation *self, const char *id)
{
  GListModel *queue = G_LIST_MODEL (self->queue);

  for (guint i = 0; i < g_list_model_get_n_items (queue); i++) {
    g_autoptr (BottegaMessage) message = g_list_model_get_item (queue, i);

    if (strcmp (bottega_message_get_id (message), id) == 0)
      return TRUE;
  }

  return FALSE;
}

static void
on_messages (GPtrArray *rows, const GError *error, gpointer user_data)
{
  g_autoptr (BottegaConversation) self = user_data;

  self->loading = FALSE;
  if (rows == NULL) {
    bottega_conversation_set_error (self, error->message);
    return;
  }
  for (guint i = 0; i < rows->len; i++) {
    const BottegaStoreMessage *row = g_ptr_array_index (rows, i);
    g_autoptr (BottegaMessage) message = NULL;

    /* Sent while we were loading: it is in the queue and in the store already. */
    if (is_in_queue (self, row->id))
      continue;
    message = bottega_message_new_from_row (row);
    if (bottega_message_get_state (message) == BOTTEGA_MESSAGE_STATE_QUEUED)
      g_list_store_append (self->queue, message);
    else
      g_ptr_array_add (self->items, g_object_ref (message));
  }
  self->loaded = TRUE;
  bottega_conversation_set_first_included (self, self->first_included);
  bottega_conversation_check_recaps (self);
  if (self->items->len > 0)
    items_changed (self, 0, 0, self->items->len);
  bottega_conversation_set_context_used (self, last_context_used (self));
  bottega_conversation_notify (self, BOTTEGA_CONVERSATION_PROP_LOADED);
  bottega_conversation_notify (self, BOTTEGA_CONVERSATION_PROP_EMPTY);
  if (self->send_when_loaded)
    bottega_conversation_send_queued (self);
}

char *
bottega_conversation_dup_kept_path (BottegaConversation *self)
{
  const char *store = bottega_store_get_path (self->store);

  return store != NULL && !self->purged ? bottega_kept_files_get_path (store, self->id) : NULL;
}

void
bottega_conversation_enter (BottegaConversation *self)
{
  g_autofree char *path = NULL;

  g_return_if_fail (BOTTEGA_IS_CONVERSATION (self));

  path = bottega_conversation_dup_kept_path (self);
  bottega_engine_thread_set_shown (self->engine, path);
  bottega_conversation_load_messages (self);
}

void
bottega_conversation_leave (BottegaConversation *self)
{
  g_autofree char *path = NULL;

  g_return_if_fail (BOTTEGA_IS_CONVERSATION (self));

  path = bottega_conversation_dup_kept_path (self);
  if (path != NULL && self->stored)
    bottega_engine_thread_keep (self->engine, path);
}

void
bottega_conversation_load_messages (BottegaConversation *self)
{
  g_return_if_fail (BOTTEGA_IS_CONVERSATION (self));

  bottega_conversation_watch_engine (self);
  if (self->loaded || self->loading)
    return;
  self->loading = TRUE;
  bottega_store_list_messages (self->store, self->id, on_messages, g_object_ref (self));
}

void
bottega_conversation_set_purged (BottegaConversation *self)
{
  self->purged = TRUE;
  g_clear_pointer (&self->recap_job, bottega_recap_job_free);
}

/* ---- the engine ---- */

static void
on_engine_size (BottegaConversation *self)
{
  bottega_conversation_notify (self, BOTTEGA_CONVERSATION_PROP_CONTEXT_SIZE);
  bottega_conversation_notify (self, BOTTEGA_CONVERSATION_PROP_CONTEXT_FRACTION);
}

/* Only conversations that have been shown listen: there may be thousands of others. */
void
bottega_conversation_watch_engine (BottegaConversation *self)
{
  static const char *const phases[] = { "notify::state", "notify::load-fraction",
                                        "notify::waiting" };

  if (self->watching)
    return;
  self->watching = TRUE;
  g_signal_connect_object (self->engine, "notify::context-size", G_CALLBACK (on_engine_size), self,
                           G_CONNECT_SWAPPED);
  for (guint i = 0; i < G_N_ELEMENTS (phases); i++)
    g_signal_connect_object (self->engine, phases[i],
                             G_CALLBACK (bottega_conversation_update_phase), self,
                             G_CONNECT_SWAPPED);
}

/* ---- public getters and setters ---- */

const char *
bottega_conversation_get_id (BottegaConversation *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), NULL);

  return self->id;
}

const char *
bottega_conversation_get_title (BottegaConversation *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), NULL);

  return self->title;
}

void
bottega_conversation_set_title (BottegaConversation *self, const char *title)
{
  g_autofree char *stripped = NULL;

  g_return_if_fail (BOTTEGA_IS_CONVERSATION (self));

  stripped = g_strstrip (g_strdup (title != NULL ? title : ""));
  if (*stripped == '\0' || !g_set_str (&self->title, stripped))
    return;
  bottega_conversation_notify (self, BOTTEGA_CONVERSATION_PROP_TITLE);
  if (self->stored)
    bottega_conversation_put (self, NULL, NULL, BOTTEGA_STORE_DURABLE, NULL, NULL);
}

gboolean
bottega_conversation_get_only_documents (BottegaConversation *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), FALSE);

  return self->only_documents;
}

void
bottega_conversation_set_only_documents (BottegaConversation *self, gboolean only_documents)
{
  g_return_if_fail (BOTTEGA_IS_CONVERSATION (self));

  if (self->only_documents == !!only_documents)
    return;
  self->only_documents = !!only_documents;
  bottega_conversation_notify (self, BOTTEGA_CONVERSATION_PROP_ONLY_DOCUMENTS);
  if (self->stored)
    bottega_conversation_put (self, NULL, NULL, BOTTEGA_STORE_DURABLE, NULL, NULL);
}

gint64
bottega_conversation_get_updated_us (BottegaConversation *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), 0);

  return self->updated_us;
}

BottegaConversationState
bottega_conversation_get_state (BottegaConversation *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), BOTTEGA_CONVERSATION_IDLE);

  return self->state;
}

gboolean
bottega_conversation_get_busy (BottegaConversation *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), FALSE);

  return self->state != BOTTEGA_CONVERSATION_IDLE && self->state != BOTTEGA_CONVERSATION_FAILED;
}

gboolean
bottega_conversation_get_loaded (BottegaConversation *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), FALSE);

  return self->loaded;
}

gboolean
bottega_conversation_get_empty (BottegaConversation *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), TRUE);

  return self->loaded && self->items->len == 0;
}

const char *
bottega_conversation_get_error (BottegaConversation *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), NULL);

  return self->error;
}

GListModel *
bottega_conversation_get_queue (BottegaConversation *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), NULL);

  return G_LIST_MODEL (self->queue);
}

guint
bottega_conversation_get_context_used (BottegaConversation *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), 0);

  return self->context_used;
}

const guint *
bottega_conversation_get_context_of (BottegaConversation *self, guint *earlier_turns)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), NULL);

  if (earlier_turns != NULL)
    *earlier_turns = self->earlier_turns;
  return self->context_of;
}

guint
bottega_conversation_get_context_size (BottegaConversation *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), 0);

  return bottega_engine_thread_get_context_size (self->engine);
}

guint
bottega_conversation_get_dropped_turns (BottegaConversation *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), 0);

  return self->dropped_turns;
}

BottegaMessage *
bottega_conversation_get_first_included (BottegaConversation *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), NULL);

  if (self->first_included == NULL)
    return NULL;
  for (guint i = 0; i < self->items->len; i++) {
    BottegaMessage *message = g_ptr_array_index (self->items, i);

    if (bottega_message_get_included (message))
      return message;
  }

  return NULL;
}

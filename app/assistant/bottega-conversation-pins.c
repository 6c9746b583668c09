/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The documents that are pinned in a conversation: which they are, whether one more fits, and their
 * texts, which are read from the store before each answer, so that the model has the present ones.
 * It must not know how a model reads them once, nor where that is kept. */
#define G_LOG_DOMAIN "bottega-conversation-pins"
#include "config.h"

#include "app/assistant/bottega-conversation-private.h"
#include "app/assistant/bottega-grounding.h"
#include "app/assistant/bottega-kept-files.h"

#include <glib/gi18n-lib.h>
#include <json-glib/json-glib.h>
#include <string.h>

/* A whole document is one part. */
#define PART_BYTES (G_MAXUINT / 2)

/* ---- in the store ---- */

void
bottega_conversation_set_pins (BottegaConversation *self, const char *json)
{
  g_autoptr (JsonNode) root = json != NULL ? json_from_string (json, NULL) : NULL;
  JsonArray *array =
      root != NULL && JSON_NODE_HOLDS_ARRAY (root) ? json_node_get_array (root) : NULL;

  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++) {
    JsonNode *node = json_array_get_element (array, i);
    gint64 id = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_int (node) : 0;

    if (id > 0 && !bottega_conversation_is_pinned (self, id)) {
      g_array_append_val (self->pinned, id);
      g_ptr_array_add (self->pinned_titles, NULL);
    }
  }
}

char *
bottega_conversation_pins_to_json (BottegaConversation *self)
{
  GString *json;

  if (self->pinned->len == 0)
    return NULL;
  json = g_string_new ("[");
  for (guint i = 0; i < self->pinned->len; i++)
    g_string_append_printf (json, "%s%" G_GINT64_FORMAT, i > 0 ? "," : "",
                            g_array_index (self->pinned, gint64, i));

  return g_string_free (g_string_append_c (json, ']'), FALSE);
}

/* ---- which ---- */

const gint64 *
bottega_conversation_get_pinned (BottegaConversation *self, guint *n)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), NULL);

  *n = self->pinned->len;

  return (const gint64 *) (const void *) self->pinned->data;
}

static gboolean
find_pin (BottegaConversation *self, gint64 document, guint *index)
{
  for (guint i = 0; i < self->pinned->len; i++)
    if (g_array_index (self->pinned, gint64, i) == document) {
      *index = i;
      return TRUE;
    }

  return FALSE;
}

gboolean
bottega_conversation_is_pinned (BottegaConversation *self, gint64 document)
{
  guint index;

  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), FALSE);

  return find_pin (self, document, &index);
}

static BottegaDocumentItem *
find_item (BottegaConversation *self, gint64 document)
{
  return self->library != NULL ? bottega_library_find (self->library, document) : NULL;
}

/* Why a document cannot be read; NULL: it can. */
static char *
why_not (BottegaDocumentItem *item)
{
  const char *title = bottega_document_item_get_title (item);

  switch (bottega_document_item_get_state (item)) {
  case BOTTEGA_DOCUMENT_WAITING:
    return g_strdup_printf (_ ("“%s” is still being read. Pin it when it is ready."), title);
  case BOTTEGA_DOCUMENT_FAILED:
    return g_strdup_printf (_ ("“%s” could not be read: the library says why."), title);
  case BOTTEGA_DOCUMENT_GONE:
    return g_strdup_printf (_ ("The file of “%s” is not there at the moment."), title);
  default:
    if (bottega_document_item_get_tokens (item) == 0)
      return g_strdup_printf (_ ("There is no text in “%s”."), title);
    return NULL;
  }
}

/* A quarter of the context is for the talk, and an answer must have room. */
static guint
most_tokens (BottegaConversation *self, guint context)
{
  return context - context / 4 -
         MIN ((guint) bottega_settings_get_max_answer_tokens (self->settings), context / 4);
}

static gboolean
check_room (BottegaConversation *self, BottegaDocumentItem *item, GError **error)
{
  guint context = bottega_engine_thread_get_context_size (self->engine);
  guint room = context > 0 ? most_tokens (self, context) : G_MAXUINT;
  guint tokens = bottega_document_item_get_tokens (item);

  for (guint i = 0; i < self->pinned->len && context > 0; i++) {
    BottegaDocumentItem *other = find_item (self, g_array_index (self->pinned, gint64, i));

    room -= MIN (room, other != NULL ? bottega_document_item_get_tokens (other) : 0);
  }
  if (tokens <= room)
    return TRUE;
  g_set_error (error, BOTTEGA_CONVERSATION_ERROR, BOTTEGA_CONVERSATION_ERROR_TOO_LONG,
               /* Translators: all numbers are tokens. */
               _ ("“%s” makes about %'u tokens. Of the %'u that the model can hold, %'u are left "
                  "for pinned documents. Choose a longer context, or ask without pinning it."),
               bottega_document_item_get_title (item), tokens, context, room);

  return FALSE;
}

/* Only a row that is there is written: a conversation begins with its first question. */
static void
pins_changed (BottegaConversation *self)
{
  if (self->stored)
    bottega_conversation_put (self, NULL, NULL, BOTTEGA_STORE_DURABLE, NULL, NULL);
  bottega_conversation_notify (self, BOTTEGA_CONVERSATION_PROP_PINNED);
}

gboolean
bottega_conversation_pin (BottegaConversation *self, gint64 document, GError **error)
{
  BottegaDocumentItem *item;
  g_autofree char *why = NULL;

  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (self), FALSE);

  if (bottega_conversation_is_pinned (self, document))
    return TRUE;
  item = find_item (self, document);
  why = item != NULL ? why_not (item) : g_strdup (_ ("This document is not in the library."));
  if (why != NULL) {
    g_set_error_literal (error, BOTTEGA_CONVERSATION_ERROR, BOTTEGA_CONVERSATION_ERROR_INVALID,
                         why);
    return FALSE;
  }
  if (!check_room (self, item, error))
    return FALSE;
  g_array_append_val (self->pinned, document);
  g_ptr_array_add (self->pinned_titles, g_strdup (bottega_document_item_get_title (item)));
  pins_changed (self);

  return TRUE;
}

void
bottega_conversation_unpin (BottegaConversation *self, gint64 document)
{
  g_autofree char *path = NULL;
  guint index;

  g_return_if_fail (BOTTEGA_IS_CONVERSATION (self));

  if (!find_pin (self, document, &index))
    return;
  g_array_remove_index (self->pinned, index);
  g_ptr_array_remove_index (self->pinned_titles, index);
  /* What is kept of the conversation begins with that document: it is of no use any more. */
  path = bottega_conversation_dup_kept_path (self);
  if (path != NULL && self->stored)
    bottega_engine_thread_forget (self->engine, path);
  pins_changed (self);
}

static void
add_note (BottegaConversation *self, const char *sentence)
{
  g_autofree char *before = self->pins_note;

  self->pins_note = before != NULL ? g_strconcat (before, " ", sentence, NULL)
                                   : g_strdup (sentence);
}

void
bottega_conversation_check_pins (BottegaConversation *self)
{
  if (self->library == NULL || !bottega_library_get_loaded (self->library))
    return;
  for (guint i = self->pinned->len; i > 0; i--) {
    gint64 id = g_array_index (self->pinned, gint64, i - 1);
    BottegaDocumentItem *item = find_item (self, id);
    g_autofree char *title = g_strdup (self->pinned_titles->pdata[i - 1]);
    g_autofree char *note = NULL;

    if (item != NULL) {
      g_free (self->pinned_titles->pdata[i - 1]);
      self->pinned_titles->pdata[i - 1] = g_strdup (bottega_document_item_get_title (item));
      continue;
    }
    note = title != NULL
               ? g_strdup_printf (_ ("“%s” is no longer in the library and was unpinned."), title)
               : g_strdup (_ ("A pinned document is no longer in the library and was unpinned."));
    add_note (self, note);
    bottega_conversation_unpin (self, id);
  }
}

/* ---- reading them for an answer ---- */

/* Counted (g_rc_box). */
typedef struct {
  BottegaConversation *conversation; /* owned */
  guint serial;
  GArray *documents; /* of gint64 */
  GPtrArray *titles, *texts;
} Reading;

static void
reading_clear (gpointer data)
{
  Reading *reading = data;

  g_object_unref (reading->conversation);
  g_array_unref (reading->documents);
  g_ptr_array_unref (reading->titles);
  g_ptr_array_unref (reading->texts);
}

static void
reading_unref (gpointer data)
{
  g_rc_box_release_full (data, reading_clear);
}

/* The answer says what is not as it should be. */
static void
show_note (BottegaConversation *self)
{
  g_autofree char *note = g_steal_pointer (&self->pins_note), *all = NULL;
  const char *before;

  if (note == NULL)
    return;
  before = bottega_message_get_note (self->answer);
  if (before == NULL)
    bottega_message_set_note (self->answer, note);
  else if (strstr (before, note) == NULL) { /* one that goes on may have it */
    all = g_strconcat (before, " ", note, NULL);
    bottega_message_set_note (self->answer, all);
  }
}

static void
set_text (BottegaConversation *self, const Reading *reading)
{
  const gint64 *documents = (const gint64 *) (const void *) reading->documents->data;
  const char *store = bottega_store_get_path (self->store);
  g_autofree char *all = NULL;

  g_free (self->pins_text);
  g_free (self->pins_path);
  self->pins_text =
      bottega_grounding_render_pinned ((const char *const *) reading->titles->pdata,
                                       (const char *const *) reading->texts->pdata,
                                       reading->documents->len);
  all = g_strconcat (bottega_settings_get_answer_instructions (self->settings), "\n",
                     self->pins_text, NULL);
  self->pins_path = store != NULL && !self->purged
                        ? bottega_kept_files_get_pins_path (store, documents,
                                                            reading->documents->len, all)
                        : NULL;
}

static void read_next (Reading *reading);

static void
on_parts (GPtrArray *parts, const GError *error, gpointer user_data)
{
  Reading *reading = user_data;
  BottegaConversation *self = reading->conversation;
  const BottegaFound *whole = parts != NULL && parts->len > 0 ? parts->pdata[0] : NULL;

  if (reading->serial != self->serial || self->answer == NULL)
    return;
  if (self->state == BOTTEGA_CONVERSATION_STOPPING) {
    bottega_conversation_end_answer (self, BOTTEGA_MESSAGE_STATE_STOPPED, NULL, NULL);
    return;
  }
  if (whole == NULL) {
    g_autofree char *sentence =
        error != NULL ? g_strdup (error->message)
                      /* Translators: %s is the title of a document. */
                      : g_strdup_printf (_ ("The pinned document “%s” cannot be read now. Unpin "
                                            "it, or wait until it has been read."),
                                         (const char *) reading->titles
                                             ->pdata[reading->titles->len - 1]);

    bottega_conversation_give_up (self, sentence);
    return;
  }
  g_ptr_array_add (reading->texts, g_strdup (whole->text));
  read_next (reading);
}

/* One after the other. */
static void
read_next (Reading *reading)
{
  BottegaConversation *self = reading->conversation;
  BottegaDocumentItem *item;
  gint64 id;

  if (reading->texts->len == reading->documents->len) {
    set_text (self, reading);
    bottega_conversation_submit_read (self);
    return;
  }
  id = g_array_index (reading->documents, gint64, reading->texts->len);
  item = find_item (self, id);
  g_ptr_array_add (reading->titles,
                   g_strdup (item != NULL ? bottega_document_item_get_title (item) : ""));
  if (item != NULL && bottega_document_item_get_state (item) == BOTTEGA_DOCUMENT_GONE) {
    g_autofree char *note = g_strdup_printf (
        _ ("The file of “%s” is not there at the moment: its text is the one last read."),
        bottega_document_item_get_title (item));

    add_note (self, note);
    show_note (self);
  }
  bottega_library_read_parts (self->library, id, PART_BYTES, on_parts,
                              g_rc_box_acquire (reading), reading_unref);
}

/* Titles are known from now on. */
static void
on_library_loaded (BottegaConversation *self)
{
  gboolean waits = self->waits_for_library != 0 && self->waits_for_library == self->serial;

  self->waits_for_library = 0;
  if (!waits || self->answer == NULL)
    return;
  if (self->state == BOTTEGA_CONVERSATION_STOPPING)
    bottega_conversation_end_answer (self, BOTTEGA_MESSAGE_STATE_STOPPED, NULL, NULL);
  else
    bottega_conversation_submit (self);
}

gboolean
bottega_conversation_read_pins (BottegaConversation *self)
{
  Reading *reading;

  bottega_conversation_check_pins (self);
  show_note (self);
  g_clear_pointer (&self->pins_text, g_free);
  if (self->pinned->len == 0 || self->library == NULL)
    return FALSE;
  if (!bottega_library_get_loaded (self->library)) {
    if (self->waits_for_library == 0)
      g_signal_connect_object (self->library, "notify::loaded", G_CALLBACK (on_library_loaded),
                               self, G_CONNECT_SWAPPED);
    self->waits_for_library = self->serial;
    return TRUE;
  }
  reading = g_rc_box_new (Reading);
  *reading = (Reading) { .conversation = g_object_ref (self),
                         .serial = self->serial,
                         .documents = g_array_copy (self->pinned),
                         .titles = g_ptr_array_new_with_free_func (g_free),
                         .texts = g_ptr_array_new_with_free_func (g_free) };
  read_next (reading);
  reading_unref (reading);

  return TRUE;
}

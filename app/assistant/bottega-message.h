/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaMessage: one question, answer or note of a conversation. Main thread only. Only the
 * conversation changes it.
 *
 * Properties (read-only, all notify unless said):
 *   id            string   UUID
 *   role          BottegaMessageRole
 *   state         BottegaMessageState
 *   text          string   the whole Markdown text so far. While an answer is written "text" does
 *                          NOT notify: connect to "appended". It notifies when the text is replaced
 *                          or when writing ends.
 *   error         string   the sentence of a failed message, or NULL
 *   busy          boolean  queued, searching, loading, reading or writing
 *   included      boolean  FALSE once the message has left what the model reads (see
 *                          BottegaConversation:dropped-turns)
 *   phase-text    string   localised line for the place of the answer while waiting ("Reading 812
 *                          of 1,310 tokens · 2 s left"), "" once text flows or the message is
 *                          finished
 *   load-fraction double   0 to 1 while loading
 *   read-done, read-total  uint tokens while reading
 *   seconds-left  double   estimate while reading; < 0: not known yet
 *   started-us    int64    when it was sent (real time, microseconds since 1970)
 *   model-name, device     string or NULL: what wrote it
 *   stats-line, stats-short string or NULL: localised, see bottega-stats-text.h; set when an answer
 *   has ended
 *   passages      GListModel of BottegaPassage: what an answer was given to read, there before its
 *                 first word; never NULL, the same object for ever
 *   abstained     boolean  the documents have no answer; the text says so, and the passages are the
 *                          nearest ones, which do not answer
 *   search-text   string or NULL: what was searched in the documents for this answer
 *   note          string or NULL: a sentence about the search ("The documents could not be searched
 *                          …")
 *   scope-text    string or NULL: titles of the documents that a question asks in; NULL: all
 *   thought       string or NULL: what the model thought before its answer; notifies as it grows
 *
 * Signal "appended" (const char *utf8_piece): text has grown by this piece, whole characters; at
 * most once per turn of the main loop.
 */
#pragma once

#include "app/assistant/bottega-diagnosis.h"
#include "app/assistant/bottega-passage.h"
#include "engine/engine.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum {
  BOTTEGA_MESSAGE_ROLE_USER,
  BOTTEGA_MESSAGE_ROLE_ASSISTANT,
  BOTTEGA_MESSAGE_ROLE_SYSTEM_NOTE, /* said by the app in the transcript, never read by the model */
} BottegaMessageRole;

typedef enum {
  BOTTEGA_MESSAGE_STATE_QUEUED,    /* waits: for the disk, or for another answer */
  BOTTEGA_MESSAGE_STATE_SEARCHING, /* in the documents */
  BOTTEGA_MESSAGE_STATE_LOADING,   /* the model is being loaded */
  BOTTEGA_MESSAGE_STATE_READING,   /* prefill */
  BOTTEGA_MESSAGE_STATE_WRITING,   /* decode */
  BOTTEGA_MESSAGE_STATE_COMPLETE,
  BOTTEGA_MESSAGE_STATE_STOPPED,     /* by the person; text is what there was */
  BOTTEGA_MESSAGE_STATE_INTERRUPTED, /* the app ended while it was written */
  BOTTEGA_MESSAGE_STATE_FAILED,      /* error has the sentence; text is what there was */
} BottegaMessageState;

#define BOTTEGA_TYPE_MESSAGE_ROLE  (bottega_message_role_get_type ())
#define BOTTEGA_TYPE_MESSAGE_STATE (bottega_message_state_get_type ())
GType bottega_message_role_get_type (void);
GType bottega_message_state_get_type (void);

#define BOTTEGA_TYPE_MESSAGE (bottega_message_get_type ())
G_DECLARE_FINAL_TYPE (BottegaMessage, bottega_message, BOTTEGA, MESSAGE, GObject)

/* A finished message out of nothing: for tests and for notes in the transcript. id NULL: a new
 * UUID. */
BottegaMessage *bottega_message_new (const char *id, BottegaMessageRole role, const char *text);

const char *bottega_message_get_id (BottegaMessage *self);
BottegaMessageRole bottega_message_get_role (BottegaMessage *self);
BottegaMessageState bottega_message_get_state (BottegaMessage *self);
/* Borrowed, valid until the text grows. */
const char *bottega_message_get_text (BottegaMessage *self);
gsize bottega_message_get_text_bytes (BottegaMessage *self);
const char *bottega_message_get_error (BottegaMessage *self);
gboolean bottega_message_get_busy (BottegaMessage *self);
gboolean bottega_message_get_included (BottegaMessage *self);
const char *bottega_message_get_phase_text (BottegaMessage *self);
double bottega_message_get_load_fraction (BottegaMessage *self);
guint bottega_message_get_read_done (BottegaMessage *self);
guint bottega_message_get_read_total (BottegaMessage *self);
double bottega_message_get_seconds_left (BottegaMessage *self);
gint64 bottega_message_get_started_us (BottegaMessage *self);
const char *bottega_message_get_model_name (BottegaMessage *self);
const char *bottega_message_get_device (BottegaMessage *self);
/* NULL until an answer has ended (or when it never began to be written). Borrowed. */
const EngineStats *bottega_message_get_stats (BottegaMessage *self);
/* What limited it. FALSE: that is not known, of old answers and of those that never began. */
gboolean bottega_message_diagnose (BottegaMessage *self, BottegaDiagnosis *diagnosis);
const char *bottega_message_get_stats_line (BottegaMessage *self);
const char *bottega_message_get_stats_short (BottegaMessage *self);
/* Borrowed. */
GListModel *bottega_message_get_passages (BottegaMessage *self);
gboolean bottega_message_get_abstained (BottegaMessage *self);
const char *bottega_message_get_search_text (BottegaMessage *self);
const char *bottega_message_get_note (BottegaMessage *self);
const char *bottega_message_get_scope_text (BottegaMessage *self);
/* Borrowed, valid until it grows; NULL: it did not think. */
const char *bottega_message_get_thought (BottegaMessage *self);
/* How long it thought, in seconds. */
double bottega_message_get_thought_s (BottegaMessage *self);
/* Ids of the documents that a question asks in; NULL: all. Borrowed. */
const gint64 *bottega_message_get_scope (BottegaMessage *self, guint *n_documents);

G_END_DECLS

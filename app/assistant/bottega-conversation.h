/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaConversation: a GListModel of BottegaMessage (oldest first) with its state machine, its
 * queue of further questions and its context meter. Main thread only.
 *
 * Properties (read-only but title, all notify):
 *   id, title (writable: rename; written to the store), updated-us (int64)
 *   state           BottegaConversationState
 *   busy            boolean: an answer is on its way (Send becomes Stop)
 *   loaded          boolean: the messages have been read from the store
 *   empty           boolean: loaded and without messages
 *   error           string: the sentence of the last failure, NULL after the next success
 *   queue           GListModel of BottegaMessage: questions that wait for their turn, in order
 *   context-used    uint tokens that the model would read and has written; 0: not known yet
 *   context-size    uint tokens that the model can hold; 0: no model
 *   context-fraction double 0 to 1
 *   dropped-turns   uint questions (with their answers) that have left what the model reads because
 *                   it was full
 *   first-included  BottegaMessage or NULL: the first that the model still reads when dropped-turns
 *                   > 0. Mark the transcript above it: what stands before is still there but no
 *                   longer read.
 *   only-documents  boolean, writable, kept: answer with what the documents say, or not at all. New
 *                   conversations begin with the setting of that name.
 *   recap           string or NULL: the summary that the model reads in place of those that left
 *   pinned          uint: documents that it reads whole (bottega_conversation_get_pinned ())
 *
 * Signals:
 *   "refused" (const char *text, const char *sentence): a question that send () had taken cannot be
 *             asked (it alone is longer than the context). It has left the list again: put text
 *             back into the composer.
 *   "finished" (BottegaMessage *answer): an answer has ended, in any way.
 */
#pragma once

#include "app/assistant/bottega-message.h"
#include "app/assistant/bottega-prompt.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define BOTTEGA_CONVERSATION_ERROR (bottega_conversation_error_quark ())
GQuark bottega_conversation_error_quark (void);

typedef enum {
  BOTTEGA_CONVERSATION_ERROR_NO_MODEL, /* nothing to answer with, or it failed to load */
  BOTTEGA_CONVERSATION_ERROR_EMPTY,    /* only white space */
  BOTTEGA_CONVERSATION_ERROR_BUSY,     /* not while an answer is on its way */
  BOTTEGA_CONVERSATION_ERROR_INVALID,  /* the message is not of that kind, or not from here */
  BOTTEGA_CONVERSATION_ERROR_TOO_LONG, /* it does not fit beside what the model must read */
} BottegaConversationErrorCode;

typedef enum {
  BOTTEGA_CONVERSATION_IDLE,
  BOTTEGA_CONVERSATION_QUEUED,    /* being committed, or waits for another answer */
  BOTTEGA_CONVERSATION_SEARCHING, /* in the documents */
  BOTTEGA_CONVERSATION_LOADING,   /* the model is being loaded */
  BOTTEGA_CONVERSATION_READING,   /* prefill */
  BOTTEGA_CONVERSATION_WRITING,   /* decode */
  BOTTEGA_CONVERSATION_STOPPING,  /* the person asked to stop; the engine has not yet */
  BOTTEGA_CONVERSATION_FAILED,    /* the last answer failed; takes the next question like idle */
} BottegaConversationState;

#define BOTTEGA_TYPE_CONVERSATION_STATE (bottega_conversation_state_get_type ())
GType bottega_conversation_state_get_type (void);

/* TRUE when the state table has the edge. Setting a state without one is refused with a warning. */
gboolean bottega_conversation_state_may (BottegaConversationState from, BottegaConversationState
                                                                            to);

#define BOTTEGA_TYPE_CONVERSATION (bottega_conversation_get_type ())
G_DECLARE_FINAL_TYPE (BottegaConversation, bottega_conversation, BOTTEGA, CONVERSATION, GObject)

/* Reads the messages from the store, once; "loaded" tells the end. */
void bottega_conversation_load_messages (BottegaConversation *self);

/* It is shown from now on: its messages are loaded, and its answers come before those of others. */
void bottega_conversation_enter (BottegaConversation *self);

/* Another conversation is shown instead: what the engine holds of this one goes to the disk, so
 * that it can go on at once when it is opened again. */
void bottega_conversation_leave (BottegaConversation *self);

/* Takes a question: TRUE, and the composer may be emptied. It joins the list with its (empty)
 * answer at once, or the queue when an answer is on its way. FALSE and a sentence when it cannot be
 * taken: nothing changed. The question is committed to disk before the engine begins. */
gboolean bottega_conversation_send (BottegaConversation *self, const char *text, GError **error);

/* The same, asked in these documents only (ids; n 0: in all). They are kept with the question: an
 * answer that is written anew is searched for in them again. */
gboolean bottega_conversation_send_scoped (BottegaConversation *self, const char *text,
                                           const gint64 *documents, guint n_documents,
                                           GError **error);

/* Stops the answer that is on its way; queued questions stay in the queue. No effect when there is
 * none. */
void bottega_conversation_stop (BottegaConversation *self);

/* Replaces an answer, and all that came after it, by a new one. Also "Ask again" for an interrupted
 * or failed one. */
gboolean bottega_conversation_regenerate (BottegaConversation *self, BottegaMessage *answer,
                                          GError **error);

/* Replaces a question, and all that came after it, by a new text. */
gboolean bottega_conversation_edit_and_resend (BottegaConversation *self, BottegaMessage *question,
                                               const char *text, GError **error);

/* Goes on writing the last answer where it ended (interrupted, stopped, failed, or cut at the
 * limit). */
gboolean bottega_conversation_continue (BottegaConversation *self, BottegaMessage *answer,
                                        GError **error);
/* TRUE for an answer that bottega_conversation_continue () would take now: the last one, ended
 * before its end. */
gboolean bottega_conversation_can_continue (BottegaConversation *self, BottegaMessage *answer);

/* Takes a question out of the queue. */
void bottega_conversation_remove_queued (BottegaConversation *self, BottegaMessage *question);
/* Asks the first of the queue when nothing is on its way (after a stop, a failure or a restart they
 * wait). */
void bottega_conversation_send_queued (BottegaConversation *self);

const char *bottega_conversation_get_id (BottegaConversation *self);
const char *bottega_conversation_get_title (BottegaConversation *self);
void bottega_conversation_set_title (BottegaConversation *self, const char *title);
gint64 bottega_conversation_get_updated_us (BottegaConversation *self);
BottegaConversationState bottega_conversation_get_state (BottegaConversation *self);
gboolean bottega_conversation_get_busy (BottegaConversation *self);
gboolean bottega_conversation_get_loaded (BottegaConversation *self);
gboolean bottega_conversation_get_empty (BottegaConversation *self);
const char *bottega_conversation_get_error (BottegaConversation *self);
GListModel *bottega_conversation_get_queue (BottegaConversation *self);
gboolean bottega_conversation_get_only_documents (BottegaConversation *self);
void bottega_conversation_set_only_documents (BottegaConversation *self, gboolean only_documents);
/* Documents that the model reads whole in every answer, before the first question, in the order in
 * which they were pinned. It reads them once: what it holds of them is kept. Borrowed. */
const gint64 *bottega_conversation_get_pinned (BottegaConversation *self, guint *n);
gboolean bottega_conversation_is_pinned (BottegaConversation *self, gint64 document);
/* From the next answer on. FALSE and a sentence when it has no text (yet), or is too long: a
 * quarter of the context and room for an answer must be left. */
gboolean bottega_conversation_pin (BottegaConversation *self, gint64 document, GError **error);
void bottega_conversation_unpin (BottegaConversation *self, gint64 document);
guint bottega_conversation_get_context_used (BottegaConversation *self);
/* Tokens of each kind that the last answer was given to read ([BOTTEGA_PROMPT_N_KINDS], all 0 until
 * one has begun since the start), and questions before it among them. They change with
 * context-used, which counts what has been written too. */
const guint *bottega_conversation_get_context_of (BottegaConversation *self, guint *earlier_turns);
guint bottega_conversation_get_context_size (BottegaConversation *self);
guint bottega_conversation_get_dropped_turns (BottegaConversation *self);
BottegaMessage *bottega_conversation_get_first_included (BottegaConversation *self);
/* What the model reads in place of turns that have left, as it wrote it; NULL: nothing. n_left_out
 * (may be NULL): questions among the dropped ones that it is not about. */
const char *bottega_conversation_get_recap (BottegaConversation *self, guint *n_left_out);

G_END_DECLS

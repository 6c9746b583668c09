/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the conversation share, and what the list of conversations may do with one.
 * Main thread only. */
#pragma once

#include "app/assistant/bottega-citations.h"
#include "app/assistant/bottega-conversation.h"
#include "app/assistant/bottega-engine-thread.h"
#include "app/assistant/bottega-library-private.h"
#include "app/assistant/bottega-message-private.h"
#include "app/assistant/bottega-settings.h"
#include "app/retrieval/bottega-store-chats.h"

G_BEGIN_DECLS

/* A document that is being summed up: bottega-conversation-summary.c. */
typedef struct _BottegaSummary BottegaSummary;
void bottega_summary_free (BottegaSummary *self);

/* What is said of turns that leave, and one in the making: bottega-conversation-recap.c. */
typedef struct _BottegaRecap BottegaRecap;
typedef struct _BottegaRecapJob BottegaRecapJob;
void bottega_recap_free (BottegaRecap *self);
void bottega_recap_job_free (BottegaRecapJob *self);

struct _BottegaConversation {
  GObject parent_instance;

  BottegaStore *store;
  BottegaEngineThread *engine;
  BottegaSettings *settings;
  BottegaLibrary *library; /* NULL: there are no documents */

  char *id, *title;
  gint64 created_us, updated_us;
  BottegaConversationState state;
  char *error;
  GPtrArray *items;  /* of BottegaMessage, oldest first */
  GListStore *queue; /* of BottegaMessage */
  gboolean stored;   /* it has a row */
  gboolean purged;   /* it must not get one again */
  gboolean loading, loaded, send_when_loaded;
  gboolean only_documents;
  gboolean watching;        /* the engine's signals are connected */
  GArray *pinned;           /* of gint64: documents that are read whole, in this order */
  GPtrArray *pinned_titles; /* of theirs; NULL: not seen yet */
  char *pins_note;          /* what the next answer is to say of them; NULL: nothing */

  guint context_used, dropped_turns;
  guint context_of[BOTTEGA_PROMPT_N_KINDS]; /* all 0: not known */
  guint earlier_turns;
  char *first_included;       /* id of a message; NULL: all are read */
  BottegaRecap *recap;        /* read in place of those before it; NULL: none, as the next */
  BottegaRecap *next_recap;   /* made for when more turns leave */
  BottegaRecapJob *recap_job; /* one is being written */
  char *recap_failed;         /* id of the last message of one that could not be; NULL: none */
  guint n_recaps_failed;      /* in a row */

  /* The answer in progress. While there is one, the conversation keeps a reference to itself. */
  BottegaMessage *answer;      /* NULL: none */
  BottegaMessage *question;    /* that it answers */
  guint serial;                /* tells a late callback of an earlier answer */
  guint64 job;                 /* 0: not yet given to the engine */
  GCancellable *searching;     /* NULL: not now */
  BottegaSummary *summary;     /* NULL: none */
  char *pins_text, *pins_path; /* what is read of pinned documents, and kept; NULL: nothing */
  guint waits_for_library;     /* serial of the answer that does; 0: none */
  BottegaCitations *citations; /* NULL: the model reads no passages */
  gboolean refusable;          /* question and answer may leave the list again */
  gboolean continues;          /* the answer goes on after the text that it has */
  guint flush_source;
  gint64 flushed_us;  /* monotonic */
  gboolean measuring; /* the next three are of this answer */
  guint n_before;     /* answers that came first */
  guint turns_left;   /* that had to leave for it */
  char *lost_reason;  /* its device has failed: why; NULL */
  BottegaPerformanceMark mark;
  BottegaGaps gaps;
};

enum {
  BOTTEGA_CONVERSATION_PROP_0,
  BOTTEGA_CONVERSATION_PROP_ID,
  BOTTEGA_CONVERSATION_PROP_TITLE,
  BOTTEGA_CONVERSATION_PROP_UPDATED_US,
  BOTTEGA_CONVERSATION_PROP_STATE,
  BOTTEGA_CONVERSATION_PROP_BUSY,
  BOTTEGA_CONVERSATION_PROP_LOADED,
  BOTTEGA_CONVERSATION_PROP_EMPTY,
  BOTTEGA_CONVERSATION_PROP_ERROR,
  BOTTEGA_CONVERSATION_PROP_QUEUE,
  BOTTEGA_CONVERSATION_PROP_CONTEXT_USED,
  BOTTEGA_CONVERSATION_PROP_CONTEXT_SIZE,
  BOTTEGA_CONVERSATION_PROP_CONTEXT_FRACTION,
  BOTTEGA_CONVERSATION_PROP_DROPPED_TURNS,
  BOTTEGA_CONVERSATION_PROP_FIRST_INCLUDED,
  BOTTEGA_CONVERSATION_PROP_ONLY_DOCUMENTS,
  BOTTEGA_CONVERSATION_PROP_PINNED,
  BOTTEGA_CONVERSATION_PROP_RECAP,
  BOTTEGA_CONVERSATION_N_PROPS,
};

/* row NULL: a new one without messages. library NULL: answers without documents. Keeps references
 * to the four. */
BottegaConversation *bottega_conversation_new (BottegaStore *store, BottegaEngineThread *engine,
                                               BottegaSettings *settings, BottegaLibrary *library,
                                               const BottegaStoreConversation *row);
/* Ends an answer in progress as interrupted: the program ends, or another space is opened. */
void bottega_conversation_interrupt (BottegaConversation *self);
/* Asks for a summary of this document in a new conversation: part by part, then of all. */
gboolean bottega_conversation_summarise (BottegaConversation *self, BottegaDocumentItem *item,
                                         GError **error);
/* Nothing is written for it any more. */
void bottega_conversation_set_purged (BottegaConversation *self);

/* ---- bottega-conversation.c, for bottega-conversation-answer.c ---- */
void bottega_conversation_notify (BottegaConversation *self, guint property);
/* FALSE, and a warning, when the state table lacks the edge. */
gboolean bottega_conversation_set_state (BottegaConversation *self, BottegaConversationState state);
void bottega_conversation_set_error (BottegaConversation *self, const char *sentence);
void bottega_conversation_set_context_used (BottegaConversation *self, guint tokens);
/* What the model is given to read for an answer. */
void bottega_conversation_set_context_read (BottegaConversation *self, const BottegaPromptFit *fit);
/* The message that the model reads first; NULL: all. Updates dropped-turns and the messages. */
void bottega_conversation_set_first_included (BottegaConversation *self, const char *id);
void bottega_conversation_append (BottegaConversation *self, BottegaMessage *message);
/* Takes all from index on out of the list, and in the store out of sight. */
void bottega_conversation_truncate (BottegaConversation *self, guint index);
/* -1: not there. */
int bottega_conversation_index_of (BottegaConversation *self, BottegaMessage *message);
/* Writes the conversation's row and those of the messages (NULL: none). done may be NULL. */
void bottega_conversation_put (BottegaConversation *self, BottegaMessage *first,
                               BottegaMessage *second, BottegaStoreDurability durability,
                               BottegaStoreDone done,
                               gpointer user_data);
void bottega_conversation_watch_engine (BottegaConversation *self);
/* The file that the engine's memory of it may be kept in; NULL: none. */
char *bottega_conversation_dup_kept_path (BottegaConversation *self);

/* ---- bottega-conversation-answer.c, for bottega-conversation.c ---- */
/* Asks a question (a new user message, not yet in the list). */
void bottega_conversation_ask (BottegaConversation *self,
                               BottegaMessage *question,
                               gboolean refusable);
/* The end of the answer in progress: state, a sentence (may be NULL), stats (may be NULL). */
void bottega_conversation_end_answer (BottegaConversation *self, BottegaMessageState state,
                                      const char *sentence, const EngineStats *stats);
/* Is there something to answer with? text NULL: not looked at. */
gboolean bottega_conversation_can_ask (BottegaConversation *self, const char *text,
                                       GError **error);
/* Gives the question to the engine, once the pinned documents have been read from the store. */
void bottega_conversation_submit (BottegaConversation *self);
/* The second half of it. */
void bottega_conversation_submit_read (BottegaConversation *self);
/* It cannot be asked: it goes back to the composer where it may, else the answer fails. */
void bottega_conversation_give_up (BottegaConversation *self, const char *sentence);
/* The engine loads or other answers come first: shows it in the answer that waits. */
void bottega_conversation_update_phase (BottegaConversation *self);

/* ---- bottega-conversation-pins.c, for the others and the list ---- */
/* Those of a row, and back; NULL: none. Free with g_free. */
void bottega_conversation_set_pins (BottegaConversation *self, const char *json);
char *bottega_conversation_pins_to_json (BottegaConversation *self);
/* Documents that have left the library are unpinned, and the next answer says so. */
void bottega_conversation_check_pins (BottegaConversation *self);
/* Reads them for the answer in progress, then submits it. FALSE: there are none. */
gboolean bottega_conversation_read_pins (BottegaConversation *self);

/* ---- bottega-conversation-recap.c, for the others ---- */
/* Those of a row, and back; NULL: none. Free with g_free. */
void bottega_conversation_set_recaps (BottegaConversation *self, const char *json);
char *bottega_conversation_recaps_to_json (BottegaConversation *self);
/* Messages have gone: a recap of one of them goes too. */
void bottega_conversation_check_recaps (BottegaConversation *self);
/* Before a prompt is made: which are read in it. */
void bottega_conversation_begin_recaps (BottegaConversation *self);
/* Before the message of that index is added to a prompt: those that stand there. */
void bottega_conversation_add_recaps (BottegaConversation *self, BottegaPrompt *prompt,
                                      guint index);
/* A prompt has been made to fit: what is read from now on. */
void bottega_conversation_use_fit (BottegaConversation *self, const BottegaPromptFit *fit);
/* An answer has come to its end, and is still the one in progress: when the next question will not
 * fit, a recap of the turns that will leave is written meanwhile. */
void bottega_conversation_prepare_recap (BottegaConversation *self, const EngineStats *stats);

/* ---- bottega-conversation-facts.c, for bottega-conversation-answer.c ---- */
/* The answer in progress is waited for from now on. */
void bottega_conversation_begin_facts (BottegaConversation *self);
/* It has ended: what is known of it goes to the message. stats NULL: there is nothing to keep. */
void bottega_conversation_end_facts (BottegaConversation *self, const EngineStats *stats);

/* ---- bottega-conversation-sources.c, for bottega-conversation-answer.c ---- */
/* Looks for the answer in progress in the documents, then submits it or ends it. FALSE: there is
 * nothing to look for. */
gboolean bottega_conversation_search (BottegaConversation *self);
/* The same for a document that is to be summed up. */
gboolean bottega_conversation_begin_summary (BottegaConversation *self);
/* What the model reads: from the first message that is included to the question. */
BottegaPrompt *bottega_conversation_make_prompt (BottegaConversation *self);
/* Parts of it: what stands before all messages, pins: with the documents that are read whole; then
 * a message. */
BottegaPrompt *bottega_conversation_begin_prompt (BottegaConversation *self, gboolean pins,
                                                  const char *pins_path);
void bottega_conversation_add_message (BottegaConversation *self, BottegaPrompt *prompt,
                                       guint index);
/* A question as the model reads it, with its passages; NULL: that message is none. Free with
 * g_free. */
char *bottega_conversation_dup_question (BottegaConversation *self, guint index);
/* The engine has begun and took this choice of the prompt's. */
void bottega_conversation_begin_citations (BottegaConversation *self, guint choice);
void bottega_conversation_append_text (BottegaConversation *self, const char *utf8, gsize bytes);
void bottega_conversation_end_citations (BottegaConversation *self);

G_END_DECLS

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaEngineClients: who waits on the main thread for which job, and what they are told. Pieces
 * of text that come in a row for one job reach it as one. Private to BottegaEngineThread; main
 * thread only.
 */
#pragma once

#include "app/assistant/bottega-engine-queue.h"
#include "app/assistant/bottega-event-ring.h"

G_BEGIN_DECLS

typedef struct {
  guint64 job;
  BottegaJobKind kind; /* GENERATE or COUNT */
  gboolean began;
  guint n_before; /* answers that must end before it begins */
  BottegaGenerateEvents events;
  BottegaCounted counted;
  gpointer user_data;

  GString *text; /* that has come and is not yet told; NULL: none so far */
  guint text_tokens;
  BottegaEventKind text_kind;
} BottegaEngineClient;

void bottega_engine_client_free (BottegaEngineClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaEngineClient, bottega_engine_client_free)

typedef struct _BottegaEngineClients BottegaEngineClients;

BottegaEngineClients *bottega_engine_clients_new (void);
void bottega_engine_clients_free (BottegaEngineClients *self);

/* Takes the client. */
void bottega_engine_clients_add (BottegaEngineClients *self, BottegaEngineClient *client);
/* NULL: nobody waits for that job (any more). Borrowed. */
BottegaEngineClient *bottega_engine_clients_find (BottegaEngineClients *self, guint64 job);
/* Takes it out of the list. */
BottegaEngineClient *bottega_engine_clients_steal (BottegaEngineClients *self, guint64 job);
void bottega_engine_clients_clear (BottegaEngineClients *self);

/* Answers that have been asked for; of these, those that wait for others to end. */
guint bottega_engine_clients_count_answers (BottegaEngineClients *self);
guint bottega_engine_clients_count_waiting (BottegaEngineClients *self);

/* A piece of text, kept until it is told; what is kept of another kind is told now. Callbacks may
 * add and remove clients, as below. */
void bottega_engine_clients_add_text (BottegaEngineClients *self, const BottegaEvent *event);
/* Tells the text that is kept for a job, 0: for all. */
void bottega_engine_clients_tell_text (BottegaEngineClients *self, guint64 job);

G_END_DECLS

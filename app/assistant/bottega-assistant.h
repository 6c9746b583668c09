/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaAssistant: the root object that the window holds. Opens the data folder and owns all the
 * rest. Main thread only.
 *
 * Properties (read-only, all notify; of the objects only conversations and library change, when
 * another space is opened):
 *   settings       BottegaSettings
 *   engine         BottegaEngineThread
 *   models         BottegaModelStore
 *   conversations  BottegaConversationList
 *   library        BottegaLibrary
 *   space          string: name of the open space (bottega-spaces.h lists them)
 *   has-model      boolean: there is a sound model file, or one is loaded
 *   device-line    string or NULL until known: the starting page's line about the device
 *   storage-error  string or NULL: why the conversations could not be opened (or written). In the
 *                  first case a store in memory stands in and nothing is kept; say so.
 */
#pragma once

#include "app/assistant/bottega-conversation-list.h"
#include "app/assistant/bottega-engine-thread.h"
#include "app/assistant/bottega-library.h"
#include "app/assistant/bottega-model-store.h"
#include "app/assistant/bottega-settings.h"
#include "app/retrieval/bottega-embedder.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_ASSISTANT (bottega_assistant_get_type ())
G_DECLARE_FINAL_TYPE (BottegaAssistant, bottega_assistant, BOTTEGA, ASSISTANT, GObject)

/* data_dir NULL: the person's own (bottega in g_get_user_data_dir ()). source: the engine, usually
 * bottega_local_source_new (). settings NULL: bottega_settings_new (). Never fails: see
 * storage-error. */
BottegaAssistant *bottega_assistant_new (const char *data_dir, BottegaEngineSource *source,
                                         BottegaSettings *settings);

/* What makes the vectors of documents and questions, usually bottega_local_embedder_new (); before
 * start. Without one only words are searched. */
void bottega_assistant_set_embedder (BottegaAssistant *self, BottegaEmbedder *embedder);

/* The computer's own monitors, NULL: there is none; before start. Without them the model rests only
 * when it is left alone. */
void bottega_assistant_set_monitors (BottegaAssistant *self, GMemoryMonitor *memory,
                                     GPowerProfileMonitor *power);

/* Looks for models, loads the default one in the background, finds out the device. Call it once the
 * window is up. */
void bottega_assistant_start (BottegaAssistant *self);

/* Loads this model now with the present settings and makes it the default. FALSE and a sentence
 * when it is broken or will not fit; the present one then stays. */
gboolean bottega_assistant_use_model (BottegaAssistant *self, BottegaModelItem *item,
                                      GError **error);
/* Loads the present model again: after a change of device or context length, or "Try again". One
 * that rests is loaded when it is needed. */
void bottega_assistant_reload_model (BottegaAssistant *self);

/* Ends answers in progress as interrupted, writes all to disk, ends the threads. Before the main
 * loop goes. */
void bottega_assistant_shutdown (BottegaAssistant *self);

/* Opens another space instead, which is made if it is not there; remembered for the next start.
 * Answers in progress end as interrupted. Waits for the disk. FALSE and a sentence: nothing
 * changed. */
gboolean bottega_assistant_open_space (BottegaAssistant *self, const char *name, GError **error);
/* Overwrites and removes a space that is not open, nor the default one. */
gboolean bottega_assistant_delete_space (BottegaAssistant *self, const char *name, GError **error);
const char *bottega_assistant_get_space (BottegaAssistant *self);

/* Begins a conversation with a summary of this document; show it. It can be stopped like any
 * answer. Transfer full; NULL and a sentence when there is no model. */
BottegaConversation *bottega_assistant_summarise (BottegaAssistant *self,
                                                  BottegaDocumentItem *item, GError **error);

const char *bottega_assistant_get_data_dir (BottegaAssistant *self);
BottegaSettings *bottega_assistant_get_settings (BottegaAssistant *self);
BottegaEngineThread *bottega_assistant_get_engine (BottegaAssistant *self);
BottegaPerformance *bottega_assistant_get_performance (BottegaAssistant *self);
BottegaModelStore *bottega_assistant_get_models (BottegaAssistant *self);
BottegaConversationList *bottega_assistant_get_conversations (BottegaAssistant *self);
BottegaLibrary *bottega_assistant_get_library (BottegaAssistant *self);
gboolean bottega_assistant_get_has_model (BottegaAssistant *self);
const char *bottega_assistant_get_device_line (BottegaAssistant *self);
const char *bottega_assistant_get_storage_error (BottegaAssistant *self);

G_END_DECLS

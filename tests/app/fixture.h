/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of the app share: a folder of their own, waiting on the main loop, an assistant on
 * a recorded text. Main thread only. */
#pragma once

#include "app/assistant/bottega-assistant.h"
#include "app/assistant/bottega-replay-source.h"

/* A new folder below the temporary one; free with fixture_remove_folder (). */
char *fixture_make_folder (void);
void fixture_remove_folder (char *folder);

/* g_test_run () where what is removed goes to a trash of our own. Before anything asks GLib for the
 * folders of the user. */
int fixture_run_with_trash (void);

/* Turns the main loop until *flag, condition (data), or — failing the test — a minute is over. */
typedef gboolean (*FixtureCondition) (gpointer data);
void fixture_wait (FixtureCondition condition, gpointer data);
void fixture_wait_flag (const gboolean *flag);
/* Turns the main loop for this long. */
void fixture_turn (double seconds);

typedef struct {
  char *folder;
  BottegaReplaySource *source;
  BottegaAssistant *assistant;
} Fixture;

/* With a "model" in <folder>/models, loaded. options NULL: a short answer, at once. */
void fixture_set_up (Fixture *fixture, const BottegaReplayOptions *options);
/* The next assistants get it; NULL: none any more. Borrowed. */
void fixture_use_embedder (BottegaEmbedder *embedder);
/* The assistant alone, on a folder that is there: fixture->folder. */
void fixture_begin (Fixture *fixture, const BottegaReplayOptions *options);
void fixture_end (Fixture *fixture);
/* Ends the assistant and begins another one on the same folder. */
void fixture_reopen (Fixture *fixture, const BottegaReplayOptions *options);
void fixture_tear_down (Fixture *fixture);

/* On the model of the tests (BOTTEGA_TEST_MODEL) by our engine and the processor, loaded: an
 * assistant of which no part is recorded. End it with bottega_assistant_shutdown (). */
BottegaAssistant *fixture_start_local (const char *folder, BottegaSettings *settings);
/* That model again, and until it is loaded. */
void fixture_load_local (BottegaAssistant *assistant);

/* Conditions. A load has ended, well or not; the conversations of an assistant are known. */
gboolean fixture_is_settled (gpointer engine_thread);
gboolean fixture_is_listed (gpointer assistant);
/* All jobs of the engine thread that were asked for so far are done. */
void fixture_finish_jobs (BottegaAssistant *assistant);

/* Transfer full. */
BottegaConversation *fixture_create (BottegaAssistant *assistant);
void fixture_send (BottegaConversation *conversation, const char *text);
/* Sends, waits, and gives what came of it; borrowed. */
BottegaMessage *fixture_ask (BottegaConversation *conversation, const char *text);
/* The conversation is neither answering nor loading. */
gboolean fixture_is_idle (gpointer conversation);
gboolean fixture_is_loaded (gpointer conversation);
gboolean fixture_is_writing (gpointer conversation);
/* A message of it by position; borrowed. */
BottegaMessage *fixture_message (BottegaConversation *conversation, guint position);
BottegaMessage *fixture_last_message (BottegaConversation *conversation);

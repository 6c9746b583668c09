/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tests of the engine thread share: what a client of a job has seen, and a thread on a
 * recorded text. Main thread only. */
#pragma once

#include "app/assistant/bottega-engine-thread.h"
#include "tests/app/fixture.h"

typedef struct {
  GString *text; /* NULL: none came */
  char *log;     /* one letter per kind of event, runs as one: s r t l u f */
  char *error;
  guint n_tokens, n_texts, last_read, finished;
  gint64 first_us, last_us; /* when text came first, and last; 0: not yet */
  guint longest_us;         /* between two texts */
  EngineStats stats;
  gboolean has_stats;
} Seen;

void seen_clear (Seen *seen);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Seen, seen_clear)

/* Conditions for fixture_wait (). */
gboolean seen_is_finished (gpointer seen);
gboolean seen_has_text (gpointer seen);

/* What fills it, for questions of one's own; user data: the Seen. */
extern const BottegaGenerateEvents seen_events;
/* A short question of the conversation with that file (NULL: of none); all of the text answers. */
guint64 seen_ask (BottegaEngineThread *thread, const char *path, Seen *seen);

void seen_wait_state (BottegaEngineThread *thread, BottegaEngineState state);
/* Free with g_free. */
char *seen_make_text (guint n_words);
/* source (may be NULL): borrowed from the thread. */
BottegaEngineThread *seen_make_thread (BottegaReplayOptions options, BottegaReplaySource **source);
void seen_load (BottegaEngineThread *thread, const char *path, const char *device,
                guint context_tokens);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A window with a chat view on an assistant whose engine replays a recorded text, and a main loop
 * that measures its turns. For the tests of the transcript. Main thread. */
#pragma once

#include <gtk/gtk.h>

#include "app/assistant/bottega-assistant.h"
#include "app/assistant/bottega-replay-source.h"
#include "app/ui/bottega-chat-view.h"

G_BEGIN_DECLS

typedef struct {
  char *folder;
  BottegaEngineSource *source;
  BottegaAssistant *assistant;
  BottegaConversation *conversation;
  GApplication *application; /* of the program's window, else NULL */
  GtkWidget *window;
  BottegaChatView *view;

  GArray *turns_us;      /* gint64: CPU time of the main thread in each turn that did something */
  gint64 quarters_us[4]; /* the same, by how much of the text there was */
  gint64 total_us;
} Fixture;

/* A window of WIDTH × 720 that answers every question with TEXT at SPEED tokens per second (0: as
 * fast as it goes). */
void fixture_open (Fixture *self,
                   int width,
                   const char *text,
                   double speed);
/* The same in the program's own window, with the list of conversations and the composer. */
void fixture_open_program (Fixture *self,
                           const char *text,
                           double speed);
/* Ends the program and starts it again on the same folder, at another speed. Its one conversation
 * has been read from the disk and is not shown yet. */
void fixture_restart (Fixture *self,
                      const char *text,
                      double speed);
void fixture_close (Fixture *self);

/* The last message, borrowed. */
BottegaMessage *fixture_get_last (Fixture *self);

/* Turns the main loop until DONE (SELF), or fails after SECONDS. */
void fixture_run_until (Fixture *self,
                        gboolean (*done) (Fixture *self),
                        double seconds);

/* Turns it for a while. */
void fixture_run_for (Fixture *self,
                      double seconds);

/* The answer has ended and is drawn. */
gboolean fixture_is_idle (Fixture *self);

/* As fixture_run_until (fixture_is_idle), and takes the measures. EXPECTED_BYTES: how long the
 * answer will be. */
void fixture_measure (Fixture *self,
                      gsize expected_bytes,
                      double seconds);

/* The first descendant of WIDGET of this type, NULL if there is none. */
GtkWidget *fixture_find (GtkWidget *widget,
                         GType type);

/* CPU time of this thread. */
gint64 fixture_cpu_us (void);

G_END_DECLS

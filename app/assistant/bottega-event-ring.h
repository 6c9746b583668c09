/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaEventRing: a bounded ring of events from the engine thread (the only writer) to the main
 * thread (the only reader), without locks. Private to the engine thread's files.
 */
#pragma once

#include "app/assistant/bottega-answer-facts.h"
#include "app/assistant/bottega-engine-source.h"
#include "app/assistant/bottega-prompt.h"

G_BEGIN_DECLS

typedef enum {
  BOTTEGA_EVENT_LOADING,     /* fraction */
  BOTTEGA_EVENT_LOADED,      /* loaded, note */
  BOTTEGA_EVENT_LOAD_FAILED, /* error */
  BOTTEGA_EVENT_UNLOADED,
  BOTTEGA_EVENT_WAITING,  /* done: answers that must end before this one begins */
  BOTTEGA_EVENT_BEGAN,    /* a generate job waits no more */
  BOTTEGA_EVENT_STARTED,  /* fit, text: id of the first message or NULL */
  BOTTEGA_EVENT_LOST,     /* text: why the answer stops, to go on elsewhere */
  BOTTEGA_EVENT_RESUMED,  /* as STARTED, after that */
  BOTTEGA_EVENT_READING,  /* done, total, left_s */
  BOTTEGA_EVENT_TEXT,     /* text, done: number of tokens */
  BOTTEGA_EVENT_THOUGHT,  /* the same of what comes before the answer */
  BOTTEGA_EVENT_FINISHED, /* stats (when has_stats), error */
  BOTTEGA_EVENT_COUNTED,  /* done: tokens, error */
} BottegaEventKind;

typedef struct {
  BottegaEventKind kind;
  guint64 job;
  guint done, total;
  double left_s, fraction;
  BottegaPromptFit fit;
  BottegaLoaded loaded; /* owned */
  char *text;           /* owned; note of LOADED */
  EngineStats stats;
  gboolean has_stats;
  BottegaGaps *gaps; /* owned; FINISHED: NULL where no token came */
  GError *error;     /* owned */
} BottegaEvent;

void bottega_event_clear (BottegaEvent *event);

typedef struct _BottegaEventRing BottegaEventRing;

/* capacity: a power of two. */
BottegaEventRing *bottega_event_ring_new (guint capacity);
/* Clears what is left in it. No thread may use it any more. */
void bottega_event_ring_free (BottegaEventRing *self);

/* Writer. Takes what the event owns; FALSE, and takes nothing, when the ring is full. */
gboolean bottega_event_ring_push (BottegaEventRing *self, BottegaEvent *event);
/* Reader. FALSE when it is empty. Gives what the event owns. */
gboolean bottega_event_ring_pop (BottegaEventRing *self, BottegaEvent *event);

G_END_DECLS

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaSources: what a message has to do with documents: in which of them a question asks, what
 * was searched for an answer, and the passages that were found. Kept with the message as JSON.
 *
 * A plain value; main thread only. */
#pragma once

#include "app/assistant/bottega-passage.h"

G_BEGIN_DECLS

/* What an answer does with its passages. */
typedef enum {
  BOTTEGA_SOURCES_ANSWER,    /* the model answers from them */
  BOTTEGA_SOURCES_SUMMARY,   /* they are the parts of one document, and the model sums them up */
  BOTTEGA_SOURCES_ABSTAINED, /* the nearest ones; they do not answer and the model read none */
} BottegaSourcesUse;

typedef struct {
  GListStore *passages; /* of BottegaPassage by number; NULL until there are some */
  guint n_read;         /* the model reads the first so many */
  BottegaSourcesUse use;
  gboolean only_documents; /* it was told to say only what they say */
  char *query;             /* what was searched; NULL: nothing */
  char *note;              /* a sentence: why nothing was; NULL */
  GArray *scope;           /* of gint64: ids of documents; NULL: all */
  char *scope_text;        /* their titles; NULL */
} BottegaSources;

void bottega_sources_clear (BottegaSources *self);
/* NULL for one that says nothing. Free with g_free. */
char *bottega_sources_to_json (const BottegaSources *self);
/* What cannot be read of it is left out. json NULL: says nothing. self must be cleared or zero. */
void bottega_sources_from_json (BottegaSources *self, const char *json);
guint bottega_sources_n_passages (const BottegaSources *self);

G_END_DECLS

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an answer from documents is made of: what to search for a question, whether what was found
 * is given to the model, and how it is said to it. The window and the command line answer with
 * these same functions.
 *
 * Plain functions; those that take passages belong to the main thread, the others to any. */
#pragma once

#include "app/assistant/bottega-citations.h"
#include "app/assistant/bottega-sources.h"
#include "app/retrieval/bottega-searcher.h"

G_BEGIN_DECLS

/* "Hello", "grazie mille": nothing to look for. */
gboolean bottega_grounding_is_small_talk (const char *question);

typedef struct {
  const char *question;
  const char *previous;    /* what was searched for the question before; NULL: it is the first */
  const gint64 *documents; /* only in these; NULL: in all */
  guint n_documents;
  guint context_tokens; /* of the model that answers; 0: not known yet */
  gboolean only_documents;
} BottegaGroundingRequest;

typedef struct {
  char *query; /* what was searched: the question, after the one that it depends on where it does */
  BottegaSourcesUse use;
  GPtrArray *found;  /* of BottegaFound, best first; empty: the model answers without documents */
  guint n_documents; /* that were searched */
} BottegaGrounded;
void bottega_grounded_free (BottegaGrounded *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaGrounded, bottega_grounded_free)

/* Blocks. A question that leans on the one before it ("E la caparra?") is searched together with
 * that one. Passages come when the documents answer, or when the person named the documents;
 * with only_documents and no answer, the nearest ones and BOTTEGA_SOURCES_ABSTAINED. */
BottegaGrounded *bottega_grounding_search (BottegaSearcher *searcher,
                                           const BottegaGroundingRequest *request,
                                           GCancellable *cancellable, GError **error);
/* GPtrArray of BottegaPassage with numbers from 1. */
GPtrArray *bottega_grounding_make_passages (const BottegaGrounded *grounded);

/* What the model reads as the question: the first n passages, then the question. The same for ever
 * for the same sources, so that the beginning of a prompt stays. n 0: the question alone. Free with
 * g_free. */
char *bottega_grounding_render (const char *question, const BottegaSources *sources, guint n);
/* The same with all passages, with one less, … down to none: what a prompt chooses from. Free with
 * g_strfreev. */
char **bottega_grounding_render_all (const char *question, const BottegaSources *sources);

/* What the model reads of pinned documents, whole, before the first question: the same for the same
 * documents, whatever is asked. In the language of the first. Free with g_free. */
char *bottega_grounding_render_pinned (const char *const *titles, const char *const *texts,
                                       guint n);
/* A question that only pinned documents may answer. Free with g_free. */
char *bottega_grounding_render_pinned_only (const char *question);

/* A part of a document that is to be summed up in the question's language. Free with g_free. */
char *bottega_grounding_render_part (const char *question, const char *part);

/* A recap as the beginning of the question that it stands before. Free with g_free. */
char *bottega_grounding_render_recap (const char *recap);
/* What asks for one after the last turn that it is about, in the language of that one's question.
 * Free with g_free. */
char *bottega_grounding_render_recap_request (const char *question, guint n_words);

/* Notifies "used" of the passages whose markers have come. */
void bottega_grounding_mark_used (GListModel *passages, BottegaCitations *citations);
/* For an answer of a model that writes no markers: as bottega_citations_attribute (), and "used" is
 * set. NULL: nothing is clear. Free with g_free. */
char *bottega_grounding_attribute (const char *answer, GListModel *passages);

/* "I do not find an answer to this in the documents." in the question's language. Borrowed. */
const char *bottega_grounding_abstention (const char *question);

G_END_DECLS

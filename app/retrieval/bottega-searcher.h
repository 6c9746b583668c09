/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaSearcher: from a question to passages. Words (FTS5, BM25) and meaning (int8 vectors,
 * scanned exactly) each give their best chunks; the weighted sum of their scores orders them, what
 * says the same goes, neighbours widen each hit to a window, and raw scores tell whether the
 * documents answer at all.
 *
 * It has a connection of its own and keeps the vectors in memory; a search sees all that had been
 * committed when it began. One search at a time, on any thread; it blocks. */
#pragma once

#include "app/retrieval/bottega-embedder.h"

G_BEGIN_DECLS

typedef struct _BottegaSearcher BottegaSearcher;

/* What a search found; all strings owned. */
typedef struct {
  gint64 document, chunk; /* ids */
  char *path, *title;     /* title never NULL: the file's name where the document has none */
  char *heading;          /* "Rent › Increase"; NULL */
  guint page, last_page;  /* of the chunk; 0: no pages */
  guint32 offset, length; /* of the chunk, in the document's text */
  char *text;             /* the chunk */
  guint window_page;      /* of the window's first line */
  guint32 window_offset, window_length;
  char *window; /* the chunk with what stands around it: what the model reads */
  guint window_tokens;
  double score;          /* 0 to 1: how sure that it answers (calibrated raw scores, not ranks) */
  double lexical, dense; /* BM25 and cosine; 0: not found that way */
} BottegaFound;
void bottega_found_free (BottegaFound *found);

typedef struct {
  const char *text;        /* the question, as a person writes it */
  const gint64 *documents; /* only in these; NULL: in all */
  guint n_documents;
  guint n_passages;        /* at most; 0: 8 */
  guint window_tokens;     /* of one passage, at most; 0: 1,000; 1: the chunk alone */
  guint total_tokens;      /* of all windows together; 0: no limit */
  gboolean words, meaning; /* which halves; both FALSE: both */
} BottegaQuery;

/* What relevance was made of. */
typedef struct {
  double absent;  /* share of the question's weight in words that no document has */
  double covered; /* share of it in words that the best passage has */
  double cosine;  /* of the question and the nearest chunk */
  double missing; /* share of the question's names that none of the first passages has */
  double nearest; /* mean cosine of the nearest sentences in them; 0: they were not looked at */
} BottegaEvidence;

typedef struct {
  GPtrArray *passages; /* of BottegaFound, best first */
  double relevance;    /* 0 to 1, of the whole: is the answer in there? */
  gboolean answerable; /* relevance over the threshold */
  BottegaEvidence evidence;
  gboolean meaning;  /* vectors took part */
  guint n_documents; /* that were searched */
  double embed_ms, words_ms, meaning_ms, total_ms;
} BottegaResults;
void bottega_results_free (BottegaResults *results);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaResults, bottega_results_free)

/* path: of the space's file. embedder NULL: words only. */
BottegaSearcher *bottega_searcher_new (const char *path, BottegaEmbedder *embedder, GError **error);
void bottega_searcher_free (BottegaSearcher *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaSearcher, bottega_searcher_free)

/* Never fails for want of hits: passages is then empty. */
BottegaResults *bottega_searcher_search (BottegaSearcher *self, const BottegaQuery *query,
                                         GCancellable *cancellable, GError **error);

G_END_DECLS

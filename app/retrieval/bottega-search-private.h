/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the searcher share: the terms of a question, what is known of a chunk, and how
 * scores become an order and a certainty. Nobody else includes it. */
#pragma once

#include "app/retrieval/bottega-database.h"
#include "app/retrieval/bottega-language.h"
#include "app/retrieval/bottega-searcher.h"
#include "app/retrieval/bottega-vectors.h"

struct _BottegaSearcher {
  BottegaDatabase *database;
  BottegaEmbedder *embedder;

  /* As of version, which changes when anybody writes, and of the embedder's model then. */
  gint64 version;
  char *model;
  guint64 n_chunks;
  guint n_documents;
  double shares[BOTTEGA_N_LANGUAGES]; /* of the chunks */

  BottegaVectors *vectors; /* NULL: none yet */
  gint64 last_seq, removals;
  float *neutral; /* [BOTTEGA_N_LANGUAGES][dimensions]; NULL: not made yet */
};

/* ---- bottega-search-state.c ---- */

/* Makes the above true, inside of a read transaction. */
gboolean bottega_searcher_update (BottegaSearcher *self, GError **error);

/* ---- bottega-search-terms.c ---- */

typedef struct {
  char *stem;
  gboolean open; /* words that go on after the stem are meant as well */
  guint64 n;     /* chunks that have it, at most */
  double weight; /* how rare it is: log ((N + 1) / (n + 0.5)) */
  gboolean used; /* asked for: neither absent nor so common that it only costs time */
} BottegaTerm;

typedef struct {
  BottegaLanguage language;
  GArray *terms;      /* of BottegaTerm */
  double used_weight; /* of those that are used, together */
  double absent;      /* share of the weight of all whose words are in no document */
} BottegaTerms;

/* n_chunks: in the index. NULL on error; free with bottega_terms_free (). */
BottegaTerms *bottega_terms_new (BottegaDatabase *db, const char *question, guint64 n_chunks,
                                 GError **error);
void bottega_terms_free (BottegaTerms *terms);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaTerms, bottega_terms_free)
/* For FTS5's MATCH; NULL: nothing can be found by words. */
char *bottega_terms_expression (const BottegaTerms *terms);
/* Share of the weight of all terms whose words stand in these texts (some may be NULL). */
double bottega_terms_coverage (const BottegaTerms *terms, const char *const *texts, guint n_texts);

/* ---- bottega-search-window.c ---- */

typedef struct {
  gint64 id, document, edition;
  guint seq, page, last_page, kind, n_tokens;
  guint32 offset, length;
  char *heading, *path, *title;
} BottegaChunkRow;

/* 1: read, 0: it is not in sight, -1: error. Clear with bottega_chunk_row_clear (). */
int bottega_chunk_row_read (BottegaDatabase *db, gint64 chunk, BottegaChunkRow *row,
                            GError **error);
void bottega_chunk_row_clear (BottegaChunkRow *row);

typedef struct {
  guint32 offset, length;
  guint page, n_tokens;
} BottegaWindow;

/* The chunk and, while they fit, its neighbours below the same main heading, first what follows. */
gboolean bottega_window_find (BottegaDatabase *db, const BottegaChunkRow *row, guint most_tokens,
                              BottegaWindow *window, GError **error);

/* ---- bottega-search-questions.c ---- */

/* Neutral questions of each language: what is common to them is the way of asking and not the
 * matter, and is taken off a question's vector. [language] for ITALIAN and ENGLISH. */
#define BOTTEGA_N_NEUTRAL_QUESTIONS 24
extern const char *const bottega_neutral_questions[BOTTEGA_N_LANGUAGES]
                                                  [BOTTEGA_N_NEUTRAL_QUESTIONS];

/* ---- bottega-search-names.c ---- */

/* The names in a question, in the form of bottega_language_words (); GPtrArray of char *. */
GPtrArray *bottega_names_new (const char *question, BottegaLanguage language);
/* Share of them that stands in none of these texts (some may be NULL); 0 without names. */
double bottega_names_missing (const GPtrArray *names, const char *const *texts, guint n_texts);

/* ---- bottega-search-closer.c ---- */

/* nearest: mean cosine of the three sentences of texts that are nearest to the question's vector;
 * 0 without any. */
gboolean bottega_closer_look (BottegaEmbedder *embedder, const float *question,
                              const char *const *texts, guint n_texts, double *nearest,
                              GCancellable *cancellable, GError **error);

/* ---- bottega-search-certainty.c ---- */

/* 0 to 1. */
double bottega_certainty (const BottegaEvidence *evidence);
/* Sure enough to answer from it. */
gboolean bottega_certainty_suffices (const BottegaEvidence *evidence);
/* A closer look might change it. */
gboolean bottega_certainty_is_doubtful (double certainty);

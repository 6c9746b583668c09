/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The search: both halves, their fusion, the passages and how sure they are. It must not know who
 * embeds, nor what is done with a passage.
 *
 * Scores: a chunk's dense score is (question - mean of neutral questions of its language) · (chunk
 * - mean of its language's chunks), in deviations of all chunks' scores; its lexical one BM25 as a
 * share of the weights of the terms asked for. They are added, which was better than fusing ranks;
 * tests/retrieval/README.md has the figures of this and of all that was tried. */
#define G_LOG_DOMAIN "bottega-searcher"
#include "app/retrieval/bottega-search-private.h"
#include "app/retrieval/bottega-chunker.h"
#include "app/retrieval/bottega-store-documents.h"

#include <string.h>

#define N_DENSE        100
#define N_LEXICAL      100
#define N_READ         60 /* best of both that are looked at closely */
#define N_PASSAGES     8
#define WINDOW_TOKENS  1000
#define N_JUDGED       3 /* passages that say whether there is an answer */
#define LEXICAL_WEIGHT 2.0
#define FOREIGN_SHARE  0.5 /* of it, where chunk and question differ in language */
/* Below this the scores of a few chunks say nothing of what is usual. */
#define MIN_DEVIATION 0.01
/* Two chunks nearer than this say the same. */
#define DUPLICATE 0.985f

/* What absent and covered are taken for where the documents are hardly in the question's language,
 * or its words not known: the mean of questions that have an answer. */
#define USUAL_ABSENT  0.15
#define USUAL_COVERED 0.55
#define SAME_LANGUAGE 0.05
#define USUAL_COSINE  0.83

/* What stands in a table of contents is found, but an answer is not in it. */
static const double kind_scores[] = {
  [BOTTEGA_CHUNK_TEXT] = 0,
  [BOTTEGA_CHUNK_CONTENTS] = -1.5,
  [BOTTEGA_CHUNK_INDEX] = -1.5,
  [BOTTEGA_CHUNK_LICENCE] = -0.5,
  [BOTTEGA_CHUNK_REFERENCES] = -1,
};

static const char sql_words[] =
    "SELECT rowid, rank FROM chunk_words WHERE chunk_words MATCH ?1 ORDER BY rank LIMIT ?2";
static const char sql_words_within[] =
    "SELECT rowid, rank FROM chunk_words WHERE chunk_words MATCH ?1 AND rowid IN (SELECT c.id"
    " FROM json_each (?3) AS d JOIN chunks AS c ON c.document = d.value) ORDER BY rank LIMIT ?2";

void
bottega_found_free (BottegaFound *found)
{
  if (found == NULL)
    return;
  g_free (found->path);
  g_free (found->title);
  g_free (found->heading);
  g_free (found->text);
  g_free (found->window);
  g_free (found);
}

void
bottega_results_free (BottegaResults *results)
{
  if (results == NULL)
    return;
  g_ptr_array_unref (results->passages);
  g_free (results);
}

BottegaSearcher *
bottega_searcher_new (const char *path, BottegaEmbedder *embedder, GError **error)
{
  g_autoptr (BottegaSearcher) self = g_new0 (BottegaSearcher, 1);

  g_return_val_if_fail (path != NULL, NULL);

  self->version = -1;
  self->database = bottega_database_open (path, BOTTEGA_DATABASE_READ, error);
  if (self->database == NULL)
    return NULL;
  if (embedder != NULL)
    self->embedder = g_object_ref (embedder);

  return g_steal_pointer (&self);
}

void
bottega_searcher_free (BottegaSearcher *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->database, bottega_database_free);
  g_clear_object (&self->embedder);
  bottega_vectors_free (self->vectors);
  g_free (self->neutral);
  g_free (self->model);
  g_free (self);
}

/* ---- meaning ---- */

/* The mean vector of each language's neutral questions, and of both for another language. */
static gboolean
make_neutral (BottegaSearcher *self, GCancellable *cancellable, GError **error)
{
  guint dimensions = bottega_vectors_get_dimensions (self->vectors);
  g_autofree float *vectors = g_new (float, (gsize) BOTTEGA_N_NEUTRAL_QUESTIONS *dimensions);
  g_autofree float *means = g_new0 (float, (gsize) BOTTEGA_N_LANGUAGES *dimensions);

  for (guint l = BOTTEGA_LANGUAGE_UNKNOWN + 1; l < BOTTEGA_N_LANGUAGES; l++) {
    if (!bottega_embedder_embed (self->embedder, BOTTEGA_EMBED_QUERY, bottega_neutral_questions[l],
                                 BOTTEGA_N_NEUTRAL_QUESTIONS, vectors, cancellable, error))
      return FALSE;
    for (guint i = 0; i < dimensions; i++) {
      float sum = 0;

      for (guint q = 0; q < BOTTEGA_N_NEUTRAL_QUESTIONS; q++)
        sum += vectors[(gsize) q * dimensions + i];
      means[(gsize) l * dimensions + i] = sum / BOTTEGA_N_NEUTRAL_QUESTIONS;
      means[i] += sum / BOTTEGA_N_NEUTRAL_QUESTIONS / (BOTTEGA_N_LANGUAGES - 1);
    }
  }
  self->neutral = g_steal_pointer (&means);

  return TRUE;
}

/* ---- one search ---- */

typedef struct {
  gint64 chunk;
  guint row;   /* of the vectors; G_MAXUINT: it has none */
  guint place; /* in the rows that were read */
  double score, lexical, dense;
} Candidate;

typedef struct {
  BottegaSearcher *searcher;
  const BottegaQuery *query;
  BottegaTerms *terms;
  GPtrArray *names;     /* that the question is about */
  float *vector;        /* of the question, as it is; NULL: words alone */
  GArray *candidates;   /* of Candidate */
  GHashTable *by_chunk; /* chunk -> index in candidates + 1 */
  GArray *taken;        /* of Taken */
  GArray *evidence;     /* of BottegaEvidence, of the passages */
  BottegaResults *results;
  guint tokens_left;
} Search;

/* What a passage already covers. */
typedef struct {
  gint64 document;
  guint32 begin, end;
  guint row;
} Taken;

static Candidate *
candidate_for (Search *search, gint64 chunk)
{
  gpointer index = g_hash_table_lookup (search->by_chunk, &chunk);

  if (index == NULL) {
    Candidate candidate = { .chunk = chunk, .row = G_MAXUINT };

    g_array_append_val (search->candidates, candidate);
    index = GUINT_TO_POINTER (search->candidates->len);
    g_hash_table_insert (search->by_chunk, g_memdup2 (&chunk, sizeof chunk), index);
  }

  return &g_array_index (search->candidates, Candidate, GPOINTER_TO_UINT (index) - 1);
}

static char *
documents_json (const BottegaQuery *query)
{
  GString *json = g_string_new ("[");

  for (guint i = 0; i < query->n_documents; i++)
    g_string_append_printf (json, "%s%" G_GINT64_FORMAT, i > 0 ? "," : "", query->documents[i]);

  return g_string_free (g_string_append_c (json, ']'), FALSE);
}

static gboolean
search_words (Search *search, GError **error)
{
  BottegaSearcher *self = search->searcher;
  g_autofree char *expression = bottega_terms_expression (search->terms);
  g_autofree char *within =
      search->query->documents != NULL ? documents_json (search->query) : NULL;
  sqlite3_stmt *statement;
  int result;

  if (expression == NULL)
    return TRUE;
  statement = bottega_database_statement (self->database,
                                          within != NULL ? sql_words_within : sql_words, error);
  if (statement == NULL)
    return FALSE;
  bottega_database_bind_text (statement, 1, expression);
  sqlite3_bind_int (statement, 2, N_LEXICAL);
  if (within != NULL)
    bottega_database_bind_text (statement, 3, within);
  while ((result = sqlite3_step (statement)) == SQLITE_ROW) {
    Candidate *candidate = candidate_for (search, sqlite3_column_int64 (statement, 0));

    candidate->lexical = -sqlite3_column_double (statement, 1);
  }
  if (result != SQLITE_DONE)
    bottega_database_fail (self->database, error);
  sqlite3_reset (statement);

  return result == SQLITE_DONE;
}

static void
add_dense (Candidate *candidate, const BottegaVectorHit *hit, const BottegaVectorsSpread *spread)
{
  if (candidate->row != G_MAXUINT)
    return;
  candidate->row = hit->row;
  candidate->score +=
      (hit->score - spread->mean) / MAX (spread->deviation, MIN_DEVIATION);
}

/* The best by meaning, and the dense scores of those that words found. */
static void
search_meaning (Search *search)
{
  BottegaSearcher *self = search->searcher;
  guint dimensions = bottega_vectors_get_dimensions (self->vectors);
  const float *neutral = self->neutral + (gsize) search->terms->language * dimensions;
  g_autofree float *centred = g_new (float, dimensions);
  g_autoptr (GArray) hits = NULL;
  BottegaVectorsSpread spread;
  BottegaVectorHit hit;

  for (guint i = 0; i < dimensions; i++)
    centred[i] = search->vector[i] - neutral[i];
  hits = bottega_vectors_scan (self->vectors, centred, N_DENSE, search->query->documents,
                               search->query->n_documents, &spread);
  for (guint i = 0; i < search->candidates->len; i++) {
    Candidate *candidate = &g_array_index (search->candidates, Candidate, i);

    if (bottega_vectors_find (self->vectors, candidate->chunk, &hit))
      add_dense (candidate, &hit, &spread);
  }
  for (guint i = 0; i < hits->len; i++) {
    const BottegaVectorHit *best = &g_array_index (hits, BottegaVectorHit, i);

    add_dense (candidate_for (search, best->chunk), best, &spread);
  }
  for (guint i = 0; i < search->candidates->len; i++) {
    Candidate *candidate = &g_array_index (search->candidates, Candidate, i);

    if (candidate->row != G_MAXUINT)
      candidate->dense =
          (double) bottega_vectors_cosine (self->vectors, candidate->row, search->vector);
  }
}

/* In another language than the question: common words are then chance. */
static gboolean
is_foreign (const Search *search, const Candidate *candidate)
{
  guint tag = candidate->row != G_MAXUINT
                  ? bottega_vectors_get_tag (search->searcher->vectors, candidate->row)
                  : BOTTEGA_LANGUAGE_UNKNOWN;

  return search->terms->language != BOTTEGA_LANGUAGE_UNKNOWN && tag != BOTTEGA_LANGUAGE_UNKNOWN &&
         tag != search->terms->language;
}

/* The dense score is there already. */
static void
add_lexical (Search *search)
{
  for (guint i = 0; i < search->candidates->len; i++) {
    Candidate *candidate = &g_array_index (search->candidates, Candidate, i);
    double share = candidate->lexical / MAX (search->terms->used_weight, 1e-6);

    candidate->score +=
        LEXICAL_WEIGHT * (is_foreign (search, candidate) ? FOREIGN_SHARE : 1) * share;
  }
}

static int
compare_candidates (gconstpointer a, gconstpointer b)
{
  const Candidate *x = a, *y = b;

  if (x->score != y->score)
    return x->score > y->score ? -1 : 1;

  return x->chunk < y->chunk ? -1 : x->chunk > y->chunk;
}

/* ---- passages ---- */

/* Nothing new: it lies in an earlier passage, or says what one says. */
static gboolean
is_taken (Search *search, const Candidate *candidate, const BottegaChunkRow *row)
{
  for (guint i = 0; i < search->taken->len; i++) {
    const Taken *taken = &g_array_index (search->taken, Taken, i);

    if (taken->document == row->document && row->offset >= taken->begin &&
        row->offset + row->length <= taken->end)
      return TRUE;
    if (candidate->row != G_MAXUINT && taken->row != G_MAXUINT &&
        bottega_vectors_similarity (search->searcher->vectors, candidate->row, taken->row) >
            DUPLICATE)
      return TRUE;
  }

  return FALSE;
}

/* What speaks for it that this passage answers. */
static BottegaEvidence
evidence_of (Search *search, const Candidate *candidate, const BottegaFound *found)
{
  const BottegaTerms *terms = search->terms;
  const char *const texts[] = { found->window, found->heading, found->title };
  BottegaEvidence evidence = {
    .absent = terms->absent,
    .covered = bottega_terms_coverage (terms, texts, G_N_ELEMENTS (texts)),
    .cosine = search->vector != NULL ? candidate->dense : USUAL_COSINE,
    .missing = bottega_names_missing (search->names, texts, G_N_ELEMENTS (texts)),
  };

  if (terms->terms->len == 0 ||
      (terms->language != BOTTEGA_LANGUAGE_UNKNOWN &&
       search->searcher->shares[terms->language] < SAME_LANGUAGE)) {
    evidence.absent = USUAL_ABSENT;
    evidence.covered = USUAL_COVERED;
  } else if (is_foreign (search, candidate)) {
    evidence.absent = (evidence.absent + USUAL_ABSENT) / 2;
    evidence.covered = (evidence.covered + USUAL_COVERED) / 2;
  }

  return evidence;
}

static BottegaFound *
make_found (Search *search, const Candidate *candidate, BottegaChunkRow *row, GError **error)
{
  BottegaDatabase *db = search->searcher->database;
  guint most = search->query->window_tokens > 0 ? search->query->window_tokens : WINDOW_TOKENS;
  BottegaFound *found;
  BottegaWindow window;

  if (search->query->total_tokens > 0)
    most = MIN (most, search->tokens_left);
  if (!bottega_window_find (db, row, most, &window, error))
    return NULL;

  found = g_new0 (BottegaFound, 1);
  found->document = row->document;
  found->chunk = row->id;
  found->path = g_steal_pointer (&row->path);
  found->title = g_steal_pointer (&row->title);
  found->heading = g_steal_pointer (&row->heading);
  found->page = row->page;
  found->last_page = row->last_page;
  found->offset = row->offset;
  found->length = row->length;
  found->window_page = window.page;
  found->window_offset = window.offset;
  found->window_length = window.length;
  found->window_tokens = window.n_tokens;
  found->lexical = candidate->lexical;
  found->dense = candidate->dense;
  found->text =
      bottega_database_document_text (db, row->document, row->offset, row->length, error);
  if (found->text != NULL)
    found->window =
        bottega_database_document_text (db, row->document, window.offset, window.length, error);
  if (found->window == NULL)
    g_clear_pointer (&found, bottega_found_free);

  return found;
}

/* Adds the candidate's passage if it says something new. FALSE on error. */
static gboolean
add_passage (Search *search, const Candidate *candidate, BottegaChunkRow *row, GError **error)
{
  BottegaEvidence evidence;
  BottegaFound *found;
  Taken taken;

  if (is_taken (search, candidate, row))
    return TRUE;
  if (search->query->total_tokens > 0 && row->n_tokens > search->tokens_left)
    return TRUE;
  found = make_found (search, candidate, row, error);
  if (found == NULL)
    return FALSE;
  evidence = evidence_of (search, candidate, found);
  found->score = bottega_certainty (&evidence);
  g_array_append_val (search->evidence, evidence);
  taken = (Taken) { found->document, found->window_offset,
                    found->window_offset + found->window_length, candidate->row };
  g_array_append_val (search->taken, taken);
  search->tokens_left -= MIN (search->tokens_left, found->window_tokens);
  g_ptr_array_add (search->results->passages, found);

  return TRUE;
}

/* The best candidates that are in sight, with what their kind is worth, in order. */
static GArray *
read_best (Search *search, GArray *rows, GError **error)
{
  g_autoptr (GArray) best = g_array_new (FALSE, FALSE, sizeof (Candidate));

  g_array_sort (search->candidates, compare_candidates);
  for (guint i = 0; i < search->candidates->len && best->len < N_READ; i++) {
    Candidate candidate = g_array_index (search->candidates, Candidate, i);
    BottegaChunkRow row;
    int read = bottega_chunk_row_read (search->searcher->database, candidate.chunk, &row, error);

    if (read < 0)
      return NULL;
    if (read == 0)
      continue;
    if (row.kind < G_N_ELEMENTS (kind_scores))
      candidate.score += kind_scores[row.kind];
    candidate.place = rows->len;
    g_array_append_val (rows, row);
    g_array_append_val (best, candidate);
  }
  g_array_sort (best, compare_candidates);

  return g_steal_pointer (&best);
}

static void
clear_row (gpointer data)
{
  bottega_chunk_row_clear (data);
}

static gboolean
collect_passages (Search *search, GCancellable *cancellable, GError **error)
{
  g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (BottegaChunkRow));
  g_autoptr (GArray) best = NULL;
  guint most = search->query->n_passages > 0 ? search->query->n_passages : N_PASSAGES;

  g_array_set_clear_func (rows, clear_row);
  best = read_best (search, rows, error);
  if (best == NULL)
    return FALSE;
  for (guint i = 0; i < best->len && search->results->passages->len < most; i++) {
    const Candidate *candidate = &g_array_index (best, Candidate, i);

    if (g_cancellable_set_error_if_cancelled (cancellable, error) ||
        !add_passage (search, candidate,
                      &g_array_index (rows, BottegaChunkRow, candidate->place), error))
      return FALSE;
  }

  return TRUE;
}

static void
settle (BottegaResults *results)
{
  results->relevance = bottega_certainty (&results->evidence);
  results->answerable = bottega_certainty_suffices (&results->evidence);
}

/* Is there an answer at all? The best passage's words, the nearest chunk of all, and the names that
 * not one of the first passages has. */
static void
judge (Search *search)
{
  BottegaResults *results = search->results;
  double cosine = 0;

  if (results->passages->len == 0)
    return;
  for (guint i = 0; i < search->candidates->len; i++)
    cosine = MAX (cosine, g_array_index (search->candidates, Candidate, i).dense);
  results->evidence = g_array_index (search->evidence, BottegaEvidence, 0);
  if (search->vector != NULL)
    results->evidence.cosine = cosine;
  for (guint i = 1; i < MIN (search->evidence->len, N_JUDGED); i++)
    results->evidence.missing =
        MIN (results->evidence.missing,
             g_array_index (search->evidence, BottegaEvidence, i).missing);
  settle (results);
}

/* Where that leaves a doubt, single sentences of the first passages are looked at. Outside of any
 * transaction. */
static gboolean
judge_closer (Search *search, GCancellable *cancellable, GError **error)
{
  BottegaResults *results = search->results;
  const char *texts[N_JUDGED];
  guint n = MIN (results->passages->len, N_JUDGED);

  if (search->vector == NULL || n == 0 || !bottega_certainty_is_doubtful (results->relevance))
    return TRUE;
  for (guint i = 0; i < n; i++)
    texts[i] = ((const BottegaFound *) results->passages->pdata[i])->text;
  if (!bottega_closer_look (search->searcher->embedder, search->vector, texts, n,
                            &results->evidence.nearest, cancellable, error))
    return FALSE;
  settle (results);

  return TRUE;
}

static double
lap_ms (gint64 *since_us)
{
  gint64 now = g_get_monotonic_time ();
  double ms = (double) (now - *since_us) / 1000;

  *since_us = now;

  return ms;
}

/* Inside one read transaction. */
static gboolean
run (Search *search, GCancellable *cancellable, GError **error)
{
  BottegaSearcher *self = search->searcher;
  const BottegaQuery *query = search->query;
  gint64 since = g_get_monotonic_time ();
  gboolean words = query->words || !query->meaning;

  search->terms = bottega_terms_new (self->database, query->text, self->n_chunks, error);
  if (search->terms == NULL || (words && !search_words (search, error)))
    return FALSE;
  search->names = bottega_names_new (query->text, search->terms->language);
  search->results->words_ms = lap_ms (&since);
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (search->vector != NULL) {
    search_meaning (search);
    search->results->meaning = TRUE;
    search->results->meaning_ms = lap_ms (&since);
  }
  add_lexical (search);
  search->results->n_documents =
      query->documents != NULL ? query->n_documents : self->n_documents;
  if (!collect_passages (search, cancellable, error))
    return FALSE;
  judge (search);

  return TRUE;
}

/* The question's vector, outside of any transaction: it may take a moment. */
static gboolean
embed (Search *search, GCancellable *cancellable, GError **error)
{
  BottegaSearcher *self = search->searcher;
  gint64 since = g_get_monotonic_time ();

  if (self->vectors == NULL || bottega_vectors_get_n (self->vectors) == 0 ||
      (search->query->words && !search->query->meaning))
    return TRUE;
  if (self->neutral == NULL && !make_neutral (self, cancellable, error))
    return FALSE;
  since = g_get_monotonic_time ();
  search->vector = g_new (float, bottega_vectors_get_dimensions (self->vectors));
  if (!bottega_embedder_embed (self->embedder, BOTTEGA_EMBED_QUERY, &search->query->text, 1,
                               search->vector, cancellable, error))
    return FALSE;
  search->results->embed_ms = lap_ms (&since);

  return TRUE;
}

static gboolean
search_in_transactions (Search *search, GCancellable *cancellable, GError **error)
{
  BottegaDatabase *db = search->searcher->database;
  gboolean ok;

  if (!bottega_database_exec (db, "BEGIN", error))
    return FALSE;
  ok = bottega_searcher_update (search->searcher, error);
  ok = bottega_database_exec (db, "COMMIT", ok ? error : NULL) && ok;
  if (!ok || !embed (search, cancellable, error))
    return FALSE;

  if (!bottega_database_exec (db, "BEGIN", error))
    return FALSE;
  ok = run (search, cancellable, error);
  ok = bottega_database_exec (db, "COMMIT", ok ? error : NULL) && ok;

  return ok && judge_closer (search, cancellable, error);
}

BottegaResults *
bottega_searcher_search (BottegaSearcher *self,
                         const BottegaQuery *query,
                         GCancellable *cancellable,
                         GError **error)
{
  gint64 since = g_get_monotonic_time ();
  g_autoptr (BottegaResults) results = g_new0 (BottegaResults, 1);
  Search search = { .searcher = self, .query = query, .results = results };
  gboolean ok;

  results->passages = g_ptr_array_new_with_free_func ((GDestroyNotify) bottega_found_free);
  search.candidates = g_array_new (FALSE, FALSE, sizeof (Candidate));
  search.by_chunk = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  search.taken = g_array_new (FALSE, FALSE, sizeof (Taken));
  search.evidence = g_array_new (FALSE, FALSE, sizeof (BottegaEvidence));
  search.tokens_left = query->total_tokens;

  ok = search_in_transactions (&search, cancellable, error);

  bottega_terms_free (search.terms);
  g_clear_pointer (&search.names, g_ptr_array_unref);
  g_free (search.vector);
  g_array_unref (search.candidates);
  g_hash_table_unref (search.by_chunk);
  g_array_unref (search.taken);
  g_array_unref (search.evidence);
  results->total_ms = lap_ms (&since);

  return ok ? g_steal_pointer (&results) : NULL;
}

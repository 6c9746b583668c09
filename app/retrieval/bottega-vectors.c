/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Vectors as bytes, in blocks that never move, and the scan through all of them. It must not know
 * SQLite.
 *
 * A row's codes are multiplied with the question's as 16-bit integers: the question keeps 12 bits,
 * so that only the rows are rounded. Results are the same bits for any number of threads. */
#include "app/retrieval/bottega-vectors.h"
#include "app/retrieval/bottega-products.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_ROWS  4096
#define QUERY_LIMIT 2047
/* Rows of one tag below which its mean is drawn to the mean of all. */
#define PRIOR_ROWS 64
/* Fewer are not worth a second thread. */
#define ROWS_PER_THREAD 4096
#define LEFT_OUT        (-2.0f)

typedef struct {
  gint64 chunk, document;
  float scale;
  guint32 tag;
} Row;

typedef struct {
  Row rows[BLOCK_ROWS];
  float cosines[BLOCK_ROWS]; /* of the last scan; LEFT_OUT: it took no part */
  gint8 codes[];             /* [BLOCK_ROWS][stride] */
} Block;

struct _BottegaVectors {
  guint dimensions, stride, n;
  GPtrArray *blocks;
  double *sums; /* [BOTTEGA_VECTORS_N_TAGS][dimensions], of the rows as they are */
  guint counts[BOTTEGA_VECTORS_N_TAGS];
  guint32 *by_chunk; /* rows in the order of their chunks; for the first n_by_chunk rows */
  guint n_by_chunk;
  float biases[BOTTEGA_VECTORS_N_TAGS]; /* of the last scan */
};

float
bottega_vectors_quantise (const float *vector, guint n, gint8 *codes)
{
  float most = 0;

  for (guint i = 0; i < n; i++)
    most = MAX (most, fabsf (vector[i]));
  for (guint i = 0; i < n; i++)
    codes[i] = most > 0 ? (gint8) lrintf (vector[i] / most * 127) : 0;

  return most / 127;
}

BottegaVectors *
bottega_vectors_new (guint dimensions)
{
  BottegaVectors *self = g_new0 (BottegaVectors, 1);

  g_return_val_if_fail (dimensions > 0 && dimensions <= 8192, NULL);

  self->dimensions = dimensions;
  self->stride = (dimensions + BOTTEGA_PRODUCT_STEP - 1) / BOTTEGA_PRODUCT_STEP *
                 BOTTEGA_PRODUCT_STEP;
  self->blocks = g_ptr_array_new_with_free_func (g_free);
  self->sums = g_new0 (double, (gsize) BOTTEGA_VECTORS_N_TAGS *dimensions);

  return self;
}

void
bottega_vectors_free (BottegaVectors *self)
{
  if (self == NULL)
    return;

  g_ptr_array_unref (self->blocks);
  g_free (self->sums);
  g_free (self->by_chunk);
  g_free (self);
}

guint
bottega_vectors_get_n (BottegaVectors *self)
{
  return self->n;
}

guint
bottega_vectors_get_dimensions (BottegaVectors *self)
{
  return self->dimensions;
}

static gsize
block_bytes (BottegaVectors *self)
{
  return sizeof (Block) + (gsize) BLOCK_ROWS * self->stride;
}

gsize
bottega_vectors_get_bytes (BottegaVectors *self)
{
  return sizeof *self + self->blocks->len * block_bytes (self) +
         sizeof (double) * BOTTEGA_VECTORS_N_TAGS * self->dimensions +
         sizeof *self->by_chunk * self->n_by_chunk;
}

static Block *
block_of (BottegaVectors *self, guint row)
{
  return g_ptr_array_index (self->blocks, row / BLOCK_ROWS);
}

static Row *
row_at (BottegaVectors *self, guint row)
{
  return &block_of (self, row)->rows[row % BLOCK_ROWS];
}

static gint8 *
codes_at (BottegaVectors *self, guint row)
{
  return block_of (self, row)->codes + (gsize) (row % BLOCK_ROWS) * self->stride;
}

void
bottega_vectors_append (BottegaVectors *self,
                        gint64 chunk,
                        gint64 document,
                        guint tag,
                        float scale,
                        const gint8 *codes)
{
  double *sums = self->sums + (gsize) tag * self->dimensions;
  gint8 *own;

  g_return_if_fail (tag < BOTTEGA_VECTORS_N_TAGS);

  if (self->n == self->blocks->len * BLOCK_ROWS)
    g_ptr_array_add (self->blocks, g_malloc0 (block_bytes (self)));
  *row_at (self, self->n) = (Row) { chunk, document, scale, tag };
  own = codes_at (self, self->n);
  memcpy (own, codes, self->dimensions);
  for (guint i = 0; i < self->dimensions; i++)
    sums[i] += (double) scale * codes[i];
  self->counts[tag]++;
  self->n++;
}

/* ---- scan ---- */

/* A question as the kernels take it. */
typedef struct {
  gint16 *codes; /* [stride] */
  float scale;
} Query;

static Query
make_query (BottegaVectors *self, const float *vector)
{
  Query query = { g_new0 (gint16, self->stride), 0 };
  float most = 0;

  for (guint i = 0; i < self->dimensions; i++)
    most = MAX (most, fabsf (vector[i]));
  for (guint i = 0; i < self->dimensions && most > 0; i++)
    query.codes[i] = (gint16) lrintf (vector[i] / most * QUERY_LIMIT);
  query.scale = most / QUERY_LIMIT;

  return query;
}

/* What each tag's mean has of the question. */
static void
make_biases (BottegaVectors *self, const float *query)
{
  double dots[BOTTEGA_VECTORS_N_TAGS] = { 0 }, all = 0;

  for (guint tag = 0; tag < BOTTEGA_VECTORS_N_TAGS; tag++) {
    const double *sums = self->sums + (gsize) tag * self->dimensions;

    for (guint i = 0; i < self->dimensions; i++)
      dots[tag] += sums[i] * query[i];
    all += dots[tag];
  }
  all /= MAX (self->n, 1);
  for (guint tag = 0; tag < BOTTEGA_VECTORS_N_TAGS; tag++)
    self->biases[tag] =
        (float) ((dots[tag] + PRIOR_ROWS * all) / (self->counts[tag] + (double) PRIOR_ROWS));
}

typedef struct {
  float score;
  guint32 row;
} Candidate;

typedef struct {
  BottegaVectors *vectors;
  const Query *query;
  const gint64 *documents; /* in order; NULL: all */
  guint n_documents;
  guint begin, end; /* rows */
  Candidate *heap;  /* the worst of the best on top */
  guint n_heap, n_best;
  guint n;             /* rows that took part … */
  double sum, squares; /* … and their scores */
} Job;

/* Of equal scores the earlier row is better. */
static gboolean
is_better (const Candidate *a, const Candidate *b)
{
  return a->score > b->score || (a->score == b->score && a->row < b->row);
}

static void
swap (Candidate *a, Candidate *b)
{
  Candidate held = *a;

  *a = *b;
  *b = held;
}

static void
sift_down (Candidate *heap, guint n, guint i)
{
  for (;;) {
    guint worst = i;

    for (guint child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++)
      if (is_better (&heap[worst], &heap[child]))
        worst = child;
    if (worst == i)
      return;
    swap (&heap[i], &heap[worst]);
    i = worst;
  }
}

static void
push (Job *job, Candidate candidate)
{
  if (job->n_heap < job->n_best) {
    guint i = job->n_heap++;

    job->heap[i] = candidate;
    for (; i > 0 && is_better (&job->heap[(i - 1) / 2], &job->heap[i]); i = (i - 1) / 2)
      swap (&job->heap[i], &job->heap[(i - 1) / 2]);
  } else if (job->n_best > 0 && is_better (&candidate, &job->heap[0])) {
    job->heap[0] = candidate;
    sift_down (job->heap, job->n_heap, 0);
  }
}

static int
compare_ids (gconstpointer a, gconstpointer b)
{
  const gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

  return x < y ? -1 : x > y;
}

static gpointer
run_job (gpointer data)
{
  Job *job = data;
  BottegaVectors *self = job->vectors;
  BottegaProduct product = bottega_product_choose ();

  for (guint r = job->begin; r < job->end; r++) {
    const Row *row = row_at (self, r);
    float *cosine = &block_of (self, r)->cosines[r % BLOCK_ROWS];
    Candidate candidate = { .row = r };

    if (job->documents != NULL && bsearch (&row->document, job->documents, job->n_documents,
                                           sizeof (gint64), compare_ids) == NULL) {
      *cosine = LEFT_OUT;
      continue;
    }
    *cosine = (float) product (codes_at (self, r), job->query->codes, self->stride) * row->scale *
              job->query->scale;
    candidate.score = *cosine - self->biases[row->tag];
    job->n++;
    job->sum += (double) candidate.score;
    job->squares += (double) candidate.score * (double) candidate.score;
    push (job, candidate);
  }

  return NULL;
}

static BottegaVectorHit
hit_of (BottegaVectors *self, guint r)
{
  const Row *row = row_at (self, r);
  float cosine = block_of (self, r)->cosines[r % BLOCK_ROWS];

  return (BottegaVectorHit) { row->chunk, row->document, r, cosine,
                              cosine - self->biases[row->tag] };
}

static int
compare_candidates (gconstpointer a, gconstpointer b)
{
  return is_better (a, b) ? -1 : 1;
}

/* The best of both halves. */
static GArray *
join_jobs (BottegaVectors *self, Job *jobs, guint n_jobs, guint n_best)
{
  GArray *hits = g_array_new (FALSE, FALSE, sizeof (BottegaVectorHit));
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (Candidate));

  for (guint i = 0; i < n_jobs; i++)
    g_array_append_vals (all, jobs[i].heap, jobs[i].n_heap);
  g_array_sort (all, compare_candidates);
  for (guint i = 0; i < MIN (all->len, n_best); i++) {
    BottegaVectorHit hit = hit_of (self, g_array_index (all, Candidate, i).row);

    g_array_append_val (hits, hit);
  }

  return hits;
}

static void
measure (const Job *jobs, guint n_jobs, BottegaVectorsSpread *spread)
{
  double sum = 0, squares = 0;
  guint n = 0;

  for (guint i = 0; i < n_jobs; i++) {
    n += jobs[i].n;
    sum += jobs[i].sum;
    squares += jobs[i].squares;
  }
  *spread = (BottegaVectorsSpread) { .n = n };
  if (n > 0) {
    spread->mean = sum / n;
    spread->deviation = sqrt (MAX (squares / n - spread->mean * spread->mean, 0));
  }
}

GArray *
bottega_vectors_scan (BottegaVectors *self,
                      const float *query,
                      guint n_best,
                      const gint64 *documents,
                      guint n_documents,
                      BottegaVectorsSpread *spread)
{
  guint n_jobs = self->n >= 2 * ROWS_PER_THREAD ? 2 : 1;
  guint most = MIN (n_best, self->n);
  g_autofree Candidate *heaps = g_new (Candidate, MAX ((gsize) n_jobs * most, 1));
  g_autofree gint64 *sorted = NULL;
  Query own = make_query (self, query);
  GThread *thread = NULL;
  Job jobs[2];
  GArray *hits;

  make_biases (self, query);
  if (documents != NULL) {
    sorted = g_memdup2 (documents, sizeof (gint64) * MAX (n_documents, 1));
    qsort (sorted, n_documents, sizeof (gint64), compare_ids);
  }
  for (guint i = 0; i < n_jobs; i++)
    jobs[i] = (Job) { .vectors = self,
                      .query = &own,
                      .documents = sorted,
                      .n_documents = n_documents,
                      .begin = i == 0 ? 0 : self->n / 2,
                      .end = i + 1 == n_jobs ? self->n : self->n / 2,
                      .heap = heaps + (gsize) i * most,
                      .n_best = most };
  if (n_jobs > 1)
    thread = g_thread_new ("scan", run_job, &jobs[1]);
  run_job (&jobs[0]);
  g_clear_pointer (&thread, g_thread_join);

  hits = join_jobs (self, jobs, n_jobs, n_best);
  if (spread != NULL)
    measure (jobs, n_jobs, spread);
  g_free (own.codes);

  return hits;
}

/* ---- single rows ---- */

static int
compare_rows (gconstpointer a, gconstpointer b, gpointer data)
{
  BottegaVectors *self = data;

  return compare_ids (&row_at (self, *(const guint32 *) a)->chunk,
                      &row_at (self, *(const guint32 *) b)->chunk);
}

gboolean
bottega_vectors_find (BottegaVectors *self, gint64 chunk, BottegaVectorHit *hit)
{
  guint low = 0, high;

  if (self->n_by_chunk != self->n) {
    self->by_chunk = g_renew (guint32, self->by_chunk, self->n);
    for (guint i = 0; i < self->n; i++)
      self->by_chunk[i] = i;
    g_sort_array (self->by_chunk, self->n, sizeof *self->by_chunk, compare_rows, self);
    self->n_by_chunk = self->n;
  }
  for (high = self->n; low < high;) {
    guint middle = low + (high - low) / 2;

    if (row_at (self, self->by_chunk[middle])->chunk < chunk)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == self->n || row_at (self, self->by_chunk[low])->chunk != chunk)
    return FALSE;
  *hit = hit_of (self, self->by_chunk[low]);

  return hit->cosine > LEFT_OUT;
}

float
bottega_vectors_cosine (BottegaVectors *self, guint row, const float *vector)
{
  const gint8 *codes = codes_at (self, row);
  float dot = 0;

  for (guint i = 0; i < self->dimensions; i++)
    dot += codes[i] * vector[i];

  return dot * row_at (self, row)->scale;
}

guint
bottega_vectors_get_tag (BottegaVectors *self, guint row)
{
  return row_at (self, row)->tag;
}

float
bottega_vectors_similarity (BottegaVectors *self, guint row_a, guint row_b)
{
  const gint8 *a = codes_at (self, row_a), *b = codes_at (self, row_b);
  gint32 dot = 0;

  for (guint i = 0; i < self->dimensions; i++)
    dot += a[i] * b[i];

  return (float) dot * row_at (self, row_a)->scale * row_at (self, row_b)->scale;
}

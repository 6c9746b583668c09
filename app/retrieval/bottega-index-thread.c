/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the indexer's thread does, one step after the other: a command, else a file, else a batch of
 * passages, else a step of tidying. It must not know who watches.
 *
 * Files are read two at a time ahead of the one that is written. A killed process loses at most the
 * present step: what waits is in the rows, not here. */
#define G_LOG_DOMAIN "bottega-index"
#include "config.h"

#include "app/retrieval/bottega-index-thread.h"
#include "app/extract/bottega-extraction.h"
#include "app/retrieval/bottega-index-rows.h"
#include "app/retrieval/bottega-index-sync.h"

#include <glib/gi18n-lib.h>

#define READERS         2
#define READ_AHEAD      3
#define PASSAGES_A_STEP 16

/* A file that is being read. */
typedef struct {
  gint64 id;
  char *path;
  BottegaFileStamp stamp;
  GCancellable *cancellable;
  /* Results; guarded by the lock until done. */
  BottegaDocument *document;
  char *sha256;
  GError *error;
  gboolean done;
} Job;

struct _BottegaIndexThread {
  GThread *thread, *readers[READERS];
  char *path;
  BottegaEmbedder *embedder; /* NULL: words only */
  BottegaExtract extract;
  BottegaAccepts accepts;
  BottegaIndexNotify notify;
  gpointer notify_data;

  GMutex lock; /* guards all to the next gap */
  GCond wake;
  GQueue commands; /* of BottegaIndexCommand */
  GQueue to_read;  /* of Job, borrowed */
  gboolean quit, paused, readers_quit;
  GCancellable *cancellable;
  BottegaIndexProgress progress;

  /* The thread's own. */
  BottegaDatabase *db;
  GQueue jobs;     /* of Job: being read, in order */
  GQueue waiting;  /* of Job: not begun */
  GArray *wanting; /* ids of documents that want vectors; NULL: not known yet */
  guint next_wanting, next_seq;
  guint n_dimensions; /* 0: no vectors */
  gboolean working;
  double file_seconds, passage_seconds; /* spent on … */
  guint n_files, n_passages, n_chunks;  /* … these, ever; chunks of these files */
};

void
bottega_index_progress_clear (BottegaIndexProgress *progress)
{
  g_clear_pointer (&progress->current, g_free);
  g_clear_pointer (&progress->error, g_free);
}

static void
command_free (gpointer data)
{
  BottegaIndexCommand *command = data;

  g_strfreev (command->paths);
  g_free (command->ids);
  g_free (command);
}

static void
job_free (gpointer data)
{
  Job *job = data;

  g_free (job->path);
  g_clear_object (&job->cancellable);
  bottega_document_free (job->document);
  g_free (job->sha256);
  g_clear_error (&job->error);
  g_free (job);
}

/* ---- progress ---- */

static double
guess_seconds (const BottegaIndexThread *self)
{
  const BottegaIndexProgress *progress = &self->progress;
  double files = progress->files_total - progress->files_done;
  double passages = progress->passages_total - progress->passages_done;
  double seconds = 0;

  if (files > 0) {
    if (self->n_files == 0)
      return -1;
    seconds += files * self->file_seconds / self->n_files;
    if (self->n_dimensions > 0)
      passages += files * self->n_chunks / self->n_files;
  }
  if (passages > 0) {
    if (self->n_passages == 0)
      return -1;
    seconds += passages * self->passage_seconds / self->n_passages;
  }

  return seconds;
}

static void
tell (BottegaIndexThread *self, const char *current)
{
  g_mutex_lock (&self->lock);
  self->progress.seconds_left = guess_seconds (self);
  g_set_str (&self->progress.current, current);
  g_mutex_unlock (&self->lock);
  self->notify (self->notify_data);
}

static void
tell_changed (BottegaIndexThread *self)
{
  g_mutex_lock (&self->lock);
  self->progress.n_changes++;
  g_mutex_unlock (&self->lock);
  self->notify (self->notify_data);
}

/* What stops the present run. */
static void
give_up (BottegaIndexThread *self, const GError *error)
{
  self->working = FALSE;
  g_mutex_lock (&self->lock);
  g_set_str (&self->progress.error, error->message);
  g_mutex_unlock (&self->lock);
}

/* ---- reading files ---- */

static void
read_file (BottegaIndexThread *self, Job *job)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *sha256 = NULL;
  g_autoptr (BottegaDocument) document =
      self->extract (job->path, &sha256, job->cancellable, &error);

  g_mutex_lock (&self->lock);
  job->document = g_steal_pointer (&document);
  job->sha256 = g_steal_pointer (&sha256);
  job->error = g_steal_pointer (&error);
  job->done = TRUE;
  g_cond_broadcast (&self->wake);
  g_mutex_unlock (&self->lock);
}

static gpointer
reader_thread (gpointer data)
{
  BottegaIndexThread *self = data;

  for (;;) {
    Job *job;

    g_mutex_lock (&self->lock);
    while (g_queue_is_empty (&self->to_read) && !self->readers_quit)
      g_cond_wait (&self->wake, &self->lock);
    job = g_queue_pop_head (&self->to_read);
    g_mutex_unlock (&self->lock);
    if (job == NULL)
      return NULL;
    read_file (self, job);
  }
}

static int
compare_jobs (gconstpointer a, gconstpointer b, gpointer data)
{
  const Job *first = a, *second = b;

  return first->stamp.mtime_ns < second->stamp.mtime_ns   ? 1
         : first->stamp.mtime_ns > second->stamp.mtime_ns ? -1
                                                          : 0;
}

static gboolean
is_being_read (BottegaIndexThread *self, gint64 id)
{
  for (GList *l = self->jobs.head; l != NULL; l = l->next)
    if (((Job *) l->data)->id == id)
      return TRUE;

  return FALSE;
}

/* All that waits to be read, the newest files first. */
static gboolean
load_waiting (BottegaIndexThread *self, GError **error)
{
  g_autoptr (GPtrArray) entries = bottega_index_list (self->db, error);

  if (entries == NULL)
    return FALSE;
  g_queue_clear_full (&self->waiting, job_free);
  for (guint i = 0; i < entries->len; i++) {
    const BottegaIndexEntry *entry = g_ptr_array_index (entries, i);
    Job *job;

    if (entry->state != BOTTEGA_DOCUMENT_WAITING || is_being_read (self, entry->id))
      continue;
    job = g_new0 (Job, 1);
    job->id = entry->id;
    job->path = g_strdup (entry->path);
    bottega_scan_stamp (job->path, &job->stamp);
    g_queue_push_tail (&self->waiting, job);
  }
  g_queue_sort (&self->waiting, compare_jobs, NULL);

  return TRUE;
}

/* Begins a run, or goes on with other work. */
static gboolean
begin_run (BottegaIndexThread *self, GError **error)
{
  const char *id = NULL;

  self->n_dimensions = self->embedder != NULL ? bottega_embedder_get_dimensions (self->embedder)
                                              : 0;
  if (self->n_dimensions > 0)
    id = bottega_embedder_get_id (self->embedder);
  if (!bottega_index_set_embedder (self->db, id, error) || !load_waiting (self, error))
    return FALSE;
  g_clear_pointer (&self->wanting, g_array_unref);

  g_mutex_lock (&self->lock);
  if (!self->working) {
    self->progress.files_done = self->progress.passages_done = self->progress.passages_total = 0;
    g_clear_pointer (&self->progress.error, g_free);
  }
  self->progress.files_total = self->progress.files_done + self->jobs.length + self->waiting.length;
  self->progress.busy = TRUE;
  g_mutex_unlock (&self->lock);
  self->working = TRUE;

  return TRUE;
}

static void
read_ahead (BottegaIndexThread *self)
{
  while (self->jobs.length < READ_AHEAD && self->waiting.length > 0) {
    Job *job = g_queue_pop_head (&self->waiting);

    /* What changes while it is read is then newer than this. */
    bottega_scan_stamp (job->path, &job->stamp);
    g_queue_push_tail (&self->jobs, job);
    g_mutex_lock (&self->lock);
    job->cancellable = g_object_ref (self->cancellable);
    g_queue_push_tail (&self->to_read, job);
    g_cond_broadcast (&self->wake);
    g_mutex_unlock (&self->lock);
  }
}

/* TRUE: another try may help, without a change of the file. */
static gboolean
may_be_mended (const GError *error)
{
  return error->domain != BOTTEGA_EXTRACTION_ERROR ||
         error->code == BOTTEGA_EXTRACTION_ERROR_OPEN ||
         error->code == BOTTEGA_EXTRACTION_ERROR_FAILED;
}

static gboolean
put_failure (BottegaIndexThread *self, const Job *job, const GError *reason, GError **error)
{
  return bottega_index_put_failure (self->db, job->id, reason->message, job->stamp.size_bytes,
                                    may_be_mended (reason) ? -1 : job->stamp.mtime_ns, error);
}

static guint
count_tokens (const char *text, gsize n_bytes, gpointer user_data)
{
  return bottega_embedder_count_tokens (user_data, text, (gssize) n_bytes);
}

static gboolean
put_text (BottegaIndexThread *self, const Job *job, GError **error)
{
  g_autoptr (GArray) chunks =
      bottega_chunker_run (job->document, self->n_dimensions > 0 ? count_tokens : NULL,
                           self->embedder);
  const BottegaIndexText text = {
    .id = job->id,
    .document = job->document,
    .chunks = chunks,
    .sha256 = job->sha256,
    .size_bytes = job->stamp.size_bytes,
    .mtime_ns = job->stamp.mtime_ns,
    .vectors = self->n_dimensions > 0,
  };

  self->n_chunks += chunks->len;

  return bottega_index_put (self->db, &text, error);
}

/* Writes what was read. A failure is the document's own, unless not even that can be written. */
static void
write_job (BottegaIndexThread *self, const Job *job)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) worse = NULL;
  gboolean ok;

  if (g_error_matches (job->error, BOTTEGA_EXTRACTION_ERROR, BOTTEGA_EXTRACTION_ERROR_CANCELLED) ||
      g_error_matches (job->error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  ok = job->error == NULL ? put_text (self, job, &error)
                          : put_failure (self, job, job->error, &error);
  if (!ok && !put_failure (self, job, error, &worse))
    give_up (self, worse);
  else if (!ok && g_error_matches (error, BOTTEGA_STORE_ERROR, BOTTEGA_STORE_ERROR_FULL)) {
    gboolean working = self->working;

    give_up (self, error); /* it is told, but the next one may be smaller */
    self->working = working;
  }
}

/* A file: the one that was begun first. */
static void
file_step (BottegaIndexThread *self)
{
  gint64 start = g_get_monotonic_time ();
  g_autofree char *name = NULL;
  Job *job;
  gboolean done;

  read_ahead (self);
  job = g_queue_peek_head (&self->jobs);
  name = g_filename_display_basename (job->path);
  tell (self, name);
  g_mutex_lock (&self->lock);
  while (!job->done && g_queue_is_empty (&self->commands) && !self->quit)
    g_cond_wait (&self->wake, &self->lock);
  done = job->done;
  g_mutex_unlock (&self->lock);
  if (done) {
    g_queue_pop_head (&self->jobs);
    read_ahead (self);
    write_job (self, job);
    job_free (job);
    self->n_files++;
    g_mutex_lock (&self->lock);
    self->progress.files_done++;
    g_mutex_unlock (&self->lock);
    tell_changed (self);
  }
  self->file_seconds += (double) (g_get_monotonic_time () - start) / 1e6;
}

/* ---- vectors ---- */

/* Which documents want vectors; FALSE: none, or an error (then set). */
static gboolean
load_wanting (BottegaIndexThread *self, GError **error)
{
  g_autoptr (GPtrArray) entries = NULL;
  guint n = 0;

  self->wanting = bottega_index_list_wanting (self->db, error);
  self->next_wanting = self->next_seq = 0;
  if (self->wanting == NULL || self->wanting->len == 0)
    return FALSE;
  entries = bottega_index_list (self->db, error);
  if (entries == NULL)
    return FALSE;
  for (guint i = 0; i < entries->len; i++) {
    const BottegaIndexEntry *entry = g_ptr_array_index (entries, i);

    if (entry->state == BOTTEGA_DOCUMENT_WORDS)
      n += entry->n_chunks - MIN (entry->n_vectors, entry->n_chunks);
  }
  g_mutex_lock (&self->lock);
  self->progress.passages_total = self->progress.passages_done + n;
  g_mutex_unlock (&self->lock);

  return TRUE;
}

/* The next passages, of as many documents as it takes. */
static gboolean
collect_passages (BottegaIndexThread *self, GArray *passages, GError **error)
{
  while (passages->len < PASSAGES_A_STEP && self->next_wanting < self->wanting->len) {
    gint64 id = g_array_index (self->wanting, gint64, self->next_wanting);
    guint before = passages->len;

    if (!bottega_index_list_passages (self->db, id, self->next_seq, PASSAGES_A_STEP - before,
                                      passages, error))
      return FALSE;
    if (passages->len == PASSAGES_A_STEP) {
      self->next_seq = g_array_index (passages, BottegaIndexPassage, passages->len - 1).seq + 1;
    } else {
      self->next_wanting++;
      self->next_seq = 0;
    }
  }

  return TRUE;
}

static gboolean
embed (BottegaIndexThread *self, const GArray *passages, GError **error)
{
  const char *texts[PASSAGES_A_STEP];
  g_autofree float *vectors = g_new (float, (gsize) passages->len * self->n_dimensions);
  g_autoptr (GCancellable) cancellable = NULL;
  gint64 start = g_get_monotonic_time ();

  for (guint i = 0; i < passages->len; i++)
    texts[i] = g_array_index (passages, BottegaIndexPassage, i).text;
  g_mutex_lock (&self->lock);
  cancellable = g_object_ref (self->cancellable);
  g_mutex_unlock (&self->lock);
  if (!bottega_embedder_embed (self->embedder, BOTTEGA_EMBED_PASSAGE, texts, passages->len, vectors,
                               cancellable, error) ||
      !bottega_index_put_vectors (self->db, passages, vectors, self->n_dimensions, error))
    return FALSE;

  self->passage_seconds += (double) (g_get_monotonic_time () - start) / 1e6;
  self->n_passages += passages->len;
  g_mutex_lock (&self->lock);
  self->progress.passages_done += passages->len;
  g_mutex_unlock (&self->lock);

  return TRUE;
}

/* A batch of vectors. FALSE: there is nothing to do. */
static gboolean
vector_step (BottegaIndexThread *self, GError **error)
{
  g_autoptr (GArray) passages = NULL;

  if (self->n_dimensions == 0 || (self->wanting == NULL && !load_wanting (self, error)))
    return FALSE;
  passages = g_array_new (FALSE, FALSE, sizeof (BottegaIndexPassage));
  g_array_set_clear_func (passages, (GDestroyNotify) bottega_index_passage_clear);
  if (!collect_passages (self, passages, error) || passages->len == 0 ||
      !embed (self, passages, error))
    return FALSE;
  tell_changed (self);
  tell (self, NULL);

  return TRUE;
}

/* ---- commands ---- */

static gboolean
add_paths (BottegaIndexThread *self, const BottegaIndexCommand *command, GError **error)
{
  g_autoptr (GPtrArray) added = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) files = g_ptr_array_new ();

  for (guint i = 0; command->paths[i] != NULL; i++) {
    char *path = g_canonicalize_filename (command->paths[i], "/");
    gboolean folder = g_file_test (path, G_FILE_TEST_IS_DIR);

    g_ptr_array_add (added, path);
    if (!bottega_index_add_root (self->db, path, folder, error))
      return FALSE;
    if (!folder)
      g_ptr_array_add (files, path);
  }
  /* Also those that are not there: their row says so. */
  if (!bottega_index_add (self->db, files, error))
    return FALSE;

  return bottega_index_sync (self->db, added, self->accepts, self->cancellable, error);
}

static gboolean
remove_paths (BottegaIndexThread *self, const BottegaIndexCommand *command, GError **error)
{
  g_autoptr (GPtrArray) entries = bottega_index_list (self->db, error);

  if (entries == NULL)
    return FALSE;
  for (guint i = 0; command->paths[i] != NULL; i++) {
    g_autofree char *path = g_canonicalize_filename (command->paths[i], "/");

    if (!bottega_index_remove_roots (self->db, path, error))
      return FALSE;
    for (guint k = 0; k < entries->len; k++) {
      const BottegaIndexEntry *entry = g_ptr_array_index (entries, k);

      if (bottega_scan_is_below (entry->path, path) &&
          !bottega_index_remove (self->db, entry->id, error))
        return FALSE;
    }
  }

  return TRUE;
}

static gboolean
remove_documents (BottegaIndexThread *self, const BottegaIndexCommand *command, GError **error)
{
  g_autoptr (GPtrArray) entries = bottega_index_list (self->db, error);

  if (entries == NULL)
    return FALSE;
  for (guint i = 0; i < entries->len; i++) {
    const BottegaIndexEntry *entry = g_ptr_array_index (entries, i);

    for (guint k = 0; k < command->n_ids; k++)
      if (command->ids[k] == entry->id &&
          (!bottega_index_remove_roots (self->db, entry->path, error) ||
           !bottega_index_remove (self->db, entry->id, error)))
        return FALSE;
  }

  return TRUE;
}

static gboolean
renew (BottegaIndexThread *self, const BottegaIndexCommand *command, GError **error)
{
  if (command->n_ids == 0)
    return bottega_index_renew (self->db, 0, error);
  for (guint i = 0; i < command->n_ids; i++)
    if (!bottega_index_renew (self->db, command->ids[i], error))
      return FALSE;

  return TRUE;
}

static gboolean
refresh (BottegaIndexThread *self, const BottegaIndexCommand *command, GError **error)
{
  return bottega_index_sync (self->db, NULL, self->accepts, self->cancellable, error);
}

/* Lets what is being read come to its end. */
static void
drop_jobs (BottegaIndexThread *self)
{
  g_queue_clear_full (&self->waiting, job_free);
  g_mutex_lock (&self->lock);
  for (GList *l = self->jobs.head; l != NULL; l = l->next)
    while (!((Job *) l->data)->done)
      g_cond_wait (&self->wake, &self->lock);
  g_mutex_unlock (&self->lock);
  g_queue_clear_full (&self->jobs, job_free);
}

static gboolean
cancel (BottegaIndexThread *self, const BottegaIndexCommand *command, GError **error)
{
  drop_jobs (self);
  self->working = FALSE;
  g_mutex_lock (&self->lock);
  g_object_unref (self->cancellable);
  self->cancellable = g_cancellable_new ();
  g_mutex_unlock (&self->lock);

  return TRUE;
}

typedef gboolean (*CommandFunc) (BottegaIndexThread *self, const BottegaIndexCommand *command,
                                 GError **error);
static const CommandFunc command_funcs[BOTTEGA_INDEX_N_COMMANDS] = {
  [BOTTEGA_INDEX_ADD] = add_paths,
  [BOTTEGA_INDEX_REMOVE_PATHS] = remove_paths,
  [BOTTEGA_INDEX_REMOVE] = remove_documents,
  [BOTTEGA_INDEX_RENEW] = renew,
  [BOTTEGA_INDEX_REFRESH] = refresh,
  [BOTTEGA_INDEX_CANCEL] = cancel,
};

static void
handle (BottegaIndexThread *self, const BottegaIndexCommand *command)
{
  g_autoptr (GError) error = NULL;

  if (self->db != NULL &&
      (!command_funcs[command->kind](self, command, &error) ||
       (command->kind != BOTTEGA_INDEX_CANCEL && !begin_run (self, &error))))
    give_up (self, error);
  g_mutex_lock (&self->lock);
  self->progress.n_handled++;
  self->progress.busy = self->working || !g_queue_is_empty (&self->commands);
  g_mutex_unlock (&self->lock);
  tell_changed (self);
}

/* ---- the thread ---- */

static void
end_run (BottegaIndexThread *self)
{
  self->working = FALSE;
  drop_jobs (self);
  g_mutex_lock (&self->lock);
  self->progress.busy = !g_queue_is_empty (&self->commands);
  g_mutex_unlock (&self->lock);
  tell (self, NULL);
}

static void
step (BottegaIndexThread *self)
{
  g_autoptr (GError) error = NULL;
  gboolean more = FALSE;

  if (self->jobs.length > 0 || self->waiting.length > 0)
    file_step (self);
  else if (!vector_step (self, &error) && error == NULL &&
           (!bottega_index_tidy (self->db, &more, &error) || !more))
    self->working = FALSE;
  if (error != NULL && !g_cancellable_is_cancelled (self->cancellable))
    give_up (self, error);
  if (!self->working)
    end_run (self);
}

/* The next command, NULL: there is a step to do, or it is the end. */
static BottegaIndexCommand *
wait_for_work (BottegaIndexThread *self, gboolean *quit)
{
  BottegaIndexCommand *command;

  g_mutex_lock (&self->lock);
  while (!self->quit && g_queue_is_empty (&self->commands) && (!self->working || self->paused))
    g_cond_wait (&self->wake, &self->lock);
  *quit = self->quit;
  command = *quit ? NULL : g_queue_pop_head (&self->commands);
  g_mutex_unlock (&self->lock);

  return command;
}

static void
start (BottegaIndexThread *self)
{
  g_autoptr (GError) error = NULL;

  self->db = bottega_database_open (self->path, BOTTEGA_DATABASE_WRITE, &error);
  if (self->db == NULL || !bottega_index_recover (self->db, &error) || !begin_run (self, &error)) {
    give_up (self, error);
    end_run (self);
  }
}

static gpointer
index_thread (gpointer data)
{
  BottegaIndexThread *self = data;
  gboolean quit = FALSE;

  start (self);
  while (!quit) {
    BottegaIndexCommand *command = wait_for_work (self, &quit);

    if (command != NULL) {
      handle (self, command);
      command_free (command);
    } else if (!quit)
      step (self);
  }
  drop_jobs (self);
  g_clear_pointer (&self->wanting, g_array_unref);
  g_clear_pointer (&self->db, bottega_database_free);

  return NULL;
}

/* ---- from outside ---- */

BottegaIndexThread *
bottega_index_thread_new (const char *path,
                          BottegaEmbedder *embedder,
                          BottegaExtract extract,
                          BottegaAccepts accepts,
                          BottegaIndexNotify notify,
                          gpointer data)
{
  BottegaIndexThread *self = g_new0 (BottegaIndexThread, 1);

  self->path = g_strdup (path);
  self->embedder = embedder != NULL ? g_object_ref (embedder) : NULL;
  self->extract = extract;
  self->accepts = accepts;
  self->notify = notify;
  self->notify_data = data;
  g_mutex_init (&self->lock);
  g_cond_init (&self->wake);
  self->cancellable = g_cancellable_new ();
  self->progress.busy = TRUE;
  self->progress.seconds_left = -1;
  for (guint i = 0; i < READERS; i++)
    self->readers[i] = g_thread_new ("reader", reader_thread, self);
  self->thread = g_thread_new ("indexer", index_thread, self);

  return self;
}

void
bottega_index_thread_free (BottegaIndexThread *self)
{
  if (self == NULL)
    return;

  g_mutex_lock (&self->lock);
  self->quit = TRUE;
  g_cancellable_cancel (self->cancellable);
  g_cond_broadcast (&self->wake);
  g_mutex_unlock (&self->lock);
  g_thread_join (self->thread);

  g_mutex_lock (&self->lock);
  self->readers_quit = TRUE;
  g_cond_broadcast (&self->wake);
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < READERS; i++)
    g_thread_join (self->readers[i]);
  g_queue_clear_full (&self->commands, command_free);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->embedder);
  bottega_index_progress_clear (&self->progress);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->wake);
  g_free (self->path);
  g_free (self);
}

void
bottega_index_thread_push (BottegaIndexThread *self, BottegaIndexCommand *command)
{
  g_mutex_lock (&self->lock);
  if (command->kind == BOTTEGA_INDEX_CANCEL)
    g_cancellable_cancel (self->cancellable);
  g_queue_push_tail (&self->commands, command);
  g_cond_broadcast (&self->wake);
  g_mutex_unlock (&self->lock);
}

void
bottega_index_thread_set_paused (BottegaIndexThread *self, gboolean paused)
{
  g_mutex_lock (&self->lock);
  self->paused = paused;
  g_cond_broadcast (&self->wake);
  g_mutex_unlock (&self->lock);
}

BottegaIndexProgress
bottega_index_thread_get_progress (BottegaIndexThread *self)
{
  BottegaIndexProgress copy;

  g_mutex_lock (&self->lock);
  copy = self->progress;
  copy.current = g_strdup (copy.current);
  copy.error = g_strdup (copy.error);
  g_mutex_unlock (&self->lock);

  return copy;
}

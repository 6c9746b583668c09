/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Searches, and the reading of a whole document, on a thread of their own. It must not know what is
 * done with what they find. */
#define G_LOG_DOMAIN "bottega-library-search"
#include "config.h"

#include "app/assistant/bottega-library-internal.h"
#include "app/retrieval/bottega-store-documents.h"

#include <string.h>

typedef struct {
  BottegaLibrarySearchSide *side;
  BottegaGroundingRequest request; /* a search; its strings are owned here */
  GCancellable *cancellable;
  gint64 document; /* a reading */
  guint part_bytes;
  char *title, *path;

  BottegaGrounded *grounded;
  GPtrArray *parts;
  GError *error;

  BottegaLibraryFound found;
  BottegaLibraryParts got_parts;
  gpointer user_data;
  GDestroyNotify destroy;
} Job;

static void
job_free (gpointer data)
{
  Job *job = data;

  g_free ((char *) job->request.question);
  g_free ((char *) job->request.previous);
  g_free ((gint64 *) job->request.documents);
  g_clear_object (&job->cancellable);
  g_free (job->title);
  g_free (job->path);
  bottega_grounded_free (job->grounded);
  g_clear_pointer (&job->parts, g_ptr_array_unref);
  g_clear_error (&job->error);
  if (job->destroy != NULL)
    job->destroy (job->user_data);
  g_free (job);
}

static Job *
job_new (BottegaLibrary *self, gpointer user_data, GDestroyNotify destroy)
{
  Job *job = g_new0 (Job, 1);

  job->side = &self->side;
  job->user_data = user_data;
  job->destroy = destroy;

  return job;
}

static void
push (BottegaLibrary *self, BottegaWorkerFunc run, BottegaWorkerFunc done, Job *job)
{
  if (self->shut_down || !bottega_library_get_available (self)) {
    job_free (job);
    return;
  }
  if (self->searches == NULL) {
    self->side.path = g_strdup (bottega_store_get_path (self->store));
    g_set_object (&self->side.embedder, self->embedder);
    self->searches = bottega_worker_new ("search");
  }
  bottega_worker_push (self->searches, run, done, job, job_free);
}

void
bottega_library_end_searches (BottegaLibrary *self)
{
  g_clear_pointer (&self->searches, bottega_worker_free);
  g_clear_pointer (&self->side.searcher, bottega_searcher_free);
  g_clear_object (&self->side.embedder);
  g_clear_pointer (&self->side.path, g_free);
}

/* ---- a search ---- */

static void
run_search (gpointer data)
{
  Job *job = data;
  BottegaLibrarySearchSide *side = job->side;

  if (side->searcher == NULL)
    side->searcher = bottega_searcher_new (side->path, side->embedder, &job->error);
  if (side->searcher != NULL)
    job->grounded = bottega_grounding_search (side->searcher, &job->request, job->cancellable,
                                              &job->error);
}

static void
search_done (gpointer data)
{
  Job *job = data;

  job->found (job->grounded, job->error, job->user_data);
}

void
bottega_library_search (BottegaLibrary *self,
                        const BottegaGroundingRequest *request,
                        GCancellable *cancellable,
                        BottegaLibraryFound callback,
                        gpointer user_data,
                        GDestroyNotify destroy)
{
  Job *job;

  g_return_if_fail (BOTTEGA_IS_LIBRARY (self));
  g_return_if_fail (request != NULL && request->question != NULL && callback != NULL);

  job = job_new (self, user_data, destroy);
  job->request = *request;
  job->request.question = g_strdup (request->question);
  job->request.previous = g_strdup (request->previous);
  job->request.documents =
      g_memdup2 (request->documents, request->n_documents * sizeof (gint64));
  g_set_object (&job->cancellable, cancellable);
  job->found = callback;
  push (self, run_search, search_done, job);
}

/* ---- the parts of a document ---- */

static void
add_part (Job *job, const char *text, const BottegaBlock *first, const BottegaBlock *last)
{
  BottegaFound *part = g_new0 (BottegaFound, 1);

  part->document = job->document;
  part->path = g_strdup (job->path);
  part->title = g_strdup (job->title);
  part->page = first->page;
  part->last_page = last->page;
  part->offset = first->offset;
  part->length = last->offset + last->length - first->offset;
  part->text = g_strndup (text + part->offset, part->length);
  part->score = 1;
  g_ptr_array_add (job->parts, part);
}

/* A block that is longer than a part by itself is one part: it is summed up as it is. */
static void
cut (Job *job, const char *text, const GArray *blocks)
{
  const BottegaBlock *first = NULL, *last = NULL;
  gsize n_bytes = strlen (text);

  job->parts = g_ptr_array_new_with_free_func ((GDestroyNotify) bottega_found_free);
  for (guint i = 0; i < blocks->len; i++) {
    const BottegaBlock *block = &g_array_index (blocks, BottegaBlock, i);

    if ((gsize) block->offset + block->length > n_bytes)
      break;
    if (first != NULL && block->offset + block->length - first->offset > job->part_bytes) {
      add_part (job, text, first, last);
      first = NULL;
    }
    if (first == NULL)
      first = block;
    last = block;
  }
  if (first != NULL)
    add_part (job, text, first, last);
}

static void
run_read (gpointer data)
{
  Job *job = data;
  g_autoptr (BottegaDatabase) db =
      bottega_database_open (job->side->path, BOTTEGA_DATABASE_READ, &job->error);
  g_autofree char *text = NULL;
  g_autoptr (GArray) blocks = NULL;

  if (db == NULL)
    return;
  text = bottega_database_document_text (db, job->document, 0, 0, &job->error);
  if (text != NULL)
    blocks = bottega_database_document_blocks (db, job->document, 0, G_MAXUINT32, &job->error);
  if (blocks != NULL)
    cut (job, text, blocks);
}

static void
read_done (gpointer data)
{
  Job *job = data;

  job->got_parts (job->parts, job->error, job->user_data);
}

void
bottega_library_read_parts (BottegaLibrary *self,
                            gint64 document,
                            guint part_bytes,
                            BottegaLibraryParts callback,
                            gpointer user_data,
                            GDestroyNotify destroy)
{
  BottegaDocumentItem *item;
  Job *job;

  g_return_if_fail (BOTTEGA_IS_LIBRARY (self));
  g_return_if_fail (callback != NULL);

  job = job_new (self, user_data, destroy);
  item = bottega_library_find (self, document);
  job->document = document;
  job->part_bytes = part_bytes;
  job->title = g_strdup (item != NULL ? bottega_document_item_get_title (item) : "");
  job->path = g_strdup (item != NULL ? bottega_document_item_get_path (item) : "");
  job->got_parts = callback;
  push (self, run_read, read_done, job);
}

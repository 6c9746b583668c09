/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file of a space in this process: its lock, the thread that owns its connection, and jobs for
 * it. It must not know what is in the tables; that is for the files beside it.
 *
 * A lock file (flock) tells a second process that the space is in use: it would take the first
 * one's answers in progress for interrupted ones. */
#define G_LOG_DOMAIN "bottega-store"
#include "config.h"

#include "app/retrieval/bottega-store-private.h"
#include "app/retrieval/bottega-worker.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct _BottegaStore {
  GObject parent_instance;

  char *path;  /* NULL: in memory */
  int lock_fd; /* -1: none */
  BottegaWorker *worker;
  BottegaDatabase *database; /* the worker's, once it runs */
};

typedef struct {
  BottegaStore *store; /* borrowed: the worker ends before the store does */
  gboolean write;
  BottegaStoreWork work;
  BottegaStoreReply done;
  gpointer data;
  GDestroyNotify destroy;
  GError *error;
} StoreJob;

static guint failed_signal;

G_DEFINE_QUARK (bottega-store-error-quark, bottega_store_error)
G_DEFINE_FINAL_TYPE (BottegaStore, bottega_store, G_TYPE_OBJECT)

static void
bottega_store_finalize (GObject *object)
{
  BottegaStore *self = BOTTEGA_STORE (object);

  g_clear_pointer (&self->worker, bottega_worker_free);
  g_clear_pointer (&self->database, bottega_database_free);
  if (self->lock_fd >= 0)
    close (self->lock_fd);
  g_free (self->path);

  G_OBJECT_CLASS (bottega_store_parent_class)->finalize (object);
}

static void
bottega_store_class_init (BottegaStoreClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bottega_store_finalize;
  failed_signal = g_signal_new ("failed", BOTTEGA_TYPE_STORE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                NULL,
                                G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
bottega_store_init (BottegaStore *self)
{
  self->lock_fd = -1;
}

/* ---- opening ---- */

/* Takes the space for this process. */
static gboolean
take_lock (BottegaStore *self, GError **error)
{
  g_autofree char *path = g_strconcat (self->path, ".lock", NULL);

  self->lock_fd = g_open (path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (self->lock_fd < 0) {
    int code = errno;

    g_set_error (error, BOTTEGA_STORE_ERROR, BOTTEGA_STORE_ERROR_OPEN,
                 _ ("“%s” cannot be written: %s."), path, g_strerror (code));
    return FALSE;
  }
  if (flock (self->lock_fd, LOCK_EX | LOCK_NB) != 0) {
    g_set_error (error, BOTTEGA_STORE_ERROR, BOTTEGA_STORE_ERROR_LOCKED,
                 _ ("“%s” is in use by another Bottega. Close it, then try again."), self->path);
    return FALSE;
  }

  return TRUE;
}

static BottegaStore *
open_database (BottegaStore *store, GError **error)
{
  g_autoptr (BottegaStore) self = store;

  self->database = bottega_database_open (self->path, BOTTEGA_DATABASE_CREATE, error);
  if (self->database == NULL || !bottega_store_recover_chats (self->database, error))
    return NULL;
  self->worker = bottega_worker_new ("store");

  return g_steal_pointer (&self);
}

BottegaStore *
bottega_store_open (const char *data_dir, const char *name, GError **error)
{
  g_autoptr (BottegaStore) self = NULL;
  g_autofree char *folder = NULL;
  g_autofree char *file = NULL;

  g_return_val_if_fail (data_dir != NULL && name != NULL && strchr (name, '/') == NULL, NULL);

  self = g_object_new (BOTTEGA_TYPE_STORE, NULL);
  folder = g_build_filename (data_dir, "spaces", NULL);
  file = g_strconcat (name, ".sqlite", NULL);
  self->path = g_build_filename (folder, file, NULL);
  if (g_mkdir_with_parents (folder, 0700) != 0) {
    int code = errno;

    g_set_error (error, BOTTEGA_STORE_ERROR, BOTTEGA_STORE_ERROR_OPEN,
                 _ ("The folder “%s” cannot be made: %s."), folder, g_strerror (code));
    return NULL;
  }
  if (!take_lock (self, error))
    return NULL;

  return open_database (g_object_ref (self), error);
}

BottegaStore *
bottega_store_open_in_memory (GError **error)
{
  return open_database (g_object_new (BOTTEGA_TYPE_STORE, NULL), error);
}

/* ---- jobs ---- */

static void
job_run (gpointer data)
{
  StoreJob *job = data;

  job->work (job->store->database, job->data, &job->error);
}

static void
job_done (gpointer data)
{
  StoreJob *job = data;
  g_autoptr (BottegaStore) self = g_object_ref (job->store);

  if (job->error != NULL && job->write)
    g_signal_emit (self, failed_signal, 0, job->error->message);
  if (job->done != NULL)
    job->done (self, job->data, job->error);
}

static void
job_free (gpointer data)
{
  StoreJob *job = data;

  if (job->destroy != NULL)
    job->destroy (job->data);
  g_clear_error (&job->error);
  g_free (job);
}

void
bottega_store_push (BottegaStore *self,
                    gboolean write,
                    BottegaStoreWork work,
                    BottegaStoreReply done,
                    gpointer data,
                    GDestroyNotify destroy)
{
  StoreJob *job = g_new0 (StoreJob, 1);

  *job = (StoreJob) { self, write, work, done, data, destroy, NULL };
  bottega_worker_push (self->worker, job_run, job_done, job, job_free);
}

const char *
bottega_store_get_path (BottegaStore *self)
{
  g_return_val_if_fail (BOTTEGA_IS_STORE (self), NULL);

  return self->path;
}

void
bottega_store_flush (BottegaStore *self)
{
  g_return_if_fail (BOTTEGA_IS_STORE (self));

  bottega_worker_wait (self->worker);
}

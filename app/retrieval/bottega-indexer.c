/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The indexer as the main thread sees it: commands in, properties and signals out. What is done
 * with them is the business of the thread behind it. */
#define G_LOG_DOMAIN "bottega-indexer"

#include "app/retrieval/bottega-indexer.h"
#include "app/extract/bottega-extraction.h"
#include "app/retrieval/bottega-index-thread.h"

/* At most ten times a second. */
#define NOTIFY_US 100000

struct _BottegaIndexer {
  GObject parent_instance;

  BottegaIndexThread *thread; /* NULL after shutdown */
  GSource *source;
  guint64 n_sent; /* commands */
  gboolean paused;
  BottegaIndexProgress progress; /* as it was told last */
  GMutex lock;
  gint64 last_us; /* of the source's last time; guarded by the lock */
};

typedef struct {
  GSource parent;
  BottegaIndexer *indexer; /* borrowed */
} IndexerSource;

enum {
  PROP_BUSY = 1,
  PROP_PAUSED,
  PROP_FILES_DONE,
  PROP_FILES_TOTAL,
  PROP_PASSAGES_DONE,
  PROP_PASSAGES_TOTAL,
  PROP_SECONDS_LEFT,
  PROP_CURRENT,
  PROP_ERROR,
  N_PROPS,
};
static GParamSpec *props[N_PROPS];
static guint changed_signal;

G_DEFINE_FINAL_TYPE (BottegaIndexer, bottega_indexer, G_TYPE_OBJECT)

static gboolean
is_busy (BottegaIndexer *self)
{
  return self->thread != NULL &&
         (self->progress.busy || self->progress.n_handled < self->n_sent);
}

/* ---- progress ---- */

/* Called on the thread. */
static void
on_progress (gpointer data)
{
  BottegaIndexer *self = data;

  g_mutex_lock (&self->lock);
  if (self->source != NULL && g_source_get_ready_time (self->source) == -1)
    g_source_set_ready_time (self->source, self->last_us + NOTIFY_US);
  g_mutex_unlock (&self->lock);
}

/* Tells what is different from the last time. */
static void
take_progress (BottegaIndexer *self)
{
  BottegaIndexProgress old = self->progress;
  gboolean was_busy = is_busy (self);
  const BottegaIndexProgress *now = &self->progress;

  self->progress = bottega_index_thread_get_progress (self->thread);
  {
    const struct {
      guint prop;
      gboolean different;
    } notes[] = {
      { PROP_FILES_DONE, old.files_done != now->files_done },
      { PROP_FILES_TOTAL, old.files_total != now->files_total },
      { PROP_PASSAGES_DONE, old.passages_done != now->passages_done },
      { PROP_PASSAGES_TOTAL, old.passages_total != now->passages_total },
      { PROP_SECONDS_LEFT, old.seconds_left < now->seconds_left ||
                               old.seconds_left > now->seconds_left },
      { PROP_CURRENT, g_strcmp0 (old.current, now->current) != 0 },
      { PROP_ERROR, g_strcmp0 (old.error, now->error) != 0 },
      { PROP_BUSY, was_busy != is_busy (self) },
    };
    gboolean changed = old.n_changes != now->n_changes;

    bottega_index_progress_clear (&old);
    g_object_freeze_notify (G_OBJECT (self));
    for (guint i = 0; i < G_N_ELEMENTS (notes); i++)
      if (notes[i].different)
        g_object_notify_by_pspec (G_OBJECT (self), props[notes[i].prop]);
    if (changed)
      g_signal_emit (self, changed_signal, 0);
    g_object_thaw_notify (G_OBJECT (self));
  }
}

static gboolean
source_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  g_autoptr (BottegaIndexer) self = g_object_ref (((IndexerSource *) source)->indexer);

  g_mutex_lock (&self->lock);
  g_source_set_ready_time (source, -1);
  self->last_us = g_get_monotonic_time ();
  g_mutex_unlock (&self->lock);
  if (self->thread != NULL)
    take_progress (self);

  return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = { .dispatch = source_dispatch };

/* ---- object ---- */

static void
bottega_indexer_dispose (GObject *object)
{
  bottega_indexer_shutdown (BOTTEGA_INDEXER (object));

  G_OBJECT_CLASS (bottega_indexer_parent_class)->dispose (object);
}

static void
bottega_indexer_finalize (GObject *object)
{
  BottegaIndexer *self = BOTTEGA_INDEXER (object);

  bottega_index_progress_clear (&self->progress);
  g_mutex_clear (&self->lock);

  G_OBJECT_CLASS (bottega_indexer_parent_class)->finalize (object);
}

static void
bottega_indexer_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  BottegaIndexer *self = BOTTEGA_INDEXER (object);
  const BottegaIndexProgress *progress = &self->progress;

  switch (prop_id) {
  case PROP_BUSY:
    g_value_set_boolean (value, is_busy (self));
    break;
  case PROP_PAUSED:
    g_value_set_boolean (value, self->paused);
    break;
  case PROP_FILES_DONE:
    g_value_set_uint (value, progress->files_done);
    break;
  case PROP_FILES_TOTAL:
    g_value_set_uint (value, progress->files_total);
    break;
  case PROP_PASSAGES_DONE:
    g_value_set_uint (value, progress->passages_done);
    break;
  case PROP_PASSAGES_TOTAL:
    g_value_set_uint (value, progress->passages_total);
    break;
  case PROP_SECONDS_LEFT:
    g_value_set_double (value, progress->seconds_left);
    break;
  case PROP_CURRENT:
    g_value_set_string (value, progress->current);
    break;
  case PROP_ERROR:
    g_value_set_string (value, progress->error);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
  }
}

static void
bottega_indexer_set_property (GObject *object, guint prop_id, const GValue *value,
                              GParamSpec *pspec)
{
  BottegaIndexer *self = BOTTEGA_INDEXER (object);

  switch (prop_id) {
  case PROP_PAUSED:
    if (self->paused == g_value_get_boolean (value))
      break;
    self->paused = g_value_get_boolean (value);
    if (self->thread != NULL)
      bottega_index_thread_set_paused (self->thread, self->paused);
    g_object_notify_by_pspec (object, pspec);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
  }
}

static void
bottega_indexer_class_init (BottegaIndexerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->dispose = bottega_indexer_dispose;
  object_class->finalize = bottega_indexer_finalize;
  object_class->get_property = bottega_indexer_get_property;
  object_class->set_property = bottega_indexer_set_property;

  props[PROP_BUSY] = g_param_spec_boolean ("busy", NULL, NULL, FALSE, flags);
  props[PROP_PAUSED] = g_param_spec_boolean ("paused", NULL, NULL, FALSE,
                                             G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                                 G_PARAM_EXPLICIT_NOTIFY);
  props[PROP_FILES_DONE] = g_param_spec_uint ("files-done", NULL, NULL, 0, G_MAXUINT, 0, flags);
  props[PROP_FILES_TOTAL] = g_param_spec_uint ("files-total", NULL, NULL, 0, G_MAXUINT, 0, flags);
  props[PROP_PASSAGES_DONE] = g_param_spec_uint ("passages-done", NULL, NULL, 0, G_MAXUINT, 0,
                                                 flags);
  props[PROP_PASSAGES_TOTAL] = g_param_spec_uint ("passages-total", NULL, NULL, 0, G_MAXUINT, 0,
                                                  flags);
  props[PROP_SECONDS_LEFT] = g_param_spec_double ("seconds-left", NULL, NULL, -1, G_MAXDOUBLE, -1,
                                                  flags);
  props[PROP_CURRENT] = g_param_spec_string ("current", NULL, NULL, NULL, flags);
  props[PROP_ERROR] = g_param_spec_string ("error", NULL, NULL, NULL, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);
  changed_signal = g_signal_new ("changed", BOTTEGA_TYPE_INDEXER, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                 NULL, G_TYPE_NONE, 0);
}

static void
bottega_indexer_init (BottegaIndexer *self)
{
  g_mutex_init (&self->lock);
  self->progress.busy = TRUE;
  self->progress.seconds_left = -1;
}

static BottegaDocument *
extract (const char *path, char **sha256, GCancellable *cancellable, GError **error)
{
  return bottega_extraction_run (path, NULL, sha256, cancellable, error);
}

BottegaIndexer *
bottega_indexer_new (const char *path, BottegaEmbedder *embedder)
{
  return bottega_indexer_new_with_extract (path, embedder, extract, bottega_extraction_accepts);
}

BottegaIndexer *
bottega_indexer_new_with_extract (const char *path,
                                  BottegaEmbedder *embedder,
                                  BottegaExtract extractor,
                                  BottegaAccepts accepts)
{
  BottegaIndexer *self;

  g_return_val_if_fail (path != NULL, NULL);

  self = g_object_new (BOTTEGA_TYPE_INDEXER, NULL);
  self->source = g_source_new (&source_funcs, sizeof (IndexerSource));
  ((IndexerSource *) self->source)->indexer = self;
  g_source_set_name (self->source, "[bottega] indexer");
  g_source_attach (self->source, g_main_context_get_thread_default ());
  self->thread = bottega_index_thread_new (path, embedder, extractor, accepts, on_progress, self);

  return self;
}

void
bottega_indexer_shutdown (BottegaIndexer *self)
{
  BottegaIndexThread *thread;

  g_return_if_fail (BOTTEGA_IS_INDEXER (self));

  thread = g_steal_pointer (&self->thread);
  bottega_index_thread_free (thread);
  if (self->source != NULL) {
    g_source_destroy (self->source);
    g_clear_pointer (&self->source, g_source_unref);
  }
}

/* ---- commands ---- */

static void
push (BottegaIndexer *self, BottegaIndexCommandKind kind, const char *const *paths,
      const gint64 *ids, guint n_ids)
{
  BottegaIndexCommand *command;
  gboolean was_busy = is_busy (self);

  if (self->thread == NULL)
    return;
  command = g_new0 (BottegaIndexCommand, 1);
  command->kind = kind;
  command->paths = g_strdupv ((char **) paths);
  command->ids = g_memdup2 (ids, n_ids * sizeof *ids);
  command->n_ids = n_ids;
  self->n_sent++;
  bottega_index_thread_push (self->thread, command);
  if (!was_busy)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_BUSY]);
}

void
bottega_indexer_add (BottegaIndexer *self, const char *const *paths)
{
  g_return_if_fail (BOTTEGA_IS_INDEXER (self) && paths != NULL);

  push (self, BOTTEGA_INDEX_ADD, paths, NULL, 0);
}

void
bottega_indexer_remove (BottegaIndexer *self, const gint64 *documents, guint n)
{
  g_return_if_fail (BOTTEGA_IS_INDEXER (self) && (documents != NULL || n == 0));

  push (self, BOTTEGA_INDEX_REMOVE, NULL, documents, n);
}

void
bottega_indexer_remove_paths (BottegaIndexer *self, const char *const *paths)
{
  g_return_if_fail (BOTTEGA_IS_INDEXER (self) && paths != NULL);

  push (self, BOTTEGA_INDEX_REMOVE_PATHS, paths, NULL, 0);
}

void
bottega_indexer_reindex (BottegaIndexer *self, const gint64 *documents, guint n)
{
  g_return_if_fail (BOTTEGA_IS_INDEXER (self) && (documents != NULL || n == 0));

  push (self, BOTTEGA_INDEX_RENEW, NULL, documents, n);
}

void
bottega_indexer_refresh (BottegaIndexer *self)
{
  g_return_if_fail (BOTTEGA_IS_INDEXER (self));

  push (self, BOTTEGA_INDEX_REFRESH, NULL, NULL, 0);
}

void
bottega_indexer_cancel (BottegaIndexer *self)
{
  g_return_if_fail (BOTTEGA_IS_INDEXER (self));

  push (self, BOTTEGA_INDEX_CANCEL, NULL, NULL, 0);
}

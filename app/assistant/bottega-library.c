/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The documents of the open space as a list, and the sentences about what the indexer does. How a
 * question is searched is in bottega-library-search.c. It must not know how a document is read,
 * cut or found. */
#define G_LOG_DOMAIN "bottega-library"
#include "config.h"

#include "app/assistant/bottega-document-item-private.h"
#include "app/assistant/bottega-library-internal.h"
#include "app/extract/bottega-extraction.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

/* Files change while nobody looks. */
#define REFRESH_S 300
/* Of a run's time, until vectors are being made: what reading the files takes. */
#define READING_SHARE 0.3

enum {
  PROP_0,
  PROP_LOADED,
  PROP_N_READY,
  PROP_BUSY,
  PROP_FRACTION,
  PROP_PROGRESS_TEXT,
  PROP_ERROR,
  PROP_AVAILABLE,
  PROP_HAS_MEANING,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];

static void list_model_iface_init (GListModelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BottegaLibrary, bottega_library, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_iface_init))

/* ---- GListModel ---- */

static GType
library_get_item_type (GListModel *model)
{
  return BOTTEGA_TYPE_DOCUMENT_ITEM;
}

static guint
library_get_n_items (GListModel *model)
{
  return BOTTEGA_LIBRARY (model)->items->len;
}

static gpointer
library_get_item (GListModel *model, guint position)
{
  BottegaLibrary *self = BOTTEGA_LIBRARY (model);

  return position < self->items->len
             ? g_object_ref (g_ptr_array_index (self->items, position))
             : NULL;
}

static void
list_model_iface_init (GListModelInterface *iface)
{
  iface->get_item_type = library_get_item_type;
  iface->get_n_items = library_get_n_items;
  iface->get_item = library_get_item;
}

/* ---- GObject ---- */

static void
bottega_library_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  BottegaLibrary *self = BOTTEGA_LIBRARY (object);

  switch (id) {
  case PROP_LOADED:
    g_value_set_boolean (value, self->loaded);
    break;
  case PROP_N_READY:
    g_value_set_uint (value, self->n_ready);
    break;
  case PROP_BUSY:
    g_value_set_boolean (value, bottega_library_get_busy (self));
    break;
  case PROP_FRACTION:
    g_value_set_double (value, self->fraction);
    break;
  case PROP_PROGRESS_TEXT:
    g_value_set_string (value, self->progress_text);
    break;
  case PROP_ERROR:
    g_value_set_string (value, self->error);
    break;
  case PROP_AVAILABLE:
    g_value_set_boolean (value, bottega_library_get_available (self));
    break;
  case PROP_HAS_MEANING:
    g_value_set_boolean (value, bottega_library_get_has_meaning (self));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
bottega_library_dispose (GObject *object)
{
  bottega_library_shutdown (BOTTEGA_LIBRARY (object));

  G_OBJECT_CLASS (bottega_library_parent_class)->dispose (object);
}

static void
bottega_library_finalize (GObject *object)
{
  BottegaLibrary *self = BOTTEGA_LIBRARY (object);

  g_ptr_array_unref (self->items);
  g_clear_object (&self->store);
  g_clear_object (&self->engine);
  g_clear_object (&self->embedder);
  g_free (self->progress_text);
  g_free (self->error);

  G_OBJECT_CLASS (bottega_library_parent_class)->finalize (object);
}

static void
bottega_library_class_init (BottegaLibraryClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->dispose = bottega_library_dispose;
  object_class->finalize = bottega_library_finalize;
  object_class->get_property = bottega_library_get_property;

  properties[PROP_LOADED] = g_param_spec_boolean ("loaded", NULL, NULL, FALSE, flags);
  properties[PROP_N_READY] = g_param_spec_uint ("n-ready", NULL, NULL, 0, G_MAXUINT, 0, flags);
  properties[PROP_BUSY] = g_param_spec_boolean ("busy", NULL, NULL, FALSE, flags);
  properties[PROP_FRACTION] = g_param_spec_double ("fraction", NULL, NULL, -1, 1, -1, flags);
  properties[PROP_PROGRESS_TEXT] =
      g_param_spec_string ("progress-text", NULL, NULL, NULL, flags);
  properties[PROP_ERROR] = g_param_spec_string ("error", NULL, NULL, NULL, flags);
  properties[PROP_AVAILABLE] = g_param_spec_boolean ("available", NULL, NULL, FALSE, flags);
  properties[PROP_HAS_MEANING] =
      g_param_spec_boolean ("has-meaning", NULL, NULL, FALSE, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
bottega_library_init (BottegaLibrary *self)
{
  self->items = g_ptr_array_new_with_free_func (g_object_unref);
  self->fraction = -1;
}

static void
notify (BottegaLibrary *self, guint property)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[property]);
}

/* ---- the list ---- */

/* The items for these rows, those that were there again. */
static GPtrArray *
make_items (BottegaLibrary *self, GPtrArray *rows)
{
  GPtrArray *items = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < rows->len; i++) {
    const BottegaDocumentRow *row = g_ptr_array_index (rows, i);
    BottegaDocumentItem *item = bottega_library_find (self, row->id);

    if (item != NULL)
      bottega_document_item_update (item, row);
    g_ptr_array_add (items, item != NULL ? g_object_ref (item) : bottega_document_item_new (row));
  }

  return items;
}

/* Says only what has changed: rows of the list keep their place and focus. */
static void
replace_items (BottegaLibrary *self, GPtrArray *items)
{
  g_autoptr (GPtrArray) old = self->items;
  guint start = 0, end = 0;
  guint shorter = MIN (old->len, items->len);

  while (start < shorter && old->pdata[start] == items->pdata[start])
    start++;
  while (end < shorter - start &&
         old->pdata[old->len - 1 - end] == items->pdata[items->len - 1 - end])
    end++;
  self->items = items;
  if (old->len != items->len || start < old->len)
    g_list_model_items_changed (G_LIST_MODEL (self), start, old->len - start - end,
                                items->len - start - end);
}

static void
count_ready (BottegaLibrary *self)
{
  guint n = 0;

  for (guint i = 0; i < self->items->len; i++) {
    BottegaDocumentState state =
        bottega_document_item_get_state (g_ptr_array_index (self->items, i));

    n += state == BOTTEGA_DOCUMENT_WORDS || state == BOTTEGA_DOCUMENT_READY;
  }
  if (self->n_ready == n)
    return;
  self->n_ready = n;
  notify (self, PROP_N_READY);
}

static void list_documents (BottegaLibrary *self);

static void
on_documents (GPtrArray *rows, const GError *error, gpointer user_data)
{
  g_autoptr (BottegaLibrary) self = user_data;

  self->listing = FALSE;
  if (self->shut_down)
    return;
  if (rows == NULL) {
    if (g_set_str (&self->error, error->message))
      notify (self, PROP_ERROR);
    return;
  }
  replace_items (self, make_items (self, rows));
  count_ready (self);
  if (!self->loaded) {
    self->loaded = TRUE;
    notify (self, PROP_LOADED);
  }
  if (self->list_again)
    list_documents (self);
}

/* One reading at a time, however many changes are told. */
static void
list_documents (BottegaLibrary *self)
{
  self->list_again = self->listing;
  if (self->listing || self->shut_down)
    return;
  self->listing = TRUE;
  bottega_store_list_documents (self->store, on_documents, g_object_ref (self));
}

/* ---- progress ---- */

static char *
make_time_left (double seconds)
{
  guint minutes = (guint) ceil (seconds / 60);

  if (seconds < 0)
    return g_strdup ("");
  if (seconds < 60)
    return g_strdup_printf (_ (" · %.0f s left"), ceil (seconds));

  return g_strdup_printf (_ (" · %u min left"), minutes);
}

static char *
make_progress_text (BottegaLibrary *self, const BottegaLibraryProgress *now)
{
  g_autofree char *left = make_time_left (now->seconds_left);
  g_autofree char *text = NULL;

  if (!now->busy)
    return NULL;
  if (now->paused)
    return g_strdup (_ ("Reading goes on after the answer"));
  if (now->files_done < now->files_total)
    text = g_strdup_printf (ngettext ("Reading %u of %u document", "Reading %u of %u documents",
                                      now->files_total),
                            now->files_done + 1, now->files_total);
  else if (now->passages_total > 0)
    /* Translators: vectors are made, which stand for what a passage means. */
    text = g_strdup_printf (ngettext ("Learning the meaning of %u of %u passage",
                                      "Learning the meaning of %u of %u passages",
                                      now->passages_total),
                            now->passages_done, now->passages_total);
  else
    return g_strdup (_ ("Looking for changes"));

  return g_strconcat (text, left, NULL);
}

static double
make_fraction (const BottegaLibraryProgress *now)
{
  double files = now->files_total > 0 ? (double) now->files_done / now->files_total : 1;
  double passages = now->passages_total > 0
                        ? (double) now->passages_done / now->passages_total
                        : now->files_done == now->files_total;

  if (now->files_total == 0 && now->passages_total == 0)
    return -1;

  return CLAMP (READING_SHARE * files + (1 - READING_SHARE) * passages * files, 0, 1);
}

static void
update_progress (BottegaLibrary *self)
{
  BottegaLibraryProgress now = { 0 };
  g_autofree char *text = NULL;
  g_autofree char *error = NULL;
  double fraction;

  if (self->indexer == NULL)
    return;
  g_object_get (self->indexer, "busy", &now.busy, "paused", &now.paused, "files-done",
                &now.files_done, "files-total", &now.files_total, "passages-done",
                &now.passages_done, "passages-total", &now.passages_total, "seconds-left",
                &now.seconds_left, "error", &error, NULL);
  text = make_progress_text (self, &now);
  fraction = now.busy ? make_fraction (&now) : -1;
  if (g_set_str (&self->progress_text, text))
    notify (self, PROP_PROGRESS_TEXT);
  if (g_set_str (&self->error, error))
    notify (self, PROP_ERROR);
  if (self->fraction != fraction) {
    self->fraction = fraction;
    notify (self, PROP_FRACTION);
  }
  if (self->busy != now.busy) {
    self->busy = now.busy;
    notify (self, PROP_BUSY);
  }
}

/* Answers come first: indexing takes the processor that they need. */
static void
on_answering (BottegaLibrary *self)
{
  gboolean answering = bottega_engine_thread_get_answering (self->engine);

  if (self->embedder != NULL)
    bottega_embedder_set_yielding (self->embedder, answering);
  if (self->indexer != NULL)
    g_object_set (self->indexer, "paused", answering, NULL);
}

static gboolean
on_refresh_time (gpointer user_data)
{
  bottega_library_refresh (user_data);

  return G_SOURCE_CONTINUE;
}

BottegaLibrary *
bottega_library_new (BottegaStore *store, BottegaEngineThread *engine)
{
  BottegaLibrary *self = g_object_new (BOTTEGA_TYPE_LIBRARY, NULL);

  self->store = g_object_ref (store);
  self->engine = g_object_ref (engine);

  return self;
}

void
bottega_library_start (BottegaLibrary *self, BottegaEmbedder *embedder)
{
  g_return_if_fail (BOTTEGA_IS_LIBRARY (self));

  if (self->started || self->shut_down)
    return;
  self->started = TRUE;
  if (bottega_library_get_available (self)) {
    g_set_object (&self->embedder, embedder);
    self->indexer = bottega_indexer_new (bottega_store_get_path (self->store), embedder);
    g_signal_connect_object (self->indexer, "changed", G_CALLBACK (list_documents), self,
                             G_CONNECT_SWAPPED);
    g_signal_connect_object (self->indexer, "notify", G_CALLBACK (update_progress), self,
                             G_CONNECT_SWAPPED);
    g_signal_connect_object (self->engine, "notify::answering", G_CALLBACK (on_answering), self,
                             G_CONNECT_SWAPPED);
    self->refresh_source = g_timeout_add_seconds (REFRESH_S, on_refresh_time, self);
    g_source_set_name_by_id (self->refresh_source, "[bottega] refresh documents");
    on_answering (self);
    bottega_library_refresh (self);
    update_progress (self);
    notify (self, PROP_HAS_MEANING);
  }
  list_documents (self);
}

void
bottega_library_shutdown (BottegaLibrary *self)
{
  g_return_if_fail (BOTTEGA_IS_LIBRARY (self));

  if (self->shut_down)
    return;
  self->shut_down = TRUE;
  g_clear_handle_id (&self->refresh_source, g_source_remove);
  /* What waits in the embedder for the end of an answer must not hold the indexer's thread. */
  if (self->embedder != NULL)
    bottega_embedder_set_yielding (self->embedder, FALSE);
  bottega_library_end_searches (self);
  if (self->indexer != NULL) {
    g_signal_handlers_disconnect_by_data (self->indexer, self);
    bottega_indexer_shutdown (self->indexer);
  }
  g_clear_object (&self->indexer);
}

/* ---- what the person does ---- */

gboolean
bottega_library_accepts (GFile *file)
{
  g_autofree char *name = NULL;

  g_return_val_if_fail (G_IS_FILE (file), FALSE);

  name = g_file_get_basename (file);
  if (g_file_query_file_type (file, G_FILE_QUERY_INFO_NONE, NULL) == G_FILE_TYPE_DIRECTORY)
    return TRUE;

  return name != NULL && bottega_extraction_accepts (name);
}

const char *const *
bottega_library_suffixes (void)
{
  return bottega_extraction_suffixes ();
}

guint
bottega_library_add (BottegaLibrary *self, GSList *files)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) paths = NULL;
  guint n_useless = 0;

  g_return_val_if_fail (BOTTEGA_IS_LIBRARY (self), 0);

  for (GSList *link = files; link != NULL; link = link->next) {
    char *path = g_file_get_path (link->data);

    if (path != NULL && self->indexer != NULL && bottega_library_accepts (link->data)) {
      g_strv_builder_take (builder, path);
      continue;
    }
    g_free (path);
    n_useless++;
  }
  paths = g_strv_builder_end (builder);
  if (paths[0] != NULL)
    bottega_indexer_add (self->indexer, (const char *const *) paths);

  return n_useless;
}

void
bottega_library_remove (BottegaLibrary *self, BottegaDocumentItem *item)
{
  gint64 id;

  g_return_if_fail (BOTTEGA_IS_LIBRARY (self));
  g_return_if_fail (BOTTEGA_IS_DOCUMENT_ITEM (item));

  id = bottega_document_item_get_id (item);
  if (self->indexer != NULL)
    bottega_indexer_remove (self->indexer, &id, 1);
}

void
bottega_library_reindex (BottegaLibrary *self, BottegaDocumentItem *item)
{
  gint64 id = item != NULL ? bottega_document_item_get_id (item) : 0;

  g_return_if_fail (BOTTEGA_IS_LIBRARY (self));

  if (self->indexer != NULL)
    bottega_indexer_reindex (self->indexer, item != NULL ? &id : NULL, item != NULL ? 1 : 0);
}

void
bottega_library_refresh (BottegaLibrary *self)
{
  g_return_if_fail (BOTTEGA_IS_LIBRARY (self));

  if (self->indexer != NULL)
    bottega_indexer_refresh (self->indexer);
}

void
bottega_library_cancel (BottegaLibrary *self)
{
  g_return_if_fail (BOTTEGA_IS_LIBRARY (self));

  if (self->indexer != NULL)
    bottega_indexer_cancel (self->indexer);
}

BottegaDocumentItem *
bottega_library_find (BottegaLibrary *self, gint64 id)
{
  g_return_val_if_fail (BOTTEGA_IS_LIBRARY (self), NULL);

  for (guint i = 0; i < self->items->len; i++) {
    BottegaDocumentItem *item = g_ptr_array_index (self->items, i);

    if (bottega_document_item_get_id (item) == id)
      return item;
  }

  return NULL;
}

GPtrArray *
bottega_library_complete (BottegaLibrary *self, const char *beginning, guint n)
{
  GPtrArray *found = g_ptr_array_new_with_free_func (g_object_unref);

  g_return_val_if_fail (BOTTEGA_IS_LIBRARY (self), found);

  for (guint i = 0; i < self->items->len && found->len < n; i++) {
    BottegaDocumentItem *item = g_ptr_array_index (self->items, i);

    if (beginning == NULL || *beginning == '\0' ||
        g_str_match_string (beginning, bottega_document_item_get_title (item), TRUE) ||
        g_str_match_string (beginning, bottega_document_item_get_name (item), TRUE))
      g_ptr_array_add (found, g_object_ref (item));
  }

  return found;
}

/* ---- marks ---- */

typedef struct {
  GWeakRef library;
  GCancellable *cancellable; /* NULL: none */
  BottegaLibraryMarks callback;
  gpointer user_data;
} Marks;

static void
on_lines (GArray *lines, const GError *error, gpointer user_data)
{
  Marks *request = user_data;
  g_autoptr (BottegaLibrary) self = g_weak_ref_get (&request->library);
  g_autoptr (GArray) marks = g_array_new (FALSE, FALSE, sizeof (BottegaMark));

  for (guint i = 0; lines != NULL && i < lines->len; i++) {
    const BottegaLine *line = &g_array_index (lines, BottegaLine, i);
    const BottegaMark mark = { (double) line->x, (double) line->y, (double) line->width,
                               (double) line->height };

    g_array_append_val (marks, mark);
  }
  if (self != NULL && !g_cancellable_is_cancelled (request->cancellable))
    request->callback (marks, request->user_data);
  g_weak_ref_clear (&request->library);
  g_clear_object (&request->cancellable);
  g_free (request);
}

void
bottega_library_find_marks (BottegaLibrary *self,
                            gint64 document,
                            guint page,
                            guint offset,
                            guint length,
                            GCancellable *cancellable,
                            BottegaLibraryMarks callback,
                            gpointer user_data)
{
  Marks *request;

  g_return_if_fail (BOTTEGA_IS_LIBRARY (self));
  g_return_if_fail (callback != NULL);

  request = g_new0 (Marks, 1);
  g_weak_ref_init (&request->library, self);
  g_set_object (&request->cancellable, cancellable);
  request->callback = callback;
  request->user_data = user_data;
  bottega_store_list_lines (self->store, document, page, offset, length, on_lines, request);
}

/* ---- getters ---- */

gboolean
bottega_library_get_available (BottegaLibrary *self)
{
  g_return_val_if_fail (BOTTEGA_IS_LIBRARY (self), FALSE);

  return bottega_store_get_path (self->store) != NULL;
}

#define GETTER(type, name, otherwise, value)                     \
  type                                                           \
      bottega_library_get_##name (BottegaLibrary *self)          \
  {                                                              \
    g_return_val_if_fail (BOTTEGA_IS_LIBRARY (self), otherwise); \
                                                                 \
    return value;                                                \
  }

GETTER (gboolean, loaded, FALSE, self->loaded)
GETTER (guint, n_ready, 0, self->n_ready)
GETTER (gboolean, busy, FALSE, self->busy)
GETTER (double, fraction, -1, self->fraction)
GETTER (const char *, progress_text, NULL, self->progress_text)
GETTER (const char *, error, NULL, self->error)
GETTER (gboolean, has_meaning, FALSE, self->embedder != NULL)

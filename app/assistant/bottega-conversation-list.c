/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The conversations of the space, newest first. A conversation joins with its first question and
 * moves to the top with each further one. It must not know how an answer comes about. */
#define G_LOG_DOMAIN "bottega-conversation-list"

#include "app/assistant/bottega-conversation-list.h"
#include "app/assistant/bottega-conversation-private.h"
#include "app/assistant/bottega-kept-files.h"

struct _BottegaConversationList {
  GObject parent_instance;

  BottegaStore *store;
  BottegaEngineThread *engine;
  BottegaSettings *settings;
  BottegaLibrary *library;    /* NULL: none */
  GPtrArray *items;           /* of BottegaConversation, newest first */
  GHashTable *by_id;          /* id -> BottegaConversation of items, both borrowed */
  GPtrArray *deleted;         /* of BottegaConversation: can be undone */
  BottegaConversation *draft; /* without a question yet; NULL: none */
  GListStore *answers;        /* of BottegaMessage; NULL: nobody has asked */
  gboolean loaded;
  gboolean listed; /* all conversations are known */
};

enum {
  PROP_0,
  PROP_LOADED,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void list_model_iface_init (GListModelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BottegaConversationList, bottega_conversation_list, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_iface_init))

/* ---- GListModel ---- */

static GType
list_get_item_type (GListModel *model)
{
  return BOTTEGA_TYPE_CONVERSATION;
}

static guint
list_get_n_items (GListModel *model)
{
  return BOTTEGA_CONVERSATION_LIST (model)->items->len;
}

static gpointer
list_get_item (GListModel *model, guint position)
{
  BottegaConversationList *self = BOTTEGA_CONVERSATION_LIST (model);

  if (position >= self->items->len)
    return NULL;

  return g_object_ref (g_ptr_array_index (self->items, position));
}

static void
list_model_iface_init (GListModelInterface *iface)
{
  iface->get_item_type = list_get_item_type;
  iface->get_n_items = list_get_n_items;
  iface->get_item = list_get_item;
}

/* ---- GObject ---- */

static void
bottega_conversation_list_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  switch (id) {
  case PROP_LOADED:
    g_value_set_boolean (value, BOTTEGA_CONVERSATION_LIST (object)->loaded);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
bottega_conversation_list_finalize (GObject *object)
{
  BottegaConversationList *self = BOTTEGA_CONVERSATION_LIST (object);

  g_hash_table_unref (self->by_id);
  g_ptr_array_unref (self->items);
  g_ptr_array_unref (self->deleted);
  g_clear_object (&self->draft);
  g_clear_object (&self->answers);
  g_clear_object (&self->store);
  g_clear_object (&self->engine);
  g_clear_object (&self->settings);
  g_clear_object (&self->library);

  G_OBJECT_CLASS (bottega_conversation_list_parent_class)->finalize (object);
}

static void
bottega_conversation_list_class_init (BottegaConversationListClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = bottega_conversation_list_finalize;
  object_class->get_property = bottega_conversation_list_get_property;
  properties[PROP_LOADED] =
      g_param_spec_boolean ("loaded", NULL, NULL, FALSE,
                            G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
bottega_conversation_list_init (BottegaConversationList *self)
{
  self->items = g_ptr_array_new_with_free_func (g_object_unref);
  self->by_id = g_hash_table_new (g_str_hash, g_str_equal);
  self->deleted = g_ptr_array_new_with_free_func (g_object_unref);
}

/* ---- order ---- */

/* Where a conversation of that time belongs. */
static guint
position_for (BottegaConversationList *self, gint64 updated_us)
{
  guint i = 0;

  while (i < self->items->len &&
         bottega_conversation_get_updated_us (g_ptr_array_index (self->items, i)) > updated_us)
    i++;

  return i;
}

static void
index_by_id (BottegaConversationList *self, BottegaConversation *conversation)
{
  g_hash_table_insert (self->by_id, (gpointer) bottega_conversation_get_id (conversation),
                       conversation);
}

static void
insert (BottegaConversationList *self, BottegaConversation *conversation)
{
  guint position =
      position_for (self, bottega_conversation_get_updated_us (conversation));

  g_ptr_array_insert (self->items, (int) position, g_object_ref (conversation));
  index_by_id (self, conversation);
  g_list_model_items_changed (G_LIST_MODEL (self), position, 0, 1);
}

static gboolean
take_out (BottegaConversationList *self, BottegaConversation *conversation)
{
  guint position;

  if (!g_ptr_array_find (self->items, conversation, &position))
    return FALSE;
  g_hash_table_remove (self->by_id, bottega_conversation_get_id (conversation));
  g_ptr_array_remove_index (self->items, position);
  g_list_model_items_changed (G_LIST_MODEL (self), position, 1, 0);

  return TRUE;
}

/* A question was asked: the draft joins, any other moves to the top. */
static void
on_updated (BottegaConversation *conversation, GParamSpec *pspec, BottegaConversationList *self)
{
  g_autoptr (BottegaConversation) kept = g_object_ref (conversation);
  guint position;

  if (conversation == self->draft) {
    insert (self, conversation);
    g_clear_object (&self->draft);
  } else if (g_ptr_array_find (self->items, conversation, &position) && position > 0) {
    /* One change, not a removal and an insertion: a selection of it survives. */
    g_ptr_array_insert (self->items, 0, g_ptr_array_steal_index (self->items, position));
    g_list_model_items_changed (G_LIST_MODEL (self), 0, position + 1, position + 1);
  }
}

/* ---- what is kept of them ---- */

static void
add_ids (GStrvBuilder *builder, BottegaConversation *conversation)
{
  guint n;
  const gint64 *pinned = bottega_conversation_get_pinned (conversation, &n);

  g_strv_builder_add (builder, bottega_conversation_get_id (conversation));
  if (n > 0)
    g_strv_builder_take (builder, bottega_kept_files_get_pins_id (pinned, n));
}

/* Files of conversations and pins that are no more, and of writing that was never ended. */
static void
sweep_kept_files (BottegaConversationList *self)
{
  g_autofree char *folder = bottega_kept_files_get_folder (bottega_store_get_path (self->store));
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) ids = NULL;

  if (folder == NULL || !self->listed)
    return;
  for (guint i = 0; i < self->items->len; i++)
    add_ids (builder, self->items->pdata[i]);
  for (guint i = 0; i < self->deleted->len; i++)
    add_ids (builder, self->deleted->pdata[i]);
  if (self->draft != NULL)
    add_ids (builder, self->draft);
  ids = g_strv_builder_end (builder);
  bottega_engine_thread_sweep (self->engine, folder, (const char *const *) ids);
}

/* Documents that have gone are pinned nowhere. */
static void
on_documents (BottegaConversationList *self)
{
  for (guint i = 0; i < self->items->len; i++)
    bottega_conversation_check_pins (self->items->pdata[i]);
  for (guint i = 0; i < self->deleted->len; i++)
    bottega_conversation_check_pins (self->deleted->pdata[i]);
  if (self->draft != NULL)
    bottega_conversation_check_pins (self->draft);
}

static BottegaConversation *
make_conversation (BottegaConversationList *self, const BottegaStoreConversation *row)
{
  BottegaConversation *conversation =
      bottega_conversation_new (self->store, self->engine, self->settings, self->library, row);

  g_signal_connect_object (conversation, "notify::updated-us", G_CALLBACK (on_updated), self, 0);
  g_signal_connect_object (conversation, "notify::pinned", G_CALLBACK (sweep_kept_files), self,
                           G_CONNECT_SWAPPED);

  return conversation;
}

/* ---- the store ---- */

static void
on_conversations (GPtrArray *rows, const GError *error, gpointer user_data)
{
  g_autoptr (BottegaConversationList) self = user_data;
  guint n_before = self->items->len;

  /* What was begun before the list had been read stays at the top. */
  for (guint i = 0; rows != NULL && i < rows->len; i++) {
    const BottegaStoreConversation *row = g_ptr_array_index (rows, i);

    if (bottega_conversation_list_find (self, row->id) == NULL) {
      g_ptr_array_add (self->items, make_conversation (self, row));
      index_by_id (self, g_ptr_array_index (self->items, self->items->len - 1));
    }
  }
  if (self->items->len > n_before)
    g_list_model_items_changed (G_LIST_MODEL (self), n_before, 0, self->items->len - n_before);
  self->listed = rows != NULL;
  sweep_kept_files (self);
  self->loaded = TRUE;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_LOADED]);
}

BottegaConversationList *
bottega_conversation_list_new (BottegaStore *store,
                               BottegaEngineThread *engine,
                               BottegaSettings *settings,
                               BottegaLibrary *library)
{
  BottegaConversationList *self = g_object_new (BOTTEGA_TYPE_CONVERSATION_LIST, NULL);

  self->store = g_object_ref (store);
  self->engine = g_object_ref (engine);
  self->settings = g_object_ref (settings);
  g_set_object (&self->library, library);
  if (library != NULL) {
    g_signal_connect_object (library, "items-changed", G_CALLBACK (on_documents), self,
                             G_CONNECT_SWAPPED);
    g_signal_connect_object (library, "notify::loaded", G_CALLBACK (on_documents), self,
                             G_CONNECT_SWAPPED);
  }
  bottega_store_list_conversations (store, on_conversations, g_object_ref (self));

  return self;
}

gboolean
bottega_conversation_list_get_loaded (BottegaConversationList *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION_LIST (self), FALSE);

  return self->loaded;
}

BottegaConversation *
bottega_conversation_list_create (BottegaConversationList *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION_LIST (self), NULL);

  if (self->draft == NULL)
    self->draft = make_conversation (self, NULL);
  bottega_conversation_watch_engine (self->draft);

  return g_object_ref (self->draft);
}

BottegaConversation *
bottega_conversation_list_find (BottegaConversationList *self, const char *id)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION_LIST (self), NULL);
  g_return_val_if_fail (id != NULL, NULL);

  return g_hash_table_lookup (self->by_id, id);
}

/* ---- deleting ---- */

void
bottega_conversation_list_delete (BottegaConversationList *self, BottegaConversation *conversation)
{
  g_autoptr (BottegaConversation) kept = NULL;

  g_return_if_fail (BOTTEGA_IS_CONVERSATION_LIST (self));
  g_return_if_fail (BOTTEGA_IS_CONVERSATION (conversation));

  kept = g_object_ref (conversation);
  bottega_conversation_stop (conversation);
  if (!take_out (self, conversation))
    return;
  bottega_store_set_deleted (self->store, bottega_conversation_get_id (conversation), TRUE);
  g_ptr_array_add (self->deleted, g_steal_pointer (&kept));
}

gboolean
bottega_conversation_list_undo_delete (BottegaConversationList *self,
                                       BottegaConversation *conversation)
{
  guint index;

  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION_LIST (self), FALSE);
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (conversation), FALSE);

  if (!g_ptr_array_find (self->deleted, conversation, &index))
    return FALSE;
  bottega_store_set_deleted (self->store, bottega_conversation_get_id (conversation), FALSE);
  insert (self, conversation);
  g_ptr_array_remove_index (self->deleted, index);

  return TRUE;
}

void
bottega_conversation_list_purge (BottegaConversationList *self, BottegaConversation *conversation)
{
  g_autofree char *path = NULL;
  guint index;

  g_return_if_fail (BOTTEGA_IS_CONVERSATION_LIST (self));
  g_return_if_fail (BOTTEGA_IS_CONVERSATION (conversation));

  if (!g_ptr_array_find (self->deleted, conversation, &index))
    return;
  path = bottega_conversation_dup_kept_path (conversation);
  if (path != NULL)
    bottega_engine_thread_forget (self->engine, path);
  bottega_conversation_set_purged (conversation);
  bottega_store_purge (self->store, bottega_conversation_get_id (conversation));
  g_ptr_array_remove_index (self->deleted, index);
  sweep_kept_files (self);
}

/* ---- searching ---- */

/* A list of results follows the deletions in the whole list while it lives. */
typedef struct {
  GWeakRef list;    /* BottegaConversationList */
  GWeakRef results; /* GListStore */
} Search;

static void
search_free (gpointer data)
{
  Search *search = data;

  g_weak_ref_clear (&search->list);
  g_weak_ref_clear (&search->results);
  g_free (search);
}

static void
on_found (GPtrArray *rows, const GError *error, gpointer user_data)
{
  Search *search = user_data;
  g_autoptr (BottegaConversationList) self = g_weak_ref_get (&search->list);
  g_autoptr (GListStore) results = g_weak_ref_get (&search->results);
  g_autoptr (GPtrArray) found = g_ptr_array_new ();

  if (self != NULL && results != NULL && rows != NULL) {
    for (guint i = 0; i < rows->len; i++) {
      BottegaConversation *conversation =
          bottega_conversation_list_find (self, g_ptr_array_index (rows, i));

      if (conversation != NULL)
        g_ptr_array_add (found, conversation);
    }
    g_list_store_splice (results, 0, 0, found->pdata, found->len);
  }
  search_free (search);
}

static void
drop_deleted (BottegaConversationList *self,
              guint position,
              guint n_removed,
              guint n_added,
              GListStore *results)
{
  for (guint i = g_list_model_get_n_items (G_LIST_MODEL (results)); n_removed > n_added &&
                                                                    i > 0;
       i--) {
    g_autoptr (BottegaConversation) conversation =
        g_list_model_get_item (G_LIST_MODEL (results), i - 1);

    if (!g_ptr_array_find (self->items, conversation, NULL))
      g_list_store_remove (results, i - 1);
  }
}

GListModel *
bottega_conversation_list_search (BottegaConversationList *self, const char *query)
{
  g_autofree char *stripped = NULL;
  GListStore *results;
  Search *search;

  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION_LIST (self), NULL);

  stripped = g_strstrip (g_strdup (query != NULL ? query : ""));
  if (*stripped == '\0')
    return G_LIST_MODEL (g_object_ref (self));

  results = g_list_store_new (BOTTEGA_TYPE_CONVERSATION);
  g_signal_connect_object (self, "items-changed", G_CALLBACK (drop_deleted), results, 0);
  search = g_new0 (Search, 1);
  g_weak_ref_init (&search->list, self);
  g_weak_ref_init (&search->results, results);
  bottega_store_search_conversations (self->store, stripped, on_found, search);

  return G_LIST_MODEL (results);
}

/* ---- the last answers ---- */

static void
on_answers (GPtrArray *rows, const GError *error, gpointer user_data)
{
  g_autofree GWeakRef *list = user_data;
  g_autoptr (BottegaConversationList) self = g_weak_ref_get (list);
  g_autoptr (GPtrArray) answers = g_ptr_array_new_with_free_func (g_object_unref);

  g_weak_ref_clear (list);
  if (self == NULL || rows == NULL)
    return;
  for (guint i = 0; i < rows->len; i++)
    g_ptr_array_add (answers, bottega_message_new_from_row (g_ptr_array_index (rows, i)));
  g_list_store_splice (self->answers, 0, g_list_model_get_n_items (G_LIST_MODEL (self->answers)),
                       answers->pdata, answers->len);
}

GListModel *
bottega_conversation_list_read_answers (BottegaConversationList *self)
{
  GWeakRef *list = g_new0 (GWeakRef, 1);

  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION_LIST (self), NULL);

  if (self->answers == NULL)
    self->answers = g_list_store_new (BOTTEGA_TYPE_MESSAGE);
  g_weak_ref_init (list, self);
  bottega_store_list_answers (self->store, "assistant", on_answers, list);

  return G_LIST_MODEL (self->answers);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sources of a message as JSON and back. It must not know where they come from. */
#define G_LOG_DOMAIN "bottega-sources"
#include "config.h"

#include "app/assistant/bottega-sources.h"

void
bottega_sources_clear (BottegaSources *self)
{
  g_clear_object (&self->passages);
  g_clear_pointer (&self->query, g_free);
  g_clear_pointer (&self->note, g_free);
  g_clear_pointer (&self->scope, g_array_unref);
  g_clear_pointer (&self->scope_text, g_free);
  *self = (BottegaSources) { 0 };
}

guint
bottega_sources_n_passages (const BottegaSources *self)
{
  return self->passages != NULL ? g_list_model_get_n_items (G_LIST_MODEL (self->passages)) : 0;
}

static void
set_string (JsonObject *object, const char *name, const char *value)
{
  if (value != NULL)
    json_object_set_string_member (object, name, value);
}

char *
bottega_sources_to_json (const BottegaSources *self)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  guint n = bottega_sources_n_passages (self);

  if (n == 0 && self->query == NULL && self->note == NULL && self->scope == NULL &&
      self->use == BOTTEGA_SOURCES_ANSWER)
    return NULL;
  set_string (object, "query", self->query);
  set_string (object, "note", self->note);
  set_string (object, "scope-text", self->scope_text);
  if (self->scope != NULL) {
    JsonArray *scope = json_array_new ();

    for (guint i = 0; i < self->scope->len; i++)
      json_array_add_int_element (scope, g_array_index (self->scope, gint64, i));
    json_object_set_array_member (object, "scope", scope);
  }
  if (n > 0) {
    JsonArray *passages = json_array_new ();

    for (guint i = 0; i < n; i++) {
      g_autoptr (BottegaPassage) passage =
          g_list_model_get_item (G_LIST_MODEL (self->passages), i);

      json_array_add_element (passages, bottega_passage_to_json (passage));
    }
    json_object_set_array_member (object, "passages", passages);
    json_object_set_int_member (object, "read", self->n_read);
  }
  json_object_set_int_member (object, "use", self->use);
  json_object_set_boolean_member (object, "only-documents", self->only_documents);
  json_node_set_object (root, object);

  return json_to_string (root, FALSE);
}

static JsonArray *
get_array (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

void
bottega_sources_from_json (BottegaSources *self, const char *json)
{
  g_autoptr (JsonNode) root = json != NULL ? json_from_string (json, NULL) : NULL;
  JsonObject *object;
  JsonArray *array;

  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    return;
  object = json_node_get_object (root);
  self->query =
      g_strdup (json_object_get_string_member_with_default (object, "query", NULL));
  self->note = g_strdup (json_object_get_string_member_with_default (object, "note", NULL));
  self->scope_text =
      g_strdup (json_object_get_string_member_with_default (object, "scope-text", NULL));
  array = get_array (object, "scope");
  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++) {
    gint64 id = json_array_get_int_element (array, i);

    if (self->scope == NULL)
      self->scope = g_array_new (FALSE, FALSE, sizeof (gint64));
    g_array_append_val (self->scope, id);
  }
  array = get_array (object, "passages");
  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++) {
    g_autoptr (BottegaPassage) passage =
        bottega_passage_new_from_json (json_array_get_element (array, i));

    if (passage == NULL)
      continue;
    if (self->passages == NULL)
      self->passages = g_list_store_new (BOTTEGA_TYPE_PASSAGE);
    g_list_store_append (self->passages, passage);
  }
  self->n_read = (guint) CLAMP (json_object_get_int_member_with_default (object, "read", 0), 0,
                                bottega_sources_n_passages (self));
  self->use = (BottegaSourcesUse) CLAMP (
      json_object_get_int_member_with_default (object, "use", 0), 0, BOTTEGA_SOURCES_ABSTAINED);
  self->only_documents =
      json_object_get_boolean_member_with_default (object, "only-documents", FALSE);
}

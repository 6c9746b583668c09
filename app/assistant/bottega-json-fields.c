/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walks tables of fields. It must not know any of the structs. */
#define G_LOG_DOMAIN "bottega-json-fields"

#include "app/assistant/bottega-json-fields.h"

#include <math.h>

void
bottega_json_fields_write (const BottegaJsonField *fields,
                           guint n_fields,
                           gconstpointer from,
                           JsonObject *object)
{
  for (guint i = 0; i < n_fields; i++) {
    const void *field = G_STRUCT_MEMBER_P (from, fields[i].offset);
    const char *name = fields[i].name;

    switch (fields[i].type) {
    case BOTTEGA_JSON_UINT:
      json_object_set_int_member (object, name, *(const guint *) field);
      break;
    case BOTTEGA_JSON_UINT64:
      json_object_set_int_member (object, name, (gint64) * (const guint64 *) field);
      break;
    case BOTTEGA_JSON_BOOLEAN:
      json_object_set_boolean_member (object, name, *(const gboolean *) field);
      break;
    case BOTTEGA_JSON_DOUBLE:
    default:
      json_object_set_double_member (object, name, *(const double *) field);
    }
  }
}

double
bottega_json_number (JsonNode *node)
{
  double number = node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_double (node) : 0;

  return isfinite (number) ? number : 0;
}

void
bottega_json_fields_read (const BottegaJsonField *fields,
                          guint n_fields,
                          gpointer to,
                          JsonObject *object)
{
  for (guint i = 0; i < n_fields; i++) {
    void *field = G_STRUCT_MEMBER_P (to, fields[i].offset);
    const char *name = fields[i].name;
    JsonNode *node = json_object_get_member (object, name);
    gboolean is_value = node != NULL && JSON_NODE_HOLDS_VALUE (node);
    gint64 whole = is_value ? json_node_get_int (node) : 0;

    switch (fields[i].type) {
    case BOTTEGA_JSON_UINT:
      *(guint *) field = (guint) CLAMP (whole, 0, G_MAXUINT);
      break;
    case BOTTEGA_JSON_UINT64:
      *(guint64 *) field = (guint64) MAX (whole, 0);
      break;
    case BOTTEGA_JSON_BOOLEAN:
      *(gboolean *) field = is_value && json_node_get_boolean (node);
      break;
    case BOTTEGA_JSON_DOUBLE:
    default:
      *(double *) field = bottega_json_number (node);
    }
  }
}

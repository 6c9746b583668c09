/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers of a plain struct as members of a JSON object, by a table. Any thread. */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef enum {
  BOTTEGA_JSON_UINT,
  BOTTEGA_JSON_UINT64,
  BOTTEGA_JSON_DOUBLE,
  BOTTEGA_JSON_BOOLEAN, /* a gboolean */
} BottegaJsonType;

typedef struct {
  const char *name;
  BottegaJsonType type;
  gsize offset; /* in the struct */
} BottegaJsonField;

#define BOTTEGA_JSON_FIELD(Struct, name, type) { #name, type, G_STRUCT_OFFSET (Struct, name) }

void bottega_json_fields_write (const BottegaJsonField *fields, guint n_fields, gconstpointer from,
                                JsonObject *object);
/* What is not there, or no number, is 0; what does not fit its type becomes the nearest that
 * does. */
void bottega_json_fields_read (const BottegaJsonField *fields, guint n_fields, gpointer to,
                               JsonObject *object);
/* Of a node that may be anything, or NULL: then 0. */
double bottega_json_number (JsonNode *node);

G_END_DECLS

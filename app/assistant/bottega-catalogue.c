/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The catalogue as a table of fields: each row says how one is read and checked. It must not know
 * where the text comes from. */
#define G_LOG_DOMAIN "bottega-catalogue"
#include "config.h"

#include "app/assistant/bottega-catalogue.h"

#include <json-glib/json-glib.h>
#include <string.h>

/* Slower than this nobody likes to read along. */
#define READABLE_TOK_S 5

G_DEFINE_QUARK (bottega-catalogue-error-quark, bottega_catalogue_error)

static void
entry_free (gpointer data)
{
  BottegaCatalogueEntry *entry = data;

  g_free (entry->name);
  g_free (entry->maker);
  g_free (entry->file);
  g_free (entry->page);
  g_free (entry->license);
  g_free (entry->architecture);
  g_free (entry->types);
  g_free (entry->languages);
  g_free (entry->sha256);
  g_free (entry);
}

/* ---- checks ---- */

static gboolean
is_text (const char *text)
{
  return *text != '\0' && g_utf8_validate (text, -1, NULL);
}

static gboolean
is_file (const char *text)
{
  return g_str_has_suffix (text, ".gguf") && strchr (text, '/') == NULL;
}

static gboolean
is_page (const char *text)
{
  return g_str_has_prefix (text, "https://") && g_uri_is_valid (text, G_URI_FLAGS_NONE, NULL);
}

/* Open as the Open Source Initiative has it, or Creative Commons' for attribution. */
static gboolean
is_open (const char *text)
{
  static const char *const open[] = { "apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", NULL };

  return g_strv_contains (open, text);
}

static gboolean
is_sha256 (const char *text)
{
  return strlen (text) == 64 && strspn (text, "0123456789abcdef") == 64;
}

/* ---- reading ---- */

typedef enum {
  FIELD_STRING,
  FIELD_UINT64,
  FIELD_UINT,
  FIELD_LANGUAGES,
} FieldKind;

static const struct {
  const char *name;
  FieldKind kind;
  gsize offset;
  gboolean optional;
  gboolean (*check) (const char *text);
} fields[] = {
#define FIELD(name, kind, optional, check) \
  { #name, kind, G_STRUCT_OFFSET (BottegaCatalogueEntry, name), optional, check }
  FIELD (name, FIELD_STRING, FALSE, is_text),
  FIELD (maker, FIELD_STRING, FALSE, is_text),
  FIELD (file, FIELD_STRING, FALSE, is_file),
  FIELD (page, FIELD_STRING, FALSE, is_page),
  FIELD (license, FIELD_STRING, FALSE, is_open),
  FIELD (architecture, FIELD_STRING, FALSE, is_text),
  FIELD (types, FIELD_STRING, FALSE, is_text),
  FIELD (sha256, FIELD_STRING, TRUE, is_sha256),
  FIELD (languages, FIELD_LANGUAGES, FALSE, NULL),
  FIELD (n_languages, FIELD_UINT, TRUE, NULL),
  FIELD (bytes, FIELD_UINT64, FALSE, NULL),
  FIELD (parameters, FIELD_UINT64, FALSE, NULL),
  FIELD (active_parameters, FIELD_UINT64, TRUE, NULL),
  FIELD (kv_bytes_per_token, FIELD_UINT64, FALSE, NULL),
  FIELD (context_tokens, FIELD_UINT, FALSE, NULL),
#undef FIELD
};

static gboolean
fail (GError **error, const char *entry, const char *field, const char *why)
{
  g_set_error (error, BOTTEGA_CATALOGUE_ERROR, BOTTEGA_CATALOGUE_ERROR_INVALID,
               "The catalogue's “%s” has a field “%s” that %s.", entry, field, why);

  return FALSE;
}

static char *
join_codes (JsonNode *node, guint *n)
{
  JsonArray *array = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  g_autoptr (GString) joined = g_string_new (NULL);

  *n = array != NULL ? json_array_get_length (array) : 0;
  for (guint i = 0; i < *n; i++) {
    JsonNode *element = json_array_get_element (array, i);
    const char *code =
        json_node_get_value_type (element) == G_TYPE_STRING ? json_node_get_string (element) : "";

    if (strlen (code) != 2 || strspn (code, "abcdefghijklmnopqrstuvwxyz") != 2)
      return NULL;
    g_string_append_printf (joined, "%s%s", i > 0 ? ", " : "", code);
  }

  return *n > 0 ? g_strdup (joined->str) : NULL;
}

static gboolean
read_field (JsonNode *node, gsize row, BottegaCatalogueEntry *entry)
{
  gpointer place = G_STRUCT_MEMBER_P (entry, fields[row].offset);
  gboolean is_int = JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64;
  gint64 number = is_int ? json_node_get_int (node) : 0;
  const char *text = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;

  switch (fields[row].kind) {
  case FIELD_STRING:
    if (text == NULL || !fields[row].check (text))
      return FALSE;
    *(char **) place = g_strdup (text);
    return TRUE;
  case FIELD_UINT64:
    *(guint64 *) place = (guint64) number;
    return number > 0;
  case FIELD_UINT:
    *(guint *) place = (guint) number;
    return number > 0 && number <= G_MAXINT;
  case FIELD_LANGUAGES:
  default:
    *(char **) place = join_codes (node, &entry->n_languages);
    return *(char **) place != NULL;
  }
}

static gboolean
is_known (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++)
    if (strcmp (name, fields[i].name) == 0)
      return TRUE;

  return FALSE;
}

static gboolean
read_entry (JsonObject *object, BottegaCatalogueEntry *entry, GError **error)
{
  const char *name = json_object_get_string_member_with_default (object, "name", "?");
  g_autoptr (GList) members = json_object_get_members (object);

  for (GList *l = members; l != NULL; l = l->next)
    if (!is_known (l->data))
      return fail (error, name, l->data, "is not known");
  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++) {
    JsonNode *node = json_object_get_member (object, fields[i].name);

    if (node == NULL && !fields[i].optional)
      return fail (error, name, fields[i].name, "is missing");
    if (node != NULL && !read_field (node, i, entry))
      return fail (error, name, fields[i].name, "is wrong");
  }
  if (entry->active_parameters == 0)
    entry->active_parameters = entry->parameters;
  if (entry->active_parameters > entry->parameters)
    return fail (error, name, "active_parameters", "is more than all of them");

  return TRUE;
}

static gboolean
is_double (GPtrArray *catalogue, const BottegaCatalogueEntry *entry)
{
  for (guint i = 0; i < catalogue->len; i++) {
    const BottegaCatalogueEntry *other = g_ptr_array_index (catalogue, i);

    if (strcmp (entry->name, other->name) == 0 ||
        strcmp (entry->file, other->file) == 0 ||
        strcmp (entry->page, other->page) == 0 ||
        (entry->sha256 != NULL && g_strcmp0 (entry->sha256, other->sha256) == 0))
      return TRUE;
  }

  return FALSE;
}

GPtrArray *
bottega_catalogue_parse (const char *json, gssize bytes, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (GPtrArray) catalogue = g_ptr_array_new_with_free_func (entry_free);
  JsonNode *root, *models = NULL;
  JsonArray *array;

  if (!json_parser_load_from_data (parser, json, bytes, error))
    return NULL;
  root = json_parser_get_root (parser);
  if (root != NULL && JSON_NODE_HOLDS_OBJECT (root))
    models = json_object_get_member (json_node_get_object (root), "models");
  if (models == NULL || !JSON_NODE_HOLDS_ARRAY (models)) {
    fail (error, "root", "models", "is no list");
    return NULL;
  }
  array = json_node_get_array (models);
  for (guint i = 0; i < json_array_get_length (array); i++) {
    JsonNode *node = json_array_get_element (array, i);
    BottegaCatalogueEntry *entry = g_new0 (BottegaCatalogueEntry, 1);

    if (!JSON_NODE_HOLDS_OBJECT (node) ||
        !read_entry (json_node_get_object (node), entry, error) ||
        is_double (catalogue, entry)) {
      if (error != NULL && *error == NULL)
        fail (error, entry->name != NULL ? entry->name : "models", "name", "is there twice");
      entry_free (entry);
      return NULL;
    }
    g_ptr_array_add (catalogue, entry);
  }

  return g_steal_pointer (&catalogue);
}

/* ---- asking ---- */

const BottegaCatalogueEntry *
bottega_catalogue_find (GPtrArray *catalogue, const char *sha256, const char *file)
{
  const BottegaCatalogueEntry *named = NULL;

  for (guint i = 0; i < catalogue->len; i++) {
    const BottegaCatalogueEntry *entry = g_ptr_array_index (catalogue, i);

    if (sha256 != NULL && g_strcmp0 (entry->sha256, sha256) == 0)
      return entry;
    if (file != NULL && strcmp (entry->file, file) == 0)
      named = entry;
  }

  return named;
}

void
bottega_catalogue_need (const BottegaCatalogueEntry *entry, BottegaModelNeed *need)
{
  double share = (double) entry->active_parameters / (double) entry->parameters;

  *need = (BottegaModelNeed) {
    .weights_bytes = entry->bytes,
    .kv_bytes_per_token = entry->kv_bytes_per_token,
    .decode_bytes = (guint64) ((double) entry->bytes * share),
    .context_tokens = bottega_model_automatic_context (entry->context_tokens),
  };
}

/* 0: fits and is readable, 1: fits, 2: does not. */
static guint
rank (const BottegaCatalogueEntry *entry, const BottegaMachine *machine, double *tok_s)
{
  BottegaModelNeed need;

  bottega_catalogue_need (entry, &need);
  *tok_s = bottega_model_decode_speed (&need, NULL, machine);
  if (!bottega_model_need_fits (&need, machine))
    return 2;

  return *tok_s > 0 && *tok_s < READABLE_TOK_S ? 1 : 0;
}

static int
compare (gconstpointer a, gconstpointer b, gpointer machine)
{
  const BottegaCatalogueEntry *one = a, *other = b;
  double one_tok_s, other_tok_s;
  guint one_rank = rank (one, machine, &one_tok_s);
  guint other_rank = rank (other, machine, &other_tok_s);

  if (one_rank != other_rank)
    return one_rank < other_rank ? -1 : 1;
  if (one_rank == 1 && one_tok_s != other_tok_s)
    return one_tok_s > other_tok_s ? -1 : 1;
  if (one->bytes == other->bytes)
    return strcmp (one->name, other->name);

  return (one->bytes < other->bytes) == (one_rank == 0) ? 1 : -1;
}

void
bottega_catalogue_sort (GPtrArray *catalogue, const BottegaMachine *machine)
{
  g_ptr_array_sort_values_with_data (catalogue, compare, (gpointer) machine);
}

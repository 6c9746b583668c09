/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The catalogue of models: the real file is sound, a wrong one is refused with its field's name,
 * and what suits a computer comes first. Arguments: data/models/catalogue.json, the engine's table
 * of architectures. */
#include "app/assistant/bottega-catalogue.h"

#include <string.h>

#define GB G_GUINT64_CONSTANT (1000000000)

static const char *catalogue_path, *architectures_path;

static GPtrArray *
read_real (void)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  GPtrArray *catalogue;
  gsize bytes;

  g_assert_true (g_file_get_contents (catalogue_path, &text, &bytes, NULL));
  catalogue = bottega_catalogue_parse (text, (gssize) bytes, &error);
  g_assert_no_error (error);

  return catalogue;
}

/* Sizes, contexts and parameters hang together: a slip of a digit would show. */
static void
test_real (void)
{
  g_autoptr (GPtrArray) catalogue = read_real ();
  g_autofree char *architectures = NULL;

  g_assert_true (g_file_get_contents (architectures_path, &architectures, NULL, NULL));
  g_assert_cmpuint (catalogue->len, >=, 15);
  for (guint i = 0; i < catalogue->len; i++) {
    const BottegaCatalogueEntry *entry = g_ptr_array_index (catalogue, i);
    double bits = 8.0 * (double) entry->bytes / (double) entry->parameters;
    double kib = (double) entry->kv_bytes_per_token / 1024;
    g_autofree char *row = g_strdup_printf ("MODEL_ARCHITECTURE (\"%s\",", entry->architecture);

    g_test_message ("%s: %.2f bits a parameter, %.0f KiB a token", entry->name, bits, kib);
    g_assert_nonnull (strstr (architectures, row));
    g_assert_cmpfloat (bits, >, 4.0);
    g_assert_cmpfloat (bits, <, 9.5);
    g_assert_cmpfloat (kib, >=, 16);
    g_assert_cmpfloat (kib, <=, 256);
    g_assert_cmpuint (entry->context_tokens % 1024, ==, 0);
    g_assert_cmpuint (entry->context_tokens, >=, 4096);
    g_assert_true (g_str_has_prefix (entry->page, "https://huggingface.co/"));
    g_assert_nonnull (strstr (entry->languages, "en"));
  }
}

static char *
with (const char *field, const char *value)
{
  static const char *const names[] = { "name", "maker", "file", "page", "license", "architecture",
                                       "types", "languages", "bytes", "parameters",
                                       "kv_bytes_per_token", "context_tokens" };
  static const char *const values[] = { "\"M\"", "\"Me\"", "\"m.gguf\"", "\"https://x.org/m\"",
                                        "\"mit\"", "\"llama\"", "\"Q4_0\"", "[\"en\"]", "1", "1",
                                        "1", "1" };
  g_autoptr (GString) json = g_string_new ("{\"models\": [{");
  gboolean found = FALSE;

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    gboolean here = g_strcmp0 (field, names[i]) == 0;

    found |= here;
    if (here && value == NULL)
      continue;
    g_string_append_printf (json, "\"%s\": %s, ", names[i], here ? value : values[i]);
  }
  if (field != NULL && !found)
    g_string_append_printf (json, "\"%s\": %s, ", field, value);
  g_string_truncate (json, json->len - 2);
  g_string_append (json, "}]}");

  return g_strdup (json->str);
}

static void
test_refused (void)
{
  static const struct {
    const char *field, *value; /* NULL: left out */
  } wrong[] = {
    { "name", "\"\"" },
    { "maker", NULL },
    { "file", "\"../m.gguf\"" },
    { "file", "\"m.bin\"" },
    { "page", "\"http://x.org/m\"" },
    { "page", "7" },
    { "license", "\"gemma\"" },
    { "license", NULL },
    { "languages", "[]" },
    { "languages", "[\"English\"]" },
    { "languages", "[1]" },
    { "bytes", "0" },
    { "bytes", "\"big\"" },
    { "bytes", "1.5" },
    { "parameters", "-1" },
    { "active_parameters", "2" },
    { "sha256", "\"abc\"" },
    { "sha256", "null" },
    { "rating", "5" },
  };
  g_autofree char *fine = with (NULL, NULL);
  g_autoptr (GPtrArray) catalogue = bottega_catalogue_parse (fine, -1, NULL);

  g_assert_cmpuint (catalogue->len, ==, 1);
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autofree char *json = with (wrong[i].field, wrong[i].value);
    g_autoptr (GError) error = NULL;

    g_test_message ("%s", json);
    g_assert_null (bottega_catalogue_parse (json, -1, &error));
    g_assert_error (error, BOTTEGA_CATALOGUE_ERROR, BOTTEGA_CATALOGUE_ERROR_INVALID);
    g_assert_nonnull (strstr (error->message, wrong[i].field));
  }
  g_assert_null (bottega_catalogue_parse ("{\"models\": 1}", -1, NULL));
  g_assert_null (bottega_catalogue_parse ("[]", -1, NULL));
  g_assert_null (bottega_catalogue_parse ("{", -1, NULL));
}

/* Two entries may not have the same name, file, page or checksum. */
static void
test_doubles (void)
{
  g_autofree char *one = with (NULL, NULL);
  g_autoptr (GString) twice = g_string_new (one);
  g_autoptr (GError) error = NULL;

  g_string_truncate (twice, twice->len - 2);
  g_string_append (twice, ", ");
  g_string_append (twice, one + strlen ("{\"models\": ["));
  g_assert_null (bottega_catalogue_parse (twice->str, -1, &error));
  g_assert_nonnull (strstr (error->message, "twice"));
}

static void
test_found (void)
{
  g_autoptr (GPtrArray) catalogue = read_real ();
  const BottegaCatalogueEntry *entry = g_ptr_array_index (catalogue, 2);

  g_assert_true (bottega_catalogue_find (catalogue, entry->sha256, NULL) == entry);
  g_assert_true (bottega_catalogue_find (catalogue, entry->sha256, "renamed.gguf") == entry);
  g_assert_true (bottega_catalogue_find (catalogue, "0", entry->file) == entry);
  g_assert_null (bottega_catalogue_find (catalogue, "0", "other.gguf"));
}

static void
test_sorted (void)
{
  g_autoptr (GPtrArray) catalogue = read_real ();
  const BottegaMachine laptop = { .memory_bytes = 16 * GB, .read_bytes_s = 30e9 };
  const BottegaMachine old = { .memory_bytes = 4 * GB, .read_bytes_s = 8e9 };
  const BottegaCatalogueEntry *first, *last;
  BottegaModelNeed need;
  gboolean fitted = TRUE;

  bottega_catalogue_sort (catalogue, &laptop);
  first = g_ptr_array_index (catalogue, 0);
  last = g_ptr_array_index (catalogue, catalogue->len - 1);
  bottega_catalogue_need (first, &need);
  g_assert_true (bottega_model_need_fits (&need, &laptop));
  g_assert_cmpfloat (bottega_model_decode_speed (&need, NULL, &laptop), >=, 5);
  g_assert_cmpuint (first->bytes, >, 4 * GB);
  bottega_catalogue_need (last, &need);
  g_assert_false (bottega_model_need_fits (&need, &laptop));
  for (guint i = 0; i < catalogue->len; i++) {
    bottega_catalogue_need (g_ptr_array_index (catalogue, i), &need);
    g_assert_true (fitted || !bottega_model_need_fits (&need, &laptop));
    fitted = bottega_model_need_fits (&need, &laptop);
  }

  bottega_catalogue_sort (catalogue, &old);
  first = g_ptr_array_index (catalogue, 0);
  g_assert_cmpuint (first->bytes, <, 3 * GB);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 3);
  catalogue_path = argv[1];
  architectures_path = argv[2];
  g_test_add_func ("/app/catalogue/real", test_real);
  g_test_add_func ("/app/catalogue/refused", test_refused);
  g_test_add_func ("/app/catalogue/doubles", test_doubles);
  g_test_add_func ("/app/catalogue/found", test_found);
  g_test_add_func ("/app/catalogue/sorted", test_sorted);

  return g_test_run ();
}

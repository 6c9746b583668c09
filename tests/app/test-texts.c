/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The quiet line of an answer, its JSON, and the settings without an installed schema. */
#include "app/assistant/bottega-settings.h"
#include "app/assistant/bottega-stats-text.h"

#include <string.h>

static void
test_lines (void)
{
  static const struct {
    EngineStats stats;
    const char *line, *brief;
  } cases[] = {
    { { .prompt_tokens = 1310,
        .reused_tokens = 1204,
        .read_tokens = 106,
        .written_tokens = 50,
        .ttft_s = 0.42,
        .decode_tok_s = 31.4 },
      "0.42\u00a0s to first word · 31 tok/s · 1204 of 1310 tokens reused",
      "0.42\u00a0s · 31 tok/s" },
    { { .prompt_tokens = 1, .read_tokens = 1, .written_tokens = 1, .ttft_s = 2.25 },
      "2.2\u00a0s to first word · 1 token read",
      "2.2\u00a0s" },
    { { .prompt_tokens = 20,
        .read_tokens = 20,
        .written_tokens = 9,
        .ttft_s = 41.7,
        .decode_tok_s = 2.34 },
      "42\u00a0s to first word · 2.3 tok/s · 20 tokens read",
      "42\u00a0s · 2.3 tok/s" },
    { { .prompt_tokens = 20 }, "", "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *line = bottega_stats_text_long (&cases[i].stats);
    g_autofree char *brief = bottega_stats_text_short (&cases[i].stats);

    g_assert_cmpstr (line, ==, cases[i].line);
    g_assert_cmpstr (brief, ==, cases[i].brief);
  }
}

static void
test_json (void)
{
  const EngineStats stats = { .prompt_tokens = 1310,
                              .reused_tokens = 1204,
                              .read_tokens = 106,
                              .written_tokens = 50,
                              .ttft_s = 0.421,
                              .gap_max_ms = 12.5,
                              .stalls = 3,
                              .bytes_read = 123456789012345,
                              .stop = ENGINE_STOP_CANCELLED };
  g_autofree char *text = bottega_stats_to_json (&stats, NULL);
  static const char *const bad[] = { "", "[]", "{}", "{\"prompt_tokens\"", "null" };
  EngineStats back;

  g_assert_true (bottega_stats_from_json (text, &back, NULL));
  g_assert_cmpuint (back.prompt_tokens, ==, 1310);
  g_assert_cmpuint (back.stalls, ==, 3);
  g_assert_cmpuint (back.bytes_read, ==, 123456789012345);
  g_assert_cmpfloat (back.ttft_s, ==, 0.421);
  g_assert_cmpfloat (back.gap_max_ms, ==, 12.5);
  g_assert_cmpint (back.stop, ==, ENGINE_STOP_CANCELLED);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (bottega_stats_from_json (bad[i], &back, NULL));
  g_assert_false (bottega_stats_from_json (NULL, &back, NULL));
}

static void
count_notify (GObject *object, GParamSpec *pspec, guint *n)
{
  (*n)++;
}

static void
test_settings (void)
{
  g_autoptr (BottegaSettings) settings = bottega_settings_new_in_memory ();
  guint n = 0;
  int width;
  gboolean visible;

  g_assert_cmpstr (bottega_settings_get_device (settings), ==, "auto");
  g_assert_cmpfloat (bottega_settings_get_temperature (settings), ==, 0.7);
  g_assert_cmpuint (bottega_settings_get_max_answer_tokens (settings), ==, 2048);
  g_object_get (settings, "window-width", &width, "sidebar-visible", &visible, NULL);
  g_assert_cmpint (width, ==, 1100);
  g_assert_true (visible);

  g_signal_connect (settings, "notify::default-model", G_CALLBACK (count_notify), &n);
  bottega_settings_set_default_model (settings, "/a.gguf");
  bottega_settings_set_default_model (settings, "/a.gguf");
  g_assert_cmpuint (n, ==, 1);
  g_assert_cmpstr (bottega_settings_get_default_model (settings), ==, "/a.gguf");
}

/* The schema in the tree and the table of properties must not drift apart. */
static void
test_schema (gconstpointer path)
{
  g_autoptr (BottegaSettings) settings = bottega_settings_new_in_memory ();
  g_autofree GParamSpec **properties = NULL;
  g_autofree char *schema = NULL;
  g_autoptr (GError) error = NULL;
  guint n = 0, n_keys = 0;

  g_file_get_contents (path, &schema, NULL, &error);
  g_assert_no_error (error);
  properties = g_object_class_list_properties (G_OBJECT_GET_CLASS (settings), &n);
  for (guint i = 0; i < n; i++) {
    g_autofree char *key = g_strdup_printf ("<key name=\"%s\"", properties[i]->name);

    g_assert_nonnull (strstr (schema, key));
  }
  for (const char *at = strstr (schema, "<key "); at != NULL; at = strstr (at + 1, "<key "))
    n_keys++;
  g_assert_cmpuint (n_keys, ==, n);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/app/texts/lines", test_lines);
  g_test_add_func ("/app/texts/json", test_json);
  g_test_add_func ("/app/texts/settings", test_settings);
  g_test_add_data_func ("/app/texts/schema", argv[1], test_schema);

  return g_test_run ();
}

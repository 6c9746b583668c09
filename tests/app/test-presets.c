/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The presets as a table over the settings, going back to defaults, and the words of a plan. */
#include "app/assistant/bottega-memory-words.h"
#include "app/assistant/bottega-plan-text.h"
#include "app/assistant/bottega-presets.h"

#include <string.h>

/* Each preset is found again in what it set, and no two are alike. */
static void
test_found (void)
{
  g_autoptr (BottegaSettings) settings = bottega_settings_new_in_memory ();

  g_assert_cmpint (bottega_preset_find (settings), ==, BOTTEGA_PRESET_BALANCED);
  for (guint preset = 0; preset < BOTTEGA_N_PRESETS; preset++) {
    bottega_preset_apply ((BottegaPreset) preset, settings);
    g_assert_cmpint (bottega_preset_find (settings), ==, preset);
    g_assert_cmpint (strlen (bottega_preset_get_name ((BottegaPreset) preset)), >, 0);
    for (guint other = 0; other < preset; other++)
      g_assert_cmpstr (bottega_preset_get_id ((BottegaPreset) preset), !=,
                       bottega_preset_get_id ((BottegaPreset) other));
  }
  g_object_set (settings, "context-length", 1024, NULL);
  g_assert_cmpint (bottega_preset_find (settings), ==, BOTTEGA_PRESET_NONE);
}

static void
test_values (void)
{
  g_autoptr (BottegaSettings) settings = bottega_settings_new_in_memory ();

  g_object_set (settings, "device", "cpu", NULL);
  bottega_preset_apply (BOTTEGA_PRESET_LONG_MEMORY, settings);
  g_assert_cmpuint (bottega_settings_get_context_length (settings), ==, 32768);
  g_assert_cmpstr (bottega_settings_get_kv_type (settings), ==, "q8_0");
  bottega_preset_apply (BOTTEGA_PRESET_LOW_POWER, settings);
  g_assert_cmpuint (bottega_settings_get_load_threads (settings), ==,
                    MAX (g_get_num_processors () / 2, 1));
  g_assert_false (bottega_settings_get_speculate (settings));
  g_assert_cmpuint (bottega_settings_get_unload_minutes (settings), ==, 5);
  bottega_preset_apply (BOTTEGA_PRESET_QUICK, settings);
  g_assert_true (bottega_settings_get_speculate (settings));
  g_assert_cmpuint (bottega_settings_get_unload_minutes (settings), ==, 0);
  /* What is the machine's stays. */
  g_assert_cmpstr (bottega_settings_get_device (settings), ==, "cpu");
}

/* One notification for each setting that changes, and none for the others. */
static void
count (gpointer data)
{
  ++*(guint *) data;
}

static void
test_reset_and_undo (void)
{
  g_autoptr (BottegaSettings) settings = bottega_settings_new_in_memory ();
  g_autoptr (GHashTable) saved = NULL;
  guint n_device = 0, n_temperature = 0;

  g_assert_false (bottega_presets_any_set (settings));
  g_object_set (settings, "device", "cpu", "gpu-percent", 50, "threads", 3, "temperature", 0.1,
                NULL);
  g_assert_true (bottega_presets_any_set (settings));
  g_signal_connect_swapped (settings, "notify::device", G_CALLBACK (count), &n_device);
  g_signal_connect_swapped (settings, "notify::temperature", G_CALLBACK (count), &n_temperature);
  saved = bottega_presets_save (settings);
  bottega_presets_reset (settings);
  g_assert_false (bottega_presets_any_set (settings));
  g_assert_cmpint (bottega_preset_find (settings), ==, BOTTEGA_PRESET_BALANCED);
  g_assert_cmpstr (bottega_settings_get_device (settings), ==, "auto");
  bottega_presets_restore (saved, settings);
  g_assert_cmpstr (bottega_settings_get_device (settings), ==, "cpu");
  g_assert_cmpuint (bottega_settings_get_gpu_percent (settings), ==, 50);
  g_assert_cmpuint (bottega_settings_get_load_threads (settings), ==, 3);
  g_assert_cmpuint (n_device, ==, 2);
  /* How answers are written is not of this page. */
  g_assert_cmpuint (n_temperature, ==, 0);
  g_assert_cmpfloat (bottega_settings_get_temperature (settings), ==, 0.1);
}

/* Saving power takes threads away and never adds any; it can be declined. */
static void
test_saving_power (void)
{
  g_autoptr (BottegaSettings) settings = bottega_settings_new_in_memory ();
  guint half = bottega_settings_get_saving_threads ();

  g_assert_cmpuint (bottega_settings_get_load_threads (settings), ==, 0);
  bottega_settings_set_saving_power (settings, TRUE);
  g_assert_true (bottega_settings_get_saves_power (settings));
  g_assert_cmpuint (bottega_settings_get_load_threads (settings), ==, half);
  g_object_set (settings, "threads", 1, NULL);
  g_assert_cmpuint (bottega_settings_get_load_threads (settings), ==, 1);
  g_object_set (settings, "threads", half + 1, NULL);
  g_assert_cmpuint (bottega_settings_get_load_threads (settings), ==, half);
  g_object_set (settings, "respect-power-saver", FALSE, NULL);
  g_assert_false (bottega_settings_get_saves_power (settings));
  g_assert_cmpuint (bottega_settings_get_load_threads (settings), ==, half + 1);
}

/* ---- a plan in words ---- */

static const BottegaPlan fits = {
  .n_heaps = 1,
  .heaps = { { .device = (char *) "cpu",
               .is_ram = TRUE,
               .memory_bytes = 16000000000,
               .others_bytes = 4000000000,
               .allowed_bytes = 11000000000,
               .weights_bytes = 1000000000,
               .kv_bytes = 2000000000,
               .work_bytes = 500000000 } },
  .first_s = 1.34,
  .token_s = 1 / 38.2,
};

static void
assert_same (char *text, const char *wanted)
{
  g_autofree char *owned = text;
  /* g_format_size () parts number and unit by a space that does not break. */
  g_auto (GStrv) words = text != NULL ? g_strsplit (text, "\u00a0", -1) : NULL;
  g_autofree char *plain = words != NULL ? g_strjoinv (" ", words) : NULL;

  g_assert_cmpstr (plain, ==, wanted);
}

static void
test_words (void)
{
  const BottegaPlanHeap *heap = &fits.heaps[0];
  BottegaPlanHeap guesses = *heap;
  guint64 sum = 0;

  assert_same (bottega_plan_text_used (heap), "7.5 GB of 16.0 GB");
  assert_same (bottega_plan_text_heap (heap),
               "Memory: weights 1.0 GB, conversation 2.0 GB, working memory 500.0 MB, used by "
               "others 4.0 GB, free 8.5 GB");
  for (guint part = 0; part < BOTTEGA_PLAN_N_PARTS; part++)
    sum += bottega_plan_heap_get_bytes (heap, (BottegaPlanPart) part);
  g_assert_cmpuint (sum, ==, heap->memory_bytes);
  guesses.draft_bytes = 300000000;
  assert_same (bottega_plan_text_heap (&guesses),
               "Memory: weights 1.0 GB, conversation 2.0 GB, working memory 500.0 MB, draft model "
               "300.0 MB, used by others 4.0 GB, free 8.2 GB");
  assert_same (bottega_plan_text_times (&fits),
               "First word of a 1000-token question: about 1.3 s, then about 38 tokens per second");
  assert_same (bottega_plan_text_refusal (&fits), NULL);
}

/* Numbers, and what would help most: that is not always the same. */
static void
test_refusals (void)
{
  BottegaPlan plan = fits;
  g_autofree char *text = NULL;

  plan.refusal = (char *) "The engine's own words.";
  assert_same (bottega_plan_text_refusal (&plan), "The engine's own words.");
  plan.heaps[0].kv_bytes = 12000000000;
  assert_same (bottega_plan_text_refusal (&plan),
               "It does not fit: it needs 13.5 GB, and may take 11.0 GB. A shorter context or "
               "compact precision would help most.");
  g_assert_cmpuint (bottega_plan_heap_get_bytes (&plan.heaps[0], BOTTEGA_PLAN_FREE), ==, 0);
  plan.heaps[0].weights_bytes = 13000000000;
  text = bottega_plan_text_refusal (&plan);
  g_assert_nonnull (strstr (text, "a smaller model"));
  plan.token_s = 0;
  assert_same (bottega_plan_text_times (&plan), NULL);
}

/* ---- settings in words ---- */

static void
assert_says (char *text, const char *words)
{
  g_autofree char *owned = text;

  g_assert_nonnull (text);
  if (strstr (text, words) == NULL)
    g_error ("“%s” does not say “%s”", text, words);
}

static void
test_options (void)
{
  g_autoptr (BottegaSettings) settings = bottega_settings_new_in_memory ();
  BottegaPlan plan = fits;
  const BottegaModelDefaults nothing = { 0 };
  const BottegaModelDefaults own = { .has_context = TRUE, .device = (char *) "cpu" };
  BottegaMemoryOptions options = { .settings = settings, .own = &nothing, .trained_tokens = 8192 };

  /* Without a plan there is a sentence, and no price. */
  assert_says (bottega_memory_words_context (&options), "More needs more memory");
  assert_says (bottega_memory_words_unload (&options), "leaves the memory");
  g_assert_null (bottega_memory_words_own (&options, "A model"));

  plan.context_tokens = 8192;
  plan.kv_bytes = plan.weights_bytes = 2000000000;
  options.plan = &plan;
  g_object_set (settings, "context-length", 32768, "unload-minutes", 0, NULL);
  assert_says (bottega_memory_words_context (&options), "reads no more than 8192 tokens");
  assert_says (bottega_memory_words_unload (&options), "keeps its 4.0");
  options.own = &own;
  assert_says (bottega_memory_words_context (&options), "reads at once: 8192 tokens");
  assert_says (bottega_memory_words_own (&options, "A model"), ": context length, device.");

  /* A card with memory of its own can be shared out. */
  g_assert_false (bottega_memory_words_has_card (&options));
  plan.heaps[0].is_ram = FALSE;
  plan.n_layers = 28;
  g_assert_true (bottega_memory_words_has_card (&options));
  assert_says (bottega_memory_words_gpu (&options), "All 28 layers");
  plan.n_layers_apart = 9;
  assert_says (bottega_memory_words_gpu (&options), "19 of 28 layers");

  bottega_settings_set_saving_power (settings, TRUE);
  assert_says (bottega_memory_words_threads (&options), "saves power now");
  g_object_set (settings, "respect-power-saver", FALSE, NULL);
  assert_says (bottega_memory_words_threads (&options), "as many as help");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/app/presets/found", test_found);
  g_test_add_func ("/app/presets/values", test_values);
  g_test_add_func ("/app/presets/reset-and-undo", test_reset_and_undo);
  g_test_add_func ("/app/presets/saving-power", test_saving_power);
  g_test_add_func ("/app/presets/words", test_words);
  g_test_add_func ("/app/presets/refusals", test_refusals);
  g_test_add_func ("/app/presets/options", test_options);

  return g_test_run ();
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is foreseen of memory against what is allocated, on the starter model: what the model says
 * that it holds, and on the processor what the system says of the process too, after a conversation
 * that fills the context. Each setting has a process of its own. And refusals, with numbers. */
#include "tests/engine/answers.h"
#include "tests/engine/make-gguf.h"
#include "tests/engine/split/models.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define MOST 0.05 /* of what is allocated */

static const char *device, *model_path;

typedef struct {
  uint32_t context, chunk;
  const char *kv_type;
  uint64_t gpu_memory; /* of a card; on the processor it says nothing */
  gboolean drafts;     /* the model guesses for itself too */
} Setting;

static const Setting settings[] = {
  { 256, 0, "f16", 0 },
  { 512, 128, "q8_0", 0 },
  { 768, 0, "f16", 0 },
  { 1024, 512, "q8_0", 0 },
  { 1280, 64, "f16", (uint64_t) 120 << 20 },
  { 1024, 256, "q8_0", (uint64_t) 80 << 20 },
  { 512, 64, "f16", 0, TRUE },
};

static EngineModelOptions
options_of (const Setting *setting)
{
  return (EngineModelOptions) { .device = device,
                                .n_threads = 2,
                                .context_tokens = setting->context,
                                .chunk_tokens = setting->chunk,
                                .kv_type = setting->kv_type,
                                .draft_path = setting->drafts ? model_path : NULL,
                                .gpu_memory_bytes = setting->gpu_memory };
}

static uint64_t
heap_bytes (const EnginePlanHeap *heap)
{
  return heap->weights_bytes + heap->kv_bytes + heap->scratch_bytes + heap->draft_bytes;
}

static uint64_t
plan_bytes (const EnginePlan *plan)
{
  uint64_t sum = 0;

  for (uint32_t i = 0; i < plan->n_heaps; i++)
    sum += heap_bytes (&plan->heaps[i]);
  return sum;
}

static uint64_t
resident_bytes (void)
{
  g_autofree char *text = NULL;
  const char *at;

  g_assert_true (g_file_get_contents ("/proc/self/status", &text, NULL, NULL));
  at = strstr (text, "VmRSS:");
  g_assert_nonnull (at);
  return g_ascii_strtoull (at + strlen ("VmRSS:"), NULL, 10) * 1024;
}

static void
assert_near (const char *what, uint64_t foreseen, uint64_t is)
{
  double ratio = (double) foreseen / (double) is;

  g_test_message ("%s: foreseen %.2f MB, is %.2f MB (%+.1f %%)", what, (double) foreseen / 1e6,
                  (double) is / 1e6, 100 * (ratio - 1));
  g_assert_cmpfloat (fabs (ratio - 1), <=, MOST);
}

/* Every batch class, and every page of the context where that is quick. */
static void
use_all (EngineModel *model, uint32_t n_tokens)
{
  g_autoptr (EngineSession) session = test_session_new (model);
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (gint32));
  g_autoptr (GArray) few = g_array_new (FALSE, FALSE, sizeof (gint32));
  g_autoptr (GArray) answer = g_array_new (FALSE, FALSE, sizeof (gint32));
  g_autoptr (GError) error = NULL;
  g_autofree float *lse = NULL;
  g_autofree EngineTop *top = NULL;
  EngineGenerate options = ENGINE_GENERATE_GREEDY;
  double mean_nll;

  for (uint32_t i = 0; i < n_tokens; i++) {
    gint32 token = 1000 + (gint32) (i * 7919 % 20000);

    g_array_append_val (tokens, token);
  }
  g_array_append_vals (few, tokens->data, 8);
  engine_session_logits (session, few, 1, &lse, &top, &mean_nll, &error);
  g_assert_no_error (error);
  options.max_tokens = 4;
  options.ignore_end = TRUE;
  test_generate (session, tokens, &options, answer, NULL);
}

/* What is resident hangs a little by what else the machine does: which pages of files are in its
 * cache, which worker gets something to do. */
static void
run_apart (void)
{
  for (unsigned i = 0; i < 3; i++) {
    g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
    if (g_test_trap_has_passed ())
      return;
  }
  g_test_trap_assert_passed ();
}

static void
test_setting (gconstpointer data)
{
  const Setting *setting = data;
  EngineModelOptions options = options_of (setting);
  gboolean on_processor = strcmp (device, "cpu") == 0;
  uint64_t weights, kv, scratch, before;
  g_autoptr (EngineModel) model = NULL;
  g_autoptr (EnginePlan) plan = NULL;
  g_autoptr (GError) error = NULL;

  if (!g_test_subprocess ()) {
    run_apart ();
    return;
  }
  plan = engine_plan (model_path, &options, &error);
  g_assert_no_error (error);
  g_assert_null (plan->refusal);
  before = resident_bytes ();
  model = engine_model_open (model_path, &options, &error);
  g_assert_no_error (error);
  use_all (model, on_processor ? setting->context - 8 : 40);
  engine_model_memory (model, &weights, &kv, &scratch);
  assert_near ("allocated", plan_bytes (plan), weights + kv + scratch);
  /* A draft model that has not been asked yet has pages that nobody has written to. */
  if (on_processor && !setting->drafts)
    assert_near ("resident", plan_bytes (plan) + plan->text_bytes, resident_bytes () - before);
  else if (!on_processor)
    assert_near ("on the card", heap_bytes (&plan->heaps[0]), engine_model_gpu_bytes (model));
  g_assert_cmpuint (plan->n_heaps, ==, !on_processor && setting->gpu_memory > 0 ? 2 : 1);
  g_assert_cmpuint (plan->n_layers_apart, <, plan->n_layers);
  g_assert_cmpint (plan->heaps[0].draft_bytes > 0, ==, setting->drafts);
  g_assert_cmpuint (plan_bytes (engine_model_plan (model)), ==, plan_bytes (plan));
}

#define TRIES 50

/* More than any machine has: the plan says how much, and the load refuses in the same words, unless
 * what is free has changed between the two: then both are asked again. */
static void
assert_refused (const char *path, const EngineModelOptions *options, const char *word)
{
  g_autofree char *planned = NULL, *refused = NULL;

  for (unsigned i = 0; i == 0 || (i < TRIES && strcmp (planned, refused) != 0); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (EnginePlan) plan = engine_plan (path, options, &error);

    g_assert_no_error (error);
    g_assert_nonnull (plan->refusal);
    g_assert_nonnull (strstr (plan->refusal, word));
    g_assert_null (engine_model_open (path, options, &error));
    g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_NO_MEMORY);
    g_set_str (&planned, plan->refusal);
    g_set_str (&refused, error->message);
  }
  g_assert_cmpstr (refused, ==, planned);
}

static void
test_too_long (void)
{
  const TestLlama llama = { .n_heads_kv = 4, .context_tokens = 1 << 28 };
  EngineModelOptions options = { .device = device, .context_tokens = 1 << 28, .n_threads = 2 };
  g_autofree char *folder = g_dir_make_tmp ("bottega-plan-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "long.gguf", NULL);

  test_gguf_write_llama (path, &llama, MODEL_TYPE_Q4_0, 1);
  assert_refused (path, &options, "549.8 GB for the conversation");
  g_remove (path);
  g_rmdir (folder);
}

static void
test_small_card (void)
{
  const EngineModelOptions options = { .device = "vulkan", .gpu_memory_bytes = 1 << 20 };

  assert_refused (model_path, &options, "No part of");
}

/* What was measured once is read again; what is damaged is not believed. */
static void
test_times (void)
{
  g_autofree char *folder = g_dir_make_tmp ("bottega-plan-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "tiny.gguf", NULL);
  EngineModelOptions options = { .device = "cpu", .n_threads = 1, .cache_dir = folder };
  g_autoptr (EnginePlan) unknown = NULL;
  g_autoptr (EnginePlan) measured = NULL;
  g_autoptr (EnginePlan) again = NULL;
  g_autoptr (EnginePlan) spoilt = NULL;
  g_autoptr (GDir) dir = NULL;
  g_autoptr (GError) error = NULL;
  double ttft_s, token_s, before_s;
  const char *name;

  test_gguf_write_llama (path, NULL, MODEL_TYPE_Q4_0, 1);
  unknown = engine_plan (path, &options, &error);
  g_assert_false (engine_plan_times (unknown, 64, &ttft_s, &token_s));
  measured = engine_plan_measured (path, &options, &error);
  g_assert_no_error (error);
  g_assert_true (engine_plan_times (measured, 64, &before_s, &token_s));
  g_assert_true (engine_plan_times (measured, 512, &ttft_s, &token_s));
  g_assert_cmpfloat (before_s, >, 0);
  g_assert_cmpfloat (ttft_s, >, 2 * before_s);
  g_assert_cmpfloat (token_s, >, 0);
  again = engine_plan (path, &options, &error);
  g_assert_cmpuint (again->n_times, ==, measured->n_times);
  for (uint32_t i = 0; i < again->n_times; i++)
    g_assert_cmpfloat (again->times[i].ttft_s, ==, measured->times[i].ttft_s);
  g_remove (path);
  dir = g_dir_open (folder, 0, &error);
  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *file = g_build_filename (folder, name, NULL), *contents = NULL;
    gsize n;

    g_assert_true (g_file_get_contents (file, &contents, &n, NULL));
    contents[n / 2] ^= 1;
    g_assert_true (g_file_set_contents (file, contents, (gssize) n, NULL));
  }
  test_gguf_write_llama (path, NULL, MODEL_TYPE_Q4_0, 1);
  spoilt = engine_plan (path, &options, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (spoilt->n_times, ==, 0);
  tiny_remove_folder (folder);
}

static void
test_not_a_model (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (engine_plan ("/nowhere/model.gguf", NULL, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_IO);
}

/* What a model gives back that goes first counts as free, and never as more than there is. */
static void
test_freed (void)
{
  EngineModelOptions options = options_of (&settings[0]);
  g_autoptr (EnginePlan) plan = NULL;
  g_autoptr (GError) error = NULL;

  options.freed_ram_bytes = options.freed_device_bytes = G_MAXINT64;
  options.freed_device = device;
  plan = engine_plan (model_path, &options, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (plan->heaps[0].free_bytes, ==, plan->heaps[0].memory_bytes);
  g_assert_cmpuint (plan->heaps[0].allowed_bytes, <, plan->heaps[0].memory_bytes);
  g_assert_null (plan->refusal);
}

/* What a draft model takes is not allowed to the other any more, and one that does not fit is
 * refused as a load refuses it. */
static void
test_draft (void)
{
  EngineModelOptions options = options_of (&settings[0]);
  g_autoptr (EnginePlan) alone = NULL;
  g_autoptr (EnginePlan) both = NULL;
  g_autoptr (GError) error = NULL;

  options.freed_ram_bytes = options.freed_device_bytes = G_MAXINT64; /* what is free is steady */
  options.freed_device = device;
  alone = engine_plan (model_path, &options, &error);
  g_assert_no_error (error);
  options.draft_path = model_path;
  both = engine_plan (model_path, &options, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (both->heaps[0].draft_bytes, ==, heap_bytes (&alone->heaps[0]));
  g_assert_cmpuint (both->heaps[0].weights_bytes, ==, alone->heaps[0].weights_bytes);
  g_assert_cmpuint (both->heaps[0].free_bytes, ==, alone->heaps[0].free_bytes);
  g_assert_cmpuint (both->heaps[0].allowed_bytes + both->heaps[0].draft_bytes, ==,
                    alone->heaps[0].allowed_bytes);
  g_assert_cmpuint (both->text_bytes, ==, 2 * alone->text_bytes);
  options.draft_path = "/nowhere/model.gguf";
  g_assert_null (engine_plan (model_path, &options, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_IO);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (argc > 1) /* processes of the settings get no arguments */
    g_setenv ("PLANNER_DEVICE", argv[1], TRUE);
  device = g_getenv ("PLANNER_DEVICE");
  model_path = g_getenv ("BOTTEGA_TEST_MODEL");
  for (size_t i = 0; i < G_N_ELEMENTS (settings); i++) {
    const Setting *s = &settings[i];
    g_autofree char *name = g_strdup_printf ("/engine/planner/bytes/%u-%u-%s%s", s->context,
                                             s->chunk, s->kv_type, s->drafts ? "-draft" : "");

    g_test_add_data_func (name, s, test_setting);
  }
  g_test_add_func ("/engine/planner/too-long", test_too_long);
  g_test_add_func ("/engine/planner/freed", test_freed);
  g_test_add_func ("/engine/planner/draft", test_draft);
  if (strcmp (device, "cpu") == 0)
    g_test_add_func ("/engine/planner/times", test_times);
  else
    g_test_add_func ("/engine/planner/small-card", test_small_card);
  g_test_add_func ("/engine/planner/not-a-model", test_not_a_model);
  return g_test_run ();
}

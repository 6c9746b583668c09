/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bottega-cli estimate: what a model will take of which memory and how fast it will be, before it
 * is loaded. Must not know how that is found out. */
#include "app/cli/cli.h"

#include <stdio.h>
#include <string.h>

static int n_prompt = 512;
static gboolean quick;

static const GOptionEntry entries[] = {
  { "prompt", 'p', 0, G_OPTION_ARG_INT, &n_prompt, "Tokens of the prompt (512)", "N" },
  { "quick", 0, 0, G_OPTION_ARG_NONE, &quick,
    "Measure nothing: no times on a device that was not measured before", NULL },
  { 0 },
};

/* 0 is null: not known. */
static void
add_time (JsonBuilder *builder, const char *name, double value)
{
  json_builder_set_member_name (builder, name);
  if (value > 0)
    json_builder_add_double_value (builder, value);
  else
    json_builder_add_null_value (builder);
}

static uint64_t
heap_bytes (const EnginePlanHeap *heap)
{
  return heap->weights_bytes + heap->kv_bytes + heap->scratch_bytes + heap->draft_bytes;
}

/* On graphics cards, and in RAM. */
static uint64_t
sum_of (const EnginePlan *plan, gboolean of_cards)
{
  uint64_t sum = of_cards ? 0 : plan->text_bytes;

  for (uint32_t i = 0; i < plan->n_heaps; i++)
    if ((strcmp (plan->heaps[i].device, "cpu") != 0) == of_cards)
      sum += heap_bytes (&plan->heaps[i]);
  return sum;
}

static void
add_heaps (JsonBuilder *builder, const EnginePlan *plan)
{
  json_builder_set_member_name (builder, "heaps");
  json_builder_begin_array (builder);
  for (uint32_t i = 0; i < plan->n_heaps; i++) {
    const EnginePlanHeap *heap = &plan->heaps[i];

    json_builder_begin_object (builder);
    cli_json_string (builder, "device", heap->device);
    cli_json_int (builder, "weights_bytes", heap->weights_bytes);
    cli_json_int (builder, "kv_bytes", heap->kv_bytes);
    cli_json_int (builder, "scratch_bytes", heap->scratch_bytes);
    cli_json_int (builder, "draft_bytes", heap->draft_bytes);
    cli_json_int (builder, "memory_bytes", heap->memory_bytes);
    cli_json_int (builder, "free_bytes", heap->free_bytes);
    cli_json_int (builder, "allowed_bytes", heap->allowed_bytes);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
print_json (const EnginePlan *plan, double ttft_s, double token_s)
{
  JsonBuilder *builder = json_builder_new ();
  uint64_t weights = 0, kv = 0, scratch = 0;
  gboolean on_card = strcmp (plan->heaps[0].device, "cpu") != 0;

  for (uint32_t i = 0; i < plan->n_heaps; i++) {
    weights += plan->heaps[i].weights_bytes;
    kv += plan->heaps[i].kv_bytes;
    scratch += plan->heaps[i].scratch_bytes;
  }
  json_builder_begin_object (builder);
  cli_json_int (builder, "weights_bytes", weights);
  cli_json_int (builder, "kv_bytes", kv);
  cli_json_int (builder, "scratch_bytes", scratch);
  cli_json_int (builder, "ram_bytes", sum_of (plan, FALSE));
  cli_json_int (builder, "gpu_bytes", sum_of (plan, TRUE));
  cli_json_int (builder, "layers", plan->n_layers);
  cli_json_int (builder, "gpu_layers", on_card ? plan->n_layers - plan->n_layers_apart : 0);
  cli_json_int (builder, "context", plan->context_tokens);
  cli_json_string (builder, "kv_type", plan->kv_type);
  add_time (builder, "predicted_ttft_ms", ttft_s * 1e3);
  add_time (builder, "predicted_decode_tok_s", token_s > 0 ? 1 / token_s : 0);
  cli_json_string (builder, "placement", plan->placement);
  cli_json_string (builder, "refusal", plan->refusal);
  add_heaps (builder, plan);
  json_builder_end_object (builder);
  cli_print_json (builder);
}

static void
print_row (const char *what, uint64_t bytes)
{
  g_autofree char *size = g_format_size (bytes);

  printf ("  %-13s %10s\n", what, size);
}

static void
print_text (const EnginePlan *plan, double ttft_s, double token_s)
{
  printf ("%s", plan->heaps[0].description);
  if (plan->placement != NULL)
    printf (", %s", plan->placement);
  printf ("; a context of %u tokens, kept as %s\n", plan->context_tokens, plan->kv_type);
  for (uint32_t i = 0; i < plan->n_heaps; i++) {
    const EnginePlanHeap *heap = &plan->heaps[i];

    if (plan->n_heaps > 1)
      printf ("%s\n", heap->description);
    print_row ("weights", heap->weights_bytes);
    print_row ("conversation", heap->kv_bytes);
    print_row ("to work in", heap->scratch_bytes);
    if (heap->draft_bytes > 0)
      print_row ("draft model", heap->draft_bytes);
    print_row ("in all", heap_bytes (heap));
    print_row ("others use", heap->memory_bytes - MIN (heap->free_bytes, heap->memory_bytes));
    print_row ("free", heap->free_bytes);
  }
  print_row ("vocabulary", plan->text_bytes);
  if (ttft_s > 0)
    printf ("  first token   %10.0f ms after a prompt of %d tokens\n", ttft_s * 1e3, n_prompt);
  if (token_s > 0)
    printf ("  then          %10.1f tok/s\n", 1 / token_s);
  if (plan->refusal != NULL)
    printf ("%s\n", plan->refusal);
}

static int
run (const CliOptions *options, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = cli_find_model (options, argv[1], &error);
  g_autoptr (EnginePlan) plan = NULL;
  double ttft_s, token_s;

  if (n_prompt < 1 || n_prompt > 1 << 28)
    return cli_usage ("-p must be a number of tokens");
  if (path != NULL)
    plan = cli_plan_model (options, path, !quick, &error);
  if (plan == NULL)
    return cli_fail (error);
  engine_plan_times (plan, (uint32_t) n_prompt, &ttft_s, &token_s);
  if (options->json)
    print_json (plan, ttft_s, token_s);
  else
    print_text (plan, ttft_s, token_s);
  return CLI_DONE;
}

const CliCommand cli_estimate = { "estimate", "MODEL", "What a model takes and how fast it will be",
                                  run, entries, 1, 1 };

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bottega-cli doctor: what this machine has for inference, which device is chosen and why, and what
 * to do about what is missing; what keeps Bottega off the network; with a model, what limits its
 * answers. */
#include "app/assistant/bottega-offline.h"
#include "app/assistant/bottega-stats-text.h"
#include "app/cli/trial.h"

#include <stdio.h>
#include <string.h>

/* All that doctor finds out. */
typedef struct {
  GPtrArray *devices; /* EngineDevice */
  char *chosen, *why;
  double bandwidth_bytes_s;
  char *models_dir;
  unsigned n_models;
  GPtrArray *advice; /* char *, sentences */
  BottegaOfflineFacts *offline;
  CliTrial *trial; /* NULL: no model was given */
} Findings;

static void
advise (Findings *found)
{
  gboolean gpu = FALSE, software = FALSE;

  for (guint i = 0; i < found->devices->len; i++) {
    const EngineDevice *device = g_ptr_array_index (found->devices, i);

    gpu |= g_str_has_prefix (device->id, "vulkan") && device->usable && !device->software;
    software |= device->software;
    if (device->missing != NULL)
      g_ptr_array_add (found->advice,
                       g_strdup_printf ("%s cannot be used: %s", device->name, device->missing));
  }
  if (!gpu)
    g_ptr_array_add (
        found->advice,
        g_strdup_printf (
            "No graphics card answers through Vulkan%s. If this computer has one, install its "
            "Vulkan driver "
            "(mesa-vulkan-drivers for AMD and Intel, the NVIDIA driver for NVIDIA); in a Flatpak, "
            "update the "
            "GL extension so that it matches the driver.",
            software ? ", only a software driver, which is slower than the processor's own kernels"
                     : ""));
  if (found->n_models == 0)
    g_ptr_array_add (
        found->advice,
        g_strdup_printf ("No model is installed: put a GGUF file into %s.", found->models_dir));
}

static void
print_trial (const CliTrial *trial)
{
  const BottegaDiagnosis *diagnosis = &trial->diagnosis;
  g_autofree char *sentence = bottega_diagnosis_sentence (diagnosis);
  g_autofree char *brief = bottega_diagnosis_brief (diagnosis);
  g_autofree char *line = bottega_stats_text_long (&diagnosis->stats);

  printf ("trial     %s on %s, loaded in %.1f s\n          %s\n", trial->model, trial->device,
          trial->load_s, line);
  printf ("verdict   %s: %s\n", brief, sentence);
  if (diagnosis->facts.energy_j > 0)
    printf ("energy    %.1f J, %s\n", diagnosis->facts.energy_j, trial->energy);
  else
    printf ("energy    %s\n", trial->energy);
}

static void
print_offline (const BottegaOfflineFacts *facts)
{
  g_autoptr (GPtrArray) lines = bottega_offline_judge (facts);
  const char *heading;

  bottega_offline_sum_up (facts, &heading, NULL);
  printf ("offline   %s\n", heading);
  for (guint i = 0; i < lines->len; i++) {
    const BottegaOfflineLine *line = g_ptr_array_index (lines, i);

    printf ("          %s: %s (%s)\n          %s\n", line->title, line->found,
            bottega_offline_verdict_text (line->verdict), line->meaning);
  }
}

static void
print_text (const Findings *found)
{
  for (guint i = 0; i < found->devices->len; i++) {
    const EngineDevice *device = g_ptr_array_index (found->devices, i);
    g_autofree char *memory = g_format_size_full (device->memory_bytes, G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *available = g_format_size_full (device->free_bytes, G_FORMAT_SIZE_IEC_UNITS);

    printf ("%-9s %s (%s)\n          %s; %s, %s free; %s\n", device->id, device->name, device->kind,
            device->driver, memory, available, device->features);
    if (device->missing != NULL)
      printf ("          not usable: %s\n", device->missing);
  }
  printf ("chosen    %s: %s\n", found->chosen, found->why);
  printf ("memory    the processor reads %.1f GB/s: a model of 1 GB writes at most %.0f tokens a "
          "second there\n",
          found->bandwidth_bytes_s / 1e9, found->bandwidth_bytes_s / 1e9);
  printf ("models    %u in %s\n", found->n_models, found->models_dir);
  print_offline (found->offline);
  if (found->trial != NULL)
    print_trial (found->trial);
  for (guint i = 0; i < found->advice->len; i++)
    printf ("advice    %s\n", (const char *) g_ptr_array_index (found->advice, i));
}

static void
add_device (JsonBuilder *builder, const EngineDevice *device)
{
  json_builder_begin_object (builder);
  cli_json_string (builder, "id", device->id);
  cli_json_string (builder, "name", device->name);
  cli_json_string (builder, "kind", device->kind);
  cli_json_string (builder, "driver", device->driver);
  cli_json_string (builder, "features", device->features);
  cli_json_string (builder, "missing", device->missing);
  json_builder_set_member_name (builder, "memory_bytes");
  json_builder_add_int_value (builder, (gint64) device->memory_bytes);
  json_builder_set_member_name (builder, "free_bytes");
  json_builder_add_int_value (builder, (gint64) device->free_bytes);
  json_builder_set_member_name (builder, "usable");
  json_builder_add_boolean_value (builder, device->usable);
  json_builder_end_object (builder);
}

static void
add_object (JsonBuilder *builder, const char *name, JsonObject *object)
{
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);

  json_node_take_object (node, object);
  json_builder_set_member_name (builder, name);
  json_builder_add_value (builder, node);
}

static void
add_trial (JsonBuilder *builder, const CliTrial *trial)
{
  json_builder_set_member_name (builder, "trial");
  json_builder_begin_object (builder);
  cli_json_string (builder, "model", trial->model);
  cli_json_string (builder, "device", trial->device);
  json_builder_set_member_name (builder, "load_s");
  json_builder_add_double_value (builder, trial->load_s);
  json_builder_set_member_name (builder, "peak_gb_s");
  json_builder_add_double_value (builder, trial->read_bytes_s / 1e9);
  json_builder_set_member_name (builder, "peak_int8_g_s");
  json_builder_add_double_value (builder, trial->int8_s / 1e9);
  cli_json_string (builder, "energy", trial->energy);
  json_builder_set_member_name (builder, "stats");
  cli_json_stats (builder, &trial->diagnosis.stats);
  add_object (builder, "facts", bottega_answer_facts_to_json (&trial->diagnosis.facts));
  add_object (builder, "diagnosis", bottega_diagnosis_to_json (&trial->diagnosis));
  json_builder_end_object (builder);
}

static void
add_offline (JsonBuilder *builder, const BottegaOfflineFacts *facts)
{
  static const char *const verdicts[] = {
    [BOTTEGA_OFFLINE_HOLDS] = "holds",
    [BOTTEGA_OFFLINE_KNOW] = "know",
    [BOTTEGA_OFFLINE_BROKEN] = "broken",
  };
  g_autoptr (GPtrArray) lines = bottega_offline_judge (facts);

  json_builder_set_member_name (builder, "offline");
  json_builder_begin_object (builder);
  cli_json_string (builder, "verdict", verdicts[bottega_offline_sum_up (facts, NULL, NULL)]);
  json_builder_set_member_name (builder, "lines");
  json_builder_begin_array (builder);
  for (guint i = 0; i < lines->len; i++) {
    const BottegaOfflineLine *line = g_ptr_array_index (lines, i);

    json_builder_begin_object (builder);
    cli_json_string (builder, "id", line->id);
    cli_json_string (builder, "found", line->found);
    cli_json_string (builder, "meaning", line->meaning);
    cli_json_string (builder, "verdict", verdicts[line->verdict]);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  json_builder_end_object (builder);
}

static void
print_json (const Findings *found)
{
  JsonBuilder *builder = json_builder_new ();

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "devices");
  json_builder_begin_array (builder);
  for (guint i = 0; i < found->devices->len; i++)
    add_device (builder, g_ptr_array_index (found->devices, i));
  json_builder_end_array (builder);
  cli_json_string (builder, "chosen", found->chosen);
  cli_json_string (builder, "why", found->why);
  json_builder_set_member_name (builder, "cpu_read_gb_s");
  json_builder_add_double_value (builder, found->bandwidth_bytes_s / 1e9);
  cli_json_string (builder, "models_dir", found->models_dir);
  json_builder_set_member_name (builder, "models");
  json_builder_add_int_value (builder, found->n_models);
  json_builder_set_member_name (builder, "advice");
  json_builder_begin_array (builder);
  for (guint i = 0; i < found->advice->len; i++)
    json_builder_add_string_value (builder, g_ptr_array_index (found->advice, i));
  json_builder_end_array (builder);
  add_offline (builder, found->offline);
  if (found->trial != NULL)
    add_trial (builder, found->trial);
  json_builder_end_object (builder);
  cli_print_json (builder);
}

static int
run (const CliOptions *options, int argc, char **argv)
{
  g_autoptr (GPtrArray) devices = engine_devices ();
  g_autoptr (GPtrArray) models = cli_installed_models (options);
  g_autoptr (GPtrArray) advice = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *why = NULL, *chosen = engine_device_auto (&why),
                  *models_dir = cli_models_dir (options);
  g_autoptr (BottegaOfflineFacts) offline = bottega_offline_look ();
  g_autoptr (CliTrial) trial = NULL;
  g_autoptr (GError) error = NULL;
  Findings found = {
    .devices = devices,
    .chosen = chosen,
    .why = why,
    .bandwidth_bytes_s = engine_measure_read_bandwidth ((unsigned) options->n_threads, 0),
    .models_dir = models_dir,
    .n_models = models->len,
    .advice = advice,
    .offline = offline,
  };

  if (argc > 1) {
    trial = cli_trial_run (options, argv[1], &error);
    if (trial == NULL)
      return cli_fail (error);
  }
  found.trial = trial;
  advise (&found);
  if (options->json)
    print_json (&found);
  else
    print_text (&found);
  return CLI_DONE;
}

const CliCommand cli_doctor = {
  "doctor", "[MODEL]", "Devices, measured memory speed, what is missing; what limits MODEL here",
  run, NULL, 0, 1
};

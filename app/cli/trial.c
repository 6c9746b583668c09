/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes one answer and puts together what is known of it. Must not know how that is shown, nor what
 * follows from it. */
#include "app/cli/trial.h"

#include "app/assistant/bottega-energy.h"
#include "app/assistant/bottega-performance.h"

#include <string.h>
#include <sys/resource.h>

#define WRITTEN_TOKENS 64
#define SAMPLE_US      (G_USEC_PER_SEC / 4)

static const char question[] =
    "Describe a day in the workshop of a carpenter, from the first light to the evening, with the "
    "tools that lie on the bench and the wood that waits by the wall.";

/* While the answer is made. */
typedef struct {
  BottegaEnergy *energy;
  gint64 sampled_us;
  BottegaGaps gaps;
} Watch;

static void
on_event (const EngineEvent *event, void *user_data)
{
  Watch *watch = user_data;
  gint64 now_us = g_get_monotonic_time ();

  if (event->kind == ENGINE_EVENT_TOKEN && event->token >= 0)
    bottega_gaps_add (&watch->gaps, now_us);
  if (now_us - watch->sampled_us < SAMPLE_US)
    return;
  bottega_energy_sample (watch->energy, now_us);
  watch->sampled_us = now_us;
}

/* Of all threads so far, in seconds; faults: pages that came from a disk. */
static double
usage (guint64 *faults)
{
  struct rusage usage = { 0 };

  getrusage (RUSAGE_SELF, &usage);
  if (faults != NULL)
    *faults = (guint64) usage.ru_majflt;
  return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void
fill_model (const CliOptions *options, const EngineModel *model, BottegaAnswerFacts *facts)
{
  const EngineModelInfo *info = engine_model_info (model);
  const EnginePlan *plan = engine_model_plan (model);
  gboolean on_processor = strcmp (engine_model_device (model), "cpu") == 0;

  facts->context_tokens = engine_model_context_tokens (model);
  facts->n_layers = info->n_layers;
  facts->n_layers_apart = plan != NULL ? plan->n_layers_apart : 0;
  facts->decode_bytes = info->decode_bytes;
  facts->kv_token_bytes = strcmp (engine_model_kv_type (model), "q8_0") == 0
                              ? info->kv_bytes_per_token_q8_0
                              : info->kv_bytes_per_token_f16;
  facts->load_bytes = info->file_bytes - info->file_only_bytes;
  facts->load_file_s = engine_model_load_s (model);
  facts->card_bytes = engine_model_gpu_bytes (model);
  if (on_processor || facts->n_layers_apart > 0) {
    facts->n_threads = (guint) options->n_threads;
    facts->n_usual_threads = engine_processor_threads ();
  }
  if (on_processor) /* of cards it is not measured */
    facts->peak_bytes_s =
        engine_measure_read_bandwidth ((unsigned) options->n_threads, info->decode_bytes);
  /* It was loaded to be tried: that is nobody's waiting, unless the disk is to blame. */
  facts->load_s = bottega_answer_facts_came_slowly (facts) ? facts->load_file_s : 0;
}

static gboolean
answer (EngineModel *model, CliTrial *trial, BottegaAnswerFacts *facts, GError **error)
{
  const EngineMessage message = { "user", question, NULL };
  g_autoptr (EngineSession) session = engine_session_new (model, error);
  g_autoptr (GArray) prompt = NULL;
  g_autoptr (BottegaEnergy) energy = bottega_energy_new ("/");
  EngineGenerate options = ENGINE_GENERATE_GREEDY;
  Watch watch = { .energy = energy, .sampled_us = g_get_monotonic_time () };
  double stall_s = bottega_performance_read_stall_s ("/"), joules;
  EngineStats stats;
  guint64 faults;

  if (session == NULL ||
      (prompt = engine_model_encode_chat (model, &message, 1, TRUE, error)) == NULL)
    return FALSE;
  options.max_tokens = WRITTEN_TOKENS;
  options.ignore_end = TRUE;
  options.speculate = FALSE; /* how fast the device is, not how well it guesses */
  usage (&faults);
  bottega_energy_sample (energy, watch.sampled_us);
  if (!engine_session_generate (session, prompt, &options, on_event, &watch, &stats, error))
    return FALSE;
  bottega_energy_sample (energy, g_get_monotonic_time ());
  joules = bottega_energy_get_joules (energy, 0);
  usage (&facts->major_faults);
  facts->major_faults -= faults;
  facts->stall_s = MAX (bottega_performance_read_stall_s ("/") - stall_s, 0);
  facts->read_s = stats.ttft_s;
  facts->write_s = stats.decode_s;
  facts->gaps = watch.gaps;
  facts->energy_j = joules;
  trial->energy = bottega_energy_scope_text (bottega_energy_get_scope (energy));
  trial->diagnosis.stats = stats;
  return TRUE;
}

CliTrial *
cli_trial_run (const CliOptions *options, const char *name, GError **error)
{
  double busy_s = usage (NULL);
  g_autoptr (EngineModel) model = cli_open_model (options, name, error);
  g_autoptr (CliTrial) trial = g_new0 (CliTrial, 1);
  BottegaAnswerFacts facts = { 0 };
  EngineStats stats;

  if (model == NULL)
    return NULL;
  facts.load_busy_s = usage (NULL) - busy_s;
  if (!answer (model, trial, &facts, error))
    return NULL;
  fill_model (options, model, &facts);
  stats = trial->diagnosis.stats;
  bottega_diagnose (&facts, &stats, &trial->diagnosis);
  trial->model = g_strdup (engine_model_info (model)->name);
  trial->device = g_strdup (engine_model_device_description (model));
  trial->load_s = engine_model_load_s (model);
  trial->read_bytes_s = facts.peak_bytes_s;
  trial->int8_s = engine_measure_int8_rate ((unsigned) options->n_threads);
  return g_steal_pointer (&trial);
}

void
cli_trial_free (CliTrial *trial)
{
  if (trial == NULL)
    return;
  g_free (trial->model);
  g_free (trial->device);
  g_free (trial);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the counters of this computer and the best that was measured of it. It must not know what
 * follows from them. Formats: the kernel's Documentation/accounting/psi and filesystems/proc. */
#define G_LOG_DOMAIN "bottega-performance"
#include "config.h"

#include "app/assistant/bottega-performance.h"

#include "app/retrieval/bottega-worker.h"

#include <gio/gio.h>
#include <string.h>
#include <sys/resource.h>

#define ANSWERING_MS 250
#define WATCHING_MS  2000
#define MOST_SAMPLES 600
/* Shorter answers say little about a speed. */
#define MIN_TOKENS 32
#define SET_BYTES  (1024 * 1024)

#define PROCESSOR "processor"
#define DISK      "disk"

struct _BottegaPerformance {
  GObject parent_instance;

  BottegaEngineSource *source;
  char *root, *path;     /* path: of the file; NULL: nothing is kept */
  BottegaWorker *worker; /* NULL after shutdown */
  BottegaEnergy *energy; /* the worker's; NULL: sensors have not been looked for */
  GKeyFile *keys;
  GPowerProfileMonitor *power; /* NULL: not asked yet, or not there */

  char *model;          /* path; NULL: none */
  BottegaLoaded loaded; /* its numbers; no string of it */
  char *device;
  guint n_answers, n_watching, tick;
  gboolean sampling, measuring;
  GArray *samples; /* of BottegaMemorySample */
  double joules, watts;
  gint64 joules_us;
  guint scope;
};

enum {
  SIGNAL_SAMPLED,
  SIGNAL_LIMITS_CHANGED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (BottegaPerformance, bottega_performance, G_TYPE_OBJECT)

/* ---- what is kept ---- */

typedef struct {
  char *path, *text;
} Save;

static void
save_free (gpointer data)
{
  Save *save = data;

  g_free (save->path);
  g_free (save->text);
  g_free (save);
}

static void
save_run (gpointer data)
{
  const Save *save = data;
  g_autoptr (GError) error = NULL;

  if (!g_file_set_contents (save->path, save->text, -1, &error))
    g_debug ("%s", error->message);
}

static void
save (BottegaPerformance *self)
{
  Save *job;

  if (self->path == NULL || self->worker == NULL)
    return;
  job = g_new (Save, 1);
  *job = (Save) { g_strdup (self->path), g_key_file_to_data (self->keys, NULL, NULL) };
  bottega_worker_push (self->worker, save_run, NULL, job, save_free);
}

static double
best (BottegaPerformance *self, const char *group, const char *key)
{
  double value = key != NULL ? g_key_file_get_double (self->keys, group, key, NULL) : 0;

  return value > 0 && value < 1e18 ? value : 0;
}

/* Keeps the better one: what is measured beside other work is too low, and never too high. */
static void
add_best (BottegaPerformance *self, const char *group, const char *key, double value)
{
  if (value <= best (self, group, key))
    return;
  g_key_file_set_double (self->keys, group, key, value);
  save (self);
}

/* Weights that fit a cache are read faster. */
static char *
set_key (guint64 bytes)
{
  return g_strdup_printf ("read-bytes-s-%" G_GUINT64_FORMAT "-mib", bytes / SET_BYTES);
}

/* A path may have any byte. */
static char *
model_group (BottegaPerformance *self)
{
  g_autofree char *escaped = g_uri_escape_string (self->model, "/", FALSE);

  return g_strdup_printf ("model %s", escaped);
}

static gboolean
is_on_processor (BottegaPerformance *self)
{
  return g_strcmp0 (self->device, "cpu") == 0;
}

/* Of the processor it is measured; of a card it is the best of the answers so far. */
static double
peak_bytes_s (BottegaPerformance *self)
{
  g_autofree char *key = set_key (self->loaded.decode_bytes);

  return is_on_processor (self) ? best (self, PROCESSOR, key)
                                : best (self, "cards", self->device);
}

/* ---- sampling ---- */

typedef struct {
  BottegaPerformance *self; /* borrowed: the worker ends before it */
  BottegaMemorySample memory;
  double joules, watts;
  guint scope;
} Sample;

/* A line of a file such as /proc/meminfo, in bytes: "VmRSS:   123 kB". */
static guint64
line_bytes (const char *text, const char *name)
{
  const char *line = text != NULL ? strstr (text, name) : NULL;

  return line != NULL ? g_ascii_strtoull (line + strlen (name), NULL, 10) * 1024 : 0;
}

static char *
read_file (const char *root, const char *name)
{
  g_autofree char *path = g_build_filename (root, name, NULL);
  char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) ? text : NULL;
}

double
bottega_performance_read_stall_s (const char *root)
{
  g_autofree char *text = read_file (root, "proc/pressure/memory");
  const char *some = text != NULL ? strstr (text, "some ") : NULL;
  const char *total = some != NULL ? strstr (some, "total=") : NULL;

  return total != NULL ? (double) g_ascii_strtoull (total + 6, NULL, 10) / 1e6 : 0;
}

static void
sample_run (gpointer data)
{
  Sample *sample = data;
  BottegaPerformance *self = sample->self;
  g_autofree char *status = read_file (self->root, "proc/self/status");
  g_autofree char *meminfo = read_file (self->root, "proc/meminfo");
  guint64 available = line_bytes (meminfo, "MemAvailable:");
  BottegaMemorySample *memory = &sample->memory;

  if (self->energy == NULL)
    self->energy = bottega_energy_new (self->root);
  memory->at_us = g_get_monotonic_time ();
  memory->ram_bytes = line_bytes (status, "VmRSS:");
  memory->ram_total_bytes = line_bytes (meminfo, "MemTotal:");
  if (memory->ram_total_bytes > available + memory->ram_bytes)
    memory->ram_others_bytes = memory->ram_total_bytes - available - memory->ram_bytes;

  bottega_energy_sample (self->energy, memory->at_us);
  sample->joules = bottega_energy_get_joules (self->energy, memory->at_us);
  sample->watts = bottega_energy_get_joules (self->energy, memory->at_us + G_USEC_PER_SEC) -
                  sample->joules;
  sample->scope = bottega_energy_get_scope (self->energy);
}

static void
sample_done (gpointer data)
{
  const Sample *sample = data;
  BottegaPerformance *self = sample->self;

  self->sampling = FALSE;
  self->joules = sample->joules;
  self->watts = sample->watts;
  self->joules_us = sample->memory.at_us;
  self->scope = sample->scope;
  if (self->samples->len == MOST_SAMPLES)
    g_array_remove_index (self->samples, 0);
  g_array_append_val (self->samples, sample->memory);
  g_array_index (self->samples, BottegaMemorySample, self->samples->len - 1).card_bytes =
      self->loaded.card_bytes;
  g_signal_emit (self, signals[SIGNAL_SAMPLED], 0);
}

static void
take_sample (BottegaPerformance *self)
{
  Sample *sample;

  if (self->sampling || self->worker == NULL)
    return;
  self->sampling = TRUE;
  sample = g_new0 (Sample, 1);
  sample->self = self;
  bottega_worker_push (self->worker, sample_run, sample_done, sample, g_free);
}

static gboolean
on_tick (gpointer user_data)
{
  take_sample (user_data);

  return G_SOURCE_CONTINUE;
}

/* Nothing wakes the computer while nobody waits or looks. */
static void
update_tick (BottegaPerformance *self)
{
  guint ms = self->n_answers > 0 ? ANSWERING_MS : self->n_watching > 0 ? WATCHING_MS
                                                                       : 0;

  g_clear_handle_id (&self->tick, g_source_remove);
  if (ms == 0 || self->worker == NULL)
    return;
  take_sample (self);
  self->tick = g_timeout_add (ms, on_tick, self);
  g_source_set_name_by_id (self->tick, "[bottega] memory and energy");
}

/* ---- limits ---- */

typedef struct {
  BottegaPerformance *self; /* borrowed: the worker ends before it */
  guint64 set_bytes;        /* of the loaded model; 0: none */
  BottegaLimits limits;
  gboolean known;
} Measure;

static void
measure_run (gpointer data)
{
  Measure *measure = data;
  BottegaEngineSource *source = measure->self->source;

  measure->known = BOTTEGA_ENGINE_SOURCE_GET_IFACE (source)->limits (source, measure->set_bytes,
                                                                     &measure->limits);
}

static void
measure_done (gpointer data)
{
  const Measure *measure = data;
  BottegaPerformance *self = measure->self;
  g_autofree char *key = set_key (measure->set_bytes);

  self->measuring = FALSE;
  if (!measure->known)
    return;
  add_best (self, PROCESSOR, "read-bytes-s", measure->limits.read_bytes_s);
  add_best (self, PROCESSOR, "int8-s", measure->limits.int8_s);
  if (measure->set_bytes > 0)
    add_best (self, PROCESSOR, key, measure->limits.set_bytes_s);
  g_signal_emit (self, signals[SIGNAL_LIMITS_CHANGED], 0);
}

/* Once for each size of model, and not beside an answer, whose time it would take. */
static void
measure_limits (BottegaPerformance *self)
{
  gboolean of_model = is_on_processor (self) && self->loaded.decode_bytes > 0;
  Measure *measure;

  if (self->n_answers > 0 || self->measuring || self->worker == NULL ||
      BOTTEGA_ENGINE_SOURCE_GET_IFACE (self->source)->limits == NULL)
    return;
  if (of_model ? peak_bytes_s (self) > 0
               : self->n_watching == 0 || best (self, PROCESSOR, "read-bytes-s") > 0)
    return;
  self->measuring = TRUE;
  measure = g_new0 (Measure, 1);
  measure->self = self;
  measure->set_bytes = of_model ? self->loaded.decode_bytes : 0;
  bottega_worker_push (self->worker, measure_run, measure_done, measure, g_free);
}

/* ---- answers ---- */

void
bottega_performance_set_loaded (BottegaPerformance *self,
                                const char *path,
                                const BottegaLoaded *loaded)
{
  g_return_if_fail (BOTTEGA_IS_PERFORMANCE (self));

  g_set_str (&self->model, path);
  g_set_str (&self->device, loaded != NULL ? loaded->device : NULL);
  self->loaded = loaded != NULL ? *loaded : (BottegaLoaded) { 0 };
  self->loaded.model_name = self->loaded.device = NULL;
  self->loaded.device_description = self->loaded.note = NULL;
  if (self->device != NULL)
    measure_limits (self);
}

static guint64
count_major_faults (void)
{
  struct rusage usage;

  return getrusage (RUSAGE_SELF, &usage) == 0 ? (guint64) usage.ru_majflt : 0;
}

static double
joules_now (BottegaPerformance *self)
{
  gint64 since_us = g_get_monotonic_time () - self->joules_us;

  return self->joules + self->watts * (double) CLAMP (since_us, 0, G_USEC_PER_SEC) / 1e6;
}

/* The counters are the kernel's own memory: no disk is asked. */
void
bottega_performance_begin (BottegaPerformance *self, BottegaPerformanceMark *mark)
{
  g_return_if_fail (BOTTEGA_IS_PERFORMANCE (self) && mark != NULL);

  self->n_answers++;
  update_tick (self);
  *mark = (BottegaPerformanceMark) {
    .stall_s = bottega_performance_read_stall_s (self->root),
    .energy_j = joules_now (self),
    .major_faults = count_major_faults (),
  };
}

static void
fill_model (BottegaPerformance *self, BottegaAnswerFacts *facts)
{
  const BottegaLoaded *loaded = &self->loaded;

  facts->context_tokens = loaded->context_tokens;
  facts->n_layers = loaded->n_layers;
  facts->n_layers_apart = loaded->n_layers_apart;
  facts->decode_bytes = loaded->decode_bytes;
  facts->kv_token_bytes = loaded->kv_token_bytes;
  facts->load_bytes = loaded->load_bytes;
  facts->load_file_s = loaded->load_s;
  facts->load_busy_s = loaded->load_busy_s;
  facts->n_threads = loaded->n_threads;
  facts->n_usual_threads = loaded->n_usual_threads;
  facts->card_bytes = loaded->card_bytes;
}

static gboolean
is_saving_power (BottegaPerformance *self)
{
  if (self->power == NULL)
    self->power = g_power_profile_monitor_dup_default ();

  return self->power != NULL && g_power_profile_monitor_get_power_saver_enabled (self->power);
}

/* What this answer is held against comes from those before it. */
static void
fill_best (BottegaPerformance *self, const EngineStats *stats, BottegaAnswerFacts *facts)
{
  g_autofree char *group = self->model != NULL ? model_group (self) : NULL;
  double load_bytes_s = self->loaded.load_s > 0
                            ? (double) self->loaded.load_bytes / self->loaded.load_s
                            : 0;

  facts->usual_load_bytes_s = best (self, DISK, "load-bytes-s");
  facts->peak_bytes_s = peak_bytes_s (self);
  add_best (self, DISK, "load-bytes-s", load_bytes_s);
  if (group == NULL || self->device == NULL)
    return;
  facts->usual_tok_s = best (self, group, self->device);
  if (stats->written_tokens < MIN_TOKENS)
    return;
  if (!is_on_processor (self))
    add_best (self, "cards", self->device, stats->plain_gb_s * 1e9);
  if (!facts->power_saver)
    add_best (self, group, self->device, stats->decode_tok_s);
}

void
bottega_performance_end (BottegaPerformance *self,
                         const BottegaPerformanceMark *mark,
                         const EngineStats *stats,
                         BottegaAnswerFacts *facts)
{
  g_return_if_fail (BOTTEGA_IS_PERFORMANCE (self) && mark != NULL);
  g_return_if_fail (self->n_answers > 0);

  self->n_answers--;
  update_tick (self);
  measure_limits (self);
  if (facts == NULL)
    return;
  facts->stall_s = MAX (bottega_performance_read_stall_s (self->root) - mark->stall_s, 0);
  facts->major_faults = count_major_faults () - mark->major_faults;
  facts->energy_j = self->scope != 0 ? MAX (joules_now (self) - mark->energy_j, 0) : 0;
  facts->power_saver = is_saving_power (self);
  facts->ram_bytes =
      self->samples->len > 0
          ? g_array_index (self->samples, BottegaMemorySample, self->samples->len - 1).ram_bytes
          : 0;
  fill_model (self, facts);
  if (stats != NULL)
    fill_best (self, stats, facts);
}

/* ---- who looks ---- */

void
bottega_performance_watch (BottegaPerformance *self)
{
  g_return_if_fail (BOTTEGA_IS_PERFORMANCE (self));

  self->n_watching++;
  update_tick (self);
  measure_limits (self);
}

void
bottega_performance_unwatch (BottegaPerformance *self)
{
  g_return_if_fail (BOTTEGA_IS_PERFORMANCE (self));
  g_return_if_fail (self->n_watching > 0);

  self->n_watching--;
  update_tick (self);
}

GArray *
bottega_performance_get_samples (BottegaPerformance *self)
{
  g_return_val_if_fail (BOTTEGA_IS_PERFORMANCE (self), NULL);

  return self->samples;
}

void
bottega_performance_get_limits (BottegaPerformance *self, BottegaLimits *limits)
{
  g_return_if_fail (BOTTEGA_IS_PERFORMANCE (self));

  *limits = (BottegaLimits) {
    .read_bytes_s = best (self, PROCESSOR, "read-bytes-s"),
    .int8_s = best (self, PROCESSOR, "int8-s"),
    .set_bytes_s = self->device != NULL ? peak_bytes_s (self) : 0,
  };
}

guint
bottega_performance_get_energy_scope (BottegaPerformance *self)
{
  g_return_val_if_fail (BOTTEGA_IS_PERFORMANCE (self), 0);

  return self->scope;
}

/* ---- GObject ---- */

static void
bottega_performance_dispose (GObject *object)
{
  bottega_performance_shutdown (BOTTEGA_PERFORMANCE (object));

  G_OBJECT_CLASS (bottega_performance_parent_class)->dispose (object);
}

static void
bottega_performance_finalize (GObject *object)
{
  BottegaPerformance *self = BOTTEGA_PERFORMANCE (object);

  bottega_energy_free (self->energy);
  g_array_unref (self->samples);
  g_key_file_unref (self->keys);
  g_clear_object (&self->power);
  g_clear_object (&self->source);
  g_free (self->root);
  g_free (self->path);
  g_free (self->model);
  g_free (self->device);

  G_OBJECT_CLASS (bottega_performance_parent_class)->finalize (object);
}

static void
bottega_performance_class_init (BottegaPerformanceClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = bottega_performance_dispose;
  object_class->finalize = bottega_performance_finalize;
  signals[SIGNAL_SAMPLED] = g_signal_new ("sampled", BOTTEGA_TYPE_PERFORMANCE, G_SIGNAL_RUN_LAST, 0,
                                          NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_LIMITS_CHANGED] =
      g_signal_new ("limits-changed", BOTTEGA_TYPE_PERFORMANCE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                    NULL, G_TYPE_NONE, 0);
}

static void
bottega_performance_init (BottegaPerformance *self)
{
  self->samples = g_array_new (FALSE, FALSE, sizeof (BottegaMemorySample));
  self->keys = g_key_file_new ();
}

BottegaPerformance *
bottega_performance_new (BottegaEngineSource *source, const char *data_dir, const char *root)
{
  BottegaPerformance *self = g_object_new (BOTTEGA_TYPE_PERFORMANCE, NULL);

  g_return_val_if_fail (BOTTEGA_IS_ENGINE_SOURCE (source) && root != NULL, NULL);

  self->source = g_object_ref (source);
  self->root = g_strdup (root);
  self->worker = bottega_worker_new ("performance");
  if (data_dir != NULL) {
    self->path = g_build_filename (data_dir, "performance.ini", NULL);
    /* What cannot be read is measured again. */
    g_key_file_load_from_file (self->keys, self->path, G_KEY_FILE_NONE, NULL);
  }

  return self;
}

void
bottega_performance_shutdown (BottegaPerformance *self)
{
  g_return_if_fail (BOTTEGA_IS_PERFORMANCE (self));

  g_clear_handle_id (&self->tick, g_source_remove);
  g_clear_pointer (&self->worker, bottega_worker_free);
}

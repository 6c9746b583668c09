/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One key file, a group for each model and each device. It must not look at the models. */
#define G_LOG_DOMAIN "bottega-model-records"
#include "config.h"

#include "app/assistant/bottega-model-records.h"
#include "app/retrieval/bottega-worker.h"

#include <glib/gstdio.h>
#include <string.h>

/* How many answers an average remembers. */
#define ANSWERS 8

struct _BottegaModelRecords {
  char *path;
  GKeyFile *keys;
  BottegaWorker *worker;
};

void
bottega_model_defaults_clear (BottegaModelDefaults *defaults)
{
  g_free (defaults->instructions);
  g_free (defaults->device);
  g_free (defaults->kv_type);
  g_free (defaults->draft);
  *defaults = (BottegaModelDefaults) { 0 };
}

void
bottega_model_defaults_copy (const BottegaModelDefaults *defaults, BottegaModelDefaults *copy)
{
  *copy = *defaults;
  copy->instructions = g_strdup (defaults->instructions);
  copy->device = g_strdup (defaults->device);
  copy->kv_type = g_strdup (defaults->kv_type);
  copy->draft = g_strdup (defaults->draft);
}

gboolean
bottega_model_defaults_any (const BottegaModelDefaults *defaults)
{
  return defaults->has_context ||
         defaults->has_temperature ||
         defaults->instructions != NULL ||
         defaults->device != NULL ||
         defaults->kv_type != NULL ||
         defaults->draft != NULL;
}

/* ---- the file ---- */

typedef struct {
  char *path, *text;
  gsize bytes;
} Write;

static void
write_free (gpointer data)
{
  Write *job = data;

  g_free (job->path);
  g_free (job->text);
  g_free (job);
}

static void
write_run (gpointer data)
{
  const Write *job = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_path_get_dirname (job->path);

  g_mkdir_with_parents (folder, 0700);
  if (!g_file_set_contents_full (job->path, job->text, (gssize) job->bytes,
                                 G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600,
                                 &error))
    g_warning ("What is known of the models could not be written: %s", error->message);
}

static void
save (BottegaModelRecords *self)
{
  Write *job = g_new0 (Write, 1);

  job->path = g_strdup (self->path);
  job->text = g_key_file_to_data (self->keys, &job->bytes, NULL);
  bottega_worker_push (self->worker, write_run, NULL, job, write_free);
}

BottegaModelRecords *
bottega_model_records_new (const char *data_dir)
{
  BottegaModelRecords *self = g_new0 (BottegaModelRecords, 1);
  g_autoptr (GError) error = NULL;

  self->path = g_build_filename (data_dir, "models.ini", NULL);
  self->keys = g_key_file_new ();
  self->worker = bottega_worker_new ("model records");
  if (!g_key_file_load_from_file (self->keys, self->path, G_KEY_FILE_NONE, &error) &&
      !g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
    g_autofree char *bad = g_strconcat (self->path, ".bad", NULL);

    g_warning ("%s is set aside: %s", self->path, error->message);
    g_rename (self->path, bad);
    g_key_file_unref (self->keys);
    self->keys = g_key_file_new ();
  }

  return self;
}

void
bottega_model_records_free (BottegaModelRecords *self)
{
  bottega_worker_free (self->worker);
  g_key_file_unref (self->keys);
  g_free (self->path);
  g_free (self);
}

/* ---- groups ---- */

/* The names of groups hold no brackets and no control characters. */
static char *
model_group (const char *path)
{
  g_autofree char *escaped = g_uri_escape_bytes ((const guint8 *) path, strlen (path), "/ ");

  return g_strconcat ("model ", escaped, NULL);
}

static char *
device_group (const char *device)
{
  g_autofree char *escaped = g_uri_escape_string (device, " :", TRUE);

  return g_strconcat ("device ", escaped, NULL);
}

static char *
figure_key (const char *what, const char *device)
{
  g_autofree char *key = g_strconcat (what, "-", device, NULL);

  return g_strcanon (g_steal_pointer (&key),
                     G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-", '-');
}

/* A number that nobody could have measured is none. */
static double
get_speed (BottegaModelRecords *self, const char *group, const char *key)
{
  double value = g_key_file_get_double (self->keys, group, key, NULL);

  return value > 0 && value < 1e18 ? value : 0;
}

void
bottega_model_records_forget (BottegaModelRecords *self, const char *path)
{
  g_autofree char *group = model_group (path);

  if (g_key_file_remove_group (self->keys, group, NULL))
    save (self);
}

/* ---- checksums and places ---- */

char *
bottega_model_records_get_sha256 (BottegaModelRecords *self, const char *path, guint64 file_bytes)
{
  g_autofree char *group = model_group (path);

  if (g_key_file_get_uint64 (self->keys, group, "bytes", NULL) != file_bytes)
    return NULL;

  return g_key_file_get_string (self->keys, group, "sha256", NULL);
}

void
bottega_model_records_set_sha256 (BottegaModelRecords *self,
                                  const char *path,
                                  guint64 file_bytes,
                                  const char *sha256)
{
  g_autofree char *group = model_group (path);

  g_key_file_set_uint64 (self->keys, group, "bytes", file_bytes);
  g_key_file_set_string (self->keys, group, "sha256", sha256);
  save (self);
}

void
bottega_model_records_set_in_place (BottegaModelRecords *self, const char *path, gboolean in_place)
{
  g_autofree char *group = model_group (path);

  g_key_file_set_boolean (self->keys, group, "in-place", in_place);
  save (self);
}

GStrv
bottega_model_records_list_in_place (BottegaModelRecords *self)
{
  g_auto (GStrv) groups = g_key_file_get_groups (self->keys, NULL);
  g_autoptr (GStrvBuilder) paths = g_strv_builder_new ();

  for (guint i = 0; groups[i] != NULL; i++) {
    g_autoptr (GBytes) path = NULL;

    if (!g_str_has_prefix (groups[i], "model ") ||
        !g_key_file_get_boolean (self->keys, groups[i], "in-place", NULL))
      continue;
    path = g_uri_unescape_bytes (groups[i] + strlen ("model "), -1, NULL, NULL);
    if (path != NULL)
      g_strv_builder_take (paths, g_strndup (g_bytes_get_data (path, NULL),
                                             g_bytes_get_size (path)));
  }

  return g_strv_builder_end (paths);
}

/* ---- defaults ---- */

void
bottega_model_records_get_defaults (BottegaModelRecords *self,
                                    const char *path,
                                    BottegaModelDefaults *defaults)
{
  g_autofree char *group = model_group (path);
  GKeyFile *keys = self->keys;

  *defaults = (BottegaModelDefaults) {
    .has_context = g_key_file_has_key (keys, group, "context-length", NULL),
    .has_temperature = g_key_file_has_key (keys, group, "temperature", NULL),
    .context_tokens =
        (guint) CLAMP (g_key_file_get_int64 (keys, group, "context-length", NULL), 0, G_MAXINT32),
    .temperature = CLAMP (g_key_file_get_double (keys, group, "temperature", NULL), 0, 2),
    .instructions = g_key_file_get_string (keys, group, "instructions", NULL),
    .device = g_key_file_get_string (keys, group, "device", NULL),
    .kv_type = g_key_file_get_string (keys, group, "kv-type", NULL),
    .draft = g_key_file_get_string (keys, group, "draft-model", NULL),
  };
}

static void
set_text (GKeyFile *keys, const char *group, const char *key, const char *text)
{
  if (text != NULL)
    g_key_file_set_string (keys, group, key, text);
  else
    g_key_file_remove_key (keys, group, key, NULL);
}

void
bottega_model_records_set_defaults (BottegaModelRecords *self,
                                    const char *path,
                                    const BottegaModelDefaults *defaults)
{
  g_autofree char *group = model_group (path);

  if (defaults->has_context)
    g_key_file_set_int64 (self->keys, group, "context-length", defaults->context_tokens);
  else
    g_key_file_remove_key (self->keys, group, "context-length", NULL);
  if (defaults->has_temperature)
    g_key_file_set_double (self->keys, group, "temperature", defaults->temperature);
  else
    g_key_file_remove_key (self->keys, group, "temperature", NULL);
  set_text (self->keys, group, "instructions", defaults->instructions);
  set_text (self->keys, group, "device", defaults->device);
  set_text (self->keys, group, "kv-type", defaults->kv_type);
  set_text (self->keys, group, "draft-model", defaults->draft);
  save (self);
}

/* ---- figures ---- */

void
bottega_model_records_get_figures (BottegaModelRecords *self,
                                   const char *path,
                                   const char *device,
                                   BottegaModelFigures *figures)
{
  g_autofree char *group = model_group (path);
  g_autofree char *decode = figure_key ("decode-tok-s", device);
  g_autofree char *prefill = figure_key ("prefill-tok-s", device);
  g_autofree char *answers = figure_key ("answers", device);

  *figures = (BottegaModelFigures) {
    .decode_tok_s = get_speed (self, group, decode),
    .prefill_tok_s = get_speed (self, group, prefill),
    .n_answers = (guint) MAX (g_key_file_get_integer (self->keys, group, answers, NULL), 0),
  };
}

static void
add_to_average (BottegaModelRecords *self,
                const char *group,
                const char *key,
                double value,
                guint n_before)
{
  double average = get_speed (self, group, key);

  if (value <= 0)
    return;
  average = average > 0 ? average + (value - average) / MIN (n_before + 1, ANSWERS) : value;
  g_key_file_set_double (self->keys, group, key, average);
}

void
bottega_model_records_add_figures (BottegaModelRecords *self,
                                   const char *path,
                                   const char *device,
                                   double decode_tok_s,
                                   double prefill_tok_s)
{
  g_autofree char *group = model_group (path);
  g_autofree char *decode = figure_key ("decode-tok-s", device);
  g_autofree char *prefill = figure_key ("prefill-tok-s", device);
  g_autofree char *answers = figure_key ("answers", device);
  guint n = (guint) MAX (g_key_file_get_integer (self->keys, group, answers, NULL), 0);

  add_to_average (self, group, decode, decode_tok_s, n);
  add_to_average (self, group, prefill, prefill_tok_s, n);
  g_key_file_set_integer (self->keys, group, answers, (int) MIN (n, G_MAXINT - 1) + 1);
  save (self);
}

double
bottega_model_records_get_read_speed (BottegaModelRecords *self, const char *device)
{
  g_autofree char *group = device_group (device);

  return get_speed (self, group, "read-bytes-s");
}

void
bottega_model_records_add_read_speed (BottegaModelRecords *self, const char *device, double bytes_s)
{
  g_autofree char *group = device_group (device);

  if (bytes_s <= get_speed (self, group, "read-bytes-s"))
    return;
  g_key_file_set_double (self->keys, group, "read-bytes-s", bytes_s);
  save (self);
}

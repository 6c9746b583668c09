/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Helpers of the commands: errors, finding and opening a model, JSON, Ctrl+C. */
#include "app/assistant/bottega-model-files.h"
#include "app/cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
cli_fail (const GError *error)
{
  g_autofree char *message =
      g_strdup (error != NULL ? error->message : "It failed without a reason.");

  g_strdelimit (message, "\n", ' ');
  fprintf (stderr, "bottega-cli: %s\n", message);
  return CLI_FAILED;
}

int
cli_usage (const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list arguments;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  fprintf (stderr, "bottega-cli: %s\n", message);
  return CLI_USAGE;
}

char *
cli_data_dir (const CliOptions *options)
{
  return options->data_dir != NULL ? g_strdup (options->data_dir)
                                   : g_build_filename (g_get_user_data_dir (), "bottega", NULL);
}

char *
cli_models_dir (const CliOptions *options)
{
  g_autofree char *data = cli_data_dir (options);

  return g_build_filename (data, "models", NULL);
}

static int
compare_names (const void *a, const void *b)
{
  return strcmp (a, b);
}

/* Appends the paths of the model files of a folder, by name. */
static void
add_models (const char *folder, GPtrArray *paths)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  GPtrArray *found = g_ptr_array_new_with_free_func (g_free);
  const char *entry;

  while (dir != NULL && (entry = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (entry, ".gguf"))
      g_ptr_array_add (found, g_build_filename (folder, entry, NULL));
  g_ptr_array_sort_values (found, compare_names);
  g_ptr_array_extend_and_steal (paths, found);
}

/* Those of one kind (NULL: what writes), the person's own, then the system's. */
static GPtrArray *
list_models (const CliOptions *options, const char *kind)
{
  GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *models = cli_models_dir (options);
  g_auto (GStrv) folders = bottega_model_files_folders (models, kind);

  for (guint i = 0; folders[i] != NULL; i++)
    add_models (folders[i], paths);
  return paths;
}

GPtrArray *
cli_installed_models (const CliOptions *options)
{
  return list_models (options, NULL);
}

char *
cli_default_model (const CliOptions *options, GError **error)
{
  g_autofree char *dir_path = cli_models_dir (options);
  g_autoptr (GPtrArray) models = cli_installed_models (options);

  if (models->len > 0)
    return g_strdup (g_ptr_array_index (models, 0));
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_IO,
               "No model is installed in “%s”; put a GGUF file there or name one.", dir_path);
  return NULL;
}

char *
cli_find_model (const CliOptions *options, const char *model, GError **error)
{
  g_autofree char *wanted = g_utf8_casefold (model, -1);
  const char *found = NULL;
  g_autoptr (GPtrArray) files = NULL;
  g_autoptr (GString) names = g_string_new (NULL);
  unsigned n_found = 0;

  if (g_file_test (model, G_FILE_TEST_EXISTS))
    return g_strdup (model);
  files = cli_installed_models (options);
  g_ptr_array_extend_and_steal (files, list_models (options, "embed"));
  for (guint i = 0; i < files->len; i++) {
    const char *file = g_ptr_array_index (files, i);
    g_autofree char *name = g_path_get_basename (file);
    g_autofree char *folded = NULL;

    name[strlen (name) - strlen (".gguf")] = '\0';
    folded = g_utf8_casefold (name, -1);
    g_string_append_printf (names, "%s%s", names->len > 0 ? ", " : "", name);
    if (!g_str_has_prefix (folded, wanted))
      continue;
    n_found++;
    found = file;
    if (strcmp (folded, wanted) == 0)
      return g_strdup (file);
  }
  if (n_found == 1)
    return g_strdup (found);
  g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_IO,
               n_found > 1
                   ? "“%s” could be several of the installed models: %s."
                   : "There is no file “%s” and no installed model of that name; installed: %s.",
               model, names->len > 0 ? names->str : "none");
  return NULL;
}

/* Of the global options but the draft. cache_dir is borrowed. */
static EngineModelOptions
model_options (const CliOptions *options, const char *cache_dir)
{
  return (EngineModelOptions) {
    .device = options->device,
    .n_threads = (unsigned) options->n_threads,
    .context_tokens = (uint32_t) options->context_tokens,
    .chunk_tokens = (uint32_t) options->chunk_tokens,
    .gpu_memory_bytes = options->gpu_memory_bytes,
    .kv_type = options->kv_type,
    .cpu_tier = options->cpu_tier,
    .cache_dir = cache_dir,
  };
}

static char *
find_cache_dir (void)
{
  return g_build_filename (g_get_user_cache_dir (), "bottega", NULL);
}

EngineModel *
cli_open_model (const CliOptions *options, const char *model, GError **error)
{
  g_autofree char *path = cli_find_model (options, model, error);
  g_autofree char *cache_dir = find_cache_dir ();
  gboolean drafts = path != NULL && options->draft != NULL;
  g_autofree char *draft_path = drafts ? cli_find_model (options, options->draft, error) : NULL;
  EngineModelOptions engine_options = model_options (options, cache_dir);
  EngineModel *opened = NULL;

  engine_options.draft_path = draft_path;
  if (path != NULL && (!drafts || draft_path != NULL))
    opened = engine_model_open (path, &engine_options, error);
  if (opened != NULL && engine_model_kv_note (opened) != NULL)
    fprintf (stderr, "bottega-cli: %s\n", engine_model_kv_note (opened));
  return opened;
}

EnginePlan *
cli_plan_model (const CliOptions *options, const char *path, gboolean measure, GError **error)
{
  g_autofree char *cache_dir = find_cache_dir ();
  EngineModelOptions engine_options = model_options (options, cache_dir);
  g_autofree char *draft_path = NULL;

  if (options->draft != NULL) {
    draft_path = cli_find_model (options, options->draft, error);
    if (draft_path == NULL)
      return NULL;
  }
  engine_options.draft_path = draft_path;
  return measure ? engine_plan_measured (path, &engine_options, error)
                 : engine_plan (path, &engine_options, error);
}

void
cli_print_json (JsonBuilder *builder)
{
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autofree char *text = json_to_string (root, FALSE);

  puts (text);
  g_object_unref (builder);
}

void
cli_json_string (JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name (builder, name);
  if (value != NULL)
    json_builder_add_string_value (builder, value);
  else
    json_builder_add_null_value (builder);
}

void
cli_json_int (JsonBuilder *builder, const char *name, uint64_t value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, (gint64) value);
}

void
cli_json_tokens (JsonBuilder *builder, const GArray *tokens)
{
  json_builder_begin_array (builder);
  for (guint i = 0; i < tokens->len; i++)
    json_builder_add_int_value (builder, g_array_index (tokens, gint32, i));
  json_builder_end_array (builder);
}

void
cli_json_stats (JsonBuilder *builder, const EngineStats *stats)
{
  static const char *const stops[] = {
    [ENGINE_STOP_END] = "end",
    [ENGINE_STOP_MAX_TOKENS] = "max-tokens",
    [ENGINE_STOP_CONTEXT] = "context",
    [ENGINE_STOP_CANCELLED] = "cancelled",
  };
  const struct {
    const char *name;
    double value;
    gboolean whole;
  } numbers[] = {
    { "prompt_tokens", stats->prompt_tokens, TRUE },
    { "reused_tokens", stats->reused_tokens, TRUE },
    { "read_tokens", stats->read_tokens, TRUE },
    { "written_tokens", stats->written_tokens, TRUE },
    { "ttft_ms", stats->ttft_s * 1e3, FALSE },
    { "prefill_tok_s", stats->prefill_tok_s, FALSE },
    { "decode_tok_s", stats->decode_tok_s, FALSE },
    { "gap_p50_ms", stats->gap_p50_ms, FALSE },
    { "gap_p95_ms", stats->gap_p95_ms, FALSE },
    { "gap_max_ms", stats->gap_max_ms, FALSE },
    { "stalls", stats->stalls, TRUE },
    { "drafted_tokens", stats->drafted_tokens, TRUE },
    { "accepted_tokens", stats->accepted_tokens, TRUE },
    { "model_drafted_tokens", stats->model_drafted_tokens, TRUE },
    { "model_accepted_tokens", stats->model_accepted_tokens, TRUE },
    { "plain_tok_s", stats->plain_tok_s, FALSE },
    { "bytes_read", (double) stats->bytes_read, TRUE },
    { "decode_gb_s", stats->decode_gb_s, FALSE },
    { "shared_tokens", stats->shared_tokens, TRUE },
    { "queued_tokens", stats->queued_tokens, TRUE },
    { "others_ms", stats->others_s * 1e3, FALSE },
  };

  json_builder_begin_object (builder);
  for (size_t i = 0; i < G_N_ELEMENTS (numbers); i++) {
    json_builder_set_member_name (builder, numbers[i].name);
    if (numbers[i].whole)
      json_builder_add_int_value (builder, (gint64) numbers[i].value);
    else
      json_builder_add_double_value (builder, numbers[i].value);
  }
  json_builder_set_member_name (builder, "stop");
  json_builder_add_string_value (builder, stops[stats->stop]);
  json_builder_end_object (builder);
}

void
cli_say_stats (const EngineStats *stats)
{
  gboolean terminal = isatty (STDERR_FILENO);
  g_autofree char *guesses = NULL, *of_model = NULL;

  if (stats->drafted_tokens > 0)
    guesses = g_strdup_printf (" · %u of %u guesses right", stats->accepted_tokens,
                               stats->drafted_tokens);
  if (stats->model_drafted_tokens > 0)
    of_model = g_strdup_printf (" (%u of %u by the draft model)", stats->model_accepted_tokens,
                                stats->model_drafted_tokens);
  fprintf (stderr, "%s%.2f s to first word · %.0f tok/s · %u of %u tokens reused%s%s%s%s\n",
           terminal ? "\033[2m" : "", stats->ttft_s, stats->decode_tok_s, stats->reused_tokens,
           stats->prompt_tokens, guesses != NULL ? guesses : "", of_model != NULL ? of_model : "",
           stats->stop == ENGINE_STOP_CANCELLED ? " · stopped" : "", terminal ? "\033[0m" : "");
}

static EngineSession *volatile interrupted_session;

static void
on_interrupt (int number)
{
  engine_session_cancel (interrupted_session); /* sets an atomic, nothing else */
}

void
cli_interrupts (EngineSession *session)
{
  interrupted_session = session;
  signal (SIGINT, session != NULL ? on_interrupt : SIG_DFL);
}

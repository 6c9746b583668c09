/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bottega-cli bench: how fast this machine reads and writes with a model, and how close that is to
 * what its memory allows; how fast it reads with a model that makes vectors; what it costs to go
 * on with a conversation. Medians over repetitions after one warm-up. */
#include "app/cli/bench.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EMBEDDED_TEXTS 8 /* in one go: an indexer gives several */

static int n_prompt = 512, n_decode = 64, n_depth = 0, n_repeat = 5, n_together = 0;
static gboolean turns;

static const GOptionEntry entries[] = {
  { "prompt", 'p', 0, G_OPTION_ARG_INT, &n_prompt, "Tokens to read (0: none)", "N" },
  { "tokens", 'n', 0, G_OPTION_ARG_INT, &n_decode, "Tokens to write (0: none)", "N" },
  { "depth", 'd', 0, G_OPTION_ARG_INT, &n_depth, "Tokens before those that are written", "N" },
  { "turns", 0, 0, G_OPTION_ARG_NONE, &turns, "The last of -d and -p; all from a file", NULL },
  { "together", 0, 0, G_OPTION_ARG_INT, &n_together, "Answers at once, beside one alone", "N" },
  { "repeat", 'r', 0, G_OPTION_ARG_INT, &n_repeat, "Repetitions", "N" },
  { 0 },
};

/* One repetition. */
typedef struct {
  double prefill_tok_s, decode_tok_s, ttft_ms, decode_gb_s, bytes_per_token;
  double peak_gb_s;    /* that memory gives, just before and just after */
  double decode_share; /* of it */
  /* Of models that make vectors, alone. */
  double embed_tok_s;
  /* Of turns. */
  double read_ms, new_tokens, new_ms, turn_ms, save_ms, restore_ms, file_bytes;
} Sample;

/* Repeating one would flatter caches and experts. The timeline must not recognise them from one
 * repetition to the next, hence the salt. */
GArray *
bench_prompt (const EngineModel *model, uint32_t n, uint32_t salt)
{
  GArray *tokens = g_array_sized_new (FALSE, FALSE, sizeof (gint32), n);
  uint64_t state = 0x9e3779b97f4a7c15u * (salt + 1);
  uint32_t n_vocab = engine_model_info (model)->n_vocab;

  for (uint32_t i = 0; i < n; i++) {
    gint32 id;

    state = state * 6364136223846793005u + 1442695040888963407u;
    id = (gint32) ((state >> 33) % n_vocab);
    g_array_append_val (tokens, id);
  }
  return tokens;
}

static gboolean
measure (EngineModel *model, EngineSession *session, uint32_t salt, Sample *sample, GError **error)
{
  g_autoptr (GArray) prompt = bench_prompt (model, (uint32_t) n_prompt, 2 * salt);
  g_autoptr (GArray) seed = bench_prompt (model, (uint32_t) n_depth + 1, 2 * salt + 1);
  EngineGenerate options = ENGINE_GENERATE_GREEDY;
  EngineStats stats;

  engine_model_forget (model); /* what the warm-up has touched of KV memory serves again */
  options.ignore_end = TRUE;
  options.speculate = FALSE; /* noise repeats itself more than answers do */
  options.max_tokens = 1;
  if (n_prompt > 0) {
    if (!engine_session_generate (session, prompt, &options, NULL, NULL, &stats, error))
      return FALSE;
    sample->prefill_tok_s = stats.prefill_tok_s;
    sample->ttft_ms = stats.ttft_s * 1e3;
  }
  if (n_decode == 0)
    return TRUE;
  options.max_tokens = (uint32_t) n_decode + 1; /* the first comes from the prompt */
  if (!engine_session_generate (session, seed, &options, NULL, NULL, &stats, error))
    return FALSE;
  sample->decode_tok_s = stats.decode_tok_s;
  sample->decode_gb_s = stats.decode_gb_s;
  sample->bytes_per_token = (double) stats.bytes_read / n_decode;
  return TRUE;
}

static int
compare_doubles (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

double
bench_median (const void *first, size_t stride_bytes, int n)
{
  g_autofree double *values = g_new (double, n);

  for (int i = 0; i < n; i++)
    values[i] = *(const double *) (const void *) ((const char *) first + i * stride_bytes);
  qsort (values, (size_t) n, sizeof *values, compare_doubles);
  return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

#define MEDIAN(field) bench_median (&samples[0].field, sizeof *samples, n_repeat)

/* The process's peak, from the kernel's own account. */
static uint64_t
peak_rss_bytes (void)
{
  g_autofree char *status = NULL;
  const char *line;

  if (!g_file_get_contents ("/proc/self/status", &status, NULL, NULL) ||
      (line = strstr (status, "VmHWM:")) == NULL)
    return 0;
  return g_ascii_strtoull (line + strlen ("VmHWM:"), NULL, 10) * 1024;
}

void
bench_print (const CliOptions *options, const EngineModel *model, const BenchNumber *numbers,
             size_t n)
{
  JsonBuilder *builder;

  if (!options->json) {
    printf ("%s on %s\n", engine_model_info (model)->name, engine_model_device_description (model));
    for (size_t i = 0; i < n; i++)
      printf ("  %-16s %.*f\n", numbers[i].name, numbers[i].value > 1e6 ? 0 : 2, numbers[i].value);
    return;
  }
  builder = json_builder_new ();
  json_builder_begin_object (builder);
  for (size_t i = 0; i < n; i++) {
    json_builder_set_member_name (builder, numbers[i].name);
    json_builder_add_double_value (builder, numbers[i].value);
  }
  json_builder_end_object (builder);
  cli_print_json (builder);
}

static double
read_gb_s (const CliOptions *options, const EngineModel *model)
{
  return engine_measure_read_bandwidth ((unsigned) options->n_threads,
                                        engine_model_info (model)->decode_bytes) /
         1e9;
}

/* All repetitions, and around each one that writes what memory gives: other users of the computer
 * make that another one from second to second. */
static gboolean
sample_all (const CliOptions *options, EngineModel *model, EngineSession *session, Sample *samples,
            uint64_t *rss_bytes, GError **error)
{
  double before, after;

  if (!measure (model, session, (uint32_t) n_repeat, &samples[0], error)) /* warm-up */
    return FALSE;
  *rss_bytes = peak_rss_bytes (); /* before the measuring of memory adds its own */
  before = read_gb_s (options, model);
  for (int i = 0; i < n_repeat; i++, before = after) {
    if (!measure (model, session, (uint32_t) i, &samples[i], error))
      return FALSE;
    after = n_decode > 0 ? read_gb_s (options, model) : before;
    samples[i].peak_gb_s = (before + after) / 2;
    if (samples[i].peak_gb_s > 0)
      samples[i].decode_share = samples[i].decode_gb_s / samples[i].peak_gb_s;
  }
  return TRUE;
}

static void
report (const CliOptions *options, const EngineModel *model, const Sample *samples,
        uint64_t rss_bytes)
{
  BenchNumber numbers[] = {
    { "prefill_tok_s", MEDIAN (prefill_tok_s) },
    { "decode_tok_s", MEDIAN (decode_tok_s) },
    { "ttft_ms", MEDIAN (ttft_ms) },
    { "load_ms", engine_model_load_s (model) * 1e3 },
    { "bytes_per_token", MEDIAN (bytes_per_token) },
    { "decode_gb_s", MEDIAN (decode_gb_s) },
    { "peak_gb_s", MEDIAN (peak_gb_s) },
    { "decode_share", MEDIAN (decode_share) },
    { "peak_int8_g_s", engine_measure_int8_rate ((unsigned) options->n_threads) / 1e9 },
    { "prompt_weights", (double) engine_model_info (model)->prompt_weights },
    { "rss_bytes", (double) rss_bytes },
    { "gpu_bytes", (double) engine_model_gpu_bytes (model) },
  };

  bench_print (options, model, numbers, G_N_ELEMENTS (numbers));
}

/* ---- models that make vectors ---------------------------------------------------------- */

/* A text of invented words that is read as about n_prompt tokens. */
static char *
make_text (const EngineModel *model, uint32_t salt)
{
  static const char *const syllables[] = { "ba", "lo", "ri", "ten", "mu", "sca", "vi", "do" };
  uint64_t state = 0x9e3779b97f4a7c15u * (salt + 1);
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint n = 0; n < (guint) n_prompt;) {
    g_autoptr (GArray) tokens = NULL;

    for (int i = 0; i < 16; i++) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      g_string_append_printf (text, "%s%s%s", syllables[state >> 61], syllables[state >> 58 & 7],
                              i % 3 == 2 ? " " : "");
    }
    tokens = engine_model_encode (model, text->str, FALSE, ENGINE_ENDS_NONE);
    n = tokens->len;
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static int
bench_embedding (const CliOptions *options, EngineModel *model, EngineSession *session)
{
  char *texts[EMBEDDED_TEXTS];
  g_autofree float *vectors =
      g_new (float, (size_t) engine_model_embedding_size (model) * EMBEDDED_TEXTS);
  g_autofree Sample *samples = g_new0 (Sample, n_repeat);
  g_autoptr (GError) error = NULL;
  gboolean ok = TRUE;

  for (uint32_t i = 0; i < EMBEDDED_TEXTS; i++)
    texts[i] = make_text (model, i);
  for (int i = -1; i < n_repeat && ok; i++) { /* the first warms up */
    gint64 begin_us = g_get_monotonic_time ();
    uint64_t n_tokens = 0;

    ok = engine_session_embed (session, ENGINE_EMBED_RAW, (const char *const *) texts,
                               EMBEDDED_TEXTS, vectors, &n_tokens, &error);
    samples[MAX (i, 0)].embed_tok_s =
        (double) n_tokens * 1e6 / (double) MAX (g_get_monotonic_time () - begin_us, 1);
  }
  for (uint32_t i = 0; i < EMBEDDED_TEXTS; i++)
    g_free (texts[i]);
  if (!ok)
    return cli_fail (error);
  bench_print (options, model,
               (const BenchNumber[]) {
                   { "embed_tok_s", MEDIAN (embed_tok_s) },
                   { "load_ms", engine_model_load_s (model) * 1e3 },
                   { "rss_bytes", (double) peak_rss_bytes () },
                   { "gpu_bytes", (double) engine_model_gpu_bytes (model) },
               },
               4);
  return CLI_DONE;
}

/* ---- going on with a conversation ------------------------------------------------------- */

static double
ms_since (gint64 begin_us)
{
  return (double) (g_get_monotonic_time () - begin_us) / 1e3;
}

/* How many tokens had been read, and when, before the last piece of a prompt. */
typedef struct {
  uint32_t n_tokens;
  gint64 us;
} LastPiece;

static void
on_piece (const EngineEvent *event, void *user_data)
{
  if (event->kind == ENGINE_EVENT_READING && event->done < event->total)
    *(LastPiece *) user_data = (LastPiece) { event->done, g_get_monotonic_time () };
}

/* All of it by a session that has nothing: what its last piece took is what new tokens need there.
 * Then the same in two turns, of which those are the second. Leaves the conversation in a file. */
static gboolean
measure_turns (EngineModel *model, const char *path, uint32_t salt, Sample *sample, GError **error)
{
  g_autoptr (EngineSession) session = engine_session_new (model, error);
  g_autoptr (GArray) all = bench_prompt (model, (uint32_t) (n_depth + n_prompt), salt);
  g_autoptr (GArray) first = g_array_copy (all);
  EngineGenerate options = ENGINE_GENERATE_GREEDY;
  LastPiece last = { 0, g_get_monotonic_time () };
  EngineStats stats;
  gint64 begin_us;

  options.ignore_end = TRUE;
  options.max_tokens = 1;
  engine_model_forget (model);
  if (session == NULL ||
      !engine_session_generate (session, all, &options, on_piece, &last, &stats, error))
    return FALSE;
  sample->new_tokens = all->len - last.n_tokens;
  sample->new_ms = ms_since (last.us);
  sample->read_ms = stats.ttft_s * 1e3;
  engine_model_forget (model);
  g_array_set_size (first, last.n_tokens);
  if (last.n_tokens > 0 &&
      !engine_session_generate (session, first, &options, NULL, NULL, &stats, error))
    return FALSE;
  if (!engine_session_generate (session, all, &options, NULL, NULL, &stats, error))
    return FALSE;
  sample->turn_ms = stats.ttft_s * 1e3;
  begin_us = g_get_monotonic_time ();
  if (!engine_session_save (session, path, error))
    return FALSE;
  sample->save_ms = ms_since (begin_us);
  sample->file_bytes = (double) engine_session_saved_bytes (session);
  return TRUE;
}

/* As after a restart: by a model that has just been loaded. */
static gboolean
measure_restore (EngineModel *model, const char *path, Sample *sample, GError **error)
{
  g_autoptr (EngineSession) session = engine_session_new (model, error);
  gint64 begin_us = g_get_monotonic_time ();

  if (session == NULL || !engine_session_restore (session, path, error))
    return FALSE;
  sample->restore_ms = ms_since (begin_us);
  return TRUE;
}

static int
bench_turns (const CliOptions *options, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("bottega-turns-XXXXXX", &error), *path = NULL;
  g_autofree Sample *samples = g_new0 (Sample, n_repeat);
  g_autoptr (EngineModel) model = NULL;
  gboolean ok = TRUE;

  if (folder == NULL)
    return cli_fail (error);
  path = g_build_filename (folder, "kept", NULL);

  for (int i = -1; i < n_repeat && ok; i++) { /* the first warms up */
    Sample *sample = &samples[MAX (i, 0)];

    g_clear_pointer (&model, engine_model_close);
    model = cli_open_model (options, name, &error);
    ok = model != NULL && measure_turns (model, path, 2 * (uint32_t) (i + 1), sample, &error);
    g_clear_pointer (&model, engine_model_close);
    model = ok ? cli_open_model (options, name, &error) : NULL;
    ok = ok && model != NULL && measure_restore (model, path, sample, &error);
  }
  g_unlink (path);
  g_rmdir (folder);
  if (!ok)
    return cli_fail (error);
  bench_print (options, model,
               (const BenchNumber[]) {
                   { "read_ms", MEDIAN (read_ms) },
                   { "new_tokens", MEDIAN (new_tokens) },
                   { "new_ms", MEDIAN (new_ms) },
                   { "turn_ms", MEDIAN (turn_ms) },
                   { "save_ms", MEDIAN (save_ms) },
                   { "restore_ms", MEDIAN (restore_ms) },
                   { "file_bytes", MEDIAN (file_bytes) },
               },
               7);
  return CLI_DONE;
}

static int
run (const CliOptions *options, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (EngineModel) model = NULL;
  g_autoptr (EngineSession) session = NULL;
  g_autofree Sample *samples = NULL;
  uint64_t rss_bytes;

  if (n_prompt < 0 || n_decode < 0 || n_depth < 0 || n_repeat < 1 || n_repeat > 1000)
    return cli_usage ("-p, -n and -d must not be negative, -r at least 1");
  if (n_together < 0 || n_together > ENGINE_MAX_ANSWERS)
    return cli_usage ("--together takes at most %d answers", ENGINE_MAX_ANSWERS);
  if (turns)
    return n_depth == 0 || n_prompt == 0 ? cli_usage ("--turns needs -d and -p of at least 1")
                                         : bench_turns (options, argv[1]);
  model = cli_open_model (options, argv[1], &error);
  session = model != NULL ? engine_session_new (model, &error) : NULL;
  if (session == NULL)
    return cli_fail (error);
  if (engine_model_embedding_size (model) > 0)
    return n_prompt == 0 ? cli_usage ("-p must be at least 1 for a model that makes vectors")
                         : bench_embedding (options, model, session);
  if (n_together > 0)
    return bench_together (
        options, model,
        &(BenchSizes) { n_prompt, n_decode, n_depth, n_repeat, n_together });
  samples = g_new0 (Sample, n_repeat);
  if (!sample_all (options, model, session, samples, &rss_bytes, &error))
    return cli_fail (error);
  report (options, model, samples, rss_bytes);
  return CLI_DONE;
}

const CliCommand cli_bench = { "bench", "MODEL", "Speed and memory, measured", run, entries, 1, 1 };

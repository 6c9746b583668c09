/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bottega-cli embed: texts as vectors. How they are read and batched, the engine knows. */
#include "app/cli/cli.h"

#include <stdio.h>

static gboolean as_query, as_passage;

static const GOptionEntry entries[] = {
  { "query", 0, 0, G_OPTION_ARG_NONE, &as_query, "Put before each text what marks a question",
    NULL },
  { "passage", 0, 0, G_OPTION_ARG_NONE, &as_passage, "Put before each text what marks a passage",
    NULL },
  { 0 },
};

/* vectors: [n][size]. */
static void
print_json (const float *vectors, size_t n, uint32_t size)
{
  JsonBuilder *builder = json_builder_new ();

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "vectors");
  json_builder_begin_array (builder);
  for (size_t i = 0; i < n; i++) {
    json_builder_begin_array (builder);
    for (uint32_t d = 0; d < size; d++)
      json_builder_add_double_value (builder, (double) vectors[i * size + d]);
    json_builder_end_array (builder);
  }
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  cli_print_json (builder);
}

/* One a line, with as many digits as give the same numbers back. */
static void
print_lines (const float *vectors, size_t n, uint32_t size)
{
  for (size_t i = 0; i < n; i++)
    for (uint32_t d = 0; d < size; d++)
      printf ("%.9g%c", (double) vectors[i * size + d], d + 1 < size ? ' ' : '\n');
}

static int
run (const CliOptions *options, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (EngineModel) model = NULL;
  g_autoptr (EngineSession) session = NULL;
  g_autofree float *vectors = NULL;
  const char *const *texts = (const char *const *) argv + 2;
  size_t n = (size_t) argc - 2;
  uint32_t size;

  if (as_query && as_passage)
    return cli_usage ("a text is a --query or a --passage, not both");
  model = cli_open_model (options, argv[1], &error);
  session = model != NULL ? engine_session_new (model, &error) : NULL;
  if (session == NULL)
    return cli_fail (error);
  size = engine_model_embedding_size (model);
  vectors = g_new0 (float, n *size + 1);
  cli_interrupts (session);
  if (!engine_session_embed (session,
                             as_query     ? ENGINE_EMBED_QUERY
                             : as_passage ? ENGINE_EMBED_PASSAGE
                                          : ENGINE_EMBED_RAW,
                             texts, n, vectors, NULL, &error))
    return cli_fail (error);
  if (options->json)
    print_json (vectors, n, size);
  else
    print_lines (vectors, n, size);
  return CLI_DONE;
}

const CliCommand cli_embed = { "embed", "MODEL TEXT…", "Texts as vectors", run, entries, 2, -1 };

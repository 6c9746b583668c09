/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bottega-cli search: the passages of a space that a question finds. */
#include "app/cli/cli-space.h"

#include <stdio.h>

static char *space;
static int n_passages = 10, window_tokens;
static gboolean only_words, only_meaning;

static const GOptionEntry entries[] = {
  { "space", 0, 0, G_OPTION_ARG_STRING, &space, "The space (default: the one of the window)",
    "SPACE" },
  { "passages", 'k', 0, G_OPTION_ARG_INT, &n_passages, "Passages, at most (10)", "K" },
  { "window", 0, 0, G_OPTION_ARG_INT, &window_tokens,
    "Tokens of a passage, at most (0: automatic; 1: what was found, without what is around it)",
    "N" },
  { "words", 0, 0, G_OPTION_ARG_NONE, &only_words, "Look for the words alone", NULL },
  { "meaning", 0, 0, G_OPTION_ARG_NONE, &only_meaning, "Look for the meaning alone", NULL },
  { 0 },
};

static void
add_number (JsonBuilder *builder, const char *name, double value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_double_value (builder, value);
}

static void
add_passage (JsonBuilder *builder, const BottegaFound *found)
{
  g_autofree char *path = g_filename_display_name (found->path);

  json_builder_begin_object (builder);
  cli_json_string (builder, "doc", path);
  cli_json_string (builder, "title", found->title);
  json_builder_set_member_name (builder, "page");
  if (found->page > 0)
    json_builder_add_int_value (builder, found->page);
  else
    json_builder_add_null_value (builder);
  cli_json_string (builder, "heading", found->heading);
  cli_json_string (builder, "text", found->window);
  cli_json_string (builder, "found", found->text);
  add_number (builder, "score", found->score);
  json_builder_end_object (builder);
}

static void
print_json (const BottegaResults *results)
{
  JsonBuilder *builder = json_builder_new ();

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "passages");
  json_builder_begin_array (builder);
  for (guint i = 0; i < results->passages->len; i++)
    add_passage (builder, g_ptr_array_index (results->passages, i));
  json_builder_end_array (builder);
  add_number (builder, "relevance", results->relevance);
  json_builder_set_member_name (builder, "answerable");
  json_builder_add_boolean_value (builder, results->answerable);
  add_number (builder, "embed_ms", results->embed_ms);
  add_number (builder, "total_ms", results->total_ms);
  json_builder_end_object (builder);
  cli_print_json (builder);
}

static void
print_text (const BottegaResults *results)
{
  if (results->passages->len == 0)
    puts ("Nothing was found.");
  else if (!results->answerable)
    puts ("The documents hardly answer this; what comes nearest:");
  for (guint i = 0; i < results->passages->len; i++) {
    const BottegaFound *found = g_ptr_array_index (results->passages, i);

    printf ("\n[%u] %s", i + 1, found->title);
    if (found->heading != NULL)
      printf (" › %s", found->heading);
    if (found->page > 0)
      printf (" › p. %u", found->page);
    printf (" (%.2f)\n%s\n", found->score, found->text);
  }
}

static int
run (const CliOptions *options, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BottegaEmbedder) embedder = NULL;
  g_autoptr (BottegaSearcher) searcher = NULL;
  g_autoptr (BottegaResults) results = NULL;
  const BottegaQuery query = {
    .text = argv[1],
    .n_passages = (guint) n_passages,
    .window_tokens = (guint) window_tokens,
    .words = only_words,
    .meaning = only_meaning,
  };

  if (n_passages < 1 || n_passages > 100 || window_tokens < 0)
    return cli_usage ("-k must lie between 1 and 100, --window must not be negative");
  embedder = cli_open_embedder (options);
  searcher = cli_open_searcher (options, space, embedder, &error);
  results = searcher != NULL ? bottega_searcher_search (searcher, &query, NULL, &error) : NULL;
  if (results == NULL)
    return cli_fail (error);

  if (options->json)
    print_json (results);
  else
    print_text (results);

  return CLI_DONE;
}

const CliCommand cli_search = {
  "search",
  "QUERY",
  "Passages of a space that a question finds",
  run,
  entries,
  1,
  1,
};

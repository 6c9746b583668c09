/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Puts many questions to one searcher, or embeds many texts, for evaluate.py; starting a process
 * for each would take longer than the searches. It judges nothing.
 *
 *   ask-all search SPACE-FILE MODEL K  questions on stdin, one a line → one JSON object a line:
 *                                      {"both": R, "words": R, "meaning": R}
 *   ask-all embed MODEL                JSON list of passages on stdin → float32 rows on stdout
 *   ask-all embed-queries MODEL        the same with questions */
#include "app/assistant/bottega-local-embedder.h"
#include "app/retrieval/bottega-searcher.h"

#include <json-glib/json-glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
add_passages (JsonBuilder *builder, const BottegaResults *results)
{
  json_builder_set_member_name (builder, "passages");
  json_builder_begin_array (builder);
  for (guint i = 0; i < results->passages->len; i++) {
    const BottegaFound *found = g_ptr_array_index (results->passages, i);

    json_builder_begin_object (builder);
    json_builder_set_member_name (builder, "doc");
    json_builder_add_string_value (builder, found->path);
    json_builder_set_member_name (builder, "text");
    json_builder_add_string_value (builder, found->window);
    json_builder_set_member_name (builder, "found");
    json_builder_add_string_value (builder, found->text);
    json_builder_set_member_name (builder, "dense");
    json_builder_add_double_value (builder, found->dense);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
add_evidence (JsonBuilder *builder, const BottegaEvidence *evidence)
{
  const double values[] = { evidence->absent, evidence->covered, evidence->cosine,
                            evidence->missing, evidence->nearest };

  json_builder_begin_array (builder);
  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    json_builder_add_double_value (builder, values[i]);
  json_builder_end_array (builder);
}

static void
add_results (JsonBuilder *builder, const char *name, const BottegaResults *results)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_object (builder);
  add_passages (builder, results);
  json_builder_set_member_name (builder, "relevance");
  json_builder_add_double_value (builder, results->relevance);
  json_builder_set_member_name (builder, "answerable");
  json_builder_add_boolean_value (builder, results->answerable);
  json_builder_set_member_name (builder, "evidence");
  add_evidence (builder, &results->evidence);
  json_builder_set_member_name (builder, "ms");
  json_builder_add_double_value (builder, results->total_ms);
  json_builder_end_object (builder);
}

static void
print (JsonBuilder *builder)
{
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autofree char *text = json_to_string (root, FALSE);

  puts (text);
}

static void
ask (BottegaSearcher *searcher, const char *question, guint n_passages)
{
  static const struct {
    const char *name;
    gboolean words, meaning;
  } modes[] = { { "both", FALSE, FALSE }, { "words", TRUE, FALSE }, { "meaning", FALSE, TRUE } };
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  for (guint i = 0; i < G_N_ELEMENTS (modes); i++) {
    g_autoptr (GError) error = NULL;
    const BottegaQuery query = { .text = question,
                                 .n_passages = n_passages,
                                 .words = modes[i].words,
                                 .meaning = modes[i].meaning };
    g_autoptr (BottegaResults) results = bottega_searcher_search (searcher, &query, NULL, &error);

    if (results == NULL)
      g_error ("%s", error->message);
    add_results (builder, modes[i].name, results);
  }
  json_builder_end_object (builder);
  print (builder);
}

static int
search (const char *path, BottegaEmbedder *embedder, guint n_passages)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BottegaSearcher) searcher = bottega_searcher_new (path, embedder, &error);
  char *line = NULL;
  size_t n = 0;

  if (searcher == NULL)
    g_error ("%s", error->message);
  while (getline (&line, &n, stdin) > 0)
    ask (searcher, g_strchomp (line), n_passages);
  free (line);

  return 0;
}

static int
embed (BottegaEmbedder *embedder, BottegaEmbedKind kind)
{
  enum {
    BATCH = 64
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GInputStream) input = NULL;
  guint size = bottega_embedder_get_dimensions (embedder);
  g_autofree float *vectors = g_new (float, (gsize) BATCH *MAX (size, 1));
  g_autoptr (GString) text = g_string_new (NULL);
  char buffer[65536];
  JsonArray *array;

  for (size_t n; (n = fread (buffer, 1, sizeof buffer, stdin)) > 0;)
    g_string_append_len (text, buffer, (gssize) n);
  if (!json_parser_load_from_data (parser, text->str, (gssize) text->len, &error))
    g_error ("%s", error->message);
  array = json_node_get_array (json_parser_get_root (parser));
  for (guint i = 0; i < json_array_get_length (array); i += BATCH) {
    guint count = MIN (BATCH, json_array_get_length (array) - i);
    const char *texts[BATCH];

    for (guint t = 0; t < count; t++)
      texts[t] = json_array_get_string_element (array, i + t);
    if (!bottega_embedder_embed (embedder, kind, texts, count, vectors, NULL,
                                 &error))
      g_error ("%s", error->message);
    fwrite (vectors, sizeof (float), (size_t) count * size, stdout);
  }

  return 0;
}

int
main (int argc, char **argv)
{
  g_autoptr (BottegaEmbedder) embedder = NULL;

  if (argc == 5 && strcmp (argv[1], "search") == 0) {
    embedder = bottega_local_embedder_new (argv[3], "cpu", 2);
    return search (argv[2], embedder, (guint) atoi (argv[4]));
  }
  if (argc == 3 && g_str_has_prefix (argv[1], "embed")) {
    embedder = bottega_local_embedder_new (argv[2], "cpu", 2);
    return embed (embedder, strcmp (argv[1], "embed") == 0 ? BOTTEGA_EMBED_PASSAGE
                                                           : BOTTEGA_EMBED_QUERY);
  }
  fputs ("ask-all search SPACE-FILE MODEL K | ask-all embed MODEL\n", stderr);

  return 2;
}

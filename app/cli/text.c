/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bottega-cli tokenize, render, logits: what the model sees of a text, and what it expects next. */
#include "app/cli/cli.h"

#include <stdio.h>
#include <string.h>

static gboolean parse_special;
static int n_top = 5;

static const GOptionEntry tokenize_entries[] = {
  { "special", 0, 0, G_OPTION_ARG_NONE, &parse_special,
    "Control tokens written out in TEXT become ids", NULL },
  { 0 },
};
static const GOptionEntry logits_entries[] = {
  { "special", 0, 0, G_OPTION_ARG_NONE, &parse_special,
    "Control tokens written out in TEXT become ids", NULL },
  { "top", 0, 0, G_OPTION_ARG_INT, &n_top, "Candidates per position", "K" },
  { 0 },
};

static EngineModel *
open_text (const CliOptions *options, const char *name, GError **error)
{
  g_autofree char *path = cli_find_model (options, name, error);

  return path != NULL ? engine_model_open_text (path, error) : NULL;
}

static int
run_tokenize (const CliOptions *options, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (EngineModel) model = open_text (options, argv[1], &error);
  g_autoptr (GArray) tokens = NULL;

  if (model == NULL)
    return cli_fail (error);
  tokens = engine_model_encode (model, argv[2], parse_special, ENGINE_ENDS_BOTH);
  if (options->json) {
    JsonBuilder *builder = json_builder_new ();

    json_builder_begin_object (builder);
    json_builder_set_member_name (builder, "tokens");
    cli_json_tokens (builder, tokens);
    json_builder_end_object (builder);
    cli_print_json (builder);
    return CLI_DONE;
  }
  for (guint i = 0; i < tokens->len; i++) {
    gint32 id = g_array_index (tokens, gint32, i);
    g_autofree char *piece = engine_model_decode (model, &id, 1, TRUE);
    g_autofree char *shown = g_strescape (piece, "\x80\x81\x82"); /* control characters only */

    printf ("%d\t%s\n", id, shown);
  }
  return CLI_DONE;
}

/* A JSON list of {role, content, reasoning_content?}; the strings belong to the parser. */
static gboolean
read_messages (JsonParser *parser, const char *path, GArray *messages, GError **error)
{
  JsonNode *root;
  JsonArray *array;

  if (!json_parser_load_from_file (parser, path, error))
    return FALSE;
  root = json_parser_get_root (parser);
  array = root != NULL && JSON_NODE_HOLDS_ARRAY (root) ? json_node_get_array (root) : NULL;
  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++) {
    JsonNode *node = json_array_get_element (array, i);
    JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
    EngineMessage message = {
      object != NULL ? json_object_get_string_member_with_default (object, "role", NULL) : NULL,
      object != NULL ? json_object_get_string_member_with_default (object, "content", NULL) : NULL,
      object != NULL
          ? json_object_get_string_member_with_default (object, "reasoning_content", NULL)
          : NULL,
    };

    if (message.role == NULL || message.content == NULL) {
      array = NULL;
      break;
    }
    g_array_append_val (messages, message);
  }
  if (array == NULL)
    g_set_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID,
                 "“%s” must be a JSON list of objects with the texts “role” and “content”.", path);
  return array != NULL;
}

static int
run_render (const CliOptions *options, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (EngineModel) model = open_text (options, argv[1], &error);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GArray) messages = g_array_new (FALSE, FALSE, sizeof (EngineMessage));
  g_autofree char *prompt = NULL;

  if (model == NULL || !read_messages (parser, argv[2], messages, &error))
    return cli_fail (error);
  prompt = engine_model_render_chat (model, (const EngineMessage *) messages->data, messages->len,
                                     &error);
  if (prompt == NULL)
    return cli_fail (error);
  if (options->json) {
    JsonBuilder *builder = json_builder_new ();

    json_builder_begin_object (builder);
    json_builder_set_member_name (builder, "prompt");
    json_builder_add_string_value (builder, prompt);
    json_builder_end_object (builder);
    cli_print_json (builder);
  } else {
    fputs (prompt, stdout);
  }
  return CLI_DONE;
}

static void
print_logits (const GArray *tokens, const float *lse, const EngineTop *top, double mean_nll)
{
  JsonBuilder *builder = json_builder_new ();

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "tokens");
  cli_json_tokens (builder, tokens);
  json_builder_set_member_name (builder, "positions");
  json_builder_begin_array (builder);
  for (guint i = 0; i < tokens->len; i++) {
    json_builder_begin_object (builder);
    json_builder_set_member_name (builder, "lse");
    json_builder_add_double_value (builder, lse[i]);
    json_builder_set_member_name (builder, "top");
    json_builder_begin_array (builder);
    for (int k = 0; k < n_top; k++) {
      json_builder_begin_array (builder);
      json_builder_add_int_value (builder, top[i * (guint) n_top + (guint) k].id);
      json_builder_add_double_value (builder, top[i * (guint) n_top + (guint) k].log_probability);
      json_builder_end_array (builder);
    }
    json_builder_end_array (builder);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  json_builder_set_member_name (builder, "mean_nll");
  json_builder_add_double_value (builder, mean_nll);
  json_builder_end_object (builder);
  cli_print_json (builder);
}

static int
run_logits (const CliOptions *options, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (EngineModel) model = cli_open_model (options, argv[1], &error);
  g_autoptr (EngineSession) session = model != NULL ? engine_session_new (model, &error) : NULL;
  g_autoptr (GArray) tokens = NULL;
  g_autofree float *lse = NULL;
  g_autofree EngineTop *top = NULL;
  double mean_nll;

  if (session == NULL)
    return cli_fail (error);
  tokens = engine_model_encode (model, argv[2], parse_special, ENGINE_ENDS_BOTH);
  if (!engine_session_logits (session, tokens, (uint32_t) MAX (n_top, 0), &lse, &top, &mean_nll,
                              &error))
    return cli_fail (error);
  if (options->json) {
    print_logits (tokens, lse, top, mean_nll);
    return CLI_DONE;
  }
  for (guint i = 0; i < tokens->len; i++) {
    g_autofree char *piece =
        engine_model_decode (model, &g_array_index (tokens, gint32, i), 1, TRUE);

    printf ("%s →", piece);
    for (int k = 0; k < n_top; k++) {
      const EngineTop *t = &top[i * (guint) n_top + (guint) k];
      g_autofree char *next = engine_model_decode (model, &t->id, 1, TRUE);

      printf ("  “%s” %.3f", next, t->log_probability);
    }
    putchar ('\n');
  }
  printf ("mean negative log-likelihood %.4f\n", mean_nll);
  return CLI_DONE;
}

const CliCommand cli_tokenize = {
  "tokenize", "MODEL TEXT", "Token ids of a text", run_tokenize, tokenize_entries, 2, 2
};
const CliCommand cli_render = { "render", "MODEL FILE", "The prompt of a JSON list of messages",
                                run_render, NULL, 2,
                                2 };
const CliCommand cli_logits = {
  "logits", "MODEL TEXT", "What the model expects after each token", run_logits, logits_entries, 2,
  2
};

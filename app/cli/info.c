/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bottega-cli info: what a model file is, from its metadata alone. */
#include "app/cli/cli.h"

#include <stdio.h>

static void
print_json (const EngineModelInfo *info)
{
  JsonBuilder *builder = json_builder_new ();

  json_builder_begin_object (builder);
  cli_json_string (builder, "name", info->name);
  cli_json_string (builder, "title", info->title);
  cli_json_string (builder, "license", info->license);
  cli_json_string (builder, "languages", info->languages);
  cli_json_string (builder, "architecture", info->architecture);
  cli_json_int (builder, "parameters", info->parameters);
  cli_json_int (builder, "file_bytes", info->file_bytes);
  json_builder_set_member_name (builder, "tensor_types");
  json_builder_begin_object (builder);
  for (uint32_t i = 0; i < info->n_types; i++)
    cli_json_int (builder, info->types[i].name, info->types[i].n_tensors);
  json_builder_end_object (builder);
  cli_json_int (builder, "layers", info->n_layers);
  cli_json_int (builder, "vocabulary", info->n_vocab);
  cli_json_int (builder, "context_length", info->context_tokens);
  if (info->embedding_size > 0)
    cli_json_int (builder, "embedding_size", info->embedding_size);
  json_builder_set_member_name (builder, "kv_bytes_per_token");
  json_builder_begin_object (builder);
  cli_json_int (builder, "f16", info->kv_bytes_per_token_f16);
  cli_json_int (builder, "q8_0", info->kv_bytes_per_token_q8_0);
  json_builder_end_object (builder);
  cli_json_string (builder, "tokenizer", info->tokenizer);
  cli_json_string (builder, "template", info->chat_template);
  cli_json_string (builder, "warning", info->warning);
  json_builder_end_object (builder);
  cli_print_json (builder);
}

static void
print_text (const EngineModelInfo *info)
{
  g_autofree char *size = g_format_size (info->file_bytes);
  g_autofree char *kv = g_format_size (info->kv_bytes_per_token_f16);

  printf ("%s\n  architecture  %s, %u layers, %.1f million parameters\n  file          %s\n",
          info->name, info->architecture, info->n_layers, (double) info->parameters / 1e6, size);
  for (uint32_t i = 0; i < info->n_types; i++) {
    g_autofree char *bytes = g_format_size (info->types[i].bytes);

    printf ("  %-13s %u tensors, %s\n", info->types[i].name, info->types[i].n_tensors, bytes);
  }
  if (info->embedding_size > 0)
    printf ("  context       %u tokens, vectors of %u numbers\n", info->context_tokens,
            info->embedding_size);
  else
    printf ("  context       %u tokens, %s of conversation memory each\n", info->context_tokens,
            kv);
  if (info->license != NULL)
    printf ("  licence       %s\n", info->license);
  if (info->languages != NULL)
    printf ("  languages     %s\n", info->languages);
  printf ("  tokenizer     %s, %u tokens\n  template      %s\n", info->tokenizer, info->n_vocab,
          info->chat_template);
  if (info->warning != NULL)
    printf ("  note          %s\n", info->warning);
}

static int
run (const CliOptions *options, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = cli_find_model (options, argv[1], &error);
  g_autoptr (EngineModelInfo) info = NULL;

  if (path == NULL)
    return cli_fail (error);
  info = engine_model_read_info (path, &error);
  if (info == NULL)
    return cli_fail (error);
  if (options->json)
    print_json (info);
  else
    print_text (info);
  return CLI_DONE;
}

const CliCommand cli_info = { "info", "MODEL", "What a model file is", run, NULL, 1, 1 };

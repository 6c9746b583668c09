/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bottega-cli: the engine without a window. Owns the global options and the table of commands; what
 * a command does stands in its own file. */
#include "app/assistant/bottega-seal.h"
#include "app/cli/cli.h"

#include <locale.h>
#include <string.h>

static const CliCommand *const commands[] = {
  &cli_info,
  &cli_tokenize,
  &cli_render,
  &cli_logits,
  &cli_generate,
  &cli_chat,
  &cli_embed,
  &cli_index,
  &cli_search,
  &cli_ask,
  &cli_bench,
  &cli_estimate,
  &cli_doctor,
};

static CliOptions options;

static const GOptionEntry global_entries[] = {
  { "data-dir", 0, 0, G_OPTION_ARG_FILENAME, &options.data_dir,
    "Folder of models and conversations", "DIR" },
  { "device", 0, 0, G_OPTION_ARG_STRING, &options.device, "auto, cpu, vulkan or vulkan:N",
    "DEVICE" },
  { "threads", 0, 0, G_OPTION_ARG_INT, &options.n_threads, "Processor threads (0: as many as help)",
    "N" },
  { "context", 0, 0, G_OPTION_ARG_INT, &options.context_tokens, "Context in tokens (0: automatic)",
    "N" },
  { "chunk", 0, 0, G_OPTION_ARG_INT, &options.chunk_tokens,
    "Tokens read in one batch (0: automatic)", "N" },
  { "gpu-memory", 0, 0, G_OPTION_ARG_STRING, &options.gpu_memory,
    "Bytes of a graphics card at most, the rest stays on the processor (default: what is free)",
    "BYTES[K|M|G]" },
  { "kv", 0, 0, G_OPTION_ARG_STRING, &options.kv_type,
    "What a conversation is kept as: f16, or q8_0 in half the memory", "TYPE" },
  { "draft", 0, 0, G_OPTION_ARG_STRING, &options.draft,
    "A small model of the same vocabulary, which guesses what MODEL will write", "MODEL" },
  { "cpu-tier", 0, 0, G_OPTION_ARG_STRING, &options.cpu_tier,
    "portable, avx2, avx-vnni, avx512 or amx", "TIER" },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print JSON", NULL },
  { 0 },
};

static char *
list_commands (void)
{
  GString *text = g_string_new ("Commands:\n");

  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++)
    g_string_append_printf (text, "  %-9s %-24s %s\n", commands[i]->name, commands[i]->arguments,
                            commands[i]->summary);
  g_string_append (text, "\nMODEL is a path or the name of an installed model. "
                         "“bottega-cli COMMAND --help” tells a command's options.");
  return g_string_free (text, FALSE);
}

static const CliCommand *
find_command (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strcmp (commands[i]->name, name) == 0)
      return commands[i];
  return NULL;
}

/* Options before the command; stops at the command itself. */
static gboolean
parse_global (int *argc, char ***argv, GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("COMMAND …");
  g_autofree char *description = list_commands ();

  g_option_context_add_main_entries (context, global_entries, NULL);
  g_option_context_set_strict_posix (context, TRUE);
  g_option_context_set_description (context, description);
  return g_option_context_parse (context, argc, argv, error);
}

/* The command's own options, and the global ones again: people put them where they think of them.
 */
static gboolean
parse_command (const CliCommand *command, int *argc, char ***argv, GError **error)
{
  g_autofree char *usage = g_strdup_printf ("%s %s", command->name, command->arguments);
  g_autoptr (GOptionContext) context = g_option_context_new (command->arguments);

  g_option_context_set_summary (context, command->summary);
  if (command->extra_options != NULL)
    g_option_context_add_main_entries (context, command->extra_options, NULL);
  g_option_context_add_main_entries (context, global_entries, NULL);
  g_set_prgname (g_strdup_printf ("bottega-cli %s", command->name));
  return g_option_context_parse (context, argc, argv, error);
}

/* "1500000000", "1500M" and "1.5G" (powers of 1024). */
static gboolean
parse_bytes (const char *text, uint64_t *bytes)
{
  static const char units[] = "KMG";
  char *end;
  double number = g_ascii_strtod (text, &end);
  const char *unit = *end != '\0' ? strchr (units, g_ascii_toupper (*end)) : NULL;

  if (unit != NULL) {
    number *= (double) ((uint64_t) 1 << (10 * (unit - units + 1)));
    end++;
  }
  if (end == text || *end != '\0' || !(number >= 1 && number < 1e18))
    return FALSE;
  *bytes = (uint64_t) number;
  return TRUE;
}

static gboolean
check_global (void)
{
  if (options.gpu_memory != NULL && !parse_bytes (options.gpu_memory, &options.gpu_memory_bytes))
    return cli_usage ("--gpu-memory takes bytes, or a number with K, M or G"), FALSE;
  if (options.n_threads < 0 || options.n_threads > 256)
    return cli_usage ("--threads must lie between 0 and 256"), FALSE;
  if (options.context_tokens < 0 || options.chunk_tokens < 0)
    return cli_usage ("--context and --chunk must not be negative"), FALSE;
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  const CliCommand *command;
  int n_arguments;

  bottega_seal_close (NULL);
  setlocale (LC_ALL, "");
  setlocale (LC_NUMERIC, "C"); /* options like --temp 0.7 are read the same everywhere */
  g_set_prgname ("bottega-cli");
  if (!parse_global (&argc, &argv, &error))
    return cli_usage ("%s", error->message);
  if (argc < 2)
    return cli_usage ("say a command; --help lists them");
  command = find_command (argv[1]);
  if (command == NULL)
    return cli_usage ("there is no command “%s”; --help lists them", argv[1]);
  argc--;
  argv++;
  if (!parse_command (command, &argc, &argv, &error))
    return cli_usage ("%s", error->message);
  if (argc > 1 && strcmp (argv[1], "--") == 0) { /* what follows may begin with a dash */
    argc--;
    argv++;
  }
  n_arguments = argc - 1;
  if (n_arguments < command->min_arguments ||
      (command->max_arguments >= 0 && n_arguments > command->max_arguments))
    return cli_usage ("use: %s %s", command->name, command->arguments);
  if (!check_global ())
    return CLI_USAGE;
  return command->run (&options, argc, argv);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands of bottega-cli share: the global options, the table row, and small helpers.
 * One command or one family of commands a file. */
#pragma once

#include "engine/engine.h"

#include <json-glib/json-glib.h>

/* Exit codes of the command line contract. */
enum {
  CLI_DONE = 0,
  CLI_FAILED = 1,
  CLI_USAGE = 2
};

typedef struct {
  char *data_dir, *device, *cpu_tier, *kv_type; /* NULL: default */
  char *draft;                                  /* a model that guesses; NULL: none */
  char *gpu_memory;                             /* as it was said; NULL: what is free */
  uint64_t gpu_memory_bytes;
  int n_threads;
  int context_tokens; /* 0: automatic */
  int chunk_tokens;   /* 0: the device's preference */
  gboolean json;
} CliOptions;

typedef struct {
  const char *name, *arguments, *summary;
  /* argv[0] is the command's name; options are already taken out by extra_options. */
  int (*run) (const CliOptions *options, int argc, char **argv);
  /* NULL: none; they fill static variables of the command's file */
  const GOptionEntry *extra_options;
  int min_arguments, max_arguments; /* -1: any number */
} CliCommand;

extern const CliCommand cli_info, cli_tokenize, cli_render, cli_logits, cli_generate, cli_chat,
    cli_embed, cli_index, cli_search, cli_ask, cli_bench, cli_estimate, cli_doctor;

/* Prints "bottega-cli: message" on stderr in one line; returns CLI_FAILED. error may be NULL. */
int cli_fail (const GError *error);
int cli_usage (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* Where models and spaces lie; owned by the caller. */
char *cli_data_dir (const CliOptions *options);
/* Where the person's own models lie; owned by the caller. */
char *cli_models_dir (const CliOptions *options);
/* Paths (char *) of the installed models that write, the person's own before those in
 * bottega/models of the system's data folders, each by name; the caller unrefs. */
GPtrArray *cli_installed_models (const CliOptions *options);
/* The path of the first installed model; NULL and a sentence: there is none. */
char *cli_default_model (const CliOptions *options, GError **error);
/* A path as it is, or the file of an installed model (one that makes vectors too) by its name: case
 * does not matter, a unique beginning will do. NULL with a sentence that lists what there is. */
char *cli_find_model (const CliOptions *options, const char *model, GError **error);
/* Loads it with the global options; says on stderr when it is not kept as was asked for. */
EngineModel *cli_open_model (const CliOptions *options, const char *model, GError **error);
/* What it would take with the global options; measure: the device first, where that has not been
 * done. */
EnginePlan *cli_plan_model (const CliOptions *options, const char *path, gboolean measure,
                            GError **error);

/* Writes builder's root to stdout with a newline, and unrefs it. */
void cli_print_json (JsonBuilder *builder);
/* A member; NULL is null. */
void cli_json_string (JsonBuilder *builder, const char *name, const char *value);
void cli_json_int (JsonBuilder *builder, const char *name, uint64_t value);
void cli_json_tokens (JsonBuilder *builder, const GArray *tokens);
void cli_json_stats (JsonBuilder *builder, const EngineStats *stats);
/* A line for people on stderr. */
void cli_say_stats (const EngineStats *stats);

/* Makes Ctrl+C cancel this session while it is set; NULL: back to ending the program. */
void cli_interrupts (EngineSession *session);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A short answer of a model, looked at by the same rules as those of the window. */
#pragma once

#include "app/assistant/bottega-diagnosis.h"
#include "app/cli/cli.h"

typedef struct {
  char *model, *device; /* owned: its name, and a sentence about where it ran */
  double load_s, read_bytes_s, int8_s;
  const char *energy; /* of what it was measured, or that it cannot be; static */
  BottegaDiagnosis diagnosis;
} CliTrial;

/* Loads MODEL with the global options and lets it write some words: seconds, with all cores. NULL:
 * a sentence; else free with cli_trial_free (). */
CliTrial *cli_trial_run (const CliOptions *options, const char *model, GError **error);
void cli_trial_free (CliTrial *trial);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliTrial, cli_trial_free)

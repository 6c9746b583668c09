/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the commands that work on a space: index, search, ask. Main thread. */
#pragma once

#include "app/cli/cli.h"

#include "app/retrieval/bottega-embedder.h"
#include "app/retrieval/bottega-searcher.h"
#include "app/retrieval/bottega-store.h"

/* space NULL: the default one. The store owns the file's lock. */
BottegaStore *cli_open_space (const CliOptions *options, const char *space, GError **error);
/* Only reads, and so takes no lock: the window may have the space open. NULL and a sentence that
 * names the spaces where there is no such one. The embedder is kept. */
BottegaSearcher *cli_open_searcher (const CliOptions *options, const char *space,
                                    BottegaEmbedder *embedder, GError **error);
/* With the global options, on the model of <data-dir>/models/embed; without one its dimensions are
 * 0. Never NULL. */
BottegaEmbedder *cli_open_embedder (const CliOptions *options);

/* Turns the main loop until condition (data). Ctrl+C calls interrupted (data) once; a second one
 * ends the program. FALSE: there was one. */
gboolean cli_wait (GSourceFunc condition, GSourceFunc interrupted, gpointer data);

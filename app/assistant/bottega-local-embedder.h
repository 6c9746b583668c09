/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaLocalEmbedder: Bottega's own engine behind BottegaEmbedder, on a thread of its own. The
 * model is loaded with the first texts and let go after some minutes without any. Passages are
 * embedded a few at a time, so that a question never waits for more than one such piece. */
#pragma once

#include "app/retrieval/bottega-embedder.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_LOCAL_EMBEDDER (bottega_local_embedder_get_type ())
G_DECLARE_FINAL_TYPE (BottegaLocalEmbedder, bottega_local_embedder, BOTTEGA, LOCAL_EMBEDDER,
                      GObject)

/* model_path NULL: there is none; dimensions are then 0 and the id NULL. device as in
 * EngineModelOptions; one that fails is replaced by the processor. n_threads 0: as many as help. */
BottegaEmbedder *bottega_local_embedder_new (const char *model_path, const char *device,
                                             guint n_threads);
/* The first *.gguf, by name, of <data_dir>/models/embed, or of bottega/models/embed in the system's
 * data folders. NULL: none. Free with g_free. */
char *bottega_local_embedder_find_model (const char *data_dir);

G_END_DECLS

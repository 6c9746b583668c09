/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaLocalSource: Bottega's own engine behind BottegaEngineSource. bottega-local-* are the
 * only files of the app that call engine.h. */
#pragma once

#include "app/assistant/bottega-engine-source.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_LOCAL_SOURCE (bottega_local_source_get_type ())
G_DECLARE_FINAL_TYPE (BottegaLocalSource, bottega_local_source, BOTTEGA, LOCAL_SOURCE, GObject)

/* cache_dir: for pipeline caches, copied; NULL: none. */
BottegaEngineSource *bottega_local_source_new (const char *cache_dir);

G_END_DECLS

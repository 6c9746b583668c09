/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of the cache folder: a header with a sum, then data; written whole or not at all. Must not
 * know what is in them. Thread: any. */
#pragma once

#include <glib.h>

/* The data of a file and its size, in *contents, which the caller frees also on failure. NULL:
 * there is no file, or it is damaged or of another magic. file NULL: none. */
const void *engine_cache_read (const char *file, const char magic[8], char **contents,
                               gsize *bytes);
/* Makes the folder where it is missing. */
gboolean engine_cache_write (const char *file, const char magic[8], const void *data, gsize bytes);

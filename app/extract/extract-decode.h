/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes of a text file to UTF-8, whatever encoding they are in: UTF-8 and UTF-16 with or without a
 * byte order mark, Windows-1252, ISO-8859-15. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Valid UTF-8 without NUL, free with g_free; NULL where the bytes are no text. */
char *extract_decode (const guint8 *data, gsize n);

G_END_DECLS

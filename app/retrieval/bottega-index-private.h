/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two files of index rows share. */
#pragma once

#include "app/retrieval/bottega-index-rows.h"

G_BEGIN_DECLS

/* Steps a statement of constant SQL; ?1, if it has one, is id. In the caller's transaction. */
gboolean bottega_index_step (BottegaDatabase *db, const char *sql, gint64 id, GError **error);
/* Tells readers that vectors went away. */
extern const char bottega_index_sql_count_removal[];
/* The name of a file as words: without its ending, valid UTF-8. Free with g_free. */
char *bottega_index_file_title (const char *path);

G_END_DECLS

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spaces of a data folder: one file each, <data-dir>/spaces/<name>.sqlite. A space's name is
 * the file's. Plain functions that look at the disk for moments; any thread. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* There is always this one. */
#define BOTTEGA_SPACE_DEFAULT "personal"

/* DIR made absolute; NULL: the person's own. Free with g_free. */
char *bottega_spaces_get_data_dir (const char *dir);

/* By name, the default one first; NULL-terminated, free with g_strfreev. */
char **bottega_spaces_list (const char *data_dir);
/* The file of a space; free with g_free. */
char *bottega_spaces_get_path (const char *data_dir, const char *name);
gboolean bottega_spaces_exists (const char *data_dir, const char *name);
/* FALSE and a sentence for what cannot be the name of a file. */
gboolean bottega_spaces_check_name (const char *name, GError **error);
/* Overwrites a file with zeros and removes it; one that is not there is no error. */
gboolean bottega_spaces_remove_file (const char *path, GError **error);
/* Overwrites the space's files with zeros and removes them. It must not be open. */
gboolean bottega_spaces_delete (const char *data_dir, const char *name, GError **error);

G_END_DECLS

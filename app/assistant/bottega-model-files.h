/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where models lie, and which files one is made of: one, or the parts NAME-00001-of-0000N.gguf
 * beside each other. Names alone are looked at. Any thread. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* More parts than any model has; a name that says more is an ordinary name. */
#define BOTTEGA_MODEL_MAX_PARTS 999

/* The folders of installed models: the person's own first, then bottega/models of the system's data
 * folders, where packages put theirs. kind: a folder below each, "embed", or NULL. Free with
 * g_strfreev. */
GStrv bottega_model_files_folders (const char *own, const char *kind);
/* Which part of how many a file is: 1 of 1 unless its name says otherwise. */
void bottega_model_files_part (const char *path, guint *part, guint *n_parts);
/* All files of the model that path is a file of, in order (char *, NULL-terminated; free with
 * g_strfreev). Whether they are there is not looked at. */
GStrv bottega_model_files_list (const char *path);
/* name with its stem followed by -N: "a.gguf" and "a-00001-of-00002.gguf" become "a-2.gguf" and
 * "a-2-00001-of-00002.gguf". number 1 changes nothing but to add a missing ".gguf". */
char *bottega_model_files_number (const char *name, guint number);

G_END_DECLS

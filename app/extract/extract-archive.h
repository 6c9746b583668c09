/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text parts of a zip container (OpenDocument, Office Open XML, EPUB), unpacked into memory by
 * libarchive within limits: entries, bytes together, and how much larger than the file they are.
 * It knows nothing of what the parts mean. */
#pragma once

#include "app/extract/extract.h"

G_BEGIN_DECLS

typedef struct _ExtractArchive ExtractArchive;

/* Unpacks every part whose name is that of XML or HTML. NULL: failure is set. Free with
 * extract_archive_free (). */
ExtractArchive *extract_archive_open (const ExtractInput *input, ExtractFailure *failure);
void extract_archive_free (ExtractArchive *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ExtractArchive, extract_archive_free)

/* A part by its full name, borrowed; NULL: there is none. */
GBytes *extract_archive_get (ExtractArchive *self, const char *name);

/* What comes before the name of a part that should be at the top: "", or the one folder that
 * somebody packed everything into, with its "/". NULL: it is in neither. Free with g_free. */
char *extract_archive_find_top (ExtractArchive *self, const char *name);

/* The part that a reference in the part named base means: escapes undone, fragment cut, "." and
 * ".." followed. NULL: it leads out of the container. Free with g_free. */
char *extract_archive_resolve (const char *base, const char *reference);

G_END_DECLS

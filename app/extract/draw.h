/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A page of a PDF as a picture. Inside of bottega-extract, like the extractors. */
#pragma once

#include "app/extract/extract.h"

G_BEGIN_DECLS

/* Folders of fonts and their tables, which drawing must read where a document brings no font of its
 * own. NULL-terminated. */
extern const char *const draw_folders[];

/* Page NUMBER (from 1) as wide as WIDTH pixels: a DrawnPage (frame.h) and its pixels. NULL: failure
 * is set. */
GBytes *draw_page (const ExtractInput *input, guint number, guint width, ExtractFailure *failure);

G_END_DECLS

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs bottega-extract on one file: a process without network and file system that may crash, hang
 * or be killed without harm. The file is opened here and handed over as a descriptor.
 *
 * Any thread; blocks for as long as the extraction takes. */
#pragma once

#include "app/extract/bottega-document.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define BOTTEGA_EXTRACTION_ERROR (bottega_extraction_error_quark ())
GQuark bottega_extraction_error_quark (void);

/* Why there is no text. The error's message is a translated sentence that names the file. */
typedef enum {
  BOTTEGA_EXTRACTION_ERROR_OPEN,        /* it cannot be read, or is no regular file */
  BOTTEGA_EXTRACTION_ERROR_UNSUPPORTED, /* no extractor for its kind */
  BOTTEGA_EXTRACTION_ERROR_ENCRYPTED,   /* asks for a password */
  BOTTEGA_EXTRACTION_ERROR_NO_TEXT,     /* pages are pictures, or it is empty */
  BOTTEGA_EXTRACTION_ERROR_DAMAGED,     /* not what its name says, cut, or a parser crashed on it */
  BOTTEGA_EXTRACTION_ERROR_TOO_BIG,     /* over a limit: memory, time, output, pages, depth */
  BOTTEGA_EXTRACTION_ERROR_CANCELLED,
  BOTTEGA_EXTRACTION_ERROR_FAILED, /* the helper itself could not be run */
  BOTTEGA_EXTRACTION_N_ERRORS,
} BottegaExtractionError;

/* 0: the default of each. */
typedef struct {
  guint64 memory_bytes; /* address space beyond what the helper needs to start; 1 GiB */
  guint64 output_bytes; /* 64 MiB */
  guint seconds;        /* of processor time, and four times as much of the clock; 60 */
  guint pages;          /* 5,000 */
} BottegaExtractionLimits;

/* TRUE when the name's ending is one that an extractor takes: for choosing files in a folder. */
gboolean bottega_extraction_accepts (const char *name);
/* "pdf", "odt", …: NULL-terminated, for file dialogs; borrowed. */
const char *const *bottega_extraction_suffixes (void);

/* limits NULL: the defaults. sha256: receives the lower-case hash of the file's bytes (free with
 * g_free); may be NULL. */
BottegaDocument *bottega_extraction_run (const char *path, const BottegaExtractionLimits *limits,
                                         char **sha256, GCancellable *cancellable, GError **error);

/* A page as a picture. */
typedef struct {
  GBytes *pixels; /* rows from the top, each of stride_bytes: cairo's RGB24 */
  guint width, height, stride_bytes;
  double width_points, height_points; /* of the page */
} BottegaDrawing;
void bottega_drawing_free (BottegaDrawing *drawing);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaDrawing, bottega_drawing_free)

/* Draws page NUMBER (from 1) of a PDF as wide as WIDTH pixels (at most 4,096), in a process like
 * the one above that may read the system's fonts besides. */
BottegaDrawing *bottega_extraction_draw (const char *path, guint number, guint width,
                                         GCancellable *cancellable, GError **error);

G_END_DECLS

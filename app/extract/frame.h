/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What bottega-extract writes to its standard output, for the two files that must agree on it:
 * this head in the machine's own byte order (both ends run on it), then length bytes of a document,
 * or of a page that was drawn: a DrawnPage and its pixels. */
#pragma once

#include "app/extract/extract.h"

G_BEGIN_DECLS

#define FRAME_MAGIC 0x42745872u

typedef struct {
  guint32 magic;
  guint32 failure; /* an ExtractFailure; what is not EXTRACT_OK has no document */
  guint64 length;
} Frame;

/* Before the pixels: rows from the top, each of stride_bytes, cairo's RGB24. */
typedef struct {
  guint32 width, height, stride_bytes, unused;
  double width_points, height_points;
} DrawnPage;

#define DRAWN_PIXELS 4096 /* of width, and of height four times as many */

/* Its exit status where it did not begin with the document. */
#define EXIT_NOT_READY 3

/* The arguments: ending of the file's name, bytes of memory, seconds, bytes of output, pages. */
enum {
  ARGUMENT_PROGRAM,
  ARGUMENT_SUFFIX,
  ARGUMENT_MEMORY,
  ARGUMENT_SECONDS,
  ARGUMENT_OUTPUT,
  ARGUMENT_PAGES,
  N_ARGUMENTS,
  /* With two more a page is drawn: its number from 1, and its width in pixels. */
  ARGUMENT_PAGE = N_ARGUMENTS,
  ARGUMENT_WIDTH,
  N_DRAW_ARGUMENTS,
};

G_END_DECLS

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What bottega-extract writes to its standard output, for the two files that must agree on it: this
 * head in the machine's own byte order (both ends run on it), then length bytes of a document. */
#pragma once

#include "app/extract/extract.h"

G_BEGIN_DECLS

#define FRAME_MAGIC 0x42745872u

typedef struct {
  guint32 magic;
  guint32 failure; /* an ExtractFailure; what is not EXTRACT_OK has no document */
  guint64 length;
} Frame;

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
};

G_END_DECLS

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A page of a document as a picture. It is drawn by bottega-extract, a process without network and
 * file system: a damaged file can end that process and nothing else. Any thread with a main
 * context. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
  GBytes *pixels; /* rows from the top, each of stride_bytes: cairo's RGB24 */
  guint width, height, stride_bytes;
  double width_points, height_points; /* of the page: marks are in points */
} BottegaPage;

void bottega_page_free (BottegaPage *page);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaPage, bottega_page_free)

/* Draws page NUMBER (from 1) of the file at PATH as wide as WIDTH pixels (at most 4,096). */
void bottega_page_draw_async (const char *path, guint number, guint width,
                              GCancellable *cancellable, GAsyncReadyCallback callback,
                              gpointer user_data);
/* NULL and a sentence when it cannot be drawn. */
BottegaPage *bottega_page_draw_finish (GAsyncResult *result, GError **error);

G_END_DECLS

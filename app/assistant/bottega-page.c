/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the thread on which a page is awaited. Must not know how it is drawn, or shown. */
#define G_LOG_DOMAIN "bottega-page"

#include "config.h"

#include "app/assistant/bottega-page.h"
#include "app/extract/bottega-extraction.h"

typedef struct {
  char *path;
  guint number, width;
} Wish;

static void
wish_free (Wish *wish)
{
  g_free (wish->path);
  g_free (wish);
}

void
bottega_page_free (BottegaPage *page)
{
  if (page == NULL)
    return;
  g_clear_pointer (&page->pixels, g_bytes_unref);
  g_free (page);
}

static void
draw_thread (GTask *task,
             gpointer source,
             gpointer data,
             GCancellable *cancellable)
{
  const Wish *wish = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (BottegaDrawing) drawing =
      bottega_extraction_draw (wish->path, wish->number, wish->width, cancellable, &error);
  BottegaPage *page;

  if (drawing == NULL) {
    g_task_return_error (task, g_steal_pointer (&error));
    return;
  }
  page = g_new0 (BottegaPage, 1);
  page->pixels = g_bytes_ref (drawing->pixels);
  page->width = drawing->width;
  page->height = drawing->height;
  page->stride_bytes = drawing->stride_bytes;
  page->width_points = drawing->width_points;
  page->height_points = drawing->height_points;
  g_task_return_pointer (task, page, (GDestroyNotify) bottega_page_free);
}

void
bottega_page_draw_async (const char *path,
                         guint number,
                         guint width,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Wish *wish = g_new0 (Wish, 1);

  g_return_if_fail (path != NULL && number > 0);

  wish->path = g_strdup (path);
  wish->number = number;
  wish->width = width;
  g_task_set_source_tag (task, bottega_page_draw_async);
  g_task_set_task_data (task, wish, (GDestroyNotify) wish_free);
  g_task_run_in_thread (task, draw_thread);
}

BottegaPage *
bottega_page_draw_finish (GAsyncResult *result,
                          GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

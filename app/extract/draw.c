/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Draws one page with poppler and cairo. It trusts the document no more than the extractors do:
 * what it asks for is bounded before anything is allocated. It must not know where the picture
 * goes. */
#define G_LOG_DOMAIN "bottega-extract"

#include "app/extract/draw.h"
#include "app/extract/frame.h"

#include <poppler.h>

/* The longest side of a page that PDF allows, in points. */
#define MAX_POINTS 14400.0

const char *const draw_folders[] = {
  "/usr/share/fonts",
  "/usr/local/share/fonts",
  "/usr/share/fontconfig",
  "/etc/fonts",
  "/var/cache/fontconfig",
  "/usr/share/poppler",
  "/usr/share/ghostscript",
  "/run/host/fonts",
  "/run/host/local-fonts",
  "/run/host/fonts-cache",
  "/app/share/fonts",
  NULL,
};

static gboolean
is_sound (double points)
{
  return points >= 1 && points <= MAX_POINTS;
}

static GBytes *
paint (PopplerPage *page,
       guint width,
       double width_points,
       double height_points)
{
  double scale = width / width_points;
  guint height = (guint) (height_points * scale + 0.5);
  cairo_surface_t *surface;
  cairo_t *cairo;
  DrawnPage drawn = { .width = width };
  GByteArray *bytes = NULL;

  drawn.width_points = width_points;
  drawn.height_points = height_points;
  drawn.height = CLAMP (height, 1, 4 * DRAWN_PIXELS);
  surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, (int) drawn.width, (int) drawn.height);
  cairo = cairo_create (surface);
  cairo_set_source_rgb (cairo, 1, 1, 1);
  cairo_paint (cairo);
  cairo_scale (cairo, scale, scale);
  poppler_page_render (page, cairo);
  cairo_destroy (cairo);
  cairo_surface_flush (surface);
  if (cairo_surface_status (surface) == CAIRO_STATUS_SUCCESS) {
    drawn.stride_bytes = (guint32) cairo_image_surface_get_stride (surface);
    bytes = g_byte_array_sized_new ((guint) sizeof drawn + drawn.stride_bytes * drawn.height);
    g_byte_array_append (bytes, (const guint8 *) &drawn, sizeof drawn);
    g_byte_array_append (bytes, cairo_image_surface_get_data (surface),
                         drawn.stride_bytes * drawn.height);
  }
  cairo_surface_destroy (surface);
  return bytes != NULL ? g_byte_array_free_to_bytes (bytes) : NULL;
}

static GBytes *
draw_sound_page (PopplerPage *page,
                 guint width)
{
  double width_points, height_points;

  poppler_page_get_size (page, &width_points, &height_points);
  if (!is_sound (width_points) || !is_sound (height_points))
    return NULL;
  return paint (page, width, width_points, height_points);
}

GBytes *
draw_page (const ExtractInput *input,
           guint number,
           guint width,
           ExtractFailure *failure)
{
  g_autoptr (GError) error = NULL;
  PopplerDocument *document = poppler_document_new_from_bytes (input->bytes, NULL, &error);
  PopplerPage *page = NULL;
  GBytes *bytes = NULL;

  if (document != NULL && number > 0 && number <= G_MAXINT && width > 0 && width <= DRAWN_PIXELS)
    page = poppler_document_get_page (document, (int) number - 1);
  if (page != NULL)
    bytes = draw_sound_page (page, width);
  *failure = bytes != NULL ? EXTRACT_OK : EXTRACT_DAMAGED;
  if (g_error_matches (error, POPPLER_ERROR, POPPLER_ERROR_ENCRYPTED))
    *failure = EXTRACT_ENCRYPTED;
  g_clear_object (&page);
  g_clear_object (&document);
  return bytes;
}

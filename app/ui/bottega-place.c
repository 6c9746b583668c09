/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the mirroring of what is placed by hand: see bottega-place.h. It knows no widget. */
#include "config.h"

#include "app/ui/bottega-place.h"

void
bottega_place (GtkWidget *child,
               int x,
               int y,
               int width,
               int height,
               int line_width)
{
  if (gtk_widget_get_direction (child) == GTK_TEXT_DIR_RTL)
    x = line_width - x - width;
  gtk_widget_allocate (
      child, width, height, -1,
      gsk_transform_translate (NULL, &GRAPHENE_POINT_INIT ((float) x, (float) y)));
}

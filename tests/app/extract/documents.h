/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Documents for tests, made when they run: small and sound ones of every format, and the means to
 * make others. Nothing here knows what an extractor makes of them. */
#pragma once

#include <cairo.h>
#include <glib.h>

/* The formats that documents_sound () makes; NULL-terminated. */
extern const char *const documents_suffixes[];

/* A small document with a heading, paragraphs, a list and a table where the format has them; all
 * say "Bottega" and "officina". Text formats are as bytes, packed ones as an archive of parts. */
GBytes *documents_sound (const char *suffix);

/* A packed document's parts, for damaging what is inside: alternating names and contents. NULL for
 * formats that are one file. Free with g_ptr_array_unref. */
GPtrArray *documents_parts (const char *suffix);

/* Names and contents (char *, GBytes *, alternating) to a zip file. */
GBytes *documents_zip (GPtrArray *parts);
GPtrArray *documents_parts_new (void);
void documents_add_part (GPtrArray *parts, const char *name, GBytes *content);

/* A PDF drawn with cairo: the function draws all pages (cairo_show_page () after each). */
typedef void (*DocumentsDraw) (cairo_t *cairo, gpointer data);
GBytes *documents_draw_pdf (DocumentsDraw draw, gpointer data, const char *title);

/* A PDF of these objects ("1 0 obj" and on, number and frame are added), the first its catalog. */
GBytes *documents_pdf_of (const char *const *objects, guint n, const char *trailer);

/* In a font of the test's own choice; y is the baseline. Returns the width. */
double documents_show (cairo_t *cairo, double x, double y, double size, gboolean bold,
                       const char *text);

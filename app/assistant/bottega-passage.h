/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaPassage: a passage of a document that an answer was given to read: what a chip, a [n] in
 * the text and the sources pane show. Main thread only.
 *
 * It holds its own copy of the text: an old answer keeps its sources, word for word, when the
 * document has changed or left the space.
 *
 * Properties (read-only; used notifies):
 *   number     uint    n of its marker [n], from 1
 *   document   int64   id in the space
 *   path       string
 *   title      string
 *   heading    string or NULL   "Rent › Increase"
 *   place      string  localised: "p. 3", "pp. 3–4", the heading, or ""
 *   text       string  the chunk that was found
 *   window     string  what the model read
 *   page       uint    0: no pages
 *   last-page  uint    where it ends; page for most
 *   offset, length uint  of the chunk, in bytes of the document's text
 *   score      double  0 to 1
 *   used       boolean the answer has its marker
 */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

#define BOTTEGA_TYPE_PASSAGE (bottega_passage_get_type ())
G_DECLARE_FINAL_TYPE (BottegaPassage, bottega_passage, BOTTEGA, PASSAGE, GObject)

guint bottega_passage_get_number (BottegaPassage *self);
gint64 bottega_passage_get_document (BottegaPassage *self);
const char *bottega_passage_get_path (BottegaPassage *self);
const char *bottega_passage_get_title (BottegaPassage *self);
const char *bottega_passage_get_heading (BottegaPassage *self);
const char *bottega_passage_get_place (BottegaPassage *self);
const char *bottega_passage_get_text (BottegaPassage *self);
const char *bottega_passage_get_window (BottegaPassage *self);
guint bottega_passage_get_page (BottegaPassage *self);
guint bottega_passage_get_last_page (BottegaPassage *self);
guint bottega_passage_get_offset (BottegaPassage *self);
guint bottega_passage_get_length (BottegaPassage *self);
double bottega_passage_get_score (BottegaPassage *self);
gboolean bottega_passage_get_used (BottegaPassage *self);

/* As it is kept with its message. NULL for what is no passage. */
JsonNode *bottega_passage_to_json (BottegaPassage *self);
BottegaPassage *bottega_passage_new_from_json (JsonNode *node);

G_END_DECLS

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finds tokens that stand in a text as they are written: control tokens (in templates only) and
 * tokens that the model's maker defined as whole words. Private to engine/text. */
#pragma once

#include "engine/text/byte-strings.h"

typedef struct {
  size_t offset, bytes; /* in the text */
  uint32_t id;
} TextSpecialMatch;

/* Ids of strings, sorted so that all that begin alike stand together. */
typedef struct {
  GArray *ids;        /* uint32_t */
  guint8 begins[256]; /* whether any begins with this byte */
} TextSpecials;

/* Takes the ids (GArray of uint32_t); empty strings are left out. */
void text_specials_init (TextSpecials *specials, const TextStrings *strings, GArray *ids);
void text_specials_finish (TextSpecials *specials);

/* Whether a match counts at all. */
typedef gboolean (*TextSpecialAllowed) (const TextSpecialMatch *match, gconstpointer data);

/* Appends the matches that are allowed to matches (GArray of TextSpecialMatch) in the order of
 * the text; they do not overlap. Where some overlap the longer one counts, of equals the lower
 * id, then the one before. */
void text_specials_find (const TextSpecials *specials,
                         const TextStrings *strings,
                         const char *text,
                         size_t n,
                         TextSpecialAllowed allowed,
                         gconstpointer data,
                         GArray *matches);

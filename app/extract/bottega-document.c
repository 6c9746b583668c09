/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The value, and the one place that makes strangers' text into ours. It knows no format of files;
 * the bytes that go between the two processes are in bottega-document-bytes.c. */
#define G_LOG_DOMAIN "bottega-document"

#include "app/extract/bottega-document.h"

#include <string.h>

#define TAB_WIDTH 4

/* Below this code point every text is in NFC already. */
#define FIRST_COMBINING 0x300

BottegaDocument *
bottega_document_new (const char *media_type)
{
  BottegaDocument *self = g_new0 (BottegaDocument, 1);

  self->media_type = g_strdup (media_type);
  self->text = g_string_new (NULL);
  self->blocks = g_array_new (FALSE, FALSE, sizeof (BottegaBlock));
  self->lines = g_array_new (FALSE, FALSE, sizeof (BottegaLine));
  return self;
}

void
bottega_document_free (BottegaDocument *self)
{
  if (self == NULL)
    return;
  g_free (self->media_type);
  g_free (self->title);
  g_free (self->language);
  g_string_free (self->text, TRUE);
  g_array_unref (self->blocks);
  g_array_unref (self->lines);
  g_free (self);
}

/* Characters that say nothing to a reader: controls, soft hyphens, zero-width spaces, marks of
 * direction (which also let text look like other text), noncharacters. Joiners stay: emoji and
 * Indic scripts need them. */
static gboolean
is_dropped (gunichar c)
{
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x200B || c == 0x200E ||
         c == 0x200F || (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
         c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xFDD0 && c <= 0xFDEF) ||
         (c & 0xFFFE) == 0xFFFE || (c >= 0xE0000 && c <= 0xE007F);
}

static gboolean
is_space (gunichar c)
{
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 ||
         (c >= 0xA0 && g_unichar_isspace (c));
}

/* fi, fl and their like are a matter of type, not of spelling. */
static const char *
ligature (gunichar c)
{
  static const char *const letters[] = { "ff", "fi", "fl", "ffi", "ffl", "st", "st" };

  return c >= 0xFB00 && c <= 0xFB06 ? letters[c - 0xFB00] : NULL;
}

static void
trim_line (GString *out)
{
  while (out->len > 0 && out->str[out->len - 1] == ' ')
    g_string_truncate (out, out->len - 1);
}

static void
append_folded (GString *out,
               gunichar c)
{
  if (is_space (c)) {
    if (out->len > 0 && out->str[out->len - 1] != ' ')
      g_string_append_c (out, ' ');
  } else if (ligature (c) != NULL) {
    g_string_append (out, ligature (c));
  } else if (!is_dropped (c)) {
    g_string_append_unichar (out, c);
  }
}

static void
append_code (GString *out,
             gunichar c,
             guint *column)
{
  if (c == '\n' || c == 0x2028 || c == 0x2029) {
    trim_line (out);
    if (out->len > 0)
      g_string_append_c (out, '\n');
    *column = 0;
  } else if (c == '\t') {
    do {
      g_string_append_c (out, ' ');
    } while (++*column % TAB_WIDTH != 0);
  } else if (is_space (c) && c != '\r') {
    g_string_append_c (out, ' ');
    *column += 1;
  } else if (!is_dropped (c)) {
    g_string_append_unichar (out, c);
    *column += 1;
  }
}

char *
bottega_document_clean (const char *text,
                        gssize n_bytes,
                        gboolean is_code)
{
  gsize n = n_bytes < 0 ? strlen (text) : (gsize) n_bytes;
  g_autofree char *valid = g_utf8_make_valid (text, (gssize) n);
  g_autoptr (GString) out = g_string_sized_new (strlen (valid));
  gunichar highest = 0;
  guint column = 0;

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);

    highest = MAX (highest, c);
    if (is_code)
      append_code (out, c, &column);
    else
      append_folded (out, c);
  }
  while (out->len > 0 && (out->str[out->len - 1] == ' ' || out->str[out->len - 1] == '\n'))
    g_string_truncate (out, out->len - 1);
  if (highest < FIRST_COMBINING)
    return g_string_free (g_steal_pointer (&out), FALSE);
  return g_utf8_normalize (out->str, (gssize) out->len, G_NORMALIZE_NFC);
}

gboolean
bottega_document_add_block (BottegaDocument *self,
                            BottegaBlockKind kind,
                            guint level,
                            guint page,
                            const char *text,
                            gssize n_bytes)
{
  g_autofree char *clean = bottega_document_clean (text, n_bytes, kind == BOTTEGA_BLOCK_CODE);
  gsize n = strlen (clean);
  BottegaBlock block = { .offset = (guint32) self->text->len,
                         .length = (guint32) n,
                         .page = page,
                         .kind = kind,
                         .level = (guint16) MIN (level, G_MAXUINT16) };

  /* Offsets have 32 bits; no limit of an extraction comes near. */
  if (n == 0 || self->text->len + n >= G_MAXUINT32)
    return FALSE;
  g_string_append_len (self->text, clean, (gssize) n);
  g_string_append_c (self->text, '\n');
  g_array_append_val (self->blocks, block);
  return TRUE;
}

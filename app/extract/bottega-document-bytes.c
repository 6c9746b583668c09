/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A document as bytes and back. What comes from bottega-extract may have been written by whoever
 * took it over, so the reader believes no number before it has checked it, and refuses rather than
 * mends. It knows nothing of processes.
 *
 * Format, little-endian: "BtDoc\0" and a version (u16), n_pages (u32), n_blocks (u32), n_lines
 * (u32), then four strings (u32 length or 0xFFFFFFFF for none, bytes): media type, title, language,
 * text; then the blocks and the lines, field by field as their structs have them. */
#define G_LOG_DOMAIN "bottega-document"

#include "app/extract/bottega-document.h"

#include <math.h>
#include <string.h>

static const char magic[6] = "BtDoc";

#define VERSION     1
#define NO_STRING   G_MAXUINT32
#define BLOCK_BYTES 16
#define LINE_BYTES  28
#define SHORT_BYTES 4096 /* of media type, title and language, each */
#define MAX_PAGES   1000000
#define MAX_POINTS  1e6f /* no page is larger: 350 metres */

typedef struct {
  const guint8 *data;
  gsize left;
  gboolean ok;
} Reader;

static void
put_u16 (GByteArray *out,
         guint16 value)
{
  value = GUINT16_TO_LE (value);
  g_byte_array_append (out, (const guint8 *) &value, sizeof value);
}

static void
put_u32 (GByteArray *out,
         guint32 value)
{
  value = GUINT32_TO_LE (value);
  g_byte_array_append (out, (const guint8 *) &value, sizeof value);
}

static void
put_float (GByteArray *out,
           float value)
{
  guint32 bits;

  memcpy (&bits, &value, sizeof bits);
  put_u32 (out, bits);
}

static void
put_string (GByteArray *out,
            const char *text,
            gsize n)
{
  put_u32 (out, text == NULL ? NO_STRING : (guint32) n);
  if (text != NULL)
    g_byte_array_append (out, (const guint8 *) text, (guint) n);
}

GBytes *
bottega_document_serialize (const BottegaDocument *self)
{
  GByteArray *out = g_byte_array_sized_new ((guint) self->text->len + 1024);

  g_byte_array_append (out, (const guint8 *) magic, sizeof magic);
  put_u16 (out, VERSION);
  put_u32 (out, self->n_pages);
  put_u32 (out, self->blocks->len);
  put_u32 (out, self->lines->len);
  put_string (out, self->media_type, strlen (self->media_type));
  put_string (out, self->title, self->title ? strlen (self->title) : 0);
  put_string (out, self->language, self->language ? strlen (self->language) : 0);
  put_string (out, self->text->str, self->text->len);
  for (guint i = 0; i < self->blocks->len; i++) {
    const BottegaBlock *block = &g_array_index (self->blocks, BottegaBlock, i);

    put_u32 (out, block->offset);
    put_u32 (out, block->length);
    put_u32 (out, block->page);
    put_u16 (out, block->kind);
    put_u16 (out, block->level);
  }
  for (guint i = 0; i < self->lines->len; i++) {
    const BottegaLine *line = &g_array_index (self->lines, BottegaLine, i);

    put_u32 (out, line->offset);
    put_u32 (out, line->length);
    put_u32 (out, line->page);
    put_float (out, line->x);
    put_float (out, line->y);
    put_float (out, line->width);
    put_float (out, line->height);
  }
  return g_byte_array_free_to_bytes (out);
}

static const guint8 *
take (Reader *reader,
      gsize n)
{
  const guint8 *data = reader->data;

  if (!reader->ok || n > reader->left) {
    reader->ok = FALSE;
    return NULL;
  }
  reader->data += n;
  reader->left -= n;
  return data;
}

static guint16
take_u16 (Reader *reader)
{
  const guint8 *data = take (reader, 2);

  return data == NULL ? 0 : (guint16) (data[0] | data[1] << 8);
}

static guint32
take_u32 (Reader *reader)
{
  guint32 low = take_u16 (reader);

  return low | (guint32) take_u16 (reader) << 16;
}

static float
take_float (Reader *reader)
{
  guint32 bits = take_u32 (reader);
  float value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

/* A short string of one line, or NULL. */
static char *
take_short (Reader *reader)
{
  guint32 n = take_u32 (reader);
  const guint8 *data;

  if (!reader->ok || n == NO_STRING)
    return NULL;
  data = take (reader, n);
  if (data == NULL || n > SHORT_BYTES || !g_utf8_validate ((const char *) data, n, NULL)) {
    reader->ok = FALSE;
    return NULL;
  }
  for (guint32 i = 0; i < n; i++)
    reader->ok &= data[i] >= 0x20 && data[i] != 0x7F;
  return reader->ok ? g_strndup ((const char *) data, n) : NULL;
}

/* What bottega_document_add_block () makes of text is the text itself. */
static gboolean
is_clean (const char *text,
          gsize n,
          gboolean is_code)
{
  g_autofree char *clean = bottega_document_clean (text, (gssize) n, is_code);

  return strlen (clean) == n && memcmp (clean, text, n) == 0;
}

static void
take_text (Reader *reader,
           BottegaDocument *self)
{
  guint32 n = take_u32 (reader);
  const guint8 *data = n == NO_STRING ? NULL : take (reader, n);

  if (data == NULL || !g_utf8_validate ((const char *) data, n, NULL))
    reader->ok = FALSE;
  else
    g_string_append_len (self->text, (const char *) data, n);
}

/* Blocks cover the text without a gap, each with its newline. */
static void
take_blocks (Reader *reader,
             BottegaDocument *self,
             guint32 n)
{
  gsize end = 0;

  if ((guint64) n * BLOCK_BYTES > reader->left)
    reader->ok = FALSE;
  for (guint32 i = 0; i < n && reader->ok; i++) {
    BottegaBlock block;

    block.offset = take_u32 (reader);
    block.length = take_u32 (reader);
    block.page = take_u32 (reader);
    block.kind = take_u16 (reader);
    block.level = take_u16 (reader);
    reader->ok &= block.offset == end && block.length > 0 &&
                  block.length < self->text->len - end &&
                  self->text->str[end + block.length] == '\n' &&
                  block.page <= self->n_pages && block.kind < BOTTEGA_BLOCK_N_KINDS &&
                  is_clean (self->text->str + end, block.length,
                            block.kind == BOTTEGA_BLOCK_CODE);
    end += (gsize) block.length + 1;
    g_array_append_val (self->blocks, block);
  }
  reader->ok &= end == self->text->len;
}

static gboolean
is_boundary (const GString *text,
             gsize at)
{
  return at <= text->len && ((guint8) text->str[at] & 0xC0) != 0x80;
}

static gboolean
is_measure (float value)
{
  return isfinite (value) && fabsf (value) <= MAX_POINTS;
}

static gboolean
is_line (const BottegaDocument *self,
         const BottegaLine *line,
         guint64 from)
{
  guint64 end = (guint64) line->offset + line->length;

  return line->offset >= from && line->length > 0 && end <= self->text->len &&
         is_boundary (self->text, line->offset) && is_boundary (self->text, end) &&
         line->page >= 1 && line->page <= self->n_pages && is_measure (line->x) &&
         is_measure (line->y) && is_measure (line->width) && is_measure (line->height) &&
         line->width >= 0 && line->height >= 0;
}

static void
take_lines (Reader *reader,
            BottegaDocument *self,
            guint32 n)
{
  guint64 from = 0;

  if ((guint64) n * LINE_BYTES > reader->left)
    reader->ok = FALSE;
  for (guint32 i = 0; i < n && reader->ok; i++) {
    BottegaLine line;

    line.offset = take_u32 (reader);
    line.length = take_u32 (reader);
    line.page = take_u32 (reader);
    line.x = take_float (reader);
    line.y = take_float (reader);
    line.width = take_float (reader);
    line.height = take_float (reader);
    reader->ok &= is_line (self, &line, from);
    from = (guint64) line.offset + line.length;
    g_array_append_val (self->lines, line);
  }
}

BottegaDocument *
bottega_document_parse (GBytes *bytes)
{
  Reader reader = { .ok = TRUE };
  g_autoptr (BottegaDocument) self = bottega_document_new (NULL);
  const guint8 *start;
  guint32 n_blocks, n_lines;

  reader.data = g_bytes_get_data (bytes, &reader.left);
  start = take (&reader, sizeof magic);
  if (start == NULL || memcmp (start, magic, sizeof magic) != 0 || take_u16 (&reader) != VERSION)
    return NULL;
  self->n_pages = take_u32 (&reader);
  n_blocks = take_u32 (&reader);
  n_lines = take_u32 (&reader);
  self->media_type = take_short (&reader);
  self->title = take_short (&reader);
  self->language = take_short (&reader);
  take_text (&reader, self);
  if (!reader.ok || self->media_type == NULL || self->n_pages > MAX_PAGES)
    return NULL;
  take_blocks (&reader, self, n_blocks);
  take_lines (&reader, self, n_lines);
  return reader.ok && reader.left == 0 ? g_steal_pointer (&self) : NULL;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes of a text file to UTF-8: which encoding they are in is found from the bytes themselves. No
 * iconv: it would open files, and the encodings that Italian and English texts come in are few. */
#define G_LOG_DOMAIN "bottega-extract"

#include "app/extract/extract-decode.h"

#include <string.h>

#define SAMPLE_BYTES 65536

/* Windows-1252 from 0x80 to 0x9F; 0: means nothing. */
static const guint16 windows_1252[32] = {
  0x20AC,
  0,
  0x201A,
  0x0192,
  0x201E,
  0x2026,
  0x2020,
  0x2021,
  0x02C6,
  0x2030,
  0x0160,
  0x2039,
  0x0152,
  0,
  0x017D,
  0,
  0,
  0x2018,
  0x2019,
  0x201C,
  0x201D,
  0x2022,
  0x2013,
  0x2014,
  0x02DC,
  0x2122,
  0x0161,
  0x203A,
  0x0153,
  0,
  0x017E,
  0x0178,
};

/* Where ISO-8859-15 is not ISO-8859-1. */
static gunichar
iso_8859_15 (guint8 byte)
{
  switch (byte) {
  case 0xA4:
    return 0x20AC;
  case 0xA6:
    return 0x0160;
  case 0xA8:
    return 0x0161;
  case 0xB4:
    return 0x017D;
  case 0xB8:
    return 0x017E;
  case 0xBC:
    return 0x0152;
  case 0xBD:
    return 0x0153;
  case 0xBE:
    return 0x0178;
  default:
    return byte;
  }
}

/* Counts in the sample: bytes that no text has, and how non-ASCII bytes go together. */
typedef struct {
  gsize n, odd_controls, zeros_even, zeros_odd;
  gsize sequences, stray; /* of UTF-8 */
  gsize c1;               /* 0x80 to 0x9F */
  gboolean has_euro_15;   /* 0xA4 */
} Census;

static Census
take_census (const guint8 *data,
             gsize n)
{
  Census census = { .n = MIN (n, SAMPLE_BYTES) };

  for (gsize i = 0; i < census.n; i++) {
    guint8 c = data[i];

    if (c == 0)
      *(i % 2 == 0 ? &census.zeros_even : &census.zeros_odd) += 1;
    if (c < 0x20 && strchr ("\b\t\n\v\f\r\033\032", c) == NULL)
      census.odd_controls++;
    census.odd_controls += c == 0; /* strchr () finds it */
    census.c1 += c >= 0x80 && c <= 0x9F;
    census.has_euro_15 |= c == 0xA4;
  }
  for (gsize i = 0; i < census.n;) {
    gunichar c = data[i] < 0x80 ? data[i]
                                : g_utf8_get_char_validated ((const char *) data + i,
                                                             (gssize) MIN (census.n - i, 6));

    if (c >= 0x80 && c <= 0x10FFFF) {
      census.sequences++;
      i += (gsize) g_unichar_to_utf8 (c, NULL);
    } else {
      census.stray += c > 0x10FFFF;
      i++;
    }
  }
  return census;
}

static char *
from_utf16 (const guint8 *data,
            gsize n,
            gboolean big)
{
  GString *out = g_string_sized_new (n / 2 + 1);

  for (gsize i = 0; i + 1 < n; i += 2) {
    gunichar c = big ? (gunichar) (data[i] << 8 | data[i + 1])
                     : (gunichar) (data[i] | data[i + 1] << 8);

    if (c >= 0xD800 && c < 0xDC00 && i + 3 < n) {
      gunichar low = big ? (gunichar) (data[i + 2] << 8 | data[i + 3])
                         : (gunichar) (data[i + 2] | data[i + 3] << 8);

      if (low >= 0xDC00 && low < 0xE000) {
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        i += 2;
      }
    }
    g_string_append_unichar (out, c == 0 ? ' ' : c >= 0xD800 && c < 0xE000 ? 0xFFFD
                                                                           : c);
  }
  return g_string_free (out, FALSE);
}

static char *
from_single_bytes (const guint8 *data,
                   gsize n,
                   const Census *census)
{
  gboolean is_15 = census->c1 == 0 && census->has_euro_15;
  GString *out = g_string_sized_new (n + n / 8);

  for (gsize i = 0; i < n; i++) {
    gunichar c = data[i];

    if (is_15)
      c = iso_8859_15 (data[i]);
    else if (c >= 0x80 && c <= 0x9F)
      c = windows_1252[c - 0x80] != 0 ? windows_1252[c - 0x80] : 0xFFFD;
    g_string_append_unichar (out, c == 0 ? ' ' : c);
  }
  return g_string_free (out, FALSE);
}

char *
extract_decode (const guint8 *data,
                gsize n)
{
  Census census = take_census (data, n);
  gsize pairs = census.n / 2 + 1;

  if (n >= 3 && memcmp (data, "\xEF\xBB\xBF", 3) == 0)
    return g_utf8_make_valid ((const char *) data + 3, (gssize) n - 3);
  if (n >= 2 && (memcmp (data, "\xFF\xFE", 2) == 0 || memcmp (data, "\xFE\xFF", 2) == 0) &&
      census.zeros_even + census.zeros_odd < pairs + pairs / 10)
    return from_utf16 (data + 2, n - 2, data[0] == 0xFE);
  if (census.zeros_odd > pairs * 2 / 5 && census.zeros_even <= pairs / 20)
    return from_utf16 (data, n, FALSE);
  if (census.zeros_even > pairs * 2 / 5 && census.zeros_odd <= pairs / 20)
    return from_utf16 (data, n, TRUE);
  if (census.odd_controls > census.n / 200)
    return NULL;
  /* A cut or damaged UTF-8 text has some strays; one of single bytes hardly a sequence. */
  if (census.stray <= 1 + census.sequences / 10)
    return g_utf8_make_valid ((const char *) data, (gssize) n);
  if (census.stray > census.n / 3) /* letters with accents are never so many */
    return NULL;
  return from_single_bytes (data, n, &census);
}

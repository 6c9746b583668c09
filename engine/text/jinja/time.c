/* SPDX-License-Identifier: GPL-3.0-or-later */
/* strftime_now: the local date and time in Python's format, always in English as templates expect
 * it, whatever the language of the desktop. */
#include "engine/text/jinja/private.h"

#include <string.h>
#include <time.h>

static const char *const months[] = { "January", "February", "March", "April",
                                      "May", "June", "July", "August",
                                      "September", "October", "November", "December" };
static const char *const days[] = { "Sunday", "Monday", "Tuesday", "Wednesday",
                                    "Thursday", "Friday", "Saturday" };

static void add_format (JinjaBuffer *out, const struct tm *now, const char *format, size_t n);

/* What the C library would write in the language of the desktop; FALSE: it is not one of them. */
static gboolean
add_words (JinjaBuffer *out, const struct tm *now, char letter)
{
  static const struct {
    char letter;
    const char *format;
  } groups[] = {
    { 'x', "%m/%d/%y" },
    { 'X', "%H:%M:%S" },
    { 'c', "%a %b %e %H:%M:%S %Y" },
    { 'r', "%I:%M:%S %p" },
  };
  const char *month = months[now->tm_mon], *day = days[now->tm_wday];
  const struct {
    char letter;
    const char *text;
    size_t n;
  } texts[] = {
    { 'B', month, strlen (month) },
    { 'b', month, 3 },
    { 'h', month, 3 },
    { 'A', day, strlen (day) },
    { 'a', day, 3 },
    { 'p', now->tm_hour < 12 ? "AM" : "PM", 2 },
    { 'P', now->tm_hour < 12 ? "am" : "pm", 2 },
    { 'z', "", 0 }, /* a time without a zone has none to show */
    { 'Z', "", 0 },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (groups); i++)
    if (groups[i].letter == letter) {
      add_format (out, now, groups[i].format, strlen (groups[i].format));
      return TRUE;
    }
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    if (texts[i].letter == letter) {
      jinja_buffer_put (out, texts[i].text, texts[i].n, FALSE);
      return TRUE;
    }
  return FALSE;
}

static void
add_format (JinjaBuffer *out, const struct tm *now, const char *format, size_t n)
{
  static const char numbers[] = "deHIjklmMsSuUVwWyYCGgDFTR%nt";

  for (size_t i = 0; i < n; i++) {
    gboolean bare = i + 2 < n && format[i] == '%' && format[i + 1] == '-';
    size_t length = 2 + (size_t) bare;
    char letter = i + length <= n ? format[i + length - 1] : '\0', one[4] = "", text[64];

    if (format[i] != '%' || letter == '\0') {
      jinja_buffer_put (out, format + i, 1, FALSE);
      continue;
    }
    memcpy (one, format + i, length);
    if (letter == 'f') {
      g_snprintf (text, sizeof text, "%06d", (int) (g_get_real_time () % G_USEC_PER_SEC));
      jinja_buffer_add (out, text);
    } else if (strchr (numbers, letter) != NULL) {
      jinja_buffer_put (out, text, strftime (text, sizeof text, one, now), FALSE);
    } else if (!add_words (out, now, letter)) {
      jinja_buffer_put (out, one, length, FALSE);
    }
    i += length - 1;
  }
}

JinjaValue
jinja_strftime (JinjaRun *run, const JinjaString *format)
{
  time_t seconds = time (NULL);
  struct tm now;
  JinjaBuffer out;

  localtime_r (&seconds, &now);
  jinja_buffer_init (&out, run);
  add_format (&out, &now, format->bytes, format->n);
  return jinja_buffer_value (&out);
}

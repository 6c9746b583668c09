/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Strings of templates: bytes with marks, the buffer that builds them, and Unicode's view of them.
 * Everything that makes a string goes through a buffer or a slice, so that marks cannot be lost. */
#include "engine/text/jinja/private.h"

#include "engine/error.h"

#include <string.h>

#define FIRST_ROOM 64

void
jinja_buffer_init (JinjaBuffer *buffer, JinjaRun *run)
{
  *buffer = (JinjaBuffer) { .run = run };
}

static void
make_room (JinjaBuffer *buffer, size_t n)
{
  size_t room;
  char *bytes;

  if (n > JINJA_MAX_OUTPUT_BYTES || buffer->n + n > JINJA_MAX_OUTPUT_BYTES) {
    if (buffer->run->may_fail)
      jinja_fail_code (buffer->run, ENGINE_ERROR_LIMIT, "it writes more than %d MiB",
                       JINJA_MAX_OUTPUT_BYTES >> 20);
  }
  if (buffer->n + n <= buffer->room)
    return;
  room = MAX (MAX (buffer->room * 2, buffer->n + n), FIRST_ROOM);
  bytes = jinja_alloc (buffer->run, room);
  if (buffer->n > 0)
    memcpy (bytes, buffer->bytes, buffer->n);
  if (buffer->marks != NULL) {
    guint8 *marks = jinja_alloc (buffer->run, room);

    memcpy (marks, buffer->marks, buffer->n);
    buffer->marks = marks;
  }
  buffer->bytes = bytes;
  buffer->room = room;
}

/* From here on each byte has a mark of its own. */
static void
make_marks (JinjaBuffer *buffer)
{
  if (buffer->marks != NULL)
    return;
  buffer->marks = jinja_alloc (buffer->run, MAX (buffer->room, 1));
  memset (buffer->marks, buffer->people, buffer->n);
}

void
jinja_buffer_put (JinjaBuffer *buffer, const char *bytes, size_t n, gboolean people)
{
  make_room (buffer, n);
  if (buffer->n == 0 && buffer->marks == NULL && n > 0)
    buffer->people = people;
  else if (people != buffer->people)
    make_marks (buffer);
  if (buffer->marks != NULL)
    memset (buffer->marks + buffer->n, people, n);
  if (n > 0)
    memcpy (buffer->bytes + buffer->n, bytes, n);
  buffer->n += n;
}

void
jinja_buffer_add (JinjaBuffer *buffer, const char *text)
{
  jinja_buffer_put (buffer, text, strlen (text), FALSE);
}

void
jinja_buffer_slice (JinjaBuffer *buffer, const JinjaString *string, size_t from, size_t to)
{
  size_t n = to - from;

  if (n == 0)
    return;
  jinja_work (buffer->run, n / JINJA_BYTES_A_STEP);
  if (string->marks == NULL) {
    jinja_buffer_put (buffer, string->bytes + from, n, string->people);
    return;
  }
  make_room (buffer, n);
  make_marks (buffer);
  memcpy (buffer->bytes + buffer->n, string->bytes + from, n);
  memcpy (buffer->marks + buffer->n, string->marks + from, n);
  buffer->n += n;
}

void
jinja_buffer_string (JinjaBuffer *buffer, const JinjaString *string)
{
  jinja_buffer_slice (buffer, string, 0, string->n);
}

void
jinja_buffer_char (JinjaBuffer *buffer, gunichar c, gboolean people)
{
  char bytes[6];

  jinja_buffer_put (buffer, bytes, (size_t) g_unichar_to_utf8 (c, bytes), people);
}

JinjaValue
jinja_buffer_value (JinjaBuffer *buffer)
{
  JinjaString *string = jinja_alloc (buffer->run, sizeof (JinjaString));

  string->bytes = buffer->bytes != NULL ? buffer->bytes : "";
  string->n = buffer->n;
  string->marks = buffer->marks;
  string->people = buffer->people;
  return (JinjaValue) { .kind = JINJA_STRING, .string = string };
}

JinjaValue
jinja_text (JinjaRun *run, const char *bytes, size_t n)
{
  JinjaString *string = jinja_alloc (run, sizeof (JinjaString));

  string->bytes = bytes;
  string->n = n;
  return (JinjaValue) { .kind = JINJA_STRING, .string = string };
}

JinjaValue
jinja_literal (JinjaRun *run, const char *text)
{
  return jinja_text (run, text, strlen (text));
}

JinjaValue
jinja_string (JinjaRun *run, const char *bytes, gssize n, gboolean people)
{
  g_autofree char *valid = NULL;
  JinjaBuffer buffer;

  /* Nothing fails here that could lose the copy: the caller's values have no bounds. */
  if (!g_utf8_validate (bytes, n, NULL)) {
    valid = g_utf8_make_valid (bytes, n);
    bytes = valid;
    n = -1;
  }
  jinja_buffer_init (&buffer, run);
  jinja_buffer_put (&buffer, bytes, n < 0 ? strlen (bytes) : (size_t) n, people);
  return jinja_buffer_value (&buffer);
}

gboolean
jinja_string_mark (const JinjaString *string, size_t byte)
{
  return string->marks != NULL ? string->marks[byte] : string->people;
}

JinjaValue
jinja_string_slice (JinjaRun *run, const JinjaString *string, size_t from, size_t to)
{
  JinjaString *slice = jinja_alloc (run, sizeof (JinjaString));

  *slice = *string;
  slice->bytes += from;
  slice->n = to - from;
  if (slice->marks != NULL)
    slice->marks += from;
  return (JinjaValue) { .kind = JINJA_STRING, .string = slice };
}

gboolean
jinja_string_is (const JinjaString *string, const char *text)
{
  size_t n = strlen (text);

  return string->n == n && memcmp (string->bytes, text, n) == 0;
}

size_t
jinja_string_length (const JinjaString *string)
{
  size_t characters = 0;

  for (size_t i = 0; i < string->n; i++)
    characters += ((guchar) string->bytes[i] & 0xc0) != 0x80;
  return characters;
}

size_t
jinja_string_offset (const JinjaString *string, size_t characters)
{
  size_t at = 0;

  while (characters > 0 && at < string->n) {
    jinja_string_next (string, &at);
    characters--;
  }
  return at;
}

gssize
jinja_string_find (JinjaRun *run, const JinjaString *string, const JinjaString *part, size_t from)
{
  const char *found;

  if (from > string->n || part->n > string->n - from)
    return -1;
  jinja_work (run, (string->n - from) / JINJA_BYTES_A_STEP);
  if (part->n == 0)
    return (gssize) from;
  found = memmem (string->bytes + from, string->n - from, part->bytes, part->n);
  return found != NULL ? found - string->bytes : -1;
}

/* The bytes are UTF-8, or a NUL, which is a character here. */
gunichar
jinja_string_next (const JinjaString *string, size_t *at)
{
  const char *c = string->bytes + *at;
  size_t n = *c == '\0' ? 1 : (size_t) g_utf8_skip[(guchar) *c];

  n = MIN (n, string->n - *at);
  *at += n;
  return n == 1 ? (guchar) *c : g_utf8_get_char (c);
}

gboolean
jinja_is_space (gunichar c)
{
  if (c < 0x80)
    return (c >= 9 && c <= 13) || (c >= 28 && c <= 32);
  return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
         c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

JinjaValue
jinja_escape_html (JinjaRun *run, const JinjaString *string)
{
  static const struct {
    char c;
    const char *escaped;
  } table[] = {
    { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '\'', "&#39;" }, { '"', "&#34;" }
  };
  JinjaBuffer buffer;

  if (string->markup)
    return (JinjaValue) { .kind = JINJA_STRING, .string = string };
  jinja_buffer_init (&buffer, run);
  for (size_t i = 0; i < string->n; i++) {
    size_t row = 0;

    while (row < G_N_ELEMENTS (table) && table[row].c != string->bytes[i])
      row++;
    if (row == G_N_ELEMENTS (table))
      jinja_buffer_slice (&buffer, string, i, i + 1);
    else
      jinja_buffer_put (&buffer, table[row].escaped, strlen (table[row].escaped),
                        jinja_string_mark (string, i));
  }
  return jinja_as_markup (run, jinja_buffer_value (&buffer));
}

JinjaValue
jinja_as_markup (JinjaRun *run, JinjaValue string)
{
  JinjaString *copy = jinja_alloc (run, sizeof (JinjaString));

  *copy = *string.string;
  copy->markup = TRUE;
  return (JinjaValue) { .kind = JINJA_STRING, .string = copy };
}

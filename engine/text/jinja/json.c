/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON as Python's json module writes and reads it; the marks of strings go through both ways. */
#include "engine/text/jinja/private.h"

#include <math.h>
#include <string.h>

/* ---- writing --------------------------------------------------------------------------- */

typedef struct {
  JinjaBuffer *buffer;
  const JinjaJsonStyle *style;
  guint level;
} Writer;

static void write_value (Writer *writer, JinjaValue value);

static void
write_ascii (JinjaBuffer *buffer, gunichar c, gboolean people)
{
  char escape[16];

  if (c < 0x10000)
    g_snprintf (escape, sizeof escape, "\\u%04x", c);
  else
    g_snprintf (escape, sizeof escape, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                0xdc00 + ((c - 0x10000) & 0x3ff));
  jinja_buffer_put (buffer, escape, strlen (escape), people);
}

static void
write_string (Writer *writer, const JinjaString *string)
{
  static const char letters[] = "\"\\\n\r\t\f\b", names[] = "\"\\nrtfb";
  JinjaBuffer *buffer = writer->buffer;
  size_t plain = 0, at = 0;

  jinja_buffer_add (buffer, "\"");
  while (at < string->n) {
    size_t from = at;
    gunichar c = jinja_string_next (string, &at);
    const char *letter = c != 0 && c < 0x80 ? strchr (letters, (int) c) : NULL;
    char escape[2] = { '\\', '\0' };

    if (c >= 0x20 && letter == NULL && (c < 0x80 || !writer->style->ascii))
      continue;
    jinja_buffer_slice (buffer, string, plain, from);
    plain = at;
    if (letter == NULL) {
      write_ascii (buffer, c, jinja_string_mark (string, from));
      continue;
    }
    escape[1] = names[letter - letters];
    jinja_buffer_put (buffer, escape, sizeof escape, jinja_string_mark (string, from));
  }
  jinja_buffer_slice (buffer, string, plain, at);
  jinja_buffer_add (buffer, "\"");
}

static void
new_line (Writer *writer)
{
  if (writer->style->indent == NULL)
    return;
  jinja_buffer_add (writer->buffer, "\n");
  for (guint i = 0; i < writer->level; i++)
    jinja_buffer_string (writer->buffer, writer->style->indent);
}

static void
separate (Writer *writer, size_t i)
{
  const JinjaString *separator = writer->style->item_separator;

  if (i > 0 && separator != NULL)
    jinja_buffer_string (writer->buffer, separator);
  else if (i > 0)
    jinja_buffer_add (writer->buffer, writer->style->indent != NULL ? "," : ", ");
  new_line (writer);
}

static void
write_key (Writer *writer, JinjaValue key)
{
  JinjaRun *run = writer->buffer->run;
  JinjaBuffer text;

  if (key.kind == JINJA_STRING) {
    write_string (writer, key.string);
  } else if (jinja_is_number (key) || key.kind == JINJA_NONE) {
    jinja_buffer_init (&text, run);
    write_value (&(Writer) { &text, writer->style, 0 }, key);
    write_string (writer, jinja_buffer_value (&text).string);
  } else {
    jinja_fail (run, "%s cannot be a key in JSON", jinja_type_name (key));
  }
  if (writer->style->key_separator != NULL)
    jinja_buffer_string (writer->buffer, writer->style->key_separator);
  else
    jinja_buffer_add (writer->buffer, ": ");
}

static const JinjaDict *
sorted (JinjaRun *run, const JinjaDict *dict)
{
  JinjaValue *keys = jinja_alloc (run, 2 * dict->n * sizeof *keys), *values = keys + dict->n;
  JinjaDict *copy = jinja_dict (run).dict;

  for (size_t i = 0; i < dict->n; i++) {
    keys[i] = dict->pairs[i].key;
    values[i] = dict->pairs[i].value;
  }
  jinja_sort (run, keys, values, dict->n, FALSE);
  for (size_t i = 0; i < dict->n; i++)
    jinja_dict_set (run, copy, keys[i], values[i]);
  return copy;
}

static void
write_container (Writer *writer, JinjaValue value)
{
  JinjaRun *run = writer->buffer->run;
  const JinjaDict *dict = value.kind == JINJA_DICT ? value.dict : NULL;
  size_t n = dict != NULL ? dict->n : value.list->n;

  if (n == 0) {
    jinja_buffer_add (writer->buffer, dict != NULL ? "{}" : "[]");
    return;
  }
  if (dict != NULL && writer->style->sort_keys)
    dict = sorted (run, dict);
  jinja_enter (run);
  writer->level++;
  jinja_buffer_add (writer->buffer, dict != NULL ? "{" : "[");
  for (size_t i = 0; i < n; i++) {
    separate (writer, i);
    if (dict != NULL)
      write_key (writer, dict->pairs[i].key);
    write_value (writer, dict != NULL ? dict->pairs[i].value : value.list->items[i]);
  }
  writer->level--;
  new_line (writer);
  jinja_buffer_add (writer->buffer, dict != NULL ? "}" : "]");
  jinja_leave (run);
}

static void
write_value (Writer *writer, JinjaValue value)
{
  JinjaRun *run = writer->buffer->run;

  jinja_work (run, 1);
  switch (value.kind) {
  case JINJA_NONE:
    jinja_buffer_add (writer->buffer, "null");
    break;
  case JINJA_BOOL:
    jinja_buffer_add (writer->buffer, value.boolean ? "true" : "false");
    break;
  case JINJA_INT:
    jinja_print (writer->buffer, value);
    break;
  case JINJA_FLOAT:
    jinja_buffer_add (writer->buffer, isnan (value.real)    ? "NaN"
                                      : !isinf (value.real) ? jinja_real_text (run, value.real)
                                      : value.real > 0      ? "Infinity"
                                                            : "-Infinity");
    break;
  case JINJA_STRING:
    write_string (writer, value.string);
    break;
  case JINJA_LIST:
  case JINJA_TUPLE:
  case JINJA_DICT:
    write_container (writer, value);
    break;
  default:
    jinja_fail (run, "%s cannot be written as JSON", jinja_type_name (value));
  }
}

void
jinja_json_write (JinjaBuffer *buffer, JinjaValue value, const JinjaJsonStyle *style)
{
  write_value (&(Writer) { buffer, style, 0 }, value);
}

/* ---- reading --------------------------------------------------------------------------- */

typedef struct {
  JinjaRun *run;
  const JinjaString *text;
  size_t at;
} Reader;

static JinjaValue read_value (Reader *reader);

static G_NORETURN void
fail_read (const Reader *reader)
{
  jinja_fail (reader->run, "a text is no JSON at byte %zu", reader->at);
}

static char
peek (const Reader *reader)
{
  return reader->at < reader->text->n ? reader->text->bytes[reader->at] : '\0';
}

static void
skip_space (Reader *reader)
{
  while (peek (reader) != '\0' && strchr (" \t\n\r", peek (reader)) != NULL)
    reader->at++;
}

static gboolean
skip_text (Reader *reader, const char *text)
{
  size_t n = strlen (text);

  if (reader->text->n - reader->at < n ||
      memcmp (reader->text->bytes + reader->at, text, n) != 0)
    return FALSE;
  reader->at += n;
  return TRUE;
}

static gunichar
read_hex (Reader *reader)
{
  gunichar c = 0;

  for (int i = 0; i < 4; i++) {
    if (!g_ascii_isxdigit (peek (reader)))
      fail_read (reader);
    c = c * 16 + (gunichar) g_ascii_xdigit_value (reader->text->bytes[reader->at++]);
  }
  return c;
}

static void
read_escape (Reader *reader, JinjaBuffer *out)
{
  static const char names[] = "\"\\/bfnrt", letters[] = "\"\\/\b\f\n\r\t";
  gboolean people = jinja_string_mark (reader->text, reader->at - 1);
  const char *name = peek (reader) != '\0' ? strchr (names, peek (reader)) : NULL;
  gunichar c;

  if (name != NULL) {
    reader->at++;
    jinja_buffer_put (out, &letters[name - names], 1, people);
    return;
  }
  if (!skip_text (reader, "u"))
    fail_read (reader);
  c = read_hex (reader);
  if (c >= 0xd800 && c < 0xdc00 && skip_text (reader, "\\u")) {
    gunichar low = read_hex (reader);

    c = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
  }
  jinja_buffer_char (out, c >= 0xd800 && c < 0xe000 ? 0xfffd : c, people);
}

static JinjaValue
read_string (Reader *reader)
{
  JinjaBuffer out;

  jinja_buffer_init (&out, reader->run);
  for (;;) {
    size_t from = reader->at;

    while (reader->at < reader->text->n && peek (reader) != '"' && peek (reader) != '\\' &&
           (guchar) peek (reader) >= 0x20)
      reader->at++;
    jinja_buffer_slice (&out, reader->text, from, reader->at);
    if (skip_text (reader, "\""))
      return jinja_buffer_value (&out);
    if (!skip_text (reader, "\\"))
      fail_read (reader);
    read_escape (reader, &out);
  }
}

static JinjaValue
read_number (Reader *reader)
{
  size_t from = reader->at;
  JinjaString text = *reader->text;
  gboolean real = FALSE;
  gint64 integer;
  double value;

  while (peek (reader) != '\0' && strchr ("+-.0123456789eE", peek (reader)) != NULL) {
    real |= strchr (".eE", peek (reader)) != NULL;
    reader->at++;
  }
  text.bytes += from;
  text.n = reader->at - from;
  if (!real && jinja_parse_int (&text, 10, &integer))
    return jinja_int (integer);
  if (text.n == 0 || !jinja_parse_real (&text, &value))
    fail_read (reader);
  return jinja_float (value);
}

static JinjaValue
read_list (Reader *reader)
{
  JinjaValue list = jinja_list (reader->run);

  skip_space (reader);
  if (skip_text (reader, "]"))
    return list;
  do {
    jinja_list_add (reader->run, list.list, read_value (reader));
    skip_space (reader);
  } while (skip_text (reader, ","));
  if (!skip_text (reader, "]"))
    fail_read (reader);
  return list;
}

static JinjaValue
read_dict (Reader *reader)
{
  JinjaValue dict = jinja_dict (reader->run);

  skip_space (reader);
  if (skip_text (reader, "}"))
    return dict;
  do {
    JinjaValue key;

    skip_space (reader);
    if (!skip_text (reader, "\""))
      fail_read (reader);
    key = read_string (reader);
    skip_space (reader);
    if (!skip_text (reader, ":"))
      fail_read (reader);
    jinja_dict_set (reader->run, dict.dict, key, read_value (reader));
    skip_space (reader);
  } while (skip_text (reader, ","));
  if (!skip_text (reader, "}"))
    fail_read (reader);
  return dict;
}

static JinjaValue
read_value (Reader *reader)
{
  static const struct {
    const char *word;
    JinjaValue value;
  } words[] = {
    { "null", { .kind = JINJA_NONE } },
    { "true", { .kind = JINJA_BOOL, .boolean = TRUE } },
    { "false", { .kind = JINJA_BOOL, .boolean = FALSE } },
    { "NaN", { .kind = JINJA_FLOAT, .real = (double) NAN } },
    { "Infinity", { .kind = JINJA_FLOAT, .real = (double) INFINITY } },
    { "-Infinity", { .kind = JINJA_FLOAT, .real = -(double) INFINITY } },
  };
  JinjaValue value;

  skip_space (reader);
  jinja_work (reader->run, 1);
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    if (skip_text (reader, words[i].word))
      return words[i].value;
  if (skip_text (reader, "\""))
    return read_string (reader);
  jinja_enter (reader->run);
  if (skip_text (reader, "["))
    value = read_list (reader);
  else if (skip_text (reader, "{"))
    value = read_dict (reader);
  else
    value = read_number (reader);
  jinja_leave (reader->run);
  return value;
}

JinjaValue
jinja_json_read (JinjaRun *run, const JinjaString *text)
{
  Reader reader = { run, text, 0 };
  JinjaValue value = read_value (&reader);

  skip_space (&reader);
  if (reader.at != text->n)
    fail_read (&reader);
  return value;
}

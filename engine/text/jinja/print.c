/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values as text, as Python's str and repr write them, and numbers out of text. */
#include "engine/text/jinja/private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The shortest digits that read back as the same number. */
char *
jinja_real_text (JinjaRun *run, double real)
{
  char digits[40], *text = jinja_alloc (run, 40), *out = text;
  const char *exponent_at;
  int exponent, n;

  if (isnan (real))
    return strcpy (text, "nan");
  if (isinf (real))
    return strcpy (text, real > 0 ? "inf" : "-inf");
  for (int precision = 0; precision < 17; precision++) {
    char format[8];

    snprintf (format, sizeof format, "%%.%de", precision);
    g_ascii_formatd (digits, sizeof digits, format, real);
    if (g_ascii_strtod (digits, NULL) == real)
      break;
  }
  exponent_at = strchr (digits, 'e');
  exponent = (int) g_ascii_strtoll (exponent_at + 1, NULL, 10);
  if (exponent < -4 || exponent >= 16) {
    snprintf (text, 40, "%.*se%c%02d", (int) (exponent_at - digits), digits,
              exponent < 0 ? '-' : '+', ABS (exponent));
    return text;
  }
  n = (int) (exponent_at - digits) - (digits[0] == '-') - 2; /* behind the point */
  snprintf (digits, sizeof digits, "%%.%df", MAX (MAX (n, 0) - exponent, 1));
  g_ascii_formatd (out, 40, digits, real);
  return text;
}

static void
add_int (JinjaBuffer *buffer, gint64 integer)
{
  char text[24];

  g_snprintf (text, sizeof text, "%" G_GINT64_FORMAT, integer);
  jinja_buffer_add (buffer, text);
}

void
jinja_print (JinjaBuffer *buffer, JinjaValue value)
{
  if (value.kind == JINJA_STRING)
    jinja_buffer_string (buffer, value.string);
  else if (value.kind != JINJA_UNDEFINED)
    jinja_repr (buffer, value);
}

const JinjaString *
jinja_to_string (JinjaRun *run, JinjaValue value)
{
  JinjaBuffer buffer;

  if (value.kind == JINJA_STRING)
    return value.string;
  jinja_buffer_init (&buffer, run);
  jinja_print (&buffer, value);
  return jinja_buffer_value (&buffer).string;
}

/* ---- repr ------------------------------------------------------------------------------ */

static gboolean
is_printable (gunichar c)
{
  switch (g_unichar_type (c)) {
  case G_UNICODE_CONTROL:
  case G_UNICODE_FORMAT:
  case G_UNICODE_SURROGATE:
  case G_UNICODE_PRIVATE_USE:
  case G_UNICODE_UNASSIGNED:
  case G_UNICODE_LINE_SEPARATOR:
  case G_UNICODE_PARAGRAPH_SEPARATOR:
    return FALSE;
  case G_UNICODE_SPACE_SEPARATOR:
    return c == ' ';
  default:
    return TRUE;
  }
}

static void
repr_string (JinjaBuffer *buffer, const JinjaString *string)
{
  static const char letters[] = "\n\r\t", names[] = "nrt";
  gboolean single = memchr (string->bytes, '\'', string->n) != NULL;
  const char *quote =
      single && memchr (string->bytes, '"', string->n) == NULL ? "\"" : "'";

  if (string->markup)
    jinja_buffer_add (buffer, "Markup(");
  jinja_buffer_add (buffer, quote);
  for (size_t at = 0; at < string->n;) {
    size_t from = at;
    gunichar c = jinja_string_next (string, &at);
    gboolean people = jinja_string_mark (string, from);
    const char *letter = c != 0 && c < 0x80 ? strchr (letters, (int) c) : NULL;
    char escape[12];

    jinja_work (buffer->run, 1);
    if (c == '\\' || c == (gunichar) *quote)
      g_snprintf (escape, sizeof escape, "\\%c", (char) c);
    else if (letter != NULL)
      g_snprintf (escape, sizeof escape, "\\%c", names[letter - letters]);
    else if (is_printable (c)) {
      jinja_buffer_slice (buffer, string, from, at);
      continue;
    } else
      g_snprintf (escape, sizeof escape, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x"
                                                                             : "\\U%08x",
                  c);
    jinja_buffer_put (buffer, escape, strlen (escape), people);
  }
  jinja_buffer_add (buffer, quote);
  if (string->markup)
    jinja_buffer_add (buffer, ")");
}

static void
repr_list (JinjaBuffer *buffer, JinjaValue value, const char *open, const char *close)
{
  jinja_buffer_add (buffer, open);
  for (size_t i = 0; i < value.list->n; i++) {
    if (i > 0)
      jinja_buffer_add (buffer, ", ");
    jinja_repr (buffer, value.list->items[i]);
  }
  if (value.kind == JINJA_TUPLE && value.list->n == 1)
    jinja_buffer_add (buffer, ",");
  jinja_buffer_add (buffer, close);
}

static void
repr_dict (JinjaBuffer *buffer, const JinjaDict *dict)
{
  jinja_buffer_add (buffer, "{");
  for (size_t i = 0; i < dict->n; i++) {
    if (i > 0)
      jinja_buffer_add (buffer, ", ");
    jinja_repr (buffer, dict->pairs[i].key);
    jinja_buffer_add (buffer, ": ");
    jinja_repr (buffer, dict->pairs[i].value);
  }
  jinja_buffer_add (buffer, "}");
}

static void
repr_range (JinjaBuffer *buffer, const JinjaList *range)
{
  jinja_buffer_add (buffer, "range(");
  add_int (buffer, range->start);
  jinja_buffer_add (buffer, ", ");
  add_int (buffer, range->stop);
  if (range->step != 1) {
    jinja_buffer_add (buffer, ", ");
    add_int (buffer, range->step);
  }
  jinja_buffer_add (buffer, ")");
}

static void
repr_container (JinjaBuffer *buffer, JinjaValue value)
{
  switch (value.kind) {
  case JINJA_LIST:
    repr_list (buffer, value, "[", "]");
    break;
  case JINJA_TUPLE:
    repr_list (buffer, value, "(", ")");
    break;
  case JINJA_VIEW:
    jinja_buffer_add (buffer, value.list->name);
    repr_list (buffer, value, "([", "])");
    break;
  case JINJA_RANGE:
    repr_range (buffer, value.list);
    break;
  case JINJA_NAMESPACE:
    jinja_buffer_add (buffer, "<Namespace ");
    repr_dict (buffer, value.dict);
    jinja_buffer_add (buffer, ">");
    break;
  default:
    repr_dict (buffer, value.dict);
    break;
  }
}

static void
repr_other (JinjaBuffer *buffer, JinjaValue value)
{
  const char *name = value.kind == JINJA_CALLABLE ? value.callable->name
                     : value.kind == JINJA_LOOP   ? "loop"
                                                  : value.list->name;
  gboolean macro = value.kind == JINJA_CALLABLE && value.callable->macro != NULL;

  jinja_buffer_add (buffer, macro                          ? "<Macro '"
                            : value.kind == JINJA_ITERATOR ? "<generator object "
                                                           : "<function ");
  jinja_buffer_add (buffer, name);
  jinja_buffer_add (buffer, macro ? "'>" : ">");
}

void
jinja_repr (JinjaBuffer *buffer, JinjaValue value)
{
  jinja_work (buffer->run, 1);
  switch (value.kind) {
  case JINJA_UNDEFINED:
    jinja_buffer_add (buffer, "Undefined");
    break;
  case JINJA_NONE:
    jinja_buffer_add (buffer, "None");
    break;
  case JINJA_BOOL:
    jinja_buffer_add (buffer, value.boolean ? "True" : "False");
    break;
  case JINJA_INT:
    add_int (buffer, value.integer);
    break;
  case JINJA_FLOAT:
    jinja_buffer_add (buffer, jinja_real_text (buffer->run, value.real));
    break;
  case JINJA_STRING:
    repr_string (buffer, value.string);
    break;
  case JINJA_ITERATOR:
  case JINJA_CALLABLE:
  case JINJA_LOOP:
    repr_other (buffer, value);
    break;
  default:
    jinja_enter (buffer->run);
    repr_container (buffer, value);
    jinja_leave (buffer->run);
    break;
  }
}

/* ---- numbers out of text --------------------------------------------------------------- */

/* Without white space around and single underscores inside; FALSE: too long for a number. */
static gboolean
clean_number (const JinjaString *string, char *clean, size_t room, gboolean hexadecimal)
{
  size_t from = 0, to = string->n, n = 0;

  while (from < to && jinja_is_space ((guchar) string->bytes[from]))
    from++;
  while (to > from && jinja_is_space ((guchar) string->bytes[to - 1]))
    to--;
  for (size_t i = from; i < to; i++) {
    char c = string->bytes[i];

    if (c == '_') {
      if (i == from || i + 1 == to ||
          !(hexadecimal ? g_ascii_isxdigit (string->bytes[i - 1])
                        : g_ascii_isdigit (string->bytes[i - 1])) ||
          !(hexadecimal ? g_ascii_isxdigit (string->bytes[i + 1])
                        : g_ascii_isdigit (string->bytes[i + 1])))
        return FALSE;
      continue;
    }
    if (n + 1 >= room || c == '\0')
      return FALSE;
    clean[n++] = c;
  }
  clean[n] = '\0';
  return n > 0;
}

gboolean
jinja_parse_int (const JinjaString *string, int base, gint64 *value)
{
  static const struct {
    int base;
    char letter;
  } prefixes[] = { { 2, 'b' }, { 8, 'o' }, { 16, 'x' } };
  char clean[80], *end;
  const char *digits = clean;
  gboolean negative;

  if ((base < 2 && base != 0) || base > 36 ||
      !clean_number (string, clean, sizeof clean, base > 10))
    return FALSE;
  negative = *digits == '-';
  digits += *digits == '-' || *digits == '+';
  for (size_t i = 0; i < G_N_ELEMENTS (prefixes); i++)
    if ((base == prefixes[i].base || base == 0) && digits[0] == '0' &&
        g_ascii_tolower (digits[1]) == prefixes[i].letter) {
      digits += 2;
      base = prefixes[i].base;
    }
  if (!g_ascii_isalnum (*digits))
    return FALSE;
  end = clean + (digits - clean);
  if (negative) { /* the sign in front of the digits alone */
    end[-1] = '-';
    digits = end - 1;
  }
  return g_ascii_string_to_signed (digits, (guint) (base == 0 ? 10 : base), G_MININT64, G_MAXINT64,
                                   value, NULL);
}

gboolean
jinja_parse_real (const JinjaString *string, double *value)
{
  static const char *const words[] = { "inf", "infinity", "nan" };
  char clean[400], *end;
  const char *digits = clean;

  if (!clean_number (string, clean, sizeof clean, FALSE))
    return FALSE;
  digits += *digits == '-' || *digits == '+';
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_ascii_strcasecmp (digits, words[i]) == 0) {
      *value = (*clean == '-' ? -1 : 1) * (i == 2 ? (double) NAN : (double) INFINITY);
      return TRUE;
    }
  if ((!g_ascii_isdigit (*digits) && *digits != '.') || strpbrk (digits, "xXpP") != NULL)
    return FALSE;
  *value = g_ascii_strtod (clean, &end);
  return *end == '\0' && end > digits;
}

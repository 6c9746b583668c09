/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Filters over strings, numbers and single values; those over lists stand in list-filters.c. One
 * row each. What Python's own methods do is left to them. */
#include "engine/text/jinja/private.h"

#include <math.h>
#include <string.h>

#define FILTER(name)                                                                \
  static JinjaValue name (JinjaRun *run, JinjaValue self, const JinjaValue *values, \
                          const JinjaArguments *arguments)

static gboolean
flag (JinjaRun *run, JinjaValue value)
{
  return jinja_given (value) && jinja_truth (run, value);
}

/* The method of this name on the value as a string. */
static JinjaValue
call_method (JinjaRun *run, JinjaValue self, const char *name, const JinjaArguments *arguments)
{
  JinjaValue string = { .kind = JINJA_STRING, .string = jinja_to_string (run, self) };
  gboolean known;

  return jinja_call_row (run,
                         jinja_find_method (string, jinja_literal (run, name).string, &known),
                         string, arguments);
}

FILTER (filter_upper)
{
  return call_method (run, self, "upper", arguments);
}

FILTER (filter_lower)
{
  return call_method (run, self, "lower", arguments);
}

FILTER (filter_capitalize)
{
  return call_method (run, self, "capitalize", arguments);
}

FILTER (filter_trim)
{
  JinjaArguments chars = { (JinjaValue *) values, jinja_given (values[0]), NULL };

  return call_method (run, self, "strip", &chars);
}

FILTER (filter_center)
{
  JinjaValue width = jinja_given (values[0]) ? values[0] : jinja_int (80);

  return call_method (run, self, "center", &(JinjaArguments) { &width, 1, NULL });
}

FILTER (filter_replace)
{
  JinjaValue parts[3] = {
    { .kind = JINJA_STRING, .string = jinja_to_string (run, values[0]) },
    { .kind = JINJA_STRING, .string = jinja_to_string (run, values[1]) },
    values[2],
  };
  gboolean counted = jinja_given (values[2]) && values[2].kind != JINJA_NONE;
  JinjaString plain = *jinja_to_string (run, self);

  plain.markup = FALSE;
  self = jinja_string_slice (run, &plain, 0, plain.n);
  return call_method (run, self, "replace", &(JinjaArguments) { parts, counted ? 3 : 2, NULL });
}

/* Words begin after white space, hyphens and opening brackets. */
FILTER (filter_title)
{
  const JinjaString *string = jinja_to_string (run, self);
  gboolean begins = TRUE;
  JinjaBuffer out;

  jinja_buffer_init (&out, run);
  for (size_t at = 0; at < string->n;) {
    size_t from = at;
    gunichar c = jinja_string_next (string, &at);

    jinja_buffer_char (&out, begins ? g_unichar_toupper (c) : g_unichar_tolower (c),
                       jinja_string_mark (string, from));
    begins = jinja_is_space (c) || (c != 0 && c < 0x80 && strchr ("-({[<", (int) c) != NULL);
  }
  return jinja_buffer_value (&out);
}

FILTER (filter_string)
{
  return (JinjaValue) { .kind = JINJA_STRING, .string = jinja_to_string (run, self) };
}

FILTER (filter_safe)
{
  return jinja_as_markup (run, filter_string (run, self, values, arguments));
}

FILTER (filter_escape)
{
  return jinja_escape_html (run, jinja_to_string (run, self));
}

FILTER (filter_forceescape)
{
  JinjaString plain = *jinja_to_string (run, self);

  plain.markup = FALSE;
  return jinja_escape_html (run, &plain);
}

/* Lines as str.splitlines cuts them: where the next one begins, and where this one ends. */
static size_t
line_end (const JinjaString *string, size_t from, size_t *next)
{
  for (size_t at = from; at < string->n;) {
    size_t end = at;
    gunichar c = jinja_string_next (string, &at);

    if ((c >= 10 && c <= 13) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 ||
        c == 0x2029) {
      *next = at + (c == '\r' && at < string->n && string->bytes[at] == '\n');
      return end;
    }
  }
  *next = string->n;
  return string->n;
}

FILTER (filter_indent)
{
  const JinjaString *string = jinja_need_string (run, self, "indent"), *indent;
  gboolean first = flag (run, values[1]), blank = flag (run, values[2]);
  JinjaValue width = jinja_given (values[0]) ? values[0] : jinja_int (4);
  JinjaBuffer out;
  size_t at = 0;

  if (width.kind == JINJA_STRING)
    indent = width.string;
  else
    indent = jinja_operate (run, OP_MULTIPLY, jinja_literal (run, " "), width).string;
  jinja_buffer_init (&out, run);
  for (gboolean is_first = TRUE; is_first || at <= string->n; is_first = FALSE) {
    size_t next, end = line_end (string, at, &next);

    if (!is_first)
      jinja_buffer_add (&out, "\n");
    if (is_first ? first : blank || end > at)
      jinja_buffer_string (&out, indent);
    jinja_buffer_slice (&out, string, at, end);
    if (next == end) /* the end of the text is a line's end too */
      break;
    at = next;
  }
  return jinja_buffer_value (&out);
}

FILTER (filter_truncate)
{
  JinjaValue ellipsis = jinja_given (values[2]) ? values[2] : jinja_literal (run, "...");
  const JinjaString *end = jinja_need_string (run, ellipsis, "truncate"), *string;
  gint64 length = jinja_given (values[0]) ? jinja_need_int (run, values[0], "truncate") : 255;
  gint64 leeway = jinja_given (values[3]) && values[3].kind != JINJA_NONE
                      ? jinja_need_int (run, values[3], "truncate")
                      : 5;
  gint64 end_length = (gint64) jinja_string_length (end);
  JinjaBuffer out;
  size_t stop;

  if (length < end_length || leeway < 0)
    jinja_fail (run, "“truncate” is to cut more than there is");
  if ((gint64) jinja_length (run, self) - leeway <= length)
    return self;
  string = jinja_need_string (run, self, "truncate");
  stop = jinja_string_offset (string, (size_t) (length - end_length));
  if (!flag (run, values[1])) {
    size_t space = stop;

    while (space > 0 && string->bytes[space - 1] != ' ')
      space--;
    stop = space > 0 ? space - 1 : stop;
  }
  jinja_buffer_init (&out, run);
  jinja_buffer_slice (&out, string, 0, stop);
  jinja_buffer_string (&out, end);
  return jinja_buffer_value (&out);
}

FILTER (filter_wordcount)
{
  const JinjaString *string = jinja_to_string (run, self);
  gboolean inside = FALSE;
  gint64 n = 0;

  for (size_t at = 0; at < string->n;) {
    gunichar c = jinja_string_next (string, &at);
    gboolean word = c == '_' || g_unichar_isalnum (c);

    n += word && !inside;
    inside = word;
  }
  return jinja_int (n);
}

FILTER (filter_format)
{
  const JinjaString *string = jinja_to_string (run, self);
  JinjaValue all = jinja_sequence (run, JINJA_TUPLE, NULL);

  if (arguments->n > 0 && arguments->named->n > 0)
    jinja_fail (run, "“format” takes values by place or by name, not both");
  if (arguments->named->n > 0)
    return jinja_format_percent (run, string,
                                 (JinjaValue) { .kind = JINJA_DICT,
                                                .dict = (JinjaDict *) arguments->named });
  for (size_t i = 0; i < arguments->n; i++)
    jinja_list_add (run, all.list, arguments->positional[i]);
  return jinja_format_percent (run, string, all);
}

/* A tag, or a comment, goes; what is left has single spaces. */
FILTER (filter_striptags)
{
  const JinjaString *string = jinja_to_string (run, self);
  gboolean space = FALSE;
  JinjaBuffer out;

  jinja_buffer_init (&out, run);
  for (size_t at = 0; at < string->n;) {
    size_t from = at;
    gunichar c = jinja_string_next (string, &at);
    const char *end = c == '<' ? memchr (string->bytes + at, '>', string->n - at) : NULL;

    if (end != NULL) {
      at = (size_t) (end - string->bytes) + 1;
      continue;
    }
    if (jinja_is_space (c)) {
      space = TRUE;
      continue;
    }
    if (space && out.n > 0)
      jinja_buffer_add (&out, " ");
    space = FALSE;
    jinja_buffer_slice (&out, string, from, at);
  }
  return jinja_buffer_value (&out);
}

/* query: in a pair of a query, where a space is a plus and a slash is escaped. */
static void
add_quoted (JinjaBuffer *out, const JinjaString *string, gboolean query)
{
  for (size_t i = 0; i < string->n; i++) {
    guchar c = (guchar) string->bytes[i];
    gboolean people = jinja_string_mark (string, i);
    char escape[4];

    if (g_ascii_isalnum (c) || (c != 0 && strchr ("_.-~", c) != NULL) || (c == '/' && !query)) {
      jinja_buffer_slice (out, string, i, i + 1);
    } else if (c == ' ' && query) {
      jinja_buffer_put (out, "+", 1, people);
    } else {
      g_snprintf (escape, sizeof escape, "%%%02X", c);
      jinja_buffer_put (out, escape, 3, people);
    }
  }
}

FILTER (filter_urlencode)
{
  JinjaList *pairs;
  JinjaBuffer out;

  jinja_buffer_init (&out, run);
  if (self.kind != JINJA_DICT && !jinja_is_list (self) && self.kind != JINJA_UNDEFINED) {
    add_quoted (&out, jinja_to_string (run, self), FALSE);
    return jinja_buffer_value (&out);
  }
  pairs = jinja_iterate (run, self.kind == JINJA_DICT
                                  ? jinja_call_row (run, jinja_find_filter ("items"), self,
                                                    &(JinjaArguments) { NULL, 0, NULL })
                                  : self);
  for (size_t i = 0; i < pairs->n; i++) {
    JinjaList *pair = jinja_iterate (run, pairs->items[i]);

    if (pair->n != 2)
      jinja_fail (run, "“urlencode” needs pairs");
    if (i > 0)
      jinja_buffer_add (&out, "&");
    add_quoted (&out, jinja_to_string (run, pair->items[0]), TRUE);
    jinja_buffer_add (&out, "=");
    add_quoted (&out, jinja_to_string (run, pair->items[1]), TRUE);
  }
  return jinja_buffer_value (&out);
}

/* ---- numbers --------------------------------------------------------------------------- */

static void
need_defined (JinjaRun *run, JinjaValue value)
{
  if (value.kind == JINJA_UNDEFINED)
    jinja_fail (run, "%s", value.what != NULL ? value.what : "a value is undefined");
}

FILTER (filter_int)
{
  JinjaValue otherwise = jinja_given (values[0]) ? values[0] : jinja_int (0);
  gint64 base = jinja_given (values[1]) ? jinja_need_int (run, values[1], "int") : 10, whole;
  double real = 0;

  need_defined (run, self);
  if (self.kind == JINJA_INT || self.kind == JINJA_BOOL)
    return jinja_int (jinja_whole (self));
  if (self.kind == JINJA_STRING && base >= 0 && base <= 36 &&
      jinja_parse_int (self.string, (int) base, &whole))
    return jinja_int (whole);
  if (self.kind == JINJA_FLOAT)
    real = self.real;
  else if (self.kind != JINJA_STRING || !jinja_parse_real (self.string, &real))
    return otherwise;
  if (isnan (real) || isinf (real))
    return otherwise;
  if (!(fabs (real) < 9.2e18))
    jinja_fail (run, "a number is too large for a whole one");
  return jinja_int ((gint64) real);
}

FILTER (filter_float)
{
  double real;

  need_defined (run, self);
  if (jinja_is_number (self))
    return jinja_float (jinja_number (self));
  if (self.kind == JINJA_STRING && jinja_parse_real (self.string, &real))
    return jinja_float (real);
  return jinja_given (values[0]) ? values[0] : jinja_float (0);
}

FILTER (filter_abs)
{
  if (self.kind == JINJA_FLOAT)
    return jinja_float (fabs (self.real));
  if (self.kind != JINJA_INT && self.kind != JINJA_BOOL)
    jinja_fail (run, "“abs” needs a number, not %s", jinja_type_name (self));
  if (jinja_whole (self) < 0)
    return jinja_operate (run, OP_SUBTRACT, jinja_int (0), self);
  return jinja_int (jinja_whole (self));
}

/* As Python rounds: by the decimal digits, half to even where they end there. */
static double
round_to (double value, gint64 digits)
{
  char format[16], text[512];

  if (digits > 300)
    return value;
  if (digits < 0) {
    double scale = pow (10, (double) -digits);

    return rint (value / scale) * scale;
  }
  g_snprintf (format, sizeof format, "%%.%df", (int) digits);
  return g_ascii_strtod (g_ascii_formatd (text, sizeof text, format, value), NULL);
}

FILTER (filter_round)
{
  gint64 digits = jinja_given (values[0]) ? jinja_need_int (run, values[0], "round") : 0;
  const JinjaString *method =
      jinja_given (values[1]) ? jinja_need_string (run, values[1], "round") : NULL;
  double scale, value;

  if (!jinja_is_number (self))
    jinja_fail (run, "“round” needs a number, not %s", jinja_type_name (self));
  if (ABS (digits) > 300)
    jinja_fail (run, "“round” cannot keep so many digits");
  value = jinja_number (self);
  if (method == NULL || jinja_string_is (method, "common")) {
    if (self.kind != JINJA_FLOAT)
      return jinja_int (digits < 0 ? (gint64) round_to (value, digits) : jinja_whole (self));
    return jinja_float (round_to (value, digits));
  }
  scale = pow (10, (double) digits);
  if (jinja_string_is (method, "ceil"))
    return jinja_float (ceil (value * scale) / scale);
  if (jinja_string_is (method, "floor"))
    return jinja_float (floor (value * scale) / scale);
  jinja_fail (run, "“round” knows common, ceil and floor");
}

FILTER (filter_filesizeformat)
{
  static const char *const decimal[] = { "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB" };
  static const char *const binary[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB" };
  gboolean is_binary = flag (run, values[0]);
  double bytes = filter_float (run, self, &JINJA_LEFT_OUT, NULL).real;
  double base = is_binary ? 1024 : 1000;
  double unit = base;
  char text[64], digits[32];
  size_t i = 0;

  if (bytes == 1)
    return jinja_literal (run, "1 Byte");
  if (bytes < base) {
    g_snprintf (text, sizeof text, "%" G_GINT64_FORMAT " Bytes", (gint64) MAX (bytes, -9e18));
  } else {
    for (; i + 1 < G_N_ELEMENTS (decimal) && bytes >= unit * base; i++)
      unit *= base;
    g_ascii_formatd (digits, sizeof digits, "%.1f", bytes / unit);
    g_snprintf (text, sizeof text, "%s %s", digits, is_binary ? binary[i] : decimal[i]);
  }
  return jinja_string (run, text, -1, FALSE);
}

/* ---- any value ------------------------------------------------------------------------- */

FILTER (filter_default)
{
  JinjaValue otherwise = jinja_given (values[0]) ? values[0] : jinja_literal (run, "");

  if (self.kind == JINJA_UNDEFINED || (flag (run, values[1]) && !jinja_truth (run, self)))
    return otherwise;
  return self;
}

FILTER (filter_attr)
{
  const JinjaString *name = jinja_need_string (run, values[0], "attr");

  /* A dictionary's items are no attributes. */
  if (self.kind == JINJA_DICT)
    return jinja_undefined (run, "a dictionary has no such attribute");
  return jinja_get_attribute (run, self, name);
}

static const JinjaString *
indent_of (JinjaRun *run, JinjaValue indent)
{
  if (!jinja_given (indent) || indent.kind == JINJA_NONE)
    return NULL;
  if (indent.kind == JINJA_STRING)
    return indent.string;
  return jinja_operate (run, OP_MULTIPLY, jinja_literal (run, " "),
                        jinja_int (jinja_need_int (run, indent, "tojson")))
      .string;
}

/* As transformers defines it: nothing is escaped for HTML. */
FILTER (filter_tojson)
{
  JinjaJsonStyle style = { .ascii = flag (run, values[0]), .sort_keys = flag (run, values[3]) };
  JinjaBuffer out;

  style.indent = indent_of (run, values[1]);
  if (jinja_given (values[2]) && values[2].kind != JINJA_NONE) {
    JinjaList *separators = jinja_iterate (run, values[2]);

    if (separators->n != 2)
      jinja_fail (run, "“tojson” takes two separators");
    style.item_separator = jinja_need_string (run, separators->items[0], "tojson");
    style.key_separator = jinja_need_string (run, separators->items[1], "tojson");
  }
  jinja_buffer_init (&out, run);
  jinja_json_write (&out, self, &style);
  return jinja_buffer_value (&out);
}

FILTER (filter_from_json)
{
  return jinja_json_read (run, jinja_need_string (run, self, "from_json"));
}

static const JinjaFilter filters[] = {
  { "tojson", "? ensure_ascii indent separators sort_keys", filter_tojson },
  { "trim", "? chars", filter_trim },
  { "string", "", filter_string },
  { "default", "? default_value boolean", filter_default },
  { "d", "? default_value boolean", filter_default },
  { "safe", "", filter_safe },
  { "upper", "", filter_upper },
  { "lower", "", filter_lower },
  { "replace", "old new ? count", filter_replace },
  { "from_json", "", filter_from_json },
  { "indent", "? width first blank", filter_indent },
  { "capitalize", "", filter_capitalize },
  { "title", "", filter_title },
  { "int", "? default base", filter_int },
  { "float", "? default", filter_float },
  { "abs", "", filter_abs },
  { "round", "? precision method", filter_round },
  { "escape", "", filter_escape },
  { "e", "", filter_escape },
  { "forceescape", "", filter_forceescape },
  { "center", "? width", filter_center },
  { "truncate", "? length killwords end leeway", filter_truncate },
  { "wordcount", "", filter_wordcount },
  { "format", "*", filter_format },
  { "striptags", "", filter_striptags },
  { "urlencode", "", filter_urlencode },
  { "filesizeformat", "? binary", filter_filesizeformat },
  { "attr", "name", filter_attr },
};

const JinjaFilter *
jinja_find_filter (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (filters); i++)
    if (strcmp (filters[i].name, name) == 0)
      return &filters[i];
  for (const JinjaFilter *row = jinja_list_filters; row->name != NULL; row++)
    if (strcmp (row->name, name) == 0)
      return row;
  return NULL;
}

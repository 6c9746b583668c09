/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Python's two ways to fill in a string: "%s" % values and "{}".format (values), in the parts that
 * templates use. What they insert keeps its marks. */
#include "engine/text/jinja/private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  gunichar fill;
  char align; /* '<', '>', '^', '='; '\0': the type's own */
  char sign;  /* '+', ' ' or '\0' */
  gboolean alternate, zero;
  char grouping;           /* ',', '_' or '\0' */
  gint64 width, precision; /* precision -1: none */
  char type;               /* '\0': the value's own */
} Spec;

#define MAX_WIDTH     10000
#define MAX_PRECISION 100

static void
pad (JinjaBuffer *out, const JinjaString *text, const Spec *spec, char otherwise)
{
  size_t n = jinja_string_length (text), width = (size_t) MAX (spec->width, 0);
  size_t room = width > n ? width - n : 0, before = 0, sign = 0;
  char align = spec->align != '\0' ? spec->align : otherwise;

  if (align == '>')
    before = room;
  else if (align == '^')
    before = room / 2;
  else if (align == '=') {
    before = room;
    sign = text->n > 0 && strchr ("+- ", text->bytes[0]) != NULL && text->bytes[0] != '\0';
  }
  jinja_buffer_slice (out, text, 0, sign);
  for (size_t i = 0; i < before; i++)
    jinja_buffer_char (out, spec->fill, FALSE);
  jinja_buffer_slice (out, text, sign, text->n);
  for (size_t i = before; i < room; i++)
    jinja_buffer_char (out, spec->fill, FALSE);
}

/* Digits of a number without its sign, in threes where the spec groups them. */
static void
add_digits (JinjaBuffer *out, const char *digits, const Spec *spec)
{
  size_t whole = strspn (digits, "0123456789abcdefABCDEF");
  size_t group = spec->type == 'x' || spec->type == 'X' || spec->type == 'o' || spec->type == 'b'
                     ? 4
                     : 3;

  if (strchr (digits, 'n') != NULL || strpbrk (digits, "eE.") != NULL)
    whole = strspn (digits, "0123456789");
  for (size_t i = 0; i < whole; i++) {
    if (i > 0 && spec->grouping != '\0' && (whole - i) % group == 0)
      jinja_buffer_put (out, &spec->grouping, 1, FALSE);
    jinja_buffer_put (out, digits + i, 1, FALSE);
  }
  jinja_buffer_add (out, digits + whole);
}

static void
add_sign (JinjaBuffer *out, gboolean negative, const Spec *spec)
{
  if (negative)
    jinja_buffer_add (out, "-");
  else if (spec->sign != '\0')
    jinja_buffer_put (out, &spec->sign, 1, FALSE);
}

static void
whole_digits (guint64 value, unsigned base, gboolean capital, char *text, size_t size)
{
  char *at = text + size;
  size_t n;

  *--at = '\0';
  do {
    char digit = "0123456789abcdef"[value % base];

    *--at = capital ? g_ascii_toupper (digit) : digit;
    value /= base;
  } while (value > 0);
  n = strlen (at);
  memmove (text, at, n + 1);
}

static void
format_whole (JinjaRun *run, JinjaBuffer *out, gint64 value, const Spec *spec)
{
  static const struct {
    char type;
    unsigned base;
    const char *prefix;
  } types[] = { { 'x', 16, "0x" }, { 'X', 16, "0X" }, { 'o', 8, "0o" }, { 'b', 2, "0b" } };
  unsigned base = 10;
  char digits[80];
  JinjaBuffer text;

  jinja_buffer_init (&text, run);
  add_sign (&text, value < 0, spec);
  for (size_t i = 0; i < G_N_ELEMENTS (types); i++)
    if (types[i].type == spec->type) {
      base = types[i].base;
      if (spec->alternate)
        jinja_buffer_add (&text, types[i].prefix);
    }
  whole_digits (value < 0 ? -(guint64) value : (guint64) value, base, spec->type == 'X', digits,
                sizeof digits);
  for (gint64 n = (gint64) strlen (digits); n < spec->precision; n++)
    jinja_buffer_add (&text, "0");
  add_digits (&text, digits, spec);
  pad (out, jinja_buffer_value (&text).string, spec, '>');
}

static void
format_real (JinjaRun *run, JinjaBuffer *out, double value, const Spec *spec)
{
  char format[16], digits[512], type = spec->type == '\0' || spec->type == '%' ? 'f' : spec->type;
  gint64 precision = spec->precision < 0 ? 6 : spec->precision;
  double shown = spec->type == '%' ? value * 100 : value;
  JinjaBuffer text;

  if (spec->type == '\0' && spec->precision >= 0)
    type = 'g';
  jinja_buffer_init (&text, run);
  add_sign (&text, signbit (shown) && !isnan (shown), spec);
  if (spec->type == '\0' && spec->precision < 0) {
    add_digits (&text, jinja_real_text (run, fabs (shown)), spec);
  } else {
    snprintf (format, sizeof format, "%%%s.%d%c", spec->alternate ? "#" : "", (int) precision,
              type);
    add_digits (&text, g_ascii_formatd (digits, sizeof digits, format, fabs (shown)), spec);
  }
  if (spec->type == '%')
    jinja_buffer_add (&text, "%");
  pad (out, jinja_buffer_value (&text).string, spec, '>');
}

static void
format_text (JinjaRun *run, JinjaBuffer *out, const JinjaString *text, const Spec *spec)
{
  size_t end = text->n;

  if (spec->precision >= 0)
    end = jinja_string_offset (text, (size_t) spec->precision);
  pad (out, jinja_string_slice (run, text, 0, end).string, spec, '<');
}

static void
check_size (JinjaRun *run, const Spec *spec)
{
  if (spec->width > MAX_WIDTH || spec->precision > MAX_PRECISION)
    jinja_fail (run, "a number is to be written too wide");
}

/* ---- percent --------------------------------------------------------------------------- */

typedef struct {
  JinjaRun *run;
  const JinjaString *format;
  size_t at;
  JinjaValue values;
  size_t used;
  gboolean by_name;
} Percent;

static char
letter_at (const JinjaString *string, size_t at)
{
  return at < string->n ? string->bytes[at] : '\0';
}

static JinjaValue
next_value (Percent *p)
{
  if (p->values.kind == JINJA_TUPLE) {
    if (p->used == p->values.list->n)
      jinja_fail (p->run, "“%%” has too few values");
    return p->values.list->items[p->used++];
  }
  if (p->used++ > 0)
    jinja_fail (p->run, "“%%” has too few values");
  return p->values;
}

static JinjaValue
named_value (Percent *p)
{
  size_t from = ++p->at, depth = 1;
  const JinjaValue *value;

  while (p->at < p->format->n && depth > 0) {
    depth += p->format->bytes[p->at] == '(';
    depth -= p->format->bytes[p->at] == ')';
    p->at++;
  }
  if (depth > 0 || p->values.kind != JINJA_DICT)
    jinja_fail (p->run, "“%%(name)s” needs a dictionary");
  p->by_name = TRUE;
  value = jinja_dict_find (p->run, p->values.dict,
                           jinja_string_slice (p->run, p->format, from, p->at - 1));
  if (value == NULL)
    jinja_fail (p->run, "a name of “%%(name)s” is not in the dictionary");
  return *value;
}

static gint64
size_of (Percent *p)
{
  gint64 size = 0;

  if (letter_at (p->format, p->at) == '*') {
    p->at++;
    return jinja_need_int (p->run, next_value (p), "%*");
  }
  while (g_ascii_isdigit (letter_at (p->format, p->at)) && size <= MAX_WIDTH)
    size = size * 10 + (p->format->bytes[p->at++] - '0');
  return size;
}

static void
percent_value (Percent *p, JinjaBuffer *out, JinjaValue value, Spec *spec)
{
  JinjaRun *run = p->run;
  JinjaBuffer text;

  switch (spec->type) {
  case 's':
    spec->fill = ' ';
    spec->align = spec->align == '<' ? '<' : '>';
    format_text (run, out, jinja_to_string (run, value), spec);
    return;
  case 'r':
  case 'a':
    jinja_buffer_init (&text, run);
    jinja_repr (&text, value);
    spec->align = spec->align == '<' ? '<' : '>';
    format_text (run, out, jinja_buffer_value (&text).string, spec);
    return;
  case 'c':
    if (value.kind == JINJA_STRING && jinja_string_length (value.string) == 1) {
      spec->align = spec->align == '<' ? '<' : '>';
      format_text (run, out, value.string, spec);
      return;
    }
    break;
  default:
    break;
  }
  if (!jinja_is_number (value))
    jinja_fail (run, "“%%%c” needs a number, not %s", spec->type, jinja_type_name (value));
  if (strchr ("diuxXo", spec->type) != NULL) {
    if (value.kind == JINJA_FLOAT &&
        (strchr ("xXo", spec->type) != NULL || !(fabs (value.real) < 9e18)))
      jinja_fail (run, "“%%%c” needs a whole number", spec->type);
    format_whole (run, out,
                  value.kind == JINJA_FLOAT ? (gint64) value.real : jinja_whole (value), spec);
  } else if (strchr ("eEfFgG", spec->type) != NULL) {
    format_real (run, out, jinja_number (value), spec);
  } else {
    jinja_fail (run, "“%%%c” is no format", g_ascii_isprint (spec->type) ? spec->type : '?');
  }
}

static void
percent_item (Percent *p, JinjaBuffer *out)
{
  Spec spec = { .fill = ' ', .precision = -1 };
  JinjaValue value = JINJA_LEFT_OUT;

  if (letter_at (p->format, p->at) == '(')
    value = named_value (p);
  for (;; p->at++) {
    char flag = letter_at (p->format, p->at);

    if (flag == '-')
      spec.align = '<';
    else if (flag == '0')
      spec.zero = TRUE;
    else if (flag == '+' || (flag == ' ' && spec.sign == '\0'))
      spec.sign = flag;
    else if (flag == '#')
      spec.alternate = TRUE;
    else if (flag != ' ')
      break;
  }
  spec.width = size_of (p);
  if (spec.width < 0) {
    spec.align = '<';
    spec.width = -spec.width;
  }
  if (letter_at (p->format, p->at) == '.') {
    p->at++;
    spec.precision = size_of (p);
    spec.precision = MAX (spec.precision, 0);
  }
  check_size (p->run, &spec);
  while (letter_at (p->format, p->at) != '\0' &&
         strchr ("hlL", letter_at (p->format, p->at)) != NULL)
    p->at++;
  spec.type = letter_at (p->format, p->at++);
  if (spec.type == '%') {
    jinja_buffer_add (out, "%");
    return;
  }
  if (spec.type == '\0')
    jinja_fail (p->run, "a format ends in the middle");
  if (spec.zero && spec.align == '\0') {
    spec.align = '=';
    spec.fill = '0';
  }
  percent_value (p, out, jinja_given (value) ? value : next_value (p), &spec);
}

static gboolean
has_keys (JinjaValue value)
{
  return value.kind == JINJA_DICT || value.kind == JINJA_LIST || value.kind == JINJA_RANGE ||
         value.kind == JINJA_UNDEFINED;
}

JinjaValue
jinja_format_percent (JinjaRun *run, const JinjaString *format, JinjaValue values)
{
  Percent p = { run, format, 0, values, 0, FALSE };
  gboolean all_used;
  JinjaBuffer out;

  jinja_buffer_init (&out, run);
  while (p.at < format->n) {
    size_t from = p.at;

    while (p.at < format->n && format->bytes[p.at] != '%')
      p.at++;
    jinja_buffer_slice (&out, format, from, p.at);
    if (p.at++ < format->n)
      percent_item (&p, &out);
  }
  /* What could be asked for a key may be left unused. */
  all_used = values.kind == JINJA_TUPLE ? p.used == values.list->n
                                        : p.used > 0 || p.by_name || has_keys (values);
  if (!all_used)
    jinja_fail (run, "“%%” has too many values");
  return jinja_buffer_value (&out);
}

/* ---- braces ---------------------------------------------------------------------------- */

typedef struct {
  JinjaRun *run;
  const JinjaString *format;
  const JinjaArguments *arguments;
  gint64 next;
} Braces;

static gint64
digits_at (const JinjaString *string, size_t *at)
{
  gint64 value = -1;

  while (g_ascii_isdigit (letter_at (string, *at)) && value <= MAX_WIDTH)
    value = MAX (value, 0) * 10 + (string->bytes[(*at)++] - '0');
  return value;
}

static Spec
parse_spec (JinjaRun *run, const JinjaString *text)
{
  Spec spec = { .fill = ' ', .precision = -1 };
  size_t at = 0, after;

  if (text->n > 0) {
    after = 0;
    spec.fill = jinja_string_next (text, &after);
    if (after < text->n && strchr ("<>^=", text->bytes[after]) != NULL) {
      spec.align = text->bytes[after];
      at = after + 1;
    } else {
      spec.fill = ' ';
      if (letter_at (text, 0) != '\0' && strchr ("<>^=", text->bytes[0]) != NULL)
        spec.align = text->bytes[at++];
    }
  }
  if (letter_at (text, at) == '+' || letter_at (text, at) == '-' || letter_at (text, at) == ' ')
    spec.sign = text->bytes[at++] == '-' ? '\0' : text->bytes[at - 1];
  if (letter_at (text, at) == '#')
    spec.alternate = text->bytes[at++] == '#';
  if (letter_at (text, at) == '0') {
    at++;
    if (spec.align == '\0') {
      spec.zero = TRUE;
      spec.align = '=';
      spec.fill = '0';
    }
  }
  spec.width = digits_at (text, &at);
  spec.width = MAX (spec.width, 0);
  if (letter_at (text, at) == ',' || letter_at (text, at) == '_')
    spec.grouping = text->bytes[at++];
  if (letter_at (text, at) == '.') {
    at++;
    spec.precision = digits_at (text, &at);
    if (spec.precision < 0)
      jinja_fail (run, "a format has no precision behind its point");
  }
  spec.type = at < text->n ? text->bytes[at++] : '\0';
  if (at != text->n)
    jinja_fail (run, "a format in braces is not understood");
  check_size (run, &spec);
  return spec;
}

static void
format_value (JinjaRun *run, JinjaBuffer *out, JinjaValue value, const JinjaString *text)
{
  Spec spec;

  if (text->n == 0) {
    jinja_print (out, value);
    return;
  }
  spec = parse_spec (run, text);
  if (value.kind == JINJA_STRING && (spec.type == 's' || spec.type == '\0') && spec.align != '=' &&
      spec.sign == '\0' && spec.grouping == '\0') {
    format_text (run, out, value.string, &spec);
  } else if ((value.kind == JINJA_INT || value.kind == JINJA_BOOL) &&
             (spec.type == '\0' || strchr ("dxXob", spec.type) != NULL) && spec.precision < 0) {
    format_whole (run, out, jinja_whole (value), &spec);
  } else if (jinja_is_number (value) && value.kind != JINJA_BOOL &&
             (spec.type == '\0' || strchr ("eEfFgG%", spec.type) != NULL)) {
    format_real (run, out, jinja_number (value), &spec);
  } else {
    jinja_fail (run, "%s cannot be written in this format", jinja_type_name (value));
  }
}

/* name.attribute[item] … from `at` to `end`. */
static JinjaValue
field_value (Braces *b, const JinjaString *field)
{
  size_t at = 0, from;
  JinjaString name;
  JinjaValue value;
  gint64 index;

  while (at < field->n && field->bytes[at] != '.' && field->bytes[at] != '[')
    at++;
  name = *jinja_string_slice (b->run, field, 0, at).string;
  if (at == 0 || g_ascii_isdigit (name.bytes[0])) {
    if (at == 0)
      index = b->next++;
    else if (!jinja_parse_int (&name, 10, &index))
      index = -1;
    if (index < 0 || (guint64) index >= b->arguments->n)
      jinja_fail (b->run, "“format” has too few values");
    value = b->arguments->positional[index];
  } else {
    JinjaValue key = { .kind = JINJA_STRING, .string = &name };
    const JinjaValue *found = jinja_dict_find (b->run, b->arguments->named, key);

    if (found == NULL)
      jinja_fail (b->run, "“format” has no value for a name");
    value = *found;
  }
  while (at < field->n) {
    gboolean item = field->bytes[at++] == '[';

    from = at;
    while (at < field->n && (item ? field->bytes[at] != ']'
                                  : field->bytes[at] != '.' && field->bytes[at] != '['))
      at++;
    name = *jinja_string_slice (b->run, field, from, at).string;
    at += item;
    if (item && jinja_parse_int (&name, 10, &index))
      value = jinja_get_item (b->run, value, jinja_int (index));
    else if (item)
      value = jinja_get_item (b->run, value,
                              jinja_string_slice (b->run, field, from, from + name.n));
    else
      value = jinja_get_attribute (b->run, value,
                                   jinja_string_slice (b->run, field, from, at).string);
    if (value.kind == JINJA_UNDEFINED)
      jinja_fail (b->run, "“format” has no value for a name");
  }
  return value;
}

/* One level of braces inside a format stands for its text. */
static const JinjaString *
nested (Braces *b, const JinjaString *text)
{
  JinjaBuffer out;
  size_t at = 0;

  if (memchr (text->bytes, '{', text->n) == NULL)
    return text;
  jinja_buffer_init (&out, b->run);
  while (at < text->n) {
    size_t from = at;

    if (text->bytes[at++] != '{') {
      jinja_buffer_slice (&out, text, from, at);
      continue;
    }
    while (at < text->n && text->bytes[at] != '}')
      at++;
    jinja_print (&out, field_value (b, jinja_string_slice (b->run, text, from + 1, at).string));
    at++;
  }
  return jinja_buffer_value (&out).string;
}

/* The field between braces, from..to. */
static void
add_field (Braces *b, JinjaBuffer *out, size_t from, size_t to)
{
  const JinjaString *field = jinja_string_slice (b->run, b->format, from, to).string;
  size_t at = 0, end;
  gboolean in_item = FALSE;
  char conversion = '\0';
  JinjaValue value;
  JinjaBuffer text;

  for (; at < field->n && (in_item || (field->bytes[at] != ':' && field->bytes[at] != '!')); at++)
    in_item = field->bytes[at] == '[' || (in_item && field->bytes[at] != ']');
  end = at;
  if (letter_at (field, at) == '!') {
    conversion = letter_at (field, at + 1);
    at += 2;
    if (at > field->n || strchr ("rsa", conversion) == NULL ||
        (at < field->n && field->bytes[at] != ':'))
      jinja_fail (b->run, "a conversion in braces is not understood");
  }
  value = field_value (b, jinja_string_slice (b->run, field, 0, end).string);
  if (conversion != '\0') {
    jinja_buffer_init (&text, b->run);
    if (conversion == 's')
      jinja_print (&text, value);
    else
      jinja_repr (&text, value);
    value = jinja_buffer_value (&text);
  }
  at = MIN (at + 1, field->n);
  format_value (b->run, out, value,
                nested (b, jinja_string_slice (b->run, field, at, field->n).string));
}

JinjaValue
jinja_format_braces (JinjaRun *run, const JinjaString *format, const JinjaArguments *arguments)
{
  Braces b = { run, format, arguments, 0 };
  JinjaBuffer out;
  size_t at = 0;

  jinja_buffer_init (&out, run);
  while (at < format->n) {
    char c = format->bytes[at];
    size_t from = at + 1, depth = 1;

    if (c != '{' && c != '}') {
      jinja_buffer_slice (&out, format, at, at + 1);
      at++;
      continue;
    }
    if (letter_at (format, at + 1) == c) {
      jinja_buffer_slice (&out, format, at, at + 1);
      at += 2;
      continue;
    }
    for (at = from; c == '{' && at < format->n && depth > 0; at++) {
      depth += format->bytes[at] == '{';
      depth -= format->bytes[at] == '}';
    }
    if (c == '}' || depth > 0)
      jinja_fail (run, "a brace of “format” is alone");
    add_field (&b, &out, from, at - 1);
  }
  return jinja_buffer_value (&out);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The methods of Python's strings, one row each; what comes out keeps the marks of its bytes. */
#include "engine/text/jinja/private.h"

#include <string.h>

#define METHOD(name)                                                                \
  static JinjaValue name (JinjaRun *run, JinjaValue self, const JinjaValue *values, \
                          const JinjaArguments *arguments)

static gboolean
has (JinjaValue value)
{
  return jinja_given (value) && value.kind != JINJA_NONE;
}

static JinjaValue
slice (JinjaRun *run, JinjaValue self, size_t from, size_t to)
{
  return jinja_string_slice (run, self.string, from, to);
}

/* ---- letters --------------------------------------------------------------------------- */

/* Characters whose capital form is two or three letters. */
static const struct {
  gunichar c;
  const char *capital;
} wide_capitals[] = {
  { 0xdf, "SS" },
  { 0x149, "\312\274N" },
  { 0xfb00, "FF" },
  { 0xfb01, "FI" },
  { 0xfb02, "FL" },
  { 0xfb03, "FFI" },
  { 0xfb04, "FFL" },
  { 0xfb05, "ST" },
  { 0xfb06, "ST" },
};

static void
add_upper (JinjaBuffer *out, gunichar c, gboolean people)
{
  for (size_t i = 0; i < G_N_ELEMENTS (wide_capitals); i++)
    if (wide_capitals[i].c == c) {
      jinja_buffer_put (out, wide_capitals[i].capital, strlen (wide_capitals[i].capital), people);
      return;
    }
  jinja_buffer_char (out, g_unichar_toupper (c), people);
}

static void
add_lower (JinjaBuffer *out, gunichar c, gboolean people)
{
  if (c == 0x130)
    jinja_buffer_put (out, "i\314\207", 3, people);
  else
    jinja_buffer_char (out, g_unichar_tolower (c), people);
}

static gboolean
is_cased (gunichar c)
{
  return g_unichar_islower (c) || g_unichar_isupper (c) || g_unichar_istitle (c);
}

typedef enum {
  LETTERS_UPPER,
  LETTERS_LOWER,
  LETTERS_CAPITALIZE,
  LETTERS_TITLE,
  LETTERS_SWAP,
} Letters;

static JinjaValue
change_letters (JinjaRun *run, const JinjaString *string, Letters how)
{
  gboolean first = TRUE;
  JinjaBuffer out;

  jinja_buffer_init (&out, run);
  for (size_t at = 0; at < string->n;) {
    size_t from = at;
    gunichar c = jinja_string_next (string, &at);
    gboolean people = jinja_string_mark (string, from);

    jinja_work (run, at % JINJA_BYTES_A_STEP == 0);
    if ((how == LETTERS_CAPITALIZE || how == LETTERS_TITLE) && first)
      jinja_buffer_char (&out, g_unichar_totitle (c), people);
    else if (how == LETTERS_UPPER || (how == LETTERS_SWAP && g_unichar_islower (c)))
      add_upper (&out, c, people);
    else
      add_lower (&out, c, people);
    first = how == LETTERS_TITLE && !is_cased (c);
  }
  return jinja_buffer_value (&out);
}

METHOD (method_upper)
{
  return change_letters (run, self.string, LETTERS_UPPER);
}

METHOD (method_lower)
{
  return change_letters (run, self.string, LETTERS_LOWER);
}

METHOD (method_capitalize)
{
  return change_letters (run, self.string, LETTERS_CAPITALIZE);
}

METHOD (method_title)
{
  return change_letters (run, self.string, LETTERS_TITLE);
}

METHOD (method_swapcase)
{
  return change_letters (run, self.string, LETTERS_SWAP);
}

/* ---- strip ----------------------------------------------------------------------------- */

static gboolean
strips (gunichar c, const JinjaString *chars)
{
  if (chars == NULL)
    return jinja_is_space (c);
  for (size_t at = 0; at < chars->n;)
    if (jinja_string_next (chars, &at) == c)
      return TRUE;
  return FALSE;
}

static JinjaValue
strip (JinjaRun *run, JinjaValue self, JinjaValue what, gboolean left, gboolean right)
{
  const JinjaString *string = self.string,
                    *chars = has (what) ? jinja_need_string (run, what, "strip") : NULL;
  size_t from = 0, to = string->n;

  while (left && from < to) {
    size_t at = from;

    if (!strips (jinja_string_next (string, &at), chars))
      break;
    from = at;
  }
  while (right && to > from) {
    size_t before = to - 1, at;

    while (before > from && ((guchar) string->bytes[before] & 0xc0) == 0x80)
      before--;
    at = before;
    if (!strips (jinja_string_next (string, &at), chars))
      break;
    to = before;
  }
  jinja_work (run, (string->n - (to - from)) / JINJA_BYTES_A_STEP);
  return slice (run, self, from, to);
}

METHOD (method_strip)
{
  return strip (run, self, values[0], TRUE, TRUE);
}

METHOD (method_lstrip)
{
  return strip (run, self, values[0], TRUE, FALSE);
}

METHOD (method_rstrip)
{
  return strip (run, self, values[0], FALSE, TRUE);
}

/* ---- split and join -------------------------------------------------------------------- */

/* At white space: words, from the left or from the right; limit < 0: all. */
static void
split_words (JinjaRun *run, JinjaValue self, gint64 limit, gboolean from_right, JinjaList *list)
{
  const JinjaString *string = self.string;
  size_t at = 0, from = 0, *borders;
  size_t n = 0, first;
  gboolean inside = FALSE;

  /* Where words begin and end. */
  borders = jinja_alloc (run, (string->n + 2) * sizeof *borders);
  while (at < string->n) {
    size_t here = at;
    gboolean space = jinja_is_space (jinja_string_next (string, &at));

    if (space == inside) {
      borders[n++] = here;
      inside = !inside;
    }
  }
  if (inside)
    borders[n++] = string->n;
  n /= 2;
  jinja_work (run, n + string->n / JINJA_BYTES_A_STEP);
  if (limit < 0 || (size_t) limit >= n) {
    for (size_t i = 0; i < n; i++)
      jinja_list_add (run, list, slice (run, self, borders[2 * i], borders[2 * i + 1]));
    return;
  }
  if (!from_right) {
    for (size_t i = 0; i < (size_t) limit; i++)
      jinja_list_add (run, list, slice (run, self, borders[2 * i], borders[2 * i + 1]));
    from = borders[2 * limit];
    jinja_list_add (run, list, slice (run, self, from, string->n));
    return;
  }
  first = n - (size_t) limit;
  jinja_list_add (run, list, slice (run, self, 0, borders[2 * first - 1]));
  for (size_t i = first; i < n; i++)
    jinja_list_add (run, list, slice (run, self, borders[2 * i], borders[2 * i + 1]));
}

/* The last place of part before `before`. */
static gssize
find_last (JinjaRun *run, const JinjaString *string, const JinjaString *part, size_t before)
{
  jinja_work (run, before / JINJA_BYTES_A_STEP);
  if (part->n > before)
    return -1;
  for (size_t at = before - part->n + 1; at > 0; at--)
    if (memcmp (string->bytes + at - 1, part->bytes, part->n) == 0)
      return (gssize) at - 1;
  return -1;
}

static void
split_right (JinjaRun *run, JinjaValue self, const JinjaString *between, gint64 limit,
             JinjaList *list)
{
  JinjaList *reversed = jinja_list (run).list;
  size_t to = self.string->n;
  gssize at;

  while (limit-- != 0 && (at = find_last (run, self.string, between, to)) >= 0) {
    jinja_list_add (run, reversed, slice (run, self, (size_t) at + between->n, to));
    to = (size_t) at;
  }
  jinja_list_add (run, list, slice (run, self, 0, to));
  for (size_t i = reversed->n; i > 0; i--)
    jinja_list_add (run, list, reversed->items[i - 1]);
}

static JinjaValue
split (JinjaRun *run, JinjaValue self, const JinjaValue *values, gboolean from_right)
{
  JinjaValue list = jinja_list (run);
  gint64 limit = jinja_given (values[1]) ? jinja_need_int (run, values[1], "split") : -1;
  const JinjaString *between;
  size_t from = 0;
  gssize at;

  if (!has (values[0])) {
    split_words (run, self, limit, from_right, list.list);
    return list;
  }
  between = jinja_need_string (run, values[0], "split");
  if (between->n == 0)
    jinja_fail (run, "a text cannot be split at nothing");
  if (from_right) {
    split_right (run, self, between, limit, list.list);
    return list;
  }
  while (limit-- != 0 && (at = jinja_string_find (run, self.string, between, from)) >= 0) {
    jinja_work (run, 1);
    jinja_list_add (run, list.list, slice (run, self, from, (size_t) at));
    from = (size_t) at + between->n;
  }
  jinja_list_add (run, list.list, slice (run, self, from, self.string->n));
  return list;
}

METHOD (method_split)
{
  return split (run, self, values, FALSE);
}

METHOD (method_rsplit)
{
  return split (run, self, values, TRUE);
}

static gboolean
ends_line (gunichar c)
{
  return (c >= 10 && c <= 13) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

METHOD (method_splitlines)
{
  const JinjaString *string = self.string;
  gboolean keep = jinja_given (values[0]) && jinja_truth (run, values[0]);
  JinjaValue list = jinja_list (run);
  size_t from = 0;

  for (size_t at = 0; at < string->n;) {
    size_t end = at;
    gunichar c = jinja_string_next (string, &at);

    if (!ends_line (c))
      continue;
    if (c == '\r' && at < string->n && string->bytes[at] == '\n')
      at++;
    jinja_work (run, 1);
    jinja_list_add (run, list.list, slice (run, self, from, keep ? at : end));
    from = at;
  }
  if (from < string->n)
    jinja_list_add (run, list.list, slice (run, self, from, string->n));
  return list;
}

static JinjaValue
partition (JinjaRun *run, JinjaValue self, JinjaValue between, gboolean from_right)
{
  const JinjaString *part = jinja_need_string (run, between, "partition");
  JinjaValue parts = jinja_sequence (run, JINJA_TUPLE, NULL), empty = slice (run, self, 0, 0);
  size_t n = self.string->n, first, second;
  gssize at;

  if (part->n == 0)
    jinja_fail (run, "a text cannot be split at nothing");
  at = from_right ? find_last (run, self.string, part, n)
                  : jinja_string_find (run, self.string, part, 0);
  first = at >= 0 ? (size_t) at : from_right ? 0
                                             : n;
  second = at >= 0 ? (size_t) at + part->n : first;
  jinja_list_add (run, parts.list, slice (run, self, 0, first));
  jinja_list_add (run, parts.list, at >= 0 ? slice (run, self, first, second) : empty);
  jinja_list_add (run, parts.list, slice (run, self, second, n));
  return parts;
}

METHOD (method_partition)
{
  return partition (run, self, values[0], FALSE);
}

METHOD (method_rpartition)
{
  return partition (run, self, values[0], TRUE);
}

METHOD (method_join)
{
  JinjaList *list = jinja_iterate (run, values[0]);
  JinjaBuffer out;

  jinja_buffer_init (&out, run);
  for (size_t i = 0; i < list->n; i++) {
    if (i > 0)
      jinja_buffer_string (&out, self.string);
    jinja_buffer_string (&out, jinja_need_string (run, list->items[i], "join"));
  }
  return jinja_buffer_value (&out);
}

METHOD (method_replace)
{
  const JinjaString *string = self.string, *old = jinja_need_string (run, values[0], "replace");
  const JinjaString *new = jinja_need_string (run, values[1], "replace");
  gint64 limit = jinja_given (values[2]) ? jinja_need_int (run, values[2], "replace") : -1;
  size_t from = 0;
  gssize at;
  JinjaBuffer out;

  jinja_buffer_init (&out, run);
  while (limit != 0 && (at = jinja_string_find (run, string, old, from)) >= 0) {
    size_t end = (size_t) at + old->n;

    jinja_work (run, 1);
    jinja_buffer_slice (&out, string, from, (size_t) at);
    jinja_buffer_string (&out, new);
    from = end;
    limit -= limit > 0;
    if (old->n > 0)
      continue;
    if (from == string->n) /* nothing is found behind the last character too, once */
      return jinja_buffer_value (&out);
    jinja_string_next (string, &from);
    jinja_buffer_slice (&out, string, end, from);
  }
  jinja_buffer_slice (&out, string, from, string->n);
  return jinja_buffer_value (&out);
}

/* ---- looking for ----------------------------------------------------------------------- */

/* The bytes between two optional character indices. */
static void
bounds (JinjaRun *run, const JinjaString *string, JinjaValue start, JinjaValue end, size_t *from,
        size_t *to)
{
  gint64 n, first = 0, last;

  *from = 0;
  *to = string->n;
  if (!has (start) && !has (end))
    return;
  n = (gint64) jinja_string_length (string);
  last = n;
  if (has (start))
    first = jinja_need_int (run, start, "find");
  if (has (end))
    last = jinja_need_int (run, end, "find");
  first = first < 0 ? MAX (first + n, 0) : first;
  last = last < 0 ? MAX (last + n, 0) : MIN (last, n);
  *from = first > n ? string->n + 1 : jinja_string_offset (string, (size_t) first);
  *to = jinja_string_offset (string, (size_t) last);
}

/* The character index of part, or -1. */
static gint64
find_index (JinjaRun *run, JinjaValue self, const JinjaValue *values, gboolean from_right)
{
  const JinjaString *part = jinja_need_string (run, values[0], "find");
  JinjaString within = *self.string;
  size_t from, to;
  gssize at;

  bounds (run, self.string, values[1], values[2], &from, &to);
  if (from > to)
    return -1;
  within.n = to;
  at = from_right ? find_last (run, &within, part, to)
                  : jinja_string_find (run, &within, part, from);
  if (at < (gssize) from)
    return -1;
  within.n = (size_t) at;
  return (gint64) jinja_string_length (&within);
}

METHOD (method_find)
{
  return jinja_int (find_index (run, self, values, FALSE));
}

METHOD (method_rfind)
{
  return jinja_int (find_index (run, self, values, TRUE));
}

static JinjaValue
must_find (JinjaRun *run, gint64 index)
{
  if (index < 0)
    jinja_fail (run, "“index” does not find what it looks for");
  return jinja_int (index);
}

METHOD (method_index)
{
  return must_find (run, find_index (run, self, values, FALSE));
}

METHOD (method_rindex)
{
  return must_find (run, find_index (run, self, values, TRUE));
}

METHOD (method_count)
{
  const JinjaString *part = jinja_need_string (run, values[0], "count");
  size_t from, to;
  JinjaString within = *self.string;
  gint64 n = 0;
  gssize at;

  bounds (run, self.string, values[1], values[2], &from, &to);
  if (from > to)
    return jinja_int (0);
  within.n = to;
  if (part->n == 0)
    return jinja_int ((gint64) jinja_string_length (
                          jinja_string_slice (run, &within, from, to).string) +
                      1);
  for (; (at = jinja_string_find (run, &within, part, from)) >= 0; n++) {
    jinja_work (run, 1);
    from = (size_t) at + part->n;
  }
  return jinja_int (n);
}

/* Whether the text from..to begins (or ends) with part, or with one of a tuple. */
static gboolean
has_affix (JinjaRun *run, JinjaValue self, const JinjaValue *values, gboolean at_end)
{
  const JinjaString *string = self.string, *part;
  size_t from, to;

  if (values[0].kind == JINJA_TUPLE) {
    for (size_t i = 0; i < values[0].list->n; i++) {
      const JinjaValue one[3] = { values[0].list->items[i], values[1], values[2] };

      if (has_affix (run, self, one, at_end))
        return TRUE;
    }
    return FALSE;
  }
  part = jinja_need_string (run, values[0], at_end ? "endswith" : "startswith");
  bounds (run, string, values[1], values[2], &from, &to);
  return from <= to && part->n <= to - from &&
         memcmp (string->bytes + (at_end ? to - part->n : from), part->bytes, part->n) == 0;
}

METHOD (method_startswith)
{
  return jinja_bool (has_affix (run, self, values, FALSE));
}

METHOD (method_endswith)
{
  return jinja_bool (has_affix (run, self, values, TRUE));
}

METHOD (method_removeprefix)
{
  const JinjaValue part[3] = { values[0], JINJA_LEFT_OUT, JINJA_LEFT_OUT };
  size_t n = jinja_need_string (run, values[0], "removeprefix")->n;

  return slice (run, self, has_affix (run, self, part, FALSE) ? n : 0, self.string->n);
}

METHOD (method_removesuffix)
{
  const JinjaValue part[3] = { values[0], JINJA_LEFT_OUT, JINJA_LEFT_OUT };
  size_t n = jinja_need_string (run, values[0], "removesuffix")->n;

  return slice (run, self, 0, self.string->n - (has_affix (run, self, part, TRUE) ? n : 0));
}

/* ---- what it consists of --------------------------------------------------------------- */

static gboolean
is_ascii (gunichar c)
{
  return c < 0x80;
}

static gboolean
is_numeric (gunichar c)
{
  GUnicodeType type = g_unichar_type (c);

  return type == G_UNICODE_DECIMAL_NUMBER || type == G_UNICODE_LETTER_NUMBER ||
         type == G_UNICODE_OTHER_NUMBER;
}

/* empty: what an empty string is. */
static JinjaValue
all_are (const JinjaString *string, gboolean (*is) (gunichar c), gboolean empty)
{
  if (string->n == 0)
    return jinja_bool (empty);
  for (size_t at = 0; at < string->n;)
    if (!is (jinja_string_next (string, &at)))
      return jinja_bool (FALSE);
  return jinja_bool (TRUE);
}

METHOD (method_isalpha)
{
  return all_are (self.string, g_unichar_isalpha, FALSE);
}

static gboolean
is_alnum (gunichar c)
{
  return g_unichar_isalpha (c) || is_numeric (c);
}

METHOD (method_isalnum)
{
  return all_are (self.string, is_alnum, FALSE);
}

METHOD (method_isdigit)
{
  return all_are (self.string, g_unichar_isdigit, FALSE);
}

METHOD (method_isnumeric)
{
  return all_are (self.string, is_numeric, FALSE);
}

METHOD (method_isspace)
{
  return all_are (self.string, jinja_is_space, FALSE);
}

METHOD (method_isascii)
{
  return all_are (self.string, is_ascii, TRUE);
}

static JinjaValue
all_cased (const JinjaString *string, gboolean (*is) (gunichar c))
{
  gboolean any = FALSE;

  for (size_t at = 0; at < string->n;) {
    gunichar c = jinja_string_next (string, &at);

    if (is_cased (c) && !is (c))
      return jinja_bool (FALSE);
    any |= is_cased (c);
  }
  return jinja_bool (any);
}

METHOD (method_islower)
{
  return all_cased (self.string, g_unichar_islower);
}

METHOD (method_isupper)
{
  return all_cased (self.string, g_unichar_isupper);
}

METHOD (method_istitle)
{
  gboolean any = FALSE, before = FALSE;

  for (size_t at = 0; at < self.string->n;) {
    gunichar c = jinja_string_next (self.string, &at);
    gboolean capital = g_unichar_isupper (c) || g_unichar_istitle (c);

    if ((capital && before) || (g_unichar_islower (c) && !before))
      return jinja_bool (FALSE);
    before = is_cased (c);
    any |= before;
  }
  return jinja_bool (any);
}

/* ---- filled up ------------------------------------------------------------------------- */

/* left: how many of the missing characters go before it, of n. */
static JinjaValue
fill (JinjaRun *run, JinjaValue self, const JinjaValue *values, int where)
{
  gint64 width = jinja_need_int (run, values[0], "center");
  gint64 n = (gint64) jinja_string_length (self.string), room = MAX (width - n, 0);
  gint64 left = where < 0 ? 0 : where > 0 ? room
                                          : room / 2 + (room & width & 1);
  const JinjaString *with = jinja_given (values[1]) ? jinja_need_string (run, values[1], "center")
                                                    : jinja_literal (run, " ").string;
  JinjaBuffer out;

  if (jinja_string_length (with) != 1)
    jinja_fail (run, "a text is filled up with one character");
  jinja_buffer_init (&out, run);
  for (gint64 i = 0; i <= room; i++) {
    jinja_work (run, 1);
    if (i == left)
      jinja_buffer_string (&out, self.string);
    if (i < room)
      jinja_buffer_string (&out, with);
  }
  return jinja_buffer_value (&out);
}

METHOD (method_center)
{
  return fill (run, self, values, 0);
}

METHOD (method_ljust)
{
  return fill (run, self, values, -1);
}

METHOD (method_rjust)
{
  return fill (run, self, values, 1);
}

METHOD (method_zfill)
{
  gint64 width = jinja_need_int (run, values[0], "zfill");
  const JinjaString *string = self.string;
  size_t sign = string->n > 0 && (string->bytes[0] == '-' || string->bytes[0] == '+');
  JinjaBuffer out;

  jinja_buffer_init (&out, run);
  jinja_buffer_slice (&out, string, 0, sign);
  for (gint64 n = (gint64) jinja_string_length (string); n < width; n++) {
    jinja_work (run, 1);
    jinja_buffer_add (&out, "0");
  }
  jinja_buffer_slice (&out, string, sign, string->n);
  return jinja_buffer_value (&out);
}

METHOD (method_expandtabs)
{
  gint64 size = jinja_given (values[0]) ? jinja_need_int (run, values[0], "expandtabs") : 8;
  gint64 column = 0;
  JinjaBuffer out;

  jinja_buffer_init (&out, run);
  for (size_t at = 0; at < self.string->n;) {
    size_t from = at;
    gunichar c = jinja_string_next (self.string, &at);

    if (c != '\t') {
      jinja_buffer_slice (&out, self.string, from, at);
      column = c == '\n' || c == '\r' ? 0 : column + 1;
      continue;
    }
    for (gint64 i = size > 0 ? size - column % size : 0; i > 0; i--) {
      jinja_work (run, 1);
      jinja_buffer_add (&out, " ");
      column++;
    }
  }
  return jinja_buffer_value (&out);
}

METHOD (method_format)
{
  return jinja_format_braces (run, self.string, arguments);
}

const JinjaFilter jinja_string_methods[] = {
  { "split", "? sep maxsplit", method_split },
  { "strip", "? chars", method_strip },
  { "lstrip", "? chars", method_lstrip },
  { "rstrip", "? chars", method_rstrip },
  { "startswith", "prefix ? start end", method_startswith },
  { "endswith", "suffix ? start end", method_endswith },
  { "replace", "old new ? count", method_replace },
  { "upper", "", method_upper },
  { "lower", "", method_lower },
  { "casefold", "", method_lower },
  { "title", "", method_title },
  { "capitalize", "", method_capitalize },
  { "swapcase", "", method_swapcase },
  { "join", "iterable", method_join },
  { "format", "*", method_format },
  { "find", "sub ? start end", method_find },
  { "rfind", "sub ? start end", method_rfind },
  { "index", "sub ? start end", method_index },
  { "rindex", "sub ? start end", method_rindex },
  { "count", "sub ? start end", method_count },
  { "rsplit", "? sep maxsplit", method_rsplit },
  { "splitlines", "? keepends", method_splitlines },
  { "partition", "sep", method_partition },
  { "rpartition", "sep", method_rpartition },
  { "removeprefix", "prefix", method_removeprefix },
  { "removesuffix", "suffix", method_removesuffix },
  { "isalpha", "", method_isalpha },
  { "isalnum", "", method_isalnum },
  { "isdigit", "", method_isdigit },
  { "isdecimal", "", method_isdigit },
  { "isnumeric", "", method_isnumeric },
  { "isspace", "", method_isspace },
  { "isascii", "", method_isascii },
  { "islower", "", method_islower },
  { "isupper", "", method_isupper },
  { "istitle", "", method_istitle },
  { "center", "width ? fillchar", method_center },
  { "ljust", "width ? fillchar", method_ljust },
  { "rjust", "width ? fillchar", method_rjust },
  { "zfill", "width", method_zfill },
  { "expandtabs", "? tabsize", method_expandtabs },
  { NULL, NULL, NULL },
};

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What values can do as Python's do: truth, equality, order, length, iteration, membership,
 * attributes, items, slices. Knows no expressions. */
#include "engine/text/jinja/private.h"

#include <math.h>
#include <string.h>

#define FIRST_ROOM 8

JinjaValue
jinja_bool (gboolean boolean)
{
  return (JinjaValue) { .kind = JINJA_BOOL, .boolean = boolean != FALSE };
}

JinjaValue
jinja_int (gint64 integer)
{
  return (JinjaValue) { .kind = JINJA_INT, .integer = integer };
}

JinjaValue
jinja_float (double real)
{
  return (JinjaValue) { .kind = JINJA_FLOAT, .real = real };
}

JinjaValue
jinja_undefined (JinjaRun *run, const char *format, ...)
{
  char what[160];
  va_list arguments;
  char *kept;

  va_start (arguments, format);
  g_vsnprintf (what, sizeof what, format, arguments);
  va_end (arguments);
  kept = jinja_alloc (run, strlen (what) + 1);
  strcpy (kept, what);
  return (JinjaValue) { .kind = JINJA_UNDEFINED, .what = kept };
}

JinjaValue
jinja_sequence (JinjaRun *run, JinjaKind kind, const char *name)
{
  JinjaList *list = jinja_alloc (run, sizeof (JinjaList));

  list->name = name;
  return (JinjaValue) { .kind = kind, .list = list };
}

JinjaValue
jinja_list (JinjaRun *run)
{
  return jinja_sequence (run, JINJA_LIST, NULL);
}

void
jinja_list_add (JinjaRun *run, JinjaList *list, JinjaValue value)
{
  if (list->n == list->room) {
    size_t room = MAX (list->room * 2, FIRST_ROOM);
    JinjaValue *items = jinja_alloc (run, room * sizeof *items);

    if (list->n > 0)
      memcpy (items, list->items, list->n * sizeof *items);
    list->items = items;
    list->room = room;
  }
  list->items[list->n++] = value;
}

JinjaValue
jinja_pair (JinjaRun *run, JinjaValue a, JinjaValue b)
{
  JinjaValue pair = jinja_sequence (run, JINJA_TUPLE, NULL);

  jinja_list_add (run, pair.list, a);
  jinja_list_add (run, pair.list, b);
  return pair;
}

/* ---- dictionaries ---------------------------------------------------------------------- */

JinjaValue
jinja_dict (JinjaRun *run)
{
  return (JinjaValue) { .kind = JINJA_DICT, .dict = jinja_alloc (run, sizeof (JinjaDict)) };
}

static gboolean
can_be_key (JinjaValue key)
{
  if (key.kind == JINJA_TUPLE) {
    for (size_t i = 0; i < key.list->n; i++)
      if (!can_be_key (key.list->items[i]))
        return FALSE;
    return TRUE;
  }
  return key.kind != JINJA_LIST && key.kind != JINJA_DICT;
}

JinjaValue *
jinja_dict_find (JinjaRun *run, const JinjaDict *dict, JinjaValue key)
{
  if (!can_be_key (key))
    jinja_fail (run, "%s cannot be a key", jinja_type_name (key));
  jinja_work (run, dict->n / 8);
  for (size_t i = 0; i < dict->n; i++)
    if (jinja_equal (run, dict->pairs[i].key, key))
      return &dict->pairs[i].value;
  return NULL;
}

JinjaValue *
jinja_dict_find_name (const JinjaDict *dict, const char *key)
{
  for (size_t i = 0; i < dict->n; i++)
    if (dict->pairs[i].key.kind == JINJA_STRING &&
        jinja_string_is (dict->pairs[i].key.string, key))
      return &dict->pairs[i].value;
  return NULL;
}

void
jinja_dict_set (JinjaRun *run, JinjaDict *dict, JinjaValue key, JinjaValue value)
{
  JinjaValue *old = jinja_dict_find (run, dict, key);

  if (old != NULL) {
    *old = value;
    return;
  }
  if (dict->n == dict->room) {
    size_t room = MAX (dict->room * 2, FIRST_ROOM);
    JinjaPair *pairs = jinja_alloc (run, room * sizeof *pairs);

    if (dict->n > 0)
      memcpy (pairs, dict->pairs, dict->n * sizeof *pairs);
    dict->pairs = pairs;
    dict->room = room;
  }
  dict->pairs[dict->n++] = (JinjaPair) { key, value };
}

void
jinja_dict_set_name (JinjaRun *run, JinjaDict *dict, const char *key, JinjaValue value)
{
  jinja_dict_set (run, dict, jinja_string (run, key, -1, FALSE), value);
}

/* ---- kinds ----------------------------------------------------------------------------- */

const char *
jinja_type_name (JinjaValue value)
{
  static const char *const names[] = {
    [JINJA_UNDEFINED] = "an undefined value",
    [JINJA_NONE] = "None",
    [JINJA_BOOL] = "a bool",
    [JINJA_INT] = "an int",
    [JINJA_FLOAT] = "a float",
    [JINJA_STRING] = "a str",
    [JINJA_LIST] = "a list",
    [JINJA_TUPLE] = "a tuple",
    [JINJA_RANGE] = "a range",
    [JINJA_VIEW] = "a dict view",
    [JINJA_ITERATOR] = "a generator",
    [JINJA_DICT] = "a dict",
    [JINJA_NAMESPACE] = "a namespace",
    [JINJA_CALLABLE] = "a function",
    [JINJA_LOOP] = "a loop",
  };

  return names[value.kind];
}

gboolean
jinja_is_list (JinjaValue value)
{
  return value.kind >= JINJA_LIST && value.kind <= JINJA_ITERATOR;
}

gboolean
jinja_is_number (JinjaValue value)
{
  return value.kind == JINJA_BOOL || value.kind == JINJA_INT || value.kind == JINJA_FLOAT;
}

gint64
jinja_whole (JinjaValue value)
{
  return value.kind == JINJA_BOOL ? value.boolean : value.integer;
}

double
jinja_number (JinjaValue value)
{
  return value.kind == JINJA_FLOAT ? value.real : (double) jinja_whole (value);
}

gboolean
jinja_truth (JinjaRun *run, JinjaValue value)
{
  switch (value.kind) {
  case JINJA_UNDEFINED:
  case JINJA_NONE:
    return FALSE;
  case JINJA_BOOL:
    return value.boolean;
  case JINJA_INT:
    return value.integer != 0;
  case JINJA_FLOAT:
    return value.real != 0;
  case JINJA_STRING:
    return value.string->n > 0;
  case JINJA_DICT:
    return value.dict->n > 0;
  case JINJA_LIST:
  case JINJA_TUPLE:
  case JINJA_RANGE:
  case JINJA_VIEW:
    return value.list->n > 0;
  default:
    return TRUE;
  }
}

/* ---- equality and order ---------------------------------------------------------------- */

static gboolean
equal_dicts (JinjaRun *run, const JinjaDict *a, const JinjaDict *b)
{
  if (a->n != b->n)
    return FALSE;
  for (size_t i = 0; i < a->n; i++) {
    const JinjaValue *other = jinja_dict_find (run, b, a->pairs[i].key);

    if (other == NULL || !jinja_equal (run, a->pairs[i].value, *other))
      return FALSE;
  }
  return TRUE;
}

static gboolean
equal_lists (JinjaRun *run, const JinjaList *a, const JinjaList *b)
{
  if (a->n != b->n)
    return FALSE;
  for (size_t i = 0; i < a->n; i++)
    if (!jinja_equal (run, a->items[i], b->items[i]))
      return FALSE;
  return TRUE;
}

static gboolean
equal_numbers (JinjaValue a, JinjaValue b)
{
  if (a.kind != JINJA_FLOAT && b.kind != JINJA_FLOAT)
    return jinja_whole (a) == jinja_whole (b);
  return jinja_number (a) == jinja_number (b);
}

gboolean
jinja_equal (JinjaRun *run, JinjaValue a, JinjaValue b)
{
  gboolean equal;

  if (jinja_is_number (a) && jinja_is_number (b))
    return equal_numbers (a, b);
  if (a.kind != b.kind)
    return FALSE;
  jinja_work (run, 1);
  switch (a.kind) {
  case JINJA_UNDEFINED:
  case JINJA_NONE:
    return TRUE;
  case JINJA_STRING:
    jinja_work (run, a.string->n / JINJA_BYTES_A_STEP);
    return a.string->n == b.string->n &&
           memcmp (a.string->bytes, b.string->bytes, a.string->n) == 0;
  case JINJA_LIST:
  case JINJA_TUPLE:
  case JINJA_RANGE:
    jinja_enter (run);
    equal = a.list == b.list || equal_lists (run, a.list, b.list);
    jinja_leave (run);
    return equal;
  case JINJA_DICT:
    jinja_enter (run);
    equal = a.dict == b.dict || equal_dicts (run, a.dict, b.dict);
    jinja_leave (run);
    return equal;
  case JINJA_VIEW:
  case JINJA_ITERATOR:
    return a.list == b.list;
  case JINJA_NAMESPACE:
    return a.dict == b.dict;
  case JINJA_CALLABLE:
    return a.callable == b.callable;
  default:
    return a.loop == b.loop;
  }
}

static int
order_strings (const JinjaString *a, const JinjaString *b)
{
  int order = memcmp (a->bytes, b->bytes, MIN (a->n, b->n));

  return order != 0 ? order : (a->n > b->n) - (a->n < b->n);
}

int
jinja_order (JinjaRun *run, JinjaValue a, JinjaValue b, const char *operator)
{
  jinja_work (run, 1);
  if (jinja_is_number (a) && jinja_is_number (b)) {
    double x = jinja_number (a), y = jinja_number (b);

    if (a.kind != JINJA_FLOAT && b.kind != JINJA_FLOAT)
      return (jinja_whole (a) > jinja_whole (b)) - (jinja_whole (a) < jinja_whole (b));
    return (x > y) - (x < y);
  }
  if (a.kind == JINJA_STRING && b.kind == JINJA_STRING)
    return order_strings (a.string, b.string);
  if (a.kind == b.kind && (a.kind == JINJA_LIST || a.kind == JINJA_TUPLE)) {
    jinja_enter (run);
    for (size_t i = 0; i < MIN (a.list->n, b.list->n); i++)
      if (!jinja_equal (run, a.list->items[i], b.list->items[i])) {
        int order = jinja_order (run, a.list->items[i], b.list->items[i], operator);

        jinja_leave (run);
        return order;
      }
    jinja_leave (run);
    return (a.list->n > b.list->n) - (a.list->n < b.list->n);
  }
  jinja_fail (run, "“%s” cannot compare %s with %s", operator, jinja_type_name (a),
              jinja_type_name (b));
}

/* Merges the sorted halves of from[0 .. n) into to. */
static void
merge (JinjaRun *run, JinjaPair *to, const JinjaPair *from, size_t half, size_t n, gboolean reverse)
{
  size_t left = 0, right = half;

  for (size_t i = 0; i < n; i++) {
    gboolean take_right = left == half;

    if (!take_right && right < n) /* equal ones keep their order in both directions */
      take_right = reverse ? jinja_order (run, from[left].key, from[right].key, "<") < 0
                           : jinja_order (run, from[right].key, from[left].key, "<") < 0;
    to[i] = from[take_right ? right++ : left++];
  }
}

void
jinja_sort (JinjaRun *run, JinjaValue *keys, JinjaValue *values, size_t n, gboolean reverse)
{
  JinjaPair *pairs = jinja_alloc (run, 2 * n * sizeof (JinjaPair)), *other = pairs + n;

  for (size_t i = 0; i < n; i++)
    pairs[i] = (JinjaPair) { keys[i], values[i] };
  for (size_t width = 1; width < n; width *= 2) {
    JinjaPair *swap = pairs;

    for (size_t at = 0; at < n; at += 2 * width)
      merge (run, other + at, pairs + at, MIN (width, n - at), MIN (2 * width, n - at), reverse);
    pairs = other;
    other = swap;
  }
  for (size_t i = 0; i < n; i++) {
    keys[i] = pairs[i].key;
    values[i] = pairs[i].value;
  }
}

/* ---- containers ------------------------------------------------------------------------ */

gboolean
jinja_contains (JinjaRun *run, JinjaValue container, JinjaValue item)
{
  JinjaList *list;

  if (container.kind == JINJA_STRING) {
    if (item.kind != JINJA_STRING)
      jinja_fail (run, "“in” looks for a string in a string, not for %s", jinja_type_name (item));
    return jinja_string_find (run, container.string, item.string, 0) >= 0;
  }
  if (container.kind == JINJA_DICT)
    return jinja_dict_find (run, container.dict, item) != NULL;
  list = jinja_iterate (run, container);
  for (size_t i = 0; i < list->n; i++)
    if (jinja_equal (run, list->items[i], item))
      return TRUE;
  return FALSE;
}

JinjaList *
jinja_iterate (JinjaRun *run, JinjaValue value)
{
  JinjaList *list = jinja_list (run).list;

  switch (value.kind) {
  case JINJA_UNDEFINED:
    if (value.what == jinja_left_out)
      break;
    return list;
  case JINJA_STRING:
    for (size_t at = 0; at < value.string->n;) {
      size_t from = at;

      jinja_string_next (value.string, &at);
      jinja_work (run, 1);
      jinja_list_add (run, list, jinja_string_slice (run, value.string, from, at));
    }
    return list;
  case JINJA_LIST:
  case JINJA_TUPLE:
  case JINJA_RANGE:
  case JINJA_VIEW:
    *list = *value.list;
    list->room = list->n; /* what is added to either does not show in the other */
    return list;
  case JINJA_ITERATOR:
    list->n = list->room = value.list->n - value.list->next;
    list->items = list->n > 0 ? value.list->items + value.list->next : NULL;
    value.list->next = value.list->n;
    return list;
  case JINJA_DICT:
    for (size_t i = 0; i < value.dict->n; i++)
      jinja_list_add (run, list, value.dict->pairs[i].key);
    return list;
  default:
    break;
  }
  jinja_fail (run, "%s cannot be walked through", jinja_type_name (value));
}

size_t
jinja_length (JinjaRun *run, JinjaValue value)
{
  switch (value.kind) {
  case JINJA_UNDEFINED:
    return 0;
  case JINJA_STRING:
    jinja_work (run, value.string->n / JINJA_BYTES_A_STEP);
    return jinja_string_length (value.string);
  case JINJA_DICT:
    return value.dict->n;
  case JINJA_LIST:
  case JINJA_TUPLE:
  case JINJA_RANGE:
  case JINJA_VIEW:
    return value.list->n;
  default:
    jinja_fail (run, "%s has no length", jinja_type_name (value));
  }
}

/* ---- attributes, items, slices --------------------------------------------------------- */

static void
fail_undefined (JinjaRun *run, JinjaValue value)
{
  if (value.kind == JINJA_UNDEFINED)
    jinja_fail (run, "%s", value.what != NULL ? value.what : "a value is undefined");
}

static JinjaValue
no_such (JinjaRun *run, JinjaValue value, JinjaValue key)
{
  const JinjaString *name = jinja_to_string (run, key);

  return jinja_undefined (run, "“%.*s” of %s is undefined", (int) MIN (name->n, 60), name->bytes,
                          jinja_type_name (value));
}

/* What Python's own attribute of this name is; FALSE when there is none. */
static gboolean
own_attribute (JinjaRun *run, JinjaValue value, const JinjaString *name, JinjaValue *found)
{
  const JinjaFilter *method;
  gboolean known = FALSE;

  if (value.kind == JINJA_NAMESPACE) {
    JinjaValue key = { .kind = JINJA_STRING, .string = name };
    const JinjaValue *held = jinja_dict_find (run, value.dict, key);

    if (held != NULL)
      *found = *held;
    return held != NULL;
  }
  if (value.kind == JINJA_LOOP) {
    *found = jinja_loop_attribute (run, value.loop, name);
    return found->kind != JINJA_UNDEFINED || found->what != jinja_left_out;
  }
  if (value.kind == JINJA_TUPLE && value.list->name != NULL && value.list->n == 2) {
    /* What groupby gives. */
    if (jinja_string_is (name, "grouper") || jinja_string_is (name, "list")) {
      *found = value.list->items[name->bytes[0] == 'l'];
      return TRUE;
    }
  }
  if (value.kind == JINJA_CALLABLE && value.callable->macro != NULL &&
      jinja_string_is (name, "name")) {
    *found = jinja_literal (run, value.callable->macro->name);
    return TRUE;
  }
  method = jinja_find_method (value, name, &known);
  if (method == NULL && !known)
    return FALSE;
  if (method == NULL)
    *found = jinja_undefined (run, "“%.*s” of %s cannot be used in a template",
                              (int) MIN (name->n, 60), name->bytes, jinja_type_name (value));
  else
    *found = jinja_callable (run, method, value);
  return TRUE;
}

/* FALSE when there is no such item. */
static gboolean
own_item (JinjaRun *run, JinjaValue value, JinjaValue key, JinjaValue *found)
{
  gint64 n, at;

  if (value.kind == JINJA_DICT) {
    const JinjaValue *held = can_be_key (key) ? jinja_dict_find (run, value.dict, key) : NULL;

    if (held != NULL)
      *found = *held;
    return held != NULL;
  }
  if (key.kind != JINJA_INT && key.kind != JINJA_BOOL)
    return FALSE;
  if (value.kind != JINJA_STRING && value.kind != JINJA_LIST && value.kind != JINJA_TUPLE &&
      value.kind != JINJA_RANGE)
    return FALSE;
  n = (gint64) jinja_length (run, value);
  at = jinja_whole (key);
  if (at < -n || at >= n)
    return FALSE;
  at = at < 0 ? at + n : at;
  if (value.kind == JINJA_STRING) {
    size_t from = jinja_string_offset (value.string, (size_t) at), to = from;

    jinja_string_next (value.string, &to);
    *found = jinja_string_slice (run, value.string, from, to);
  } else {
    *found = value.list->items[at];
  }
  return TRUE;
}

JinjaValue
jinja_get_attribute (JinjaRun *run, JinjaValue value, const JinjaString *name)
{
  JinjaValue key = { .kind = JINJA_STRING, .string = name }, found;

  fail_undefined (run, value);
  if (own_attribute (run, value, name, &found) || own_item (run, value, key, &found))
    return found;
  return no_such (run, value, key);
}

JinjaValue
jinja_get_item (JinjaRun *run, JinjaValue value, JinjaValue key)
{
  JinjaValue found;

  fail_undefined (run, value);
  if (own_item (run, value, key, &found))
    return found;
  if (key.kind == JINJA_STRING && own_attribute (run, value, key.string, &found))
    return found;
  return no_such (run, value, key);
}

/* One bound of a slice as an index; fails for what is no number. */
static gint64
slice_bound (JinjaRun *run, JinjaValue bound, gint64 n, gint64 otherwise, gboolean backwards)
{
  gint64 at, low = backwards ? -1 : 0, high = backwards ? n - 1 : n;

  if (bound.kind == JINJA_NONE)
    return otherwise;
  at = jinja_whole (bound);
  if (at < 0)
    at = at < -n ? low : at + n;
  return CLAMP (at, low, high);
}

static gboolean
is_bound (JinjaValue bound)
{
  return bound.kind == JINJA_NONE || bound.kind == JINJA_INT || bound.kind == JINJA_BOOL;
}

JinjaValue
jinja_get_slice (JinjaRun *run, JinjaValue value, JinjaValue start, JinjaValue stop,
                 JinjaValue step)
{
  gint64 n, by, from, to;
  JinjaValue result;
  JinjaList *items;

  fail_undefined (run, value);
  if ((value.kind != JINJA_STRING && value.kind != JINJA_LIST && value.kind != JINJA_TUPLE &&
       value.kind != JINJA_RANGE) ||
      !is_bound (start) || !is_bound (stop) || !is_bound (step))
    jinja_fail (run, "%s cannot be sliced in this way", jinja_type_name (value));
  by = step.kind == JINJA_NONE ? 1 : jinja_whole (step);
  if (by == 0)
    jinja_fail (run, "the step of a slice is zero");
  n = (gint64) jinja_length (run, value);
  from = slice_bound (run, start, n, by < 0 ? n - 1 : 0, by < 0);
  to = slice_bound (run, stop, n, by < 0 ? -1 : n, by < 0);
  if (value.kind == JINJA_STRING && by == 1) {
    size_t first = jinja_string_offset (value.string, (size_t) from);
    size_t last = jinja_string_offset (value.string, (size_t) MAX (from, to));

    return jinja_string_slice (run, value.string, first, last);
  }
  items = jinja_iterate (run, value);
  result = jinja_sequence (run, value.kind == JINJA_STRING ? JINJA_LIST : value.kind, NULL);
  for (gint64 i = from; by > 0 ? i < to : i > to;) {
    jinja_work (run, 1);
    jinja_list_add (run, result.list, items->items[i]);
    if (by > 0 ? i > G_MAXINT64 - by : i < G_MININT64 - by)
      break;
    i += by;
  }
  if (value.kind == JINJA_RANGE) {
    result.list->start = value.list->start + from * value.list->step;
    result.list->stop = value.list->start + to * value.list->step;
    if (__builtin_mul_overflow (value.list->step, by, &result.list->step))
      jinja_fail (run, "the step of a slice is too large");
  }
  if (value.kind == JINJA_STRING) {
    JinjaBuffer buffer;

    jinja_buffer_init (&buffer, run);
    for (size_t i = 0; i < result.list->n; i++)
      jinja_buffer_string (&buffer, result.list->items[i].string);
    return jinja_buffer_value (&buffer);
  }
  return result;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Filters over lists and dictionaries, one row each. Where Jinja2 gives a generator an iterator
 * comes out, which is always true, has no length and can be walked through once. */
#include "engine/text/jinja/private.h"

#include "engine/error.h"

#include <string.h>

#define FILTER(name)                                                                \
  static JinjaValue name (JinjaRun *run, JinjaValue self, const JinjaValue *values, \
                          const JinjaArguments *arguments)

static gboolean
flag (JinjaRun *run, JinjaValue value)
{
  return jinja_given (value) && jinja_truth (run, value);
}

static gboolean
has (JinjaValue value)
{
  return jinja_given (value) && value.kind != JINJA_NONE;
}

/* "a.b.0": attributes and indices from the outside in. LEFT_OUT and None: the item itself. */
static JinjaValue
get_path (JinjaRun *run, JinjaValue item, JinjaValue path, JinjaValue otherwise)
{
  size_t from = 0;

  if (!has (path))
    return item;
  if (path.kind != JINJA_STRING) {
    item = jinja_get_item (run, item, path);
    return item.kind == JINJA_UNDEFINED && has (otherwise) ? otherwise : item;
  }
  for (size_t at = 0; at <= path.string->n; at++) {
    JinjaValue part;
    gboolean digits = at > from;
    gint64 index;

    if (at < path.string->n && path.string->bytes[at] != '.')
      continue;
    part = jinja_string_slice (run, path.string, from, at);
    for (size_t i = from; i < at; i++)
      digits = digits && g_ascii_isdigit (path.string->bytes[i]);
    if (digits && jinja_parse_int (part.string, 10, &index))
      part = jinja_int (index);
    item = jinja_get_item (run, item, part);
    if (item.kind == JINJA_UNDEFINED && has (otherwise))
      item = otherwise;
    from = at + 1;
  }
  return item;
}

static JinjaValue
lower_string (JinjaRun *run, JinjaValue value)
{
  if (value.kind != JINJA_STRING)
    return value;
  return jinja_call_row (run, jinja_find_filter ("lower"), value,
                         &(JinjaArguments) { NULL, 0, NULL });
}

/* What an item is compared by. */
static JinjaValue
key_of (JinjaRun *run, JinjaValue item, JinjaValue path, JinjaValue otherwise,
        gboolean case_sensitive)
{
  JinjaValue key = get_path (run, item, path, otherwise);

  return case_sensitive ? key : lower_string (run, key);
}

static JinjaValue
iterator (JinjaRun *run, const char *name)
{
  return jinja_sequence (run, JINJA_ITERATOR, name);
}

FILTER (filter_length)
{
  return jinja_int ((gint64) jinja_length (run, self));
}

FILTER (filter_list)
{
  JinjaValue list = jinja_list (run);

  list.list = jinja_iterate (run, self);
  return list;
}

FILTER (filter_items)
{
  JinjaValue items = iterator (run, "do_items");

  if (self.kind != JINJA_DICT && self.kind != JINJA_UNDEFINED)
    jinja_fail (run, "“items” needs a dictionary, not %s", jinja_type_name (self));
  for (size_t i = 0; self.kind == JINJA_DICT && i < self.dict->n; i++)
    jinja_list_add (run, items.list,
                    jinja_pair (run, self.dict->pairs[i].key, self.dict->pairs[i].value));
  return items;
}

FILTER (filter_join)
{
  JinjaList *list = jinja_iterate (run, self);
  const JinjaString *between =
      jinja_given (values[0]) ? jinja_to_string (run, values[0]) : NULL;
  JinjaBuffer out;

  jinja_buffer_init (&out, run);
  for (size_t i = 0; i < list->n; i++) {
    if (i > 0 && between != NULL)
      jinja_buffer_string (&out, between);
    jinja_print (&out, get_path (run, list->items[i], values[1], JINJA_LEFT_OUT));
  }
  return jinja_buffer_value (&out);
}

FILTER (filter_first)
{
  JinjaList *list;

  if (self.kind == JINJA_ITERATOR && self.list->next < self.list->n)
    return self.list->items[self.list->next++];
  list = jinja_iterate (run, self);
  return list->n > 0 ? list->items[0] : jinja_undefined (run, "there is no first item");
}

FILTER (filter_last)
{
  JinjaList *list;

  if (self.kind == JINJA_ITERATOR)
    jinja_fail (run, "%s has no last item", jinja_type_name (self));
  list = jinja_iterate (run, self);
  return list->n > 0 ? list->items[list->n - 1] : jinja_undefined (run, "there is no last item");
}

FILTER (filter_reverse)
{
  JinjaList *list;
  JinjaValue reversed = iterator (run, "reversed");

  if (self.kind == JINJA_STRING)
    return jinja_get_slice (run, self, JINJA_NONE_VALUE, JINJA_NONE_VALUE, jinja_int (-1));
  list = jinja_iterate (run, self);
  for (size_t i = list->n; i > 0; i--)
    jinja_list_add (run, reversed.list, list->items[i - 1]);
  return reversed;
}

/* Sorts by keys of one path, or of several with commas, which are compared one after another. */
FILTER (filter_sort)
{
  JinjaValue sorted = jinja_list (run), paths = jinja_list (run);
  JinjaList *list = sorted.list = jinja_iterate (run, self);
  JinjaValue *keys = jinja_alloc (run, 2 * list->n * sizeof *keys), *items = keys + list->n;
  gboolean case_sensitive = flag (run, values[1]);

  if (has (values[2]) && values[2].kind == JINJA_STRING) {
    const JinjaString *path = values[2].string;
    size_t from = 0;

    for (size_t at = 0; at <= path->n; at++)
      if (at == path->n || path->bytes[at] == ',') {
        jinja_list_add (run, paths.list, jinja_string_slice (run, path, from, at));
        from = at + 1;
      }
  } else {
    jinja_list_add (run, paths.list, values[2]);
  }
  for (size_t i = 0; i < list->n; i++) {
    keys[i] = jinja_list (run);
    for (size_t k = 0; k < paths.list->n; k++)
      jinja_list_add (run, keys[i].list,
                      key_of (run, list->items[i], paths.list->items[k], JINJA_LEFT_OUT,
                              case_sensitive));
    items[i] = list->items[i];
  }
  jinja_sort (run, keys, items, list->n, flag (run, values[0]));
  list->items = items;
  return sorted;
}

FILTER (filter_dictsort)
{
  JinjaValue sorted = jinja_list (run), *keys, *items;
  gboolean by_value = jinja_given (values[1]) && values[1].kind == JINJA_STRING &&
                      jinja_string_is (values[1].string, "value");
  const JinjaDict *dict = self.dict;

  if (self.kind != JINJA_DICT)
    jinja_fail (run, "“dictsort” needs a dictionary, not %s", jinja_type_name (self));
  if (jinja_given (values[1]) && !by_value &&
      !jinja_string_is (jinja_to_string (run, values[1]), "key"))
    jinja_fail (run, "“dictsort” sorts by key or by value");
  keys = jinja_alloc (run, 2 * dict->n * sizeof *keys);
  items = keys + dict->n;
  for (size_t i = 0; i < dict->n; i++) {
    keys[i] = by_value ? dict->pairs[i].value : dict->pairs[i].key;
    if (!flag (run, values[0]))
      keys[i] = lower_string (run, keys[i]);
    items[i] = jinja_pair (run, dict->pairs[i].key, dict->pairs[i].value);
  }
  jinja_sort (run, keys, items, dict->n, flag (run, values[2]));
  sorted.list->items = items;
  sorted.list->n = sorted.list->room = dict->n;
  return sorted;
}

FILTER (filter_unique)
{
  JinjaValue unique = iterator (run, "do_unique");
  JinjaDict *seen = jinja_dict (run).dict;
  JinjaList *list = jinja_iterate (run, self);

  for (size_t i = 0; i < list->n; i++) {
    JinjaValue key =
        key_of (run, list->items[i], values[1], JINJA_LEFT_OUT, flag (run, values[0]));

    if (jinja_dict_find (run, seen, key) != NULL)
      continue;
    jinja_dict_set (run, seen, key, JINJA_NONE_VALUE);
    jinja_list_add (run, unique.list, list->items[i]);
  }
  return unique;
}

FILTER (filter_groupby)
{
  JinjaList *list = jinja_iterate (run, self);
  JinjaValue *keys = jinja_alloc (run, 2 * list->n * sizeof *keys), *items = keys + list->n;
  JinjaValue groups = jinja_list (run), group = JINJA_NONE_VALUE;
  gboolean case_sensitive = flag (run, values[2]);

  for (size_t i = 0; i < list->n; i++) {
    items[i] = list->items[i];
    keys[i] = key_of (run, items[i], values[0], values[1], case_sensitive);
  }
  jinja_sort (run, keys, items, list->n, FALSE);
  for (size_t i = 0; i < list->n; i++) {
    if (i == 0 || !jinja_equal (run, keys[i - 1], keys[i])) {
      group = jinja_list (run);
      jinja_list_add (run, groups.list,
                      jinja_pair (run, get_path (run, items[i], values[0], values[1]), group));
      groups.list->items[groups.list->n - 1].list->name = "group";
    }
    jinja_list_add (run, group.list, items[i]);
  }
  return groups;
}

/* The smallest (sign -1) or the largest (1). */
static JinjaValue
extreme (JinjaRun *run, JinjaValue self, const JinjaValue *values, int sign)
{
  JinjaList *list = jinja_iterate (run, self);
  JinjaValue best = JINJA_NONE_VALUE;
  size_t at = 0;

  if (list->n == 0)
    return jinja_undefined (run, "an empty list has no smallest and no largest item");
  for (size_t i = 0; i < list->n; i++) {
    JinjaValue key =
        key_of (run, list->items[i], values[1], JINJA_LEFT_OUT, flag (run, values[0]));

    if (i == 0 || jinja_order (run, key, best, "<") * sign > 0) {
      best = key;
      at = i;
    }
  }
  return list->items[at];
}

FILTER (filter_min)
{
  return extreme (run, self, values, -1);
}

FILTER (filter_max)
{
  return extreme (run, self, values, 1);
}

FILTER (filter_sum)
{
  JinjaList *list = jinja_iterate (run, self);
  JinjaValue sum = jinja_given (values[1]) ? values[1] : jinja_int (0);

  if (sum.kind == JINJA_STRING)
    jinja_fail (run, "“sum” does not add strings");
  for (size_t i = 0; i < list->n; i++)
    sum = jinja_operate (run, OP_ADD, sum,
                         get_path (run, list->items[i], values[0], JINJA_LEFT_OUT));
  return sum;
}

/* fill: what an incomplete group is filled up with. */
FILTER (filter_batch)
{
  JinjaValue batches = iterator (run, "do_batch"), batch = JINJA_NONE_VALUE;
  JinjaList *list = jinja_iterate (run, self);
  gint64 size = jinja_need_int (run, values[0], "batch");

  for (size_t i = 0; i < list->n; i++) {
    if (batch.kind == JINJA_NONE || (gint64) batch.list->n == size) {
      batch = jinja_list (run);
      jinja_list_add (run, batches.list, batch);
    }
    jinja_list_add (run, batch.list, list->items[i]);
  }
  if (batch.kind != JINJA_NONE && has (values[1]))
    while ((gint64) batch.list->n < size) {
      jinja_work (run, 1);
      jinja_list_add (run, batch.list, values[1]);
    }
  return batches;
}

FILTER (filter_slice)
{
  JinjaValue slices = iterator (run, "do_slice");
  JinjaList *list = jinja_iterate (run, self);
  gint64 n = jinja_need_int (run, values[0], "slice"), longer;
  size_t at = 0;

  if (n == 0)
    jinja_fail (run, "“slice” cannot make no slices");
  longer = n > 0 ? (gint64) list->n % n : 0;
  for (gint64 i = 0; i < n; i++) {
    JinjaValue slice = jinja_list (run);
    size_t size = list->n / (size_t) n + (i < longer);

    jinja_work (run, 1);
    for (size_t k = 0; k < size; k++)
      jinja_list_add (run, slice.list, list->items[at++]);
    if (has (values[1]) && i >= longer)
      jinja_list_add (run, slice.list, values[1]);
    jinja_list_add (run, slices.list, slice);
  }
  return slices;
}

/* ---- map, select, reject --------------------------------------------------------------- */

/* The arguments behind the first n. */
static JinjaArguments
behind (const JinjaArguments *arguments, size_t n)
{
  return (JinjaArguments) { arguments->positional + n, arguments->n - n, arguments->named };
}

static const char *
name_of (JinjaRun *run, JinjaValue value, const char *callee)
{
  const JinjaString *string = jinja_need_string (run, value, callee);
  char *name = jinja_alloc (run, string->n + 1);

  return memcpy (name, string->bytes, string->n);
}

FILTER (filter_map)
{
  JinjaValue mapped = iterator (run, "sync_do_map");
  JinjaList *list;
  const JinjaFilter *filter = NULL;
  JinjaValue path[JINJA_MAX_PARAMETERS];
  JinjaArguments rest;

  if (!jinja_truth (run, self))
    return mapped;
  list = jinja_iterate (run, self);
  if (arguments->n == 0 && jinja_dict_find_name (arguments->named, "attribute") != NULL) {
    jinja_bind (run, "map", "attribute ? default", arguments, path);
  } else if (arguments->n == 0) {
    jinja_fail (run, "“map” needs a filter or an attribute");
  } else {
    filter = jinja_find_filter (name_of (run, arguments->positional[0], "map"));
    if (filter == NULL)
      jinja_fail (run, "“map” names a filter that does not exist");
    rest = behind (arguments, 1);
  }
  for (size_t i = 0; i < list->n; i++) {
    jinja_work (run, 1);
    jinja_list_add (run, mapped.list,
                    filter != NULL ? jinja_call_row (run, filter, list->items[i], &rest)
                                   : get_path (run, list->items[i], path[0], path[1]));
  }
  return mapped;
}

/* Those items for which the test (of an attribute, where by_attribute) says what is wanted. */
static JinjaValue
choose (JinjaRun *run, JinjaValue self, const JinjaArguments *arguments, gboolean by_attribute,
        gboolean wanted)
{
  JinjaValue chosen = iterator (run, "select_or_reject"), path = JINJA_LEFT_OUT;
  JinjaList *list;
  const JinjaTest *test = NULL;
  JinjaArguments rest = { NULL, 0, NULL };

  if (!jinja_truth (run, self))
    return chosen;
  list = jinja_iterate (run, self);
  if (by_attribute) {
    if (arguments->n == 0)
      jinja_fail (run, "the name of an attribute is missing");
    path = arguments->positional[0];
  }
  if (arguments->n > (size_t) by_attribute) {
    test = jinja_find_test (name_of (run, arguments->positional[by_attribute], "select"));
    if (test == NULL)
      jinja_fail (run, "a test that is to be used does not exist");
    rest = behind (arguments, 1 + (size_t) by_attribute);
  }
  for (size_t i = 0; i < list->n; i++) {
    JinjaValue value = get_path (run, list->items[i], path, JINJA_LEFT_OUT);
    gboolean passes =
        test != NULL ? jinja_check (run, test, value, &rest) : jinja_truth (run, value);

    jinja_work (run, 1);
    if (passes == wanted)
      jinja_list_add (run, chosen.list, list->items[i]);
  }
  return chosen;
}

FILTER (filter_select)
{
  return choose (run, self, arguments, FALSE, TRUE);
}

FILTER (filter_reject)
{
  return choose (run, self, arguments, FALSE, FALSE);
}

FILTER (filter_selectattr)
{
  return choose (run, self, arguments, TRUE, TRUE);
}

FILTER (filter_rejectattr)
{
  return choose (run, self, arguments, TRUE, FALSE);
}

const JinjaFilter jinja_list_filters[] = {
  { "length", "", filter_length },
  { "count", "", filter_length },
  { "items", "", filter_items },
  { "join", "? d attribute", filter_join },
  { "list", "", filter_list },
  { "map", "*", filter_map },
  { "dictsort", "? case_sensitive by reverse", filter_dictsort },
  { "selectattr", "*", filter_selectattr },
  { "rejectattr", "*", filter_rejectattr },
  { "select", "*", filter_select },
  { "reject", "*", filter_reject },
  { "unique", "? case_sensitive attribute", filter_unique },
  { "first", "", filter_first },
  { "last", "", filter_last },
  { "sort", "? reverse case_sensitive attribute", filter_sort },
  { "reverse", "", filter_reverse },
  { "groupby", "attribute ? default case_sensitive", filter_groupby },
  { "min", "? case_sensitive attribute", filter_min },
  { "max", "? case_sensitive attribute", filter_max },
  { "sum", "? attribute start", filter_sum },
  { "batch", "linecount ? fill_with", filter_batch },
  { "slice", "slices ? fill_with", filter_slice },
  { NULL, NULL, NULL },
};

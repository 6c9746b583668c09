/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The methods of lists and dictionaries, and which kind of value has which. Python's methods that
 * change a value are refused in the sandbox of transformers; those that real templates call are
 * run here all the same, as the peer does. */
#include "engine/text/jinja/private.h"

#include <string.h>

#define METHOD(name)                                                                \
  static JinjaValue name (JinjaRun *run, JinjaValue self, const JinjaValue *values, \
                          const JinjaArguments *arguments)

/* ---- dictionaries ---------------------------------------------------------------------- */

METHOD (method_get)
{
  const JinjaValue *found = jinja_dict_find (run, self.dict, values[0]);

  if (found != NULL)
    return *found;
  return jinja_given (values[1]) ? values[1] : JINJA_NONE_VALUE;
}

METHOD (method_items)
{
  JinjaValue view = jinja_sequence (run, JINJA_VIEW, "dict_items");

  for (size_t i = 0; i < self.dict->n; i++)
    jinja_list_add (run, view.list,
                    jinja_pair (run, self.dict->pairs[i].key, self.dict->pairs[i].value));
  return view;
}

METHOD (method_keys)
{
  JinjaValue view = jinja_sequence (run, JINJA_VIEW, "dict_keys");

  for (size_t i = 0; i < self.dict->n; i++)
    jinja_list_add (run, view.list, self.dict->pairs[i].key);
  return view;
}

METHOD (method_values)
{
  JinjaValue view = jinja_sequence (run, JINJA_VIEW, "dict_values");

  for (size_t i = 0; i < self.dict->n; i++)
    jinja_list_add (run, view.list, self.dict->pairs[i].value);
  return view;
}

static void
update (JinjaRun *run, JinjaDict *dict, const JinjaDict *other)
{
  for (size_t i = 0; i < other->n; i++)
    jinja_dict_set (run, dict, other->pairs[i].key, other->pairs[i].value);
}

METHOD (method_copy_dict)
{
  JinjaValue copy = jinja_dict (run);

  update (run, copy.dict, self.dict);
  return copy;
}

METHOD (method_update)
{
  if (arguments->n > 1 || (arguments->n == 1 && arguments->positional[0].kind != JINJA_DICT))
    jinja_fail (run, "“update” needs a dictionary");
  if (arguments->n == 1)
    update (run, self.dict, arguments->positional[0].dict);
  update (run, self.dict, arguments->named);
  return JINJA_NONE_VALUE;
}

METHOD (method_pop_key)
{
  JinjaValue *found = jinja_dict_find (run, self.dict, values[0]), value;
  size_t at = 0;

  if (found == NULL && !jinja_given (values[1]))
    jinja_fail (run, "“pop” does not find the key");
  if (found == NULL)
    return values[1];
  value = *found;
  while (&self.dict->pairs[at].value != found)
    at++;
  memmove (self.dict->pairs + at, self.dict->pairs + at + 1,
           (self.dict->n - at - 1) * sizeof *self.dict->pairs);
  self.dict->n--;
  return value;
}

METHOD (method_setdefault)
{
  JinjaValue *found = jinja_dict_find (run, self.dict, values[0]);
  JinjaValue value = jinja_given (values[1]) ? values[1] : JINJA_NONE_VALUE;

  if (found != NULL)
    return *found;
  jinja_dict_set (run, self.dict, values[0], value);
  return value;
}

static const JinjaFilter dict_methods[] = {
  { "items", "", method_items },
  { "get", "key ? default", method_get },
  { "keys", "", method_keys },
  { "values", "", method_values },
  { "copy", "", method_copy_dict },
  { "update", "*", method_update },
  { "pop", "key ? default", method_pop_key },
  { "setdefault", "key ? default", method_setdefault },
  { NULL, NULL, NULL },
};

/* ---- lists ----------------------------------------------------------------------------- */

METHOD (method_count)
{
  gint64 n = 0;

  for (size_t i = 0; i < self.list->n; i++)
    n += jinja_equal (run, self.list->items[i], values[0]);
  return jinja_int (n);
}

static size_t
index_of (JinjaRun *run, const JinjaList *list, JinjaValue value)
{
  for (size_t i = 0; i < list->n; i++)
    if (jinja_equal (run, list->items[i], value))
      return i;
  jinja_fail (run, "a list does not hold what is looked for");
}

METHOD (method_index)
{
  return jinja_int ((gint64) index_of (run, self.list, values[0]));
}

METHOD (method_copy_list)
{
  JinjaValue copy = jinja_list (run);

  copy.list = jinja_iterate (run, self);
  return copy;
}

METHOD (method_append)
{
  jinja_list_add (run, self.list, values[0]);
  return JINJA_NONE_VALUE;
}

METHOD (method_extend)
{
  JinjaList *more = jinja_iterate (run, values[0]);

  for (size_t i = 0; i < more->n; i++) {
    jinja_work (run, 1);
    jinja_list_add (run, self.list, more->items[i]);
  }
  return JINJA_NONE_VALUE;
}

/* A list of its own again, so that whoever walks through the old one is not disturbed. */
static void
own_items (JinjaRun *run, JinjaList *list)
{
  JinjaValue *items = jinja_alloc (run, (list->n + 1) * sizeof *items);

  jinja_work (run, list->n / 8);
  if (list->n > 0)
    memcpy (items, list->items, list->n * sizeof *items);
  list->items = items;
  list->room = list->n + 1;
}

METHOD (method_insert)
{
  JinjaList *list = self.list;
  gint64 n = (gint64) list->n, at = jinja_need_int (run, values[0], "insert");

  own_items (run, list);
  at = CLAMP (at < 0 ? at + n : at, 0, n);
  memmove (list->items + at + 1, list->items + at, (size_t) (n - at) * sizeof *list->items);
  list->items[at] = values[1];
  list->n++;
  return JINJA_NONE_VALUE;
}

static JinjaValue
take_out (JinjaRun *run, JinjaList *list, size_t at)
{
  JinjaValue value = list->items[at];

  own_items (run, list);
  memmove (list->items + at, list->items + at + 1, (list->n - at - 1) * sizeof *list->items);
  list->n--;
  return value;
}

METHOD (method_pop)
{
  gint64 n = (gint64) self.list->n;
  gint64 at = jinja_given (values[0]) ? jinja_need_int (run, values[0], "pop") : -1;

  if (at < -n || at >= n)
    jinja_fail (run, "“pop” finds no item");
  return take_out (run, self.list, (size_t) (at < 0 ? at + n : at));
}

METHOD (method_remove)
{
  take_out (run, self.list, index_of (run, self.list, values[0]));
  return JINJA_NONE_VALUE;
}

static const JinjaFilter list_methods[] = {
  { "append", "object", method_append },
  { "pop", "? index", method_pop },
  { "index", "value", method_index },
  { "count", "value", method_count },
  { "extend", "iterable", method_extend },
  { "insert", "index object", method_insert },
  { "remove", "value", method_remove },
  { "copy", "", method_copy_list },
  { NULL, NULL, NULL },
};

static const JinjaFilter tuple_methods[] = {
  { "index", "value", method_index },
  { "count", "value", method_count },
  { NULL, NULL, NULL },
};

/* ---- which kind has which -------------------------------------------------------------- */

/* others: what Python has beside, which must not be taken for an item. */
static const struct {
  JinjaKind kind;
  const JinjaFilter *methods;
  const char *others;
} kinds[] = {
  { JINJA_STRING, jinja_string_methods, " encode isidentifier isprintable maketrans translate "
                                        "format_map " },
  { JINJA_DICT, dict_methods, " clear fromkeys popitem " },
  { JINJA_LIST, list_methods, " clear reverse sort " },
  { JINJA_TUPLE, tuple_methods, "" },
  { JINJA_RANGE, tuple_methods, "" },
};

const JinjaFilter *
jinja_find_method (JinjaValue value, const JinjaString *name, gboolean *known)
{
  *known = TRUE;
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++) {
    char padded[32];

    if (kinds[i].kind != value.kind)
      continue;
    for (const JinjaFilter *row = kinds[i].methods; row->name != NULL; row++)
      if (jinja_string_is (name, row->name))
        return row;
    if (name->n + 3 > sizeof padded)
      break;
    g_snprintf (padded, sizeof padded, " %.*s ", (int) name->n, name->bytes);
    if (strstr (kinds[i].others, padded) != NULL)
      return NULL;
  }
  *known = FALSE;
  return NULL;
}

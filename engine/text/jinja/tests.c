/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tests behind “is”, one row each; what filters like select use is the same table. */
#include "engine/text/jinja/private.h"

#include <string.h>

#define TEST(name) \
  static gboolean name (JinjaRun *run, JinjaValue value, const JinjaValue *values)

TEST (test_defined)
{
  return value.kind != JINJA_UNDEFINED;
}

TEST (test_undefined)
{
  return value.kind == JINJA_UNDEFINED;
}

TEST (test_none)
{
  return value.kind == JINJA_NONE;
}

TEST (test_boolean)
{
  return value.kind == JINJA_BOOL;
}

TEST (test_true)
{
  return value.kind == JINJA_BOOL && value.boolean;
}

TEST (test_false)
{
  return value.kind == JINJA_BOOL && !value.boolean;
}

TEST (test_integer)
{
  return value.kind == JINJA_INT;
}

TEST (test_float)
{
  return value.kind == JINJA_FLOAT;
}

TEST (test_number)
{
  return jinja_is_number (value);
}

TEST (test_string)
{
  return value.kind == JINJA_STRING;
}

TEST (test_mapping)
{
  return value.kind == JINJA_DICT;
}

TEST (test_iterable)
{
  return jinja_is_list (value) || value.kind == JINJA_STRING || value.kind == JINJA_DICT ||
         value.kind == JINJA_UNDEFINED || value.kind == JINJA_LOOP;
}

TEST (test_sequence)
{
  return value.kind == JINJA_STRING || value.kind == JINJA_LIST || value.kind == JINJA_TUPLE ||
         value.kind == JINJA_RANGE || value.kind == JINJA_DICT || value.kind == JINJA_UNDEFINED;
}

TEST (test_callable)
{
  /* An undefined value can be called, which is an error then. */
  return value.kind == JINJA_CALLABLE || value.kind == JINJA_UNDEFINED || value.kind == JINJA_LOOP;
}

TEST (test_sameas)
{
  if (value.kind != values[0].kind)
    return FALSE;
  switch (value.kind) {
  case JINJA_STRING:
    return value.string == values[0].string;
  case JINJA_LIST:
  case JINJA_TUPLE:
    return value.list == values[0].list;
  case JINJA_DICT:
    return value.dict == values[0].dict;
  default:
    return jinja_equal (run, value, values[0]);
  }
}

TEST (test_escaped)
{
  return value.kind == JINJA_STRING && value.string->markup;
}

static gint64
remainder_by (JinjaRun *run, JinjaValue value, gint64 by)
{
  JinjaValue rest = jinja_operate (run, OP_MODULO, value, jinja_int (by));

  if (!jinja_is_number (rest))
    jinja_fail (run, "%s is neither odd nor even", jinja_type_name (value));
  return jinja_number (rest) == 0 ? 0 : jinja_number (rest) == 1 ? 1
                                                                 : 2;
}

TEST (test_odd)
{
  return remainder_by (run, value, 2) == 1;
}

TEST (test_even)
{
  return remainder_by (run, value, 2) == 0;
}

TEST (test_divisibleby)
{
  return jinja_equal (run, jinja_operate (run, OP_MODULO, value, values[0]), jinja_int (0));
}

/* The string method of this name, on anything that prints. */
static gboolean
check_method (JinjaRun *run, JinjaValue value, const char *name)
{
  JinjaValue string = { .kind = JINJA_STRING, .string = jinja_to_string (run, value) };
  gboolean known;

  return jinja_call_row (run, jinja_find_method (string, jinja_literal (run, name).string, &known),
                         string, &(JinjaArguments) { NULL, 0, NULL })
      .boolean;
}

TEST (test_lower)
{
  return check_method (run, value, "islower");
}

TEST (test_upper)
{
  return check_method (run, value, "isupper");
}

TEST (test_in)
{
  return jinja_contains (run, values[0], value);
}

TEST (test_equal)
{
  return jinja_equal (run, value, values[0]);
}

TEST (test_unequal)
{
  return !jinja_equal (run, value, values[0]);
}

TEST (test_less)
{
  return jinja_order (run, value, values[0], "<") < 0;
}

TEST (test_less_equal)
{
  return jinja_order (run, value, values[0], "<=") <= 0;
}

TEST (test_greater)
{
  return jinja_order (run, value, values[0], ">") > 0;
}

TEST (test_greater_equal)
{
  return jinja_order (run, value, values[0], ">=") >= 0;
}

TEST (test_filter)
{
  const JinjaString *name = jinja_need_string (run, value, "filter");
  char *copy = jinja_alloc (run, name->n + 1);

  return jinja_find_filter (memcpy (copy, name->bytes, name->n)) != NULL;
}

TEST (test_test)
{
  const JinjaString *name = jinja_need_string (run, value, "test");
  char *copy = jinja_alloc (run, name->n + 1);

  return jinja_find_test (memcpy (copy, name->bytes, name->n)) != NULL;
}

static const JinjaTest tests[] = {
  { "defined", "", test_defined },
  { "undefined", "", test_undefined },
  { "string", "", test_string },
  { "none", "", test_none },
  { "mapping", "", test_mapping },
  { "iterable", "", test_iterable },
  { "sequence", "", test_sequence },
  { "boolean", "", test_boolean },
  { "true", "", test_true },
  { "false", "", test_false },
  { "number", "", test_number },
  { "integer", "", test_integer },
  { "float", "", test_float },
  { "odd", "", test_odd },
  { "even", "", test_even },
  { "divisibleby", "num", test_divisibleby },
  { "in", "seq", test_in },
  { "callable", "", test_callable },
  { "sameas", "other", test_sameas },
  { "escaped", "", test_escaped },
  { "lower", "", test_lower },
  { "upper", "", test_upper },
  { "filter", "", test_filter },
  { "test", "", test_test },
  { "equalto", "other", test_equal },
  { "eq", "other", test_equal },
  { "==", "other", test_equal },
  { "ne", "other", test_unequal },
  { "!=", "other", test_unequal },
  { "lt", "other", test_less },
  { "lessthan", "other", test_less },
  { "<", "other", test_less },
  { "le", "other", test_less_equal },
  { "<=", "other", test_less_equal },
  { "gt", "other", test_greater },
  { "greaterthan", "other", test_greater },
  { ">", "other", test_greater },
  { "ge", "other", test_greater_equal },
  { ">=", "other", test_greater_equal },
};

const JinjaTest *
jinja_find_test (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (tests); i++)
    if (strcmp (tests[i].name, name) == 0)
      return &tests[i];
  return NULL;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Evaluates expressions, and Python's arithmetic on 64-bit integers (beyond them is an error) and
 * floats. Knows no statements. */
#include "engine/text/jinja/private.h"

#include "engine/error.h"

#include <math.h>
#include <string.h>

/* ---- arithmetic ------------------------------------------------------------------------ */

static const struct {
  JinjaOp op;
  const char *sign;
} signs[] = {
  { OP_ADD, "+" },
  { OP_SUBTRACT, "-" },
  { OP_MULTIPLY, "*" },
  { OP_DIVIDE, "/" },
  { OP_FLOOR_DIVIDE, "//" },
  { OP_MODULO, "%" },
  { OP_POWER, "**" },
  { OP_LESS, "<" },
  { OP_LESS_EQUAL, "<=" },
  { OP_GREATER, ">" },
  { OP_GREATER_EQUAL, ">=" },
};

static const char *
sign_of (JinjaOp op)
{
  size_t i = 0;

  while (signs[i].op != op)
    i++;
  return signs[i].sign;
}

static G_NORETURN void
fail_operands (JinjaRun *run, JinjaOp op, JinjaValue a, JinjaValue b)
{
  const JinjaValue *undefined = a.kind == JINJA_UNDEFINED ? &a : &b;

  if (undefined->kind == JINJA_UNDEFINED && undefined->what != NULL)
    jinja_fail (run, "%s", undefined->what);
  jinja_fail (run, "“%s” does not work with %s and %s", sign_of (op), jinja_type_name (a),
              jinja_type_name (b));
}

static gint64
power (JinjaRun *run, gint64 base, gint64 exponent, gboolean *overflow)
{
  gint64 result = 1;

  *overflow = FALSE;
  while (exponent > 0 && !*overflow) {
    if (exponent % 2 != 0)
      *overflow |= __builtin_mul_overflow (result, base, &result);
    exponent /= 2;
    if (exponent > 0)
      *overflow |= __builtin_mul_overflow (base, base, &base);
  }
  return result;
}

static JinjaValue
operate_whole (JinjaRun *run, JinjaOp op, gint64 a, gint64 b)
{
  gboolean overflow = FALSE;
  gint64 result = 0;

  if ((op == OP_FLOOR_DIVIDE || op == OP_MODULO) && b == 0)
    jinja_fail (run, "a number is divided by zero");
  switch (op) {
  case OP_ADD:
    overflow = __builtin_add_overflow (a, b, &result);
    break;
  case OP_SUBTRACT:
    overflow = __builtin_sub_overflow (a, b, &result);
    break;
  case OP_MULTIPLY:
    overflow = __builtin_mul_overflow (a, b, &result);
    break;
  case OP_FLOOR_DIVIDE:
    overflow = a == G_MININT64 && b == -1;
    if (!overflow)
      result = a / b - (a % b != 0 && (a < 0) != (b < 0));
    break;
  case OP_MODULO:
    result = b == -1 ? 0 : a % b;
    if (result != 0 && (result < 0) != (b < 0))
      result += b;
    break;
  default:
    result = power (run, a, b, &overflow);
    break;
  }
  if (overflow)
    jinja_fail_code (run, ENGINE_ERROR_LIMIT, "a number grows too large");
  return jinja_int (result);
}

static double
floor_modulo (double a, double b)
{
  double rest = fmod (a, b);

  if (rest != 0)
    return (rest < 0) != (b < 0) ? rest + b : rest;
  return copysign (0.0, b);
}

/* Python's: from the remainder, so that both fit together. */
static double
floor_divide (double a, double b)
{
  double quotient = (a - floor_modulo (a, b)) / b, whole;

  if (quotient == 0)
    return copysign (0.0, a / b);
  whole = floor (quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;
}

static JinjaValue
operate_real (JinjaRun *run, JinjaOp op, double a, double b)
{
  double result;

  if (b == 0 && (op == OP_DIVIDE || op == OP_FLOOR_DIVIDE || op == OP_MODULO))
    jinja_fail (run, "a number is divided by zero");
  switch (op) {
  case OP_ADD:
    return jinja_float (a + b);
  case OP_SUBTRACT:
    return jinja_float (a - b);
  case OP_MULTIPLY:
    return jinja_float (a * b);
  case OP_DIVIDE:
    return jinja_float (a / b);
  case OP_FLOOR_DIVIDE:
    return jinja_float (floor_divide (a, b));
  case OP_MODULO:
    return jinja_float (floor_modulo (a, b));
  default:
    result = pow (a, b);
    if ((a == 0 && b < 0) || (isnan (result) && !isnan (a) && !isnan (b)) ||
        (isinf (result) && !isinf (a) && !isinf (b)))
      jinja_fail (run, "a power has no value");
    return jinja_float (result);
  }
}

static JinjaValue
repeat (JinjaRun *run, JinjaValue value, gint64 times)
{
  size_t n = times > 0 ? (size_t) times : 0;
  JinjaValue list;
  JinjaBuffer text;

  if (value.kind == JINJA_STRING) {
    jinja_buffer_init (&text, run);
    for (size_t i = 0; i < n && value.string->n > 0; i++) {
      jinja_work (run, 1);
      jinja_buffer_string (&text, value.string);
    }
    return jinja_buffer_value (&text);
  }
  list = jinja_sequence (run, value.kind, NULL);
  for (size_t i = 0; i < n && value.list->n > 0; i++)
    for (size_t k = 0; k < value.list->n; k++) {
      jinja_work (run, 1);
      jinja_list_add (run, list.list, value.list->items[k]);
    }
  return list;
}

static JinjaValue
add_strings (JinjaRun *run, const JinjaString *a, const JinjaString *b)
{
  gboolean markup = a->markup || b->markup;
  JinjaBuffer text;

  jinja_buffer_init (&text, run);
  jinja_buffer_string (&text, markup ? jinja_escape_html (run, a).string : a);
  jinja_buffer_string (&text, markup ? jinja_escape_html (run, b).string : b);
  return markup ? jinja_as_markup (run, jinja_buffer_value (&text)) : jinja_buffer_value (&text);
}

static JinjaValue
add_lists (JinjaRun *run, JinjaValue a, JinjaValue b)
{
  JinjaValue sum = jinja_sequence (run, a.kind, NULL);

  jinja_work (run, a.list->n + b.list->n);
  for (size_t i = 0; i < a.list->n; i++)
    jinja_list_add (run, sum.list, a.list->items[i]);
  for (size_t i = 0; i < b.list->n; i++)
    jinja_list_add (run, sum.list, b.list->items[i]);
  return sum;
}

static gboolean
repeats (JinjaValue a, JinjaValue b)
{
  return (a.kind == JINJA_STRING || a.kind == JINJA_LIST || a.kind == JINJA_TUPLE) &&
         (b.kind == JINJA_INT || b.kind == JINJA_BOOL);
}

JinjaValue
jinja_operate (JinjaRun *run, JinjaOp op, JinjaValue a, JinjaValue b)
{
  if (jinja_is_number (a) && jinja_is_number (b)) {
    gboolean whole = a.kind != JINJA_FLOAT && b.kind != JINJA_FLOAT && op != OP_DIVIDE &&
                     !(op == OP_POWER && jinja_whole (b) < 0);

    return whole ? operate_whole (run, op, jinja_whole (a), jinja_whole (b))
                 : operate_real (run, op, jinja_number (a), jinja_number (b));
  }
  if (op == OP_ADD && a.kind == JINJA_STRING && b.kind == JINJA_STRING)
    return add_strings (run, a.string, b.string);
  if (op == OP_ADD && a.kind == b.kind && (a.kind == JINJA_LIST || a.kind == JINJA_TUPLE))
    return add_lists (run, a, b);
  if (op == OP_MULTIPLY && repeats (a, b))
    return repeat (run, a, jinja_whole (b));
  if (op == OP_MULTIPLY && repeats (b, a))
    return repeat (run, b, jinja_whole (a));
  if (op == OP_MODULO && a.kind == JINJA_STRING)
    return jinja_format_percent (run, a.string, b);
  fail_operands (run, op, a, b);
}

/* ---- simple expressions ---------------------------------------------------------------- */

static JinjaValue
evaluate_const (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  return node->value;
}

static JinjaValue
evaluate_name (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  const JinjaValue *found = jinja_scope_find (scope, node->name);
  const JinjaFilter *function;

  if (found != NULL)
    return *found;
  function = jinja_find_function (node->name);
  if (function != NULL)
    return jinja_callable (run, function, JINJA_NONE_VALUE);
  return jinja_undefined (run, "“%.60s” is undefined", node->name);
}

static JinjaValue
evaluate_items (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  JinjaValue list =
      jinja_sequence (run, node->kind == NODE_TUPLE ? JINJA_TUPLE : JINJA_LIST, NULL);

  for (size_t i = 0; i < node->n; i++)
    jinja_list_add (run, list.list, jinja_evaluate (run, node->items[i], scope));
  return list;
}

static JinjaValue
evaluate_dict (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  JinjaValue dict = jinja_dict (run);

  for (size_t i = 0; i < node->n; i += 2) {
    JinjaValue key = jinja_evaluate (run, node->items[i], scope);

    jinja_dict_set (run, dict.dict, key, jinja_evaluate (run, node->items[i + 1], scope));
  }
  return dict;
}

static JinjaValue
evaluate_attribute (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  return jinja_get_attribute (run, jinja_evaluate (run, node->a, scope), node->value.string);
}

static JinjaValue
evaluate_item (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  JinjaValue value = jinja_evaluate (run, node->a, scope);

  return jinja_get_item (run, value, jinja_evaluate (run, node->b, scope));
}

static JinjaValue
evaluate_slice (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  JinjaValue value = jinja_evaluate (run, node->a, scope), parts[3];
  const JinjaNode *nodes[] = { node->b, node->c, node->body };

  for (size_t i = 0; i < G_N_ELEMENTS (nodes); i++)
    parts[i] = nodes[i] != NULL ? jinja_evaluate (run, nodes[i], scope) : JINJA_NONE_VALUE;
  return jinja_get_slice (run, value, parts[0], parts[1], parts[2]);
}

static JinjaValue
evaluate_captured (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  return run->captured;
}

/* ---- operators ------------------------------------------------------------------------- */

static JinjaValue
evaluate_chain (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  JinjaValue value = jinja_evaluate (run, node->items[0], scope);

  for (size_t i = 1; i < node->n; i++)
    value = jinja_operate (run, node->ops[i], value, jinja_evaluate (run, node->items[i], scope));
  return value;
}

static gboolean
compare (JinjaRun *run, JinjaOp op, JinjaValue a, JinjaValue b)
{
  int order;

  switch (op) {
  case OP_EQUAL:
    return jinja_equal (run, a, b);
  case OP_NOT_EQUAL:
    return !jinja_equal (run, a, b);
  case OP_IN:
    return jinja_contains (run, b, a);
  case OP_NOT_IN:
    return !jinja_contains (run, b, a);
  default:
    break;
  }
  if (a.kind == JINJA_UNDEFINED || b.kind == JINJA_UNDEFINED)
    fail_operands (run, op, a, b);
  if (jinja_is_number (a) && jinja_is_number (b) &&
      (isnan (jinja_number (a)) || isnan (jinja_number (b))))
    return FALSE;
  order = jinja_order (run, a, b, sign_of (op));
  switch (op) {
  case OP_LESS:
    return order < 0;
  case OP_LESS_EQUAL:
    return order <= 0;
  case OP_GREATER:
    return order > 0;
  default:
    return order >= 0;
  }
}

static JinjaValue
evaluate_compare (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  JinjaValue left = jinja_evaluate (run, node->items[0], scope);

  for (size_t i = 1; i < node->n; i++) {
    JinjaValue right = jinja_evaluate (run, node->items[i], scope);

    if (!compare (run, node->ops[i], left, right))
      return jinja_bool (FALSE);
    left = right;
  }
  return jinja_bool (TRUE);
}

static JinjaValue
evaluate_concat (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  JinjaBuffer text;

  jinja_buffer_init (&text, run);
  for (size_t i = 0; i < node->n; i++)
    jinja_print (&text, jinja_evaluate (run, node->items[i], scope));
  return jinja_buffer_value (&text);
}

/* and, or: the first value that decides, else the last. */
static JinjaValue
evaluate_words (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  JinjaValue value = JINJA_NONE_VALUE;

  for (size_t i = 0; i < node->n; i++) {
    value = jinja_evaluate (run, node->items[i], scope);
    if (i + 1 < node->n && jinja_truth (run, value) == (node->kind == NODE_OR))
      break;
  }
  return value;
}

static JinjaValue
evaluate_not (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  return jinja_bool (!jinja_truth (run, jinja_evaluate (run, node->a, scope)));
}

static JinjaValue
evaluate_sign (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  JinjaValue value = jinja_evaluate (run, node->a, scope);
  gboolean negative = node->kind == NODE_NEGATIVE;

  if (!jinja_is_number (value))
    fail_operands (run, negative ? OP_SUBTRACT : OP_ADD, jinja_int (0), value);
  if (value.kind == JINJA_FLOAT)
    return jinja_float (negative ? -value.real : value.real);
  return operate_whole (run, negative ? OP_SUBTRACT : OP_ADD, 0, jinja_whole (value));
}

static JinjaValue
evaluate_condition (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  if (jinja_truth (run, jinja_evaluate (run, node->b, scope)))
    return jinja_evaluate (run, node->a, scope);
  if (node->c != NULL)
    return jinja_evaluate (run, node->c, scope);
  return jinja_undefined (run, "a condition is false and has no “else”");
}

/* ---- calls ----------------------------------------------------------------------------- */

static JinjaArguments
evaluate_arguments (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  JinjaList *positional = jinja_list (run).list;
  JinjaDict *named = jinja_dict (run).dict;

  for (size_t i = 0; i < node->n; i++) {
    const JinjaNode *argument = node->items[i];
    JinjaValue value = jinja_evaluate (run, argument->a, scope);

    if (argument->op == '*') {
      JinjaList *all = jinja_iterate (run, value);

      for (size_t k = 0; k < all->n; k++)
        jinja_list_add (run, positional, all->items[k]);
    } else if (argument->op == 'k') {
      if (value.kind != JINJA_DICT)
        jinja_fail (run, "“**” needs a dictionary");
      for (size_t k = 0; k < value.dict->n; k++) {
        if (value.dict->pairs[k].key.kind != JINJA_STRING)
          jinja_fail (run, "names of arguments must be strings");
        jinja_dict_set (run, named, value.dict->pairs[k].key, value.dict->pairs[k].value);
      }
    } else if (argument->name != NULL) {
      jinja_dict_set (run, named, jinja_literal (run, argument->name), value);
    } else {
      jinja_list_add (run, positional, value);
    }
  }
  return (JinjaArguments) { positional->items, positional->n, named };
}

static JinjaValue
evaluate_call (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  JinjaValue callee = jinja_evaluate (run, node->a, scope);
  JinjaArguments arguments = evaluate_arguments (run, node, scope);

  run->line = node->line;
  return jinja_call (run, callee, &arguments);
}

static JinjaValue
evaluate_filter (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  JinjaValue value = jinja_evaluate (run, node->a, scope);
  JinjaArguments arguments = evaluate_arguments (run, node, scope);

  run->line = node->line;
  if (node->filter == NULL)
    jinja_fail (run, "there is no filter “%.40s”", node->name);
  return jinja_call_row (run, node->filter, value, &arguments);
}

static JinjaValue
evaluate_test (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  JinjaValue value = jinja_evaluate (run, node->a, scope);
  JinjaArguments arguments = evaluate_arguments (run, node, scope);

  run->line = node->line;
  if (node->test == NULL)
    jinja_fail (run, "there is no test “%.40s”", node->name);
  return jinja_bool (jinja_check (run, node->test, value, &arguments));
}

JinjaValue
jinja_evaluate (JinjaRun *run, const JinjaNode *node, JinjaScope *scope)
{
  static JinjaValue (*const table[]) (JinjaRun *run, const JinjaNode *node, JinjaScope *scope) = {
    [NODE_CONST] = evaluate_const,
    [NODE_NAME] = evaluate_name,
    [NODE_TUPLE] = evaluate_items,
    [NODE_LIST] = evaluate_items,
    [NODE_DICT] = evaluate_dict,
    [NODE_ATTRIBUTE] = evaluate_attribute,
    [NODE_ITEM] = evaluate_item,
    [NODE_SLICE] = evaluate_slice,
    [NODE_CALL] = evaluate_call,
    [NODE_FILTER] = evaluate_filter,
    [NODE_TEST] = evaluate_test,
    [NODE_CAPTURED] = evaluate_captured,
    [NODE_CHAIN] = evaluate_chain,
    [NODE_COMPARE] = evaluate_compare,
    [NODE_CONCAT] = evaluate_concat,
    [NODE_AND] = evaluate_words,
    [NODE_OR] = evaluate_words,
    [NODE_NOT] = evaluate_not,
    [NODE_NEGATIVE] = evaluate_sign,
    [NODE_POSITIVE] = evaluate_sign,
    [NODE_CONDITION] = evaluate_condition,
  };
  JinjaValue value;

  jinja_enter (run);
  jinja_work (run, 1);
  run->line = node->line;
  value = table[node->kind](run, node, scope);
  jinja_leave (run);
  return value;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expressions: Jinja2's grammar by recursive descent, from the loosest operator to the tightest.
 * Rows of one operator become one node, so that long ones are not deep. Knows no statements. */
#include "engine/text/jinja/private.h"

#include "engine/error.h"

#include <string.h>

typedef JinjaNode *(*Parse) (JinjaParser *parser);

static JinjaNode *parse_unary (JinjaParser *parser, gboolean with_filters);

static void
enter (JinjaParser *parser)
{
  parser->run->line = parser->at->line;
  if (++parser->depth > JINJA_MAX_DEPTH * 2)
    jinja_fail_code (parser->run, ENGINE_ERROR_LIMIT, "its expressions are nested too deeply");
}

static void
leave (JinjaParser *parser)
{
  parser->depth--;
}

static JinjaNode *
one (JinjaParser *parser, JinjaNodeKind kind, JinjaNode *a)
{
  JinjaNode *node = jinja_node (parser, kind);

  node->a = a;
  jinja_node_over (parser, node, a);
  return node;
}

/* first OP second OP third … of those operators that ops (ended by OP_NONE) names. */
static JinjaNode *
parse_row (JinjaParser *parser, JinjaNodeKind kind, const JinjaOp *ops, Parse parse)
{
  JinjaNode *first = parse (parser), *node = NULL;

  for (;;) {
    const JinjaOp *op = ops;

    while (*op != OP_NONE && !jinja_token_op (parser, *op))
      op++;
    if (*op == OP_NONE)
      return node != NULL ? node : first;
    if (node == NULL) {
      node = jinja_node (parser, kind);
      jinja_node_add (parser, node, first, 0);
    }
    parser->at++;
    jinja_node_add (parser, node, parse (parser), (guint8) *op);
  }
}

/* The same with a word between. */
static JinjaNode *
parse_words (JinjaParser *parser, JinjaNodeKind kind, const char *word, Parse parse)
{
  JinjaNode *first = parse (parser), *node = NULL;

  while (jinja_token_is (parser, word)) {
    if (node == NULL) {
      node = jinja_node (parser, kind);
      jinja_node_add (parser, node, first, 0);
    }
    parser->at++;
    jinja_node_add (parser, node, parse (parser), 0);
  }
  return node != NULL ? node : first;
}

static JinjaNode *
parse_filtered (JinjaParser *parser)
{
  return parse_unary (parser, TRUE);
}

static JinjaNode *
parse_power (JinjaParser *parser)
{
  static const JinjaOp ops[] = { OP_POWER, OP_NONE };

  return parse_row (parser, NODE_CHAIN, ops, parse_filtered);
}

static JinjaNode *
parse_products (JinjaParser *parser)
{
  static const JinjaOp ops[] = { OP_MULTIPLY, OP_DIVIDE, OP_FLOOR_DIVIDE, OP_MODULO, OP_NONE };

  return parse_row (parser, NODE_CHAIN, ops, parse_power);
}

static JinjaNode *
parse_concat (JinjaParser *parser)
{
  static const JinjaOp ops[] = { OP_TILDE, OP_NONE };

  return parse_row (parser, NODE_CONCAT, ops, parse_products);
}

static JinjaNode *
parse_sums (JinjaParser *parser)
{
  static const JinjaOp ops[] = { OP_ADD, OP_SUBTRACT, OP_NONE };

  return parse_row (parser, NODE_CHAIN, ops, parse_concat);
}

static JinjaOp
comparison (JinjaParser *parser)
{
  static const JinjaOp ops[] = { OP_EQUAL, OP_NOT_EQUAL, OP_LESS, OP_LESS_EQUAL, OP_GREATER,
                                 OP_GREATER_EQUAL };

  for (size_t i = 0; i < G_N_ELEMENTS (ops); i++)
    if (jinja_skip_op (parser, ops[i]))
      return ops[i];
  if (jinja_skip_name (parser, "in"))
    return OP_IN;
  if (jinja_token_is (parser, "not") && parser->at[1].kind == TOKEN_NAME &&
      strcmp (parser->at[1].text, "in") == 0) {
    parser->at += 2;
    return OP_NOT_IN;
  }
  return OP_NONE;
}

static JinjaNode *
parse_comparison (JinjaParser *parser)
{
  JinjaNode *first = parse_sums (parser), *node = NULL;
  JinjaOp op;

  while ((op = comparison (parser)) != OP_NONE) {
    if (node == NULL) {
      node = jinja_node (parser, NODE_COMPARE);
      jinja_node_add (parser, node, first, 0);
    }
    jinja_node_add (parser, node, parse_sums (parser), (guint8) op);
  }
  return node != NULL ? node : first;
}

static JinjaNode *
parse_not (JinjaParser *parser)
{
  JinjaNode *node;

  if (!jinja_skip_name (parser, "not"))
    return parse_comparison (parser);
  enter (parser);
  node = one (parser, NODE_NOT, parse_not (parser));
  leave (parser);
  return node;
}

static JinjaNode *
parse_and (JinjaParser *parser)
{
  return parse_words (parser, NODE_AND, "and", parse_not);
}

static JinjaNode *
parse_or (JinjaParser *parser)
{
  return parse_words (parser, NODE_OR, "or", parse_and);
}

JinjaNode *
jinja_parse_expression (JinjaParser *parser)
{
  JinjaNode *node;

  enter (parser);
  node = parse_or (parser);
  while (jinja_skip_name (parser, "if")) {
    JinjaNode *condition = one (parser, NODE_CONDITION, node);

    parser->soft++;
    condition->b = parse_or (parser);
    if (jinja_skip_name (parser, "else"))
      condition->c = jinja_parse_expression (parser);
    parser->soft--;
    jinja_node_over (parser, condition, condition->b);
    jinja_node_over (parser, condition, condition->c);
    node = condition;
  }
  leave (parser);
  return node;
}

/* ---- primaries ------------------------------------------------------------------------- */

static JinjaNode *
constant (JinjaParser *parser, JinjaValue value)
{
  JinjaNode *node = jinja_node (parser, NODE_CONST);

  node->value = value;
  return node;
}

static const struct {
  const char *name;
  JinjaValue value;
} constants[] = {
  { "true", { .kind = JINJA_BOOL, .boolean = TRUE } },
  { "True", { .kind = JINJA_BOOL, .boolean = TRUE } },
  { "false", { .kind = JINJA_BOOL, .boolean = FALSE } },
  { "False", { .kind = JINJA_BOOL, .boolean = FALSE } },
  { "none", { .kind = JINJA_NONE } },
  { "None", { .kind = JINJA_NONE } },
};

static JinjaNode *
parse_name (JinjaParser *parser)
{
  JinjaNode *node;

  for (size_t i = 0; i < G_N_ELEMENTS (constants); i++)
    if (jinja_skip_name (parser, constants[i].name))
      return constant (parser, constants[i].value);
  node = jinja_node (parser, NODE_NAME);
  node->name = parser->at++->text;
  if (parser->macro != NULL) {
    parser->macro->uses_caller |= strcmp (node->name, "caller") == 0;
    parser->macro->uses_kwargs |= strcmp (node->name, "kwargs") == 0;
    parser->macro->uses_varargs |= strcmp (node->name, "varargs") == 0;
  }
  return node;
}

static JinjaNode *
parse_strings (JinjaParser *parser)
{
  JinjaBuffer text;

  jinja_buffer_init (&text, parser->run);
  while (parser->at->kind == TOKEN_STRING) {
    jinja_buffer_put (&text, parser->at->text, parser->at->n, FALSE);
    parser->at++;
  }
  return constant (parser, jinja_buffer_value (&text));
}

/* [ … ] or { … }, which has been entered; its items. */
static JinjaNode *
parse_items (JinjaParser *parser, JinjaNodeKind kind, JinjaOp closing)
{
  JinjaNode *node = jinja_node (parser, kind);

  while (!jinja_skip_op (parser, closing)) {
    if (node->n > 0) {
      jinja_expect_op (parser, OP_COMMA);
      if (jinja_skip_op (parser, closing))
        break;
    }
    jinja_node_add (parser, node, jinja_parse_expression (parser), 0);
    if (kind == NODE_DICT) {
      jinja_expect_op (parser, OP_COLON);
      jinja_node_add (parser, node, jinja_parse_expression (parser), 0);
    }
  }
  return node;
}

static JinjaNode *
parse_primary (JinjaParser *parser)
{
  const JinjaToken *token = parser->at;
  JinjaNode *node;

  switch (token->kind) {
  case TOKEN_NAME:
    return parse_name (parser);
  case TOKEN_STRING:
    return parse_strings (parser);
  case TOKEN_INTEGER:
    parser->at++;
    return constant (parser, jinja_int (token->integer));
  case TOKEN_REAL:
    parser->at++;
    return constant (parser, jinja_float (token->real));
  default:
    break;
  }
  if (jinja_skip_op (parser, OP_LEFT_PAREN)) {
    node = jinja_parse_tuple (parser, TRUE, NULL, TRUE);
    jinja_expect_op (parser, OP_RIGHT_PAREN);
    return node;
  }
  if (jinja_skip_op (parser, OP_LEFT_BRACKET))
    return parse_items (parser, NODE_LIST, OP_RIGHT_BRACKET);
  if (jinja_skip_op (parser, OP_LEFT_BRACE))
    return parse_items (parser, NODE_DICT, OP_RIGHT_BRACE);
  jinja_parser_fail (parser, "a value is expected");
}

static gboolean
tuple_ends (const JinjaParser *parser, const char *end)
{
  return parser->at->kind == TOKEN_VARIABLE_END || parser->at->kind == TOKEN_BLOCK_END ||
         jinja_token_op (parser, OP_RIGHT_PAREN) || (end != NULL && jinja_token_is (parser, end));
}

/* item parses one; see jinja_parse_tuple. */
static JinjaNode *
parse_list_of (JinjaParser *parser, Parse item, const char *end, gboolean in_parentheses)
{
  JinjaNode *tuple = jinja_node (parser, NODE_TUPLE);
  gboolean is_tuple = FALSE;

  while (!tuple_ends (parser, end)) {
    jinja_node_add (parser, tuple, item (parser), 0);
    if (!jinja_skip_op (parser, OP_COMMA))
      break;
    is_tuple = TRUE;
  }
  if (is_tuple || (tuple->n == 0 && in_parentheses))
    return tuple;
  if (tuple->n == 0)
    jinja_parser_fail (parser, "a value is expected");
  return tuple->items[0];
}

JinjaNode *
jinja_parse_tuple (JinjaParser *parser, gboolean with_condition, const char *end,
                   gboolean in_parentheses)
{
  return parse_list_of (parser, with_condition ? jinja_parse_expression : parse_or, end,
                        in_parentheses);
}

/* ---- targets --------------------------------------------------------------------------- */

static JinjaNode *
parse_target_item (JinjaParser *parser)
{
  JinjaNode *node;

  if (parser->at->kind == TOKEN_NAME && parser->at[1].kind == TOKEN_OPERATOR &&
      parser->at[1].op == OP_DOT) {
    node = jinja_node (parser, NODE_NAMESPACE_TARGET);
    node->name = jinja_expect_name (parser);
    parser->at++;
    node->value = jinja_literal (parser->run, jinja_expect_name (parser));
    return node;
  }
  enter (parser);
  if (jinja_skip_op (parser, OP_LEFT_PAREN)) {
    node = parse_list_of (parser, parse_target_item, NULL, TRUE);
    jinja_expect_op (parser, OP_RIGHT_PAREN);
  } else {
    node = parse_primary (parser);
  }
  leave (parser);
  return node;
}

static void
check_target (JinjaParser *parser, const JinjaNode *target, gboolean namespaces)
{
  if (target->kind == NODE_TUPLE)
    for (size_t i = 0; i < target->n; i++)
      check_target (parser, target->items[i], namespaces);
  else if (target->kind != NODE_NAME && !(namespaces && target->kind == NODE_NAMESPACE_TARGET))
    jinja_parser_fail (parser, "only names can be set");
}

JinjaNode *
jinja_parse_target (JinjaParser *parser, const char *end, gboolean namespaces)
{
  JinjaNode *macro = parser->macro, *target;

  parser->macro = NULL; /* setting a name is no use of it */
  target = parse_list_of (parser, parse_target_item, end, FALSE);
  parser->macro = macro;
  check_target (parser, target, namespaces);
  return target;
}

/* ---- postfixes, filters, tests --------------------------------------------------------- */

void
jinja_parse_arguments (JinjaParser *parser, JinjaNode *call)
{
  gboolean named = FALSE, all = FALSE, all_named = FALSE;

  jinja_expect_op (parser, OP_LEFT_PAREN);
  while (!jinja_skip_op (parser, OP_RIGHT_PAREN)) {
    JinjaNode *argument;

    if (call->n > 0) {
      jinja_expect_op (parser, OP_COMMA);
      if (jinja_skip_op (parser, OP_RIGHT_PAREN))
        break;
    }
    argument = jinja_node (parser, NODE_ARGUMENT);
    if (jinja_skip_op (parser, OP_MULTIPLY)) {
      if (all || all_named)
        jinja_parser_fail (parser, "the arguments are out of order");
      argument->op = '*';
      all = TRUE;
    } else if (jinja_skip_op (parser, OP_POWER)) {
      if (all_named)
        jinja_parser_fail (parser, "the arguments are out of order");
      argument->op = 'k';
      all_named = TRUE;
    } else if (parser->at->kind == TOKEN_NAME && parser->at[1].kind == TOKEN_OPERATOR &&
               parser->at[1].op == OP_ASSIGN) {
      if (all_named)
        jinja_parser_fail (parser, "the arguments are out of order");
      argument->name = parser->at->text;
      parser->at += 2;
      named = TRUE;
    } else if (named || all || all_named) {
      jinja_parser_fail (parser, "the arguments are out of order");
    }
    argument->a = jinja_parse_expression (parser);
    jinja_node_over (parser, argument, argument->a);
    jinja_node_add (parser, call, argument, 0);
  }
}

/* a.b, a.0 */
static JinjaNode *
parse_attribute (JinjaParser *parser, JinjaNode *a)
{
  JinjaNode *node = one (parser, NODE_ATTRIBUTE, a);

  if (parser->at->kind == TOKEN_NAME) {
    node->value = jinja_literal (parser->run, parser->at->text);
  } else if (parser->at->kind == TOKEN_INTEGER) {
    node->b = constant (parser, jinja_int (parser->at->integer));
    node->kind = NODE_ITEM;
  } else {
    jinja_parser_fail (parser, "a name is expected");
  }
  parser->at++;
  return node;
}

/* a[b], a[b:c:d], a[b, c]; the bracket has been entered. */
static JinjaNode *
parse_item (JinjaParser *parser, JinjaNode *a)
{
  JinjaNode *node = one (parser, NODE_ITEM, a), *parts[3] = { NULL, NULL, NULL };
  guint n = 0;

  while (!jinja_token_op (parser, OP_RIGHT_BRACKET)) {
    if (jinja_skip_op (parser, OP_COLON)) {
      if (++n == G_N_ELEMENTS (parts))
        jinja_parser_fail (parser, "a slice has three parts at most");
      continue;
    }
    if (parts[n] != NULL) {
      JinjaNode *tuple;

      if (n > 0 || !jinja_token_op (parser, OP_COMMA))
        jinja_parser_fail (parser, "“]” is missing");
      tuple = jinja_node (parser, NODE_TUPLE);
      jinja_node_add (parser, tuple, parts[0], 0);
      while (jinja_skip_op (parser, OP_COMMA))
        jinja_node_add (parser, tuple, jinja_parse_expression (parser), 0);
      parts[0] = tuple;
      break;
    }
    parts[n] = jinja_parse_expression (parser);
  }
  jinja_expect_op (parser, OP_RIGHT_BRACKET);
  if (n == 0 && parts[0] == NULL)
    jinja_parser_fail (parser, "brackets are empty");
  node->kind = n > 0 ? NODE_SLICE : NODE_ITEM;
  node->b = parts[0];
  node->c = parts[1];
  node->body = parts[2];
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    jinja_node_over (parser, node, parts[i]);
  return node;
}

static JinjaNode *
parse_call (JinjaParser *parser, JinjaNode *a)
{
  JinjaNode *node = one (parser, NODE_CALL, a);

  jinja_parse_arguments (parser, node);
  return node;
}

static JinjaNode *
parse_postfixes (JinjaParser *parser, JinjaNode *node)
{
  for (;;) {
    if (jinja_skip_op (parser, OP_DOT))
      node = parse_attribute (parser, node);
    else if (jinja_skip_op (parser, OP_LEFT_BRACKET))
      node = parse_item (parser, node);
    else if (jinja_token_op (parser, OP_LEFT_PAREN))
      node = parse_call (parser, node);
    else
      return node;
  }
}

/* A name that may have dots; none of ours has. */
static const char *
parse_dotted_name (JinjaParser *parser)
{
  const char *name = jinja_expect_name (parser);

  if (jinja_token_op (parser, OP_DOT))
    jinja_parser_fail (parser, "there is no filter or test with a dot in its name");
  return name;
}

JinjaNode *
jinja_parse_filters (JinjaParser *parser, JinjaNode *node, gboolean inline_start)
{
  while (inline_start || jinja_skip_op (parser, OP_PIPE)) {
    node = one (parser, NODE_FILTER, node);
    node->name = parse_dotted_name (parser);
    node->filter = jinja_find_filter (node->name);
    if (node->filter == NULL && parser->soft == 0)
      jinja_fail (parser->run, "there is no filter “%.40s”", node->name);
    if (jinja_token_op (parser, OP_LEFT_PAREN))
      jinja_parse_arguments (parser, node);
    inline_start = FALSE;
  }
  return node;
}

static gboolean
begins_argument (const JinjaParser *parser)
{
  switch (parser->at->kind) {
  case TOKEN_STRING:
  case TOKEN_INTEGER:
  case TOKEN_REAL:
    return TRUE;
  case TOKEN_NAME:
    return !jinja_token_is (parser, "else") && !jinja_token_is (parser, "or") &&
           !jinja_token_is (parser, "and");
  default:
    return jinja_token_op (parser, OP_LEFT_BRACKET) || jinja_token_op (parser, OP_LEFT_BRACE);
  }
}

static JinjaNode *
parse_test (JinjaParser *parser, JinjaNode *a)
{
  JinjaNode *node = one (parser, NODE_TEST, a);
  gboolean negated = jinja_skip_name (parser, "not");

  if (jinja_token_is (parser, "in")) /* a keyword elsewhere */
    node->name = parser->at++->text;
  else
    node->name = parse_dotted_name (parser);
  node->test = jinja_find_test (node->name);
  if (node->test == NULL && parser->soft == 0)
    jinja_fail (parser->run, "there is no test “%.40s”", node->name);
  if (jinja_token_op (parser, OP_LEFT_PAREN)) {
    jinja_parse_arguments (parser, node);
  } else if (begins_argument (parser)) {
    JinjaNode *argument = jinja_node (parser, NODE_ARGUMENT);

    if (jinja_token_is (parser, "is"))
      jinja_parser_fail (parser, "tests cannot follow each other");
    argument->a = parse_postfixes (parser, parse_primary (parser));
    jinja_node_over (parser, argument, argument->a);
    jinja_node_add (parser, node, argument, 0);
  }
  return negated ? one (parser, NODE_NOT, node) : node;
}

static JinjaNode *
parse_unary (JinjaParser *parser, gboolean with_filters)
{
  JinjaNode *node;

  enter (parser);
  if (jinja_skip_op (parser, OP_SUBTRACT))
    node = one (parser, NODE_NEGATIVE, parse_unary (parser, FALSE));
  else if (jinja_skip_op (parser, OP_ADD))
    node = one (parser, NODE_POSITIVE, parse_unary (parser, FALSE));
  else
    node = parse_primary (parser);
  node = parse_postfixes (parser, node);
  while (with_filters) {
    if (jinja_token_op (parser, OP_PIPE))
      node = jinja_parse_filters (parser, node, FALSE);
    else if (jinja_skip_name (parser, "is"))
      node = parse_test (parser, node);
    else if (jinja_token_op (parser, OP_LEFT_PAREN))
      node = parse_call (parser, node);
    else
      break;
  }
  leave (parser);
  return node;
}

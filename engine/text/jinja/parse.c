/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statements: tokens to the tree of a template. A table names each; its expressions are parsed by
 * expression.c. What Jinja2 has and a model file cannot (other files) is refused by name. */
#include "engine/text/jinja/private.h"

#include "engine/error.h"

#include <string.h>

void
jinja_parser_fail (const JinjaParser *parser, const char *what)
{
  const JinjaToken *token = parser->at;

  parser->run->line = token->line;
  if (token->kind == TOKEN_NAME || token->kind == TOKEN_OPERATOR)
    jinja_fail (parser->run, "%s at “%.40s”", what, token->text);
  jinja_fail (parser->run, "%s", what);
}

JinjaNode *
jinja_node (JinjaParser *parser, JinjaNodeKind kind)
{
  JinjaNode *node = jinja_alloc (parser->run, sizeof (JinjaNode));

  node->kind = kind;
  node->line = parser->run->line = parser->at->line;
  return node;
}

void
jinja_node_over (JinjaParser *parser, JinjaNode *node, const JinjaNode *child)
{
  if (child == NULL)
    return;
  node->depth = MAX (node->depth, child->depth + 1);
  if (node->depth > JINJA_MAX_DEPTH * 4)
    jinja_fail_code (parser->run, ENGINE_ERROR_LIMIT, "it is nested too deeply");
}

void
jinja_node_add (JinjaParser *parser, JinjaNode *node, JinjaNode *item, guint8 op)
{
  if ((node->n & (node->n - 1)) == 0) { /* room for the next power of two */
    size_t room = MAX (node->n * 2, 1);
    JinjaNode **items = jinja_alloc (parser->run, room * sizeof *items);
    guint8 *ops = jinja_alloc (parser->run, room);

    if (node->n > 0) {
      memcpy (items, node->items, node->n * sizeof *items);
      memcpy (ops, node->ops, node->n);
    }
    node->items = items;
    node->ops = ops;
  }
  node->items[node->n] = item;
  node->ops[node->n++] = op;
  jinja_node_over (parser, node, item);
}

gboolean
jinja_token_is (const JinjaParser *parser, const char *name)
{
  return parser->at->kind == TOKEN_NAME && strcmp (parser->at->text, name) == 0;
}

gboolean
jinja_token_op (const JinjaParser *parser, JinjaOp op)
{
  return parser->at->kind == TOKEN_OPERATOR && parser->at->op == op;
}

gboolean
jinja_skip_name (JinjaParser *parser, const char *name)
{
  gboolean skipped = jinja_token_is (parser, name);

  parser->at += skipped;
  return skipped;
}

gboolean
jinja_skip_op (JinjaParser *parser, JinjaOp op)
{
  gboolean skipped = jinja_token_op (parser, op);

  parser->at += skipped;
  return skipped;
}

void
jinja_expect_op (JinjaParser *parser, JinjaOp op)
{
  if (!jinja_skip_op (parser, op))
    jinja_parser_fail (parser, "something else is expected");
}

const char *
jinja_expect_name (JinjaParser *parser)
{
  if (parser->at->kind != TOKEN_NAME)
    jinja_parser_fail (parser, "a name is expected");
  return parser->at++->text;
}

static void
expect (JinjaParser *parser, JinjaTokenKind kind)
{
  if (parser->at->kind != kind)
    jinja_parser_fail (parser, "the tag should end here, but goes on");
  parser->at++;
}

/* ---- bodies ---------------------------------------------------------------------------- */

static JinjaNode *parse_statement (JinjaParser *parser);

static gboolean
is_one_of (const JinjaParser *parser, const char *const *ends)
{
  for (; ends != NULL && *ends != NULL; ends++)
    if (jinja_token_is (parser, *ends))
      return TRUE;
  return FALSE;
}

/* Until a tag that begins with one of ends (NULL: until the end of the template); the word of that
 * tag is the next token then. */
static JinjaNode *
parse_body (JinjaParser *parser, const char *const *ends)
{
  JinjaNode *body = jinja_node (parser, NODE_BODY);
  guint line = parser->at->line;

  if (++parser->depth > JINJA_MAX_DEPTH)
    jinja_fail_code (parser->run, ENGINE_ERROR_LIMIT, "its blocks are nested too deeply");
  for (;;) {
    JinjaNode *node = NULL;

    switch (parser->at->kind) {
    case TOKEN_END:
      if (ends != NULL) {
        parser->run->line = line;
        jinja_fail (parser->run, "“%s” of a block that begins here is missing", ends[0]);
      }
      parser->depth--;
      return body;
    case TOKEN_DATA:
      node = jinja_node (parser, NODE_DATA);
      node->value = jinja_text (parser->run, parser->at->text, parser->at->n);
      parser->at++;
      break;
    case TOKEN_VARIABLE_BEGIN:
      node = jinja_node (parser, NODE_PRINT);
      parser->at++;
      node->a = jinja_parse_tuple (parser, TRUE, NULL, FALSE);
      jinja_node_over (parser, node, node->a);
      expect (parser, TOKEN_VARIABLE_END);
      break;
    default:
      parser->at++; /* BLOCK_BEGIN */
      if (is_one_of (parser, ends)) {
        parser->depth--;
        return body;
      }
      node = parse_statement (parser);
      expect (parser, TOKEN_BLOCK_END);
      break;
    }
    jinja_node_add (parser, body, node, 0);
  }
}

/* A block's body to its end tag, which is taken. */
static JinjaNode *
parse_block_body (JinjaParser *parser, const char *end)
{
  const char *const ends[] = { end, NULL };
  JinjaNode *body;

  expect (parser, TOKEN_BLOCK_END);
  body = parse_body (parser, ends);
  parser->at++;
  return body;
}

/* ---- statements ------------------------------------------------------------------------ */

static JinjaNode *
parse_if (JinjaParser *parser)
{
  static const char *const ends[] = { "endif", "elif", "else", NULL };
  static const char *const last[] = { "endif", NULL };
  JinjaNode *node = jinja_node (parser, NODE_IF);

  do {
    jinja_node_add (parser, node, jinja_parse_tuple (parser, FALSE, NULL, FALSE), 0);
    expect (parser, TOKEN_BLOCK_END);
    parser->soft++;
    jinja_node_add (parser, node, parse_body (parser, ends), 0);
    parser->soft--;
  } while (jinja_skip_name (parser, "elif"));
  if (jinja_skip_name (parser, "else")) {
    expect (parser, TOKEN_BLOCK_END);
    parser->soft++;
    node->b = parse_body (parser, last);
    parser->soft--;
    jinja_node_over (parser, node, node->b);
  }
  parser->at++;
  return node;
}

static JinjaNode *
parse_for (JinjaParser *parser)
{
  static const char *const ends[] = { "endfor", "else", NULL };
  static const char *const last[] = { "endfor", NULL };
  JinjaNode *node = jinja_node (parser, NODE_FOR);

  node->target = jinja_parse_target (parser, "in", FALSE);
  if (!jinja_skip_name (parser, "in"))
    jinja_parser_fail (parser, "“in” of a loop is missing");
  node->a = jinja_parse_tuple (parser, FALSE, "recursive", FALSE);
  if (jinja_skip_name (parser, "if"))
    node->b = jinja_parse_expression (parser);
  node->flag = jinja_skip_name (parser, "recursive");
  expect (parser, TOKEN_BLOCK_END);
  parser->loops++;
  node->body = parse_body (parser, ends);
  parser->loops--;
  if (jinja_skip_name (parser, "else")) {
    expect (parser, TOKEN_BLOCK_END);
    node->c = parse_body (parser, last);
  }
  parser->at++;
  jinja_node_over (parser, node, node->a);
  jinja_node_over (parser, node, node->b);
  jinja_node_over (parser, node, node->body);
  jinja_node_over (parser, node, node->c);
  return node;
}

static JinjaNode *
parse_set (JinjaParser *parser)
{
  JinjaNode *node = jinja_node (parser, NODE_SET);

  node->target = jinja_parse_target (parser, NULL, TRUE);
  if (jinja_skip_op (parser, OP_ASSIGN)) {
    node->a = jinja_parse_tuple (parser, TRUE, NULL, FALSE);
    jinja_node_over (parser, node, node->a);
    return node;
  }
  node->kind = NODE_SET_BLOCK;
  node->b = jinja_parse_filters (parser, jinja_node (parser, NODE_CAPTURED), FALSE);
  node->body = parse_block_body (parser, "endset");
  jinja_node_over (parser, node, node->b);
  jinja_node_over (parser, node, node->body);
  return node;
}

static JinjaNode *
parse_with (JinjaParser *parser)
{
  JinjaNode *node = jinja_node (parser, NODE_WITH);

  while (parser->at->kind != TOKEN_BLOCK_END) {
    if (node->n > 0)
      jinja_expect_op (parser, OP_COMMA);
    jinja_node_add (parser, node, jinja_parse_target (parser, NULL, FALSE), 0);
    jinja_expect_op (parser, OP_ASSIGN);
    jinja_node_add (parser, node, jinja_parse_expression (parser), 0);
  }
  node->body = parse_block_body (parser, "endwith");
  jinja_node_over (parser, node, node->body);
  return node;
}

static void
parse_signature (JinjaParser *parser, JinjaNode *macro)
{
  gboolean defaults = FALSE;

  jinja_expect_op (parser, OP_LEFT_PAREN);
  while (!jinja_token_op (parser, OP_RIGHT_PAREN)) {
    JinjaNode *parameter;

    if (macro->n > 0)
      jinja_expect_op (parser, OP_COMMA);
    parameter = jinja_node (parser, NODE_PARAMETER);
    parameter->name = jinja_expect_name (parser);
    if (jinja_skip_op (parser, OP_ASSIGN)) {
      parameter->a = jinja_parse_expression (parser);
      jinja_node_over (parser, parameter, parameter->a);
      defaults = TRUE;
    } else if (defaults) {
      jinja_parser_fail (parser, "a parameter without a default follows one with a default");
    }
    jinja_node_add (parser, macro, parameter, 0);
  }
  parser->at++;
}

/* The signature (where there is one) has been parsed. */
static void
parse_macro_body (JinjaParser *parser, JinjaNode *macro, const char *end)
{
  JinjaNode *outer = parser->macro;
  guint loops = parser->loops;

  parser->macro = macro;
  parser->loops = 0;
  macro->body = parse_block_body (parser, end);
  parser->macro = outer;
  parser->loops = loops;
  /* A name that is used in an inner macro counts for the outer one too. */
  if (outer != NULL) {
    outer->uses_caller |= macro->uses_caller;
    outer->uses_kwargs |= macro->uses_kwargs;
    outer->uses_varargs |= macro->uses_varargs;
  }
  jinja_node_over (parser, macro, macro->body);
}

static JinjaNode *
parse_macro (JinjaParser *parser)
{
  JinjaNode *node = jinja_node (parser, NODE_MACRO);

  node->name = jinja_expect_name (parser);
  parse_signature (parser, node);
  parse_macro_body (parser, node, "endmacro");
  return node;
}

static JinjaNode *
parse_call_block (JinjaParser *parser)
{
  JinjaNode *node = jinja_node (parser, NODE_CALL_BLOCK), *macro = jinja_node (parser, NODE_MACRO);

  macro->name = "caller";
  if (jinja_token_op (parser, OP_LEFT_PAREN))
    parse_signature (parser, macro);
  node->a = jinja_parse_expression (parser);
  if (node->a->kind != NODE_CALL)
    jinja_parser_fail (parser, "a call is expected");
  parse_macro_body (parser, macro, "endcall");
  node->b = macro;
  jinja_node_over (parser, node, node->a);
  jinja_node_over (parser, node, macro);
  return node;
}

static JinjaNode *
parse_filter_block (JinjaParser *parser)
{
  JinjaNode *node = jinja_node (parser, NODE_FILTER_BLOCK);

  node->a = jinja_parse_filters (parser, jinja_node (parser, NODE_CAPTURED), TRUE);
  node->body = parse_block_body (parser, "endfilter");
  jinja_node_over (parser, node, node->a);
  jinja_node_over (parser, node, node->body);
  return node;
}

static JinjaNode *
parse_generation (JinjaParser *parser)
{
  JinjaNode *node = jinja_node (parser, NODE_SCOPE);
  guint loops = parser->loops;

  parser->loops = 0; /* what may not be left by break */
  node->body = parse_block_body (parser, "endgeneration");
  parser->loops = loops;
  jinja_node_over (parser, node, node->body);
  return node;
}

static JinjaNode *
parse_block (JinjaParser *parser)
{
  JinjaNode *node = jinja_node (parser, NODE_SCOPE);
  const char *name = jinja_expect_name (parser);
  guint loops = parser->loops;

  jinja_skip_name (parser, "scoped");
  parser->loops = 0;
  node->body = parse_block_body (parser, "endblock");
  parser->loops = loops;
  jinja_skip_name (parser, name);
  jinja_node_over (parser, node, node->body);
  return node;
}

static JinjaNode *
parse_autoescape (JinjaParser *parser)
{
  JinjaNode *node = jinja_node (parser, NODE_SCOPE);

  if (!jinja_skip_name (parser, "false") && !jinja_skip_name (parser, "False"))
    jinja_parser_fail (parser, "escaping for HTML is not done here");
  node->body = parse_block_body (parser, "endautoescape");
  jinja_node_over (parser, node, node->body);
  return node;
}

static JinjaNode *
parse_print (JinjaParser *parser)
{
  JinjaNode *body = jinja_node (parser, NODE_BODY);

  while (parser->at->kind != TOKEN_BLOCK_END) {
    JinjaNode *node = jinja_node (parser, NODE_PRINT);

    if (body->n > 0)
      jinja_expect_op (parser, OP_COMMA);
    node->a = jinja_parse_expression (parser);
    jinja_node_over (parser, node, node->a);
    jinja_node_add (parser, body, node, 0);
  }
  return body;
}

static JinjaNode *
parse_jump (JinjaParser *parser)
{
  gboolean stops = strcmp (parser->at[-1].text, "break") == 0;

  if (parser->loops == 0)
    jinja_parser_fail (parser, "there is no loop to leave");
  return jinja_node (parser, stops ? NODE_BREAK : NODE_CONTINUE);
}

static JinjaNode *
refuse (JinjaParser *parser)
{
  parser->at--;
  jinja_parser_fail (parser, "other templates cannot be loaded");
}

static const struct {
  const char *word;
  JinjaNode *(*parse) (JinjaParser *parser); /* the word has been taken */
} statements[] = {
  { "if", parse_if },
  { "for", parse_for },
  { "set", parse_set },
  { "macro", parse_macro },
  { "break", parse_jump },
  { "continue", parse_jump },
  { "generation", parse_generation },
  { "filter", parse_filter_block },
  { "call", parse_call_block },
  { "with", parse_with },
  { "block", parse_block },
  { "autoescape", parse_autoescape },
  { "print", parse_print },
  { "include", refuse },
  { "import", refuse },
  { "from", refuse },
  { "extends", refuse },
};

static JinjaNode *
parse_statement (JinjaParser *parser)
{
  for (size_t i = 0; i < G_N_ELEMENTS (statements); i++)
    if (jinja_skip_name (parser, statements[i].word))
      return statements[i].parse (parser);
  jinja_parser_fail (parser, "there is no such tag");
}

JinjaNode *
jinja_parse (JinjaRun *run, const char *source, size_t n)
{
  JinjaParser parser = { .run = run };
  size_t n_tokens;

  parser.at = jinja_lex (run, source, n, &n_tokens);
  return parse_body (&parser, NULL);
}

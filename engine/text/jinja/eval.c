/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs the statements of a template: scopes as Jinja2 has them (loops, macros, captures have one
 * of their own, conditions have none), loops and their variable, macros and callers. */
#include "engine/text/jinja/private.h"

#include <string.h>

typedef enum {
  FLOW_NEXT,
  FLOW_BREAK,
  FLOW_CONTINUE,
} Flow;

struct _JinjaLoop {
  JinjaList *items;
  size_t index;
  guint depth; /* of a recursive loop, from 0 */
  const JinjaNode *node;
  JinjaScope *scope; /* around the loop */
  JinjaValue last_changed;
  gboolean has_changed;
};

static Flow execute (JinjaRun *run, const JinjaNode *node, JinjaScope *scope, JinjaBuffer *out);

/* ---- scopes ---------------------------------------------------------------------------- */

JinjaScope *
jinja_scope_new (JinjaRun *run, JinjaScope *parent)
{
  JinjaScope *scope = jinja_alloc (run, sizeof (JinjaScope));

  scope->parent = parent;
  return scope;
}

static JinjaValue *
find_here (JinjaScope *scope, const char *name)
{
  for (size_t i = 0; i < scope->n; i++)
    if (strcmp (scope->variables[i].name, name) == 0)
      return &scope->variables[i].value;
  return NULL;
}

JinjaValue *
jinja_scope_find (JinjaScope *scope, const char *name)
{
  for (; scope != NULL; scope = scope->parent) {
    JinjaValue *found = find_here (scope, name);

    if (found != NULL)
      return found;
  }
  return NULL;
}

void
jinja_scope_set (JinjaRun *run, JinjaScope *scope, const char *name, JinjaValue value)
{
  JinjaValue *old = find_here (scope, name);

  if (old != NULL) {
    *old = value;
    return;
  }
  if (scope->n == scope->room) {
    size_t room = MAX (scope->room * 2, 4);
    void *variables = jinja_alloc (run, room * sizeof *scope->variables);

    if (scope->n > 0)
      memcpy (variables, scope->variables, scope->n * sizeof *scope->variables);
    scope->variables = variables;
    scope->room = room;
  }
  scope->variables[scope->n].name = name;
  scope->variables[scope->n++].value = value;
}

static void
assign (JinjaRun *run, JinjaScope *scope, const JinjaNode *target, JinjaValue value)
{
  if (target->kind == NODE_NAME) {
    jinja_scope_set (run, scope, target->name, value);
  } else if (target->kind == NODE_NAMESPACE_TARGET) {
    const JinjaValue *namespace = jinja_scope_find (scope, target->name);

    if (namespace == NULL || namespace->kind != JINJA_NAMESPACE)
      jinja_fail (run, "“%.40s” is no namespace", target->name);
    jinja_dict_set (run, namespace->dict, target->value, value);
  } else {
    JinjaList *items = jinja_iterate (run, value);

    if (items->n != target->n)
      jinja_fail (run, "%zu values do not fit %zu names", items->n, target->n);
    for (size_t i = 0; i < target->n; i++)
      assign (run, scope, target->items[i], items->items[i]);
  }
}

/* ---- captures and macros --------------------------------------------------------------- */

/* What a body writes, in a scope of its own. */
static JinjaValue
capture (JinjaRun *run, const JinjaNode *body, JinjaScope *scope)
{
  JinjaBuffer text;

  jinja_buffer_init (&text, run);
  jinja_execute (run, body, scope, &text);
  return jinja_buffer_value (&text);
}

static Flow
execute_macro (JinjaRun *run, const JinjaNode *node, JinjaScope *scope, JinjaBuffer *out)
{
  JinjaCallable *macro = jinja_alloc (run, sizeof (JinjaCallable));

  macro->name = node->name;
  macro->macro = node;
  macro->scope = scope;
  jinja_scope_set (run, scope, node->name,
                   (JinjaValue) { .kind = JINJA_CALLABLE, .callable = macro });
  return FLOW_NEXT;
}

/* Named arguments that no parameter took. */
static void
set_rest (JinjaRun *run, const JinjaNode *macro, const JinjaArguments *arguments,
          const JinjaDict *named, JinjaScope *scope)
{
  JinjaValue rest;
  size_t first = MIN (arguments->n, macro->n);

  if (macro->uses_kwargs)
    jinja_scope_set (run, scope, "kwargs",
                     (JinjaValue) { .kind = JINJA_DICT, .dict = (JinjaDict *) named });
  else if (named->n > 0)
    jinja_fail (run, "the macro “%.40s” has no parameter “%.*s”", macro->name,
                (int) MIN (named->pairs[0].key.string->n, 40), named->pairs[0].key.string->bytes);
  if (!macro->uses_varargs) {
    if (arguments->n > macro->n)
      jinja_fail (run, "the macro “%.40s” takes %zu arguments at most", macro->name, macro->n);
    return;
  }
  rest = jinja_sequence (run, JINJA_TUPLE, NULL);
  for (size_t i = first; i < arguments->n; i++)
    jinja_list_add (run, rest.list, arguments->positional[i]);
  jinja_scope_set (run, scope, "varargs", rest);
}

JinjaValue
jinja_call_macro (JinjaRun *run, const JinjaCallable *callable, const JinjaArguments *arguments)
{
  const JinjaNode *macro = callable->macro;
  JinjaScope *scope = jinja_scope_new (run, callable->scope);
  JinjaValue rest = jinja_dict (run), result;
  gboolean has_caller = FALSE;

  jinja_enter (run);
  for (size_t i = 0; arguments->named != NULL && i < arguments->named->n; i++) {
    const JinjaPair *pair = &arguments->named->pairs[i];
    size_t parameter = MIN (arguments->n, macro->n);

    while (parameter < macro->n &&
           !jinja_string_is (pair->key.string, macro->items[parameter]->name))
      parameter++;
    if (parameter < macro->n) {
      jinja_scope_set (run, scope, macro->items[parameter]->name, pair->value);
    } else if (macro->uses_caller && jinja_string_is (pair->key.string, "caller")) {
      jinja_scope_set (run, scope, "caller", pair->value);
      has_caller = TRUE;
    } else {
      jinja_dict_set (run, rest.dict, pair->key, pair->value);
    }
  }
  set_rest (run, macro, arguments, rest.dict, scope);
  if (macro->uses_caller && !has_caller && find_here (scope, "caller") == NULL)
    jinja_scope_set (run, scope, "caller", jinja_undefined (run, "no caller is defined"));
  for (size_t i = 0; i < macro->n; i++) {
    const JinjaNode *parameter = macro->items[i];

    if (i < arguments->n)
      jinja_scope_set (run, scope, parameter->name, arguments->positional[i]);
    else if (find_here (scope, parameter->name) == NULL)
      jinja_scope_set (run, scope, parameter->name,
                       parameter->a != NULL
                           ? jinja_evaluate (run, parameter->a, scope)
                           : jinja_undefined (run, "the parameter “%.40s” was not given",
                                              parameter->name));
  }
  result = capture (run, macro->body, scope);
  jinja_leave (run);
  return result;
}

/* ---- loops ----------------------------------------------------------------------------- */

static Flow
run_loop (JinjaRun *run, JinjaLoop *loop, JinjaBuffer *out)
{
  const JinjaNode *node = loop->node;

  if (node->b != NULL) { /* those that pass the test */
    JinjaList *passed = jinja_list (run).list;

    for (size_t i = 0; i < loop->items->n; i++) {
      JinjaScope *scope = jinja_scope_new (run, loop->scope);

      assign (run, scope, node->target, loop->items->items[i]);
      if (jinja_truth (run, jinja_evaluate (run, node->b, scope)))
        jinja_list_add (run, passed, loop->items->items[i]);
    }
    loop->items = passed;
  }
  for (loop->index = 0; loop->index < loop->items->n; loop->index++) {
    JinjaScope *scope = jinja_scope_new (run, loop->scope);

    jinja_scope_set (run, scope, "loop", (JinjaValue) { .kind = JINJA_LOOP, .loop = loop });
    assign (run, scope, node->target, loop->items->items[loop->index]);
    if (execute (run, node->body, scope, out) == FLOW_BREAK)
      break;
  }
  if (loop->items->n == 0 && node->c != NULL)
    return execute (run, node->c, jinja_scope_new (run, loop->scope), out);
  return FLOW_NEXT;
}

static Flow
execute_for (JinjaRun *run, const JinjaNode *node, JinjaScope *scope, JinjaBuffer *out)
{
  JinjaLoop *loop = jinja_alloc (run, sizeof (JinjaLoop));

  loop->items = jinja_iterate (run, jinja_evaluate (run, node->a, scope));
  loop->node = node;
  loop->scope = scope;
  return run_loop (run, loop, out);
}

JinjaValue
jinja_call_loop (JinjaRun *run, JinjaLoop *loop, JinjaValue iterable)
{
  JinjaLoop *inner;
  JinjaBuffer text;

  if (!loop->node->flag)
    jinja_fail (run, "only a recursive loop can be called");
  jinja_enter (run);
  inner = jinja_alloc (run, sizeof (JinjaLoop));
  inner->items = jinja_iterate (run, iterable);
  inner->node = loop->node;
  inner->scope = loop->scope;
  inner->depth = loop->depth + 1;
  jinja_buffer_init (&text, run);
  run_loop (run, inner, &text);
  jinja_leave (run);
  return jinja_buffer_value (&text);
}

static JinjaValue
loop_cycle (JinjaRun *run, JinjaValue self, const JinjaValue *values,
            const JinjaArguments *arguments)
{
  if (arguments->n == 0)
    jinja_fail (run, "“cycle” needs something to choose from");
  return arguments->positional[self.loop->index % arguments->n];
}

static JinjaValue
loop_changed (JinjaRun *run, JinjaValue self, const JinjaValue *values,
              const JinjaArguments *arguments)
{
  JinjaLoop *loop = self.loop;
  JinjaValue now = jinja_sequence (run, JINJA_TUPLE, NULL);
  gboolean same;

  for (size_t i = 0; i < arguments->n; i++)
    jinja_list_add (run, now.list, arguments->positional[i]);
  same = loop->has_changed && jinja_equal (run, loop->last_changed, now);
  loop->last_changed = now;
  loop->has_changed = TRUE;
  return jinja_bool (!same);
}

static const JinjaFilter loop_methods[] = {
  { "cycle", "*", loop_cycle },
  { "changed", "*", loop_changed },
};

JinjaValue
jinja_loop_attribute (JinjaRun *run, JinjaLoop *loop, const JinjaString *name)
{
  gint64 index = (gint64) loop->index, n = (gint64) loop->items->n;
  const struct {
    const char *name;
    JinjaValue value;
  } rows[] = {
    { "index0", jinja_int (index) },
    { "index", jinja_int (index + 1) },
    { "first", jinja_bool (index == 0) },
    { "last", jinja_bool (index == n - 1) },
    { "length", jinja_int (n) },
    { "revindex", jinja_int (n - index) },
    { "revindex0", jinja_int (n - index - 1) },
    { "depth", jinja_int (loop->depth + 1) },
    { "depth0", jinja_int (loop->depth) },
    { "previtem", index > 0 ? loop->items->items[index - 1]
                            : jinja_undefined (run, "there is no previous item") },
    { "nextitem", index + 1 < n ? loop->items->items[index + 1]
                                : jinja_undefined (run, "there is no next item") },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    if (jinja_string_is (name, rows[i].name))
      return rows[i].value;
  for (size_t i = 0; i < G_N_ELEMENTS (loop_methods); i++)
    if (jinja_string_is (name, loop_methods[i].name))
      return jinja_callable (run, &loop_methods[i],
                             (JinjaValue) { .kind = JINJA_LOOP, .loop = loop });
  return JINJA_LEFT_OUT;
}

/* ---- the other statements -------------------------------------------------------------- */

static Flow
execute_body (JinjaRun *run, const JinjaNode *node, JinjaScope *scope, JinjaBuffer *out)
{
  for (size_t i = 0; i < node->n; i++) {
    Flow flow = execute (run, node->items[i], scope, out);

    if (flow != FLOW_NEXT)
      return flow;
  }
  return FLOW_NEXT;
}

static Flow
execute_data (JinjaRun *run, const JinjaNode *node, JinjaScope *scope, JinjaBuffer *out)
{
  jinja_buffer_string (out, node->value.string);
  return FLOW_NEXT;
}

static Flow
execute_print (JinjaRun *run, const JinjaNode *node, JinjaScope *scope, JinjaBuffer *out)
{
  jinja_print (out, jinja_evaluate (run, node->a, scope));
  return FLOW_NEXT;
}

static Flow
execute_if (JinjaRun *run, const JinjaNode *node, JinjaScope *scope, JinjaBuffer *out)
{
  for (size_t i = 0; i < node->n; i += 2)
    if (jinja_truth (run, jinja_evaluate (run, node->items[i], scope)))
      return execute (run, node->items[i + 1], scope, out);
  return node->b != NULL ? execute (run, node->b, scope, out) : FLOW_NEXT;
}

static Flow
execute_set (JinjaRun *run, const JinjaNode *node, JinjaScope *scope, JinjaBuffer *out)
{
  assign (run, scope, node->target, jinja_evaluate (run, node->a, scope));
  return FLOW_NEXT;
}

/* Filters over what a body writes. */
static JinjaValue
capture_filtered (JinjaRun *run, const JinjaNode *filters, const JinjaNode *body,
                  JinjaScope *scope)
{
  JinjaScope *inner = jinja_scope_new (run, scope);
  JinjaValue text = capture (run, body, inner);

  run->captured = text;
  return jinja_evaluate (run, filters, inner);
}

static Flow
execute_set_block (JinjaRun *run, const JinjaNode *node, JinjaScope *scope, JinjaBuffer *out)
{
  assign (run, scope, node->target, capture_filtered (run, node->b, node->body, scope));
  return FLOW_NEXT;
}

static Flow
execute_filter_block (JinjaRun *run, const JinjaNode *node, JinjaScope *scope, JinjaBuffer *out)
{
  jinja_print (out, capture_filtered (run, node->a, node->body, scope));
  return FLOW_NEXT;
}

static Flow
execute_with (JinjaRun *run, const JinjaNode *node, JinjaScope *scope, JinjaBuffer *out)
{
  JinjaScope *inner = jinja_scope_new (run, scope);

  for (size_t i = 0; i < node->n; i += 2)
    assign (run, inner, node->items[i], jinja_evaluate (run, node->items[i + 1], scope));
  return execute (run, node->body, inner, out);
}

static Flow
execute_scope (JinjaRun *run, const JinjaNode *node, JinjaScope *scope, JinjaBuffer *out)
{
  return execute (run, node->body, jinja_scope_new (run, scope), out);
}

static Flow
execute_call_block (JinjaRun *run, const JinjaNode *node, JinjaScope *scope, JinjaBuffer *out)
{
  JinjaScope *inner = jinja_scope_new (run, scope);
  JinjaNode call = *node->a, argument = { .kind = NODE_ARGUMENT, .name = "caller" };
  JinjaNode name = { .kind = NODE_NAME, .name = "caller", .line = node->line };
  JinjaNode **items = jinja_alloc (run, (call.n + 1) * sizeof *items);

  /* The call as it stands, with one argument more, which only it can see. */
  execute_macro (run, node->b, inner, out);
  argument.a = &name;
  argument.line = node->line;
  if (call.n > 0)
    memcpy (items, call.items, call.n * sizeof *items);
  items[call.n++] = &argument;
  call.items = items;
  jinja_print (out, jinja_evaluate (run, &call, inner));
  return FLOW_NEXT;
}

static Flow
execute_break (JinjaRun *run, const JinjaNode *node, JinjaScope *scope, JinjaBuffer *out)
{
  return FLOW_BREAK;
}

static Flow
execute_continue (JinjaRun *run, const JinjaNode *node, JinjaScope *scope, JinjaBuffer *out)
{
  return FLOW_CONTINUE;
}

static Flow
execute (JinjaRun *run, const JinjaNode *node, JinjaScope *scope, JinjaBuffer *out)
{
  static Flow (*const table[]) (JinjaRun *run, const JinjaNode *node, JinjaScope *scope,
                                JinjaBuffer *out) = {
    [NODE_BODY] = execute_body,
    [NODE_DATA] = execute_data,
    [NODE_PRINT] = execute_print,
    [NODE_IF] = execute_if,
    [NODE_FOR] = execute_for,
    [NODE_SET] = execute_set,
    [NODE_SET_BLOCK] = execute_set_block,
    [NODE_WITH] = execute_with,
    [NODE_MACRO] = execute_macro,
    [NODE_CALL_BLOCK] = execute_call_block,
    [NODE_FILTER_BLOCK] = execute_filter_block,
    [NODE_SCOPE] = execute_scope,
    [NODE_BREAK] = execute_break,
    [NODE_CONTINUE] = execute_continue,
  };
  Flow flow;

  jinja_enter (run);
  jinja_work (run, 1);
  run->line = node->line;
  flow = table[node->kind](run, node, scope, out);
  jinja_leave (run);
  return flow;
}

void
jinja_execute (JinjaRun *run, const JinjaNode *body, JinjaScope *scope, JinjaBuffer *out)
{
  execute (run, body, scope, out);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls: arguments laid out by a row's parameters, and whatever can be called. The functions that
 * every template sees stand here in their table. */
#include "engine/text/jinja/private.h"

#include "engine/error.h"

#include <string.h>

const char jinja_left_out[] = "an argument was left out";

gboolean
jinja_given (JinjaValue value)
{
  return value.kind != JINJA_UNDEFINED || value.what != jinja_left_out;
}

/* Parameter number i of "a b ? c"; FALSE after the last. */
static gboolean
parameter (const char *parameters, guint i, JinjaString *name, gboolean *optional)
{
  *optional = FALSE;
  for (const char *at = parameters; *at != '\0';) {
    size_t n = strcspn (at, " ");

    if (*at == '?') {
      *optional = TRUE;
    } else if (i-- == 0) {
      *name = (JinjaString) { .bytes = at, .n = n };
      return TRUE;
    }
    at += n + strspn (at + n, " ");
  }
  return FALSE;
}

static gboolean
same (const JinjaString *a, const JinjaString *b)
{
  return a->n == b->n && memcmp (a->bytes, b->bytes, a->n) == 0;
}

void
jinja_bind (JinjaRun *run, const char *callee, const char *parameters,
            const JinjaArguments *arguments, JinjaValue values[JINJA_MAX_PARAMETERS])
{
  size_t n_named = 0;
  JinjaString name;
  gboolean optional;
  guint n = 0;

  for (; parameter (parameters, n, &name, &optional); n++) {
    values[n] = n < arguments->n ? arguments->positional[n] : JINJA_LEFT_OUT;
    for (size_t k = 0; arguments->named != NULL && k < arguments->named->n; k++)
      if (same (arguments->named->pairs[k].key.string, &name)) {
        if (n < arguments->n)
          jinja_fail (run, "“%s” gets “%.*s” twice", callee, (int) name.n, name.bytes);
        values[n] = arguments->named->pairs[k].value;
        n_named++;
      }
    if (!jinja_given (values[n]) && !optional)
      jinja_fail (run, "“%s” needs “%.*s”", callee, (int) name.n, name.bytes);
  }
  if (arguments->n > n || (arguments->named != NULL && arguments->named->n > n_named))
    jinja_fail (run, "“%s” gets arguments that it does not know", callee);
}

JinjaValue
jinja_call_row (JinjaRun *run, const JinjaFilter *row, JinjaValue self,
                const JinjaArguments *arguments)
{
  JinjaValue values[JINJA_MAX_PARAMETERS];

  if (row->parameters[0] != '*')
    jinja_bind (run, row->name, row->parameters, arguments, values);
  return row->call (run, self, values, arguments);
}

gboolean
jinja_check (JinjaRun *run, const JinjaTest *test, JinjaValue value,
             const JinjaArguments *arguments)
{
  JinjaValue values[JINJA_MAX_PARAMETERS];

  jinja_bind (run, test->name, test->parameters, arguments, values);
  return test->check (run, value, values);
}

JinjaValue
jinja_callable (JinjaRun *run, const JinjaFilter *function, JinjaValue self)
{
  JinjaCallable *callable = jinja_alloc (run, sizeof (JinjaCallable));

  callable->name = function->name;
  callable->function = function;
  callable->self = self;
  return (JinjaValue) { .kind = JINJA_CALLABLE, .callable = callable };
}

JinjaValue
jinja_call (JinjaRun *run, JinjaValue callable, const JinjaArguments *arguments)
{
  if (callable.kind == JINJA_LOOP) {
    JinjaValue values[JINJA_MAX_PARAMETERS];

    jinja_bind (run, "loop", "iterable", arguments, values);
    return jinja_call_loop (run, callable.loop, values[0]);
  }
  if (callable.kind == JINJA_UNDEFINED)
    jinja_fail (run, "%s", callable.what != NULL ? callable.what : "a function is undefined");
  if (callable.kind != JINJA_CALLABLE)
    jinja_fail (run, "%s cannot be called", jinja_type_name (callable));
  if (callable.callable->macro != NULL)
    return jinja_call_macro (run, callable.callable, arguments);
  return jinja_call_row (run, callable.callable->function, callable.callable->self, arguments);
}

const JinjaString *
jinja_need_string (JinjaRun *run, JinjaValue value, const char *callee)
{
  if (value.kind != JINJA_STRING)
    jinja_fail (run, "“%s” needs a string, not %s", callee, jinja_type_name (value));
  return value.string;
}

gint64
jinja_need_int (JinjaRun *run, JinjaValue value, const char *callee)
{
  if (value.kind != JINJA_INT && value.kind != JINJA_BOOL)
    jinja_fail (run, "“%s” needs a whole number, not %s", callee, jinja_type_name (value));
  return jinja_whole (value);
}

/* ---- the functions --------------------------------------------------------------------- */

static JinjaValue
function_range (JinjaRun *run, JinjaValue self, const JinjaValue *values,
                const JinjaArguments *arguments)
{
  JinjaValue range = jinja_sequence (run, JINJA_RANGE, NULL);
  JinjaList *list = range.list;
  guint64 distance, by;

  if (arguments->n == 0 || arguments->n > 3 || arguments->named->n > 0)
    jinja_fail (run, "“range” takes one to three numbers");
  list->step = arguments->n > 2 ? jinja_need_int (run, arguments->positional[2], "range") : 1;
  list->start = arguments->n > 1 ? jinja_need_int (run, arguments->positional[0], "range") : 0;
  list->stop = jinja_need_int (run, arguments->positional[arguments->n > 1], "range");
  if (list->step == 0)
    jinja_fail (run, "the step of a range is zero");
  if (list->step > 0 ? list->start >= list->stop : list->start <= list->stop)
    return range;
  distance = list->step > 0 ? (guint64) list->stop - (guint64) list->start
                            : (guint64) list->start - (guint64) list->stop;
  by = list->step > 0 ? (guint64) list->step : -(guint64) list->step;
  if ((distance - 1) / by + 1 > JINJA_MAX_RANGE)
    jinja_fail_code (run, ENGINE_ERROR_LIMIT, "a range has more than %d numbers", JINJA_MAX_RANGE);
  for (guint64 n = 0; n <= (distance - 1) / by; n++)
    jinja_list_add (run, list,
                    jinja_int ((gint64) ((guint64) list->start + n * (guint64) list->step)));
  return range;
}

/* dict (pairs or dictionary, name=value …) */
static JinjaValue
function_dict (JinjaRun *run, JinjaValue self, const JinjaValue *values,
               const JinjaArguments *arguments)
{
  JinjaValue dict = jinja_dict (run);
  JinjaList *pairs;

  if (arguments->n > 1)
    jinja_fail (run, "“dict” takes one argument at most");
  if (arguments->n == 1 && arguments->positional[0].kind == JINJA_DICT) {
    const JinjaDict *other = arguments->positional[0].dict;

    for (size_t i = 0; i < other->n; i++)
      jinja_dict_set (run, dict.dict, other->pairs[i].key, other->pairs[i].value);
  } else if (arguments->n == 1) {
    pairs = jinja_iterate (run, arguments->positional[0]);
    for (size_t i = 0; i < pairs->n; i++) {
      JinjaList *pair = jinja_iterate (run, pairs->items[i]);

      if (pair->n != 2)
        jinja_fail (run, "“dict” needs pairs");
      jinja_dict_set (run, dict.dict, pair->items[0], pair->items[1]);
    }
  }
  for (size_t i = 0; i < arguments->named->n; i++)
    jinja_dict_set (run, dict.dict, arguments->named->pairs[i].key,
                    arguments->named->pairs[i].value);
  return dict;
}

static JinjaValue
function_namespace (JinjaRun *run, JinjaValue self, const JinjaValue *values,
                    const JinjaArguments *arguments)
{
  JinjaValue namespace = function_dict (run, self, values, arguments);

  namespace.kind = JINJA_NAMESPACE;
  return namespace;
}

static JinjaValue
function_raise (JinjaRun *run, JinjaValue self, const JinjaValue *values,
                const JinjaArguments *arguments)
{
  const JinjaString *text = jinja_to_string (run, values[0]);

  jinja_fail_code (run, ENGINE_ERROR_INVALID, "%.*s", (int) MIN (text->n, 300), text->bytes);
}

static JinjaValue
function_strftime (JinjaRun *run, JinjaValue self, const JinjaValue *values,
                   const JinjaArguments *arguments)
{
  return jinja_strftime (run, jinja_need_string (run, values[0], "strftime_now"));
}

/* cycler and joiner keep what they need in a namespace. */
static JinjaValue
cycler_current (JinjaRun *run, JinjaDict *state, gint64 step)
{
  const JinjaList *items = jinja_dict_find_name (state, "items")->list;
  JinjaValue *at = jinja_dict_find_name (state, "at");
  gint64 now = at->integer;

  at->integer = (now + step) % (gint64) items->n;
  return items->items[now];
}

static JinjaValue
cycler_next (JinjaRun *run, JinjaValue self, const JinjaValue *values,
             const JinjaArguments *arguments)
{
  return cycler_current (run, self.dict, 1);
}

static JinjaValue
cycler_reset (JinjaRun *run, JinjaValue self, const JinjaValue *values,
              const JinjaArguments *arguments)
{
  jinja_dict_find_name (self.dict, "at")->integer = 0;
  return JINJA_NONE_VALUE;
}

static JinjaValue
function_cycler (JinjaRun *run, JinjaValue self, const JinjaValue *values,
                 const JinjaArguments *arguments)
{
  static const JinjaFilter next = { "next", "", cycler_next };
  static const JinjaFilter reset = { "reset", "", cycler_reset };
  JinjaValue cycler = jinja_dict (run), items = jinja_list (run);

  if (arguments->n == 0 || arguments->named->n > 0)
    jinja_fail (run, "“cycler” needs something to choose from");
  for (size_t i = 0; i < arguments->n; i++)
    jinja_list_add (run, items.list, arguments->positional[i]);
  cycler.kind = JINJA_NAMESPACE;
  jinja_dict_set (run, cycler.dict, jinja_literal (run, "items"), items);
  jinja_dict_set (run, cycler.dict, jinja_literal (run, "at"), jinja_int (0));
  jinja_dict_set (run, cycler.dict, jinja_literal (run, "next"),
                  jinja_callable (run, &next, cycler));
  jinja_dict_set (run, cycler.dict, jinja_literal (run, "reset"),
                  jinja_callable (run, &reset, cycler));
  return cycler;
}

static JinjaValue
joiner_call (JinjaRun *run, JinjaValue self, const JinjaValue *values,
             const JinjaArguments *arguments)
{
  JinjaValue *used = jinja_dict_find_name (self.dict, "used");

  if (used->boolean)
    return *jinja_dict_find_name (self.dict, "separator");
  used->boolean = TRUE;
  return jinja_literal (run, "");
}

static JinjaValue
function_joiner (JinjaRun *run, JinjaValue self, const JinjaValue *values,
                 const JinjaArguments *arguments)
{
  static const JinjaFilter call = { "joiner", "", joiner_call };
  JinjaValue joiner = jinja_dict (run);

  joiner.kind = JINJA_NAMESPACE;
  jinja_dict_set (run, joiner.dict, jinja_literal (run, "separator"),
                  jinja_given (values[0]) ? values[0] : jinja_literal (run, ", "));
  jinja_dict_set (run, joiner.dict, jinja_literal (run, "used"), jinja_bool (FALSE));
  return jinja_callable (run, &call, joiner);
}

static const JinjaFilter functions[] = {
  { "range", "*", function_range },
  { "namespace", "*", function_namespace },
  { "raise_exception", "message", function_raise },
  { "strftime_now", "format", function_strftime },
  { "dict", "*", function_dict },
  { "cycler", "*", function_cycler },
  { "joiner", "? sep", function_joiner },
};

const JinjaFilter *
jinja_find_function (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (functions); i++)
    if (strcmp (functions[i].name, name) == 0)
      return &functions[i];
  return NULL;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The interpreter of templates by itself: what must fail and how, budgets, and the marks that tell
 * people's bytes from the template's. With --serve it renders what compare-jinja.py sends it, which
 * holds it to Jinja2. */
#include "engine/text/jinja/jinja.h"

#include "engine/error.h"

#include <stdio.h>
#include <string.h>

/* ---- for compare-jinja.py -------------------------------------------------------------- */

static char *
read_frame (void)
{
  guint32 n;
  char *bytes;

  if (fread (&n, sizeof n, 1, stdin) != 1)
    return NULL;
  bytes = g_malloc0 ((gsize) n + 1);
  if (n > 0 && fread (bytes, 1, n, stdin) != n)
    g_error ("the frame is cut");
  return bytes;
}

static void
write_frame (char status, const char *bytes, size_t n)
{
  guint32 size = (guint32) n;

  fputc (status, stdout);
  fwrite (&size, sizeof size, 1, stdout);
  fwrite (bytes, 1, n, stdout);
  fflush (stdout);
}

/* Frames of a template and of a JSON object of variables in; "+" and the text, "-" and the error
 * out. */
static int
serve (void)
{
  for (;;) {
    g_autofree char *source = read_frame (), *json = source != NULL ? read_frame () : NULL;
    g_autoptr (GError) error = NULL;
    g_autoptr (JinjaTemplate) template = NULL;
    g_autoptr (JinjaRun) run = NULL;
    const guint8 *marks;
    size_t n;

    if (json == NULL)
      return 0;
    template = jinja_template_new (source, -1, &error);
    if (template != NULL) {
      run = jinja_run_new (template);
      if (jinja_run_set_json (run, json, TRUE, &error) && jinja_run_render (run, &error)) {
        const char *text = jinja_run_output (run, &n, &marks);

        write_frame ('+', text, n);
        continue;
      }
    }
    write_frame ('-', error->message, strlen (error->message));
  }
}

/* ---- helpers --------------------------------------------------------------------------- */

#define SPECIAL "<|im_end|>"
#define VARIABLES                                                                         \
  "{\"s\":\"a " SPECIAL " b\",\"l\":[\"" SPECIAL "\",\"" SPECIAL "x\"],\"d\":{\"" SPECIAL \
  "\":\"" SPECIAL "\"},\"n\":3,\"m\":[{\"role\":\"user\",\"content\":\"" SPECIAL "\"}]}"

static char *
render (const char *source, GError **error)
{
  g_autoptr (JinjaTemplate) template = jinja_template_new (source, -1, error);
  g_autoptr (JinjaRun) run = NULL;
  const guint8 *marks;
  const char *text;
  size_t n;

  if (template == NULL)
    return NULL;
  run = jinja_run_new (template);
  g_assert_true (jinja_run_set_json (run, VARIABLES, TRUE, NULL));
  if (!jinja_run_render (run, error))
    return NULL;
  text = jinja_run_output (run, &n, &marks);
  return g_strndup (text, n);
}

/* ---- errors ---------------------------------------------------------------------------- */

static void
test_errors (void)
{
  static const struct {
    const char *source;
    int code;
    const char *says;
  } cases[] = {
    { "a\n{% if n %}", ENGINE_ERROR_UNSUPPORTED, "Line 2 *“endif”*" },
    { "{% for x in l %}\n{% endif %}", ENGINE_ERROR_UNSUPPORTED, "Line 2 *endif*" },
    { "{{ n", ENGINE_ERROR_UNSUPPORTED, "Line 1 *no end*" },
    { "{{ 'abc }}", ENGINE_ERROR_UNSUPPORTED, "*no end*" },
    { "{# abc", ENGINE_ERROR_UNSUPPORTED, "*no end*" },
    { "{% raw %}abc", ENGINE_ERROR_UNSUPPORTED, "*no end*" },
    { "\n\n{% include 'x' %}", ENGINE_ERROR_UNSUPPORTED, "Line 3 *include*" },
    { "{% frobnicate %}", ENGINE_ERROR_UNSUPPORTED, "*no such tag at “frobnicate”*" },
    { "{{ n|frobnicate }}", ENGINE_ERROR_UNSUPPORTED, "*no filter “frobnicate”*" },
    { "{{ n is frobnicate }}", ENGINE_ERROR_UNSUPPORTED, "*no test “frobnicate”*" },
    { "{{ $ }}", ENGINE_ERROR_UNSUPPORTED, "*not understood*" },
    { "{{ (1] }}", ENGINE_ERROR_UNSUPPORTED, "*closes nothing*" },
    { "{{ 1 if }}", ENGINE_ERROR_UNSUPPORTED, "*value is expected*" },
    { "{{ nothing.x }}", ENGINE_ERROR_UNSUPPORTED, "*“nothing” is undefined*" },
    { "{{ d.x.y }}", ENGINE_ERROR_UNSUPPORTED, "*“x” of a dict is undefined*" },
    { "{{ n < s }}", ENGINE_ERROR_UNSUPPORTED, "*compare an int with a str*" },
    { "{{ n + s }}", ENGINE_ERROR_UNSUPPORTED, "*does not work with an int and a str*" },
    { "{{ n / 0 }}", ENGINE_ERROR_UNSUPPORTED, "*divided by zero*" },
    { "{{ n() }}", ENGINE_ERROR_UNSUPPORTED, "*cannot be called*" },
    { "{{ 9223372036854775807 + 1 }}", ENGINE_ERROR_LIMIT, "*too large*" },
    { "{{ -9223372036854775807 - 2 }}", ENGINE_ERROR_LIMIT, "*too large*" },
    { "{{ 2 ** 64 }}", ENGINE_ERROR_LIMIT, "*too large*" },
    { "{{ 99999999999999999999 }}", ENGINE_ERROR_LIMIT, "*too large*" },
    { "{{ raise_exception('no system') }}", ENGINE_ERROR_INVALID, "*refuses*: no system" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *text = render (cases[i].source, &error);

    g_assert_null (text);
    g_assert_error (error, ENGINE_ERROR, cases[i].code);
    if (!g_pattern_match_simple (cases[i].says, error->message))
      g_error ("%s: %s", cases[i].source, error->message);
  }
}

/* ---- budgets --------------------------------------------------------------------------- */

static char *
repeated (const char *before, const char *what, guint n, const char *middle, const char *after)
{
  GString *text = g_string_new (before);

  for (guint i = 0; i < n; i++)
    g_string_append (text, what);
  g_string_append (text, middle);
  for (guint i = 0; i < n; i++)
    g_string_append (text, after);
  return g_string_free (text, FALSE);
}

static void
test_budgets (void)
{
  g_autofree char *parens = repeated ("{{ ", "(", 5000, "1", ")");
  g_autofree char *brackets = repeated ("{{ ", "[", 5000, "1", "]");
  g_autofree char *nots = repeated ("{{ ", "not ", 5000, "1 }}", "");
  g_autofree char *minus = repeated ("{{ ", "-", 5000, "1 }}", "");
  g_autofree char *blocks = repeated ("", "{% if 1 %}", 5000, "x", "{% endif %}");
  g_autofree char *filters = repeated ("{{ 1", "|string", 5000, " }}", "");
  g_autofree char *dots = repeated ("{{ d", ".x", 5000, " }}", "");
  g_autofree char *ternary = repeated ("{{ 1", " if 1 else 1", 5000, " }}", "");
  g_autofree char *large = g_strnfill (JINJA_MAX_SOURCE_BYTES + 1, 'x');
  const char *const cases[] = {
    parens,
    brackets,
    nots,
    minus,
    blocks,
    filters,
    dots,
    ternary,
    large,
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% set x = 'abcdefgh' * 1000000 %}{% for i in range(1000) %}{{ x }}{% endfor %}",
    "{{ 'a' * 99999999999 }}",
    "{{ [1] * 99999999999 }}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = ns.l + ns.l %}"
    "{% endfor %}",
    "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}"
    "{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro m(x) %}{{ m([x]) }}{% endmacro %}{{ m(1) }}",
    "{% set l = [] %}{% set x = l.append(l) %}{{ l }}",
    "{% set l = [] %}{% set x = l.append(l) %}{{ l|tojson }}",
    "{% set a = [] %}{% set b = [] %}{% set x = a.append(b) %}{% set x = b.append(a) %}"
    "{{ a == b }}",
    "{{ range(100001) }}",
    "{{ range(-9223372036854775807, 9223372036854775807) }}",
    "{{ 'x'.center(99999999999) }}",
    "{{ '%99999999999d' % 1 }}",
    "{{ '{:99999999999}'.format(1) }}",
    "{{ [1]|batch(99999999999, 0)|list }}",
    "{{ [1]|slice(99999999999)|list }}",
    "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "{% set x = 'ab' * 1000000 %}{% for i in range(99999) %}{% if 'c' in x %}{% endif %}"
    "{% endfor %}",
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *text = render (cases[i], &error);

    g_test_message ("%.60s: %s", cases[i], error != NULL ? error->message : text);
    g_assert_null (text);
    g_assert_true (g_error_matches (error, ENGINE_ERROR, ENGINE_ERROR_LIMIT) ||
                   g_error_matches (error, ENGINE_ERROR, ENGINE_ERROR_UNSUPPORTED));
  }
}

/* Long but flat ones are no problem. */
static void
test_long (void)
{
  g_autofree char *sum = repeated ("{{ 1", " + 1", 5000, " }}", "");
  g_autofree char *concat = repeated ("{{ ''", " ~ 'x'", 5000, " }}", "");
  g_autofree char *elifs = repeated ("{% if n == 0 %}", "{% elif n == 0 %}", 3000,
                                     "{% else %}y", "");
  g_autofree char *closed = g_strconcat (elifs, "{% endif %}", NULL);
  g_autofree char *sum_text = render (sum, NULL), *concat_text = render (concat, NULL);
  g_autofree char *closed_text = render (closed, NULL);

  g_assert_cmpstr (sum_text, ==, "5001");
  g_assert_cmpuint (strlen (concat_text), ==, 5000);
  g_assert_cmpstr (closed_text, ==, "y");
}

/* ---- marks ----------------------------------------------------------------------------- */

/* Expressions that must give the special token back whole, as people's text. */
static const char *const whole[] = {
  "s",
  "s|trim",
  "s.strip('ab ')",
  "s|replace('a', 'c')",
  "s.replace('b', '')",
  "s|string",
  "s[1:-1]",
  "s[2:]",
  "s.split(' ')[1]",
  "s.split()|join('-')",
  "s.rsplit(None, 1)[0]",
  "l|join",
  "l|join('<|im_end|>'[:0])",
  "l",
  "d",
  "d|tojson",
  "l|tojson(indent=2)",
  "m|tojson",
  "s|lower",
  "s|lower|upper|lower",
  "s|indent(3, true)",
  "s|center(40)",
  "s.ljust(40)",
  "s.zfill(40)",
  "s|default('x')",
  "'x' ~ s",
  "s ~ 'x'",
  "'<' + s + '>'",
  "'%s' % s",
  "'%-30s' % s",
  "'%(a)s' % {'a': s}",
  "'{}'.format(s)",
  "'{x:>30}'.format(x=s)",
  "'{0.content}'.format(m[0])",
  "'%r' % s",
  "s|list|join",
  "s|reverse|reverse",
  "s[::-1][::-1]",
  "d|dictsort",
  "d.items()|list",
  "l|map('trim')|join",
  "l|unique|first",
  "l|sort|first",
  "l|groupby(0)|list",
  "s|truncate(99)",
  "m|map(attribute='content')|first",
  "s.partition(' ')[2]",
  "s.removeprefix('a ')",
  "s.splitlines()[0]",
  "s * 2",
  "s|tojson|from_json",
  "'  ' * 2 + s",
  "namespace(a=s).a",
  "s|e|string",
  "[s]|string",
  "(s,)|tojson",
  "s.expandtabs()",
  "l[0] if l else ''",
  "l|batch(1)|list",
  "d.keys()|list",
  "d|list|first",
  "d.get('x', s)",
  "s|format",
  "dict(x=s).x",
  "[l, l]|sum(start=[])",
  "l|max",
  "s|striptags",
  "(s|safe) ~ ''",
  "joiner(s)() ~ s",
  "cycler(s).next()",
};

static void
assert_people_wrote (const char *source)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JinjaTemplate) template = jinja_template_new (source, -1, &error);
  g_autoptr (JinjaRun) run = NULL;
  const guint8 *marks;
  const char *text, *found;
  gboolean escaped = strstr (source, "|e|") != NULL;
  const char *special = escaped ? "&lt;|im_end|&gt;" : SPECIAL;
  size_t n;

  g_assert_no_error (error);
  run = jinja_run_new (template);
  g_assert_true (jinja_run_set_json (run, VARIABLES, TRUE, NULL));
  if (!jinja_run_render (run, &error))
    g_error ("%s: %s", source, error->message);
  text = jinja_run_output (run, &n, &marks);
  found = memmem (text, n, special, strlen (special));
  if (found == NULL && strstr (source, "striptags") == NULL)
    g_error ("%s: %.*s", source, (int) n, text);
  for (; found != NULL; found = memmem (found + 1, n - (size_t) (found + 1 - text), special,
                                        strlen (special)))
    for (size_t i = 0; i < strlen (special); i++)
      if (marks == NULL || marks[(size_t) (found - text) + i] == 0)
        g_error ("%s: byte %zu of %s counts as the template's", source, i, special);
}

static void
test_marks (void)
{
  static const char *const statements[] = {
    "T{% set x %}{{ s }}{% endset %}{{ x }}",
    "T{% filter trim %}{{ s }}{% endfilter %}",
    "T{% macro q(x) %}[{{ x }}]{% endmacro %}{{ q(s)|upper|lower }}",
    "T{% macro q() %}{{ caller() }}{% endmacro %}{% call q() %}{{ s }}{% endcall %}",
    "T{% for c in s %}{{ c }}{% endfor %}",
    ("T{% set ns = namespace(x='') %}{% for c in l %}{% set ns.x = ns.x + c %}{% endfor %}"
     "{{ ns.x }}"),
    "T{% for a in l %}{{ loop.nextitem }}{% endfor %}",
  };

  for (size_t i = 0; i < G_N_ELEMENTS (whole); i++) {
    g_autofree char *source = g_strdup_printf ("T{{ %s }}", whole[i]);

    assert_people_wrote (source);
  }
  for (size_t i = 0; i < G_N_ELEMENTS (statements); i++)
    assert_people_wrote (statements[i]);
}

/* Of text of both kinds each byte keeps its own. */
static void
test_mixed_marks (void)
{
  g_autoptr (JinjaTemplate) template =
      jinja_template_new ("{{ ('[' ~ m[0].role ~ ']' ~ n)[1:-1]|upper }}!", -1, NULL);
  g_autoptr (JinjaRun) run = jinja_run_new (template);
  const guint8 *marks;
  const char *text;
  size_t n;

  g_assert_true (jinja_run_set_json (run, VARIABLES, TRUE, NULL));
  g_assert_true (jinja_run_render (run, NULL));
  text = jinja_run_output (run, &n, &marks);
  g_assert_cmpmem (text, n, "USER]!", 6);
  g_assert_cmpmem (marks, n, "\1\1\1\1\0\0", 6);
}

/* One template serves several runs, and a failed one can be run again. */
static void
test_runs (void)
{
  g_autoptr (JinjaTemplate) template = jinja_template_new ("{{ x.y }}", -1, NULL);
  const guint8 *marks;
  size_t n;

  for (int i = 0; i < 3; i++) {
    g_autoptr (JinjaRun) run = jinja_run_new (template);
    g_autoptr (GError) error = NULL;

    g_assert_false (jinja_run_render (run, &error));
    g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_UNSUPPORTED);
    g_assert_false (jinja_run_set_json (run, "{\"x\":", FALSE, NULL));
    g_assert_true (jinja_run_set_json (run, "{\"x\":{\"y\":\"\\u00e9\"}}", FALSE, NULL));
    g_assert_true (jinja_run_render (run, NULL));
    g_assert_cmpmem (jinja_run_output (run, &n, &marks), n, "\303\251", 2);
    g_assert_null (marks);
  }
}

int
main (int argc, char **argv)
{
  if (argc == 2 && strcmp (argv[1], "--serve") == 0)
    return serve ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/jinja/errors", test_errors);
  g_test_add_func ("/text/jinja/budgets", test_budgets);
  g_test_add_func ("/text/jinja/long", test_long);
  g_test_add_func ("/text/jinja/marks", test_marks);
  g_test_add_func ("/text/jinja/mixed-marks", test_mixed_marks);
  g_test_add_func ("/text/jinja/runs", test_runs);
  return g_test_run ();
}

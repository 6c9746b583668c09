/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: the input is a chat template, run on messages that people wrote. It is refused or
 * fails with a sentence, or its text is UTF-8 and whatever people wrote of it is marked so. */
#include "engine/text/jinja/jinja.h"

#include "tests/fuzz/fuzz.h"

#include <string.h>

/* A character for private use that only the messages have. */
#define MARK "\356\200\200"
#define VARIABLES                                                                            \
  "{\"messages\":[{\"role\":\"system\",\"content\":\"Be " MARK " brief\"},"                  \
  "{\"role\":\"user\",\"content\":\" It's " MARK "\\n<b>\\\"x\\\"</b> \303\237\"},"          \
  "{\"role\":\"assistant\",\"content\":\"" MARK "\",\"tool_calls\":[{\"function\":{"         \
  "\"name\":\"f\",\"arguments\":{\"b\":1,\"" MARK "\":[1.5,null,true]}}}]}],"                \
  "\"s\":\"" MARK " b " MARK "\",\"d\":{\"x\":1,\"Y\":\"" MARK "\"},\"a\":[3,1,2],\"n\":-7," \
  "\"add_generation_prompt\":true,\"bos_token\":\"<s>\",\"enable_thinking\":true}"

/* Whether a template can make the character by itself. */
static gboolean
may_write_mark (const uint8_t *data, size_t size)
{
  static const char *const ways[] = { MARK, "\\", "json" };

  for (size_t i = 0; i < G_N_ELEMENTS (ways); i++)
    if (memmem (data, size, ways[i], strlen (ways[i])) != NULL)
      return TRUE;
  return FALSE;
}

static void
check_output (const JinjaRun *run, gboolean template_may)
{
  const guint8 *marks;
  size_t n, from = 0;
  const char *text = jinja_run_output (run, &n, &marks), *found = text;

  for (size_t i = 0; i <= n; i++) /* GLib's check takes a NUL for an end */
    if (i == n || text[i] == '\0') {
      g_assert_true (g_utf8_validate (text + from, (gssize) (i - from), NULL));
      from = i + 1;
    }
  for (size_t i = 0; marks != NULL && i < n; i++)
    g_assert_cmpuint (marks[i], <=, 1);
  if (template_may)
    return;
  while ((found = memmem (found, n - (size_t) (found - text), MARK, strlen (MARK))) != NULL) {
    for (size_t i = 0; i < strlen (MARK); i++)
      g_assert_true (marks != NULL && marks[(size_t) (found - text) + i] == 1);
    found++;
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JinjaTemplate) template = jinja_template_new ((const char *) data, (gssize) size,
                                                           &error);
  g_autoptr (JinjaRun) run = NULL;

  if (template != NULL) {
    run = jinja_run_new (template);
    g_assert_true (jinja_run_set_json (run, VARIABLES, TRUE, NULL));
    if (jinja_run_render (run, &error))
      check_output (run, may_write_mark (data, size));
  }
  g_assert_true (error == NULL || error->message[0] != '\0');
  return 0;
}

GBytes *
fuzz_seed (unsigned i)
{
  static const char *const seeds[] = {
    "{% for m in messages %}{{ m.role }}:{{ m['content']|trim }}\n{% endfor %}{{ bos_token }}",
    "{%- macro f(a, b=2) -%}{{ caller(a) }}{{ varargs }}{{ kwargs }}{%- endmacro -%}"
    "{% call(x) f(1, 2, *a, **d) %}{{ x }}{% endcall %}",
    "{% set ns = namespace(x=0) %}{% for k, v in d|dictsort if v %}{% set ns.x = ns.x + 1 %}"
    "{{ loop.cycle(1, 2) }}{{ loop.nextitem }}{% else %}{% break %}{% endfor %}{{ ns.x ** 2 }}",
    "{{ messages[::-1]|map(attribute='role')|join(',') }}{{ s[1:-1].split()|list }}{{ s % 1 }}",
    "{{ messages|tojson(indent=2) }}{{ messages|selectattr('role', 'equalto', 'user')|list }}",
    "{% set x %}{{ s|upper|replace('B', 'c') }}{% endset %}{% filter indent(2) %}{{ x }}"
    "{% endfilter %}{# note -#} {%- raw %}{{ x }}{% endraw +%}",
    "{{ '{:>9}{0.x}'.format(s, d) }}{{ '%05.2f%%%s' % (n, s) }}{{ n // 2 % 3 ~ 1e3 }}",
    "{% if a is defined and not n in a or s is string %}{{ 1 if x else 2 }}{% elif y %}{% endif %}"
    "{% generation %}{{ raise_exception('no') }}{% endgeneration %}{{ strftime_now('%d %b %Y') }}",
    "{% for x in a recursive %}{{ loop([1]) if x == 3 }}{% continue %}{% endfor %}"
    "{{ a|sort|batch(2)|list }}{{ messages|groupby('role') }}{{ s|list|unique|first }}",
  };

  return i < G_N_ELEMENTS (seeds) ? g_bytes_new_static (seeds[i], strlen (seeds[i])) : NULL;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text, Markdown, tables and source code to blocks, in this process: the extractors themselves,
 * without the one that runs them. Encodings too, and what is refused as no text. */
#include "app/extract/extract-decode.h"
#include "app/extract/extract.h"

#include <string.h>

/* The blocks as lines "kind level|text" after "title/language", or the failure's number. */
static char *
dump (const char *suffix,
      const char *bytes,
      gssize n)
{
  static const char kinds[][3] = { "P", "H", "L", "TH", "TR", "C" };
  g_autoptr (GBytes) owned = g_bytes_new (bytes, n < 0 ? strlen (bytes) : (gsize) n);
  ExtractInput input = { .bytes = owned, .suffix = suffix, .output_bytes = 1 << 20, .pages = 10 };
  ExtractFailure failure;
  g_autoptr (BottegaDocument) document = NULL;
  GString *out = g_string_new (NULL);

  input.data = g_bytes_get_data (owned, &input.size);
  document = extract_document (&input, &failure);
  if (document == NULL)
    g_string_printf (out, "failure %d", failure);
  else
    g_string_printf (out, "%s/%s\n", document->title ?: "", document->language ?: "");
  for (guint i = 0; document != NULL && i < document->blocks->len; i++) {
    const BottegaBlock *block = &g_array_index (document->blocks, BottegaBlock, i);

    g_string_append_printf (out, "%s%u|%.*s\n", kinds[block->kind], block->level,
                            (int) block->length, document->text->str + block->offset);
  }
  return g_string_free (out, FALSE);
}

static void
check (const char *suffix,
       const char *bytes,
       const char *expected)
{
  g_autofree char *got = dump (suffix, bytes, -1);

  g_assert_cmpstr (got, ==, expected);
}

static void
check_failure (const char *suffix,
               const char *bytes,
               gssize n,
               ExtractFailure failure)
{
  g_autofree char *got = dump (suffix, bytes, n);
  g_autofree char *expected = g_strdup_printf ("failure %d", failure);

  g_assert_cmpstr (got, ==, expected);
}

static void
test_encodings (void)
{
  static const struct {
    const char *bytes;
    gssize n;
  } cases[] = {
    { "citt\xC3\xA0 \xE2\x82\xAC perch\xC3\xA9", 18 },
    { "\xEF\xBB\xBF"
      "citt\xC3\xA0 \xE2\x82\xAC perch\xC3\xA9",
      21 },
    { "citt\xE0 \x80 perch\xE9", 14 }, /* Windows-1252 */
    { "citt\xE0 \xA4 perch\xE9", 14 }, /* ISO-8859-15 */
    { "\xFF\xFE"
      "c\0i\0t\0t\0\xE0\0 \0\xAC\x20 \0p\0e\0r\0c\0h\0\xE9\0",
      30 },
    { "c\0i\0t\0t\0\xE0\0 \0\xAC\x20 \0p\0e\0r\0c\0h\0\xE9\0", 28 },
    { "\xFE\xFF\0c\0i\0t\0t\0\xE0\0 \x20\xAC\0 \0p\0e\0r\0c\0h\0\xE9", 30 },
    { "\0c\0i\0t\0t\0\xE0\0 \x20\xAC\0 \0p\0e\0r\0c\0h\0\xE9", 28 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = extract_decode ((const guint8 *) cases[i].bytes, (gsize) cases[i].n);

    g_assert_cmpstr (text, ==, "citt\xC3\xA0 \xE2\x82\xAC perch\xC3\xA9");
  }
  /* One bad byte does not make UTF-8 something else. */
  {
    static const char cut[] = "citt\xC3\xA0 perch\xC3\xA9 \xC3";
    g_autofree char *text = extract_decode ((const guint8 *) cut, sizeof cut - 1);

    g_assert_true (g_str_has_prefix (text, "citt\xC3\xA0 perch\xC3\xA9 "));
  }
}

static void
test_no_text (void)
{
  guint8 noise[4096];

  for (guint i = 0; i < sizeof noise; i++)
    noise[i] = (guint8) (i * 131 + (i >> 3) * 29);
  check_failure ("txt", (const char *) noise, sizeof noise, EXTRACT_BINARY);
  check_failure ("md", (const char *) noise, sizeof noise, EXTRACT_BINARY);
  check_failure ("c", (const char *) noise, sizeof noise, EXTRACT_BINARY);
  check_failure ("csv", (const char *) noise, sizeof noise, EXTRACT_BINARY);
  check_failure ("txt", "", 0, EXTRACT_EMPTY);
  check_failure ("txt", " \n\n\t \n", -1, EXTRACT_EMPTY);
  check_failure ("pdf", "<html>please log in</html>", -1, EXTRACT_WRONG_KIND);
  check_failure ("docx", "just words", -1, EXTRACT_WRONG_KIND);
  check_failure ("xyz", "just words", -1, EXTRACT_UNSUPPORTED);
  check_failure ("", (const char *) noise, sizeof noise, EXTRACT_BINARY);
  check ("", "just words", "/\nP0|just words\n");
}

static void
test_plain (void)
{
  check ("txt",
         "Le righe di questo paragrafo sono state spezzate a mano da chi lo ha scritto\n"
         "e vanno rimesse insieme.\n\nUn altro.\n",
         "/\nP0|Le righe di questo paragrafo sono state spezzate a mano da chi lo ha scritto e "
         "vanno rimesse insieme.\nP0|Un altro.\n");
  /* Lines that end early were meant to. */
  check ("txt",
         "Mario Rossi\nVia Roma 1\n40100 Bologna\n\nQuesta lettera invece ha righe lunghe che "
         "arrivano in fondo.\n",
         "/\nP0|Mario Rossi\nP0|Via Roma 1\nP0|40100 Bologna\nP0|Questa lettera invece ha righe "
         "lunghe che arrivano in fondo.\n");
  check ("txt",
         "IL TITOLO\n\nparole\n\nCapitolo\n========\nparole\n\nParte\n-----\n\n2.1 Sezione\n\n"
         "parole\n",
         "IL TITOLO/\nH1|IL TITOLO\nP0|parole\nH1|Capitolo\nP0|parole\nH2|Parte\nH2|2.1 Sezione\n"
         "P0|parole\n");
  check ("txt", "- uno\n  continua\n- due\n  * tre\n\n1. quattro\n2. cinque\n",
         "/\nL1|uno continua\nL1|due\nL2|tre\nL1|1. quattro\nL1|2. cinque\n");
  check ("txt", "Ecco:\n\n    if (x)\n      y;\n\nFine qui.\n",
         "/\nP0|Ecco:\nC0|if (x)\n  y;\nP0|Fine qui.\n");
  check ("txt", "uno\r\n\r\ndue\r\rtre\f\n", "/\nP0|uno\nP0|due\nP0|tre\n");
  check ("org", "* Titolo\n\nparole\n\n** Sotto\n\nparole\n",
         "Titolo/\nH1|Titolo\nP0|parole\nH2|Sotto\nP0|parole\n");
  /* No heading: a sentence, an exclamation, a number. */
  check ("txt", "3.14 e basta.\n\nOK\n\n12345\n", "/\nP0|3.14 e basta.\nP0|OK\nP0|12345\n");
}

static void
test_markdown (void)
{
  check ("md",
         "---\ntitle: \"Il titolo\"\nlang: it-IT\n---\n# Uno\n\nUn *testo* con [un "
         "legame](http://x), "
         "`codice`\ne ![una figura](a.png).\n\n- a\n  - b\n\n    ancora\n- c\n\n```c\nint x;\n"
         "\n  y;\n"
         "```\n\n| n | v |\n|---|--:|\n| a | 1 |\n\n<div>dentro <b>il</b> blocco</div>\n\n> "
         "detto\n",
         "Il titolo/it\nH1|Uno\nP0|Un testo con un legame, codice e una figura.\nL1|a\nL2|b\n"
         "P0|ancora\nL1|c\nC0|int x;\n\n  y;\nTH0|n | v\nTR0|a | 1\nP0|dentro il blocco\n"
         "P0|detto\n");
}

static void
test_tables (void)
{
  check ("csv", "nome,voto\n\"Rossi, Anna\",30\n\"dice \"\"no\"\"\",\n,\n",
         "/\nTH0|nome | voto\nTR0|Rossi, Anna | 30\nTR0|dice \"no\" |\n");
  check ("csv", "nome;voto\r\nAnna;7,5\r\n", "/\nTH0|nome | voto\nTR0|Anna | 7,5\n");
  check ("tsv", "1\t2\n3\t4\n", "/\nTR0|1 | 2\nTR0|3 | 4\n");
}

static void
test_code (void)
{
  check ("c", "/* Che cosa fa. */\n#include <x.h>\n\nint\nf (void)\n{\n\tint x;\n\n\treturn "
              "x;\n}\n\n"
              "int y;\n",
         "/\nC0|/* Che cosa fa. */\n#include <x.h>\nC0|int\nf (void)\n{\n    int x;\n\n    "
         "return x;\n}\n"
         "C0|int y;\n");
}

static void
test_limit (void)
{
  GString *much = g_string_new (NULL);

  for (guint i = 0; i < 100000; i++)
    g_string_append (much, "Una riga come tante.\n\n");
  check_failure ("txt", much->str, (gssize) much->len, EXTRACT_TOO_MUCH_TEXT);
  check_failure ("md", much->str, (gssize) much->len, EXTRACT_TOO_MUCH_TEXT);
  check_failure ("csv", much->str, (gssize) much->len, EXTRACT_TOO_MUCH_TEXT);
  check_failure ("c", much->str, (gssize) much->len, EXTRACT_TOO_MUCH_TEXT);
  g_string_free (much, TRUE);
}

int
main (int argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/encodings", test_encodings);
  g_test_add_func ("/text/no-text", test_no_text);
  g_test_add_func ("/text/plain", test_plain);
  g_test_add_func ("/text/markdown", test_markdown);
  g_test_add_func ("/text/tables", test_tables);
  g_test_add_func ("/text/code", test_code);
  g_test_add_func ("/text/limit", test_limit);
  return g_test_run ();
}

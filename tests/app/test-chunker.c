/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The chunker: sentences end where they do, chunks follow the headings, are of a good size, lose
 * nothing and cut no word; tables keep their header; what is no answer is told apart; a huge text
 * takes time in proportion. */
#include "app/retrieval/bottega-chunk-kind.h"
#include "app/retrieval/bottega-chunker.h"
#include "app/retrieval/bottega-sentences.h"

#include <string.h>

#define MAX_TOKENS 300

static const BottegaChunk *
chunk_at (const GArray *chunks, guint i)
{
  return &g_array_index (chunks, BottegaChunk, i);
}

static char *
chunk_text (const BottegaDocument *document, const BottegaChunk *chunk)
{
  return g_strndup (document->text->str + chunk->offset, chunk->length);
}

/* A token is a word. */
static guint
count_words (const char *text, gsize n_bytes, gpointer user_data)
{
  guint n = 0;

  for (gsize i = 0; i < n_bytes; i++)
    n += text[i] != ' ' && (i == 0 || text[i - 1] == ' ');
  if (user_data != NULL)
    ++*(guint *) user_data;

  return n;
}

/* Sentences of ten words; they can be told apart by their number. */
static void
add_paragraph (BottegaDocument *document, guint page, guint first, guint n_sentences)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < n_sentences; i++)
    g_string_append_printf (text, "Sentence %u says that one thing follows the other here. ",
                            first + i);
  g_assert_true (bottega_document_add_block (document, BOTTEGA_BLOCK_PARAGRAPH, 0, page, text->str,
                                             -1));
}

static void
add (BottegaDocument *document, BottegaBlockKind kind, guint level, const char *text)
{
  g_assert_true (bottega_document_add_block (document, kind, level, 0, text, -1));
}

/* Every byte of every block but blanks is in a chunk; chunks rise, hold whole characters and, where
 * there are blanks, whole words, and are no larger than they may be. */
static void
check_chunks (const BottegaDocument *document, const GArray *chunks, gboolean words)
{
  const char *text = document->text->str;
  g_autofree guint8 *covered = g_malloc0 (document->text->len + 1);

  for (guint i = 0; i < chunks->len; i++) {
    const BottegaChunk *chunk = chunk_at (chunks, i);
    guint32 end = chunk->offset + chunk->length;

    g_assert_cmpuint (chunk->length, >, 0);
    g_assert_cmpuint (end, <=, document->text->len);
    g_assert_true (g_utf8_validate (text + chunk->offset, chunk->length, NULL));
    g_assert_cmpuint (chunk->n_tokens, <=, MAX_TOKENS);
    g_assert_cmpuint (chunk->page, <=, chunk->last_page);
    if (words) {
      g_assert_true (chunk->offset == 0 || g_ascii_isspace (text[chunk->offset - 1]));
      g_assert_true (end == document->text->len || g_ascii_isspace (text[end]));
    }
    if (i > 0) {
      const BottegaChunk *before = chunk_at (chunks, i - 1);

      g_assert_cmpuint (chunk->offset, >, before->offset);
      g_assert_cmpuint (end, >, before->offset + before->length);
    }
    memset (covered + chunk->offset, 1, chunk->length);
  }
  for (guint i = 0; i < document->blocks->len; i++) {
    const BottegaBlock *block = &g_array_index (document->blocks, BottegaBlock, i);

    for (guint32 k = block->offset; k < block->offset + block->length; k++)
      g_assert_true (covered[k] || g_ascii_isspace (text[k]));
  }
}

static void
test_sentences (void)
{
  /* A bar stands where the next sentence begins. */
  static const char *const cases[] = {
    "One. |Two! |Three? |Four",
    "L’art. 5 della legge dice che il sig. Rossi paga. |Poi esce.",
    "Vedi p.es. Roma, e.g. this, i.e. that. |End.",
    "Il n. 12 di pag. 3, cfr. cap. 4. |Fine.",
    "J. R. Smith met Dr. Jones. |They spoke.",
    "1. First of all this. |Then that.",
    "It was 1998. |Then came 1999.",
    "He said “no.” |She left (at once.) |Done.",
    "Versione 2.0.1 del file x.txt è pronta. |Installala…",
    "«Basta!» |Uscì. |È tardi.",
    "What?! |Yes... |Well... so it goes.",
    "所有人。|他们！|是",
    "no end at all",
    "Only one.",
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (GStrv) pieces = g_strsplit (cases[i], "|", -1);
    g_autofree char *text = g_strjoinv ("", pieces);
    guint32 begin = 0, end = (guint32) strlen (text);
    g_autoptr (GString) found = g_string_new (NULL);

    while (begin < end) {
      guint32 next = bottega_sentence_next (text, begin, end);

      g_assert_cmpuint (next, >, begin);
      g_string_append_printf (found, "%s%.*s", begin > 0 ? "|" : "", (int) (next - begin),
                              text + begin);
      begin = next;
    }
    g_assert_cmpstr (found->str, ==, cases[i]);
  }
}

static void
test_headings (void)
{
  g_autoptr (BottegaDocument) document = bottega_document_new ("text/plain");
  g_autoptr (GArray) chunks = NULL;

  add (document, BOTTEGA_BLOCK_HEADING, 1, "Contract");
  add (document, BOTTEGA_BLOCK_HEADING, 2, "Rent");
  add_paragraph (document, 0, 0, 5);
  add (document, BOTTEGA_BLOCK_HEADING, 3, "Increase");
  add_paragraph (document, 0, 5, 15);
  add (document, BOTTEGA_BLOCK_HEADING, 2, "End");
  add_paragraph (document, 0, 20, 6);
  add (document, BOTTEGA_BLOCK_HEADING, 2, "Names");
  add (document, BOTTEGA_BLOCK_PARAGRAPH, 0, "Rossi.");
  chunks = bottega_chunker_run (document, count_words, NULL);
  check_chunks (document, chunks, TRUE);

  /* "Rent" alone is small and goes to what follows in its division; "End" stays alone; "Names" is
   * tiny and goes to it. The path is that of most of the text. */
  g_assert_cmpuint (chunks->len, ==, 2);
  g_assert_cmpstr (chunk_at (chunks, 0)->heading, ==, "Contract › Rent › Increase");
  g_assert_cmpuint (chunk_at (chunks, 0)->offset, ==, 0);
  g_assert_cmpstr (chunk_at (chunks, 1)->heading, ==, "Contract › End");
  {
    g_autofree char *text = chunk_text (document, chunk_at (chunks, 1));
    g_autofree char *indexed = bottega_chunk_indexed_text (chunk_at (chunks, 1), "Lease",
                                                           document->text->str);
    g_autofree char *same = bottega_chunk_indexed_text (chunk_at (chunks, 1), "Contract",
                                                        document->text->str);

    g_assert_true (g_str_has_prefix (text, "End\nSentence 20"));
    g_assert_true (g_str_has_suffix (text, "Names\nRossi."));
    g_assert_true (g_str_has_prefix (indexed, "Lease › Contract › End\nEnd\nSentence 20"));
    g_assert_true (g_str_has_prefix (same, "Contract › End\nEnd\n"));
  }
}

static void
test_long_section (void)
{
  g_autoptr (BottegaDocument) document = bottega_document_new ("text/plain");
  g_autoptr (GArray) chunks = NULL;
  guint n_counts = 0;

  g_assert_true (bottega_document_add_block (document, BOTTEGA_BLOCK_HEADING, 1, 1, "Long", -1));
  for (guint i = 0; i < 20; i++)
    add_paragraph (document, i / 4 + 1, i * 7, 7);
  chunks = bottega_chunker_run (document, count_words, &n_counts);
  check_chunks (document, chunks, TRUE);
  g_assert_cmpuint (n_counts, ==, 21);
  g_assert_cmpuint (chunks->len, >=, 5);
  g_assert_cmpuint (chunks->len, <=, 8);
  for (guint i = 0; i < chunks->len; i++) {
    const BottegaChunk *chunk = chunk_at (chunks, i);
    const char *text = document->text->str + chunk->offset;

    g_assert_cmpuint (chunk->n_tokens, >=, 150);
    g_assert_cmpuint (chunk->page, >=, 1);
    /* Begins with a sentence, and one that the chunk before has too: 10 to 15 %. */
    if (i > 0) {
      const BottegaChunk *before = chunk_at (chunks, i - 1);
      guint32 overlap = before->offset + before->length - chunk->offset;
      guint n = count_words (text, overlap, NULL);

      g_assert_true (g_str_has_prefix (text, "Sentence "));
      g_assert_cmpuint (before->offset + before->length, >, chunk->offset);
      g_assert_cmpuint (n, >=, 20);
      g_assert_cmpuint (n, <=, 40);
    }
  }
}

static void
test_table (void)
{
  g_autoptr (BottegaDocument) document = bottega_document_new ("text/csv");
  g_autoptr (GArray) chunks = NULL;
  guint n_headers = 0;

  add (document, BOTTEGA_BLOCK_TABLE_HEADER, 0, "Name | Town | Rent");
  for (guint i = 0; i < 200; i++) {
    g_autofree char *row = g_strdup_printf ("Rossi %u | Pavia and what lies near | %u", i, i);

    add (document, BOTTEGA_BLOCK_TABLE_ROW, 0, row);
  }
  add (document, BOTTEGA_BLOCK_PARAGRAPH, 0, "After the table.");
  chunks = bottega_chunker_run (document, count_words, NULL);
  check_chunks (document, chunks, TRUE);
  g_assert_cmpuint (chunks->len, >=, 8);
  for (guint i = 0; i < chunks->len; i++) {
    const BottegaChunk *chunk = chunk_at (chunks, i);
    const char *text = document->text->str + chunk->offset;

    g_assert_cmpint (chunk->kind, ==, BOTTEGA_CHUNK_TEXT);
    if (i == 0) {
      g_assert_null (chunk->header);
    } else {
      g_autofree char *indexed = bottega_chunk_indexed_text (chunk, NULL, document->text->str);

      g_assert_true (g_str_has_prefix (text, "Rossi "));
      g_assert_cmpstr (chunk->header, ==, "Name | Town | Rent");
      g_assert_true (g_str_has_prefix (indexed, "Name | Town | Rent\nRossi "));
      n_headers++;
    }
  }
  g_assert_cmpuint (n_headers, ==, chunks->len - 1);
}

static void
test_code (void)
{
  g_autoptr (BottegaDocument) document = bottega_document_new ("text/x-c");
  g_autoptr (GString) code = g_string_new (NULL);
  g_autoptr (GArray) chunks = NULL;

  for (guint i = 0; i < 300; i++)
    g_string_append_printf (code, "  call (with, %u, arguments);\n", i);
  add (document, BOTTEGA_BLOCK_CODE, 0, code->str);
  chunks = bottega_chunker_run (document, count_words, NULL);
  check_chunks (document, chunks, TRUE);
  for (guint i = 0; i < chunks->len; i++) {
    const BottegaChunk *chunk = chunk_at (chunks, i);

    g_assert_cmpuint (chunk->n_tokens, >=, 150);
    g_assert_true (i == 0 || document->text->str[chunk->offset - 1] == '\n');
    g_assert_cmpint (document->text->str[chunk->offset + chunk->length - 1], ==, ';');
  }
}

/* Documents of chance, each from a seed of its own. */
static void
test_nothing_lost (void)
{
  static const char *const words[] = { "affitto", "è", "rent", "and", "n.", "art.", "1,20", "città",
                                       "longer-compound-word", "x", "Via", "«si»", "日本", "end" };

  for (guint32 seed = 0; seed < 300; seed++) {
    g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
    g_autoptr (BottegaDocument) document = bottega_document_new ("text/plain");
    g_autoptr (GArray) chunks = NULL;
    guint n_blocks = (guint) g_rand_int_range (rand, 0, 60);

    for (guint i = 0; i < n_blocks; i++) {
      guint kind = (guint) g_rand_int_range (rand, 0, BOTTEGA_BLOCK_N_KINDS);
      guint n = (guint) g_rand_int_range (rand, 1, g_rand_boolean (rand) ? 8 : 900);
      g_autoptr (GString) text = g_string_new (NULL);

      for (guint k = 0; k < n; k++) {
        guint word = (guint) g_rand_int_range (rand, 0, G_N_ELEMENTS (words));
        guint stop = (guint) g_rand_int_range (rand, 0, 30);

        g_string_append (text, words[word]);
        g_string_append (text, stop == 0                                 ? ". "
                               : stop == 1                               ? " | "
                               : stop == 2 && kind == BOTTEGA_BLOCK_CODE ? "\n"
                                                                         : " ");
      }
      bottega_document_add_block (document, (BottegaBlockKind) kind,
                                  (guint) g_rand_int_range (rand, 1, 7), i / 5 + 1, text->str, -1);
    }
    chunks = bottega_chunker_run (document, seed % 2 == 0 ? count_words : NULL, NULL);
    check_chunks (document, chunks, TRUE);
  }
}

static void
test_kinds (void)
{
  static const struct {
    const char *heading, *text;
    BottegaChunkKind kind;
  } cases[] = {
    { NULL, "Introduction ........ 1\nRent ............... 4\nThe end .......... 12",
      BOTTEGA_CHUNK_CONTENTS },
    { "Manual › Contents", "First steps 1\nThe window 3\nThe menu 7\nThe keys 9",
      BOTTEGA_CHUNK_CONTENTS },
    { "Manuale › Indice", "1.1 Avvio\n1.2 Finestra\n1.3 Menu\n2.1 Tasti", BOTTEGA_CHUNK_CONTENTS },
    { NULL, "1.1 Start\n1.2 Window\n1.3 Menu\n2.1 Keys\n2.2 Mouse\n2.3 Pen\n3.1 End\n3.2 Thanks",
      BOTTEGA_CHUNK_CONTENTS },
    { NULL, "apple, 4\nbread, 77\ncake, 12\ndate, 3\negg, 90\nfig, 41\ngrape, 8\nham, 5, 7",
      BOTTEGA_CHUNK_INDEX },
    { NULL,
      "This program is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY; "
      "without even the implied warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.",
      BOTTEGA_CHUNK_LICENCE },
    { "GNU Free Documentation License › 3. Copying in quantity", "If you publish printed copies …",
      BOTTEGA_CHUNK_LICENCE },
    { "Bibliografia", "Eco, Umberto: Come si fa una tesi di laurea. Milano.",
      BOTTEGA_CHUNK_REFERENCES },
    { NULL, "[1] Knuth, The Art.\n[2] Eco, Tesi.\n[3] Bloch, Mestiere.\n[4] Marc, Storia.",
      BOTTEGA_CHUNK_REFERENCES },
    { "Rent", "The rent is 700 euro a month.\nIt is due on the 5\nIn winter on the 7",
      BOTTEGA_CHUNK_TEXT },
    { "Index", "An index makes a table quick to search. It costs space and time.",
      BOTTEGA_CHUNK_TEXT },
    { "Steps", "1. Open the lid.\n2. Take the card.\n3. Close the lid.\n4. Wait.\n5. Press it.\n"
               "6. Go on.\n7. Stop.\n8. Leave.",
      BOTTEGA_CHUNK_TEXT },
    { "Warranty", "The warranty of the oven lasts two years from the day of purchase.",
      BOTTEGA_CHUNK_TEXT },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_test_message ("case %u", i);
    g_assert_cmpint (bottega_chunk_kind (cases[i].text, strlen (cases[i].text), cases[i].heading,
                                         FALSE),
                     ==, cases[i].kind);
  }
  /* Rows of a table end in numbers by nature. */
  g_assert_cmpint (bottega_chunk_kind (cases[4].text, strlen (cases[4].text), NULL, TRUE), ==,
                   BOTTEGA_CHUNK_TEXT);
}

static void
test_huge (void)
{
  g_autoptr (BottegaDocument) prose = bottega_document_new ("text/plain");
  g_autoptr (BottegaDocument) solid = bottega_document_new ("text/plain");
  g_autoptr (GString) paragraph = g_string_new (NULL);
  g_autofree char *letters = g_strnfill (5 << 20, 'x');
  gint64 start;

  /* 20 MB: 1,000 paragraphs and one that is half of it. */
  while (paragraph->len < 10 << 20)
    g_string_append (paragraph, "A sentence of the long paragraph that never ends its block. ");
  for (guint i = 0; i < 1000; i++)
    g_assert_true (bottega_document_add_block (prose, BOTTEGA_BLOCK_PARAGRAPH, 0, 0, paragraph->str,
                                               10000));
  add (prose, BOTTEGA_BLOCK_PARAGRAPH, 0, paragraph->str);
  add (solid, BOTTEGA_BLOCK_PARAGRAPH, 0, letters);
  for (guint i = 0; i < 2; i++) {
    const BottegaDocument *document = i == 0 ? prose : solid;
    g_autoptr (GArray) chunks = NULL;

    start = g_get_monotonic_time ();
    chunks = bottega_chunker_run (document, NULL, NULL);
    g_test_message ("%zu bytes: %u chunks in %.2f s", document->text->len, chunks->len,
                    (double) (g_get_monotonic_time () - start) / 1e6);
    check_chunks (document, chunks, i == 0);
    g_assert_cmpuint (chunks->len, >, document->text->len / 1500);
  }
}

static void
test_nothing_there (void)
{
  g_autoptr (BottegaDocument) document = bottega_document_new ("text/plain");
  g_autoptr (GArray) chunks = bottega_chunker_run (document, NULL, NULL);

  g_assert_cmpuint (chunks->len, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/chunker/sentences", test_sentences);
  g_test_add_func ("/chunker/headings", test_headings);
  g_test_add_func ("/chunker/long-section", test_long_section);
  g_test_add_func ("/chunker/table", test_table);
  g_test_add_func ("/chunker/code", test_code);
  g_test_add_func ("/chunker/nothing-lost", test_nothing_lost);
  g_test_add_func ("/chunker/kinds", test_kinds);
  g_test_add_func ("/chunker/huge", test_huge);
  g_test_add_func ("/chunker/nothing-there", test_nothing_there);

  return g_test_run ();
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Byte-pair encoding by a list of merges: of bytes, as GPT-2 does it, or of characters. It does not
 * know where words begin nor which tokens are special.
 * Source: Sennrich et al. 2016; the printable alphabet of bytes is that of GPT-2. */
#include "engine/text/bpe.h"

#include "engine/text/marks.h"
#include "engine/text/utf8.h"

#include <string.h>

typedef struct {
  uint32_t left, right; /* symbols; left is TEXT_STRINGS_NONE in a free slot */
  uint32_t rank;        /* the lower, the earlier */
  uint32_t result;      /* symbol */
} Merge;

struct _TextBpe {
  const TextStrings *symbols;
  uint32_t n_tokens; /* the first of the symbols */
  gboolean of_characters;
  Merge *slots; /* open addressing */
  size_t n_slots, n_merges;
  uint64_t seed;
  uint32_t symbol_of_byte[256]; /* TEXT_STRINGS_NONE: the vocabulary lacks it */
  int32_t token_of_byte[256];   /* -1: none */
};

/* ---- the printable alphabet ----------------------------------------------------------- */

/* The byte that a character stands for, -1 for none. Bytes that are printable in Latin-1 stand for
 * themselves, the others follow from U+0100 on in their own order: 00-20, 7f-a0, ad. */
static int
byte_of_character (gunichar c)
{
  if ((c >= 0x21 && c <= 0x7e) || (c >= 0xa1 && c <= 0xff && c != 0xad))
    return (int) c;
  if (c >= 0x100 && c <= 0x120)
    return (int) (c - 0x100);
  if (c >= 0x121 && c <= 0x142)
    return (int) (c - 0x121 + 0x7f);
  return c == 0x143 ? 0xad : -1;
}

gboolean
text_bpe_bytes_of_text (const char *text, size_t n, GByteArray *out)
{
  guint before = out->len;
  const char *end = text + n;

  while (text < end) {
    gunichar c = g_utf8_get_char_validated (text, end - text);
    int byte = c < 0x110000 ? byte_of_character (c) : -1;
    guint8 value = (guint8) byte;

    if (byte < 0) {
      g_byte_array_set_size (out, before);
      return FALSE;
    }
    g_byte_array_append (out, &value, 1);
    text = g_utf8_next_char (text);
  }
  return TRUE;
}

/* ---- merges --------------------------------------------------------------------------- */

static Merge *
find_slot (const TextBpe *bpe, uint32_t left, uint32_t right)
{
  size_t i = (size_t) text_mix ((uint64_t) left << 32 | right, bpe->seed) & (bpe->n_slots - 1);

  while (bpe->slots[i].left != TEXT_STRINGS_NONE &&
         (bpe->slots[i].left != left || bpe->slots[i].right != right))
    i = (i + 1) & (bpe->n_slots - 1);
  return &bpe->slots[i];
}

static void
grow (TextBpe *bpe)
{
  g_autofree Merge *old = bpe->slots;
  size_t n_old = bpe->n_slots;

  bpe->n_slots = MAX (n_old * 2, 64);
  bpe->slots = g_new (Merge, bpe->n_slots);
  for (size_t i = 0; i < bpe->n_slots; i++)
    bpe->slots[i].left = TEXT_STRINGS_NONE;
  for (size_t i = 0; i < n_old; i++)
    if (old[i].left != TEXT_STRINGS_NONE)
      *find_slot (bpe, old[i].left, old[i].right) = old[i];
}

static uint32_t
intern (TextStrings *symbols, const char *data, size_t n)
{
  uint32_t symbol = text_strings_find (symbols, data, n);

  if (symbol == TEXT_STRINGS_NONE) {
    symbol = text_strings_append (symbols, data, n);
    text_strings_link (symbols, symbol);
  }
  return symbol;
}

/* Appends what a part of a merge stands for; FALSE when it stands for nothing. */
static gboolean
append_bytes (const TextBpe *bpe, const char *text, size_t n, GByteArray *bytes)
{
  guint before = bytes->len;

  if (!bpe->of_characters)
    return text_bpe_bytes_of_text (text, n, bytes) && bytes->len > before;
  text_marks_to_spaces (text, n, bytes);
  return bytes->len > before;
}

/* bytes: room to work in. */
static void
add_merge (TextBpe *bpe, TextStrings *symbols, const ModelString *text, uint32_t rank,
           GByteArray *bytes)
{
  /* A space separates the parts; they hold none themselves: bytes are printable characters, and
   * spaces marks. */
  const char *space = text->length > 1 ? memchr (text->data + 1, ' ', text->length - 1) : NULL;
  size_t n_left = space != NULL ? (size_t) (space - text->data) : 0;
  guint n_left_bytes;
  Merge merge, *slot;

  g_byte_array_set_size (bytes, 0);
  if (space == NULL || !append_bytes (bpe, text->data, n_left, bytes))
    return;
  n_left_bytes = bytes->len;
  if (!append_bytes (bpe, space + 1, text->length - n_left - 1, bytes))
    return;
  if (bpe->n_merges * 4 >= bpe->n_slots * 3)
    grow (bpe);
  merge.left = intern (symbols, (const char *) bytes->data, n_left_bytes);
  merge.right = intern (symbols, (const char *) bytes->data + n_left_bytes,
                        bytes->len - n_left_bytes);
  merge.result = intern (symbols, (const char *) bytes->data, bytes->len);
  merge.rank = rank;
  slot = find_slot (bpe, merge.left, merge.right);
  if (slot->left != TEXT_STRINGS_NONE) /* the first one counts */
    return;
  *slot = merge;
  bpe->n_merges++;
}

TextBpe *
text_bpe_new (const ModelArray *merges, TextStrings *symbols, uint32_t max_symbols,
              const int32_t *byte_tokens)
{
  g_autoptr (TextBpe) bpe = g_new0 (TextBpe, 1);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  bpe->symbols = symbols;
  bpe->n_tokens = text_strings_count (symbols);
  bpe->of_characters = byte_tokens != NULL;
  bpe->seed = text_random_seed ();
  grow (bpe);
  for (uint64_t i = 0; i < merges->n; i++) {
    add_merge (bpe, symbols, &merges->strings[i], (uint32_t) i, bytes);
    if (text_strings_count (symbols) > max_symbols)
      return NULL;
  }
  for (unsigned byte = 0; byte < 256; byte++) {
    char c = (char) byte;
    uint32_t symbol = text_strings_find (symbols, &c, 1);

    bpe->symbol_of_byte[byte] = symbol;
    bpe->token_of_byte[byte] = byte_tokens != NULL      ? byte_tokens[byte]
                               : symbol < bpe->n_tokens ? (int32_t) symbol
                                                        : -1;
  }
  return g_steal_pointer (&bpe);
}

void
text_bpe_free (TextBpe *bpe)
{
  if (bpe == NULL)
    return;
  g_free (bpe->slots);
  g_free (bpe);
}

/* ---- one word ------------------------------------------------------------------------- */

static gboolean
find_merge (gconstpointer data, const TextMergePart *left, const TextMergePart *right,
            TextMerge *found)
{
  const Merge *merge;

  if (left->id == TEXT_STRINGS_NONE || right->id == TEXT_STRINGS_NONE)
    return FALSE;
  merge = find_slot (data, left->id, right->id);
  if (merge->left == TEXT_STRINGS_NONE)
    return FALSE;
  found->rank = merge->rank;
  found->id = merge->result;
  return TRUE;
}

/* The parts that a word begins with: its bytes, or its characters. */
static void
add_parts (const TextBpe *bpe, const char *word, size_t n, TextMergeScratch *scratch)
{
  text_merge_begin (scratch, n);
  for (size_t i = 0; i < n;) {
    int whole = bpe->of_characters ? text_utf8_character_bytes (word + i, n - i) : 0;

    if (whole > 1)
      text_merge_add (scratch, text_strings_find (bpe->symbols, word + i, (size_t) whole),
                      (uint32_t) whole);
    else
      text_merge_add (scratch, bpe->symbol_of_byte[(guchar) word[i]], 1);
    i += (size_t) MAX (whole, 1);
  }
}

/* A part that is no token (a vocabulary cut short) falls back to its bytes. */
static void
append_part (const TextBpe *bpe, const char *word, const TextMergePart *part, GArray *tokens)
{
  if (part->id < bpe->n_tokens) {
    int32_t token = (int32_t) part->id;

    g_array_append_val (tokens, token);
    return;
  }
  for (uint32_t i = 0; i < part->bytes; i++) {
    int32_t token = bpe->token_of_byte[(guchar) word[part->begin + i]];

    if (token >= 0)
      g_array_append_val (tokens, token);
  }
}

void
text_bpe_encode (const TextBpe *bpe, const char *word, size_t n, TextMergeScratch *scratch,
                 GArray *tokens)
{
  add_parts (bpe, word, n, scratch);
  text_merge_all (scratch, find_merge, bpe);
  for (int32_t i = n > 0 ? 0 : -1; i >= 0; i = scratch->parts[i].next)
    append_part (bpe, word, &scratch->parts[i], tokens);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Byte-pair encoding: the table of merges, and merging one word with a heap over a linked list. It
 * does not know where words begin nor which tokens are special.
 * Source: Sennrich et al. 2016; the printable alphabet of bytes is that of GPT-2. */
#include "engine/text/bpe.h"

#include <string.h>

typedef struct {
  uint32_t left, right; /* symbols; left is TEXT_STRINGS_NONE in a free slot */
  uint32_t rank;        /* the lower, the earlier */
  uint32_t result;      /* symbol */
} Merge;

struct _TextBpe {
  Merge *slots; /* open addressing */
  size_t n_slots, n_merges;
  uint64_t seed;
  uint32_t symbol_of_byte[256]; /* TEXT_STRINGS_NONE: the vocabulary lacks it */
};

/* A part of the word. Parts form a list in the order of the word. */
typedef struct _TextBpeSymbol {
  uint32_t id; /* TEXT_STRINGS_NONE: merged into the part before, or a byte without symbol */
  int32_t previous, next;
} Symbol;

/* Two neighbours that may merge. It is out of date when their ids have changed. */
typedef struct _TextBpePair {
  uint32_t rank;
  int32_t left; /* index of the part */
  uint32_t left_id, right_id, result;
} Pair;

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

/* bytes: room to work in. */
static void
add_merge (TextBpe *bpe, TextStrings *symbols, const ModelString *text, uint32_t rank,
           GByteArray *bytes)
{
  /* A space separates the parts; they hold none themselves, for bytes are printable characters. */
  const char *space = text->length > 1 ? memchr (text->data + 1, ' ', text->length - 1) : NULL;
  size_t n_left = space != NULL ? (size_t) (space - text->data) : 0;
  guint n_left_bytes;
  Merge merge, *slot;

  g_byte_array_set_size (bytes, 0);
  if (space == NULL || !text_bpe_bytes_of_text (text->data, n_left, bytes))
    return;
  n_left_bytes = bytes->len;
  if (!text_bpe_bytes_of_text (space + 1, text->length - n_left - 1, bytes) ||
      bytes->len == n_left_bytes)
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
text_bpe_new (const ModelArray *merges, TextStrings *symbols, uint32_t max_symbols)
{
  g_autoptr (TextBpe) bpe = g_new0 (TextBpe, 1);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  bpe->seed = text_random_seed ();
  grow (bpe);
  for (uint64_t i = 0; i < merges->n; i++) {
    add_merge (bpe, symbols, &merges->strings[i], (uint32_t) i, bytes);
    if (text_strings_count (symbols) > max_symbols)
      return NULL;
  }
  for (unsigned byte = 0; byte < 256; byte++) {
    char c = (char) byte;

    bpe->symbol_of_byte[byte] = text_strings_find (symbols, &c, 1);
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

void
text_bpe_scratch_clear (TextBpeScratch *scratch)
{
  g_free (scratch->symbols);
  g_free (scratch->heap);
  memset (scratch, 0, sizeof *scratch);
}

/* Merges with a lower rank first, and the leftmost of equals. */
static gboolean
comes_before (const Pair *a, const Pair *b)
{
  return a->rank != b->rank ? a->rank < b->rank : a->left < b->left;
}

static void
heap_push (TextBpeScratch *scratch, Pair pair)
{
  size_t i = scratch->n_heap;

  if (scratch->n_heap == scratch->max_heap) {
    scratch->max_heap = MAX (scratch->max_heap * 2, 64);
    scratch->heap = g_renew (Pair, scratch->heap, scratch->max_heap);
  }
  scratch->n_heap++;
  for (; i > 0 && comes_before (&pair, &scratch->heap[(i - 1) / 2]); i = (i - 1) / 2)
    scratch->heap[i] = scratch->heap[(i - 1) / 2];
  scratch->heap[i] = pair;
}

static Pair
heap_pop (TextBpeScratch *scratch)
{
  Pair *heap = scratch->heap;
  Pair first = heap[0], last = heap[--scratch->n_heap];
  size_t n = scratch->n_heap, i = 0;

  for (size_t child = 1; child < n; child = 2 * i + 1) {
    if (child + 1 < n && comes_before (&heap[child + 1], &heap[child]))
      child++;
    if (!comes_before (&heap[child], &last))
      break;
    heap[i] = heap[child];
    i = child;
  }
  if (n > 0)
    heap[i] = last;
  return first;
}

/* Queues the merge of part left with the one after it, if there is one. */
static void
consider (const TextBpe *bpe, TextBpeScratch *scratch, int32_t left)
{
  const Symbol *parts = scratch->symbols;
  const Merge *merge;

  if (left < 0 || parts[left].next < 0 || parts[left].id == TEXT_STRINGS_NONE ||
      parts[parts[left].next].id == TEXT_STRINGS_NONE)
    return;
  merge = find_slot (bpe, parts[left].id, parts[parts[left].next].id);
  if (merge->left != TEXT_STRINGS_NONE)
    heap_push (scratch, (Pair) { merge->rank, left, merge->left, merge->right, merge->result });
}

static void
split_to_bytes (const TextBpe *bpe, TextBpeScratch *scratch, const char *word, size_t n)
{
  if (n > scratch->max_symbols) {
    scratch->max_symbols = MAX (n, 64);
    scratch->symbols = g_renew (Symbol, scratch->symbols, scratch->max_symbols);
  }
  scratch->n_symbols = n;
  scratch->n_heap = 0;
  for (size_t i = 0; i < n; i++) {
    scratch->symbols[i].id = bpe->symbol_of_byte[(guchar) word[i]];
    scratch->symbols[i].previous = (int32_t) i - 1;
    scratch->symbols[i].next = i + 1 < n ? (int32_t) i + 1 : -1;
  }
}

static void
merge_all (const TextBpe *bpe, TextBpeScratch *scratch)
{
  Symbol *parts = scratch->symbols;

  while (scratch->n_heap > 0) {
    Pair pair = heap_pop (scratch);
    Symbol *left = &parts[pair.left], *right;

    /* A part that was merged away has no id; one that grew has another. */
    if (left->id != pair.left_id || left->next < 0 || parts[left->next].id != pair.right_id)
      continue;
    right = &parts[left->next];
    left->id = pair.result;
    right->id = TEXT_STRINGS_NONE;
    left->next = right->next;
    if (left->next >= 0)
      parts[left->next].previous = pair.left;
    consider (bpe, scratch, left->previous);
    consider (bpe, scratch, pair.left);
  }
}

/* A merged part that is no token (a vocabulary cut short) falls back to its bytes. */
static void
append_part (const TextBpe *bpe, const TextStrings *symbols, uint32_t n_tokens, uint32_t id,
             GArray *tokens)
{
  size_t n;
  const char *bytes;

  if (id < n_tokens) {
    int32_t token = (int32_t) id;

    g_array_append_val (tokens, token);
    return;
  }
  if (id == TEXT_STRINGS_NONE)
    return;
  bytes = text_strings_get (symbols, id, &n);
  for (size_t i = 0; i < n; i++) {
    int32_t token = (int32_t) bpe->symbol_of_byte[(guchar) bytes[i]];

    if (token >= 0 && (uint32_t) token < n_tokens)
      g_array_append_val (tokens, token);
  }
}

void
text_bpe_encode (const TextBpe *bpe, const TextStrings *symbols, uint32_t n_tokens,
                 const char *word, size_t n, TextBpeScratch *scratch, GArray *tokens)
{
  split_to_bytes (bpe, scratch, word, n);
  for (size_t i = 0; i + 1 < n; i++)
    consider (bpe, scratch, (int32_t) i);
  merge_all (bpe, scratch);
  for (int32_t i = n > 0 ? 0 : -1; i >= 0; i = scratch->symbols[i].next)
    append_part (bpe, symbols, n_tokens, scratch->symbols[i].id, tokens);
}

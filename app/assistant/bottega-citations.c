/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The filter of markers as a small machine over bytes, and the search for the passage that supports
 * a sentence. It must not know where the passages come from. */
#include "app/assistant/bottega-citations.h"
#include "app/assistant/bottega-words.h"

#include <string.h>

/* Longer than this between brackets is no marker. */
#define MARKER_BYTES 40
/* "[2019]" is a year. */
#define MARKER_DIGITS 3
/* Of a sentence's words, weighted equally, so many must be in the passage. */
#define CLEAR_SHARE 0.65
/* Fewer words say too little. */
#define CLEAR_WORDS 3

struct _BottegaCitations {
  guint n_passages;
  gboolean *used;   /* [n_passages + 1] */
  GString *held;    /* blanks, then perhaps the beginning of a marker */
  gboolean marker;  /* held has its bracket */
  guint code_ticks; /* backticks that opened the code we are in; 0: none */
  guint ticks;      /* in a row, just now */
};

BottegaCitations *
bottega_citations_new (guint n_passages)
{
  BottegaCitations *self = g_new0 (BottegaCitations, 1);

  self->n_passages = n_passages;
  self->used = g_new0 (gboolean, n_passages + 1);
  self->held = g_string_new (NULL);

  return self;
}

void
bottega_citations_free (BottegaCitations *self)
{
  if (self == NULL)
    return;
  g_free (self->used);
  g_string_free (self->held, TRUE);
  g_free (self);
}

gboolean
bottega_citations_is_used (BottegaCitations *self, guint number)
{
  return number <= self->n_passages && self->used[number];
}

gboolean
bottega_citations_any_used (BottegaCitations *self)
{
  for (guint i = 1; i <= self->n_passages; i++)
    if (self->used[i])
      return TRUE;

  return FALSE;
}

/* ---- what stands between brackets ---- */

/* Skips blanks and a word that models like to put before the number. */
static const char *
skip_label (const char *at)
{
  static const char *const labels[] = { "passages", "passage", "passaggi", "passaggio", "sources",
                                        "source", "fonti", "fonte", "document", "documento",
                                        "parte", "part", "n.", "^", "#" };

  at += strspn (at, " ");
  for (guint i = 0; i < G_N_ELEMENTS (labels); i++)
    if (g_ascii_strncasecmp (at, labels[i], strlen (labels[i])) == 0) {
      at += strlen (labels[i]);
      break;
    }

  return at + strspn (at, " ");
}

/* A number of at most MARKER_DIGITS digits; 0: none. */
static guint
take_number (const char **at)
{
  gsize n = strspn (*at, "0123456789");
  guint number = n > 0 && n <= MARKER_DIGITS ? (guint) g_ascii_strtoull (*at, NULL, 10) : 0;

  *at += n;

  return number;
}

static gboolean
take (const char **at, const char *what)
{
  if (!g_str_has_prefix (*at, what))
    return FALSE;
  *at += strlen (what);

  return TRUE;
}

/* Reads "1", "1, 3", "2-4", "1 and 2" … and appends the markers of the numbers that match. FALSE:
 * it is no marker. */
static gboolean
read_marker (BottegaCitations *self, const char *body, GString *markers)
{
  const char *at = body;
  gboolean more = TRUE;

  while (more) {
    guint first, last;

    at = skip_label (at);
    first = last = take_number (&at);
    if (first == 0)
      return FALSE;
    at += strspn (at, " ");
    if (take (&at, "-") || take (&at, "–")) {
      at = skip_label (at);
      last = take_number (&at);
      if (last < first)
        return FALSE;
      at += strspn (at, " ");
    }
    for (guint n = first; n <= MIN (last, self->n_passages); n++) {
      self->used[n] = TRUE;
      g_string_append_printf (markers, "[%u]", n);
    }
    more = take (&at, ",") || take (&at, ";") || take (&at, "and ") || take (&at, "e ") ||
           take (&at, "& ");
  }

  return *at == '\0';
}

static void
flush_held (BottegaCitations *self, GString *out)
{
  g_string_append_len (out, self->held->str, (gssize) self->held->len);
  g_string_truncate (self->held, 0);
  self->marker = FALSE;
}

/* held ends with the closing bracket. */
static void
resolve (BottegaCitations *self, GString *out)
{
  gsize blanks = strspn (self->held->str, " ");
  g_autofree char *body = g_strndup (self->held->str + blanks + 1, self->held->len - blanks - 2);
  g_autoptr (GString) markers = g_string_new (NULL);

  if (!read_marker (self, body, markers)) {
    flush_held (self, out);
    return;
  }
  if (markers->len > 0) {
    g_string_append_len (out, self->held->str, (gssize) blanks);
    g_string_append (out, markers->str);
  }
  g_string_truncate (self->held, 0);
  self->marker = FALSE;
}

/* ---- the machine ---- */

/* Counts backticks: so many in a row open code, as many close it; a single line ends the short
 * kind. */
static void
watch_code (BottegaCitations *self, char c)
{
  if (c == '`') {
    self->ticks++;
    return;
  }
  if (self->ticks > 0) {
    if (self->code_ticks == 0)
      self->code_ticks = self->ticks;
    else if (self->ticks == self->code_ticks)
      self->code_ticks = 0;
    self->ticks = 0;
  }
  if (c == '\n' && self->code_ticks < 3)
    self->code_ticks = 0;
}

static void
push_byte (BottegaCitations *self, char c, GString *out)
{
  if (self->marker && (c == '[' || c == '`' || c == '\n' || self->held->len > MARKER_BYTES))
    flush_held (self, out);
  watch_code (self, c);
  if (self->marker) {
    g_string_append_c (self->held, c);
    if (c == ']')
      resolve (self, out);
  } else if (self->code_ticks == 0 && self->ticks == 0 && (c == ' ' || c == '[')) {
    g_string_append_c (self->held, c);
    self->marker = c == '[';
  } else {
    flush_held (self, out);
    g_string_append_c (out, c);
  }
}

void
bottega_citations_push (BottegaCitations *self, const char *text, gsize n_bytes, GString *out)
{
  for (gsize i = 0; i < n_bytes; i++)
    push_byte (self, text[i], out);
}

void
bottega_citations_finish (BottegaCitations *self, GString *out)
{
  gsize blanks = strspn (self->held->str, " ");
  const char *after = self->held->str + blanks + (self->marker ? 1 : 0);

  if (self->marker && (*after == '\0' || g_ascii_isdigit (*skip_label (after))))
    g_string_truncate (self->held, blanks);
  flush_held (self, out);
}

/* ---- sentences and what supports them ---- */

/* The stems of a text. */
static GHashTable *
make_stems (const char *text)
{
  GHashTable *stems = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GArray) words = bottega_words_split (text, -1);

  for (guint i = 0; i < words->len; i++) {
    const BottegaWord *word = &g_array_index (words, BottegaWord, i);

    g_hash_table_add (stems, g_strndup (word->text, bottega_word_stem_bytes (word)));
  }

  return stems;
}

/* The share of the words that the passage has; 0 when it lacks a number. */
static double
support (const GArray *words, GHashTable *stems)
{
  guint n = 0, n_there = 0;

  for (guint i = 0; i < words->len; i++) {
    const BottegaWord *word = &g_array_index (words, BottegaWord, i);
    g_autofree char *stem = g_strndup (word->text, bottega_word_stem_bytes (word));
    gboolean there = g_hash_table_contains (stems, stem);

    if (word->number && !there)
      return 0;
    n += word->content;
    n_there += word->content && there;
  }

  return n >= CLEAR_WORDS ? (double) n_there / n : 0;
}

/* The number of the passage that clearly supports these words; 0: none does. */
static guint
find_support (const char *sentence, gsize n_bytes, GPtrArray *stems)
{
  g_autoptr (GArray) words = bottega_words_split (sentence, (gssize) n_bytes);
  double best = 0;
  guint number = 0;

  for (guint i = 0; i < stems->len; i++) {
    double share = support (words, g_ptr_array_index (stems, i));

    if (share > best) {
      best = share;
      number = i + 1;
    }
  }

  return best >= CLEAR_SHARE ? number : 0;
}

/* Where the sentence that begins at text ends: after its last full stop, or before the end of its
 * line. */
static gsize
sentence_bytes (const char *text)
{
  gsize i = 0;

  while (text[i] != '\0' && text[i] != '\n') {
    gboolean stop = strchr (".!?", text[i]) != NULL;
    gboolean abbreviation =
        i < 2 || (g_ascii_isspace (text[i - 2]) && g_ascii_isalpha (text[i - 1]));

    i++;
    if (stop && !abbreviation && (text[i] == ' ' || text[i] == '\n' || text[i] == '\0'))
      break;
  }

  return i;
}

char *
bottega_citations_attribute (const char *answer, const char *const *texts, guint n, gboolean *used)
{
  g_autoptr (GPtrArray) stems =
      g_ptr_array_new_with_free_func ((GDestroyNotify) g_hash_table_unref);
  GString *marked = g_string_new (NULL);
  gboolean in_code = FALSE, any = FALSE;
  const char *at = answer;

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (stems, make_stems (texts[i]));
  while (*at != '\0') {
    gsize n_bytes = sentence_bytes (at), words_end = n_bytes;
    gboolean fence = g_str_has_prefix (at, "```");
    guint number;

    in_code ^= fence;
    number = in_code || fence ? 0 : find_support (at, n_bytes, stems);
    while (words_end > 0 && strchr (".!?: *_", at[words_end - 1]) != NULL)
      words_end--;
    if (number > 0 && at[n_bytes - (n_bytes > 0)] != ':') {
      g_string_append_len (marked, at, (gssize) words_end);
      g_string_append_printf (marked, " [%u]", number);
      g_string_append_len (marked, at + words_end, (gssize) (n_bytes - words_end));
      used[number - 1] = any = TRUE;
    } else {
      g_string_append_len (marked, at, (gssize) n_bytes);
    }
    at += n_bytes;
    while (*at == ' ' || *at == '\n')
      g_string_append_c (marked, *at++);
  }

  return g_string_free (marked, !any);
}

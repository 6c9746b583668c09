/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pre-tokenizers as hand-written scanners. Model makers define them as regular expressions over
 * Unicode categories; the families here are four settings of one scanner:
 *
 *   gpt2    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *   smollm  first \p{N} one by one, then gpt2 on each piece between them
 *   llama3  (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}
 *           | ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
 *   qwen2   as llama3 with \p{N} instead of \p{N}{1,3}
 *
 * A byte that is no UTF-8 counts as a character that is neither letter, number nor space. It
 * must not know tokens.
 * Source: the tokenizer.json files of the models; tests/engine/text compares with those
 * expressions. */
#include "engine/text/pretokenizer.h"

#include <string.h>

typedef struct {
  gboolean modern;      /* the llama3 form: any case, any prefix, line ends apart */
  unsigned max_numbers; /* in one piece; 0: any */
  gboolean split_numbers_first;
} Rules;

struct _TextPretokenizer {
  const char *name;
  Rules rules;
  gboolean ignores_merges, adds_bos;
};

#define GPT2   { FALSE, 0, FALSE }
#define SMOLLM { FALSE, 1, TRUE }
#define LLAMA3 { TRUE, 3, FALSE }
#define QWEN2  { TRUE, 1, FALSE }

/* Names as converters write them. The first row is the default. */
static const TextPretokenizer pretokenizers[] = {
  { "gpt-2", GPT2, FALSE, FALSE },
  { "gpt2", GPT2, FALSE, FALSE },
  { "phi-2", GPT2, FALSE, FALSE },
  { "mpt", GPT2, FALSE, FALSE },
  { "olmo", GPT2, FALSE, FALSE },
  { "jais", GPT2, FALSE, FALSE },
  { "trillion", GPT2, FALSE, FALSE },
  { "granite-docling", GPT2, FALSE, FALSE },
  { "mellum", GPT2, FALSE, FALSE },
  { "exaone4", GPT2, FALSE, FALSE },
  { "smollm", SMOLLM, FALSE, FALSE },
  { "starcoder", SMOLLM, FALSE, FALSE },
  { "refact", SMOLLM, FALSE, FALSE },
  { "command-r", SMOLLM, FALSE, FALSE },
  { "codeshell", SMOLLM, FALSE, FALSE },
  { "exaone", SMOLLM, FALSE, FALSE },
  { "minerva-7b", SMOLLM, FALSE, FALSE },
  { "llama-bpe", LLAMA3, TRUE, TRUE },
  { "llama3", LLAMA3, TRUE, TRUE },
  { "llama-v3", LLAMA3, TRUE, TRUE },
  { "falcon3", LLAMA3, TRUE, TRUE },
  { "falcon-h1", LLAMA3, TRUE, TRUE },
  { "pixtral", LLAMA3, TRUE, TRUE },
  { "midm-2.0", LLAMA3, TRUE, TRUE },
  { "lfm2", LLAMA3, TRUE, TRUE },
  { "dbrx", LLAMA3, FALSE, FALSE },
  { "smaug-bpe", LLAMA3, FALSE, FALSE },
  { "qwen2", QWEN2, FALSE, FALSE },
  { "deepseek-r1-qwen", QWEN2, FALSE, FALSE },
  { "stablelm2", QWEN2, FALSE, FALSE },
  { "megrez", QWEN2, FALSE, FALSE },
  { "kormo", QWEN2, FALSE, FALSE },
};

const TextPretokenizer *
text_pretokenizer_find (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (pretokenizers); i++)
    if (strcmp (pretokenizers[i].name, name) == 0)
      return &pretokenizers[i];
  return NULL;
}

const TextPretokenizer *
text_pretokenizer_default (void)
{
  return &pretokenizers[0];
}

gboolean
text_pretokenizer_ignores_merges (const TextPretokenizer *pretokenizer)
{
  return pretokenizer->ignores_merges;
}

gboolean
text_pretokenizer_adds_bos (const TextPretokenizer *pretokenizer)
{
  return pretokenizer->adds_bos;
}

typedef enum {
  CLASS_END, /* no character: the text is over */
  CLASS_LETTER,
  CLASS_NUMBER,
  CLASS_SPACE,
  CLASS_OTHER,
} Class;

typedef struct {
  gunichar c; /* of a byte that is no UTF-8: 0xfffd */
  Class class;
  size_t bytes; /* 0 at the end */
} Character;

/* The White_Space property. GLib's own test leaves out two of them. */
static gboolean
is_space (gunichar c)
{
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

static Class
class_of (gunichar c)
{
  if (is_space (c))
    return CLASS_SPACE;
  switch ((int) g_unichar_type (c)) {
  case G_UNICODE_LOWERCASE_LETTER:
  case G_UNICODE_MODIFIER_LETTER:
  case G_UNICODE_OTHER_LETTER:
  case G_UNICODE_TITLECASE_LETTER:
  case G_UNICODE_UPPERCASE_LETTER:
    return CLASS_LETTER;
  case G_UNICODE_DECIMAL_NUMBER:
  case G_UNICODE_LETTER_NUMBER:
  case G_UNICODE_OTHER_NUMBER:
    return CLASS_NUMBER;
  default:
    return CLASS_OTHER;
  }
}

/* The character at the offset. */
static Character
character_at (const char *text, size_t n, size_t offset)
{
  Character ch = { 0, CLASS_END, 0 };

  if (offset >= n)
    return ch;
  ch.c = (guchar) text[offset] < 0x80
             ? (guchar) text[offset]
             : g_utf8_get_char_validated (text + offset, (gssize) (n - offset));
  if (ch.c == (gunichar) -1 || ch.c == (gunichar) -2) {
    ch.c = 0xfffd;
    ch.class = CLASS_OTHER;
    ch.bytes = 1;
  } else {
    ch.class = class_of (ch.c);
    ch.bytes = ch.c < 0x80 ? 1 : ch.c < 0x800 ? 2
                             : ch.c < 0x10000 ? 3
                                              : 4;
  }
  return ch;
}

/* Where the run of a class that begins at offset ends, after at most max characters (0: any
 * number). */
static size_t
run_end (const char *text, size_t n, size_t offset, Class class, unsigned max)
{
  for (unsigned count = 0; max == 0 || count < max; count++) {
    Character ch = character_at (text, n, offset);

    if (ch.class != class)
      break;
    offset += ch.bytes;
  }
  return offset;
}

static gboolean
is_line_end (gunichar c)
{
  return c == '\r' || c == '\n';
}

/* Bytes of an English contraction such as 's or 'll at the begin of text; 0: none. */
static size_t
contraction_bytes (const char *text, size_t n, gboolean any_case)
{
  static const char *const endings[] = { "s", "t", "re", "ve", "m", "ll", "d" };

  if (n < 2 || text[0] != '\'')
    return 0;
  for (size_t i = 0; i < G_N_ELEMENTS (endings); i++) {
    size_t length = strlen (endings[i]);

    if (length < n && (any_case ? g_ascii_strncasecmp (text + 1, endings[i], length)
                                : strncmp (text + 1, endings[i], length)) == 0)
      return 1 + length;
  }
  return 0;
}

/* A piece that begins with white space and has nothing else before its end. */
static size_t
space_bytes (const Rules *rules, const char *text, size_t n)
{
  size_t end = 0, last = 0, after_line_end = 0;
  Character ch;

  for (ch = character_at (text, n, 0); ch.class == CLASS_SPACE; ch = character_at (text, n, end)) {
    last = end;
    end += ch.bytes;
    if (is_line_end (ch.c))
      after_line_end = end;
  }
  if (rules->modern && after_line_end > 0)
    return after_line_end;
  /* The last space belongs to what follows, unless nothing does. */
  if (last == 0 || ch.class == CLASS_END ||
      (rules->split_numbers_first && ch.class == CLASS_NUMBER))
    return end;
  return last;
}

/* Line ends that stick to signs before them. */
static size_t
skip_line_ends (const char *text, size_t n, size_t offset)
{
  while (offset < n && is_line_end ((guchar) text[offset]))
    offset++;
  return offset;
}

size_t
text_pretokenizer_next (const TextPretokenizer *pretokenizer, const char *text, size_t n)
{
  const Rules *rules = &pretokenizer->rules;
  Character first = character_at (text, n, 0), second;
  size_t begin = 0; /* of the run: after a leading character that joins it */
  Class class = first.class;
  size_t bytes = contraction_bytes (text, n, rules->modern);

  if (bytes > 0)
    return bytes;
  second = character_at (text, n, first.bytes);
  if (rules->modern && second.class == CLASS_LETTER && class != CLASS_LETTER &&
      class != CLASS_NUMBER && !is_line_end (first.c))
    begin = first.bytes, class = CLASS_LETTER;
  else if (first.c == ' ' &&
           (second.class == CLASS_OTHER ||
            (!rules->modern && (second.class == CLASS_LETTER ||
                                (second.class == CLASS_NUMBER && rules->max_numbers == 0)))))
    begin = first.bytes, class = second.class;

  switch (class) {
  case CLASS_LETTER:
    return run_end (text, n, begin, CLASS_LETTER, 0);
  case CLASS_NUMBER:
    return run_end (text, n, begin, CLASS_NUMBER, rules->max_numbers);
  case CLASS_OTHER:
    bytes = run_end (text, n, begin, CLASS_OTHER, 0);
    return rules->modern ? skip_line_ends (text, n, bytes) : bytes;
  case CLASS_SPACE:
    return space_bytes (rules, text, n);
  case CLASS_END:
  default:
    return 0;
  }
}

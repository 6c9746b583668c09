/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which names of pre-tokenizers mean which family, and the walk from piece to piece through its
 * passes. How a family cuts, pretokenizer-families.c says. It must not know tokens.
 * Source of the names: the converters of models; tests/engine/text compares with the peer and with
 * the expressions of tokenizer.json. */
#include "engine/text/pretokenizer.h"

#include "engine/text/pretokenizer-families.h"

#include <string.h>

enum {
  WHOLE_WORDS = 1 << 0,    /* a word that is a token as a whole is taken before any merge */
  WHOLE_LINES = 1 << 1,    /* and so are line ends in a row */
  ADDS_BOS = 1 << 2,       /* unless the file says otherwise */
  INSISTS_ON_BOS = 1 << 3, /* whatever the file says */
};

struct _TextPretokenizer {
  const char *name;
  const TextPreFamily *family;
  unsigned flags;
};

/* Names as converters write them. */
static const TextPretokenizer pretokenizers[] = {
  { "gpt-2", &text_pre_gpt2, 0 },
  { "gpt2", &text_pre_gpt2, 0 },
  { "phi-2", &text_pre_gpt2, 0 },
  { "mpt", &text_pre_gpt2, 0 },
  { "olmo", &text_pre_gpt2, 0 },
  { "jais", &text_pre_gpt2, 0 },
  { "trillion", &text_pre_gpt2, 0 },
  { "granite-docling", &text_pre_gpt2, 0 },
  { "mellum", &text_pre_gpt2, 0 },
  { "exaone4", &text_pre_gpt2, 0 },
  { "jina-es", &text_pre_gpt2, 0 },
  { "jina-de", &text_pre_gpt2, 0 },
  { "gigachat", &text_pre_gpt2, 0 },
  { "jina-v2-es", &text_pre_gpt2, 0 },
  { "jina-v2-de", &text_pre_gpt2, 0 },
  { "a.x-4.0", &text_pre_gpt2, 0 },
  { "modern-bert", &text_pre_gpt2, 0 },
  { "jina-v1-en", &text_pre_gpt2, 0 },
  { "jina-v2-code", &text_pre_gpt2, 0 },
  { "roberta-bpe", &text_pre_gpt2, 0 },
  { "default", &text_pre_default, 0 },
  { "smollm", &text_pre_smollm, 0 },
  { "starcoder", &text_pre_smollm, 0 },
  { "refact", &text_pre_smollm, 0 },
  { "command-r", &text_pre_smollm, 0 },
  { "codeshell", &text_pre_smollm, 0 },
  { "exaone", &text_pre_smollm, 0 },
  { "minerva-7b", &text_pre_smollm, 0 },
  { "mellum2", &text_pre_smollm, 0 },
  { "llama-bpe", &text_pre_llama3, WHOLE_WORDS | ADDS_BOS },
  { "llama3", &text_pre_llama3, WHOLE_WORDS | ADDS_BOS },
  { "llama-v3", &text_pre_llama3, WHOLE_WORDS | ADDS_BOS },
  { "falcon3", &text_pre_llama3, WHOLE_WORDS | ADDS_BOS },
  { "falcon-h1", &text_pre_llama3, WHOLE_WORDS | ADDS_BOS },
  { "pixtral", &text_pre_llama3, WHOLE_WORDS | ADDS_BOS },
  { "midm-2.0", &text_pre_llama3, WHOLE_WORDS | ADDS_BOS },
  { "lfm2", &text_pre_llama3, WHOLE_WORDS | ADDS_BOS },
  { "jina-v5-nano", &text_pre_llama3, WHOLE_WORDS | ADDS_BOS },
  { "dbrx", &text_pre_llama3, 0 },
  { "smaug-bpe", &text_pre_llama3, 0 },
  { "chatglm-bpe", &text_pre_llama3, 0 },
  { "glm4", &text_pre_llama3, 0 },
  { "glm5", &text_pre_llama3, 0 },
  { "qwen2", &text_pre_qwen2, 0 },
  { "deepseek-r1-qwen", &text_pre_qwen2, 0 },
  { "stablelm2", &text_pre_qwen2, 0 },
  { "megrez", &text_pre_qwen2, 0 },
  { "kormo", &text_pre_qwen2, 0 },
  { "f2llmv2", &text_pre_qwen2, 0 },
  { "hunyuan", &text_pre_qwen2, 0 },
  { "solar-open", &text_pre_qwen2, 0 },
  { "grok-2", &text_pre_qwen2, 0 },
  { "qwen35", &text_pre_qwen35, 0 },
  { "gpt-4o", &text_pre_gpt4o, 0 },
  { "llama4", &text_pre_gpt4o, 0 },
  { "kanana2", &text_pre_gpt4o, 0 },
  { "talkie", &text_pre_gpt4o, 0 },
  { "minimax-m2", &text_pre_gpt4o, 0 },
  { "tekken", &text_pre_tekken, WHOLE_WORDS | ADDS_BOS },
  { "granite-embed-multi-97m", &text_pre_gpt4o_marks, WHOLE_WORDS },
  { "tiny_aya", &text_pre_aya, 0 },
  { "cohere2moe", &text_pre_aya, 0 },
  { "deepseek-llm", &text_pre_deepseek_llm, 0 },
  { "deepseek-coder", &text_pre_deepseek_coder, 0 },
  { "deepseek-v3", &text_pre_deepseek3, 0 },
  { "hunyuan-dense", &text_pre_deepseek3, 0 },
  { "joyai-llm", &text_pre_deepseek3, 0 },
  { "hy_v4", &text_pre_deepseek3, 0 },
  { "spark2_5", &text_pre_spark, 0 },
  { "afmoe", &text_pre_afmoe, 0 },
  { "youtu", &text_pre_youtu, WHOLE_WORDS },
  { "kimi-k2", &text_pre_kimi_k2, 0 },
  { "k2-horizon", &text_pre_k2_horizon, 0 },
  { "falcon", &text_pre_falcon, 0 },
  { "bloom", &text_pre_bloom, 0 },
  { "poro-chat", &text_pre_bloom, 0 },
  { "gpt3-finnish", &text_pre_bloom, 0 },
  { "viking", &text_pre_viking, 0 },
  { "chameleon", &text_pre_chameleon, ADDS_BOS },
  { "jais-2", &text_pre_jais2, 0 },
  { "bailingmoe", &text_pre_bailing, 0 },
  { "bailingmoe2", &text_pre_bailing, 0 },
  { "llada-moe", &text_pre_bailing, 0 },
  { "seed-coder", &text_pre_seed_coder, 0 },
  { "ufakzeka", &text_pre_ufakzeka, 0 },
  { "laguna", &text_pre_laguna, 0 },
  { "exaone-moe", &text_pre_exaone_moe, 0 },
  { "minicpm5", &text_pre_minicpm5, WHOLE_WORDS },
  { "superbpe", &text_pre_superbpe, 0 },
  { "gemma4", &text_pre_lines, INSISTS_ON_BOS | WHOLE_LINES },
  { "granite-embed-multi-311m", &text_pre_lines, INSISTS_ON_BOS | WHOLE_LINES },
  { "sarvam-moe", &text_pre_lines, 0 },
};

const TextPretokenizer *
text_pretokenizer_find (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (pretokenizers); i++)
    if (strcmp (pretokenizers[i].name, name) == 0)
      return &pretokenizers[i];
  return NULL;
}

gboolean
text_pretokenizer_takes_whole (const TextPretokenizer *pretokenizer, const char *word, size_t n)
{
  if ((pretokenizer->flags & WHOLE_WORDS) != 0)
    return TRUE;
  if ((pretokenizer->flags & WHOLE_LINES) == 0)
    return FALSE;
  for (size_t i = 0; i < n; i++)
    if (word[i] != '\n')
      return FALSE;
  return TRUE;
}

gboolean
text_pretokenizer_adds_bos (const TextPretokenizer *pretokenizer)
{
  return (pretokenizer->flags & (ADDS_BOS | INSISTS_ON_BOS)) != 0;
}

gboolean
text_pretokenizer_insists_on_bos (const TextPretokenizer *pretokenizer)
{
  return (pretokenizer->flags & INSISTS_ON_BOS) != 0;
}

gboolean
text_pretokenizer_of_characters (const TextPretokenizer *pretokenizer)
{
  return pretokenizer->family->of_characters;
}

/* ---- walking -------------------------------------------------------------------------- */

/* Cuts [begin, end) of text: *cut is where the first piece ends, *next where the one after it does,
 * as far as that is known by then. */
typedef void (*Cut) (const TextPass *pass, const char *text, size_t begin, size_t end, size_t *cut,
                     size_t *next);

static void
cut_by_patterns (const TextPass *pass, const char *text, size_t begin, size_t end, size_t *cut,
                 size_t *next)
{
  size_t at = begin, bytes;

  while (at < end) {
    size_t match = text_pattern_match (pass->patterns, pass->n_patterns, text + at, end - at);

    if (match > 0) {
      *next = at + match;
      *cut = at > begin ? at : *next;
      return;
    }
    text_pattern_atom (text + at, end - at, &bytes);
    at += bytes;
  }
  *cut = *next = end;
}

static void
cut_last_spaces (const TextPass *pass, const char *text, size_t begin, size_t end, size_t *cut,
                 size_t *next)
{
  size_t at = begin, bytes;

  *cut = begin;
  for (; at < end; at += bytes)
    if ((text_pattern_atom (text + at, end - at, &bytes) & SET_S) == 0)
      *cut = at + bytes;
  *next = end;
  if (*cut == begin)
    *cut = end;
}

/* Where count numbers end, or all of a row; *found is how many there are. */
static size_t
skip_numbers (uint32_t set, const char *text, size_t begin, size_t end, size_t count, size_t *found)
{
  size_t bytes;

  for (*found = 0; begin < end && *found < count; ++*found, begin += bytes)
    if ((text_pattern_atom (text + begin, end - begin, &bytes) & set) == 0)
      break;
  return begin;
}

/* The first group of a row has what is more than threes. */
static void
cut_groups (const TextPass *pass, const char *text, size_t begin, size_t end, size_t *cut,
            size_t *next)
{
  uint32_t set = pass->kind == TEXT_PASS_GROUPS ? SET_N : ATOM_DIGIT;
  size_t at = begin, bytes, count, first;

  while (at < end && (text_pattern_atom (text + at, end - at, &bytes) & set) == 0)
    at += bytes;
  *next = skip_numbers (set, text, at, end, SIZE_MAX, &count);
  first = count % 3 > 0 ? count % 3 : MIN (count, 3);
  *cut = skip_numbers (set, text, at, end, first, &count);
  if (pass->kind == TEXT_PASS_DIGIT_GROUPS && at > begin)
    *cut = *next = at;
}

static size_t
group_end (const TextPass *pass, const char *text, size_t begin, size_t next)
{
  size_t count;

  return skip_numbers (SET_N, text, begin, next, 3, &count);
}

static const struct {
  Cut cut;
  /* Where the next piece ends when *next is known; NULL: there. */
  size_t (*go_on) (const TextPass *pass, const char *text, size_t begin, size_t next);
} passes[] = {
  [TEXT_PASS_PATTERNS] = { cut_by_patterns, NULL },
  [TEXT_PASS_GROUPS] = { cut_groups, group_end },
  [TEXT_PASS_DIGIT_GROUPS] = { cut_groups, group_end },
  [TEXT_PASS_LAST_SPACES] = { cut_last_spaces, NULL },
};

void
text_pieces_begin (TextPieces *pieces, const TextPretokenizer *pretokenizer, const char *text,
                   size_t n)
{
  memset (pieces, 0, sizeof *pieces);
  pieces->pretokenizer = pretokenizer;
  pieces->text = text;
  pieces->n = n;
}

size_t
text_pieces_next (TextPieces *pieces)
{
  const TextPass *pass = pieces->pretokenizer->family->passes;
  size_t begin = pieces->at, end = pieces->n;

  if (begin >= end)
    return 0;
  for (TextPieceLevel *level = pieces->levels;
       level < pieces->levels + TEXT_MAX_PASSES && pass->kind != TEXT_PASS_NONE; level++, pass++) {
    if (level->end <= begin && level->next > begin)
      level->end = passes[pass->kind].go_on == NULL
                       ? level->next
                       : passes[pass->kind].go_on (pass, pieces->text, begin, level->next);
    else if (level->end <= begin)
      passes[pass->kind].cut (pass, pieces->text, begin, end, &level->end, &level->next);
    end = level->end;
  }
  pieces->at = end;
  return end - begin;
}

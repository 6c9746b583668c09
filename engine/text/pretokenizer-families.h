/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ways in which pre-tokenizers cut. Private to engine/text. */
#pragma once

#include "engine/text/pattern.h"

typedef enum {
  TEXT_PASS_NONE,
  TEXT_PASS_PATTERNS,     /* what patterns match, and what is left between */
  TEXT_PASS_GROUPS,       /* numbers in groups of three from the right; the text before a row of
                             them goes with the first group */
  TEXT_PASS_DIGIT_GROUPS, /* digits in groups of three from the right, the rest between */
  TEXT_PASS_LAST_SPACES,  /* white space at the end */
} TextPassKind;

typedef struct {
  const TextPattern *patterns;
  size_t n_patterns;
  TextPassKind kind;
} TextPass;

#define TEXT_MAX_PASSES 6

/* Each pass cuts the pieces of the one before; none comes after the last. */
typedef struct {
  TextPass passes[TEXT_MAX_PASSES];
  gboolean of_characters; /* words are merged from characters, with marks for spaces */
} TextPreFamily;

extern const TextPreFamily text_pre_gpt2,
    text_pre_smollm,
    text_pre_lines,
    text_pre_default,
    text_pre_falcon,
    text_pre_bloom,
    text_pre_viking,
    text_pre_llama3,
    text_pre_qwen2,
    text_pre_ufakzeka,
    text_pre_minicpm5,
    text_pre_laguna,
    text_pre_qwen35,
    text_pre_k2_horizon,
    text_pre_jais2,
    text_pre_bailing,
    text_pre_seed_coder,
    text_pre_exaone_moe,
    text_pre_gpt4o,
    text_pre_gpt4o_marks,
    text_pre_tekken,
    text_pre_aya,
    text_pre_youtu,
    text_pre_superbpe,
    text_pre_kimi_k2,
    text_pre_deepseek_llm,
    text_pre_deepseek_coder,
    text_pre_deepseek3,
    text_pre_spark,
    text_pre_afmoe,
    text_pre_chameleon;

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The families of pre-tokenizers, each the expressions of its models' tokenizer.json in order: what
 * an expression matches and what it leaves between is cut by the next one. Beside each stands the
 * expression. Where the peer (llama.cpp) reads one in its own way, so do we, for models are
 * converted, tried and judged with it: beyond ASCII it tells no capitals from small letters.
 * It must not know tokens nor names of models. */
#include "engine/text/pretokenizer-families.h"

#define ONE(...)         { .min = 1, .max = 1, __VA_ARGS__ }
#define MAYBE(...)       { .min = 0, .max = 1, __VA_ARGS__ }
#define SOME(...)        { .min = 1, .max = TEXT_PATTERN_MANY, __VA_ARGS__ }
#define ANY(...)         { .min = 0, .max = TEXT_PATTERN_MANY, __VA_ARGS__ }
#define TIMES(a, b, ...) { .min = (a), .max = (b), __VA_ARGS__ }
#define IN(x)            .set = (x)
#define NOT(x)           .set = SET_NOT (x)
#define WITH(x)          .with = (x)

/* ---- ranges --------------------------------------------------------------------------- */

/* Ideographs and kana, as DeepSeek-V3 lists them. */
static const TextPatternRange han_kana[] = {
  { 0x4e00, 0x9fa5 },
  { 0x3040, 0x309f },
  { 0x30a0, 0x30ff },
  { 0, 0 },
};

/* As DeepSeek-LLM and -Coder list them. */
static const TextPatternRange han_hangul[] = {
  { 0x4e00, 0x9fa5 },
  { 0x800, 0x4e00 },
  { 0xac00, 0xd7ff },
  { 0, 0 },
};

/* White space in those ranges. */
static const TextPatternRange spaces[] = {
  { 0x1680, 0x1680 },
  { 0x2000, 0x200a },
  { 0x2028, 0x2029 },
  { 0x202f, 0x202f },
  { 0x205f, 0x205f },
  { 0x3000, 0x3000 },
  { 0, 0 },
};

/* Letters of scripts with capitals, as DeepSeek-LLM lists them. */
static const TextPatternRange cased[] = {
  { 0xb5, 0xb5 },
  { 0xc0, 0xd6 },
  { 0xd8, 0xf6 },
  { 0xf8, 0x1ba },
  { 0x1bc, 0x1bf },
  { 0x1c4, 0x293 },
  { 0x295, 0x2af },
  { 0x370, 0x373 },
  { 0x376, 0x377 },
  { 0x37b, 0x37d },
  { 0x37f, 0x37f },
  { 0x386, 0x386 },
  { 0x388, 0x38a },
  { 0x38c, 0x38c },
  { 0x38e, 0x3a1 },
  { 0x3a3, 0x3f5 },
  { 0x3f7, 0x481 },
  { 0x48a, 0x52f },
  { 0x531, 0x556 },
  { 0x10a0, 0x10c5 },
  { 0x13a0, 0x13f5 },
  { 0x13f8, 0x13fd },
  { 0x1c90, 0x1cba },
  { 0x1cbd, 0x1cbf },
  { 0x1d00, 0x1d2b },
  { 0x1d6b, 0x1d77 },
  { 0x1d79, 0x1d9a },
  { 0x1e00, 0x1f15 },
  { 0x1f18, 0x1f1d },
  { 0x1f20, 0x1f45 },
  { 0x1f48, 0x1f4d },
  { 0x1f50, 0x1f57 },
  { 0x1f59, 0x1f59 },
  { 0x1f5b, 0x1f5b },
  { 0x1f5d, 0x1f5d },
  { 0x1f5f, 0x1f7d },
  { 0x1f80, 0x1fb4 },
  { 0x1fb6, 0x1fbc },
  { 0x1fbe, 0x1fbe },
  { 0x1fc2, 0x1fc4 },
  { 0x1fc6, 0x1fcc },
  { 0x1fd0, 0x1fd3 },
  { 0x1fd6, 0x1fdb },
  { 0x1fe0, 0x1fec },
  { 0x1ff2, 0x1ff4 },
  { 0x1ff6, 0x1ffc },
  { 0x2102, 0x2102 },
  { 0x2107, 0x2107 },
  { 0x210a, 0x2113 },
  { 0x2115, 0x2115 },
  { 0x2119, 0x211d },
  { 0x2124, 0x2124 },
  { 0x2126, 0x2126 },
  { 0x2128, 0x2128 },
  { 0x212a, 0x212d },
  { 0x212f, 0x2134 },
  { 0x2139, 0x2139 },
  { 0x213c, 0x213f },
  { 0x2145, 0x2149 },
  { 0x214e, 0x214e },
  { 0x2183, 0x2184 },
  { 0x2c00, 0x2c7b },
  { 0x2c7e, 0x2ce4 },
  { 0x2ceb, 0x2cee },
  { 0x2cf2, 0x2cf3 },
  { 0xa640, 0xa66d },
  { 0xa680, 0xa69b },
  { 0xa722, 0xa76f },
  { 0xa771, 0xa787 },
  { 0xa78b, 0xa78e },
  { 0xab70, 0xabbf },
  { 0xfb00, 0xfb06 },
  { 0xfb13, 0xfb17 },
  { 0xff21, 0xff3a },
  { 0xff41, 0xff5a },
  { 0x10400, 0x1044f },
  { 0x104b0, 0x104d3 },
  { 0x104d8, 0x104fb },
  { 0x10c80, 0x10cb2 },
  { 0x10cc0, 0x10cf2 },
  { 0x118a0, 0x118df },
  { 0x1e900, 0x1e943 },
  { 0, 0 },
};

/* Signs, wide ones and those of East Asia, as DeepSeek-LLM lists them. */
static const TextPatternRange wide_signs[] = {
  { 0xff01, 0xff0f },
  { 0xff1a, 0xff5e },
  { 0x2018, 0x201f },
  { 0x3001, 0x3002 },
  { 0, 0 },
};

/* What ends a part of a sentence, as BLOOM lists it. */
static const TextPatternRange sentence_signs[] = {
  { 0x28, 0x28 },
  { 0x7c, 0x7c },
  { 0x2e, 0x2e },
  { 0x2c, 0x2c },
  { 0x21, 0x21 },
  { 0x3f, 0x3f },
  { 0x29, 0x29 },
  { 0x2026, 0x2026 },
  { 0x3002, 0x3002 },
  { 0xff0c, 0xff0c },
  { 0x3001, 0x3001 },
  { 0x964, 0x964 },
  { 0x6d4, 0x6d4 },
  { 0x60c, 0x60c },
  { 0, 0 },
};

/* Syllables and letters. */
static const TextPatternRange hangul[] = { { 0xac00, 0xd7a3 }, { 0x3131, 0x318e }, { 0, 0 } };

/* As Youtu lists them. */
static const TextPatternRange chinese_signs[] = {
  { 0xff01, 0xff01 },
  { 0x2026, 0x2026 },
  { 0x201c, 0x201d },
  { 0x2018, 0x2019 },
  { 0x2014, 0x2014 },
  { 0xff1a, 0xff1a },
  { 0xff1b, 0xff1b },
  { 0xff0c, 0xff0c },
  { 0x3001, 0x303f },
  { 0xfe30, 0xfe4f },
  { 0, 0 },
};

static const TextPatternRange bopomofo[] = { { 0x3105, 0x312f }, { 0, 0 } };

/* Scripts written without spaces, as AFMoE lists them. */
static const TextPatternRange unspaced[] = {
  { 0x4e00, 0x9fff },
  { 0x3400, 0x4dbf },
  { 0x8c48, 0xfaff },
  { 0x3040, 0x309f },
  { 0x30a0, 0x30ff },
  { 0xff65, 0xff9f },
  { 0x2f00, 0x2fdf },
  { 0xe40, 0xe7f },
  { 0xe80, 0xeff },
  { 0x1780, 0x17ff },
  { 0x1000, 0x109f },
  { 0xaa60, 0xaa7f },
  { 0xa9e0, 0xa9ff },
  { 0xac00, 0xd7af },
  { 0x1100, 0x11ff },
  { 0, 0 },
};

/* Ideographs, as Kimi K2 counts them. */
static const TextPatternRange han[] = {
  { 0x4e00, 0x9fff },
  { 0x3400, 0x4dbf },
  { 0x20000, 0x2a6df },
  { 0x2a700, 0x2b73f },
  { 0x2b740, 0x2b81f },
  { 0x2b820, 0x2ceaf },
  { 0x2ceb0, 0x2ebef },
  { 0xf900, 0xfaff },
  { 0x2f800, 0x2fa1f },
  { 0, 0 },
};

/* Without and with a width of zero. */
static const TextPatternRange joiners[] = { { 0x200c, 0x200d }, { 0, 0 } };

/* ---- what many expressions have ------------------------------------------------------- */

#define LOWER_CONTRACTION { .contraction = TEXT_CONTRACTION_LOWER } /* 's|'t|'re|'ve|'m|'ll|'d */
/* (?i:'s|'t|'re|'ve|'m|'ll|'d) */
#define CONTRACTION { .contraction = TEXT_CONTRACTION_ANY }
/* [^\r\n\p{L}\p{N}]? */
#define LEAD MAYBE (NOT (SET_CRLF | SET_L | SET_N))
#define WORD                  \
  {                           \
    {                         \
      LEAD, SOME (IN (SET_L)) \
    }                         \
  } /* …\p{L}+ */
#define NUMBERS(n)             \
  {                            \
    {                          \
      TIMES (1, n, IN (SET_N)) \
    }                          \
  } /* \p{N}{1,n} */
/*  ?[^\s\p{L}\p{N}]+[\r\n]* */
#define SIGNS                                                                          \
  {                                                                                    \
    {                                                                                  \
      MAYBE (IN (ATOM_BLANK)), SOME (NOT (SET_S | SET_L | SET_N)), ANY (IN (SET_CRLF)) \
    }                                                                                  \
  }
#define LINES                                \
  {                                          \
    {                                        \
      ANY (IN (SET_S)), SOME (IN (SET_CRLF)) \
    }                                        \
  } /* \s*[\r\n]+ */
/* \s+(?!\S)|\s+ */
#define SPACES                                     \
  { { SOME (IN (SET_S)) }, .before_space = TRUE }, \
  {                                                \
    {                                              \
      SOME (IN (SET_S))                            \
    }                                              \
  }

#define PASS(x) { x, G_N_ELEMENTS (x), TEXT_PASS_PATTERNS }

/* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
static const TextPattern gpt2[] = {
  LOWER_CONTRACTION,
  { { MAYBE (IN (ATOM_BLANK)), SOME (IN (SET_L)) } },
  { { MAYBE (IN (ATOM_BLANK)), SOME (IN (SET_N)) } },
  { { MAYBE (IN (ATOM_BLANK)), SOME (NOT (SET_S | SET_L | SET_N)) } },
  SPACES,
};
static const TextPattern one_number[] = { { { ONE (IN (SET_N)) } } }; /* \p{N} */
/* \p{N}{1,3} */
static const TextPattern three_numbers[] = { NUMBERS (3) };
static const TextPattern some_numbers[] = { { { SOME (IN (SET_N)) } } };             /* \p{N}+ */
static const TextPattern three_digits[] = { { { TIMES (3, 3, IN (ATOM_DIGIT)) } } }; /* [0-9]{3} */
static const TextPattern line_end[] = { { { ONE (IN (SET_CRLF)) } } };               /* [\r\n] */
/* [^\n]+|[\n]+ */
static const TextPattern lines[] = { { { SOME (NOT (ATOM_LF)) } }, { { SOME (IN (ATOM_LF)) } } };

const TextPreFamily text_pre_gpt2 = { { PASS (gpt2) } };
const TextPreFamily text_pre_smollm = { { PASS (one_number), PASS (gpt2) } };
const TextPreFamily text_pre_lines = { { PASS (lines) }, .of_characters = TRUE };

/* [\p{P}$+<=>^~|]+ and with the grave accent */
static const TextPattern signs[] = {
  { { SOME (IN (SET_P | ATOM_ASCII_SYMBOL | ATOM_TILDE)) } },
};
static const TextPattern falcon_signs[] = {
  { { SOME (IN (SET_P | ATOM_ASCII_SYMBOL | ATOM_TILDE | ATOM_GRAVE)) } },
};
const TextPreFamily text_pre_default = { { PASS (signs), PASS (gpt2), PASS (some_numbers),
                                           PASS (three_digits) } };
const TextPreFamily text_pre_falcon = { { PASS (falcon_signs), PASS (gpt2), PASS (three_digits) } };

/*  ?[^(\s|.,!?…。，、।۔،)]+ */
static const TextPattern bloom[] = {
  { { MAYBE (IN (ATOM_BLANK)), SOME (IN (SET_S), WITH (sentence_signs), .negated = TRUE) } },
};
const TextPreFamily text_pre_bloom = { { PASS (bloom) } };
const TextPreFamily text_pre_viking = { { PASS (bloom), PASS (one_number) } };

/* ---- as Llama 3 ----------------------------------------------------------------------- */

static const TextPattern llama3[] = { CONTRACTION, WORD, NUMBERS (3), SIGNS, LINES, SPACES };
static const TextPattern qwen2[] = { CONTRACTION, WORD, NUMBERS (1), SIGNS, LINES, SPACES };
static const TextPattern qwen2_without[] = { WORD, NUMBERS (1), SIGNS, LINES, SPACES };
static const TextPattern any_numbers[] = {
  CONTRACTION,
  WORD,
  { { SOME (IN (SET_N)) } },
  SIGNS,
  LINES,
  SPACES,
};
const TextPreFamily text_pre_llama3 = { { PASS (llama3) } };
const TextPreFamily text_pre_qwen2 = { { PASS (qwen2) } };
const TextPreFamily text_pre_ufakzeka = { { PASS (qwen2_without) } };
const TextPreFamily text_pre_minicpm5 = { { PASS (three_numbers), PASS (any_numbers) } };
const TextPreFamily text_pre_laguna = { { PASS (lines), PASS (qwen2) } };

/* Letters with marks: [^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+ and  ?[^\s\p{L}\p{M}\p{N}]+[\r\n]* */
static const TextPattern qwen35[] = {
  CONTRACTION,
  { { LEAD, SOME (IN (SET_L | SET_M)) } },
  NUMBERS (1),
  { { MAYBE (IN (ATOM_BLANK)), SOME (NOT (SET_S | SET_L | SET_M | SET_N)), ANY (IN (SET_CRLF)) } },
  LINES,
  SPACES,
};
const TextPreFamily text_pre_qwen35 = { { PASS (qwen35) } };

/* And with joiners: (?:\p{L}|\p{M}|\u200C|\u200D)+ */
static const TextPattern k2_horizon[] = {
  CONTRACTION,
  { { LEAD, SOME (IN (SET_L | SET_M), WITH (joiners)) } },
  NUMBERS (3),
  SIGNS,
  LINES,
  SPACES,
};
const TextPreFamily text_pre_k2_horizon = { { PASS (k2_horizon) } };

/* Runs of spaces in powers of two. */
#define RUN(n) { { TIMES (n, n, IN (SET_S)) }, .before_space = TRUE }
static const TextPattern jais2[] = {
  CONTRACTION,
  WORD,
  NUMBERS (3),
  SIGNS,
  LINES,
  RUN (512),
  RUN (256),
  RUN (128),
  RUN (64),
  RUN (32),
  RUN (16),
  RUN (8),
  RUN (4),
  { { TIMES (1, 2, IN (SET_S)) }, .before_space = TRUE },
  { { ONE (IN (SET_S)) } },
};
const TextPreFamily text_pre_jais2 = { { PASS (jais2) } };

/* \s*[\r\n] */
static const TextPattern bailing[] = {
  CONTRACTION,
  WORD,
  NUMBERS (1),
  SIGNS,
  { { ANY (IN (SET_S)), ONE (IN (SET_CRLF)) } },
  SPACES,
};
const TextPreFamily text_pre_bailing = { { PASS (bailing) } };

/*  ?[^\s\p{L}\p{N}\r\n]+ */
static const TextPattern seed_coder[] = {
  CONTRACTION,
  WORD,
  NUMBERS (1),
  { { MAYBE (IN (ATOM_BLANK)), SOME (NOT (SET_S | SET_L | SET_N)) } },
  LINES,
  SPACES,
};
const TextPreFamily text_pre_seed_coder = { { PASS (seed_coder) } };

/* …(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|… */
static const TextPattern exaone_moe[] = {
  CONTRACTION,
  { { LEAD, ONE (IN (SET_L)), ANY (IN (SET_L | SET_M), .blank_in_words = TRUE) } },
  NUMBERS (1),
  { { MAYBE (IN (ATOM_BLANK)), SOME (NOT (SET_S | SET_L | SET_N)),
      MAYBE (IN (SET_CRLF | ATOM_SLASH)) } },
  { { ANY (IN (SET_S)), ONE (IN (SET_CRLF)) } },
  SPACES,
};
const TextPreFamily text_pre_exaone_moe = { { PASS (exaone_moe) } };

/* ---- words cut by case ---------------------------------------------------------------- */

/* [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+ and the same with +
 * and *. Letters beyond ASCII are of both cases; more: what else counts as a letter. */
#define UPPER(more) (ATOM_UPPER | ATOM_LETTER | (more))
#define LOWER(more) (ATOM_LOWER | ATOM_LETTER | (more))
#define CASED(more, ending)                                                               \
  { { LEAD, ANY (IN (UPPER (more))), SOME (IN (LOWER (more))) }, .contraction = ending }, \
  {                                                                                       \
    { LEAD, SOME (IN (UPPER (more))), ANY (IN (LOWER (more))) }, .contraction = ending    \
  }
/*  ?[^\s\p{L}\p{N}]+[\r\n/]* */
#define SIGNS_SLASH                                                \
  {                                                                \
    {                                                              \
      MAYBE (IN (ATOM_BLANK)), SOME (NOT (SET_S | SET_L | SET_N)), \
          ANY (IN (SET_CRLF | ATOM_SLASH))                         \
    }                                                              \
  }

static const TextPattern gpt4o[] = { CASED (0, TEXT_CONTRACTION_ANY), NUMBERS (3), SIGNS_SLASH,
                                     LINES, SPACES };
static const TextPattern gpt4o_marks[] = { CASED (SET_M, TEXT_CONTRACTION_ANY), NUMBERS (3),
                                           SIGNS_SLASH, LINES, SPACES };
static const TextPattern tekken[] = { CASED (0, TEXT_CONTRACTION_NONE), NUMBERS (1), SIGNS_SLASH,
                                      LINES, SPACES };
const TextPreFamily text_pre_gpt4o = { { PASS (gpt4o) } };
const TextPreFamily text_pre_gpt4o_marks = { { PASS (gpt4o_marks) } };
const TextPreFamily text_pre_tekken = { { PASS (tekken) } };

/* Here the categories of letters are written out, which the peer takes all for \p{L}. */
#define ANY_CASE { { LEAD, SOME (IN (SET_L | SET_M)) }, .contraction = TEXT_CONTRACTION_ANY }
static const TextPattern aya[] = { ANY_CASE, NUMBERS (3), SIGNS_SLASH, LINES, SPACES };
static const TextPattern youtu[] = { ANY_CASE, NUMBERS (1), SIGNS_SLASH, LINES, SPACES };
static const TextPattern youtu_scripts[] = {
  { { SOME (WITH (hangul)) } },
  { { SOME (WITH (chinese_signs)) } },
  { { SOME (WITH (bopomofo)) } },
  { { SOME (WITH (han_kana)) } },
};
/* \d{1,3}(?=(?:\d{3})*\b): groups of three from the right */
#define GROUPS { NULL, 0, TEXT_PASS_GROUPS }
/* (?=(\d{3})+(?!\d)) */
#define DIGIT_GROUPS { NULL, 0, TEXT_PASS_DIGIT_GROUPS }
const TextPreFamily text_pre_aya = { { GROUPS, PASS (aya) } };
const TextPreFamily text_pre_youtu = { { PASS (youtu_scripts), PASS (youtu) } };
const TextPreFamily text_pre_superbpe = { { PASS (some_numbers), DIGIT_GROUPS } };

/* [\p{Han}]+, and words of other letters */
static const TextPattern kimi_k2[] = {
  { { SOME (WITH (han)) } },
  { { LEAD, SOME (IN (SET_L), .except = han) }, .contraction = TEXT_CONTRACTION_ANY },
  NUMBERS (3),
  SIGNS,
  LINES,
  SPACES,
};
const TextPreFamily text_pre_kimi_k2 = { { PASS (kimi_k2) } };

/* ---- DeepSeek ------------------------------------------------------------------------- */

#define SPACED(...)                          \
  {                                          \
    {                                        \
      MAYBE (IN (SET_S)), SOME (__VA_ARGS__) \
    }                                        \
  } /* \s?[…]+ */
static const TextPattern cased_words[] = { SPACED (IN (ATOM_UPPER | ATOM_LOWER), WITH (cased)) };
/* \s?[!-/:-~！-／：-～‘-‟　-。]+, where :-~ holds letters too */
static const TextPattern wide_words[] = {
  SPACED (IN (SET_ASCII_P | ATOM_ASCII_SYMBOL | ATOM_GRAVE | ATOM_TILDE | ATOM_UPPER | ATOM_LOWER),
          WITH (wide_signs)),
};
static const TextPattern asian[] = { { { SOME (WITH (han_hangul), .except = spaces) } } };
static const TextPattern letters[] = { SPACED (IN (SET_L)) };     /* \s?\p{L}+ */
static const TextPattern punctuation[] = { SPACED (IN (SET_P)) }; /* \s?\p{P}+ */
#define LAST_SPACES { NULL, 0, TEXT_PASS_LAST_SPACES }            /* \s+$ */
const TextPreFamily text_pre_deepseek_llm = { { PASS (line_end), PASS (cased_words),
                                                PASS (wide_words), LAST_SPACES, PASS (asian),
                                                PASS (some_numbers) } };
const TextPreFamily text_pre_deepseek_coder = { { PASS (line_end), PASS (letters),
                                                  PASS (punctuation), PASS (asian),
                                                  PASS (one_number) } };

/* [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+
 * | ?[\p{P}\p{S}]+[\r\n]*|… */
#define SIGN_WORD                                                                    \
  { { ONE (IN (SET_ASCII_P | ATOM_ASCII_SYMBOL | ATOM_GRAVE | ATOM_TILDE)),          \
      SOME (IN (ATOM_UPPER | ATOM_LOWER)) } },                                       \
  {                                                                                  \
    {                                                                                \
      MAYBE (NOT (SET_CRLF | SET_L | SET_P | SET_SYMBOL)), SOME (IN (SET_L | SET_M)) \
    }                                                                                \
  }
#define SIGNS_ONLY MAYBE (IN (ATOM_BLANK)), SOME (IN (SET_P | SET_SYMBOL))
static const TextPattern kana[] = { { { SOME (WITH (han_kana)) } } };
static const TextPattern deepseek3[] = {
  SIGN_WORD,
  { { SIGNS_ONLY, ANY (IN (SET_CRLF)) } },
  LINES,
  SPACES,
};
static const TextPattern spark[] = {
  SIGN_WORD,
  { { SIGNS_ONLY } },
  { { ONE (IN (SET_CRLF)) } },
  SPACES,
};
static const TextPattern without_spaces[] = { { { SOME (WITH (unspaced)) } } };
const TextPreFamily text_pre_deepseek3 = { { PASS (three_numbers), PASS (kana),
                                             PASS (deepseek3) } };
const TextPreFamily text_pre_spark = { { PASS (three_numbers), PASS (kana), PASS (spark),
                                         PASS (one_number) } };
const TextPreFamily text_pre_afmoe = { { GROUPS, PASS (without_spaces), PASS (deepseek3) } };

/* ---- Chameleon ------------------------------------------------------------------------ */

/* ([\t\n]|    |  ), \p{N}, [\p{P}!-/:-@\[-`{-~]. Names of its control tokens are left to those. */
static const TextPattern chameleon_spaces[] = {
  { { ONE (IN (ATOM_TAB | ATOM_LF)) } },
  { { TIMES (4, 4, IN (ATOM_BLANK)) } },
  { { TIMES (2, 2, IN (ATOM_BLANK)) } },
};
static const TextPattern one_sign[] = {
  { { ONE (IN (SET_P | ATOM_ASCII_SYMBOL | ATOM_GRAVE | ATOM_TILDE)) } },
};
const TextPreFamily text_pre_chameleon = { { PASS (chameleon_spaces), PASS (one_number),
                                             PASS (one_sign), PASS (gpt2) } };

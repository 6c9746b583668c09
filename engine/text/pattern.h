/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small patterns over characters: what the regular expressions of pre-tokenizers come down to.
 * Private to engine/text. */
#pragma once

#include <glib.h>
#include <stdint.h>

/* Each character is in exactly one of these, so that a set is a mask and its complement too. */
enum {
  ATOM_UPPER = 1 << 0,              /* A-Z */
  ATOM_LOWER = 1 << 1,              /* a-z */
  ATOM_LETTER = 1 << 2,             /* other letters */
  ATOM_DIGIT = 1 << 3,              /* 0-9 */
  ATOM_NUMBER = 1 << 4,             /* other numbers */
  ATOM_BLANK = 1 << 5,              /* the space of ASCII */
  ATOM_CR = 1 << 6,                 /* carriage return */
  ATOM_LF = 1 << 7,                 /* line feed */
  ATOM_TAB = 1 << 8,                /* tabulator */
  ATOM_SPACE = 1 << 9,              /* other white space */
  ATOM_MARK = 1 << 10,              /* marks, which go with a letter */
  ATOM_SLASH = 1 << 11,             /* / */
  ATOM_ASCII_PUNCTUATION = 1 << 12, /* the rest of it */
  ATOM_PUNCTUATION = 1 << 13,       /* beyond ASCII */
  ATOM_GRAVE = 1 << 14,             /* ` */
  ATOM_TILDE = 1 << 15,             /* ~ */
  ATOM_ASCII_SYMBOL = 1 << 16,      /* $ + < = > ^ | */
  ATOM_SYMBOL = 1 << 17,            /* beyond ASCII, and bytes that are no character */
  ATOM_OTHER = 1 << 18,             /* control, format, not assigned */
};

/* The sets that patterns are written with, as \p{L} and the like. */
#define SET_L        (ATOM_UPPER | ATOM_LOWER | ATOM_LETTER)
#define SET_N        (ATOM_DIGIT | ATOM_NUMBER)
#define SET_CRLF     (ATOM_CR | ATOM_LF)
#define SET_S        (ATOM_BLANK | SET_CRLF | ATOM_TAB | ATOM_SPACE) /* \s */
#define SET_M        ATOM_MARK
#define SET_ASCII_P  (ATOM_SLASH | ATOM_ASCII_PUNCTUATION)
#define SET_P        (SET_ASCII_P | ATOM_PUNCTUATION)
#define SET_SYMBOL   (ATOM_GRAVE | ATOM_TILDE | ATOM_ASCII_SYMBOL | ATOM_SYMBOL)
#define SET_NOT(set) (~(uint32_t) (set))

/* Ranges of characters; the last has first 0. */
typedef struct {
  gunichar first, last;
} TextPatternRange;

#define TEXT_PATTERN_MANY UINT16_MAX /* any number */

/* A set, so and so many times: the most that let the rest match. */
typedef struct {
  uint32_t set;
  uint16_t min, max;              /* no max: there is no item */
  const TextPatternRange *with;   /* in the set too; NULL: none */
  const TextPatternRange *except; /* not in the set, whatever stands above; NULL: none */
  gboolean negated;               /* characters that are not in all this */
  gboolean blank_in_words;        /* a blank counts as well where a letter follows */
} TextPatternItem;

typedef enum {
  TEXT_CONTRACTION_NONE,
  TEXT_CONTRACTION_LOWER, /* 's 't 're 've 'm 'll 'd */
  TEXT_CONTRACTION_ANY,   /* in any case */
} TextContraction;

/* One way to match. */
typedef struct {
  TextPatternItem items[4];
  TextContraction contraction; /* alone, or after the items, where it may be missing */
  gboolean before_space;       /* only before white space or the end */
} TextPattern;

/* What stands at the begin of text: its atom, its length in *bytes. 0 at the end. */
uint32_t text_pattern_atom (const char *text, size_t n, size_t *bytes);

/* Bytes of the first of n_patterns that matches at the begin of text; 0: none does. */
size_t text_pattern_match (const TextPattern *patterns,
                           size_t n_patterns,
                           const char *text,
                           size_t n);

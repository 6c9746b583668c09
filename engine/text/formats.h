/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Formats of prompts by name, for files whose template is missing or cannot be run. Private to
 * engine/text. */
#pragma once

#include "engine/text/tokenizer.h"

typedef enum {
  TEXT_ROLE_SYSTEM,
  TEXT_ROLE_USER,
  TEXT_ROLE_ASSISTANT,
  TEXT_N_ROLES,
} TextRole;

typedef struct {
  const char *name;
  const char *marks[2]; /* control tokens that tell it from the others; NULL: none */
  struct {
    const char *before, *after; /* before NULL: its text goes in front of the next message */
  } roles[TEXT_N_ROLES];
  const char *generation; /* the header of the answer to come */
} TextFormat;

/* The format that a template writes, or NULL. template NULL: NULL. */
const TextFormat *text_format_of_template (const char *template);
/* The first whose control tokens the model has; the last one needs none. */
const TextFormat *text_format_of_tokens (const TextTokenizer *tokenizer);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A card with highlighted, selectable code and a button that copies it. It knows listings and
 * languages, not Markdown. Main thread. */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define BOTTEGA_TYPE_CODE_BLOCK (bottega_code_block_get_type ())
G_DECLARE_FINAL_TYPE (BottegaCodeBlock, bottega_code_block, BOTTEGA, CODE_BLOCK, GtkWidget)

GtkWidget *bottega_code_block_new (void);

/* Loads what the first listing needs (languages, colours, font), a part in each of the coming idle
 * turns: the first listing of an answer must not make the text halt. Calls after the first do
 * nothing. */
void bottega_code_block_warm_up (void);

/* Shows CODE. Text that only grew is appended, so that a long listing can be streamed. */
void bottega_code_block_set_code (BottegaCodeBlock *self,
                                  const char *code);

/* LANGUAGE as written behind the fence ("py", "Python", "c++"), or NULL. */
void bottega_code_block_set_language (BottegaCodeBlock *self,
                                      const char *language);

G_END_DECLS

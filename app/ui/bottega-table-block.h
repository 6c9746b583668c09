/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A table of selectable text that scrolls sideways where it is too wide. It shows one block of
 * Markdown and keeps nothing of it. Main thread. */
#pragma once

#include <gtk/gtk.h>

#include "app/ui/bottega-markdown-blocks.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_TABLE_BLOCK (bottega_table_block_get_type ())
G_DECLARE_FINAL_TYPE (BottegaTableBlock, bottega_table_block, BOTTEGA, TABLE_BLOCK, GtkWidget)

GtkWidget *bottega_table_block_new (void);

/* Shows BLOCK, of kind BOTTEGA_MARKDOWN_TABLE; only cells that changed are touched. The block is
 * read, not kept. */
void bottega_table_block_set_block (BottegaTableBlock *self,
                                    const BottegaMarkdownBlock *block);

G_END_DECLS

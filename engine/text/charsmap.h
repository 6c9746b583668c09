/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The precompiled map of a SentencePiece model: which texts stand for others. Private to
 * engine/text. */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef struct _TextCharsmap TextCharsmap;

/* Copies data: u32 bytes of the trie, the trie (u32 units of Darts-clone, little-endian), then
 * texts that end in NUL. NULL when it cannot be one. */
TextCharsmap *text_charsmap_new (const void *data, size_t n_bytes);
void text_charsmap_free (TextCharsmap *map);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TextCharsmap, text_charsmap_free)

/* The longest beginning of text (n bytes) that the map replaces: its length, and in *replacement
 * what stands for it (borrowed, at most 255 bytes, may be empty and need not be UTF-8). 0: none.
 * Whatever the file held, this ends and stays inside. */
size_t text_charsmap_find (const TextCharsmap *map,
                           const char *text,
                           size_t n,
                           const char **replacement);

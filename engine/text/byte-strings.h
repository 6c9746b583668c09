/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A list of byte strings that can also be found by their bytes. Private to engine/text.
 * The hash has a random seed: strings that collide on purpose cannot make a look-up slow.
 * Thread: building on one thread; look-ups from any thread afterwards. */
#pragma once

#include <glib.h>
#include <stdint.h>

#define TEXT_STRINGS_NONE UINT32_MAX

typedef struct _TextStrings TextStrings;

TextStrings *text_strings_new (void);
void text_strings_free (TextStrings *strings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TextStrings, text_strings_free)

/* Appends a copy and returns its index; it cannot be found before it is linked. */
uint32_t text_strings_append (TextStrings *strings, const char *data, size_t n);
/* Makes a string findable. A string of the same bytes that was linked before is no longer found. */
void text_strings_link (TextStrings *strings, uint32_t index);
/* The index of the linked string of these bytes, or TEXT_STRINGS_NONE. */
uint32_t text_strings_find (const TextStrings *strings, const char *data, size_t n);
/* Borrowed; valid until the next append. index must be in range. */
const char *text_strings_get (const TextStrings *strings, uint32_t index, size_t *n);
uint32_t text_strings_count (const TextStrings *strings);

/* A number that is hard to foresee from outside. */
uint64_t text_random_seed (void);
/* Mixes two numbers into one whose every bit depends on all of theirs. */
uint64_t text_mix (uint64_t a, uint64_t b);

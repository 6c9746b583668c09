/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where characters end in bytes that may not be UTF-8, and which are spaces. Private to
 * engine/text. */
#pragma once

#include <glib.h>

#define TEXT_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* The length of the character that bytes (n > 0 of them) begin with when it is whole, 0 when more
 * bytes may complete it, -1 when it can never be one. Less than four bytes are ever incomplete. */
int text_utf8_character_bytes (const char *bytes, size_t n);

/* The White_Space property. GLib's own test leaves out two of them. */
gboolean text_is_space (gunichar c);

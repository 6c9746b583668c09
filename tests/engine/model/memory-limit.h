/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hard limit on memory for the tests of damaged files. */
#pragma once

#include <glib.h>

/* From now on the process may take so many bytes more than it has; then allocations fail. FALSE
 * under a sanitizer, whose own memory is beyond any limit. */
gboolean test_limit_memory (guint64 bytes);

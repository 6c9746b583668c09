/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Large memory that is walked through as a whole. Must not know what lies in it. Thread: any. */
#pragma once

#include <glib.h>

/* Zeroed anonymous memory, in huge pages where the system has them. NULL when refused. */
void *engine_pages_map (gsize bytes);
/* NULL is fine. */
void engine_pages_unmap (void *pages, gsize bytes);

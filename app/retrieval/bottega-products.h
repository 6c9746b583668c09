/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inner product of the scan, once for any processor and once with AVX2. It knows only numbers.
 *
 * Pure functions; any thread. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Rows are padded with zeros to a multiple of this. */
#define BOTTEGA_PRODUCT_STEP 32

/* The sum of a[i] * b[i]; n a multiple of BOTTEGA_PRODUCT_STEP, at most 8,192; |b[i]| <= 2,047. */
typedef gint32 (*BottegaProduct) (const gint8 *a, const gint16 *b, guint n);

gint32 bottega_product_portable (const gint8 *a, const gint16 *b, guint n);
/* The fastest that this processor runs. */
BottegaProduct bottega_product_choose (void);

G_END_DECLS

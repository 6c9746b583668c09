/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Products of bytes and 16-bit integers. Both functions give the same bits. */
#include "app/retrieval/bottega-products.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

gint32
bottega_product_portable (const gint8 *a, const gint16 *b, guint n)
{
  gint32 sum = 0;

  for (guint i = 0; i < n; i++)
    sum += a[i] * b[i];

  return sum;
}

#ifdef __x86_64__
static gint32 __attribute__ ((target ("avx2")))
product_avx2 (const gint8 *a, const gint16 *b, guint n)
{
  __m256i even = _mm256_setzero_si256 (), odd = even;
  __m128i sum;

  for (guint i = 0; i < n; i += BOTTEGA_PRODUCT_STEP) {
    __m256i x = _mm256_cvtepi8_epi16 (_mm_loadu_si128 ((const __m128i *) (a + i)));
    __m256i y = _mm256_cvtepi8_epi16 (_mm_loadu_si128 ((const __m128i *) (a + i + 16)));

    x = _mm256_madd_epi16 (x, _mm256_loadu_si256 ((const __m256i *) (b + i)));
    y = _mm256_madd_epi16 (y, _mm256_loadu_si256 ((const __m256i *) (b + i + 16)));
    even = _mm256_add_epi32 (even, x);
    odd = _mm256_add_epi32 (odd, y);
  }
  even = _mm256_add_epi32 (even, odd);
  sum = _mm_add_epi32 (_mm256_castsi256_si128 (even), _mm256_extracti128_si256 (even, 1));
  sum = _mm_hadd_epi32 (sum, sum);
  sum = _mm_hadd_epi32 (sum, sum);

  return _mm_cvtsi128_si32 (sum);
}
#endif

BottegaProduct
bottega_product_choose (void)
{
#ifdef __x86_64__
  if (__builtin_cpu_supports ("avx2"))
    return product_avx2;
#endif

  return bottega_product_portable;
}

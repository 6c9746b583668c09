/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Functions of one vector, the same on every instruction set, written over a vector V of V_WIDTH
 * floats. The including file defines V and its few operations (v_load, v_fma …) before. Must not
 * know what they are used for. */

#include "engine/cpu/internal.h"

#define INLINE static inline __attribute__ ((always_inline))

/* ---- functions of one vector ---------------------------------------------------------------- */

/* e^x with a relative error below 3e-7; 0 below -87 (masked scores are -inf) and clamped above 88.
 * Range reduction by ln 2 in two parts, then the polynomial of Cephes' expf. */
INLINE V
v_exp (V x)
{
  const V magic = v_set1 (12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
  V low = v_set1 (-87.0f), c = v_min (v_max (x, low), v_set1 (88.0f));
  V t = v_fma (c, v_set1 (1.44269504f), magic), n = v_sub (t, magic), r, p;

  r = v_fma (n, v_set1 (-0.693359375f), c);
  r = v_fma (n, v_set1 (2.12194440e-4f), r);
  p = v_set1 (1.9875691500e-4f);
  p = v_fma (p, r, v_set1 (1.3981999507e-3f));
  p = v_fma (p, r, v_set1 (8.3334519073e-3f));
  p = v_fma (p, r, v_set1 (4.1665795894e-2f));
  p = v_fma (p, r, v_set1 (1.6666665459e-1f));
  p = v_fma (p, r, v_set1 (5.0000001201e-1f));
  p = v_add (v_fma (p, v_mul (r, r), r), v_set1 (1.0f));
  return v_zero_where_less (v_scale2 (p, t), x, low);
}

/* x / (1 + e^-x) */
INLINE V
v_silu (V x)
{
  V one = v_set1 (1.0f);

  return v_div (x, v_add (one, v_exp (v_sub (v_set1 (0.0f), x))));
}

/* The tanh form, as x * sigmoid (2 sqrt (2 / pi) (x + 0.044715 x^3)). */
INLINE V
v_gelu (V x)
{
  V u = v_mul (x, v_fma (v_mul (x, x), v_set1 (0.044715f), v_set1 (1.0f)));

  return v_div (x, v_add (v_set1 (1.0f), v_exp (v_mul (u, v_set1 (-1.5957691216f)))));
}

/* x / 2 * (1 + erf (x / sqrt 2)), with erf by formula 7.1.26 of Abramowitz and Stegun: its error is
 * below 1.5e-7. For negative x the formula gives the small difference 1 + erf itself. */
INLINE V
v_gelu_erf (V x)
{
  const V zero = v_set1 (0.0f), one = v_set1 (1.0f);
  V z = v_mul (v_max (x, v_sub (zero, x)), v_set1 (0.707106781f));
  V t = v_div (one, v_fma (z, v_set1 (0.3275911f), one)), p = v_set1 (1.061405429f);

  p = v_fma (p, t, v_set1 (-1.453152027f));
  p = v_fma (p, t, v_set1 (1.421413741f));
  p = v_fma (p, t, v_set1 (-0.284496736f));
  p = v_fma (p, t, v_set1 (0.254829592f));
  p = v_mul (v_mul (p, t), v_exp (v_sub (zero, v_mul (z, z)))); /* 1 - erf (z) */
  return v_sub (v_max (x, zero), v_mul (v_mul (z, v_set1 (0.707106781f)), p));
}

INLINE V
v_activate (ModelActivation activation, V x)
{
  return activation == MODEL_ACTIVATION_GELU_ERF ? v_gelu_erf (x)
         : activation == MODEL_ACTIVATION_GELU   ? v_gelu (x)
                                                 : v_silu (x);
}

/* Of a gated product. */
INLINE V
v_gate (ModelActivation activation, V gate, V up)
{
  const V one = v_set1 (1.0f), limit = v_set1 (7.0f);

  if (activation != MODEL_ACTIVATION_SWIGLU_OAI)
    return v_mul (v_activate (activation, gate), up);
  gate = v_min (gate, limit);
  up = v_add (v_min (v_max (up, v_set1 (-7.0f)), limit), one);
  return v_mul (v_div (gate, v_add (one, v_exp (v_mul (gate, v_set1 (-1.702f))))), up);
}

/* cap * tanh (x / cap), as 2 cap / (1 + e^(-2 x / cap)) - cap */
INLINE V
v_cap (V x, float cap)
{
  V e = v_exp (v_mul (x, v_set1 (-2.0f / cap)));

  return v_sub (v_div (v_set1 (2.0f * cap), v_add (v_set1 (1.0f), e)), v_set1 (cap));
}

INLINE float
exp_1 (float x)
{
  float lanes[V_WIDTH];

  v_store (lanes, v_exp (v_set1 (x)));
  return lanes[0];
}

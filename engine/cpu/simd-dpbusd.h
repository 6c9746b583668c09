/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Integer products by VPDPBUSD, of whatever width: the including file defines I; i_dpbusd (), which
 * adds products of four unsigned codes and four signed bytes to each lane; and i_dot_repeat4 (),
 * which takes the same four bytes from memory for every lane. */

#define Q8_BIAS     128  /* of signed codes: they are taken unsigned */
#define I_DOT_WAITS TRUE /* the sum is an operand: 4 cycles a step */

/* Stored codes of Q8_0 as the product takes them. */
static inline I
i_codes8 (I x)
{
  return x;
}

/* dot + even . a[0..3] + odd . a[4..7] in each lane; bits: of the codes. */
static inline I
i_dot (const unsigned bits, I dot, I even, I odd, I a_even, I a_odd)
{
  return i_dpbusd (i_dpbusd (dot, even, a_even), odd, a_odd);
}

/* A dot product that is added to carry begins with start and ends with finish. */
static inline I
i_dot_start (const unsigned bits, I carry)
{
  return carry;
}

static inline I
i_dot_finish (const unsigned bits, I dot, I carry)
{
  return dot;
}

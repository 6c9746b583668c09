/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Floats to f16, the same on all drivers. */

/* f16 bits of x, rounded to nearest even; packHalf2x16 may round otherwise. */
uint
half_bits (float x)
{
  uint bits = floatBitsToUint (x), sign = (bits >> 16) & 0x8000u, a = bits & 0x7fffffffu;
  uint half_value;
  if (a >= 0x47800000u)
    half_value = a > 0x7f800000u ? 0x7e00u : 0x7c00u;
  else if (a < 0x38800000u)
    half_value = floatBitsToUint (uintBitsToFloat (a) + 0.5) - 0x3f000000u;
  else
    half_value = ((a + 0xfffu + ((a >> 13) & 1u)) >> 13) - (112u << 10);
  return half_value | sign;
}

uint
half_pair (float a, float b)
{
  return half_bits (a) | half_bits (b) << 16;
}

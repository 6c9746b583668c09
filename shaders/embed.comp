/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One embedding row per token, dequantised exactly. A workgroup is a token, a lane a block of
 * 32. */
#version 460
#include "refs.glsl"
#include "weights.glsl"

layout (push_constant) uniform Push
{
  ShaderEmbedPush p;
};

void
main ()
{
  uint token = gl_WorkGroupID.x;
  uint row = p.row0 + p.tokens.v[token].id;
  for (uint b = gl_LocalInvocationID.x; b < p.blocks; b += gl_WorkGroupSize.x) {
    Block block = load_block (p.w, row, b, p.blocks, p.group);
    [[unroll]] for (uint i = 0; i < SHADER_BLOCK; i++) {
      uint k = b * SHADER_BLOCK + i;
      if (k < p.width)
        p.dst.v[token * p.width + k] = weight (block, i);
    }
  }
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pointer types that shared.h speaks of. "In" is read only. Alignment is what the host promises
 * for the start of what they point to. */
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_control_flow_attributes : require

#define POINTER(bytes) layout (buffer_reference, std430, buffer_reference_align = bytes)

POINTER (16)
readonly restrict buffer Uvec4sIn
{
  uvec4 v[];
};
POINTER (16)
restrict buffer Uvec4s
{
  uvec4 v[];
};
POINTER (16)
readonly restrict buffer UintsIn
{
  uint v[];
};
POINTER (16)
restrict buffer Uints
{
  uint v[];
};
POINTER (8)
readonly restrict buffer Vec2sIn
{
  vec2 v[];
};
POINTER (16)
readonly restrict buffer Vec4sIn
{
  vec4 v[];
};
POINTER (16)
readonly restrict buffer FloatsIn
{
  float v[];
};
POINTER (16)
restrict buffer Floats
{
  float v[];
};

layout (buffer_reference) readonly restrict buffer TokensIn;
layout (buffer_reference) readonly restrict buffer OutputsIn;
layout (buffer_reference) readonly restrict buffer RunsIn;

#include "shared.h"

POINTER (16)
readonly restrict buffer TokensIn
{
  ShaderToken v[];
};
POINTER (16)
readonly restrict buffer OutputsIn
{
  ShaderOutput v[];
};
POINTER (16)
readonly restrict buffer RunsIn
{
  ShaderRun v[];
};
POINTER (16)
readonly restrict buffer BatchIn
{
  ShaderBatch v;
};

/* Workgroup width and (where a kernel says so) height. */
layout (local_size_x_id = 0, local_size_y_id = 1) in;

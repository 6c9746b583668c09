/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How results end: the activations of feed-forward blocks, one number each, the soft cap of scores
 * and logits, and what becomes of what was there. */

/* x / 2 * (1 + erf (x / sqrt 2)), with erf by formula 7.1.26 of Abramowitz and Stegun: its error is
 * below 1.5e-7. */
float
gelu_erf (float x)
{
  float z = abs (x) * 0.707106781, t = 1.0 / (1.0 + 0.3275911 * z);
  float p = 1.421413741 + t * (-1.453152027 + t * 1.061405429);
  p = 0.254829592 + t * (-0.284496736 + t * p);
  return max (x, 0.0) - z * 0.707106781 * p * t * exp (-z * z);
}

/* The tanh form; clamped where tanh is 1 and exp would overflow. */
float
gelu (float x)
{
  float t = clamp (0.7978845608 * (x + 0.044715 * x * x * x), -15.0, 15.0);
  return x / (1.0 + exp (-2.0 * t));
}

float
activate (uint activation, float x)
{
  if (activation == SHADER_GELU_ERF)
    return gelu_erf (x);
  if (activation == SHADER_GELU)
    return gelu (x);
  return x / (1.0 + exp (-x));
}

/* limit * tanh (x / limit); clamped where tanh is 1 and exp would overflow. */
float
cap_softly (float x, float limit)
{
  return limit * (1.0 - 2.0 / (exp (2.0 * clamp (x / limit, -15.0, 15.0)) + 1.0));
}

/* act (x) * up; that of gpt-oss keeps both within bounds. */
float
gated (uint activation, float x, float up)
{
  if (activation != SHADER_OAI)
    return activate (activation, x) * up;
  float g = min (x, 7.0);
  return g / (1.0 + exp (-1.702 * g)) * (clamp (up, -7.0, 7.0) + 1.0);
}

/* What is stored of a product; old: what is there. */
float
finished (uint mode, float y, float old)
{
  if (mode >= SHADER_ACTIVATE)
    return activate (mode - SHADER_ACTIVATE, y);
  if (mode >= SHADER_GATE)
    return gated (mode - SHADER_GATE, old, y);
  return mode == SHADER_ACCUMULATE ? old + y : y;
}

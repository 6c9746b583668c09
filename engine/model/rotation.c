/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How fast each pair of a head's dimensions turns with the position, with the ways to stretch that
 * for longer contexts: linear, factors in a tensor ("llama3", "longrope"), YaRN. All of them keep
 * the angle proportional to the position, so that a table of frequencies says everything. Must not
 * know how rotations are carried out.
 * Sources: Su et al. 2021 (arXiv 2104.09864), Peng et al. 2023 (YaRN, arXiv 2309.00071), Ding et
 * al. 2024 (LongRoPE, arXiv 2402.13753); keys: the GGUF specification. */
#include "engine/model/rotation.h"

#include <math.h>
#include <string.h>

static gboolean
read_yarn (const ModelDesc *desc, RotationScaling *scaling, GError **error)
{
  float log_multiplier = 0, factor = scaling->factor;
  g_autofree char *key = model_key (desc, "rope.scaling.yarn_log_multiplier");
  double value = 0;

  scaling->yarn = TRUE;
  if (!model_read_real (desc, "rope.scaling.yarn_beta_fast", 32, 1e6, &scaling->beta_fast, error) ||
      !model_read_real (desc, "rope.scaling.yarn_beta_slow", 1, 1e6, &scaling->beta_slow, error) ||
      !model_gguf_get_f64 (desc->gguf, key, &value, NULL, error))
    return FALSE;
  log_multiplier = (float) value;
  if (factor > 1)
    scaling->magnitude *= (1 + 0.1f * logf (factor)) / (1 + 0.1f * log_multiplier * logf (factor));
  return TRUE;
}

gboolean
rotation_read_scaling (const ModelDesc *desc, RotationScaling *scaling, GError **error)
{
  g_autofree char *type_key = model_key (desc, "rope.scaling.type");
  g_autofree char *legacy_key = model_key (desc, "rope.scale_linear");
  const char *type = model_gguf_get_string (desc->gguf, type_key);
  double legacy = 1;

  *scaling = (RotationScaling) { .magnitude = 1 };
  if (type == NULL)
    type = "linear";
  if (!model_gguf_get_f64 (desc->gguf, legacy_key, &legacy, NULL, error) ||
      !model_read_real (desc, "rope.scaling.factor", legacy > 0 ? legacy : 1, 1e6,
                        &scaling->factor, error) ||
      !model_read_count (desc, "rope.scaling.original_context_length", desc->h.context_tokens,
                         MODEL_MAX_CONTEXT, &scaling->original_tokens, error) ||
      !model_read_real (desc, "rope.scaling.attn_factor", 1, 1e6, &scaling->magnitude, error))
    return FALSE;
  if (strcmp (type, "yarn") == 0)
    return read_yarn (desc, scaling, error);
  if ((strcmp (type, "llama3") == 0 &&
       model_gguf_find_tensor (desc->gguf, "rope_freqs.weight") == NULL) ||
      (strcmp (type, "longrope") == 0 &&
       model_gguf_find_tensor (desc->gguf, "rope_factors_long.weight") == NULL))
    return model_gguf_refuse (desc->gguf, ENGINE_ERROR_BAD_FILE, error,
                              "scales positions by the method “%s” and lacks its factors", type);
  /* The factors of these two stand in tensors. */
  if (strcmp (type, "none") == 0 || strcmp (type, "llama3") == 0 || strcmp (type, "longrope") == 0)
    scaling->factor = 1;
  else if (strcmp (type, "linear") != 0)
    return model_gguf_refuse (
        desc->gguf, ENGINE_ERROR_UNSUPPORTED, error,
        "scales positions by the method “%.40s”, which this version cannot run", type);
  return TRUE;
}

/* The pair whose wave turns so many times within the original context. */
static double
pair_of_turns (uint32_t d_rope, double base, const RotationScaling *scaling, double turns)
{
  return d_rope * log (scaling->original_tokens / (turns * 2 * G_PI)) / (2 * log (base));
}

/* 1 for pairs that turn fast and keep their speed, 0 for slow ones that are stretched. */
static double
keep (uint32_t i, double low, double high)
{
  double at = (i - low) / MAX (high - low, 0.001);

  return 1 - CLAMP (at, 0, 1);
}

ModelRotation
rotation_new (uint32_t d_rope, double base, const RotationScaling *scaling, const float *factors)
{
  ModelRotation rotation = { d_rope, scaling->magnitude, g_new0 (float, d_rope / 2 + 1) };
  double low = 0, high = 0;

  if (scaling->yarn) {
    low = MAX (floor (pair_of_turns (d_rope, base, scaling, (double) scaling->beta_fast)), 0);
    high = MIN (ceil (pair_of_turns (d_rope, base, scaling, (double) scaling->beta_slow)),
                d_rope - 1.0);
  }
  for (uint32_t i = 0; i < d_rope / 2; i++) {
    double own = pow (base, -2.0 * i / d_rope) / (factors != NULL ? (double) factors[i] : 1.0);
    double stretched = own / (double) scaling->factor;
    double part = scaling->yarn ? keep (i, low, high) : 0;

    rotation.frequency[i] = (float) (stretched * (1 - part) + own * part);
  }
  return rotation;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of number formats share: how a block's function is written and named. Nothing
 * outside engine/model/quant*.c includes this. */
#pragma once

#include "engine/model/quant.h"

#include <string.h>

/* Rows in files may begin at any byte: blocks are copied out before their fields are read. */
#define COPY_BLOCK(type, block, src) \
  type block;                        \
  memcpy (&block, src, sizeof block)
/* Block i of several. */
#define COPY_NTH(type, block, src, i) \
  COPY_BLOCK (type, block, (const char *) (src) + (i) * sizeof (type))

/* One function per format, named for its row in the table of quant.c. n is 1 where a block is of
 * 256 weights. */
void model_q4_0_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_q4_1_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_q5_0_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_q5_1_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_q8_0_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_q2_k_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_q3_k_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_q4_k_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_q5_k_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_q6_k_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_iq4_nl_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_iq4_xs_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_mxfp4_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_nvfp4_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_iq2_xxs_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_iq2_xs_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_iq2_s_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_iq3_xxs_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_iq3_s_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_iq1_s_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_iq1_m_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_tq1_0_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_tq2_0_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_q1_0_expand (const void *blocks, unsigned n, ModelCodes *out);
void model_q2_0_expand (const void *blocks, unsigned n, ModelCodes *out);

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Number formats, bit by bit, against vectors of an independent implementation
 * (make-vectors.py). */
#include "engine/model/quant.h"

#include <math.h>
#include <string.h>

static const char *vectors_path;

static guint8 *
bytes_of_hex (const char *hex, size_t *n)
{
  guint8 *bytes;

  *n = strlen (hex) / 2;
  bytes = g_malloc (*n + 1);
  for (size_t i = 0; i < *n; i++)
    bytes[i] = (guint8) (g_ascii_xdigit_value (hex[2 * i]) << 4 |
                         g_ascii_xdigit_value (hex[2 * i + 1]));
  return bytes;
}

static const ModelTypeInfo *
type_of_name (const char *name)
{
  for (uint32_t id = 0; id < 64; id++)
    if (g_strcmp0 (model_type_name (id), name) == 0)
      return model_type_info (id);
  return NULL;
}

/* Equal bits, or both no number: payloads of NaNs are nobody's business. */
static gboolean
same_bits (float a, float b)
{
  return memcmp (&a, &b, sizeof a) == 0 || (isnan (a) && isnan (b));
}

static void
check_f32_to_f16 (const guint8 *in, const guint8 *out)
{
  float f;
  uint16_t expected, got;

  memcpy (&f, in, sizeof f);
  memcpy (&expected, out, sizeof expected);
  got = model_f32_to_f16 (f);
  if (isnan (f))
    g_assert_true (isnan (model_f16_to_f32 (got)));
  else
    g_assert_cmphex (got, ==, expected);
}

static void
check_block (const char *name, const guint8 *block, size_t n_block, const guint8 *weights,
             size_t n_weights)
{
  const ModelTypeInfo *type = type_of_name (name);
  float got[256], expected[256];
  char shifted[256];

  g_assert_nonnull (type);
  g_assert_cmpuint (n_block, ==, type->block_bytes);
  g_assert_cmpuint (n_weights, ==, type->block_weights * sizeof (float));
  g_assert_cmpuint (n_weights, <=, sizeof expected);
  memcpy (expected, weights, n_weights);
  memcpy (shifted + 1, block, n_block); /* blocks may begin at any byte */
  type->to_f32 (shifted + 1, got, type->block_weights);
  for (uint32_t i = 0; i < type->block_weights; i++)
    if (!same_bits (got[i], expected[i]))
      g_error ("%s: weight %u is %a, not %a", name, i, (double) got[i], (double) expected[i]);
}

/* The pseudo-random blocks of make-vectors.py. */
static void
check_hash (const char *name, const char *sha256, size_t n)
{
  static const struct {
    const char *name;
    unsigned at[2];
  } scales[] = {
    { "Q2_K", { 80, 82 } },
    { "Q3_K", { 108 } },
    { "Q6_K", { 208 } },
    { "IQ1_M", { 54 } },
    { "TQ1_0", { 52 } },
    { "TQ2_0", { 64 } },
    { "Q4_1", { 0, 2 } },
    { "Q5_1", { 0, 2 } },
    { "Q4_K", { 0, 2 } },
    { "Q5_K", { 0, 2 } },
  };
  const ModelTypeInfo *type = type_of_name (name);
  g_autofree guint8 *blocks = g_malloc (n * type->block_bytes);
  g_autofree float *weights = g_new (float, n * type->block_weights);
  g_autofree char *got = NULL;
  unsigned at[2] = { 0, 0 };
  uint32_t state = 1;

  for (size_t i = 0; i < n * type->block_bytes; i++) {
    state = state * 1664525 + 1013904223;
    blocks[i] = (guint8) (state >> 24);
  }
  for (size_t i = 0; i < G_N_ELEMENTS (scales); i++)
    if (strcmp (name, scales[i].name) == 0) {
      at[0] = scales[i].at[0];
      at[1] = scales[i].at[1];
    }
  for (size_t i = 0; i < n && strstr (name, "FP4") == NULL; i++)
    for (unsigned j = 0; j < 2; j++)
      if (j == 0 || at[j] > 0)
        blocks[i * type->block_bytes + at[j] + 1] &= 0xbf;
  type->to_f32 (blocks, weights, n * type->block_weights);
  got = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) weights,
                                     n * type->block_weights * sizeof *weights);
  g_test_message ("%s", name);
  g_assert_cmpstr (got, ==, sha256);
}

static void
test_vectors (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  unsigned n = 0;

  g_assert_true (g_file_get_contents (vectors_path, &text, NULL, NULL));
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL && **line != '\0'; line++, n++) {
    g_auto (GStrv) words = g_strsplit (*line, " ", 4);
    size_t n_in, n_out;
    g_autofree guint8 *in = NULL, *out = NULL;

    if (strcmp (words[0], "HASH") == 0) {
      check_hash (words[1], words[3], (size_t) g_ascii_strtoull (words[2], NULL, 10));
      continue;
    }
    in = bytes_of_hex (words[1], &n_in);
    out = bytes_of_hex (words[2], &n_out);
    if (strcmp (words[0], "F32_TO_F16") == 0)
      check_f32_to_f16 (in, out);
    else
      check_block (words[0], in, n_in, out, n_out);
  }
  g_assert_cmpuint (n, >, 1000);
}

/* Every f16 goes to f32 and back. */
static void
test_all_halves (void)
{
  for (uint32_t h = 0; h < 0x10000; h++) {
    float f = model_f16_to_f32 ((uint16_t) h);

    if (isnan (f))
      g_assert_true (isnan (model_f16_to_f32 (model_f32_to_f16 (f))));
    else
      g_assert_cmphex (model_f32_to_f16 (f), ==, h);
  }
}

/* Two floats round to the nearest half, whatever their bits: the distance says which is right. */
static void
test_rounding (void)
{
  for (uint32_t h = 0; h < 0x7bff; h++) {
    double low = (double) model_f16_to_f32 ((uint16_t) h);
    double high = (double) model_f16_to_f32 ((uint16_t) (h + 1));
    float middle = (float) ((low + high) / 2);
    uint32_t even = h & 1 ? h + 1 : h;

    g_assert_cmphex (model_f32_to_f16 (middle), ==, even);
    g_assert_cmphex (model_f32_to_f16 (nextafterf (middle, 1e30f)), ==, h + 1);
    g_assert_cmphex (model_f32_to_f16 (nextafterf (middle, -1)), ==, h);
  }
}

static void
test_table (void)
{
  static const char *const others[] = { "Q8_1", "Q8_K", "I8", "I16", "I32", "I64", "F64" };
  unsigned n = 0, n_others = 0;

  for (uint32_t id = 0; id < 256; id++) {
    const ModelTypeInfo *info = model_type_known (id);

    g_assert_true ((info != NULL) == (model_type_name (id) != NULL));
    if (info == NULL)
      continue;
    g_assert_cmpuint (info->id, ==, id);
    g_assert_cmpuint (info->block_weights, >, 0);
    n += model_type_info (id) != NULL;
    if (model_type_info (id) == NULL)
      g_assert_cmpstr (info->name, ==, others[n_others++]);
  }
  g_assert_cmpuint (n, ==, 28);
  g_assert_cmpuint (n_others, ==, G_N_ELEMENTS (others));
  g_assert_null (model_type_name (4)); /* withdrawn */
  g_assert_cmpuint (model_type_row_bytes (model_type_info (MODEL_TYPE_Q4_K), 512), ==, 288);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  vectors_path = argv[1];
  g_test_add_func ("/model/quant/vectors", test_vectors);
  g_test_add_func ("/model/quant/all-halves", test_all_halves);
  g_test_add_func ("/model/quant/rounding", test_rounding);
  g_test_add_func ("/model/quant/table", test_table);
  return g_test_run ();
}

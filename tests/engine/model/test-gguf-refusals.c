/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One file for each lie that a GGUF header can tell; among them those that broke other loaders
 * (research: sizes that wrap, counts without bytes, types without end). Each must be refused
 * with its sentence, within a few MiB. */
#include "engine/error.h"
#include "engine/model/gguf.h"
#include "tests/engine/make-gguf.h"
#include "tests/engine/model/memory-limit.h"

#include <glib/gstdio.h>
#include <string.h>

/* A header written field by field. */
static void
u32 (GByteArray *b, uint32_t value)
{
  g_byte_array_append (b, (const guint8 *) &value, sizeof value);
}

static void
u64 (GByteArray *b, uint64_t value)
{
  g_byte_array_append (b, (const guint8 *) &value, sizeof value);
}

static void
bytes (GByteArray *b, const char *data, size_t n)
{
  g_byte_array_append (b, (const guint8 *) data, (guint) n);
}

static void
text (GByteArray *b, const char *string)
{
  u64 (b, strlen (string));
  bytes (b, string, strlen (string));
}

static void
header (GByteArray *b, uint64_t n_tensors, uint64_t n_values)
{
  bytes (b, "GGUF", 4);
  u32 (b, 3);
  u64 (b, n_tensors);
  u64 (b, n_values);
}

static void
tensor (GByteArray *b, const char *name, uint32_t n_dims, const uint64_t *ne, uint32_t type,
        uint64_t offset)
{
  text (b, name);
  u32 (b, n_dims);
  for (uint32_t i = 0; i < n_dims; i++)
    u64 (b, ne[i]);
  u32 (b, type);
  u64 (b, offset);
}

/* A file with one tensor of up to four dimensions and 1 KiB of data. */
static void
one_tensor (GByteArray *b, uint32_t n_dims, uint64_t ne0, uint64_t ne1, uint64_t ne2, uint64_t ne3,
            uint32_t type, uint64_t offset)
{
  const uint64_t ne[] = { ne0, ne1, ne2, ne3, 1 };

  header (b, 1, 0);
  tensor (b, "t", n_dims, ne, type, offset);
  g_byte_array_set_size (b, b->len + 1024);
}

static void
two_tensors (GByteArray *b, const char *first, const char *second, uint64_t offset)
{
  const uint64_t ne[] = { 16 };

  header (b, 2, 0);
  tensor (b, first, 1, ne, MODEL_TYPE_F32, 0);
  tensor (b, second, 1, ne, MODEL_TYPE_F32, offset);
  g_byte_array_set_size (b, b->len + 1024);
}

/* What a case must be refused with. */
typedef struct {
  const char *says; /* part of the sentence */
  int code;
} Expected;

#define BAD         ENGINE_ERROR_BAD_FILE
#define UNSUPPORTED ENGINE_ERROR_UNSUPPORTED

/* Bytes of a file that need no arithmetic. */
typedef struct {
  const char *bytes;
  size_t n;
  const char *says;
  int code;
} Literal;

#define LITERAL(bytes, says, code) { bytes, sizeof (bytes) - 1, says, code }

static const Literal headers[] = {
  LITERAL ("", "cut off", BAD),
  LITERAL ("GGU", "cut off", BAD),
  LITERAL ("PK\3\4............................", "no GGUF", BAD),
  LITERAL ("GGUF\1\0\0\0................", "version 1;", UNSUPPORTED),
  LITERAL ("GGUF\4\0\0\0................", "version 4;", UNSUPPORTED),
  LITERAL ("GGUF\0\0\0\3................", "big-endian", UNSUPPORTED),
  LITERAL ("GGUF\3\0\0\0\0\0\0\0", "cut off", BAD),
  LITERAL ("GGUF\3\0\0\0\377\377\377\377\377\377\377\377\0\0\0\0\0\0\0\0", "tensors", BAD),
  LITERAL ("GGUF\3\0\0\0\350\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "1000 tensors", BAD),
  LITERAL ("GGUF\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\40", "metadata entries", BAD),
  LITERAL ("GGUF\3\0\0\0\0\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0", "5 metadata entries", BAD),
};

/* What follows a header that announces one entry: a key, a type and a value. */
#define KEY       "\1\0\0\0\0\0\0\0k"
#define ALIGNMENT "\21\0\0\0\0\0\0\0general.alignment\4\0\0\0"
#define ARRAY     KEY "\11\0\0\0"
#define REST      "............"

static const Literal values[] = {
  /* a length that is negative as a signed number */
  LITERAL ("\377\377\377\377\377\377\377\377" REST, "a key of 18446744073709551615 bytes", BAD),
  LITERAL ("\350\3\0\0\0\0\0\0" REST, "a key of 1000 bytes does not fit", BAD),
  LITERAL ("\0\0\0\0\0\0\0\0" REST, "a key is empty", BAD),
  LITERAL ("\2\0\0\0\0\0\0\0\377\376" REST, "no valid text", BAD),
  LITERAL (KEY "\15\0\0\0" REST, "unknown type 13", BAD),
  LITERAL (KEY "\10\0\0\0\0\0\0\0\0\1\0\0" REST, "a text of 1099511627776 bytes", BAD),
  LITERAL (KEY "\10\0\0\0\3\0\0\0\0\0\0\0a\0b", "NUL", BAD),
  LITERAL (KEY "\7\0\0\0\2", "neither true nor false", BAD),
  LITERAL (ARRAY "\11\0\0\0\1\0\0\0\0\0\0\0" REST, "array of arrays", UNSUPPORTED),
  LITERAL (ARRAY "\143\0\0\0\1\0\0\0\0\0\0\0" REST, "unknown type 99", BAD),
  /* times eight bytes it wraps to nothing */
  LITERAL (ARRAY "\12\0\0\0\0\0\0\0\0\0\0\40" REST, "claims 2305843009213693952 elements", BAD),
  LITERAL (ARRAY "\10\0\0\0\144\0\0\0\0\0\0\0" REST, "claims 100 elements", BAD),
  LITERAL (ARRAY "\10\0\0\0\1\0\0\0\0\0\0\0\0\0\20\0\0\0\0\0", "string 0 of an array", BAD),
  LITERAL (ALIGNMENT "\0\0\0\0", "alignment of 0 bytes", BAD),
  LITERAL (ALIGNMENT "\4\0\0\0", "alignment of 4 bytes", BAD),
  LITERAL (ALIGNMENT "\60\0\0\0", "alignment of 48 bytes", BAD),
  LITERAL (ALIGNMENT "\0\0\40\0", "alignment of 2097152 bytes", BAD),
};

static gboolean
build_header_case (int i, GByteArray *b, Expected *e)
{
  if (i >= (int) G_N_ELEMENTS (headers))
    return FALSE;
  bytes (b, headers[i].bytes, headers[i].n);
  *e = (Expected) { headers[i].says, headers[i].code };
  return TRUE;
}

static gboolean
build_value_case (int i, GByteArray *b, Expected *e)
{
  if (i >= (int) G_N_ELEMENTS (values))
    return FALSE;
  header (b, 0, 1);
  bytes (b, values[i].bytes, values[i].n);
  *e = (Expected) { values[i].says, values[i].code };
  return TRUE;
}

static gboolean
build_tensor_case (int i, GByteArray *b, Expected *e)
{
  static const struct {
    uint32_t n_dims;
    uint64_t ne[4];
    uint32_t type;
    uint64_t offset;
    const char *says;
    int code;
  } cases[] = {
    { 0, { 0 }, 0, 0, "0 dimensions", BAD },
    { 5, { 1, 1, 1, 1 }, 0, 0, "5 dimensions", BAD },
    { 2, { 16, 0 }, 0, 0, "dimension 1 of the tensor “t” is 0", BAD },
    { 1, { UINT64_MAX }, 0, 0, "dimension 0", BAD },
    { 1, { UINT64_C (1) << 62 }, 0, 0, "dimension 0", BAD },
    /* products that wrap, or do so times the size of an element */
    { 4, { 1u << 31, 1u << 31, 4, 1 }, 0, 0, "larger than the file", BAD },
    { 4,
      { 1u << 31, 1u << 31, 1u << 31, 1u << 31 },
      24,
      0,
      "larger than the file",
      ENGINE_ERROR_BAD_FILE },
    { 3, { 1u << 31, 1u << 30, 2 }, 0, 0, "larger than the file", BAD },
    { 2, { 256, 1u << 30 }, MODEL_TYPE_Q6_K, 0, "larger than the file", BAD },
    { 1, { 33 }, MODEL_TYPE_Q4_0, 0, "no multiple of the 32 of Q4_0", BAD },
    { 1, { 32 }, 4, 0, "id 4", UNSUPPORTED },
    { 1, { 32 }, 0xffffffff, 0, "id 4294967295", UNSUPPORTED },
    { 1, { 16 }, 0, 16, "multiple of 32 bytes", BAD },
    { 1, { 16 }, 0, 4096, "ends after the file", BAD },
    { 1, { 16 }, 0, UINT64_MAX - 31, "ends after the file", BAD },
    { 1, { 255 }, 0, 64, "ends after the file", BAD },
  };

  if (i >= (int) G_N_ELEMENTS (cases))
    return FALSE;
  one_tensor (b, cases[i].n_dims, cases[i].ne[0], cases[i].ne[1], cases[i].ne[2], cases[i].ne[3],
              cases[i].type, cases[i].offset);
  *e = (Expected) { cases[i].says, cases[i].code };
  return TRUE;
}

static gboolean
build_pair_case (int i, GByteArray *b, Expected *e)
{
  static const char longest[] = "0123456789012345678901234567890123456789012345678901234567890123";
  static const struct {
    const char *first, *second;
    uint64_t offset; /* of the second; the first takes 64 bytes from 0 on */
    const char *says;
  } cases[] = {
    { "same", "same", 64, "“same” is there twice" },
    { "one", "two", 32, "overlap" },
    { "one", "two", 0, "overlap" },
    { "one", longest, 64, "name of 64 bytes" },
  };

  if (i >= (int) G_N_ELEMENTS (cases))
    return FALSE;
  two_tensors (b, cases[i].first, cases[i].second, cases[i].offset);
  *e = (Expected) { cases[i].says, BAD };
  return TRUE;
}

static gboolean
build_key_case (int i, GByteArray *b, Expected *e)
{
  static const char *const keys[][2] = { { "key", "key" }, { "general.alignment", "x" } };
  static const char *const says[] = { "“key” is there twice", "not a whole number" };

  if (i >= (int) G_N_ELEMENTS (keys))
    return FALSE;
  header (b, 0, 2);
  for (int k = 0; k < 2; k++) {
    text (b, keys[i][k]);
    u32 (b, MODEL_VALUE_STRING);
    text (b, "32");
  }
  *e = (Expected) { says[i], BAD };
  return TRUE;
}

static void
run_cases (gboolean (*build) (int, GByteArray *, Expected *))
{
  g_autofree char *path = NULL;
  int n = 0;

  g_close (g_file_open_tmp ("bottega-refused-XXXXXX", &path, NULL), NULL);
  for (;; n++) {
    g_autoptr (GByteArray) b = g_byte_array_new ();
    g_autoptr (GError) error = NULL;
    g_autofree char *name = g_path_get_basename (path);
    Expected expected;

    if (!build (n, b, &expected))
      break;
    test_write_file (path, b);
    g_assert_null (model_gguf_open (path, &error));
    g_test_message ("%s", error->message);
    g_assert_error (error, ENGINE_ERROR, expected.code);
    g_assert_nonnull (strstr (error->message, expected.says));
    g_assert_nonnull (strstr (error->message, name));
    g_assert_true (g_str_has_suffix (error->message, "."));
  }
  g_assert_cmpint (n, >, 1);
  g_remove (path);
}

static void
test_header (void)
{
  run_cases (build_header_case);
}

static void
test_values (void)
{
  run_cases (build_value_case);
}

static void
test_keys (void)
{
  run_cases (build_key_case);
}

static void
test_tensor (void)
{
  run_cases (build_tensor_case);
}

static void
test_pairs (void)
{
  run_cases (build_pair_case);
}

/* Gaps between tensors and an order of their own are no lie. */
static void
test_gaps (void)
{
  g_autofree char *path = NULL;
  g_autoptr (GByteArray) b = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (ModelGguf) gguf = NULL;
  const uint64_t ne[] = { 16 };

  header (b, 2, 0);
  tensor (b, "late", 1, ne, MODEL_TYPE_F32, 512);
  tensor (b, "early", 1, ne, MODEL_TYPE_F32, 32);
  g_byte_array_set_size (b, b->len + 1024);
  g_close (g_file_open_tmp ("bottega-gaps-XXXXXX", &path, NULL), NULL);
  test_write_file (path, b);
  gguf = model_gguf_open (path, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (model_gguf_find_tensor (gguf, "late")->offset -
                        model_gguf_find_tensor (gguf, "early")->offset,
                    ==, 480);
  g_remove (path);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_limit_memory (16 << 20);
  g_test_add_func ("/model/gguf-refusals/header", test_header);
  g_test_add_func ("/model/gguf-refusals/values", test_values);
  g_test_add_func ("/model/gguf-refusals/keys", test_keys);
  g_test_add_func ("/model/gguf-refusals/tensor", test_tensor);
  g_test_add_func ("/model/gguf-refusals/pairs", test_pairs);
  g_test_add_func ("/model/gguf-refusals/gaps", test_gaps);
  return g_test_run ();
}

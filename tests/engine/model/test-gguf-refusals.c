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

/* One metadata entry of the key "k" and this type; its value follows. */
static void
one_value (GByteArray *b, uint32_t type)
{
  header (b, 0, 1);
  text (b, "k");
  u32 (b, type);
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

static void
alignment (GByteArray *b, uint32_t type, uint32_t value)
{
  header (b, 0, 1);
  text (b, "general.alignment");
  u32 (b, type);
  u32 (b, value);
  u32 (b, 0);
}

/* The case by number; FALSE after the last. */
typedef struct {
  const char *says; /* part of the sentence */
  int code;
} Expected;

#define BAD(says_)         ((Expected) { says_, ENGINE_ERROR_BAD_FILE })
#define UNSUPPORTED(says_) ((Expected) { says_, ENGINE_ERROR_UNSUPPORTED })

static gboolean
build_header_case (int i, GByteArray *b, Expected *e)
{
  switch (i) {
  case 0:
    *e = BAD ("cut off");
    break;
  case 1:
    bytes (b, "GGU", 3);
    *e = BAD ("cut off");
    break;
  case 2:
    bytes (b, "PK\3\4............................", 32);
    *e = BAD ("no GGUF");
    break;
  case 3:
    bytes (b, "GGUF\1\0\0\0................", 24);
    *e = UNSUPPORTED ("version 1;");
    break;
  case 4:
    bytes (b, "GGUF\4\0\0\0................", 24);
    *e = UNSUPPORTED ("version 4;");
    break;
  case 5:
    bytes (b, "GGUF\0\0\0\3................", 24);
    *e = UNSUPPORTED ("big-endian");
    break;
  case 6:
    header (b, UINT64_MAX, 0);
    *e = BAD ("tensors");
    break;
  case 7:
    header (b, 1000, 0);
    *e = BAD ("1000 tensors");
    break;
  case 8:
    header (b, 0, UINT64_C (1) << 61);
    *e = BAD ("metadata entries");
    break;
  case 9:
    header (b, 0, 5);
    *e = BAD ("5 metadata entries");
    break;
  case 10:
    bytes (b, "GGUF\3\0\0\0\0\0\0\0", 12);
    *e = BAD ("cut off");
    break;
  default:
    return FALSE;
  }
  return TRUE;
}

static gboolean
build_value_case (int i, GByteArray *b, Expected *e)
{
  switch (i) {
  case 0: /* a length that is negative as a signed number */
    header (b, 0, 1);
    u64 (b, UINT64_MAX);
    bytes (b, "aaaaaaaaaaaa", 12);
    *e = BAD ("a key of 18446744073709551615 bytes");
    break;
  case 1:
    header (b, 0, 1);
    u64 (b, 1000);
    bytes (b, "aaaaaaaaaaaa", 12);
    *e = BAD ("a key of 1000 bytes does not fit");
    break;
  case 2:
    header (b, 0, 1);
    text (b, "");
    bytes (b, "aaaaaaaaaaaa", 12);
    *e = BAD ("a key is empty");
    break;
  case 3:
    header (b, 0, 1);
    text (b, "\377\376");
    bytes (b, "aaaaaaaaaaaa", 12);
    *e = BAD ("no valid text");
    break;
  case 4:
    one_value (b, 13);
    u64 (b, 0);
    *e = BAD ("unknown type 13");
    break;
  case 5:
    one_value (b, MODEL_VALUE_STRING);
    u64 (b, UINT64_C (1) << 40);
    *e = BAD ("a text of 1099511627776 bytes");
    break;
  case 6:
    one_value (b, MODEL_VALUE_STRING);
    u64 (b, 3);
    bytes (b, "a\0b", 3);
    *e = BAD ("NUL");
    break;
  case 7:
    one_value (b, MODEL_VALUE_BOOL);
    bytes (b, "\2", 1);
    *e = BAD ("neither true nor false");
    break;
  case 8:
    one_value (b, MODEL_VALUE_ARRAY);
    u32 (b, MODEL_VALUE_ARRAY);
    u64 (b, 1);
    *e = UNSUPPORTED ("array of arrays");
    break;
  case 9:
    one_value (b, MODEL_VALUE_ARRAY);
    u32 (b, 99);
    u64 (b, 1);
    *e = BAD ("unknown type 99");
    break;
  case 10: /* times eight bytes it wraps to nothing */
    one_value (b, MODEL_VALUE_ARRAY);
    u32 (b, MODEL_VALUE_U64);
    u64 (b, UINT64_C (1) << 61);
    *e = BAD ("claims 2305843009213693952 elements");
    break;
  case 11:
    one_value (b, MODEL_VALUE_ARRAY);
    u32 (b, MODEL_VALUE_STRING);
    u64 (b, 100);
    bytes (b, "aaaaaaaaaaaa", 12);
    *e = BAD ("claims 100 elements");
    break;
  case 12:
    one_value (b, MODEL_VALUE_ARRAY);
    u32 (b, MODEL_VALUE_STRING);
    u64 (b, 1);
    u64 (b, 1 << 20);
    *e = BAD ("string 0 of an array has 1048576 bytes");
    break;
  case 13:
    header (b, 0, 2);
    for (int twice = 0; twice < 2; twice++) {
      text (b, "key");
      u32 (b, MODEL_VALUE_U32);
      u32 (b, 1);
    }
    *e = BAD ("“key” is there twice");
    break;
  case 14:
    alignment (b, MODEL_VALUE_U32, 0);
    *e = BAD ("alignment of 0");
    break;
  case 15:
    alignment (b, MODEL_VALUE_U32, 48);
    *e = BAD ("alignment of 48");
    break;
  case 16:
    alignment (b, MODEL_VALUE_U32, 1 << 21);
    *e = BAD ("alignment of 2097152");
    break;
  case 17:
    alignment (b, MODEL_VALUE_U32, 4);
    *e = BAD ("alignment of 4");
    break;
  case 18:
    alignment (b, MODEL_VALUE_STRING, 0);
    *e = BAD ("not a whole number");
    break;
  default:
    return FALSE;
  }
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
    { 0, { 0 }, 0, 0, "0 dimensions", ENGINE_ERROR_BAD_FILE },
    { 5, { 1, 1, 1, 1 }, 0, 0, "5 dimensions", ENGINE_ERROR_BAD_FILE },
    { 2, { 16, 0 }, 0, 0, "dimension 1 of the tensor “t” is 0", ENGINE_ERROR_BAD_FILE },
    { 1, { UINT64_MAX }, 0, 0, "dimension 0", ENGINE_ERROR_BAD_FILE },
    { 1, { UINT64_C (1) << 62 }, 0, 0, "dimension 0", ENGINE_ERROR_BAD_FILE },
    /* products that wrap, or do so times the size of an element */
    { 4, { 1u << 31, 1u << 31, 4, 1 }, 0, 0, "larger than the file", ENGINE_ERROR_BAD_FILE },
    { 4,
      { 1u << 31, 1u << 31, 1u << 31, 1u << 31 },
      24,
      0,
      "larger than the file",
      ENGINE_ERROR_BAD_FILE },
    { 3, { 1u << 31, 1u << 30, 2 }, 0, 0, "larger than the file", ENGINE_ERROR_BAD_FILE },
    { 2, { 256, 1u << 30 }, MODEL_TYPE_Q6_K, 0, "larger than the file", ENGINE_ERROR_BAD_FILE },
    { 1, { 33 }, MODEL_TYPE_Q4_0, 0, "no multiple of the 32 of Q4_0", ENGINE_ERROR_BAD_FILE },
    { 1, { 32 }, 4, 0, "id 4", ENGINE_ERROR_UNSUPPORTED },
    { 1, { 32 }, 0xffffffff, 0, "id 4294967295", ENGINE_ERROR_UNSUPPORTED },
    { 1, { 16 }, 0, 16, "multiple of 32 bytes", ENGINE_ERROR_BAD_FILE },
    { 1, { 16 }, 0, 4096, "ends after the file", ENGINE_ERROR_BAD_FILE },
    { 1, { 16 }, 0, UINT64_MAX - 31, "ends after the file", ENGINE_ERROR_BAD_FILE },
    { 1, { 255 }, 0, 64, "ends after the file", ENGINE_ERROR_BAD_FILE },
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
  switch (i) {
  case 0:
    two_tensors (b, "same", "same", 64);
    *e = BAD ("“same” is there twice");
    break;
  case 1:
    two_tensors (b, "one", "two", 32);
    *e = BAD ("overlap");
    break;
  case 2:
    two_tensors (b, "one", "two", 0);
    *e = BAD ("overlap");
    break;
  case 3:
    two_tensors (b, "one", "0123456789012345678901234567890123456789012345678901234567890123", 64);
    *e = BAD ("name of 64 bytes");
    break;
  default:
    return FALSE;
  }
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
  g_assert_cmpint (n, >, 3);
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
  g_test_add_func ("/model/gguf-refusals/tensor", test_tensor);
  g_test_add_func ("/model/gguf-refusals/pairs", test_pairs);
  g_test_add_func ("/model/gguf-refusals/gaps", test_gaps);
  return g_test_run ();
}

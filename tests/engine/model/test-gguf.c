/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The GGUF reader on sound files: every kind of value, look-ups, conversions, reading data. What it
 * refuses, test-gguf-refusals and test-gguf-mutations try. */
#include "engine/model/gguf.h"

#include "engine/error.h"
#include "tests/engine/make-gguf.h"

#include <glib/gstdio.h>
#include <string.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static char *
temporary (void)
{
  char *path = NULL;
  g_autoptr (GError) error = NULL;

  g_close (g_file_open_tmp ("bottega-gguf-XXXXXX", &path, &error), NULL);
  g_assert_no_error (error);
  return path;
}

static ModelGguf *
open_written (const TestGguf *gguf, uint32_t alignment, char **path)
{
  g_autoptr (GByteArray) bytes = test_gguf_bytes (gguf, alignment, NULL);
  g_autoptr (GError) error = NULL;
  ModelGguf *opened;

  *path = temporary ();
  test_write_file (*path, bytes);
  opened = model_gguf_open (*path, &error);
  g_assert_no_error (error);
  return opened;
}

static void
add_numbers (TestGguf *gguf)
{
  static const uint8_t u8 = 200, yes = 1;
  static const int8_t i8 = -100;
  static const uint16_t u16 = 60000;
  static const int16_t i16 = -30000;
  static const int32_t i32 = -2000000000, positive = 7;
  static const uint64_t u64 = UINT64_C (0xfedcba9876543210);
  static const int64_t i64 = INT64_C (-0x123456789abcdef);
  static const float f32 = 0.1f, infinite = INFINITY;
  static const double f64 = 0.1;

  test_gguf_add_raw (gguf, "u8", MODEL_VALUE_U8, &u8, 1);
  test_gguf_add_raw (gguf, "i8", MODEL_VALUE_I8, &i8, 1);
  test_gguf_add_raw (gguf, "u16", MODEL_VALUE_U16, &u16, 2);
  test_gguf_add_raw (gguf, "i16", MODEL_VALUE_I16, &i16, 2);
  test_gguf_add_u32 (gguf, "u32", 4000000000);
  test_gguf_add_raw (gguf, "i32", MODEL_VALUE_I32, &i32, 4);
  test_gguf_add_raw (gguf, "positive", MODEL_VALUE_I32, &positive, 4);
  test_gguf_add_raw (gguf, "u64", MODEL_VALUE_U64, &u64, 8);
  test_gguf_add_raw (gguf, "i64", MODEL_VALUE_I64, &i64, 8);
  test_gguf_add_raw (gguf, "f32", MODEL_VALUE_F32, &f32, 4);
  test_gguf_add_raw (gguf, "infinite", MODEL_VALUE_F32, &infinite, 4);
  test_gguf_add_raw (gguf, "f64", MODEL_VALUE_F64, &f64, 8);
  test_gguf_add_raw (gguf, "yes", MODEL_VALUE_BOOL, &yes, 1);
}

static void
test_integers (void)
{
  g_autoptr (TestGguf) written = test_gguf_new (3);
  g_autofree char *path = NULL;
  g_autoptr (ModelGguf) gguf = NULL;
  static const struct {
    const char *key;
    gboolean ok;
    uint64_t value;
  } cases[] = {
    { "u8", TRUE, 200 },
    { "u16", TRUE, 60000 },
    { "u32", TRUE, 4000000000 },
    { "u64", TRUE, UINT64_C (0xfedcba9876543210) },
    { "positive", TRUE, 7 },
    { "i8", FALSE, 0 },
    { "i16", FALSE, 0 },
    { "i32", FALSE, 0 },
    { "i64", FALSE, 0 },
    { "f32", FALSE, 0 },
    { "yes", FALSE, 0 },
  };

  add_numbers (written);
  gguf = open_written (written, 32, &path);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    uint64_t value = 0;
    gboolean found = FALSE;

    g_assert_cmpint (model_gguf_get_u64 (gguf, cases[i].key, &value, &found, &error), ==,
                     cases[i].ok);
    g_assert_true (found);
    g_assert_cmpuint (value, ==, cases[i].value);
    if (!cases[i].ok)
      g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_BAD_FILE);
  }
  g_remove (path);
}

static void
test_reals_and_bools (void)
{
  g_autoptr (TestGguf) written = test_gguf_new (2);
  g_autofree char *path = NULL;
  g_autoptr (ModelGguf) gguf = NULL;
  double real = 5;
  gboolean flag = FALSE, found = TRUE;

  add_numbers (written);
  gguf = open_written (written, 32, &path);
  g_assert_true (model_gguf_get_f64 (gguf, "f32", &real, NULL, NULL));
  g_assert_true (real == (double) 0.1f);
  g_assert_true (model_gguf_get_f64 (gguf, "f64", &real, NULL, NULL));
  g_assert_true (real == 0.1);
  g_assert_true (model_gguf_get_f64 (gguf, "i16", &real, NULL, NULL));
  g_assert_true (real == -30000);
  g_assert_true (model_gguf_get_f64 (gguf, "i64", &real, NULL, NULL));
  g_assert_true (real == (double) INT64_C (-0x123456789abcdef));
  g_assert_false (model_gguf_get_f64 (gguf, "infinite", &real, NULL, NULL));
  g_assert_false (model_gguf_get_f64 (gguf, "yes", &real, NULL, NULL));
  g_assert_true (model_gguf_get_bool (gguf, "yes", &flag, NULL, NULL));
  g_assert_true (flag);
  g_assert_false (model_gguf_get_bool (gguf, "u8", &flag, NULL, NULL));
  real = 5;
  g_assert_true (model_gguf_get_f64 (gguf, "absent", &real, &found, NULL));
  g_assert_true (real == 5 && !found);
  g_remove (path);
}

static void
test_texts_and_arrays (void)
{
  static const char *const strings[] = { "", "alpha", "\377\200" };
  static const int16_t shorts[] = { -3, 0, 32767 };
  static const float reals[] = { 1.5f, -2, NAN };
  g_autoptr (TestGguf) written = test_gguf_new (3);
  g_autofree char *path = NULL;
  g_autoptr (ModelGguf) gguf = NULL;
  ModelArray array;

  test_gguf_add_string (written, "text", "caff\303\250");
  test_gguf_add_strings (written, "strings", strings, G_N_ELEMENTS (strings));
  test_gguf_add_array (written, "shorts", MODEL_VALUE_I16, shorts, 3, 2);
  test_gguf_add_array (written, "reals", MODEL_VALUE_F32, reals, 3, 4);
  test_gguf_add_array (written, "bools", MODEL_VALUE_BOOL, "\0\1", 2, 1);
  test_gguf_add_array (written, "empty", MODEL_VALUE_U64, NULL, 0, 8);
  gguf = open_written (written, 32, &path);
  g_assert_cmpstr (model_gguf_get_string (gguf, "text"), ==, "caff\303\250");
  g_assert_null (model_gguf_get_string (gguf, "strings"));
  g_assert_null (model_gguf_get_string (gguf, "absent"));
  g_assert_false (model_gguf_get_array (gguf, "text", &array));
  g_assert_true (model_gguf_get_array (gguf, "strings", &array));
  g_assert_cmpuint (array.n, ==, 3);
  g_assert_null (array.data);
  for (size_t i = 0; i < 3; i++)
    g_assert_cmpmem (array.strings[i].data, array.strings[i].length, strings[i],
                     strlen (strings[i]));
  g_assert_cmpint (model_array_int (&array, 0), ==, 0);
  g_assert_true (model_gguf_get_array (gguf, "shorts", &array));
  g_assert_cmpint (model_array_int (&array, 0), ==, -3);
  g_assert_true (model_array_float (&array, 2) == 32767);
  g_assert_cmpint (model_array_int (&array, 3), ==, 0);
  g_assert_true (model_gguf_get_array (gguf, "reals", &array));
  g_assert_true (model_array_float (&array, 0) == 1.5);
  g_assert_cmpint (model_array_int (&array, 1), ==, -2);
  g_assert_cmpint (model_array_int (&array, 2), ==, 0);
  g_assert_true (model_gguf_get_array (gguf, "bools", &array));
  g_assert_cmpint (model_array_int (&array, 1), ==, 1);
  g_assert_true (model_gguf_get_array (gguf, "empty", &array));
  g_assert_cmpuint (array.n, ==, 0);
  g_remove (path);
}

static void
test_tensors (void)
{
  static const uint32_t alignments[] = { 8, 32, 4096, 1 << 20 };

  for (size_t i = 0; i < G_N_ELEMENTS (alignments); i++) {
    g_autoptr (TestGguf) written = test_gguf_new (3);
    g_autofree char *path = NULL;
    g_autoptr (ModelGguf) gguf = NULL;
    g_autoptr (GError) error = NULL;
    const ModelTensor *tensor;
    char back[4];

    test_gguf_add_tensor (written, "b", 28, 3, 0, "123456781234567812345678",
                          24); /* F64: known, not run */
    test_gguf_add_tensor (written, "a", MODEL_TYPE_F16, 2, 3, "ABCDEFGHIJKL", 12);
    gguf = open_written (written, alignments[i], &path);
    g_assert_cmpuint (model_gguf_n_tensors (gguf), ==, 2);
    g_assert_cmpstr (model_gguf_tensor (gguf, 0)->name, ==, "b");
    g_assert_null (model_gguf_tensor (gguf, 0)->type);
    g_assert_null (model_gguf_tensor (gguf, 2));
    g_assert_null (model_gguf_find_tensor (gguf, "c"));
    tensor = model_gguf_find_tensor (gguf, "a");
    g_assert_true (tensor == model_gguf_tensor (gguf, 1));
    g_assert_cmpuint (tensor->ne[0], ==, 2);
    g_assert_cmpuint (tensor->ne[1], ==, 3);
    g_assert_cmpuint (tensor->ne[2] * tensor->ne[3], ==, 1);
    g_assert_cmpuint (tensor->bytes, ==, 12);
    g_assert_cmpuint (tensor->offset % alignments[i], ==, 0);
    g_assert_true (model_gguf_read (gguf, tensor, 3, back, 4, &error));
    g_assert_cmpmem (back, 4, "DEFG", 4);
    g_assert_true (model_gguf_read (gguf, tensor, 12, back, 0, &error));
    g_assert_false (model_gguf_read (gguf, tensor, 9, back, 4, NULL));
    g_assert_false (model_gguf_read (gguf, tensor, UINT64_MAX, back, 4, &error));
    g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_INVALID);
    g_remove (path);
  }
}

/* A file that shrinks while it is open gives an error, no signal. */
static void
test_shrinking_file (void)
{
  g_autoptr (TestGguf) written = test_gguf_new (3);
  g_autofree char *path = NULL;
  g_autofree char *data = g_malloc0 (1 << 20);
  g_autoptr (ModelGguf) gguf = NULL;
  g_autoptr (GError) error = NULL;

  test_gguf_add_tensor (written, "a", MODEL_TYPE_F32, 1 << 18, 0, data, 1 << 20);
  gguf = open_written (written, 32, &path);
  g_assert_cmpint (truncate (path, 5000), ==, 0);
  g_assert_false (model_gguf_read (gguf, model_gguf_tensor (gguf, 0), 0, data, 1 << 20, &error));
  g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_IO);
  g_assert_nonnull (strstr (error->message, model_gguf_shown_name (gguf)));
  g_remove (path);
}

static void
test_no_file (void)
{
  g_autofree char *path = temporary ();
  g_autofree char *pipe_path = g_strconcat (path, "-pipe", NULL);
  const char *paths[] = { "/nonexistent/model.gguf", g_get_tmp_dir (), pipe_path };

  g_assert_cmpint (mkfifo (pipe_path, 0600), ==, 0); /* must not wait for a writer */
  for (size_t i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (model_gguf_open (paths[i], &error));
    g_assert_error (error, ENGINE_ERROR, ENGINE_ERROR_IO);
    g_test_message ("%s", error->message);
  }
  g_remove (pipe_path);
  g_remove (path);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model/gguf/integers", test_integers);
  g_test_add_func ("/model/gguf/reals-and-bools", test_reals_and_bools);
  g_test_add_func ("/model/gguf/texts-and-arrays", test_texts_and_arrays);
  g_test_add_func ("/model/gguf/tensors", test_tensors);
  g_test_add_func ("/model/gguf/shrinking-file", test_shrinking_file);
  g_test_add_func ("/model/gguf/no-file", test_no_file);
  return g_test_run ();
}

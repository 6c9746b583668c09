/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Models in parts: any part opens all of them as one model with the tensors of the whole file; what
 * is missing, or does not belong together, is refused by name. */
#include "engine/error.h"
#include "engine/model/model.h"
#include "tests/engine/make-gguf.h"

#include <glib/gstdio.h>
#include <string.h>

#define N_PARTS 3

typedef struct {
  char *folder;
  char *paths[N_PARTS];
  TestGguf *whole;
} Fixture;

static void
write_part (const char *path, const TestGguf *whole, uint32_t part, uint32_t n_parts)
{
  g_autoptr (TestGguf) cut = test_gguf_part (whole, part, n_parts);
  g_autoptr (GByteArray) bytes = test_gguf_bytes (cut, 32, NULL);

  test_write_file (path, bytes);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->folder = g_dir_make_tmp ("bottega-parts-XXXXXX", NULL);
  g_assert_nonnull (f->folder);
  f->whole = test_gguf_build_llama (NULL, MODEL_TYPE_Q8_0, 5);
  for (unsigned i = 0; i < N_PARTS; i++) {
    f->paths[i] = g_strdup_printf ("%s/tiny-%05u-of-%05u.gguf", f->folder, i + 1, N_PARTS);
    write_part (f->paths[i], f->whole, i, N_PARTS);
  }
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  for (unsigned i = 0; i < N_PARTS; i++) {
    g_remove (f->paths[i]);
    g_free (f->paths[i]);
  }
  g_assert_cmpint (g_rmdir (f->folder), ==, 0);
  g_free (f->folder);
  test_gguf_free (f->whole);
}

static ModelGguf *
open_whole (const Fixture *f)
{
  g_autofree char *path = g_build_filename (f->folder, "whole", NULL);
  g_autoptr (GByteArray) bytes = test_gguf_bytes (f->whole, 32, NULL);
  g_autoptr (GError) error = NULL;
  ModelGguf *gguf;

  test_write_file (path, bytes);
  gguf = model_gguf_open (path, &error);
  g_assert_no_error (error);
  g_remove (path);
  return gguf;
}

/* Whichever part is chosen, the model is that of the whole file. */
static void
test_any_part (Fixture *f, gconstpointer data)
{
  g_autoptr (ModelGguf) whole = open_whole (f);

  for (unsigned chosen = 0; chosen < N_PARTS; chosen++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (ModelGguf) gguf = model_gguf_open (f->paths[chosen], &error);
    g_autoptr (ModelDesc) desc = NULL;
    uint64_t bytes = 0;

    g_assert_no_error (error);
    desc = model_desc_new (gguf, &error);
    g_assert_no_error (error);
    g_assert_cmpstr (model_gguf_path (gguf), ==, f->paths[0]);
    g_assert_cmpuint (model_gguf_n_tensors (gguf), ==, model_gguf_n_tensors (whole));
    for (unsigned i = 0; i < N_PARTS; i++) {
      GStatBuf status;

      g_assert_cmpint (g_stat (f->paths[i], &status), ==, 0);
      bytes += (uint64_t) status.st_size;
    }
    g_assert_cmpuint (model_gguf_file_bytes (gguf), ==, bytes);
    for (uint64_t i = 0; i < model_gguf_n_tensors (whole); i++) {
      const ModelTensor *a = model_gguf_tensor (whole, i);
      const ModelTensor *b = model_gguf_find_tensor (gguf, a->name);
      g_autofree char *x = g_malloc (a->bytes), *y = g_malloc (a->bytes);

      g_assert_nonnull (b);
      g_assert_true (b == model_gguf_tensor (gguf, i));
      g_assert_cmpuint (b->bytes, ==, a->bytes);
      g_assert_true (model_gguf_read (whole, a, 0, x, a->bytes, NULL));
      g_assert_true (model_gguf_read (gguf, b, 0, y, a->bytes, NULL));
      g_assert_cmpmem (x, a->bytes, y, a->bytes);
    }
  }
}

static void
assert_refused (const char *path, int code, const char *says, const char *says_too)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (model_gguf_open (path, &error));
  g_assert_error (error, ENGINE_ERROR, code);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, says));
  g_assert_nonnull (strstr (error->message, says_too));
}

static void
test_missing (Fixture *f, gconstpointer data)
{
  g_remove (f->paths[1]);
  assert_refused (f->paths[0], ENGINE_ERROR_IO, "tiny-00002-of-00003.gguf", "one folder");
  assert_refused (f->paths[2], ENGINE_ERROR_IO, "tiny-00002-of-00003.gguf", "one folder");
  g_remove (f->paths[0]);
  assert_refused (f->paths[2], ENGINE_ERROR_IO, "tiny-00001-of-00003.gguf", "part 1");
}

static void
test_renamed (Fixture *f, gconstpointer data)
{
  g_autofree char *path = g_build_filename (f->folder, "model.gguf", NULL);

  g_assert_cmpint (g_rename (f->paths[1], path), ==, 0);
  assert_refused (path, ENGINE_ERROR_INVALID, "part 2 of 3", "-00002-of-00003.gguf");
  g_remove (path);
}

static void
test_strangers (Fixture *f, gconstpointer data)
{
  g_autoptr (TestGguf) other = test_gguf_new (3);
  g_autoptr (TestGguf) lying = test_gguf_new (3);
  g_autoptr (GByteArray) bytes = NULL;
  const float one = 1;

  /* The second part of another model, and of the same one cut in two. */
  for (int i = 0; i < 6; i++) {
    g_autofree char *name = g_strdup_printf ("t%d", i);

    test_gguf_add_tensor (other, name, MODEL_TYPE_F32, 1, 0, &one, sizeof one);
  }
  write_part (f->paths[1], other, 1, N_PARTS);
  assert_refused (f->paths[0], ENGINE_ERROR_BAD_FILE, "tiny-00002-of-00003", "does not belong");
  write_part (f->paths[1], f->whole, 1, 2);
  assert_refused (f->paths[0], ENGINE_ERROR_BAD_FILE, "part 2 of 2", "does not belong");
  /* A part in the place of another; one that cannot be; no model at all. */
  write_part (f->paths[1], f->whole, 2, N_PARTS);
  assert_refused (f->paths[0], ENGINE_ERROR_BAD_FILE, "part 3 of 3", "does not belong");
  test_gguf_add_u32 (lying, "split.count", 3);
  test_gguf_add_u32 (lying, "split.no", 7);
  bytes = test_gguf_bytes (lying, 32, NULL);
  test_write_file (f->paths[1], bytes);
  assert_refused (f->paths[1], ENGINE_ERROR_BAD_FILE, "part 8 of 3", "damaged");
  g_assert_true (g_file_set_contents (f->paths[1], "text", -1, NULL));
  assert_refused (f->paths[2], ENGINE_ERROR_BAD_FILE, "tiny-00002-of-00003", "");
}

/* Parts that belong together by their numbers and do not by their tensors. */
static void
test_tensors (Fixture *f, gconstpointer data)
{
  const uint16_t number = 1, count = N_PARTS;
  const float one = 1;
  g_autoptr (ModelGguf) whole = open_whole (f);

  g_assert_cmpuint (model_gguf_n_tensors (whole), >, 3);
  for (int doubled = 0; doubled < 2; doubled++) {
    g_autoptr (TestGguf) part = test_gguf_new (3);
    g_autoptr (GByteArray) bytes = NULL;
    int32_t n = (int32_t) model_gguf_n_tensors (whole);
    int32_t own = n * 2 / N_PARTS - n / N_PARTS;

    test_gguf_add_raw (part, "split.no", MODEL_VALUE_U16, &number, sizeof number);
    test_gguf_add_raw (part, "split.count", MODEL_VALUE_U16, &count, sizeof count);
    test_gguf_add_raw (part, "split.tensors.count", MODEL_VALUE_I32, &n, sizeof n);
    for (int32_t i = 0; i < own - (doubled ? 0 : 1); i++) {
      g_autofree char *name = g_strdup_printf ("t%d", i);

      test_gguf_add_tensor (part, doubled && i == 0 ? model_gguf_tensor (whole, 0)->name : name,
                            MODEL_TYPE_F32, 1, 0, &one, sizeof one);
    }
    bytes = test_gguf_bytes (part, 32, NULL);
    test_write_file (f->paths[1], bytes);
    if (doubled)
      assert_refused (f->paths[0], ENGINE_ERROR_BAD_FILE, "token_embd.weight", "twice");
    else
      assert_refused (f->paths[0], ENGINE_ERROR_BAD_FILE, "tensors", "download all parts");
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, test) g_test_add (path, Fixture, NULL, set_up, test, tear_down)
  ADD ("/model/gguf-parts/any-part", test_any_part);
  ADD ("/model/gguf-parts/missing", test_missing);
  ADD ("/model/gguf-parts/renamed", test_renamed);
  ADD ("/model/gguf-parts/strangers", test_strangers);
  ADD ("/model/gguf-parts/tensors", test_tensors);
  return g_test_run ();
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opens and closes the two, and makes what they read. */
#include "tests/engine/session/pair.h"

#include "tests/engine/make-gguf.h"

#include <glib/gstdio.h>

static TestPair
open_both (const char *folder, TinyKind kind, void (*write) (const char *, TinyKind, uint64_t),
           const EngineModelOptions *options)
{
  g_autofree char *path = g_build_filename (folder, "tiny.gguf", NULL);
  g_autoptr (GError) error = NULL;
  TestPair pair;

  write (path, kind, 3);
  pair.model = engine_model_open (path, options, &error);
  g_assert_no_error (error);
  pair.other = engine_model_open (path, options, &error);
  g_assert_no_error (error);
  g_unlink (path);
  return pair;
}

TestPair
test_pair_open (const char *folder, TinyKind kind, const EngineModelOptions *options)
{
  return open_both (folder, kind, tiny_write, options);
}

TestPair
test_pair_open_sure (const char *folder, TinyKind kind, const EngineModelOptions *options)
{
  return open_both (folder, kind, tiny_write_sure, options);
}

void
test_pair_clear (TestPair *pair)
{
  engine_model_close (pair->model);
  engine_model_close (pair->other);
}

void
test_add_tokens (GArray *tokens, uint64_t seed, unsigned n)
{
  for (unsigned i = 0; i < n; i++) {
    gint32 token = 20 + (gint32) (test_random (&seed) % 256);

    g_array_append_val (tokens, token);
  }
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a file, or its bytes, to a description. Must not know what either should be. */
#include "tests/engine/opened.h"

#include <glib/gstdio.h>

TestOpened
test_open_file (const char *path)
{
  TestOpened o = { NULL, NULL, NULL };

  o.gguf = model_gguf_open (path, &o.error);
  if (o.gguf != NULL)
    o.desc = model_desc_new (o.gguf, &o.error);
  return o;
}

TestOpened
test_open_bytes (const GByteArray *bytes)
{
  g_autofree char *path = NULL;
  TestOpened o;

  g_close (g_file_open_tmp ("bottega-model-XXXXXX", &path, NULL), NULL);
  test_write_file (path, bytes);
  o = test_open_file (path);
  g_unlink (path);
  return o;
}

TestOpened
test_open (const TestGguf *written)
{
  g_autoptr (GByteArray) bytes = test_gguf_bytes (written, 32, NULL);

  return test_open_bytes (bytes);
}

void
test_opened_clear (TestOpened *opened)
{
  g_clear_pointer (&opened->desc, model_desc_free);
  g_clear_pointer (&opened->gguf, model_gguf_free);
  g_clear_error (&opened->error);
}

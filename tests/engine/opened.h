/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A model file read as far as its description, for tests of what files say and what follows from
 * it. */
#pragma once

#include "engine/model/model.h"
#include "tests/engine/make-gguf.h"

/* A description and the file that it borrows; NULL with error where it was refused. */
typedef struct {
  ModelGguf *gguf;
  ModelDesc *desc;
  GError *error;
} TestOpened;

TestOpened test_open_file (const char *path);
/* Of a file that is written for it, and removed again while it stays readable. */
TestOpened test_open_bytes (const GByteArray *bytes);
TestOpened test_open (const TestGguf *written);
void test_opened_clear (TestOpened *opened);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TestOpened, test_opened_clear)

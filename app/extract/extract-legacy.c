/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Containers of Microsoft's old kind (OLE2): .doc and .xls, which Bottega does not read, and what
 * newer Office makes of a .docx with a password. It only says which of the two it is. */
#include "app/extract/extract.h"

#include <string.h>

gboolean
extract_legacy (const ExtractInput *input, BottegaDocument *document, ExtractFailure *failure)
{
  /* The stream's name in UTF-16, as MS-OFFCRYPTO 2.3.4 has it. */
  static const char encrypted[] = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e";

  *failure = EXTRACT_OLD_OFFICE;
  if (memmem (input->data, input->size, encrypted, sizeof encrypted) != NULL)
    *failure = EXTRACT_ENCRYPTED;
  return FALSE;
}

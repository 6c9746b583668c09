/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Anonymous memory in huge pages, for back ends. Must not know what lies in it. */
#include "engine/pages.h"

#include <sys/mman.h>

void *
engine_pages_map (gsize bytes)
{
  void *pages = mmap (NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (pages == MAP_FAILED)
    return NULL;
#ifdef MADV_HUGEPAGE
  /* Decode walks through all weights for every token: 2 MiB pages keep it from missing the TLB. A
   * refusal costs speed only. */
  (void) madvise (pages, bytes, MADV_HUGEPAGE);
#endif
  return pages;
}

void
engine_pages_unmap (void *pages, gsize bytes)
{
  if (pages != NULL)
    munmap (pages, bytes);
}

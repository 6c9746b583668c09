/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See memory-limit.h. It knows how to ask this system for a limit, nothing of models. */
#include "tests/engine/model/memory-limit.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef __has_feature
#define HAS_FEATURE(x) __has_feature (x)
#else
#define HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer) || HAS_FEATURE(thread_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

gboolean
test_limit_memory (guint64 bytes)
{
  FILE *file = SANITIZED ? NULL : fopen ("/proc/self/statm", "r");
  guint64 pages = 0;
  struct rlimit limit;

  if (file == NULL)
    return FALSE;
  if (fscanf (file, "%" G_GUINT64_FORMAT, &pages) != 1)
    pages = 0;
  fclose (file);
  if (pages == 0 || getrlimit (RLIMIT_AS, &limit) < 0)
    return FALSE;
  limit.rlim_cur = pages * (guint64) sysconf (_SC_PAGESIZE) + bytes;
  return setrlimit (RLIMIT_AS, &limit) == 0;
}

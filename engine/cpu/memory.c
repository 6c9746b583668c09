/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much memory there is. Must not know models. */
#include "engine/cpu/internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The number after "name" in a file of "name: number kB" lines; 0 when absent. */
static uint64_t
read_field (const char *text, const char *name)
{
  const char *at = strstr (text, name);

  return at == NULL ? 0 : g_ascii_strtoull (at + strlen (name), NULL, 10);
}

/* FALSE for a file that is absent or says "max". */
static gboolean
read_number (const char *folder, const char *name, uint64_t *number)
{
  g_autofree char *path = g_build_filename (folder, name, NULL), *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL) || !g_ascii_isdigit (text[0]))
    return FALSE;
  *number = g_ascii_strtoull (text, NULL, 10);
  return TRUE;
}

/* Lowers what is free to what the control groups above this process still allow. Their page
 * cache can be dropped, so it counts as free. */
static void
apply_cgroups (uint64_t *total_bytes, uint64_t *free_bytes)
{
  g_autofree char *text = NULL, *folder = NULL;
  char *path, *slash;

  if (!g_file_get_contents ("/proc/self/cgroup", &text, NULL, NULL) ||
      (path = strstr (text, "0::/")) == NULL)
    return;
  path += strlen ("0::");
  path[strcspn (path, "\n")] = '\0';
  folder = g_build_filename ("/sys/fs/cgroup", path, NULL);
  for (;;) {
    g_autofree char *stat_path = g_build_filename (folder, "memory.stat", NULL), *stat = NULL;
    uint64_t limit, used, cache = 0;

    if (read_number (folder, "memory.max", &limit) &&
        read_number (folder, "memory.current", &used)) {
      if (g_file_get_contents (stat_path, &stat, NULL, NULL))
        cache = read_field (stat, "inactive_file ");
      used -= MIN (used, cache);
      *total_bytes = MIN (*total_bytes, limit);
      *free_bytes = MIN (*free_bytes, limit - MIN (limit, used));
    }
    slash = strrchr (folder, '/');
    if (slash == NULL || strcmp (folder, "/sys/fs/cgroup") == 0)
      return;
    *slash = '\0';
  }
}

void
cpu_memory_available (uint64_t *total_bytes, uint64_t *free_bytes)
{
  g_autofree char *text = NULL;

  *total_bytes = (uint64_t) sysconf (_SC_PHYS_PAGES) * (uint64_t) sysconf (_SC_PAGESIZE);
  *free_bytes = (uint64_t) sysconf (_SC_AVPHYS_PAGES) * (uint64_t) sysconf (_SC_PAGESIZE);
  if (g_file_get_contents ("/proc/meminfo", &text, NULL, NULL) &&
      strstr (text, "MemAvailable:") != NULL)
    *free_bytes = read_field (text, "MemAvailable:") * 1024;
  apply_cgroups (total_bytes, free_bytes);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A fuzz target without the fuzzer, so that it is built and true in every test run: its seeds,
 * and some damaged copies of them that are the same each time. With a folder as argument it
 * writes the seeds there for libFuzzer. */
#include "tests/engine/make-gguf.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define DAMAGED_COPIES 200

static void
test_seeds (void)
{
  for (unsigned i = 0;; i++) {
    g_autoptr (GBytes) seed = fuzz_seed (i);
    gsize n;

    if (seed == NULL)
      break;
    LLVMFuzzerTestOneInput (g_bytes_get_data (seed, &n), g_bytes_get_size (seed));
  }
}

static void
test_damaged_copies (void)
{
  uint64_t random = 1;

  for (unsigned i = 0;; i++) {
    g_autoptr (GBytes) seed = fuzz_seed (i);

    if (seed == NULL)
      break;
    for (int copy = 0; copy < DAMAGED_COPIES; copy++) {
      gsize n;
      g_autofree guint8 *data = g_memdup2 (g_bytes_get_data (seed, NULL), g_bytes_get_size (seed));

      n = g_bytes_get_size (seed);
      for (uint64_t flips = 1 + test_random (&random) % 8; flips > 0; flips--)
        data[test_random (&random) % MIN (n, 6000)] = (guint8) test_random (&random);
      LLVMFuzzerTestOneInput (data, test_random (&random) % 4 == 0 ? test_random (&random) % n : n);
    }
  }
}

static int
write_seeds (const char *folder)
{
  for (unsigned i = 0;; i++) {
    g_autoptr (GBytes) seed = fuzz_seed (i);
    g_autofree char *name = g_strdup_printf ("seed-%u", i),
                    *path = g_build_filename (folder, name, NULL);

    if (seed == NULL)
      return 0;
    if (!g_file_set_contents (path, g_bytes_get_data (seed, NULL), (gssize) g_bytes_get_size (seed),
                              NULL))
      return 1;
  }
}

int
main (int argc, char **argv)
{
  if (argc == 2 && argv[1][0] != '-')
    return write_seeds (argv[1]);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fuzz/seeds", test_seeds);
  g_test_add_func ("/fuzz/damaged-copies", test_damaged_copies);
  return g_test_run ();
}

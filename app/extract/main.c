/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bottega-extract: one document on standard input, its text or the picture of a page on standard
 * output (frame.h). Owns the
 * order of things: what must be loaded, then the locks of sandbox.h, then the first byte of the
 * document. Nobody runs it by hand but with --self-test, which shows what the locks refuse. */
#define G_LOG_DOMAIN "bottega-extract"

#include "app/extract/draw.h"
#include "app/extract/frame.h"
#include "app/extract/sandbox.h"
#include "app/extract/self-test.h"

#include <iconv.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPARE_BYTES (8u << 20)

/* Encodings that libxml2 asks iconv for, whose tables are files. */
static const char *const encodings[] = { "WINDOWS-1252", "WINDOWS-1250", "WINDOWS-1251",
                                         "ISO-8859-2", "ISO-8859-5", "ISO-8859-15", "KOI8-R",
                                         "MACINTOSH", "SHIFT_JIS", "EUC-JP", "GB18030", "BIG5" };

static void
write_all (const void *data,
           gsize n)
{
  const guint8 *from = data;

  while (n > 0) {
    gssize done = write (STDOUT_FILENO, from, n);

    if (done <= 0)
      _exit (EXIT_FAILURE);
    from += done;
    n -= (gsize) done;
  }
}

static void
write_frame (ExtractFailure failure,
             gconstpointer data,
             gsize n)
{
  Frame frame = { .magic = FRAME_MAGIC, .failure = failure, .length = n };

  write_all (&frame, sizeof frame);
  write_all (data, n);
}

/* A parser that gets no memory aborts or runs into NULL: then there is none left now. */
static void
on_crash (int number)
{
  void *spare = mmap (NULL, SPARE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                      -1, 0);

  if (spare == MAP_FAILED) {
    write_frame (EXTRACT_MEMORY, NULL, 0);
    _exit (EXIT_SUCCESS);
  }
  signal (number, SIG_DFL);
  raise (number);
}

static void
catch_crashes (void)
{
  static const int numbers[] = { SIGABRT, SIGTRAP, SIGSEGV };
  static guint8 stack[65536]; /* the other one may be what ran over */
  stack_t alternative = { .ss_sp = stack, .ss_size = sizeof stack };
  struct sigaction action = { .sa_handler = on_crash, .sa_flags = SA_ONSTACK | SA_NODEFER };

  sigaltstack (&alternative, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    sigaction (numbers[i], &action, NULL);
}

static void
load_encodings (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (encodings); i++) {
    /* Kept: a table is forgotten when nobody uses it. */
    iconv_open ("UTF-8", encodings[i]);
    iconv_open (encodings[i], "UTF-8");
  }
}

/* The file as memory. Should it shrink while it is read, that is a SIGBUS of this process alone. */
static GBytes *
map_input (void)
{
  struct stat info;
  void *data;

  if (fstat (STDIN_FILENO, &info) != 0 || !S_ISREG (info.st_mode))
    return NULL;
  if (info.st_size == 0)
    return g_bytes_new (NULL, 0);
  data = mmap (NULL, (gsize) info.st_size, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
  return data == MAP_FAILED ? NULL : g_bytes_new_static (data, (gsize) info.st_size);
}

static void
run (const ExtractInput *input)
{
  ExtractFailure failure = EXTRACT_DAMAGED;
  BottegaDocument *document = extract_document (input, &failure);
  GBytes *bytes = document == NULL ? NULL : bottega_document_serialize (document);
  gsize n = bytes == NULL ? 0 : g_bytes_get_size (bytes);

  if (n > input->output_bytes)
    write_frame (EXTRACT_TOO_MUCH_TEXT, NULL, 0);
  else
    write_frame (failure, n == 0 ? NULL : g_bytes_get_data (bytes, NULL), n);
}

static void
run_draw (const ExtractInput *input,
          const char *page,
          const char *width)
{
  ExtractFailure failure = EXTRACT_DAMAGED;
  GBytes *bytes = draw_page (input, (guint) g_ascii_strtoull (page, NULL, 10),
                             (guint) g_ascii_strtoull (width, NULL, 10), &failure);
  gsize n = bytes == NULL ? 0 : g_bytes_get_size (bytes);

  if (n > input->output_bytes)
    write_frame (EXTRACT_TOO_MUCH_TEXT, NULL, 0);
  else
    write_frame (failure, n == 0 ? NULL : g_bytes_get_data (bytes, NULL), n);
}

int
main (int argc,
      char **argv)
{
  ExtractInput input = { 0 };
  g_autoptr (GBytes) bytes = NULL;
  gboolean files_closed, draws = argc == N_DRAW_ARGUMENTS;

  prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  close_range (STDERR_FILENO + 1, ~0u, 0);
  setlocale (LC_ALL, "C.UTF-8");
  if (argc == 2 && strcmp (argv[1], "--self-test") == 0)
    _exit (self_test ()); /* as below */
  if (argc != N_ARGUMENTS && !draws)
    return EXIT_NOT_READY;
  bytes = map_input ();
  if (bytes == NULL)
    return EXIT_NOT_READY;
  input.bytes = bytes;
  input.data = g_bytes_get_data (bytes, &input.size);
  input.suffix = argv[ARGUMENT_SUFFIX];
  input.output_bytes = g_ascii_strtoull (argv[ARGUMENT_OUTPUT], NULL, 10);
  input.pages = (guint) g_ascii_strtoull (argv[ARGUMENT_PAGES], NULL, 10);
  load_encodings ();
  if (!SANDBOX_SANITIZED) /* which reports crashes itself */
    catch_crashes ();
  if (!sandbox_limit (g_ascii_strtoull (argv[ARGUMENT_MEMORY], NULL, 10),
                      (guint) g_ascii_strtoull (argv[ARGUMENT_SECONDS], NULL, 10)))
    return EXIT_NOT_READY;
  files_closed = sandbox_close_files (draws ? draw_folders : NULL);
  /* Fonts may be opened only where Landlock sees to it that nothing else is. */
  if (!sandbox_close_kernel (draws && files_closed))
    return EXIT_NOT_READY;
  g_debug ("sealed%s", files_closed ? "" : ", but this kernel lacks Landlock");
  if (draws)
    run_draw (&input, argv[ARGUMENT_PAGE], argv[ARGUMENT_WIDTH]);
  else
    run (&input);
  /* Without the destructors of libraries: what they would tidy up ends with the process. */
  _exit (EXIT_SUCCESS);
}

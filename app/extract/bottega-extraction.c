/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The side of the app: opens the file, starts bottega-extract for it, takes what it writes within
 * limits, and says in words why there is nothing. It parses no document, and trusts the process it
 * started no more than the file. */
#define G_LOG_DOMAIN "bottega-extraction"
#include "config.h"

#include "app/extract/bottega-extraction.h"
#include "app/extract/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gi18n-lib.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_BYTES   ((goffset) 2 << 30)
#define CHUNK_BYTES  (1 << 20)
#define SUFFIX_BYTES 16
#define GRACE_US     (G_USEC_PER_SEC / 2) /* between its last byte and its end */

G_DEFINE_QUARK (bottega-extraction-error-quark, bottega_extraction_error)

static const BottegaExtractionLimits defaults = { .memory_bytes = (guint64) 1 << 30,
                                                  .output_bytes = (guint64) 64 << 20,
                                                  .seconds = 60,
                                                  .pages = 5000 };

static const struct {
  BottegaExtractionError error;
  const char *sentence;
} failures[EXTRACT_N_FAILURES] = {
#define FAILURE(name, error, sentence) \
  [EXTRACT_##name] = { BOTTEGA_EXTRACTION_ERROR_##error, sentence },
#include "app/extract/failures.def"
#undef FAILURE
};

static const struct {
  const char *suffixes, *name;
} kinds[] = {
#define EXTRACTOR(id, suffixes, media_type, magic, name, function) { suffixes, name },
#include "app/extract/extractors.def"
#undef EXTRACTOR
};

/* All that an extractor may need of this process's environment. */
static const char *const variables[] = { "LD_LIBRARY_PATH", "G_MESSAGES_DEBUG", "ASAN_OPTIONS",
                                         "UBSAN_OPTIONS" };

typedef struct {
  BottegaExtractionLimits limits;
  char *name;   /* of the file, for people */
  char *suffix; /* "": none */
  int file;
  int output; /* of the process; not blocking */
  pid_t pid;  /* 0: none, or reaped */
  gint64 deadline_us;
  GCancellable *cancellable;
  guint page, width; /* 0: nothing is drawn */
} Run;

static void
run_clear (Run *run)
{
  if (run->pid > 0) {
    kill (run->pid, SIGKILL);
    while (waitpid (run->pid, NULL, 0) < 0 && errno == EINTR)
      continue;
  }
  g_clear_fd (&run->file, NULL);
  g_clear_fd (&run->output, NULL);
  g_free (run->name);
  g_free (run->suffix);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Run, run_clear)

/* In lower case; "" where the name has none that could mean something. */
static char *
suffix_of (const char *name)
{
  const char *dot = strrchr (name, '.');
  gsize n = dot == NULL ? 0 : strlen (dot + 1);

  for (gsize i = 0; i < n; i++)
    if (!g_ascii_isalnum (dot[1 + i]))
      return g_strdup ("");
  return g_ascii_strdown (n > 0 && n <= SUFFIX_BYTES ? dot + 1 : "", -1);
}

/* The row of kinds for a suffix, or -1. */
static int
kind_of (const char *suffix)
{
  g_autofree char *word = g_strconcat (" ", suffix, " ", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (*suffix != '\0' && strstr (kinds[i].suffixes, word) != NULL)
      return (int) i;
  return -1;
}

gboolean
bottega_extraction_accepts (const char *name)
{
  g_autofree char *suffix = suffix_of (name);

  return kind_of (suffix) >= 0;
}

const char *const *
bottega_extraction_suffixes (void)
{
  static char **suffixes;

  if (g_once_init_enter_pointer (&suffixes)) {
    g_autoptr (GStrvBuilder) all = g_strv_builder_new ();

    for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
      g_auto (GStrv) words = g_strsplit (kinds[i].suffixes, " ", -1);

      for (char **word = words; *word != NULL; word++)
        if (**word != '\0')
          g_strv_builder_add (all, *word);
    }
    g_once_init_leave_pointer (&suffixes, g_strv_builder_end (all));
  }
  return (const char *const *) suffixes;
}

/* Always FALSE, for the caller to return. */
static gboolean
fail (const Run *run,
      ExtractFailure failure,
      GError **error)
{
  int kind = kind_of (run->suffix);

  g_set_error (error, BOTTEGA_EXTRACTION_ERROR, (int) failures[failure].error,
               _ (failures[failure].sentence), run->name, kind < 0 ? "" : kinds[kind].name);
  return FALSE;
}

G_GNUC_PRINTF (4, 5)
static gboolean
fail_with (const Run *run,
           BottegaExtractionError code,
           GError **error,
           const char *format,
           ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_propagate_error (error, g_error_new_valist (BOTTEGA_EXTRACTION_ERROR, (int) code, format,
                                                arguments));
  va_end (arguments);
  return FALSE;
}

/* TRUE while there is time and nobody cancelled. */
static gboolean
may_go_on (const Run *run,
           GError **error)
{
  if (g_cancellable_is_cancelled (run->cancellable))
    return fail_with (run, BOTTEGA_EXTRACTION_ERROR_CANCELLED, error,
                      _ ("Reading “%s” was cancelled."), run->name);
  return g_get_monotonic_time () < run->deadline_us || fail (run, EXTRACT_TIME, error);
}

/* Without following a link, which could point anywhere by the time it is opened, and without
 * waiting for a FIFO's other end. Found first, then opened: a portal's file system takes a file for
 * a link when it is told to open it and to follow none. */
static gboolean
open_file (Run *run,
           const char *path,
           GError **error)
{
  g_autofd int found = open (path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
  g_autofree char *same = g_strdup_printf ("/proc/self/fd/%d", found);
  struct stat info = { 0 };
  gboolean is_there = found >= 0 && fstat (found, &info) == 0;

  if (is_there && S_ISLNK (info.st_mode))
    return fail_with (run, BOTTEGA_EXTRACTION_ERROR_OPEN, error,
                      _ ("“%s” is a link. Add the file that it points to."), run->name);
  if (is_there && !S_ISREG (info.st_mode))
    return fail_with (run, BOTTEGA_EXTRACTION_ERROR_OPEN, error,
                      _ ("“%s” is not a file with a document."), run->name);
  if (is_there)
    run->file = open (same, O_RDONLY | O_CLOEXEC);
  if (run->file < 0)
    return fail_with (run, BOTTEGA_EXTRACTION_ERROR_OPEN, error, _ ("“%s” cannot be opened: %s."),
                      run->name, g_strerror (errno));
  if (info.st_size == 0)
    return fail (run, EXTRACT_EMPTY, error);
  /* Mapping the file takes address space, but no memory. */
  run->limits.memory_bytes += (guint64) info.st_size;
  return info.st_size <= FILE_BYTES || fail (run, EXTRACT_TOO_MUCH_TEXT, error);
}

/* The helper of this very build where the program was not installed, for tests: some folder above
 * it has the tree of the build. */
static char *
find_helper (void)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = self == NULL ? NULL : g_path_get_dirname (self);

  for (guint up = 0; folder != NULL && up < 4; up++) {
    g_autofree char *helper = g_build_filename (folder, "app/extract/bottega-extract", NULL);
    char *parent;

    if (g_file_test (helper, G_FILE_TEST_IS_EXECUTABLE))
      return g_steal_pointer (&helper);
    parent = g_path_get_dirname (folder);
    g_free (folder);
    folder = parent;
  }
  return g_strdup (PKGLIBEXECDIR "/bottega-extract");
}

static char **
make_environment (void)
{
  g_autoptr (GStrvBuilder) environment = g_strv_builder_new ();

  for (guint i = 0; i < G_N_ELEMENTS (variables); i++)
    if (g_getenv (variables[i]) != NULL)
      g_strv_builder_take (environment,
                           g_strconcat (variables[i], "=", g_getenv (variables[i]), NULL));
  return g_strv_builder_end (environment);
}

static char **
make_arguments (const Run *run,
                const char *helper)
{
  g_autoptr (GStrvBuilder) arguments = g_strv_builder_new ();

  g_strv_builder_add_many (arguments, helper, run->suffix, NULL);
  g_strv_builder_take (arguments,
                       g_strdup_printf ("%" G_GUINT64_FORMAT, run->limits.memory_bytes));
  g_strv_builder_take (arguments, g_strdup_printf ("%u", run->limits.seconds));
  g_strv_builder_take (arguments,
                       g_strdup_printf ("%" G_GUINT64_FORMAT, run->limits.output_bytes));
  g_strv_builder_take (arguments, g_strdup_printf ("%u", run->limits.pages));
  if (run->page > 0) {
    g_strv_builder_take (arguments, g_strdup_printf ("%u", run->page));
    g_strv_builder_take (arguments, g_strdup_printf ("%u", run->width));
  }
  return g_strv_builder_end (arguments);
}

/* posix_spawn () and not fork (): this process has threads. The file becomes standard input. */
static int
spawn (Run *run,
       int output,
       const char *helper)
{
  g_auto (GStrv) arguments = make_arguments (run, helper);
  g_auto (GStrv) environment = make_environment ();
  gboolean is_heard = !g_log_writer_default_would_drop (G_LOG_LEVEL_DEBUG, "bottega-extract");
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  int status;

  sigemptyset (&none);
  sigfillset (&all);
  posix_spawn_file_actions_init (&files);
  posix_spawn_file_actions_adddup2 (&files, run->file, STDIN_FILENO);
  posix_spawn_file_actions_adddup2 (&files, output, STDOUT_FILENO);
  if (!is_heard)
    posix_spawn_file_actions_addopen (&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np (&files, STDERR_FILENO + 1);
  posix_spawnattr_init (&attributes);
  posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setsigmask (&attributes, &none);
  posix_spawnattr_setsigdefault (&attributes, &all);
  status = posix_spawn (&run->pid, helper, &files, &attributes, arguments, environment);
  if (status != 0)
    run->pid = 0;
  posix_spawnattr_destroy (&attributes);
  posix_spawn_file_actions_destroy (&files);
  return status;
}

static gboolean
start (Run *run,
       GError **error)
{
  g_autofree char *helper = find_helper ();
  g_autofd int output = -1;
  int ends[2];
  int status = g_unix_open_pipe (ends, O_CLOEXEC, NULL) ? 0 : EMFILE;

  if (status == 0) {
    run->output = ends[0];
    output = ends[1];
    g_unix_set_fd_nonblocking (run->output, TRUE, NULL);
    status = spawn (run, output, helper);
  }
  run->deadline_us = g_get_monotonic_time () + (gint64) run->limits.seconds * 4 * G_USEC_PER_SEC;
  return status == 0 || fail_with (run, BOTTEGA_EXTRACTION_ERROR_FAILED, error,
                                   _ ("“%s” was not read: the program %s could not be started "
                                      "(%s). Installing Bottega again may help."),
                                   run->name, helper, g_strerror (status));
}

/* While the process works. What cannot be read here cannot be read there either. */
static gboolean
hash_file (const Run *run,
           char **sha256,
           GError **error)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree guint8 *chunk = g_malloc (CHUNK_BYTES);
  goffset at = 0;

  for (;;) {
    gssize n = pread (run->file, chunk, CHUNK_BYTES, at);

    if (!may_go_on (run, error))
      return FALSE;
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail_with (run, BOTTEGA_EXTRACTION_ERROR_OPEN, error, _ ("“%s” cannot be read: %s."),
                        run->name, g_strerror (errno));
    if (n == 0)
      break;
    g_checksum_update (checksum, chunk, n);
    at += n;
  }
  *sha256 = g_strdup (g_checksum_get_string (checksum));
  return TRUE;
}

/* Reads up to n bytes; fewer only at the end of what the process wrote. -1: error is set. */
static gssize
read_output (const Run *run,
             gpointer to,
             gsize n,
             GError **error)
{
  GPollFD fds[2] = { { .fd = run->output, .events = G_IO_IN } };
  gboolean can_cancel = g_cancellable_make_pollfd (run->cancellable, &fds[1]);
  gsize got = 0;
  gboolean may = TRUE;

  while (got < n && (may = may_go_on (run, error))) {
    gint64 left_us = run->deadline_us - g_get_monotonic_time ();
    gssize part;

    g_poll (fds, can_cancel ? 2 : 1, (gint) CLAMP (left_us / 1000 + 1, 1, G_MAXINT));
    part = read (run->output, (guint8 *) to + got, n - got);
    if (part == 0 || (part < 0 && errno != EAGAIN && errno != EINTR))
      break;
    got += part > 0 ? (gsize) part : 0;
  }
  if (can_cancel)
    g_cancellable_release_fd (run->cancellable);
  return may ? (gssize) got : -1;
}

/* How the process ended that said nothing. */
static gboolean
fail_by_status (Run *run,
                GError **error)
{
  gint64 until_us = g_get_monotonic_time () + GRACE_US;
  int status = 0;
  pid_t ended;

  while ((ended = waitpid (run->pid, &status, WNOHANG)) == 0 && g_get_monotonic_time () < until_us)
    g_usleep (2000);
  if (ended > 0)
    run->pid = 0;
  if (ended > 0 && WIFEXITED (status) && WEXITSTATUS (status) == EXIT_NOT_READY)
    return fail_with (run, BOTTEGA_EXTRACTION_ERROR_FAILED, error,
                      _ ("“%s” was not read: this system does not let Bottega lock up the "
                         "program that reads documents."),
                      run->name);
  if (ended > 0 && WIFSIGNALED (status) && WTERMSIG (status) == SIGXCPU)
    return fail (run, EXTRACT_TIME, error);
  /* Nobody else sends this: the system ran out of memory. */
  if (ended > 0 && WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL)
    return fail (run, EXTRACT_MEMORY, error);
  return fail (run, EXTRACT_CRASHED, error);
}

/* What the process wrote after its head; it may be cut. */
static GBytes *
take_bytes (Run *run,
            GError **error)
{
  Frame frame;
  g_autofree guint8 *data = NULL;
  gssize got = read_output (run, &frame, sizeof frame, error);

  if (got >= 0 && (gsize) got < sizeof frame)
    fail_by_status (run, error);
  if (got < (gssize) sizeof frame)
    return NULL;
  if (frame.magic != FRAME_MAGIC || frame.failure >= EXTRACT_N_FAILURES ||
      frame.length > run->limits.output_bytes) {
    fail (run, EXTRACT_CRASHED, error);
    return NULL;
  }
  if (frame.failure != EXTRACT_OK) {
    fail (run, (ExtractFailure) frame.failure, error);
    return NULL;
  }
  data = g_try_malloc (frame.length);
  got = data == NULL ? 0 : read_output (run, data, frame.length, error);
  return got < 0 ? NULL : g_bytes_new_take (g_steal_pointer (&data), (gsize) got);
}

static gboolean
begin (Run *run,
       const char *path,
       GError **error)
{
  run->name = g_filename_display_basename (path);
  run->suffix = suffix_of (run->name);
  run->deadline_us = G_MAXINT64;
  return may_go_on (run, error) && open_file (run, path, error) && start (run, error);
}

BottegaDocument *
bottega_extraction_run (const char *path,
                        const BottegaExtractionLimits *limits,
                        char **sha256,
                        GCancellable *cancellable,
                        GError **error)
{
  g_auto (Run) run = { .limits = defaults, .file = -1, .output = -1, .cancellable = cancellable };
  g_autoptr (GBytes) bytes = NULL;
  BottegaDocument *document;

  if (sha256 != NULL)
    *sha256 = NULL;
  if (limits != NULL) {
    run.limits.memory_bytes = limits->memory_bytes ?: defaults.memory_bytes;
    run.limits.output_bytes = limits->output_bytes ?: defaults.output_bytes;
    run.limits.seconds = limits->seconds ?: defaults.seconds;
    run.limits.pages = limits->pages ?: defaults.pages;
  }
  if (!begin (&run, path, error) || (sha256 != NULL && !hash_file (&run, sha256, error)))
    return NULL;
  bytes = take_bytes (&run, error);
  if (bytes == NULL)
    return NULL;
  document = bottega_document_parse (bytes);
  if (document == NULL)
    fail (&run, EXTRACT_CRASHED, error);
  return document;
}

/* ---- drawing */

void
bottega_drawing_free (BottegaDrawing *drawing)
{
  if (drawing == NULL)
    return;
  g_clear_pointer (&drawing->pixels, g_bytes_unref);
  g_free (drawing);
}

/* NULL for what no page can be. */
static BottegaDrawing *
parse_drawing (GBytes *bytes,
               guint width)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  BottegaDrawing *drawing;
  DrawnPage page;

  if (size < sizeof page)
    return NULL;
  memcpy (&page, data, sizeof page);
  if (page.width != width || page.height == 0 || page.height > 4 * DRAWN_PIXELS ||
      page.stride_bytes != 4 * width || !(page.width_points >= 1) || !(page.height_points >= 1) ||
      size != sizeof page + (gsize) page.stride_bytes * page.height)
    return NULL;
  drawing = g_new0 (BottegaDrawing, 1);
  drawing->pixels = g_bytes_new_from_bytes (bytes, sizeof page, size - sizeof page);
  drawing->width = page.width;
  drawing->height = page.height;
  drawing->stride_bytes = page.stride_bytes;
  drawing->width_points = page.width_points;
  drawing->height_points = page.height_points;
  return drawing;
}

BottegaDrawing *
bottega_extraction_draw (const char *path,
                         guint number,
                         guint width,
                         GCancellable *cancellable,
                         GError **error)
{
  g_auto (Run) run = { .limits = defaults, .file = -1, .output = -1, .cancellable = cancellable };
  g_autoptr (GBytes) bytes = NULL;
  BottegaDrawing *drawing;

  run.page = number;
  run.width = CLAMP (width, 1, DRAWN_PIXELS);
  run.limits.output_bytes = sizeof (DrawnPage) + (guint64) 16 * DRAWN_PIXELS * DRAWN_PIXELS;
  if (!begin (&run, path, error))
    return NULL;
  bytes = take_bytes (&run, error);
  if (bytes == NULL)
    return NULL;
  drawing = parse_drawing (bytes, run.width);
  if (drawing == NULL)
    fail (&run, EXTRACT_CRASHED, error);
  return drawing;
}

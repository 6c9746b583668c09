/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tries, inside of the sealed process, what a document that took it over would try; each attempt
 * has been seen to succeed before the seal, so that a refusal is the seal's doing. It knows the
 * locks only by what they refuse. */
#define G_LOG_DOMAIN "bottega-extract"

#include "app/extract/self-test.h"
#include "app/extract/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY_BYTES (64u << 20)
#define SECONDS      10

/* An attempt: TRUE when it succeeded. */
typedef gboolean (*Attempt) (void);

static gboolean
close_if (int fd)
{
  if (fd >= 0)
    close (fd);
  return fd >= 0;
}

static gboolean
internet_socket (void)
{
  return close_if (socket (AF_INET, SOCK_DGRAM, 0));
}

static gboolean
local_socket (void)
{
  int pair[2];

  return socketpair (AF_UNIX, SOCK_STREAM, 0, pair) == 0 && close_if (pair[0]) &&
         close_if (pair[1]);
}

static gboolean
read_passwd (void)
{
  return close_if (open ("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static gboolean
list_root (void)
{
  return close_if (open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static gboolean
write_file (void)
{
  int fd = open ("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

  return close_if (fd);
}

static gboolean
memory_file (void)
{
  return close_if (memfd_create ("x", MFD_CLOEXEC));
}

static gboolean
new_process (void)
{
  pid_t pid = fork ();

  if (pid == 0)
    _exit (0);
  if (pid > 0)
    waitpid (pid, NULL, 0);
  return pid > 0;
}

static gboolean
new_program (void)
{
  /* Asks the kernel only whether it would: an execve () of nothing gets as far as ENOENT. */
  execl ("/nowhere/at-all", "at-all", (char *) NULL);
  return errno == ENOENT;
}

static gboolean
signal_parent (void)
{
  return kill (getppid (), 0) == 0;
}

static gboolean
runnable_memory (void)
{
  void *page = mmap (NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  return page != MAP_FAILED;
}

static gboolean
look_at_parent (void)
{
  guint64 word;

  return syscall (SYS_process_vm_readv, getppid (), &word, 0, &word, 0, 0) == 0;
}

static const struct {
  const char *name;
  Attempt attempt;
} attempts[] = {
  { "an internet socket", internet_socket },
  { "a local socket", local_socket },
  { "reading /etc/passwd", read_passwd },
  { "listing the root folder", list_root },
  { "writing a file", write_file },
  { "a file in memory", memory_file },
  { "a new process", new_process },
  { "a new program", new_program },
  { "a signal to the parent", signal_parent },
  { "looking into the parent", look_at_parent },
  { "memory that can be run", runnable_memory },
};

static gboolean
report (guint *n,
        gboolean ok,
        const char *name)
{
  printf ("%s %u - %s\n", ok ? "ok" : "not ok", ++*n, name);
  return ok;
}

/* More than the limit, in pieces, so that no single one is refused for its size. */
static gboolean
too_much_memory (void)
{
  gboolean got = TRUE;

  for (guint i = 0; i < 2 * (MEMORY_BYTES >> 20) && got; i++)
    got = mmap (NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
          MAP_FAILED;
  return got;
}

int
self_test (void)
{
  gboolean possible[G_N_ELEMENTS (attempts)], files_closed, ok = TRUE;
  guint n = 0;

  setvbuf (stdout, NULL, _IONBF, 0);
  for (guint i = 0; i < G_N_ELEMENTS (attempts); i++)
    possible[i] = attempts[i].attempt ();
  ok &= report (&n, sandbox_limit (MEMORY_BYTES, SECONDS), "limits are set");
  files_closed = sandbox_close_files (NULL);
  if (!files_closed)
    printf ("# this kernel lacks Landlock\n");
  else
    ok &= report (&n, !read_passwd () && errno == EACCES, "Landlock alone refuses /etc/passwd");
  ok &= report (&n, sandbox_close_kernel (FALSE), "the filter of system calls is in force");
  for (guint i = 0; i < G_N_ELEMENTS (attempts); i++) {
    ok &= report (&n, !attempts[i].attempt (), attempts[i].name);
    if (!possible[i])
      printf ("# was not possible before either: %s\n", attempts[i].name);
  }
  if (!SANDBOX_SANITIZED)
    ok &= report (&n, !too_much_memory (), "memory beyond the limit");
  printf ("1..%u\n", n);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The three locks of bottega-extract: resource limits, Landlock, seccomp. Works as root and as a
 * user, also inside of bwrap and Flatpak, whose own filters stay in force. It knows nothing of
 * documents. */
#define G_LOG_DOMAIN "bottega-extract"

#include "app/extract/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Landlock's ABI as the kernel's documentation has it; its header is not everywhere, or older. */
#define LANDLOCK_VERSION   1u
#define SYS_CREATE_RULESET 444
#define SYS_RESTRICT_SELF  446

typedef struct {
  guint64 files, ports, scoped;
} LandlockRules;

/* What each version of the ABI can refuse, from 1: rights on files as a count of bits, and the
 * bytes of the struct that it knows. */
static const struct {
  guint file_bits, bytes;
} landlock_versions[] = { { 13, 8 }, { 14, 8 }, { 15, 8 }, { 15, 16 }, { 16, 16 }, { 16, 24 } };

gboolean
sandbox_close_files (void)
{
  long version = syscall (SYS_CREATE_RULESET, NULL, 0, LANDLOCK_VERSION);
  LandlockRules rules = { .ports = 3, .scoped = 3 };
  guint i;
  long fd;
  gboolean closed;

  if (version < 1 || prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return FALSE;
  i = (guint) MIN (version, (long) G_N_ELEMENTS (landlock_versions)) - 1;
  rules.files = ((guint64) 1 << landlock_versions[i].file_bits) - 1;
  fd = syscall (SYS_CREATE_RULESET, &rules, (gsize) landlock_versions[i].bytes, 0);
  if (fd < 0)
    return FALSE;
  /* No rule is added: nothing is allowed. */
  closed = syscall (SYS_RESTRICT_SELF, (int) fd, 0) == 0;
  close ((int) fd);
  return closed;
}

static gboolean
set_limit (int what,
           guint64 soft,
           guint64 hard)
{
  struct rlimit limit;

  if (getrlimit ((__rlimit_resource_t) what, &limit) != 0)
    return FALSE;
  limit.rlim_max = MIN (limit.rlim_max, (rlim_t) hard);
  limit.rlim_cur = MIN (limit.rlim_max, (rlim_t) soft);
  return setrlimit ((__rlimit_resource_t) what, &limit) == 0;
}

static guint64
address_space (void)
{
  guint64 pages = 0;
  FILE *file = fopen ("/proc/self/statm", "re");

  if (file != NULL) {
    if (fscanf (file, "%" G_GUINT64_FORMAT, &pages) != 1)
      pages = 0;
    fclose (file);
  }
  /* Without /proc: more than any start has needed. */
  return pages > 0 ? pages * (guint64) sysconf (_SC_PAGESIZE) : (guint64) 512 << 20;
}

gboolean
sandbox_limit (guint64 memory_bytes,
               guint seconds)
{
  guint64 space = address_space () + memory_bytes;

  return (SANDBOX_SANITIZED || set_limit (RLIMIT_AS, space, space)) &&
         set_limit (RLIMIT_CPU, seconds, (guint64) seconds + 1) && set_limit (RLIMIT_CORE, 0, 0) &&
         set_limit (RLIMIT_FSIZE, 0, 0) && set_limit (RLIMIT_NPROC, 0, 0) &&
         prctl (PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

/* Computing on memory, reading what is open, ending. */
static const int allowed[] = {
  SCMP_SYS (read), SCMP_SYS (pread64), SCMP_SYS (lseek), SCMP_SYS (fstat), SCMP_SYS (close),
  SCMP_SYS (munmap), SCMP_SYS (mremap), SCMP_SYS (madvise), SCMP_SYS (brk),
  SCMP_SYS (futex), SCMP_SYS (sched_yield), SCMP_SYS (getrandom),
  SCMP_SYS (clock_gettime), SCMP_SYS (gettimeofday), SCMP_SYS (time), SCMP_SYS (clock_nanosleep),
  SCMP_SYS (getpid), SCMP_SYS (gettid), SCMP_SYS (rt_sigaction), SCMP_SYS (rt_sigprocmask),
  SCMP_SYS (rt_sigreturn), SCMP_SYS (sigaltstack), SCMP_SYS (restart_syscall),
  SCMP_SYS (exit), SCMP_SYS (exit_group)
};

gboolean
sandbox_close_kernel (void)
{
  scmp_filter_ctx filter = seccomp_init (SCMP_ACT_ERRNO (EPERM));
  int status = filter == NULL || !set_limit (RLIMIT_NOFILE, 0, 0) ? -1 : 0;
  struct scmp_arg_cmp not_runnable = SCMP_A2 (SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
  struct scmp_arg_cmp to_output = SCMP_A0 (SCMP_CMP_LE, 2);
  struct scmp_arg_cmp to_self = SCMP_A0 (SCMP_CMP_EQ, (scmp_datum_t) getpid ());

  for (guint i = 0; i < G_N_ELEMENTS (allowed) && status == 0; i++)
    status = seccomp_rule_add (filter, SCMP_ACT_ALLOW, allowed[i], 0);
  if (status == 0)
    status = seccomp_rule_add_array (filter, SCMP_ACT_ALLOW, SCMP_SYS (mmap), 1, &not_runnable);
  if (status == 0)
    status = seccomp_rule_add_array (filter, SCMP_ACT_ALLOW, SCMP_SYS (mprotect), 1, &not_runnable);
  if (status == 0)
    status = seccomp_rule_add_array (filter, SCMP_ACT_ALLOW, SCMP_SYS (write), 1, &to_output);
  if (status == 0)
    status = seccomp_rule_add_array (filter, SCMP_ACT_ALLOW, SCMP_SYS (writev), 1, &to_output);
  if (status == 0) /* abort () */
    status = seccomp_rule_add_array (filter, SCMP_ACT_ALLOW, SCMP_SYS (tgkill), 1, &to_self);
  if (status == 0)
    status = seccomp_load (filter);
  if (filter != NULL)
    seccomp_release (filter);
  return status == 0;
}

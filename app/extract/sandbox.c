/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The three locks of bottega-extract: resource limits, Landlock, seccomp. Works as root and as a
 * user, also inside of bwrap and Flatpak, whose own filters stay in force. It knows nothing of
 * documents. */
#define G_LOG_DOMAIN "bottega-extract"

#include "app/extract/sandbox.h"

#include <errno.h>
#include <fcntl.h>
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
#define SYS_ADD_RULE       445
#define SYS_RESTRICT_SELF  446
#define RULE_BENEATH       1
#define RIGHT_TO_READ      ((1u << 2) | (1u << 3)) /* files, folders */

/* At once, where files may be read. */
#define OPEN_FILES 64

typedef struct {
  guint64 files, ports, scoped;
} LandlockRules;

/* What each version of the ABI can refuse, from 1: rights on files as a count of bits, and the
 * bytes of the struct that it knows. */
static const struct {
  guint file_bits, bytes;
} landlock_versions[] = { { 13, 8 }, { 14, 8 }, { 15, 8 }, { 15, 16 }, { 16, 16 }, { 16, 24 } };

/* As the kernel has it. */
typedef struct {
  guint64 allowed;
  gint32 parent_fd;
} __attribute__ ((packed)) BeneathRule;

/* A folder that is not there needs no rule. */
static void
allow_reading (int ruleset,
               const char *folder)
{
  BeneathRule rule = { .allowed = RIGHT_TO_READ,
                       .parent_fd = open (folder, O_PATH | O_DIRECTORY | O_CLOEXEC) };

  if (rule.parent_fd < 0)
    return;
  syscall (SYS_ADD_RULE, ruleset, RULE_BENEATH, &rule, 0);
  close (rule.parent_fd);
}

gboolean
sandbox_close_files (const char *const *readable)
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
  /* What no rule allows is refused. */
  for (; readable != NULL && *readable != NULL; readable++)
    allow_reading ((int) fd, *readable);
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

/* What looking for a font takes besides. */
static const int allowed_for_reading[] = {
  SCMP_SYS (getdents64), SCMP_SYS (stat), SCMP_SYS (lstat), SCMP_SYS (newfstatat),
  SCMP_SYS (statx), SCMP_SYS (access), SCMP_SYS (faccessat), SCMP_SYS (faccessat2),
  SCMP_SYS (readlink), SCMP_SYS (readlinkat), SCMP_SYS (statfs), SCMP_SYS (fstatfs),
  SCMP_SYS (fcntl), SCMP_SYS (getuid), SCMP_SYS (geteuid), SCMP_SYS (getcwd), SCMP_SYS (uname)
};

static int
add_reading (scmp_filter_ctx filter)
{
  struct scmp_arg_cmp only_reading =
      SCMP_A2 (SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);
  int status = seccomp_rule_add_array (filter, SCMP_ACT_ALLOW, SCMP_SYS (openat), 1, &only_reading);

  for (guint i = 0; i < G_N_ELEMENTS (allowed_for_reading) && status == 0; i++)
    status = seccomp_rule_add (filter, SCMP_ACT_ALLOW, allowed_for_reading[i], 0);
  return status;
}

gboolean
sandbox_close_kernel (gboolean may_read_files)
{
  scmp_filter_ctx filter = seccomp_init (SCMP_ACT_ERRNO (EPERM));
  guint n_files = may_read_files ? OPEN_FILES : 0;
  int status = filter == NULL || !set_limit (RLIMIT_NOFILE, n_files, n_files) ? -1 : 0;
  struct scmp_arg_cmp not_runnable = SCMP_A2 (SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
  struct scmp_arg_cmp to_output = SCMP_A0 (SCMP_CMP_LE, 2);
  struct scmp_arg_cmp to_self = SCMP_A0 (SCMP_CMP_EQ, (scmp_datum_t) getpid ());

  for (guint i = 0; i < G_N_ELEMENTS (allowed) && status == 0; i++)
    status = seccomp_rule_add (filter, SCMP_ACT_ALLOW, allowed[i], 0);
  if (status == 0 && may_read_files)
    status = add_reading (filter);
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

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the filter that the kernel holds over this process. It must not know what the process does:
 * every family of sockets is refused but two. */
#include "config.h"

#include "app/assistant/bottega-seal.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/socket.h>

/* The last family of today's kernels; what comes after it is refused as well. */
#define LAST_FAMILY 45

static BottegaSeal seal;

/* Sockets on this computer: programs, and the kernel's news of devices and mounts. */
static gboolean
is_local (int family)
{
  return family == AF_UNIX || family == AF_NETLINK;
}

static int
refuse_sockets (scmp_filter_ctx filter)
{
  struct scmp_arg_cmp later = SCMP_A0_32 (SCMP_CMP_GT, LAST_FAMILY);
  int status =
      seccomp_rule_add_array (filter, SCMP_ACT_ERRNO (EACCES), SCMP_SYS (socket), 1, &later);

  for (int family = 0; family <= LAST_FAMILY && status == 0; family++) {
    struct scmp_arg_cmp this = SCMP_A0_32 (SCMP_CMP_EQ, (scmp_datum_t) family);

    if (!is_local (family))
      status = seccomp_rule_add_array (filter, SCMP_ACT_ERRNO (EACCES), SCMP_SYS (socket), 1,
                                       &this);
  }
  return status;
}

/* It would make sockets past the filter. */
static int
refuse_ring (scmp_filter_ctx filter)
{
  return seccomp_rule_add (filter, SCMP_ACT_ERRNO (ENOSYS), SCMP_SYS (io_uring_setup), 0);
}

static gboolean
load (void)
{
  scmp_filter_ctx filter = seccomp_init (SCMP_ACT_ALLOW);
  gboolean loaded = filter != NULL &&
                    seccomp_attr_set (filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO (EACCES)) ==
                        0 &&
                    seccomp_attr_set (filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
                    refuse_sockets (filter) == 0 && refuse_ring (filter) == 0 &&
                    seccomp_load (filter) == 0;

  if (filter != NULL)
    seccomp_release (filter);
  return loaded;
}

gboolean
bottega_seal_is_remote (const char *display)
{
  return display != NULL && *display != '\0' && *display != ':' && *display != '/' &&
         !g_str_has_prefix (display, "unix:");
}

BottegaSeal
bottega_seal_close (const char *display)
{
  if (bottega_seal_is_remote (display))
    seal = BOTTEGA_SEAL_REMOTE_SCREEN;
  else
    seal = load () ? BOTTEGA_SEAL_CLOSED : BOTTEGA_SEAL_IMPOSSIBLE;
  return seal;
}

BottegaSeal
bottega_seal_get (void)
{
  return seal;
}

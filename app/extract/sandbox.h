/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a process gives up before it reads what a stranger wrote: for good, in three steps, the
 * second where the kernel has it. Linux only; one thread, called once, in this order. */
#pragma once

#include <glib.h>

/* A sanitizer reserves the whole address space for itself: no limit of memory then. */
#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif

G_BEGIN_DECLS

/* Limits that the kernel keeps: memory_bytes of address space beyond what is in use now, seconds of
 * processor time (then SIGXCPU), no core file, no writing to files, no new process. */
gboolean sandbox_limit (guint64 memory_bytes, guint seconds);

/* No file, folder, port or foreign process can be reached any more, but for reading what lies in
 * READABLE (folders, NULL-terminated; NULL: none). FALSE: the kernel lacks Landlock, and the other
 * steps stand alone. */
gboolean sandbox_close_files (const char *const *readable);

/* Every system call but the few that computing on memory needs is refused with EPERM: no opening,
 * no socket, no new process, thread or program, no memory that can be run. FALSE: not possible
 * here, and then nothing may be read. */
gboolean sandbox_close_kernel (gboolean may_read_files);

G_END_DECLS

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the look at this process and the connection that is tried. What it means is
 * bottega-offline.c's to say. */
#include "config.h"

#include "app/assistant/bottega-offline.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Set aside for examples by RFC 5737 and RFC 3849. */
#define NOBODY_IPV4 "192.0.2.1"
#define NOBODY_IPV6 "2001:db8::1"
#define PORT        9

/* To connect a datagram socket asks the system for a way there and sends nothing. */
static BottegaOfflineTry
try_connection (const struct sockaddr *address, socklen_t size)
{
  BottegaOfflineTry try = { 0 };
  int fd = socket (address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  if (fd < 0) {
    try.socket_error = errno;
    return try;
  }
  if (connect (fd, address, size) != 0)
    try.connect_error = errno;
  close (fd);
  return try;
}

static char *
read_file (const char *path)
{
  char *text = NULL;

  g_file_get_contents (path, &text, NULL, NULL);
  return text;
}

BottegaOfflineFacts *
bottega_offline_look (void)
{
  BottegaOfflineFacts *facts = g_new0 (BottegaOfflineFacts, 1);
  struct sockaddr_in ipv4 = { .sin_family = AF_INET, .sin_port = htons (PORT) };
  struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6, .sin6_port = htons (PORT) };

  inet_pton (AF_INET, NOBODY_IPV4, &ipv4.sin_addr);
  inet_pton (AF_INET6, NOBODY_IPV6, &ipv6.sin6_addr);
  facts->sandbox = read_file ("/.flatpak-info");
  facts->status = read_file ("/proc/self/status");
  facts->devices = read_file ("/proc/self/net/dev");
  facts->tries[BOTTEGA_OFFLINE_IPV4] = try_connection ((struct sockaddr *) &ipv4, sizeof ipv4);
  facts->tries[BOTTEGA_OFFLINE_IPV6] = try_connection ((struct sockaddr *) &ipv6, sizeof ipv6);
  facts->seal = bottega_seal_get ();
  return facts;
}

void
bottega_offline_facts_free (BottegaOfflineFacts *facts)
{
  g_free (facts->sandbox);
  g_free (facts->status);
  g_free (facts->devices);
  g_free (facts);
}

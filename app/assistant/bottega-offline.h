/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What keeps Bottega off every network, looked at from inside: what its sandbox allows, what the
 * kernel says of the process, and a connection that is really tried. Sentences are translated and
 * meant for people who have to vouch for it. Any thread. */
#pragma once

#include "app/assistant/bottega-seal.h"

G_BEGIN_DECLS

typedef enum {
  BOTTEGA_OFFLINE_HOLDS,  /* it keeps something from leaving */
  BOTTEGA_OFFLINE_KNOW,   /* it opens no network, but is good to know */
  BOTTEGA_OFFLINE_BROKEN, /* something could leave here */
} BottegaOfflineVerdict;

typedef struct {
  const char *id;      /* "try", "seal", …: the same in every language */
  const char *title;   /* borrowed */
  char *found;         /* what was seen, in the system's own words */
  const char *meaning; /* a sentence; borrowed */
  BottegaOfflineVerdict verdict;
} BottegaOfflineLine;

enum {
  BOTTEGA_OFFLINE_IPV4,
  BOTTEGA_OFFLINE_IPV6,
  BOTTEGA_OFFLINE_N_TRIES,
};

/* What the system said, as errno; 0: it let it through. */
typedef struct {
  int socket_error;
  int connect_error; /* when there was a socket */
} BottegaOfflineTry;

typedef struct {
  char *sandbox; /* text of /.flatpak-info; NULL: no sandbox */
  char *status;  /* text of /proc/self/status */
  char *devices; /* text of /proc/self/net/dev */
  BottegaOfflineTry tries[BOTTEGA_OFFLINE_N_TRIES];
  BottegaSeal seal;
} BottegaOfflineFacts;

/* Looks, and tries a connection to addresses that belong to nobody; nothing is sent in any case. */
BottegaOfflineFacts *bottega_offline_look (void);
void bottega_offline_facts_free (BottegaOfflineFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaOfflineFacts, bottega_offline_facts_free)

/* GPtrArray of BottegaOfflineLine, the most telling first. */
GPtrArray *bottega_offline_judge (const BottegaOfflineFacts *facts);
/* All in one: a heading and a sentence, borrowed; either may be NULL. The verdict: HOLDS when no
 * connection can be made. */
BottegaOfflineVerdict bottega_offline_sum_up (const BottegaOfflineFacts *facts,
                                              const char **heading, const char **sentence);
/* The same as text, to be copied; free with g_free. */
char *bottega_offline_to_text (const BottegaOfflineFacts *facts);
/* "holds", "good to know", "does not hold"; translated, borrowed. */
const char *bottega_offline_verdict_text (BottegaOfflineVerdict verdict);

G_END_DECLS

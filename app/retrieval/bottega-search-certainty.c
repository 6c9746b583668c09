/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From what a search saw to how sure it is that the documents answer: a logistic function of raw
 * scores, for ranks look alike whether an answer is there or not. It must not know where the
 * evidence comes from. tests/retrieval/README.md says how the weights were found. */
#include "app/retrieval/bottega-search-private.h"

#include <math.h>

/* Without and with a closer look. */
static const struct {
  double constant, absent, covered, cosine, missing, nearest;
} weights[] = {
  { -39.37, -4.81, 1.10, 50.16, -4.65, 0 },
  { -44.75, -4.91, 0.96, 5.50, -4.89, 51.36 },
};
static const double thresholds[] = { 0.60, 0.66 };

/* Outside of this a closer look would change nothing. */
#define DOUBT_FROM 0.10
#define DOUBT_TO   0.95

double
bottega_certainty (const BottegaEvidence *evidence)
{
  guint closer = evidence->nearest > 0;
  double score = weights[closer].constant + weights[closer].absent * evidence->absent +
                 weights[closer].covered * evidence->covered +
                 weights[closer].cosine * evidence->cosine +
                 weights[closer].missing * evidence->missing +
                 weights[closer].nearest * evidence->nearest;

  return 1 / (1 + exp (-score));
}

gboolean
bottega_certainty_suffices (const BottegaEvidence *evidence)
{
  return bottega_certainty (evidence) >= thresholds[evidence->nearest > 0];
}

gboolean
bottega_certainty_is_doubtful (double certainty)
{
  return certainty > DOUBT_FROM && certainty < DOUBT_TO;
}

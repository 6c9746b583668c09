/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules that say what limited an answer, as one table: how many seconds of the person's waiting
 * each explains, and what is said and offered. It must not know how the facts were found out. */
#define G_LOG_DOMAIN "bottega-diagnosis"
#include "config.h"

#include "app/assistant/bottega-diagnosis.h"

#include "app/assistant/bottega-stats-text.h"

#include <glib/gi18n-lib.h>

/* Less than this of waiting needs no mending: the verdict is said, and nothing offered. */
#define WORTH_MENDING_S 0.5
/* Of all the waiting: so much stands out. */
#define GOOD_PART 0.25
/* A load is a slow disk's when it comes at less than half of the usual speed and the processors
 * have nothing to do for most of it: packing weights or compiling shaders is no disk's fault. */
#define SLOW_LOAD_SHARE 0.5
#define BUSY_LOAD_SHARE 0.5
/* While nothing faster was seen here: what solid-state disks give at the least. */
#define USUAL_LOAD_BYTES_S 400e6
/* A page that has to come back from a disk costs about so much, on solid-state disks. */
#define MAJOR_FAULT_S 100e-6
/* How much slower a computer is with power saver on, until its own speed without is known. */
#define POWER_SAVER_SLOWDOWN 1.5
#define MOST_SLOWDOWN        10.0
/* So many times as fast as the computer's memory is a graphics card's read (300 to 40 GB/s). */
#define CARD_RATIO 8.0

/* Reading and writing as far as no rule before has explained it, so that a second counts once: what
 * is particular comes before what is true of every answer. */
typedef struct {
  double read_s, write_s;
} Rest;

/* Parts of what is left, each between 0 and 1. */
static double
take (Rest *rest, double read_share, double write_share)
{
  double read_s = rest->read_s * CLAMP (read_share, 0, 1);
  double write_s = rest->write_s * CLAMP (write_share, 0, 1);

  rest->read_s -= read_s;
  rest->write_s -= write_s;

  return read_s + write_s;
}

/* ---- what each rule explains ---- */

static double
explain_queue (const BottegaDiagnosis *self, Rest *rest)
{
  return self->facts.queue_s;
}

static double
explain_search (const BottegaDiagnosis *self, Rest *rest)
{
  return self->facts.search_s;
}

static double
load_bytes_s (const BottegaAnswerFacts *facts)
{
  return facts->load_file_s > 0 ? (double) facts->load_bytes / facts->load_file_s : 0;
}

static double
usual_load_bytes_s (const BottegaAnswerFacts *facts)
{
  return MAX (facts->usual_load_bytes_s, USUAL_LOAD_BYTES_S);
}

gboolean
bottega_answer_facts_came_slowly (const BottegaAnswerFacts *facts)
{
  return facts->load_bytes > 0 && facts->load_file_s > 0 &&
         load_bytes_s (facts) < usual_load_bytes_s (facts) * SLOW_LOAD_SHARE &&
         facts->load_busy_s < facts->load_file_s * BUSY_LOAD_SHARE;
}

static double
explain_disk (const BottegaDiagnosis *self, Rest *rest)
{
  return bottega_answer_facts_came_slowly (&self->facts) ? self->facts.load_s : 0;
}

static double
explain_cold_load (const BottegaDiagnosis *self, Rest *rest)
{
  return bottega_answer_facts_came_slowly (&self->facts) ? 0 : self->facts.load_s;
}

/* Pressure is of the whole computer and says what was waited; where the kernel does not tell, the
 * program's own pages that were fetched back stand for it. */
static double
explain_memory_tight (const BottegaDiagnosis *self, Rest *rest)
{
  double waited_s = MAX (self->facts.stall_s, (double) self->facts.major_faults * MAJOR_FAULT_S);
  double all_s = rest->read_s + rest->write_s;

  return all_s > 0 ? take (rest, waited_s / all_s, waited_s / all_s) : 0;
}

/* The share of a time that would not have been needed at the model's usual speed; otherwise: how
 * much slower it is taken to be while that is not known. */
static double
lost_share (const BottegaDiagnosis *self, double otherwise)
{
  double slowdown = self->facts.usual_tok_s > 0 && self->stats.decode_tok_s > 0
                        ? self->facts.usual_tok_s / self->stats.decode_tok_s
                        : otherwise;

  return 1 - 1 / CLAMP (slowdown, 1, MOST_SLOWDOWN);
}

static double
explain_power_saver (const BottegaDiagnosis *self, Rest *rest)
{
  double share = lost_share (self, POWER_SAVER_SLOWDOWN);

  return self->facts.power_saver ? take (rest, share, share) : 0;
}

/* Reading is arithmetic and goes with the threads; writing waits for memory and may lose less. */
static double
explain_few_threads (const BottegaDiagnosis *self, Rest *rest)
{
  const guint n = self->facts.n_threads, usual = self->facts.n_usual_threads;

  if (n == 0 || n >= usual)
    return 0;

  return take (rest, 1 - (double) n / usual, lost_share (self, (double) usual / n));
}

/* Of layers of which a share a is read at an eighth of the speed, the time is 1 - a + 8 a, where 1
 * would do. */
static double
explain_layers (const BottegaDiagnosis *self, Rest *rest)
{
  double apart, more, share;

  if (self->facts.n_layers == 0 || self->facts.n_layers_apart == 0)
    return 0;
  apart = (double) self->facts.n_layers_apart / self->facts.n_layers;
  more = apart * (CARD_RATIO - 1);
  share = more / (1 + more);

  return take (rest, share, share);
}

/* Each token looks back at all before it: keys and values are read beside the weights. When turns
 * leave, what stays is at another place, and is all read anew. */
static double
explain_long_context (const BottegaDiagnosis *self, Rest *rest)
{
  double kv = (double) self->facts.kv_token_bytes *
              (self->stats.prompt_tokens + self->stats.written_tokens / 2.0);
  double weights = (double) self->facts.decode_bytes;
  double share = weights > 0 ? kv / (kv + weights) : 0;

  return take (rest, self->facts.turns_left > 0, share);
}

static double
explain_reading (const BottegaDiagnosis *self, Rest *rest)
{
  return take (rest, 1, 0);
}

double
bottega_diagnosis_get_bandwidth_share (const BottegaDiagnosis *self)
{
  double share = self->facts.peak_bytes_s > 0
                     ? self->stats.decode_gb_s * 1e9 / self->facts.peak_bytes_s
                     : 0;

  return CLAMP (share, 0, 1);
}

/* Memory that is read at half of its peak for all of the time explains half of it. */
static double
explain_bandwidth (const BottegaDiagnosis *self, Rest *rest)
{
  return take (rest, 0, bottega_diagnosis_get_bandwidth_share (self));
}

static double
explain_writing (const BottegaDiagnosis *self, Rest *rest)
{
  return take (rest, 0, 1);
}

/* ---- what is said ---- */

static char *
number_seconds (const BottegaDiagnosis *self)
{
  return bottega_stats_text_seconds (self->seconds[self->verdict]);
}

static char *
number_layers (const BottegaDiagnosis *self)
{
  /* Translators: so many of so many layers. */
  return g_strdup_printf (_ ("%u of %u"), self->facts.n_layers_apart, self->facts.n_layers);
}

static char *
number_percent (const BottegaDiagnosis *self)
{
  return g_strdup_printf (_ ("%.0f %%"), bottega_diagnosis_get_bandwidth_share (self) * 100);
}

static char *
say_queue (const BottegaDiagnosis *self, const char *seconds)
{
  guint n = MAX (self->facts.n_before, 1);

  /* Translators: %s is a duration, "3.2 s", here and in the next sentences. */
  return g_strdup_printf (ngettext ("The question waited %s until %u other answer was written.",
                                    "The question waited %s until %u other answers were written.",
                                    n),
                          seconds, n);
}

static char *
say_search (const BottegaDiagnosis *self, const char *seconds)
{
  return g_strdup_printf (_ ("Searching the documents took %s."), seconds);
}

static char *
say_disk (const BottegaDiagnosis *self, const char *seconds)
{
  g_autofree char *speed = g_format_size ((guint64) load_bytes_s (&self->facts));
  g_autofree char *usual = g_format_size ((guint64) usual_load_bytes_s (&self->facts));

  /* Translators: a duration; sizes such as "25 MB". */
  return g_strdup_printf (_ ("The model came slowly from its disk, which took %s: %s a second, "
                             "where %s are usual."),
                          seconds, speed, usual);
}

static char *
say_cold_load (const BottegaDiagnosis *self, const char *seconds)
{
  return g_strdup_printf (_ ("The model was not in memory: loading it took %s."), seconds);
}

static char *
say_memory_tight (const BottegaDiagnosis *self, const char *seconds)
{
  return g_strdup_printf (_ ("Memory is too tight: about %s were spent waiting for it."), seconds);
}

static char *
say_power_saver (const BottegaDiagnosis *self, const char *seconds)
{
  return g_strdup_printf (_ ("Power saver is on: without it, the answer would have taken about %s "
                             "less."),
                          seconds);
}

static char *
say_few_threads (const BottegaDiagnosis *self, const char *seconds)
{
  return g_strdup_printf (
      ngettext ("Answers use %u of %u processor threads: with all, this one would have taken "
                "about %s less.",
                "Answers use %u of %u processor threads: with all, this one would have taken "
                "about %s less.",
                self->facts.n_threads),
      self->facts.n_threads, self->facts.n_usual_threads, seconds);
}

static char *
say_layers (const BottegaDiagnosis *self, const char *seconds)
{
  return g_strdup_printf (
      ngettext ("%u of %u layers does not fit the graphics card and stays in main memory, which "
                "took about %s more.",
                "%u of %u layers do not fit the graphics card and stay in main memory, which took "
                "about %s more.",
                self->facts.n_layers_apart),
      self->facts.n_layers_apart, self->facts.n_layers, seconds);
}

static char *
say_long_context (const BottegaDiagnosis *self, const char *seconds)
{
  guint n = self->stats.prompt_tokens;

  if (self->facts.turns_left > 0)
    return g_strdup_printf (
        ngettext ("The conversation is too long: %u turn left it, and reading the rest anew took "
                  "%s.",
                  "The conversation is too long: %u turns left it, and reading the rest anew took "
                  "%s.",
                  self->facts.turns_left),
        self->facts.turns_left, seconds);

  return g_strdup_printf (
      ngettext ("The conversation is long: looking back at its %'u token for every word took "
                "about %s.",
                "The conversation is long: looking back at its %'u tokens for every word took "
                "about %s.",
                n),
      n, seconds);
}

static char *
say_reading (const BottegaDiagnosis *self, const char *seconds)
{
  guint n = self->stats.read_tokens;

  return g_strdup_printf (
      ngettext ("Reading %'u token took %s, before the first word was written.",
                "Reading %'u tokens took %s, before the first word was written.", n),
      n, seconds);
}

static char *
say_bandwidth (const BottegaDiagnosis *self, const char *seconds)
{
  double share = bottega_diagnosis_get_bandwidth_share (self);

  return g_strdup_printf (
      _ ("Memory was read at %.0f %% of its highest speed: the size of the model sets the pace."),
      share * 100);
}

static char *
say_writing (const BottegaDiagnosis *self, const char *seconds)
{
  guint n = self->stats.written_tokens;

  return g_strdup_printf (ngettext ("Writing %'u token took %s, and nothing else held it up.",
                                    "Writing %'u tokens took %s, and nothing else held it up.", n),
                          n, seconds);
}

/* ---- the rules ---- */

#define SMALLER_MODEL N_ ("Choose a Smaller Model"), "win.models"
#define KEEP_LOADED   N_ ("Keep the Model Loaded"), "win.keep-loaded"
#define MEMORY        N_ ("Open Memory and Speed"), "app.memory"

/* In the order in which they take their part, see Rest, and in which equals are preferred. The
 * words of brief and short have one %s for the number. */
static const struct {
  const char *id;
  double (*explain) (const BottegaDiagnosis *self, Rest *rest);
  const char *brief, *folded;
  char *(*number) (const BottegaDiagnosis *self);
  char *(*say) (const BottegaDiagnosis *self, const char *seconds);
  const char *button, *action;
} rules[] = {
  [BOTTEGA_VERDICT_QUEUE] = { "queue", explain_queue, N_ ("limited by other answers (%s)"),
                              N_ ("other answers %s"), number_seconds, say_queue,
                              N_ ("Show the Queue"), "win.queue" },
  [BOTTEGA_VERDICT_SEARCH] = { "search", explain_search, N_ ("limited by the search (%s)"),
                               N_ ("search %s"), number_seconds, say_search,
                               N_ ("Open the Library"), "win.library" },
  [BOTTEGA_VERDICT_DISK] = { "disk", explain_disk, N_ ("limited by the disk (%s)"), N_ ("disk %s"),
                             number_seconds, say_disk, KEEP_LOADED },
  [BOTTEGA_VERDICT_COLD_LOAD] = { "cold-load", explain_cold_load,
                                  N_ ("limited by loading the model (%s)"), N_ ("loading %s"),
                                  number_seconds, say_cold_load, KEEP_LOADED },
  [BOTTEGA_VERDICT_MEMORY_TIGHT] = { "memory-tight", explain_memory_tight,
                                     N_ ("limited by tight memory (%s)"), N_ ("tight memory %s"),
                                     number_seconds, say_memory_tight,
                                     N_ ("Use a Shorter Context"), "app.memory" },
  [BOTTEGA_VERDICT_POWER_SAVER] = { "power-saver", explain_power_saver,
                                    N_ ("limited by power saver (%s)"), N_ ("power saver %s"),
                                    number_seconds, say_power_saver,
                                    N_ ("Turn Off Power Saver"), "win.balanced-power" },
  [BOTTEGA_VERDICT_FEW_THREADS] = { "few-threads", explain_few_threads,
                                    N_ ("limited by few threads (%s)"), N_ ("few threads %s"),
                                    number_seconds, say_few_threads, MEMORY },
  [BOTTEGA_VERDICT_LAYERS_IN_RAM] = { "layers-in-ram", explain_layers,
                                      N_ ("limited by layers in main memory (%s)"),
                                      N_ ("in main memory %s"), number_layers, say_layers, MEMORY },
  [BOTTEGA_VERDICT_LONG_CONTEXT] = { "long-context", explain_long_context,
                                     N_ ("limited by the long conversation (%s)"),
                                     N_ ("long conversation %s"), number_seconds, say_long_context,
                                     N_ ("Start a New Conversation"), "win.new-conversation" },
  [BOTTEGA_VERDICT_READING] = { "reading", explain_reading, N_ ("limited by reading (%s)"),
                                N_ ("reading %s"), number_seconds, say_reading, SMALLER_MODEL },
  [BOTTEGA_VERDICT_MEMORY_BANDWIDTH] = { "memory-bandwidth", explain_bandwidth,
                                         N_ ("limited by memory bandwidth (%s)"),
                                         N_ ("bandwidth %s"), number_percent, say_bandwidth,
                                         SMALLER_MODEL },
  [BOTTEGA_VERDICT_WRITING] = { "writing", explain_writing, N_ ("limited by computing (%s)"),
                                N_ ("computing %s"), number_seconds, say_writing, SMALLER_MODEL },
};
G_STATIC_ASSERT (G_N_ELEMENTS (rules) == BOTTEGA_N_VERDICTS);

/* The one that explains most, of equals the first. That nothing stands out is said when nothing
 * does: it gives way to what explains a good part, but not to memory that is read at less than half
 * of its speed. */
static BottegaVerdict
find_verdict (const BottegaDiagnosis *self)
{
  guint most = 0;

  for (guint i = 0; i < BOTTEGA_VERDICT_MEMORY_BANDWIDTH; i++)
    if (self->seconds[i] > self->seconds[most])
      most = i;
  if (self->seconds[BOTTEGA_VERDICT_MEMORY_BANDWIDTH] >= self->seconds[BOTTEGA_VERDICT_WRITING])
    return self->seconds[BOTTEGA_VERDICT_MEMORY_BANDWIDTH] > self->seconds[most]
               ? BOTTEGA_VERDICT_MEMORY_BANDWIDTH
               : most;

  return self->seconds[most] > self->total_s * GOOD_PART ? most : BOTTEGA_VERDICT_WRITING;
}

void
bottega_diagnose (const BottegaAnswerFacts *facts,
                  const EngineStats *stats,
                  BottegaDiagnosis *diagnosis)
{
  Rest rest = { facts->read_s, facts->write_s };

  *diagnosis = (BottegaDiagnosis) {
    .total_s = bottega_answer_facts_total_s (facts),
    .facts = *facts,
    .stats = *stats,
  };
  for (guint i = 0; i < BOTTEGA_N_VERDICTS; i++)
    diagnosis->seconds[i] = rules[i].explain (diagnosis, &rest);
  diagnosis->verdict = diagnosis->total_s > 0 ? find_verdict (diagnosis) : BOTTEGA_VERDICT_WRITING;
}

const char *
bottega_diagnosis_get_id (const BottegaDiagnosis *self)
{
  return rules[self->verdict].id;
}

/* The words come from the table above, with the one %s that it asks for. */
static char *
with_number (const BottegaDiagnosis *self, const char *words)
{
  g_autofree char *number = rules[self->verdict].number (self);

  return g_strdup_printf (_ (words), number);
}

char *
bottega_diagnosis_brief (const BottegaDiagnosis *self)
{
  return with_number (self, rules[self->verdict].brief);
}

char *
bottega_diagnosis_short (const BottegaDiagnosis *self)
{
  return with_number (self, rules[self->verdict].folded);
}

char *
bottega_diagnosis_sentence (const BottegaDiagnosis *self)
{
  g_autofree char *seconds = number_seconds (self);

  return rules[self->verdict].say (self, seconds);
}

static gboolean
is_worth_mending (const BottegaDiagnosis *self)
{
  return self->seconds[self->verdict] >= WORTH_MENDING_S;
}

const char *
bottega_diagnosis_get_button (const BottegaDiagnosis *self)
{
  return is_worth_mending (self) ? _ (rules[self->verdict].button) : NULL;
}

const char *
bottega_diagnosis_get_action (const BottegaDiagnosis *self)
{
  return is_worth_mending (self) ? rules[self->verdict].action : NULL;
}

JsonObject *
bottega_diagnosis_to_json (const BottegaDiagnosis *self)
{
  JsonObject *object = json_object_new (), *explains = json_object_new ();
  g_autofree char *sentence = bottega_diagnosis_sentence (self);

  json_object_set_string_member (object, "verdict", rules[self->verdict].id);
  json_object_set_string_member (object, "sentence", sentence);
  json_object_set_double_member (object, "seconds", self->seconds[self->verdict]);
  json_object_set_double_member (object, "total_s", self->total_s);
  json_object_set_double_member (object, "percent_of_peak",
                                 bottega_diagnosis_get_bandwidth_share (self) * 100);
  json_object_set_string_member (object, "action", rules[self->verdict].action);
  for (guint i = 0; i < BOTTEGA_N_VERDICTS; i++)
    json_object_set_double_member (explains, rules[i].id, self->seconds[i]);
  json_object_set_object_member (object, "explains_s", explains);

  return object;
}

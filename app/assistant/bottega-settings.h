/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaSettings: typed access to the schema io.github.bottega.Bottega. Every key is a property of
 * the same name, read and write, notifying; without an installed schema (tests, the command line
 * tool) they hold their defaults and whatever is set in this process. Main thread only.
 *
 *   key                type     default
 *   default-model      string   ""      path of the model that is loaded at start; "": the first
 *   device             string   "auto"
 *   context-length     uint     0       tokens; 0: automatic
 *   temperature        double   0.7
 *   max-answer-tokens  uint     2048
 *   instructions       string   ""      goes first in every conversation
 *   only-documents     boolean  FALSE   new conversations say what the documents say, or nothing
 *   summarise-turns    boolean  TRUE    that a context has no room for; else they are left out
 *   space              string   "personal"  was open last
 *   kept-megabytes     uint     2000    of all conversations on the disk; 0: none is kept there
 *   kv-type            string   "f16"   what conversations are kept as in memory, or "q8_0"
 *   threads            uint     0       of the processor; 0: as many as help
 *   chunk-tokens       uint     0       of a prompt read at a time; 0: automatic
 *   gpu-percent        uint     0       of a card's memory that a model may take; 0: what is free
 *   speculate          boolean  TRUE    tokens are guessed, then checked: faster, the same text
 *   unload-minutes     uint     60      without a question, then the model rests; 0: never
 *   respect-power-saver boolean TRUE    fewer threads while the computer saves power
 *   window-width       int      1100
 *   window-height      int      720
 *   window-maximized   boolean  FALSE
 *   sidebar-visible    boolean  TRUE
 */
#pragma once

#include "app/assistant/bottega-model-records.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define BOTTEGA_SETTINGS_SCHEMA "io.github.bottega.Bottega"

#define BOTTEGA_TYPE_SETTINGS (bottega_settings_get_type ())
G_DECLARE_FINAL_TYPE (BottegaSettings, bottega_settings, BOTTEGA, SETTINGS, GObject)

/* The person's settings where the schema is installed, else as _new_in_memory (). */
BottegaSettings *bottega_settings_new (void);
/* Defaults; nothing is read from or written to disk. */
BottegaSettings *bottega_settings_new_in_memory (void);

const char *bottega_settings_get_default_model (BottegaSettings *self);
void bottega_settings_set_default_model (BottegaSettings *self, const char *path);
const char *bottega_settings_get_device (BottegaSettings *self);
guint bottega_settings_get_context_length (BottegaSettings *self);
double bottega_settings_get_temperature (BottegaSettings *self);
guint bottega_settings_get_max_answer_tokens (BottegaSettings *self);
const char *bottega_settings_get_instructions (BottegaSettings *self);
gboolean bottega_settings_get_only_documents (BottegaSettings *self);
gboolean bottega_settings_get_summarise_turns (BottegaSettings *self);
const char *bottega_settings_get_space (BottegaSettings *self);
guint bottega_settings_get_kept_megabytes (BottegaSettings *self);
const char *bottega_settings_get_kv_type (BottegaSettings *self);
guint bottega_settings_get_chunk_tokens (BottegaSettings *self);
guint bottega_settings_get_gpu_percent (BottegaSettings *self);
gboolean bottega_settings_get_speculate (BottegaSettings *self);
guint bottega_settings_get_unload_minutes (BottegaSettings *self);
gboolean bottega_settings_get_respect_power_saver (BottegaSettings *self);

/* Whether the computer saves power now; it does not at first. Signal: power-changed (). */
void bottega_settings_set_saving_power (BottegaSettings *self, gboolean saving_power);
/* It does, and that is respected. */
gboolean bottega_settings_get_saves_power (BottegaSettings *self);
/* Half of the processors. */
guint bottega_settings_get_saving_threads (void);
/* What a model is loaded with now: as many as are set, and when power is saved at most half of the
 * processors. 0: as many as help. */
guint bottega_settings_get_load_threads (BottegaSettings *self);

/* What was set for the model that is loaded; copied. Device and context length are for whoever
 * loads it. */
void bottega_settings_set_model_defaults (BottegaSettings *self,
                                          const BottegaModelDefaults *defaults);
/* What an answer is written with now: the model's own where it has any, else what holds for all. */
double bottega_settings_get_answer_temperature (BottegaSettings *self);
const char *bottega_settings_get_answer_instructions (BottegaSettings *self);

G_END_DECLS

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of a space's file, as the steps that made them. The comments in bottega-schema.c say
 * what the tables and columns are; the database applies the steps and knows nothing of them.
 *
 * Constants; any thread. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Step i brings a file from version i (PRAGMA user_version) to i + 1. */
extern const char *const bottega_schema_steps[];
extern const guint bottega_schema_n_steps;

/* Names in the table facts. */
#define BOTTEGA_FACT_EMBEDDER "embedder" /* id of the model that made all vectors; no row: none */
#define BOTTEGA_FACT_REMOVALS "removals" /* grows whenever vectors are taken out */
#define BOTTEGA_FACT_UNTIDY   "untidy"   /* next step of taking removed words out; no row: none */

G_END_DECLS

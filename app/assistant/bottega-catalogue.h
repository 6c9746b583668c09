/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The models that a person may want to get: data/models/catalogue.json, read strictly, and what
 * each would need on a computer. Nothing here goes to the network. */
#pragma once

#include "app/assistant/bottega-model-text.h"

G_BEGIN_DECLS

#define BOTTEGA_CATALOGUE_ERROR (bottega_catalogue_error_quark ())
GQuark bottega_catalogue_error_quark (void);
typedef enum {
  BOTTEGA_CATALOGUE_ERROR_INVALID, /* the message names the entry and the field */
} BottegaCatalogueError;

/* Strings owned. */
typedef struct {
  char *name, *maker;
  char *file, *page;          /* the file's name, and the https page that offers it */
  char *license;              /* an open one, as SPDX writes it in lower case */
  char *architecture, *types; /* "qwen3", "Q4_K_M" */
  char *languages;            /* codes, "en, it" */
  char *sha256;               /* 64 hexadecimal digits; NULL: not known */
  guint n_languages;          /* all of them; languages may hold only the main ones */
  guint64 bytes, parameters;
  guint64 active_parameters; /* that one token uses: fewer in a mixture of experts */
  guint64 kv_bytes_per_token;
  guint context_tokens;
} BottegaCatalogueEntry;

/* A GPtrArray of BottegaCatalogueEntry, free with g_ptr_array_unref. NULL and error when any field
 * of any entry is missing, unknown or wrong. */
GPtrArray *bottega_catalogue_parse (const char *json, gssize bytes, GError **error);
/* The entry whose file has this checksum, or else this name; NULL: none. Borrowed. */
const BottegaCatalogueEntry *bottega_catalogue_find (GPtrArray *catalogue, const char *sha256,
                                                     const char *file);
void bottega_catalogue_need (const BottegaCatalogueEntry *entry, BottegaModelNeed *need);
/* First what fits and is fast enough to read along, the biggest of these first; then what fits and
 * is slower, the fastest first; then what does not fit, the smallest first. */
void bottega_catalogue_sort (GPtrArray *catalogue, const BottegaMachine *machine);

G_END_DECLS

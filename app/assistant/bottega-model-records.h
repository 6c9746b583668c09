/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaModelRecords: what is remembered of model files beside the files themselves, in
 * <data-dir>/models.ini: checksums, the models that are used where they lie, what the person set
 * for one model, and how fast its answers came. By path. Main thread only; written by a worker. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What holds for one model instead of the preferences; what is not set follows them. */
typedef struct {
  gboolean has_context, has_temperature;
  guint context_tokens; /* 0: automatic */
  double temperature;
  char *instructions, *device; /* owned; NULL: not set */
  char *kv_type;               /* the same */
  char *draft;                 /* the path of a model that guesses for it; owned; NULL: none */
} BottegaModelDefaults;
void bottega_model_defaults_clear (BottegaModelDefaults *defaults);
void bottega_model_defaults_copy (const BottegaModelDefaults *defaults, BottegaModelDefaults *copy);
gboolean bottega_model_defaults_any (const BottegaModelDefaults *defaults);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BottegaModelDefaults, bottega_model_defaults_clear)

/* Of real answers on one device; 0: not measured. */
typedef struct {
  double decode_tok_s, prefill_tok_s;
  guint n_answers;
} BottegaModelFigures;

typedef struct _BottegaModelRecords BottegaModelRecords;

/* Reads data_dir/models.ini; a file that cannot be read is set aside as models.ini.bad. */
BottegaModelRecords *bottega_model_records_new (const char *data_dir);
/* What was changed is on the disk then. */
void bottega_model_records_free (BottegaModelRecords *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaModelRecords, bottega_model_records_free)

/* Forgets all of a model. */
void bottega_model_records_forget (BottegaModelRecords *self, const char *path);

/* Checksums of its files in their order, as one string parted by spaces; NULL: not known, or a file
 * of another size now. Free with g_free. */
char *bottega_model_records_get_sha256 (BottegaModelRecords *self, const char *path,
                                        guint64 file_bytes);
void bottega_model_records_set_sha256 (BottegaModelRecords *self, const char *path,
                                       guint64 file_bytes, const char *sha256);

void bottega_model_records_set_in_place (BottegaModelRecords *self, const char *path,
                                         gboolean in_place);
/* Paths of the models that are used where they lie; free with g_strfreev. */
GStrv bottega_model_records_list_in_place (BottegaModelRecords *self);

void bottega_model_records_get_defaults (BottegaModelRecords *self, const char *path,
                                         BottegaModelDefaults *defaults);
void bottega_model_records_set_defaults (BottegaModelRecords *self, const char *path,
                                         const BottegaModelDefaults *defaults);

void bottega_model_records_get_figures (BottegaModelRecords *self, const char *path,
                                        const char *device, BottegaModelFigures *figures);
/* One more answer. 0: not measured this time. The last eight or so answers weigh. */
void bottega_model_records_add_figures (BottegaModelRecords *self, const char *path,
                                        const char *device, double decode_tok_s,
                                        double prefill_tok_s);

/* Bytes per second that a device read weights with at best; 0: not measured. */
double bottega_model_records_get_read_speed (BottegaModelRecords *self, const char *device);
/* Keeps the faster one. */
void bottega_model_records_add_read_speed (BottegaModelRecords *self, const char *device,
                                           double bytes_s);

G_END_DECLS

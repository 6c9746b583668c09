/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns nothing but how the rows are drawn; GtkBox does the rest. It must not know what the rows
 * are.
 */
#define G_LOG_DOMAIN "bottega-transcript"

#include "config.h"

#include "app/ui/bottega-transcript.h"
#include "app/ui/bottega-end-viewport.h"

struct _BottegaTranscript {
  GtkBox parent_instance;
};

G_DEFINE_FINAL_TYPE (BottegaTranscript, bottega_transcript, GTK_TYPE_BOX)

static void
bottega_transcript_snapshot (GtkWidget *widget,
                             GtkSnapshot *snapshot)
{
  bottega_end_viewport_snapshot_children (widget, snapshot);
}

static void
bottega_transcript_class_init (BottegaTranscriptClass *klass)
{
  GTK_WIDGET_CLASS (klass)->snapshot = bottega_transcript_snapshot;
}

static void
bottega_transcript_init (BottegaTranscript *self)
{
  gtk_orientable_set_orientation (GTK_ORIENTABLE (self), GTK_ORIENTATION_VERTICAL);
}

/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the line of chips and which of them fit. Must not know what showing a source means. */
#define G_LOG_DOMAIN "bottega-source-chips"

#include "config.h"

#include "app/ui/bottega-place.h"
#include "app/ui/bottega-source-chips.h"
#include "app/ui/bottega-source-name.h"

#include <glib/gi18n.h>

#define SPACING     6
#define TITLE_CHARS 20 /* of a chip, at most */

struct _BottegaSourceChips {
  GtkWidget parent_instance;

  GListModel *passages;
  GPtrArray *chips; /* GtkButton for each passage; children */
  GtkWidget *more;
  guint n_shown; /* of the chips; the others are counted */
  guint tick;
  gboolean settled;
};

G_DEFINE_FINAL_TYPE (BottegaSourceChips, bottega_source_chips, GTK_TYPE_WIDGET)

/* ---- one chip */

static void
append_label (GtkBox *box,
              const char *text,
              const char *css_class,
              gboolean may_shrink)
{
  GtkWidget *label = gtk_label_new (text);

  if (may_shrink) {
    gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
    gtk_label_set_max_width_chars (GTK_LABEL (label), TITLE_CHARS);
  }
  if (css_class != NULL)
    gtk_widget_add_css_class (label, css_class);
  gtk_box_append (box, label);
}

/* Beside a chip of the same document the title need not be said again. */
static gboolean
needs_title (BottegaPassage *passage,
             BottegaPassage *before)
{
  const char *place = bottega_passage_get_place (passage);

  return before == NULL || place == NULL || *place == 0 ||
         bottega_passage_get_document (passage) != bottega_passage_get_document (before);
}

static GtkWidget *
chip_new (BottegaPassage *passage,
          BottegaPassage *before)
{
  GtkWidget *button = gtk_button_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  g_autofree char *number = g_strdup_printf ("%u", bottega_passage_get_number (passage));
  g_autofree char *name = bottega_source_name (passage);
  const char *place = bottega_passage_get_place (passage);

  append_label (GTK_BOX (box), number, "number", FALSE);
  if (needs_title (passage, before))
    append_label (GTK_BOX (box), bottega_passage_get_title (passage), NULL, TRUE);
  /* A heading may be as long as a title. */
  if (place != NULL && *place != 0)
    append_label (GTK_BOX (box), place, "dimmed", bottega_passage_get_page (passage) == 0);
  gtk_button_set_child (GTK_BUTTON (button), box);
  gtk_widget_set_tooltip_text (button, name);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
  gtk_widget_add_css_class (button, "chip");
  gtk_actionable_set_action_target (GTK_ACTIONABLE (button), "u",
                                    bottega_passage_get_number (passage));
  gtk_actionable_set_action_name (GTK_ACTIONABLE (button), "answer.show-source");
  return button;
}

static void
update_used_cb (BottegaSourceChips *self)
{
  g_assert (BOTTEGA_IS_SOURCE_CHIPS (self));

  for (guint i = 0; i < self->chips->len; i++) {
    g_autoptr (BottegaPassage) passage = g_list_model_get_item (self->passages, i);

    if (passage == NULL)
      break;
    if (self->settled && !bottega_passage_get_used (passage))
      gtk_widget_add_css_class (self->chips->pdata[i], "unused");
    else
      gtk_widget_remove_css_class (self->chips->pdata[i], "unused");
  }
}

static void
items_changed_cb (BottegaSourceChips *self)
{
  guint n = self->passages != NULL ? g_list_model_get_n_items (self->passages) : 0;
  g_autoptr (BottegaPassage) before = NULL;

  g_assert (BOTTEGA_IS_SOURCE_CHIPS (self));

  g_ptr_array_set_size (self->chips, 0);
  self->n_shown = G_MAXUINT;
  for (guint i = 0; i < n; i++) {
    g_autoptr (BottegaPassage) passage = g_list_model_get_item (self->passages, i);
    GtkWidget *chip = chip_new (passage, before);

    g_set_object (&before, passage);
    g_signal_connect_object (passage, "notify::used", G_CALLBACK (update_used_cb), self,
                             G_CONNECT_SWAPPED);
    gtk_widget_insert_before (chip, GTK_WIDGET (self), self->more);
    g_ptr_array_add (self->chips, chip);
  }
  update_used_cb (self);
  gtk_widget_set_visible (GTK_WIDGET (self), n > 0);
}

/* ---- the line */

static int
width_of (GtkWidget *widget,
          gboolean least)
{
  int minimum, natural;

  gtk_widget_measure (widget, GTK_ORIENTATION_HORIZONTAL, -1, &minimum, &natural, NULL, NULL);
  return least ? minimum : natural;
}

/* Room for the chip that counts the rest, whatever it says. */
static int
more_width (BottegaSourceChips *self)
{
  return self->chips->len > 1 ? SPACING + width_of (self->more, FALSE) : 0;
}

static void
bottega_source_chips_measure (GtkWidget *widget,
                              GtkOrientation orientation,
                              int for_size,
                              int *minimum,
                              int *natural,
                              int *minimum_baseline,
                              int *natural_baseline)
{
  BottegaSourceChips *self = BOTTEGA_SOURCE_CHIPS (widget);

  *minimum = *natural = 0;
  for (guint i = 0; i < self->chips->len; i++) {
    int least, wanted;

    gtk_widget_measure (self->chips->pdata[i], orientation, -1, &least, &wanted, NULL, NULL);
    if (orientation == GTK_ORIENTATION_VERTICAL) {
      *minimum = *natural = MAX (*natural, wanted);
    } else {
      *natural += wanted + (i > 0 ? SPACING : 0);
      *minimum = i == 0 ? least + more_width (self) : *minimum;
    }
  }
  *natural = MAX (*natural, *minimum);
}

/* What the last chip says; its words cannot change while it is being placed. */
static gboolean
count_rest_cb (GtkWidget *widget,
               GdkFrameClock *clock,
               gpointer user_data)
{
  BottegaSourceChips *self = BOTTEGA_SOURCE_CHIPS (widget);
  guint n = self->chips->len - MIN (self->n_shown, self->chips->len);
  g_autofree char *label = g_strdup_printf ("+%u", n);
  g_autofree char *name = g_strdup_printf (ngettext ("%u more source", "%u more sources", n), n);

  self->tick = 0;
  gtk_button_set_label (GTK_BUTTON (self->more), label);
  gtk_widget_set_tooltip_text (self->more, name);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->more), GTK_ACCESSIBLE_PROPERTY_LABEL, name,
                                  -1);
  gtk_actionable_set_action_target (GTK_ACTIONABLE (self->more), "u", self->n_shown + 1);
  return G_SOURCE_REMOVE;
}

static void
set_n_shown (BottegaSourceChips *self,
             guint n_shown)
{
  if (n_shown == self->n_shown)
    return;
  self->n_shown = n_shown;
  if (self->tick == 0)
    self->tick = gtk_widget_add_tick_callback (GTK_WIDGET (self), count_rest_cb, NULL, NULL);
}

static void
bottega_source_chips_size_allocate (GtkWidget *widget,
                                    int width,
                                    int height,
                                    int baseline)
{
  BottegaSourceChips *self = BOTTEGA_SOURCE_CHIPS (widget);
  guint n_shown = 0;
  int x = 0;

  for (; n_shown < self->chips->len; n_shown++) {
    GtkWidget *chip = self->chips->pdata[n_shown];
    int room = width - x - (n_shown + 1 < self->chips->len ? more_width (self) : 0);
    int wanted = width_of (chip, FALSE);

    /* The first one is always there, however short. */
    if (wanted > room && n_shown > 0)
      break;
    wanted = MIN (wanted, MAX (room, width_of (chip, TRUE)));
    gtk_widget_set_child_visible (chip, TRUE);
    bottega_place (chip, x, 0, wanted, height, width);
    x += wanted + SPACING;
  }
  for (guint i = n_shown; i < self->chips->len; i++)
    gtk_widget_set_child_visible (self->chips->pdata[i], FALSE);
  if (n_shown < self->chips->len) {
    gtk_widget_set_child_visible (self->more, TRUE);
    bottega_place (self->more, x, 0, width_of (self->more, FALSE), height, width);
  } else {
    gtk_widget_set_child_visible (self->more, FALSE);
  }
  set_n_shown (self, n_shown);
}

/* ---- the class */

static void
bottega_source_chips_dispose (GObject *object)
{
  BottegaSourceChips *self = BOTTEGA_SOURCE_CHIPS (object);

  if (self->tick != 0)
    gtk_widget_remove_tick_callback (GTK_WIDGET (self), self->tick);
  self->tick = 0;
  g_ptr_array_set_size (self->chips, 0);
  g_clear_pointer (&self->more, gtk_widget_unparent);
  g_clear_object (&self->passages);
  G_OBJECT_CLASS (bottega_source_chips_parent_class)->dispose (object);
}

static void
bottega_source_chips_finalize (GObject *object)
{
  g_ptr_array_unref (BOTTEGA_SOURCE_CHIPS (object)->chips);
  G_OBJECT_CLASS (bottega_source_chips_parent_class)->finalize (object);
}

static void
bottega_source_chips_class_init (BottegaSourceChipsClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = bottega_source_chips_dispose;
  object_class->finalize = bottega_source_chips_finalize;
  widget_class->measure = bottega_source_chips_measure;
  widget_class->size_allocate = bottega_source_chips_size_allocate;
  gtk_widget_class_set_css_name (widget_class, "chips");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
}

static void
bottega_source_chips_init (BottegaSourceChips *self)
{
  self->chips = g_ptr_array_new_with_free_func ((GDestroyNotify) gtk_widget_unparent);
  self->more = gtk_button_new_with_label ("+0");
  gtk_widget_add_css_class (self->more, "chip");
  gtk_actionable_set_action_target (GTK_ACTIONABLE (self->more), "u", 1);
  gtk_actionable_set_action_name (GTK_ACTIONABLE (self->more), "answer.show-source");
  gtk_widget_set_parent (self->more, GTK_WIDGET (self));
  gtk_widget_set_visible (GTK_WIDGET (self), FALSE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Sources"), -1);
}

void
bottega_source_chips_set_passages (BottegaSourceChips *self,
                                   GListModel *passages)
{
  g_return_if_fail (BOTTEGA_IS_SOURCE_CHIPS (self));
  g_return_if_fail (G_IS_LIST_MODEL (passages) && self->passages == NULL);

  self->passages = g_object_ref (passages);
  g_signal_connect_object (passages, "items-changed", G_CALLBACK (items_changed_cb), self,
                           G_CONNECT_SWAPPED);
  items_changed_cb (self);
}

void
bottega_source_chips_set_settled (BottegaSourceChips *self,
                                  gboolean settled)
{
  g_return_if_fail (BOTTEGA_IS_SOURCE_CHIPS (self));

  self->settled = settled;
  update_used_cb (self);
}

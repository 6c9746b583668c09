/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns the widgets of a Markdown text and their places. Each block is one child, so that a piece of
 * text that arrives lays out only the block it belongs to; the others answer from GTK's caches.
 * Pieces are shown once per frame by one tick callback, which goes when there is nothing to show.
 * It must not know messages or conversations.
 */
#define G_LOG_DOMAIN "bottega-markdown-view"

#include "config.h"

#include "app/ui/bottega-markdown-view.h"
#include "app/ui/bottega-code-block.h"
#include "app/ui/bottega-end-viewport.h"
#include "app/ui/bottega-launch.h"
#include "app/ui/bottega-markdown-blocks.h"
#include "app/ui/bottega-markdown-inline.h"
#include "app/ui/bottega-place.h"
#include "app/ui/bottega-table-block.h"

#include <adwaita.h>
#include <glib/gi18n.h>

/* Pixels. */
#define INDENT       28 /* a list level */
#define MARKER_GAP   8
#define QUOTE_INDENT 18
#define QUOTE_BAR    3
#define GAP          12
#define GAP_ITEM     6
#define GAP_HEADING  24

/* The least width of a text, in letters. */
#define MIN_CHARS         14
#define MIN_HEADING_CHARS 8

/* The least width of a block: a heading of so many letters, the header of a listing. */
#define MIN_WIDTH 200

/* What the column asks for where nobody gives it a width. */
#define NATURAL_WIDTH 680

typedef struct {
  BottegaMarkdownBlock *block;
  GtkWidget *content;
  GtkWidget *marker; /* or NULL */
  int y, height;     /* of the last allocation */
  int line;          /* height of the first line, 0: not known */
} Item;

struct _BottegaMarkdownView {
  GtkWidget parent_instance;

  BottegaMarkdownBlocks *blocks;
  GPtrArray *items;
  guint n_closed; /* items that never change again */
  guint tick;
  gboolean finished;
  GtkTextDirection direction; /* NONE: no letter yet */
  char **sources;             /* names of what [1], [2] … refer to, or NULL */
};

G_DEFINE_FINAL_TYPE (BottegaMarkdownView, bottega_markdown_view, GTK_TYPE_WIDGET)

static void
item_free (Item *item)
{
  bottega_markdown_block_free (item->block);
  g_clear_pointer (&item->content, gtk_widget_unparent);
  g_clear_pointer (&item->marker, gtk_widget_unparent);
  g_free (item);
}

static gboolean
activate_link_cb (GtkLabel *label,
                  const char *address,
                  gpointer user_data)
{
  if (g_str_has_prefix (address, BOTTEGA_MARKDOWN_SOURCE)) {
    guint64 number = g_ascii_strtoull (address + strlen (BOTTEGA_MARKDOWN_SOURCE), NULL, 10);
    gtk_widget_activate_action (GTK_WIDGET (label), "answer.show-source", "u", (guint) number);
  } else if (bottega_markdown_link_is_safe (address)) {
    bottega_launch_address (GTK_WIDGET (label), address);
  }
  return GDK_EVENT_STOP;
}

/* The space above ITEM, which follows BEFORE. */
static int
gap_between (const Item *before,
             const Item *item)
{
  const BottegaMarkdownBlock *a = before->block, *b = item->block;

  if (b->continues)
    return 0;
  if (b->kind == BOTTEGA_MARKDOWN_HEADING && b->indent == 0)
    return GAP_HEADING;
  if (a->kind == BOTTEGA_MARKDOWN_TEXT && b->kind == BOTTEGA_MARKDOWN_TEXT && b->indent > 0 &&
      (a->indent > 0 || b->marker == NULL) && b->marker != NULL)
    return GAP_ITEM;
  return GAP;
}

/* Where the content of ITEM starts in a column of WIDTH: indentation gives way before text does. */
static int
start_of (const Item *item,
          int width)
{
  int start = item->block->indent * INDENT + item->block->quotes * QUOTE_INDENT;

  return CLAMP (start, 0, MAX (width - MIN_WIDTH, 0));
}

static int
measure_column (BottegaMarkdownView *self,
                int width)
{
  int height = 0;

  for (guint i = 0; i < self->items->len; i++) {
    Item *item = self->items->pdata[i];
    int natural;

    gtk_widget_measure (item->content, GTK_ORIENTATION_VERTICAL, width - start_of (item, width),
                        NULL, &natural, NULL, NULL);
    item->height = natural;
    height += natural + (i > 0 ? gap_between (self->items->pdata[i - 1], item) : 0);
  }
  return height;
}

static void
bottega_markdown_view_measure (GtkWidget *widget,
                               GtkOrientation orientation,
                               int for_size,
                               int *minimum,
                               int *natural,
                               int *minimum_baseline,
                               int *natural_baseline)
{
  BottegaMarkdownView *self = BOTTEGA_MARKDOWN_VIEW (widget);

  if (orientation == GTK_ORIENTATION_HORIZONTAL) {
    /* Everything wraps or scrolls: no need to ask the children, which would lay them out. */
    *minimum = MIN_WIDTH;
    *natural = NATURAL_WIDTH;
  } else {
    *minimum = *natural = measure_column (self, for_size < 0 ? NATURAL_WIDTH : for_size);
  }
}

/* The height of the first line, in whose middle the marker stands. */
static int
first_line_height (Item *item)
{
  PangoLayoutLine *line;
  PangoRectangle extents;

  if (item->line > 0 || !GTK_IS_LABEL (item->content))
    return item->line;
  line = pango_layout_get_line_readonly (gtk_label_get_layout (GTK_LABEL (item->content)), 0);
  pango_layout_line_get_pixel_extents (line, NULL, &extents);
  item->line = extents.height;
  return item->line;
}

static void
allocate_marker (Item *item,
                 int start,
                 int y,
                 int column_width)
{
  int line = first_line_height (item);
  int width, height;

  gtk_widget_measure (item->marker, GTK_ORIENTATION_HORIZONTAL, -1, NULL, &width, NULL, NULL);
  gtk_widget_measure (item->marker, GTK_ORIENTATION_VERTICAL, -1, NULL, &height, NULL, NULL);
  bottega_place (item->marker, MAX (start - MARKER_GAP - width, 0), y + (line - height) / 2, width,
                 height, column_width);
}

static void
bottega_markdown_view_size_allocate (GtkWidget *widget,
                                     int width,
                                     int height,
                                     int baseline)
{
  BottegaMarkdownView *self = BOTTEGA_MARKDOWN_VIEW (widget);
  int y = 0;

  measure_column (self, width);
  for (guint i = 0; i < self->items->len; i++) {
    Item *item = self->items->pdata[i];
    int start = start_of (item, width);

    if (i > 0)
      y += gap_between (self->items->pdata[i - 1], item);
    item->y = y;
    bottega_place (item->content, start, y, width - start, item->height, width);
    if (item->marker != NULL)
      allocate_marker (item, start, y, width);
    y += item->height;
  }
}

static void
snapshot_quotes (BottegaMarkdownView *self,
                 GtkSnapshot *snapshot)
{
  gboolean rtl = gtk_widget_get_direction (GTK_WIDGET (self)) == GTK_TEXT_DIR_RTL;
  int width = gtk_widget_get_width (GTK_WIDGET (self));
  GdkRGBA color;

  gtk_widget_get_color (GTK_WIDGET (self), &color);
  color.alpha *= 0.2;
  for (guint i = 0; i < self->items->len; i++) {
    const Item *item = self->items->pdata[i];
    const Item *above = i > 0 ? self->items->pdata[i - 1] : NULL;

    for (guint q = 0; q < item->block->quotes; q++) {
      gboolean joined = above != NULL && q < above->block->quotes;
      int top = joined ? above->y + above->height : item->y;
      /* The list is outside of the quote as far as the two can be told apart here. */
      int x = item->block->indent * INDENT + q * QUOTE_INDENT;
      gtk_snapshot_append_color (snapshot, &color,
                                 &GRAPHENE_RECT_INIT (rtl ? width - x - QUOTE_BAR : x, top,
                                                      QUOTE_BAR, item->y + item->height - top));
    }
  }
}

static void
bottega_markdown_view_snapshot (GtkWidget *widget,
                                GtkSnapshot *snapshot)
{
  snapshot_quotes (BOTTEGA_MARKDOWN_VIEW (widget), snapshot);
  bottega_end_viewport_snapshot_children (widget, snapshot);
}

static GtkSizeRequestMode
bottega_markdown_view_get_request_mode (GtkWidget *widget)
{
  return GTK_SIZE_REQUEST_HEIGHT_FOR_WIDTH;
}

static void
bottega_markdown_view_dispose (GObject *object)
{
  BottegaMarkdownView *self = BOTTEGA_MARKDOWN_VIEW (object);

  if (self->tick != 0)
    gtk_widget_remove_tick_callback (GTK_WIDGET (self), self->tick);
  self->tick = 0;
  g_ptr_array_set_size (self->items, 0);
  G_OBJECT_CLASS (bottega_markdown_view_parent_class)->dispose (object);
}

static void
bottega_markdown_view_finalize (GObject *object)
{
  BottegaMarkdownView *self = BOTTEGA_MARKDOWN_VIEW (object);

  g_ptr_array_unref (self->items);
  bottega_markdown_blocks_free (self->blocks);
  g_strfreev (self->sources);
  G_OBJECT_CLASS (bottega_markdown_view_parent_class)->finalize (object);
}

static void
bottega_markdown_view_class_init (BottegaMarkdownViewClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = bottega_markdown_view_dispose;
  object_class->finalize = bottega_markdown_view_finalize;
  widget_class->measure = bottega_markdown_view_measure;
  widget_class->size_allocate = bottega_markdown_view_size_allocate;
  widget_class->snapshot = bottega_markdown_view_snapshot;
  widget_class->get_request_mode = bottega_markdown_view_get_request_mode;
  gtk_widget_class_set_css_name (widget_class, "markdown");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
}

static void
bottega_markdown_view_init (BottegaMarkdownView *self)
{
  self->blocks = bottega_markdown_blocks_new ();
  self->items = g_ptr_array_new_with_free_func ((GDestroyNotify) item_free);
}

GtkWidget *
bottega_markdown_view_new (void)
{
  return g_object_new (BOTTEGA_TYPE_MARKDOWN_VIEW, NULL);
}

GtkWidget *
bottega_markdown_view_make_label (GtkAccessibleRole role)
{
  /* GTK asks for the least width too. Without width-chars that is a layout with every letter on a
   * line of its own: ten times the cost of a frame. */
  g_autoptr (PangoAttrList) attributes = pango_attr_list_new ();
  GtkWidget *label = g_object_new (GTK_TYPE_LABEL,
                                   "accessible-role", role,
                                   "wrap", TRUE,
                                   "wrap-mode", PANGO_WRAP_WORD_CHAR,
                                   "selectable", TRUE,
                                   "width-chars", MIN_CHARS,
                                   "xalign", 0.0f,
                                   "yalign", 0.0f,
                                   NULL);

  /* A hyphen in an address or a name would be read as part of it. */
  pango_attr_list_insert (attributes, pango_attr_insert_hyphens_new (FALSE));
  gtk_label_set_attributes (GTK_LABEL (label), attributes);
  g_signal_connect (label, "activate-link", G_CALLBACK (activate_link_cb), NULL);
  return label;
}

/* The direction of the first letter of TEXT; NONE while there is none. */
static GtkTextDirection
text_direction (const char *text)
{
  for (const char *at = text; *at != 0; at = g_utf8_next_char (at)) {
    gunichar c = g_utf8_get_char (at);

    if (!g_unichar_isalpha (c))
      continue;
    switch (g_unichar_get_script (c)) {
    case G_UNICODE_SCRIPT_ARABIC:
    case G_UNICODE_SCRIPT_HEBREW:
    case G_UNICODE_SCRIPT_NKO:
    case G_UNICODE_SCRIPT_SYRIAC:
    case G_UNICODE_SCRIPT_THAANA:
      return GTK_TEXT_DIR_RTL;
    default:
      return GTK_TEXT_DIR_LTR;
    }
  }
  return GTK_TEXT_DIR_NONE;
}

/* An answer is laid out in the direction of its own language, whatever the window's. */
static void
update_direction (BottegaMarkdownView *self)
{
  if (self->direction != GTK_TEXT_DIR_NONE)
    return;
  self->direction = text_direction (bottega_markdown_blocks_get_text (self->blocks));
  gtk_widget_set_direction (GTK_WIDGET (self), self->direction);
}

static GtkWidget *
make_heading (guint level)
{
  static const char *const classes[] = { "title-2", "title-3", "title-4", "heading" };
  GtkWidget *label = bottega_markdown_view_make_label (GTK_ACCESSIBLE_ROLE_HEADING);

  gtk_label_set_width_chars (GTK_LABEL (label), MIN_HEADING_CHARS);
  gtk_widget_add_css_class (label, classes[MIN (level, G_N_ELEMENTS (classes)) - 1]);
  gtk_accessible_update_property (GTK_ACCESSIBLE (label), GTK_ACCESSIBLE_PROPERTY_LEVEL,
                                  (int) level, -1);
  return label;
}

static GtkWidget *
make_content (const BottegaMarkdownBlock *block)
{
  switch (block->kind) {
  case BOTTEGA_MARKDOWN_HEADING:
    return make_heading (block->level);
  case BOTTEGA_MARKDOWN_CODE:
    return bottega_code_block_new ();
  case BOTTEGA_MARKDOWN_TABLE:
    return bottega_table_block_new ();
  case BOTTEGA_MARKDOWN_RULE:
    return gtk_separator_new (GTK_ORIENTATION_HORIZONTAL);
  case BOTTEGA_MARKDOWN_TEXT:
  default:
    return bottega_markdown_view_make_label (GTK_ACCESSIBLE_ROLE_PARAGRAPH);
  }
}

/* A paragraph in a language of the other direction stands at the other side. */
static void
align_text (GtkLabel *label)
{
  GtkTextDirection own = text_direction (gtk_label_get_text (label));

  gtk_label_set_xalign (label, own != GTK_TEXT_DIR_NONE &&
                                   own != gtk_widget_get_direction (GTK_WIDGET (label)));
}

static void
update_content (Item *item,
                const BottegaMarkdownBlock *old)
{
  const BottegaMarkdownBlock *block = item->block;

  switch (block->kind) {
  case BOTTEGA_MARKDOWN_TEXT:
  case BOTTEGA_MARKDOWN_HEADING:
    if (old == NULL || g_strcmp0 (old->text, block->text) != 0) {
      gtk_label_set_markup (GTK_LABEL (item->content), block->text);
      align_text (GTK_LABEL (item->content));
    }
    break;
  case BOTTEGA_MARKDOWN_CODE:
    if (old == NULL || g_strcmp0 (old->language, block->language) != 0)
      bottega_code_block_set_language (BOTTEGA_CODE_BLOCK (item->content), block->language);
    bottega_code_block_set_code (BOTTEGA_CODE_BLOCK (item->content), block->text);
    break;
  case BOTTEGA_MARKDOWN_TABLE:
    bottega_table_block_set_block (BOTTEGA_TABLE_BLOCK (item->content), block);
    break;
  case BOTTEGA_MARKDOWN_RULE:
  default:
    break;
  }
}

/* Bullets and boxes are drawn: the glyphs are in few fonts, and finding one of those takes longer
 * than a frame may. */
static GtkWidget *
make_marker (const char *marker)
{
  static const struct {
    const char *marker, *css_class, *icon, *label;
  } drawn[] = {
    { BOTTEGA_MARKDOWN_DISC, "disc", NULL, NULL },
    { BOTTEGA_MARKDOWN_CIRCLE, "circle", NULL, NULL },
    { BOTTEGA_MARKDOWN_SQUARE, "square", NULL, NULL },
    { BOTTEGA_MARKDOWN_OPEN, NULL, "checkbox-symbolic", N_ ("To do") },
    { BOTTEGA_MARKDOWN_DONE, NULL, "checkbox-checked-symbolic", N_ ("Done") },
  };

  for (guint i = 0; i < G_N_ELEMENTS (drawn); i++) {
    GtkWidget *widget;

    if (!g_str_equal (marker, drawn[i].marker))
      continue;
    if (drawn[i].icon == NULL) {
      widget = g_object_new (ADW_TYPE_BIN, "accessible-role", GTK_ACCESSIBLE_ROLE_PRESENTATION,
                             NULL);
      gtk_widget_add_css_class (widget, drawn[i].css_class);
    } else {
      widget = gtk_image_new_from_icon_name (drawn[i].icon);
      gtk_accessible_update_property (GTK_ACCESSIBLE (widget), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                      _ (drawn[i].label), -1);
    }
    return widget;
  }
  return gtk_label_new (marker);
}

static void
update_marker (BottegaMarkdownView *self,
               Item *item,
               const BottegaMarkdownBlock *old)
{
  const char *marker = item->block->marker;

  if (old != NULL && g_strcmp0 (old->marker, marker) == 0)
    return;
  g_clear_pointer (&item->marker, gtk_widget_unparent);
  if (marker == NULL)
    return;
  item->marker = make_marker (marker);
  gtk_widget_set_direction (item->marker, self->direction);
  gtk_widget_add_css_class (item->marker, "list-marker");
  gtk_widget_insert_before (item->marker, GTK_WIDGET (self), item->content);
}

/* Makes the item at INDEX show BLOCK, which it takes. */
static void
show_block (BottegaMarkdownView *self,
            guint index,
            BottegaMarkdownBlock *block)
{
  Item *item = index < self->items->len ? self->items->pdata[index] : NULL;
  g_autoptr (BottegaMarkdownBlock) old = NULL;

  if (item != NULL && bottega_markdown_block_equal (item->block, block)) {
    bottega_markdown_block_free (block);
    return;
  }
  if (item != NULL && (item->block->kind != block->kind || item->block->level != block->level)) {
    g_ptr_array_remove_range (self->items, index, self->items->len - index);
    item = NULL;
  }
  if (item == NULL) {
    item = g_new0 (Item, 1);
    item->content = make_content (block);
    gtk_widget_set_direction (item->content, self->direction);
    gtk_widget_insert_before (item->content, GTK_WIDGET (self), NULL);
    g_ptr_array_add (self->items, item);
  }

  old = g_steal_pointer (&item->block);
  item->block = block;
  item->line = 0;
  update_content (item, old);
  update_marker (self, item, old);
  if (old == NULL || old->indent != block->indent || old->quotes != block->quotes)
    gtk_widget_queue_resize (GTK_WIDGET (self));
}

static void
update (BottegaMarkdownView *self)
{
  guint n_closed;
  g_autoptr (GPtrArray) blocks = bottega_markdown_blocks_update (self->blocks, self->finished,
                                                                 &n_closed);
  guint n_blocks = blocks->len;

  update_direction (self);
  for (guint i = 0; i < n_blocks; i++)
    show_block (self, self->n_closed + i, g_ptr_array_steal_index (blocks, 0));
  if (self->items->len > self->n_closed + n_blocks)
    g_ptr_array_remove_range (self->items, self->n_closed + n_blocks,
                              self->items->len - self->n_closed - n_blocks);
  self->n_closed += n_closed;
}

static gboolean
tick_cb (GtkWidget *widget,
         GdkFrameClock *clock,
         gpointer user_data)
{
  BottegaMarkdownView *self = BOTTEGA_MARKDOWN_VIEW (widget);

  self->tick = 0;
  update (self);
  return G_SOURCE_REMOVE;
}

static void
queue_update (BottegaMarkdownView *self)
{
  if (self->tick == 0)
    self->tick = gtk_widget_add_tick_callback (GTK_WIDGET (self), tick_cb, NULL, NULL);
}

void
bottega_markdown_view_append (BottegaMarkdownView *self,
                              const char *piece)
{
  g_return_if_fail (BOTTEGA_IS_MARKDOWN_VIEW (self));
  g_return_if_fail (piece != NULL);

  bottega_markdown_blocks_append (self->blocks, piece);
  queue_update (self);
}

void
bottega_markdown_view_finish (BottegaMarkdownView *self)
{
  g_return_if_fail (BOTTEGA_IS_MARKDOWN_VIEW (self));

  if (self->finished)
    return;
  self->finished = TRUE;
  queue_update (self);
}

void
bottega_markdown_view_set_text (BottegaMarkdownView *self,
                                const char *text,
                                gboolean finished)
{
  g_return_if_fail (BOTTEGA_IS_MARKDOWN_VIEW (self));
  g_return_if_fail (text != NULL);

  bottega_markdown_blocks_free (self->blocks);
  self->blocks = bottega_markdown_blocks_new ();
  bottega_markdown_blocks_set_sources (self->blocks, (const char *const *) self->sources);
  bottega_markdown_blocks_append (self->blocks, text);
  self->n_closed = 0;
  self->finished = finished;
  self->direction = GTK_TEXT_DIR_NONE;
  update (self);
}

void
bottega_markdown_view_set_sources (BottegaMarkdownView *self,
                                   const char *const *names)
{
  g_autofree char *text = NULL;

  g_return_if_fail (BOTTEGA_IS_MARKDOWN_VIEW (self));

  if (names == NULL ? self->sources == NULL
                    : self->sources != NULL &&
                          g_strv_equal (names, (const char *const *) self->sources))
    return;
  g_strfreev (self->sources);
  self->sources = g_strdupv ((char **) names);
  text = g_strdup (bottega_markdown_blocks_get_text (self->blocks));
  bottega_markdown_view_set_text (self, text, self->finished);
}

const char *
bottega_markdown_view_get_text (BottegaMarkdownView *self)
{
  g_return_val_if_fail (BOTTEGA_IS_MARKDOWN_VIEW (self), NULL);

  return bottega_markdown_blocks_get_text (self->blocks);
}

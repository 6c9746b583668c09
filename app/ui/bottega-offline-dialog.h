/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page that shows what keeps Bottega off every network, as it is when the page is opened. */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define BOTTEGA_TYPE_OFFLINE_DIALOG (bottega_offline_dialog_get_type ())
G_DECLARE_FINAL_TYPE (BottegaOfflineDialog, bottega_offline_dialog, BOTTEGA, OFFLINE_DIALOG,
                      AdwDialog)

AdwDialog *bottega_offline_dialog_new (void);

G_END_DECLS

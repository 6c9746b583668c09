/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bottega-extract --self-test: seals this process as for a document and tries what must fail. */
#pragma once

/* Prints TAP. The exit status: 0 when everything was refused. */
int self_test (void);

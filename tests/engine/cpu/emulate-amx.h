/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AMX where there is none: its instructions trap, and a signal handler does what they say. */
#pragma once

/* From now on, in all threads of the process. A microsecond or two for each instruction. */
void emulate_amx (void);

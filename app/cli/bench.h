/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the measurements of bottega-cli bench share. */
#pragma once

#include "app/cli/cli.h"

/* How much of what: the options of the command. */
typedef struct {
  int n_prompt, n_decode, n_depth, n_repeat, n_together;
} BenchSizes;

typedef struct {
  const char *name;
  double value;
} BenchNumber;

/* n varied tokens, a function of the salt: no timeline knows those of another. */
GArray *bench_prompt (const EngineModel *model, uint32_t n, uint32_t salt);
/* The median of a double in each of n samples of so many bytes. */
double bench_median (const void *first, size_t stride_bytes, int n);
void bench_print (const CliOptions *options, const EngineModel *model, const BenchNumber *numbers,
                  size_t n);

/* Several answers at once beside one alone, by turns; and how long one that writes waits while the
 * prompt of another is read. */
int bench_together (const CliOptions *options, EngineModel *model, const BenchSizes *sizes);

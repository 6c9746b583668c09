/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A tiny model opened twice: one for the sessions of a test, the other for a session that has read
 * nothing, which theirs are compared with. What cannot be had fails the test. */
#pragma once

#include "engine/engine.h"
#include "tests/engine/split/models.h"

typedef struct {
  EngineModel *model, *other;
} TestPair;

/* folder: where its file lies for as long as it is read. */
TestPair test_pair_open (const char *folder, TinyKind kind, const EngineModelOptions *options);
/* One that is surer of its tokens than rounding can change. */
TestPair test_pair_open_sure (const char *folder, TinyKind kind,
                              const EngineModelOptions *options);
void test_pair_clear (TestPair *pair);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TestPair, test_pair_clear)

/* Appends n tokens that are a function of the seed. */
void test_add_tokens (GArray *tokens, uint64_t seed, unsigned n);

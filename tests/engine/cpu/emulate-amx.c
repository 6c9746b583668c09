/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The instructions of AMX that products-amx.c uses, and no others, as Intel's manual defines them:
 * in the handler of SIGILL, with tiles for each thread. What a processor would refuse ends the test
 * by that signal. Must not know what is multiplied. */
#include "tests/engine/cpu/emulate-amx.h"

#include <glib.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#define N_TILES     8
#define MOST_ROWS   16
#define MOST_BYTES  64 /* of a row */
#define CONFIG_SIZE 64

typedef struct {
  unsigned rows, row_bytes; /* 0: no tile */
  uint8_t data[MOST_ROWS][MOST_BYTES];
} Tile;

typedef struct {
  gboolean configured;
  Tile tiles[N_TILES];
} Tiles;

static _Thread_local Tiles state;

/* An instruction, taken apart. */
typedef struct {
  unsigned opcode, prefix; /* prefix: 0 none, 1 66, 2 F3, 3 F2, as VEX has it */
  unsigned reg, rm, vvvv;  /* numbers of registers */
  gboolean in_memory, sib; /* rm is an address */
  uint8_t *address;        /* without the index */
  ptrdiff_t index;         /* times its scale; 0: none */
  const uint8_t *next;     /* instruction */
} Instruction;

/* The general registers in the order of their numbers. */
static greg_t
register_of (const ucontext_t *context, unsigned number)
{
  static const int places[] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                REG_RSI, REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11,
                                REG_R12, REG_R13, REG_R14, REG_R15 };

  return context->uc_mcontext.gregs[places[number]];
}

/* p: behind the byte ModRM. above: what B adds to a base's number, above_index: X to an index's. */
static void
decode_address (const ucontext_t *context, const uint8_t *p, unsigned mod, unsigned above,
                unsigned above_index, Instruction *i)
{
  unsigned base = i->rm % 8;
  gboolean based = mod != 0 || base != 5, relative = !based;
  int32_t displacement = 0;
  greg_t address = 0;

  i->sib = base == 4;
  if (i->sib) {
    unsigned index = *p >> 3 & 7;

    base = *p & 7;
    based = mod != 0 || base != 5;
    if (index + above_index != 4)
      i->index = (ptrdiff_t) register_of (context, index + above_index) * (1 << (*p >> 6));
    p++;
  }
  if (mod == 1) {
    displacement = (int8_t) *p;
    p++;
  } else if (mod == 2 || !based) {
    memcpy (&displacement, p, sizeof displacement);
    p += sizeof displacement;
  }
  i->next = p; /* none of them has a byte more */
  if (relative)
    address = (greg_t) (uintptr_t) p;
  else if (based)
    address = register_of (context, base + above);
  i->address = (uint8_t *) (uintptr_t) (address + displacement);
}

/* The encoding of VEX in three bytes, map 0F38, W 0, L 0: all of AMX has that. */
static gboolean
decode (const ucontext_t *context, Instruction *i)
{
  const uint8_t *p = (const uint8_t *) (uintptr_t) context->uc_mcontext.gregs[REG_RIP];
  unsigned mod;

  if (p[0] != 0xc4 || (p[1] & 0x1f) != 2 || (p[2] & 0x84) != 0)
    return FALSE;
  mod = p[4] >> 6;
  *i = (Instruction) {
    .opcode = p[3],
    .prefix = p[2] & 3,
    .reg = (p[4] >> 3 & 7) + ((p[1] & 0x80) == 0 ? 8 : 0),
    .rm = (p[4] & 7) + ((p[1] & 0x20) == 0 ? 8 : 0),
    .vvvv = ~p[2] >> 3 & 15,
    .in_memory = mod != 3,
    .next = p + 5,
  };
  if (i->in_memory)
    decode_address (context, p + 5, mod, (p[1] & 0x20) == 0 ? 8 : 0,
                    (p[1] & 0x40) == 0 ? 8 : 0, i);
  return TRUE;
}

/* ---- the instructions, FALSE: refused ------------------------------------------------------- */

static gboolean
load_config (const Instruction *i)
{
  uint8_t config[CONFIG_SIZE];
  Tiles made = { .configured = TRUE };

  if (!i->in_memory || i->reg != 0 || i->vvvv != 0)
    return FALSE;
  memcpy (config, i->address, sizeof config);
  if (config[0] != 1 || config[1] != 0) /* palette; an interrupted load is not emulated */
    return FALSE;
  for (unsigned at = 2; at < 16; at++)
    if (config[at] != 0)
      return FALSE;
  for (unsigned t = 0; t < 16; t++) {
    unsigned row_bytes = config[16 + 2 * t] + 256u * config[17 + 2 * t], rows = config[48 + t];

    if (row_bytes > MOST_BYTES || rows > MOST_ROWS || (row_bytes == 0) != (rows == 0) ||
        (t >= N_TILES && rows != 0))
      return FALSE;
    if (t < N_TILES)
      made.tiles[t] = (Tile) { .rows = rows, .row_bytes = row_bytes };
  }
  state = made;
  return TRUE;
}

static gboolean
release (const Instruction *i)
{
  if (i->reg != 0 || i->rm != 0 || i->vvvv != 0)
    return FALSE;
  memset (&state, 0, sizeof state);
  return TRUE;
}

/* A tile that there is, or NULL. */
static Tile *
tile_of (unsigned number)
{
  return state.configured && number < N_TILES && state.tiles[number].rows > 0
             ? &state.tiles[number]
             : NULL;
}

static gboolean
zero (const Instruction *i)
{
  Tile *tile = tile_of (i->reg);

  if (tile == NULL || i->in_memory || i->rm != 0 || i->vvvv != 0)
    return FALSE;
  memset (tile->data, 0, sizeof tile->data);
  return TRUE;
}

static gboolean
load (const Instruction *i)
{
  Tile *tile = tile_of (i->reg);

  if (tile == NULL || !i->sib || i->vvvv != 0)
    return FALSE;
  memset (tile->data, 0, sizeof tile->data);
  for (unsigned row = 0; row < tile->rows; row++)
    memcpy (tile->data[row], i->address + (ptrdiff_t) row * i->index, tile->row_bytes);
  return TRUE;
}

static gboolean
store (const Instruction *i)
{
  const Tile *tile = tile_of (i->reg);

  if (tile == NULL || !i->sib || i->vvvv != 0)
    return FALSE;
  for (unsigned row = 0; row < tile->rows; row++)
    memcpy (i->address + (ptrdiff_t) row * i->index, tile->data[row], tile->row_bytes);
  return TRUE;
}

/* Rows of a by fours of their bytes, times fours of bytes of b's rows. */
static gboolean
multiply (const Instruction *i)
{
  Tile *c = tile_of (i->reg), *a = tile_of (i->rm), *b = tile_of (i->vvvv);

  if (i->in_memory || c == NULL || a == NULL || b == NULL || c == a || c == b || a == b ||
      c->row_bytes % 4 != 0 || a->row_bytes % 4 != 0 || b->row_bytes % 4 != 0 ||
      c->rows != a->rows || a->row_bytes / 4 != b->rows || c->row_bytes != b->row_bytes)
    return FALSE;
  for (unsigned m = 0; m < c->rows; m++) {
    int32_t sums[MOST_BYTES / 4] = { 0 };

    memcpy (sums, c->data[m], c->row_bytes);
    for (unsigned k = 0; k < b->rows; k++)
      for (unsigned n = 0; n < c->row_bytes / 4; n++)
        for (unsigned byte = 0; byte < 4; byte++)
          sums[n] = (int32_t) ((uint32_t) sums[n] +
                               (uint32_t) ((int8_t) a->data[m][4 * k + byte] *
                                           (int8_t) b->data[k][4 * n + byte]));
    memcpy (c->data[m], sums, sizeof sums);
  }
  return TRUE;
}

static gboolean
execute (const Instruction *i)
{
  static const struct {
    unsigned opcode, prefix;
    gboolean in_memory;
    gboolean (*run) (const Instruction *i);
  } instructions[] = {
    { 0x49, 0, TRUE, load_config }, /* LDTILECFG */
    { 0x49, 0, FALSE, release },    /* TILERELEASE */
    { 0x49, 3, FALSE, zero },       /* TILEZERO */
    { 0x4b, 3, TRUE, load },        /* TILELOADD */
    { 0x4b, 2, TRUE, store },       /* TILESTORED */
    { 0x5e, 3, FALSE, multiply },   /* TDPBSSD */
  };

  for (size_t n = 0; n < G_N_ELEMENTS (instructions); n++)
    if (instructions[n].opcode == i->opcode && instructions[n].prefix == i->prefix &&
        instructions[n].in_memory == i->in_memory)
      return instructions[n].run (i);
  return FALSE;
}

static void
on_illegal (int number, siginfo_t *info, void *user_context)
{
  ucontext_t *context = user_context;
  Instruction i;

  if (decode (context, &i) && execute (&i))
    context->uc_mcontext.gregs[REG_RIP] = (greg_t) (uintptr_t) i.next;
  else
    signal (SIGILL, SIG_DFL); /* the instruction is tried again, for good */
}

void
emulate_amx (void)
{
  struct sigaction action = { .sa_sigaction = on_illegal, .sa_flags = SA_SIGINFO };

  sigaction (SIGILL, &action, NULL);
}

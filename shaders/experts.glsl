/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tiles of mixtures of experts: pairs of a token and an expert, all of one expert, as many as a
 * product has columns. With one column a tile is a pair, and the tiles are the routes themselves;
 * else experts-sort.comp has made them (see ShaderSortPush). */

struct Tile {
  uint expert;
  uint n;     /* pairs; 0: there is no such tile */
  uint first; /* pair, or where the tile's pairs stand */
};

Tile
load_tile (UintsIn tiles, uint tile, uint columns, uint used)
{
  if (columns == 1)
    return Tile (tiles.v[tile / used * 2 * used + tile % used], 1, tile);
  uint at = SHADER_TILES_HEAD + tile * (SHADER_TILE_HEAD + columns);
  if (tile >= tiles.v[0])
    return Tile (0, 0, 0);
  return Tile (tiles.v[at], tiles.v[at + 1], at + SHADER_TILE_HEAD);
}

/* The pair in column c; past the last one, that again. Of no tile it is a small number, as llvmpipe
 * reads where it points although nobody wants it. */
uint
tile_pair (UintsIn tiles, Tile tile, uint columns, uint c)
{
  return columns == 1 ? tile.first : tiles.v[tile.first + min (c, tile.n - 1)];
}

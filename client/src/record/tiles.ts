/** A log as static files: C2SP tlog-tiles. The node's `record/tiles.py`, in the browser.
 *
 * Lives here: tile paths, entry bundles, the hash tiles of a tree.
 * Spec: docs/spec/record.md §10.4.
 */

import { type Bytes, joined } from '../bytes';
import { Malformed } from '../errors';
import type { Tree } from './merkle';

/** Entries, or hashes, of a full tile. */
export const WIDTH = 256;

export type Tile = readonly [path: string, content: Bytes];

/** "tile/<level>/<index>", with ".p/<width>" where the tile is partial. */
export function tilePath(level: string, index: number, width = WIDTH): string {
  const three = (part: number): string => String(part % 1000).padStart(3, '0');
  const parts = [three(index)];
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) parts.unshift(`x${three(rest)}`);
  return `tile/${level}/${parts.join('/')}${width === WIDTH ? '' : `.p/${width}`}`;
}

/** The `count` leaves of an entry bundle; `Malformed` if the bytes hold more, fewer, or half a leaf. */
export function decodeEntries(data: Uint8Array, count: number): Uint8Array[] {
  const leaves: Uint8Array[] = [];
  let at = 0;
  while (at < data.length && leaves.length < count) {
    const start = at + 2;
    const end = start + (((data[at] as number) << 8) | (data[at + 1] ?? 0));
    if (start > data.length || end > data.length) throw new Malformed(`entry bundle: entry ${leaves.length} is cut short`);
    leaves.push(data.subarray(start, end));
    at = end;
  }
  if (leaves.length !== count || at !== data.length) {
    throw new Malformed(`entry bundle: ${count} entries are due, and no byte more`);
  }
  return leaves;
}

/** Every entry bundle of a log. */
export function* entryTiles(leaves: readonly Uint8Array[]): Generator<Tile> {
  for (const [index, chunk] of chunks(leaves)) {
    const parts = chunk.flatMap(leaf => [Uint8Array.of(leaf.length >> 8, leaf.length & 0xff), leaf]);
    yield [tilePath('entries', index, chunk.length), joined(parts)];
  }
}

/** Every hash tile of a tree, lowest level first. */
export function* hashTiles(tree: Tree): Generator<Tile> {
  for (let level = 0; tree.level(level).length > 0; level++) {
    for (const [index, chunk] of chunks(tree.level(level))) {
      yield [tilePath(String(level), index, chunk.length), joined(chunk)];
    }
  }
}

function* chunks<T>(all: readonly T[]): Generator<readonly [index: number, chunk: readonly T[]]> {
  for (let at = 0; at < all.length; at += WIDTH) yield [at / WIDTH, all.slice(at, at + WIDTH)];
}

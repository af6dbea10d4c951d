/** A log's Merkle tree, as far as a reader of the whole log needs it. Spec: RFC 9162 §2.1; tests/vectors/record/merkle.json. */

import type { Bytes } from '../bytes';
import { sha256 } from './digest';

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
/** A tile holds the hashes of eight levels in one (C2SP tlog-tiles). */
const TILE_HEIGHT = 8;

/** The root of the tree without leaves: SHA-256 of nothing. */
export const EMPTY_ROOT: Bytes = Uint8Array.from(
  [0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55],
);

export function leafHash(leaf: Uint8Array): Promise<Bytes> {
  return sha256(LEAF, leaf);
}

/** Grows leaf by leaf; knows the root at each of its sizes, since acknowledgements name any of them. */
export class Tree {
  private stack: { readonly height: number; readonly hash: Bytes }[] = [];
  private readonly roots: Bytes[] = [EMPTY_ROOT];
  /** [level][i]: the full subtree over leaves i·256^level …: what tiles hold. */
  private readonly tiles: Bytes[][] = [];

  static async of(leaves: readonly Uint8Array[]): Promise<Tree> {
    const tree = new Tree();
    for (const leaf of leaves) await tree.append(leaf);
    return tree;
  }

  get size(): number {
    return this.tiles[0]?.length ?? 0;
  }

  async append(leaf: Uint8Array): Promise<void> {
    let top = { height: 0, hash: await leafHash(leaf) };
    this.keep(top.height, top.hash);
    for (let last = this.stack.at(-1); last?.height === top.height; last = this.stack.at(-1)) {
      this.stack.pop();
      top = { height: top.height + 1, hash: await sha256(NODE, last.hash, top.hash) };
      this.keep(top.height, top.hash);
    }
    this.stack.push(top);
    this.roots.push(await this.top());
  }

  /** The root of the first `size` leaves; undefined if there are not so many. */
  root(size: number): Bytes | undefined {
    return this.roots[size];
  }

  /** Hashes of the full subtrees of 256^level leaves, left to right. */
  level(level: number): readonly Bytes[] {
    return this.tiles[level] ?? [];
  }

  private keep(height: number, hash: Bytes): void {
    if (height % TILE_HEIGHT === 0) (this.tiles[height / TILE_HEIGHT] ??= []).push(hash);
  }

  private async top(): Promise<Bytes> {
    const subtrees = this.stack.map(({ hash }) => hash);
    let root = subtrees.pop() as Bytes;
    for (let left = subtrees.pop(); left; left = subtrees.pop()) root = await sha256(NODE, left, root);
    return root;
  }
}

/** A log's Merkle tree, as far as a reader of the whole log needs it. Spec: RFC 9162 §2.1; tests/vectors/record/merkle.json. */

import { type Bytes, concat } from '../bytes';
import { sha256 } from './digest';

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export function leafHash(leaf: Uint8Array): Promise<Bytes> {
  return sha256(LEAF, leaf);
}

/** Grows leaf by leaf; knows the root at its present size. Keeps only the roots of its perfect subtrees. */
export class Tree {
  private stack: { readonly height: number; readonly hash: Bytes }[] = [];
  size = 0;

  async append(leaf: Uint8Array): Promise<void> {
    let top = { height: 0, hash: await leafHash(leaf) };
    for (let last = this.stack.at(-1); last?.height === top.height; last = this.stack.at(-1)) {
      this.stack.pop();
      top = { height: top.height + 1, hash: await sha256(NODE, concat(last.hash, top.hash)) };
    }
    this.stack.push(top);
    this.size++;
  }

  async root(): Promise<Bytes> {
    const subtrees = this.stack.map(({ hash }) => hash);
    let root = subtrees.pop();
    if (!root) return sha256();
    for (let left = subtrees.pop(); left; left = subtrees.pop()) root = await sha256(NODE, concat(left, root));
    return root;
  }

  copy(): Tree {
    const other = new Tree();
    other.stack = [...this.stack];
    other.size = this.size;
    return other;
  }
}

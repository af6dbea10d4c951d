/** What the record page and its worker say to one another. Types, and no code. */

import type { Account } from '../record/account';
import type { Line } from '../record/verify';

/** at: side → a size at which the root is asked for: what this browser pinned. */
export interface Asked {
  readonly data: ArrayBuffer;
  readonly at: { readonly [side: string]: number };
}

/** Said: the account, each entry's line, each log's checkpoint as the bundle has it, and the roots asked for; null where
 * the log has not so many entries. */
export interface Told {
  readonly account: Account;
  readonly lines: readonly Line[];
  readonly notes: { readonly [side: string]: string };
  readonly roots: { readonly [side: string]: string | null };
}

export type Answer =
  | { readonly kind: 'progress'; readonly done: number; readonly all: number }
  | { readonly kind: 'told'; readonly told: Told }
  | { readonly kind: 'failed'; readonly why: string };

/** The account of a record: what is in force, signed by whom, as of which sizes, and what fails.
 *
 * Lives here: the account's shape, which is the node's `Account.to_json()` (verification/account.py), member for member.
 * Not here: how it is found (`verify`), how it is shown (`../page/verify`).
 * Spec: docs/spec/record.md §14.2.
 */

import type { JsonObject } from './canonical';
import type { Fault } from './bundle';

/** That a log's key has signed two logs of `size` entries. held: the root of this one. shown: of the other. */
export interface Fork {
  readonly log: string;
  readonly size: number;
  readonly held: string;
  readonly shown: string;
}

export interface LogAccount {
  readonly side: string;
  readonly names: { readonly [language: string]: string };
  /** That it works in, its first one first. */
  readonly languages: readonly string[];
  readonly size: number;
  readonly root: string;
  /** Greatest size of this log that the other's truly acknowledges. */
  readonly acknowledged: number;
  readonly cosigned: { readonly size: number; readonly timestamp: number } | null;
  readonly delegates: readonly {
    readonly delegate: string;
    readonly role: string;
    readonly name: string | null;
    readonly powers: readonly string[];
  }[];
  /** Act type → how many of them stand. */
  readonly acts: { readonly [type: string]: number };
  /** Sizes at which a timestamp token lies in the bundle; it is not checked here. */
  readonly timestamps: readonly number[];
}

/** One side's consent: entry `index` of its log. time: by its own node's clock.
 *
 * tabled: the entry by which the side itself tabled it. received: the entry of its log, before `index`, which says
 * that all contents were at hand.
 */
export interface Consented {
  readonly side: string;
  readonly index: number;
  readonly act: string;
  readonly time: string;
  readonly delegate: string;
  readonly role: string;
  readonly name: string | null;
  readonly tabled: number | null;
  readonly received: number | null;
}

export interface Agreement {
  readonly slot: string;
  readonly hash: string;
  readonly kind: string;
  readonly standing: 'in force' | 'replaced' | 'ended';
  readonly body: JsonObject;
  /** Commitment → its words, or null where the bundle does not open it. */
  readonly contents: { readonly [commitment: string]: string | null };
  readonly signed: readonly Consented[];
  readonly first: string | null;
  readonly known_since: { readonly [side: string]: number | null } | null;
  readonly ended: readonly { readonly side: string; readonly index: number }[];
}

export interface Void {
  readonly log: string;
  readonly index: number;
  readonly reason: string;
  readonly act: string | null;
  readonly delegate: string | null;
}

/** That a side has erased its copy of a content. here: whether the bundle holds it all the same, as another copy. */
export interface Erasure {
  readonly commitment: string;
  readonly side: string;
  readonly index: number;
  readonly time: string;
  readonly delegate: string;
  readonly role: string;
  readonly name: string | null;
  readonly here: boolean;
}

export interface Account {
  /** Whether every check of §14.1 holds: nothing fails, and no entry is void. */
  readonly holds: boolean;
  readonly dialogue: string;
  readonly logs: readonly LogAccount[];
  readonly agreements: readonly Agreement[];
  readonly waiting: readonly {
    readonly for_side: string;
    readonly what: string;
    readonly slot: string;
    readonly hash: string;
    readonly status: string;
  }[];
  readonly void: readonly Void[];
  readonly faults: readonly Fault[];
  readonly entries: number;
  readonly contents: number;
  /** What a side says it has erased, by commitment, then side, ascending. */
  readonly erased: readonly Erasure[];
  /** Commitments of entries that stand, neither in the bundle nor erased by a side, ascending. */
  readonly withheld: readonly string[];
  /** Those whose proof the bundle holds. */
  readonly forks: readonly Fork[];
}

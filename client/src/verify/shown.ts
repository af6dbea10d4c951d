/** Whether what a page shows, and what this browser saw before, is what the record says.
 *
 * Lives here: `Shown` (as the page carries it), `differs`, `seen`, `toPin`.
 * Not here: verification (`../record/verify`), words and elements (`page`).
 */

import type { Account } from '../record/account';
import { fromText } from '../bytes';
import type { Pin } from '../record/pins';
import type { Told } from './messages';

/** What the node says in its page. sizes: by side. in_force: [slot, hash]. void: [side, index, reason]. */
export interface Shown {
  readonly sizes: { readonly [side: string]: number };
  readonly in_force: readonly (readonly [slot: string, hash: string])[];
  readonly void: readonly (readonly [side: string, index: number, reason: string])[];
}

export type Difference = 'grown' | 'force' | 'void';

/** In what the page is not what the account says. "grown": of other sizes, so that nothing can be compared. */
export function differs(shown: Shown, account: Account): readonly Difference[] {
  const sizes = new Map(account.logs.map(({ side, size }) => [side, size]));
  const grown = Object.keys(shown.sizes).length !== sizes.size
    || Object.entries(shown.sizes).some(([side, size]) => sizes.get(side) !== size);
  if (grown) return ['grown'];
  const force = account.agreements.filter(({ standing }) => standing === 'in force').map(({ slot, hash }) => [slot, hash]);
  const voids = account.void.map(({ log, index, reason }) => [log, index, reason]);
  const found: Difference[] = [];
  if (!same(force, shown.in_force)) found.push('force');
  if (!same(voids, shown.void)) found.push('void');
  return found;
}

function same(one: readonly unknown[], other: readonly unknown[]): boolean {
  const spelt = (all: readonly unknown[]): string => all.map(each => JSON.stringify(each)).sort().join('\n');
  return spelt(one) === spelt(other);
}

/** The largest log of a side that this browser ever saw. root: base64url. note: its checkpoint, if it was kept. */
export interface Pinned {
  readonly size: number;
  readonly root: string;
  readonly note?: string;
}

/** What to pin of a record that holds and fits what was pinned: larger logs, each with the checkpoint that proves it. */
export function toPin(pins: ReadonlyMap<string, Pinned>, { account, notes }: Told): ReadonlyMap<string, Pin> {
  const found = new Map<string, Pin>();
  for (const { side, size, root } of account.logs) {
    const pin = pins.get(side);
    const note = notes[side];
    if (note === undefined || (pin && (pin.size > size || (pin.size === size && pin.note !== undefined)))) continue;
    found.set(side, { size, root: fromText(root, 32), note });
  }
  return found;
}

export type Seen =
  | { readonly kind: 'none' | 'fits' | 'other-dialogue' }
  | { readonly kind: 'older' | 'other'; readonly side: string; readonly seen: number; readonly size: number };

/** What the record is to what was pinned; a side's id is its founding statement's hash, the dialogue's follows from both. */
export function seen(dialogue: string, pins: ReadonlyMap<string, Pinned>, { account, roots }: Told): Seen {
  if (account.dialogue !== dialogue) return { kind: 'other-dialogue' };
  for (const { side, size } of account.logs) {
    const pin = pins.get(side);
    if (!pin) continue;
    if (size < pin.size) return { kind: 'older', side, seen: pin.size, size };
    if (roots[side] !== pin.root) return { kind: 'other', side, seen: pin.size, size };
  }
  return { kind: account.logs.some(({ side }) => pins.has(side)) ? 'fits' : 'none' };
}

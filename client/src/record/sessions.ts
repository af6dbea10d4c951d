/** Sessions and ends: what begins by both, and stops or ends by one alone. The node's `dialogue/sessions.py`.
 *
 * Lives here: `Place`, `Ends`, `Sessions`. Not here: consents and accords (`accord`), walking two logs (`join`).
 * Spec: docs/spec/record.md §8.
 */

import type { Slot } from './acts';
import { slotText } from './acts';
import { NOTHING_TO_END } from './verdicts';

/** An index that no log reaches. */
export const NEVER = Infinity;
const DIALOGUE: Slot = ['dialogue'];

/** What one side can end: kind → number of parts, power. */
export const ENDS: ReadonlyMap<string, { readonly parts: number; readonly power: string }> = new Map([
  ['text', { parts: 2, power: 'sign' }],
  ['talk', { parts: 2, power: 'schedule' }],
  ['dialogue', { parts: 1, power: 'sign' }],
]);

export type Side = 0 | 1;
export const SIDES: readonly [Side, Side] = [0, 1];
export const otherOf = (s: Side): Side => (s === 0 ? 1 : 0);

/** Where an entry is judged: its cut is the own log below `index` and the other's below `eff`.
 *
 * own, ack: what its signer had before them of the own and of the other's log.
 */
export interface Place {
  readonly side: Side;
  readonly index: number;
  readonly eff: number;
  readonly own: number;
  readonly ack: number;
}

type Both<T> = readonly [T, T];

/** What each side has ended, and at which index of its log. An end is at once, alone and for ever. */
export class Ends {
  readonly at: Both<Map<string, number>> = [new Map(), new Map()];

  /** Whether either side had, inside the cut. */
  within(place: Place, what: Slot): boolean {
    return this.index(place.side, what) < place.index || this.index(otherOf(place.side), what) < place.eff;
  }

  index(s: Side, what: Slot): number {
    return this.at[s].get(slotText(what)) ?? NEVER;
  }

  /** Whether either side has, as far as both logs go. */
  ended(what: Slot): boolean {
    return SIDES.some(s => this.at[s].has(slotText(what)));
  }

  judge(place: Place, what: Slot, everConsented: boolean): string | null {
    if (this.at[place.side].has(slotText(what))) return 'ended already';
    return what[0] === 'text' && !everConsented ? NOTHING_TO_END : null;
  }

  apply(place: Place, what: Slot): void {
    this.at[place.side].set(slotText(what), place.index);
  }
}

interface Session {
  readonly kind: string;
  readonly talk: string;
  readonly n: number;
}

const key = ({ kind, talk, n }: Session): string => JSON.stringify([kind, talk, n]);

/** Who has begun and stopped the n-th session of a kind in a talk. A stop is final for its n. */
export class Sessions {
  readonly begun: Both<Map<string, number>> = [new Map(), new Map()];
  readonly stopped: Both<Map<string, number>> = [new Map(), new Map()];
  /** The latest of each kind in each talk. */
  readonly latest = new Map<string, Session>();

  constructor(private readonly ends: Ends) {}

  judgeBegin(place: Place, move: Session): string | null {
    if (this.ends.within(place, ['talk', move.talk]) || this.ends.within(place, DIALOGUE)) return 'ended';
    if (this.begun[place.side].has(key(move))) return 'begun already';
    if (move.n === 1) return null;
    const before = key({ ...move, n: move.n - 1 });
    const stopped = (this.stopped[place.side].get(before) ?? NEVER) < place.index
      || (this.stopped[otherOf(place.side)].get(before) ?? NEVER) < place.eff;
    return move.n > 1 && stopped ? null : 'not its turn';
  }

  judgeStop(place: Place, move: Session): string | null {
    if (!this.begun[place.side].has(key(move))) return 'nothing of yours to stop';
    return this.stopped[place.side].has(key(move)) ? 'stopped already' : null;
  }

  begin(place: Place, { kind, talk, n }: Session): void {
    this.begun[place.side].set(key({ kind, talk, n }), place.index);
    const at = JSON.stringify([kind, talk]);
    this.latest.set(at, { kind, talk, n: Math.max(n, this.latest.get(at)?.n ?? 0) });
  }

  stop(place: Place, move: Session): void {
    this.stopped[place.side].set(key(move), place.index);
  }

  ownBegun(place: Place, session: Session): boolean {
    return this.begun[place.side].has(key(session));
  }

  /** Sessions that one side has begun and the other has not, nobody having stopped them. */
  *asked(): Generator<{ readonly by: Side; readonly session: Session }> {
    for (const session of this.latest.values()) {
      if (this.ends.ended(['talk', session.talk]) || this.ends.ended(DIALOGUE)) continue;
      const begun = SIDES.filter(s => this.begun[s].has(key(session)));
      const [by] = begun;
      if (by !== undefined && begun.length === 1 && !SIDES.some(s => this.stopped[s].has(key(session)))) {
        yield { by, session };
      }
    }
  }
}

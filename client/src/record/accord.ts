/** The accord: the one machine for all that takes both. The node's `dialogue/accord.py`, in the browser.
 *
 * Lives here: slots, offers, accords; the rules of consent R-T … R-F, tabling, withdrawing, declining, and what may
 * not be erased because it binds.
 * Not here: whether an act is well-formed and its signer may do it (`fold`), walking two logs (`join`).
 * Spec: docs/spec/record.md §§5–7.
 *
 * Every question is asked at a `Place`, the entry's own cut, and never of anything outside it.
 */

import { type Move, type Slot, type Subject, slotText } from './acts';
import { type Ends, NEVER, type Place, type Side, otherOf } from './sessions';
import * as verdicts from './verdicts';

/** What may be agreed under one name.
 *
 * parts: of the slot, the kind included. tabled: its subjects are tabled first; a consent may carry its own, and tables
 * it too. carried: the consent itself carries the subject. Neither: each side consents to a hash of its own, once.
 * ends: what closes it; "" if nothing does.
 */
export interface SlotKind {
  readonly parts: number;
  readonly power: string;
  readonly tabled: boolean;
  readonly carried: boolean;
  readonly ends: '' | 'talk' | 'text';
}

const kind = (parts: number, power: string, more: Partial<SlotKind> = {}): SlotKind =>
  ({ parts, power, tabled: true, carried: false, ends: '', ...more });

export const SLOTS: { readonly [kind: string]: SlotKind | undefined } = Object.assign(Object.create(null) as object, {
  time: kind(2, 'schedule', { ends: 'talk' }),
  agenda: kind(2, 'schedule', { ends: 'talk' }),
  text: kind(2, 'sign', { ends: 'text' }),
  readout: kind(2, 'release'),
  opening: kind(2, 'record'),
  rules: kind(1, 'sign', { tabled: false, carried: true }),
  together: kind(3, 'release', { tabled: false }),
});
const MAX_PART = 64;
const EXCHANGED = 'exchanged';
const DIALOGUE: Slot = ['dialogue'];

/** Whether both sides can agree anything under this name. */
export function isSlot(slot: Slot): boolean {
  const found = SLOTS[slot[0] ?? ''];
  return found !== undefined && slot.length === found.parts
    && slot.every(part => part !== '' && [...part].length <= MAX_PART && !part.includes('/'));
}

const kindOf = (slot: Slot): SlotKind => SLOTS[slot[0] as string] as SlotKind;

/** The end that closes this slot for good, beside the dialogue's; null if nothing does. */
export function endedBy(slot: Slot): Slot | null {
  const { ends } = kindOf(slot);
  return ends === '' ? null : [ends, slot[1] as string];
}

/** One consent of one side. formed: index of the other's matching consent, in the other's log. closed: once known. */
export interface Offer {
  readonly hash: string;
  readonly at: number;
  withdrawn: number | null;
  formed: number | null;
  closed: number | null;
}

/** An act of a side that may answer an offer of the other: a consent or a decline. */
interface Turn {
  readonly at: number;
  readonly eff: number;
  readonly hash: string;
  readonly declines: boolean;
}

/** Two consents to one hash, at index at[0] of the first side's log and at[1] of the second's. */
export interface Accord {
  readonly hash: string;
  readonly at: readonly [number, number];
}

type Both<T> = readonly [T, T];

export interface SlotState {
  readonly slot: Slot;
  readonly offers: Both<Offer[]>;
  readonly turns: Both<Turn[]>;
  readonly touched: [number, number];
  readonly accords: Accord[];
}

type Consent = Extract<Move, { move: 'consent' }>;
type Answer = Extract<Move, { move: 'withdraw' | 'decline' }>;

/** eff: per side, the running greatest true acknowledgement of each judged entry. */
export class Accords {
  readonly slots = new Map<string, SlotState>();
  readonly tabled = new Map<string, Subject>();
  readonly tabledAt: Both<Map<string, number>> = [new Map(), new Map()];
  /** Commitment → slots in which that side consented to a subject that holds it; and accords on such. */
  private readonly consented: Both<Map<string, Map<string, Slot>>> = [new Map(), new Map()];
  private readonly accorded = new Map<string, Accord[]>();

  constructor(
    private readonly eff: Both<number[]>,
    private readonly ends: Ends,
  ) {}

  // --- at a place ------------------------------------------------------------------------------------

  /** The slot's latest accord both of whose consents are in the cut. */
  current(place: Place, slot: Slot): Accord | null {
    return this.at(slot)?.accords.findLast(accord => inCut(place, accord)) ?? null;
  }

  /** Whether, inside the cut, an end has closed the slot (the dialogue's aside). */
  endedWithin(place: Place, slot: Slot): boolean {
    const end = endedBy(slot);
    return end !== null && this.ends.within(place, end);
  }

  everConsented(side: Side, slot: Slot): boolean {
    return (this.at(slot)?.offers[side].length ?? 0) > 0;
  }

  private at(slot: Slot): SlotState | undefined {
    return this.slots.get(slotText(slot));
  }

  private ownLatest(place: Place, slot: Slot): Offer | null {
    return this.at(slot)?.offers[place.side].at(-1) ?? null;
  }

  /** Whether it was tabled inside what the signer had before them (not: inside the cut). */
  private saw(place: Place, hash: string): boolean {
    return (this.tabledAt[place.side].get(hash) ?? NEVER) < place.own
      || (this.tabledAt[otherOf(place.side)].get(hash) ?? NEVER) < place.ack;
  }

  /** What was tabled under that hash inside the person's view. */
  seenTabled(place: Place, hash: string): Subject | null {
    return this.saw(place, hash) ? this.tabled.get(hash) ?? null : null;
  }

  /** Index of the own withdrawal of an offer of side s, or of the own end that withdraws it; else NEVER. */
  private goneAt(s: Side, slot: Slot, offer: Offer): number {
    let gone = offer.withdrawn ?? NEVER;
    for (const end of [DIALOGUE, slot]) {
      const index = this.ends.index(s, end);
      if (index > offer.at) gone = Math.min(gone, index);
    }
    return gone;
  }

  /** Index in the other's log from which an offer of side s is closed to it; NEVER while it is open.
   *
   * R-W: a withdrawal (or an end) counts from the other's first entry that has heard it. R-C: so does the other's
   * decline, or its consent to another hash, if it had heard the offer.
   */
  private closedAt(s: Side, slot: Slot, offer: Offer): number {
    if (offer.closed !== null) return offer.closed;
    const o = otherOf(s);
    const gone = this.goneAt(s, slot, offer);
    let at = NEVER;
    if (gone < NEVER) {
      const heard = after(this.eff[o], gone, size => size);
      if (heard < this.eff[o].length) at = heard;
    }
    if (slot[0] !== 'together') {
      const turns = this.at(slot)?.turns[o] ?? [];
      for (let k = after(turns, offer.at, ({ eff }) => eff); k < turns.length; k++) {
        const turn = turns[k] as Turn;
        if (turn.at >= at) break;
        if ((turn.hash === offer.hash) === turn.declines) {
          at = turn.at;
          break;
        }
      }
    }
    if (at < NEVER) offer.closed = at;
    return at;
  }

  /** R-P: whether the side has no consent in the slot that is still open at the cut. */
  private penFree(place: Place, slot: Slot): boolean {
    const last = this.ownLatest(place, slot);
    if (!last || (last.formed !== null && last.formed < place.eff)) return true;
    return this.closedAt(place.side, slot, last) < place.eff;
  }

  // --- judging ---------------------------------------------------------------------------------------

  judgeTable(place: Place, subject: Subject): string | null {
    if (subject.base === null) return null;
    const base = this.tabled.get(subject.base);
    if (!base || !this.saw(place, subject.base)) return 'base not tabled';
    if (slotText(base.slot) !== slotText(subject.slot)) return 'base of another';
    return base.kind === subject.kind ? null : 'kind changed';
  }

  judgeConsent(place: Place, move: Consent): string | null {
    const { slot } = move;
    const { tabled, carried } = kindOf(slot);
    if (this.ends.within(place, DIALOGUE)) return 'dialogue ended';
    const current = this.current(place, slot);
    if (tabled || carried) {
      const subject = move.subject ?? this.seenTabled(place, move.hash as string);
      if (!subject) return verdicts.NOT_TABLED;
      if (move.subject) {
        const refused = tabled ? this.judgeTable(place, move.subject) : null;
        if (refused !== null) return refused;
      } else if (slotText(subject.slot) !== slotText(slot)) {
        return verdicts.WRONG_SLOT;
      }
      if (this.endedWithin(place, slot)) return verdicts.ENDED;
      if ((current?.hash ?? null) !== subject.base) return 'base not in force';
    } else if (current) {
      return 'exchanged already';
    }
    if ((this.at(slot)?.touched[place.side] ?? -1) >= place.own) return 'stale';
    return this.penFree(place, slot) ? null : 'pen in use';
  }

  judgeWithdraw(place: Place, move: Answer): string | null {
    const last = this.ownLatest(place, move.slot);
    if (last?.hash !== move.hash || last.withdrawn !== null) return 'nothing to withdraw';
    return last.formed !== null && last.formed < place.eff ? 'in force already' : null;
  }

  judgeDecline(place: Place, move: Answer): string | null {
    const o = otherOf(place.side);
    const offers = this.at(move.slot)?.offers[o] ?? [];
    const offer = offers[after(offers, place.eff - 1, ({ at }) => at) - 1];
    const open = offer?.hash === move.hash && (offer.formed === null || offer.formed >= place.index)
      && this.closedAt(o, move.slot, offer) >= place.index;
    return open ? null : 'nothing to decline';
  }

  /** What is in force, ever was, or is open to the other in an own consent, keeps its contents. */
  judgeErase(place: Place, commitment: string): string | null {
    if (this.accorded.get(commitment)?.some(accord => inCut(place, accord))) return 'binds you';
    const slots = [...(this.consented[place.side].get(commitment)?.values() ?? [])];
    return slots.some(slot => this.binds(place, slot, commitment)) ? 'binds you' : null;
  }

  private binds(place: Place, slot: Slot, commitment: string): boolean {
    const last = this.ownLatest(place, slot);
    const subject = last ? this.tabled.get(last.hash) : undefined;
    return (subject?.commitments.has(commitment) ?? false) && !this.penFree(place, slot);
  }

  // --- applying --------------------------------------------------------------------------------------

  table(place: Place, subject: Subject, hash: string): void {
    if (!this.tabled.has(hash)) this.tabled.set(hash, subject);
    const at = this.tabledAt[place.side];
    if (!at.has(hash)) at.set(hash, place.index);
  }

  /** Add the offer; R-F: with the other's matching one, neither closed to the other, it is an accord. */
  consent(place: Place, move: Consent): void {
    const s = place.side;
    const o = otherOf(s);
    const { slot } = move;
    const hash = move.hash as string;
    const state = this.at(slot)
      ?? { slot, offers: [[], []], turns: [[], []], touched: [-1, -1] as [number, number], accords: [] };
    this.slots.set(slotText(slot), state);
    if (move.subject && kindOf(slot).tabled) this.table(place, move.subject, hash);
    else if (move.subject && !this.tabled.has(hash)) this.tabled.set(hash, move.subject);
    const mine: Offer = { hash, at: place.index, withdrawn: null, formed: null, closed: null };
    state.offers[s].push(mine);
    state.turns[s].push({ at: place.index, eff: place.eff, hash, declines: false });
    state.touched[s] = place.index;
    const subject = this.tabled.get(hash);
    const held = subject && slotText(subject.slot) === slotText(slot) ? subject.commitments : new Set<string>();
    for (const commitment of held) entryOf(this.consented[s], commitment, () => new Map()).set(slotText(slot), slot);
    const theirs = state.offers[o].at(-1);
    const together = slot[0] === 'together';
    if (!theirs || !(theirs.hash === hash || together) || theirs.formed !== null) return;
    if (theirs.at >= this.closedAt(s, slot, mine) || place.index >= this.closedAt(o, slot, theirs)) return;
    mine.formed = theirs.at;
    theirs.formed = place.index;
    const at: readonly [number, number] = s === 0 ? [place.index, theirs.at] : [theirs.at, place.index];
    const accord = { hash: together ? EXCHANGED : hash, at };
    state.accords.push(accord);
    for (const commitment of held) entryOf(this.accorded, commitment, () => []).push(accord);
  }

  withdraw(place: Place, move: Answer): void {
    const state = this.at(move.slot) as SlotState;
    (state.offers[place.side].at(-1) as Offer).withdrawn = place.index;
    state.touched[place.side] = place.index;
  }

  decline(place: Place, move: Answer): void {
    const turn = { at: place.index, eff: place.eff, hash: move.hash, declines: true };
    this.at(move.slot)?.turns[place.side].push(turn);
  }

  /** Forget, upon an erasure, slots whose consent holds the commitment no more. Keeps many erasures linear. */
  settle(place: Place, commitment: string): void {
    const slots = this.consented[place.side].get(commitment);
    for (const [name, slot] of slots ?? []) {
      if (this.binds(place, slot, commitment)) return;
      slots?.delete(name);
    }
  }

  // --- as both logs go -------------------------------------------------------------------------------

  /** "open" or "withdrawal pending" if the other may still answer side s's latest consent; else null. */
  waits(s: Side, state: SlotState): { readonly hash: string; readonly status: string } | null {
    const offer = state.offers[s].at(-1);
    if (!offer || offer.formed !== null || this.closedAt(s, state.slot, offer) < NEVER) return null;
    return { hash: offer.hash, status: this.goneAt(s, state.slot, offer) === NEVER ? 'open' : 'withdrawal pending' };
  }

  /** Whether either side has ended what the slot rests on (the dialogue's end leaves it standing). */
  isEnded(slot: Slot): boolean {
    const end = endedBy(slot);
    return end !== null && this.ends.ended(end);
  }
}

function inCut(place: Place, accord: Accord): boolean {
  return accord.at[place.side] < place.index && accord.at[otherOf(place.side)] < place.eff;
}

/** How many of the ascending values are at most `limit`. */
export function after<T>(values: readonly T[], limit: number, by: (value: T) => number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (by(values[middle] as T) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

function entryOf<T>(map: Map<string, T>, key: string, fresh: () => T): T {
  let found = map.get(key);
  if (!found) {
    found = fresh();
    map.set(key, found);
  }
  return found;
}

/** The common state of two folds. The node's `dialogue/join.py`, in the browser, over whole logs.
 *
 * Lives here: `Joint`: the walk over both logs, final verdicts, what is agreed and what waits.
 * Not here: what one log alone decides (`fold`), rules of consent (`accord`), sessions and ends (`sessions`).
 * Spec: docs/spec/record.md §§3–8.
 *
 * Each entry is judged once, at its cut: its own log before it, and the other's as far as its own had truly
 * acknowledged. Signatures of acknowledgements are checked before the walk, which then waits for nothing.
 */

import { equal, toText } from '../bytes';
import { type Accord, Accords, type SlotState, after } from './accord';
import type { Cut, Move, Slot, Subject } from './acts';
import type { JsonObject } from './canonical';
import { fits } from './checkpoint';
import { ALONE, FOLDED, type Fold, type Judged, acknowledges } from './fold';
import { EMPTY_ROOT } from './merkle';
import { DIALOGUE, RULES } from './rulebook';
import { Ends, type Place, SIDES, Sessions, type Side, otherOf } from './sessions';
import * as verdicts from './verdicts';

/** What an entry says it saw of the other's log. signed: by that log's key. same: of the log at hand. */
export interface Heard {
  readonly size: number;
  readonly signed: boolean;
  readonly same: boolean;
}

/** What waits for a side's answer. */
export interface Waits {
  readonly forSide: Side;
  readonly what: 'consent' | 'session';
  readonly slot: Slot;
  readonly hash: string;
  readonly status: string;
}

/** From when an accord is known. first: the side whose consent precedes the other's. known: per side, its first entry. */
export interface Since {
  readonly first: Side | null;
  readonly known: readonly [number | null, number | null];
}

type Both<T> = readonly [T, T];

export class Joint {
  readonly eff: Both<number[]> = [[], []];
  readonly verdicts: Both<(string | null)[]> = [[], []];
  readonly ends = new Ends();
  readonly sessions = new Sessions(this.ends);
  readonly machine = new Accords(this.eff, this.ends);
  /** Proven: this side signed a checkpoint that its log at hand does not have. */
  readonly forked: [boolean, boolean] = [false, false];
  /** Per side: where it first said that it has erased a content; and where it first said that all contents of a subject are at hand. */
  readonly erased: Both<Map<string, number>> = [new Map(), new Map()];
  readonly received: Both<Map<string, number>> = [new Map(), new Map()];
  private readonly registers: Both<Map<string, { readonly index: number; readonly value: JsonObject }[]>> = [new Map(), new Map()];
  /** [s]: who of the other's log truly heard more of s's than any before: (index there, size), ascending. */
  private readonly claims: Both<readonly { readonly index: number; readonly size: number }[]>;

  private constructor(
    readonly sides: Both<Fold>,
    /** [s]: of each entry of s, what it heard; null if it acknowledges nothing. */
    readonly heard: Both<readonly (Heard | null)[]>,
  ) {
    this.claims = [claimsOf(heard[1]), claimsOf(heard[0])];
    for (let moved = true; moved;) {
      moved = false;
      for (const s of SIDES) while (this.step(s)) moved = true;
    }
  }

  static async of(a: Fold, b: Fold): Promise<Joint> {
    return new Joint([a, b], [await heardBy(a, b), await heardBy(b, a)]);
  }

  /** How much of the other's log side s has truly acknowledged, as far as judged. */
  effNow(s: Side): number {
    return this.eff[s].at(-1) ?? 0;
  }

  /** How many entries at the end of a log wait for entries of the other that are not at hand. */
  held(s: Side): number {
    return this.sides[s].size - this.verdicts[s].length;
  }

  // --- walking ---------------------------------------------------------------------------------------

  private step(s: Side): boolean {
    const index = this.verdicts[s].length;
    const judged = this.sides[s].judged[index];
    if (!judged) return false;
    const taken = this.takeAck(s, index);
    if (!taken) return false;
    this.eff[s].push(taken.eff);
    const { own, ack } = judged.entry?.signed ?? { own: { size: 0 }, ack: { size: 0 } };
    const place: Place = { side: s, index, eff: taken.eff, own: own.size, ack: ack.size };
    const verdict = this.judge(place, judged, taken.lies);
    this.verdicts[s].push(verdict);
    if (verdict === null && judged.move) this.apply(place, judged.move, judged.subject);
    if (judged.move?.move === 'erase') this.machine.settle(place, judged.move.commitment);
    return true;
  }

  /** The entry's effective ack, and whether its own ack is false; null if the entry is held. */
  private takeAck(s: Side, index: number): { readonly eff: number; readonly lies: boolean } | null {
    const heard = this.heard[s][index];
    const eff = this.effNow(s);
    const o = otherOf(s);
    if (!heard) return { eff, lies: false };
    if (heard.size === 0) return { eff, lies: !heard.same };
    const atHand = heard.size <= this.sides[o].size;
    if (atHand && !heard.signed) return { eff, lies: true };
    if (atHand && heard.same) {
      // True. The other's entries come first; none of them acknowledges this one, for hashes make no circle.
      return heard.size <= this.verdicts[o].length ? { eff: Math.max(eff, heard.size), lies: false } : null;
    }
    if (atHand) this.forked[o] = true;
    // An entry of the other's, below that size, acknowledges this very one: it cannot have been seen here before it
    // was written there. Decided before waiting, or a lie would stop both logs.
    const answered = this.claims[s][after(this.claims[s], index, ({ size }) => size)];
    return answered && answered.index < heard.size ? { eff, lies: true } : null;
  }

  // --- judging ---------------------------------------------------------------------------------------

  private judge(place: Place, judged: Judged, lies: boolean): string | null {
    const { verdict, spec, move } = judged;
    if (verdicts.BEFORE_THE_ACT.has(verdict) || !spec) return verdict;
    if (spec.edition > 1 && spec.edition > this.editionAt(place)) return verdicts.UNKNOWN_ACT;
    if (verdict !== null || !move || FOLDED.has(move.move)) return verdict;
    if (lies && !ALONE.has(move.move)) return verdicts.FALSE_ACKNOWLEDGEMENT;
    return this.judgeMove(place, move) ?? spec.rule?.(judged.fields, this.cut(place)) ?? null;
  }

  private judgeMove(place: Place, move: Move): string | null {
    switch (move.move) {
      case 'table':
        return this.machine.judgeTable(place, move.subject);
      case 'consent':
        return this.machine.judgeConsent(place, move);
      case 'withdraw':
        return this.machine.judgeWithdraw(place, move);
      case 'decline':
        return this.machine.judgeDecline(place, move);
      case 'end':
        return this.ends.judge(place, move.what, this.machine.everConsented(place.side, move.what));
      case 'begin':
        return this.sessions.judgeBegin(place, move);
      case 'stop':
        return this.sessions.judgeStop(place, move);
      case 'erase':
        return this.machine.judgeErase(place, move.commitment);
      case 'receive':
        return move.hash === null || this.machine.seenTabled(place, move.hash) ? null : verdicts.NOT_TABLED;
      default:
        return null;
    }
  }

  /** The edition of the rule book in force at a cut. */
  private editionAt(place: Place): number {
    const accord = this.machine.current(place, RULES);
    return accord ? Number(this.machine.tabled.get(accord.hash)?.body['edition']) : 1;
  }

  private cut(place: Place): Cut {
    const register = (s: Side, key: readonly string[], below: number): JsonObject | null => {
      const said = this.registers[s].get(JSON.stringify(key)) ?? [];
      return said[after(said, below - 1, ({ index }) => index) - 1]?.value ?? null;
    };
    return {
      tabled: hash => this.machine.seenTabled(place, hash),
      ended: slot => this.machine.endedWithin(place, slot),
      inForce: slot => {
        const accord = this.machine.endedWithin(place, slot) ? null : this.machine.current(place, slot);
        const subject = accord && this.machine.tabled.get(accord.hash);
        return accord && subject ? { hash: accord.hash, subject } : null;
      },
      ownRegister: key => register(place.side, key, place.index),
      otherRegister: key => register(otherOf(place.side), key, place.eff),
      ownBegun: (kind, talk, n) => this.sessions.ownBegun(place, { kind, talk, n }),
    };
  }

  // --- applying --------------------------------------------------------------------------------------

  private apply(place: Place, move: Move, subject: string): void {
    switch (move.move) {
      case 'table':
        return this.machine.table(place, move.subject, subject);
      case 'consent':
        return this.machine.consent(place, move);
      case 'withdraw':
        return this.machine.withdraw(place, move);
      case 'decline':
        return this.machine.decline(place, move);
      case 'end':
        return this.ends.apply(place, move.what);
      case 'begin':
        return this.sessions.begin(place, move);
      case 'stop':
        return this.sessions.stop(place, move);
      case 'register': {
        const key = JSON.stringify(move.key);
        const said = this.registers[place.side].get(key) ?? [];
        said.push({ index: place.index, value: move.value });
        this.registers[place.side].set(key, said);
        return;
      }
      case 'receive': {
        const received = this.received[place.side];
        if (move.hash !== null && !received.has(move.hash)) received.set(move.hash, place.index);
        return;
      }
      case 'erase': {
        const erased = this.erased[place.side];
        if (!erased.has(move.commitment)) erased.set(move.commitment, place.index);
      }
    }
  }

  // --- what people see -------------------------------------------------------------------------------

  get slots(): Iterable<SlotState> {
    return this.machine.slots.values();
  }

  /** The latest value of a register of side s. */
  register(s: Side, key: readonly string[]): JsonObject | null {
    return this.registers[s].get(JSON.stringify(key))?.at(-1)?.value ?? null;
  }

  subject(hash: string): Subject | undefined {
    return this.machine.tabled.get(hash);
  }

  since({ at: [a, b] }: Accord): Since {
    const [ours, theirs] = this.eff;
    const first = (theirs[b] as number) > a ? 0 : (ours[a] as number) > b ? 1 : null;
    const known = (eff: number[], mine: number, other: number): number | null => {
      const at = Math.max(mine, after(eff, other, size => size));
      return at < eff.length ? at : null;
    };
    return { first, known: [known(ours, a, b), known(theirs, b, a)] };
  }

  /** Open consents for the other's answer, sessions begun by one side. */
  *waiting(): Generator<Waits> {
    for (const state of this.slots) {
      if (this.machine.isEnded(state.slot) || this.ends.ended(DIALOGUE)) continue;
      for (const s of SIDES) {
        const offer = this.machine.waits(s, state);
        if (offer) yield { forSide: otherOf(s), what: 'consent', slot: state.slot, ...offer };
      }
    }
    for (const { by, session } of this.sessions.asked()) {
      const slot = [session.kind, session.talk, String(session.n)];
      yield { forSide: otherOf(by), what: 'session', slot, hash: '', status: 'open' };
    }
  }
}

async function heardBy(side: Fold, other: Fold): Promise<(Heard | null)[]> {
  const known = new Map<string, boolean>();
  const heard: (Heard | null)[] = [];
  for (const judged of side.judged) {
    const ack = acknowledges(judged);
    if (!ack) {
      heard.push(null);
    } else if (ack.size === 0) {
      heard.push({ size: 0, signed: true, same: equal(ack.root, EMPTY_ROOT) && ack.sig.length === 0 });
    } else {
      const name = `${ack.size} ${toText(ack.root)} ${toText(ack.sig)}`;
      const key = other.keyAt(ack.size);
      const signed = known.get(name)
        ?? (key !== undefined && (await fits(key, other.dialogue, other.side, ack.size, ack.root, ack.sig)));
      known.set(name, signed);
      const root = ack.size <= other.size ? other.root(ack.size) : undefined;
      heard.push({ size: ack.size, signed, same: root !== undefined && equal(root, ack.root) });
    }
  }
  return heard;
}

/** Entries that truly heard more than any before them. */
function claimsOf(heard: readonly (Heard | null)[]): { readonly index: number; readonly size: number }[] {
  const front: { readonly index: number; readonly size: number }[] = [];
  heard.forEach((each, index) => {
    if (each && each.signed && each.same && each.size > (front.at(-1)?.size ?? 0)) front.push({ index, size: each.size });
  });
  return front;
}

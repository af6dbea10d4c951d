/** The clock of the item in hand: minutes that both sides have set, each by a delegate of its own who may schedule. Pure.
 *
 * Lives here: `read`, `write`, `agreed`, `offered`, `proposal`, `advanced`.
 * Not here: which item is in hand, which the record says (`item.put`); what counts of all that is said (`said`); drawing
 * (`clockface`).
 * Spec: docs/spec/keys.md §3.7.
 *
 * Nobody sets it alone and no message comes first: a term is set when a scheduler of each side says it.
 */

import { Malformed } from '../errors';
import { type Json, size, text } from '../record/canonical';
import { type Latest, speaking } from './said';

/** turn: from 1; one more than the greatest that its proposer knew. minutes: 1 … 480. */
export interface Term {
  readonly turn: number;
  readonly item: string;
  readonly minutes: number;
}

/** What a scheduler says. next: what it proposes or follows. now: the latest that it knows to be set, and for how many
 * seconds it has run. */
export interface Stance {
  readonly next: Term | null;
  readonly now: (Term & { readonly gone: number }) | null;
}

export type Clocks = Latest<Stance>;

export const MOST_MINUTES = 480;
const IS = 'clock';
const MOST_TURNS = 9_999;
const MOST_SECONDS = 86_400;

export const silent: Stance = { next: null, now: null };

export function write({ next, now }: Stance): Json {
  return {
    is: IS,
    next: next && [next.turn, next.item, next.minutes],
    now: now && [now.turn, now.item, now.minutes, Math.min(Math.floor(now.gone), MOST_SECONDS)],
  };
}

/** What was said, if it speaks of the clock. Raises `Malformed` if it does, wrongly. */
export function read(value: Json): Stance | undefined {
  const said = speaking(value, IS, ['next', 'now']);
  if (!said) return undefined;
  const running = said.now === null ? null : row(said.now, 4);
  return {
    next: said.next === null ? null : term(row(said.next, 3)),
    now: running && { ...term(running), gone: within(running[3], MOST_SECONDS, 'clock.gone') },
  };
}

function row(value: unknown, length: number): unknown[] {
  if (!Array.isArray(value) || value.length !== length) throw new Malformed(`clock: a list of ${length} is due`);
  return value as unknown[];
}

function term([turn, item, minutes]: unknown[]): Term {
  const found = {
    turn: within(turn, MOST_TURNS, 'clock.turn'), item: text(item, 'clock.item', 64),
    minutes: within(minutes, MOST_MINUTES, 'clock.minutes'),
  };
  if (found.turn === 0 || found.minutes === 0) throw new Malformed('clock: turns and minutes begin at 1');
  return found;
}

function within(value: unknown, most: number, what: string): number {
  const given = size(value, what);
  if (given > most) throw new Malformed(`${what}: at most ${most}`);
  return given;
}

/** The latest term that a scheduler of each side says, and the seconds that it has run by what they say. ours, theirs:
 * devices whose delegates may schedule. */
export function agreed(
  clocks: Clocks, ours: readonly string[], theirs: readonly string[],
): (Term & { readonly gone: number }) | null {
  const [one, other] = [ours, theirs].map(side => side.flatMap(device => {
    const { next, now } = clocks.get(device) ?? silent;
    return [...(next ? [{ ...next, gone: 0 }] : []), ...(now ? [now] : [])];
  })) as [(Term & { gone: number })[], (Term & { gone: number })[]];
  const both = one.filter(each => other.some(their => same(each, their)));
  const [latest] = both.sort((a, b) => b.turn - a.turn || (a.item < b.item ? -1 : 1) || a.minutes - b.minutes);
  if (!latest) return null;
  return { ...latest, gone: Math.max(...[...one, ...other].filter(each => same(each, latest)).map(each => each.gone)) };
}

/** What a side's schedulers propose beyond what is set: the latest. side: devices of its schedulers. */
export function offered(clocks: Clocks, side: readonly string[], set: Term | null): Term | null {
  const offers = side
    .flatMap(device => ({ device, next: clocks.get(device)?.next ?? null }))
    .filter(({ next }) => next !== null && next.turn > (set?.turn ?? 0))
    .sort((a, b) => (b.next?.turn ?? 0) - (a.next?.turn ?? 0) || (a.device < b.device ? -1 : 1));
  return offers[0]?.next ?? null;
}

/** A proposal of one's own: behind everything that anybody has said. */
export function proposal(clocks: Clocks, item: string, minutes: number): Term {
  const turns = [...clocks.values()].flatMap(({ next, now }) => [next?.turn ?? 0, now?.turn ?? 0]);
  return { turn: Math.min(Math.max(0, ...turns) + 1, MOST_TURNS), item, minutes };
}

/** What a scheduler says once `set` is known to be set: it is no proposal any more. */
export function advanced({ next }: Stance, set: (Term & { readonly gone: number }) | null): Stance {
  return { next: next && next.turn > (set?.turn ?? 0) ? next : null, now: set };
}

export function same(one: Term, other: Term): boolean {
  return one.turn === other.turn && one.item === other.item && one.minutes === other.minutes;
}

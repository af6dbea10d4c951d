/** Who has gone to their side's caucus: each device says its own on the floor. Pure.
 *
 * Lives here: `read`, `write`, `heard`, `gone`. Not here: the caucus itself (`caucus`), drawing (`view`).
 * Spec: docs/spec/keys.md §3.10.
 */

import { Malformed } from '../errors';
import { type Json, members } from '../record/canonical';

/** device → the latest that it said of itself; n: of the message, which only grows. */
export type Away = ReadonlyMap<string, { readonly there: boolean; readonly n: number }>;

const IS = 'caucus';

export function write(there: boolean): Json {
  return { is: IS, in: there };
}

/** What was said, if it speaks of the caucus. Raises `Malformed` if it does, wrongly. */
export function read(value: Json): boolean | undefined {
  if (value === null || typeof value !== 'object' || !('is' in value) || value.is !== IS) return undefined;
  const there = members(value, ['is', 'in'], 'caucus')['in'];
  if (typeof there !== 'boolean') throw new Malformed('caucus.in: true or false is due');
  return there;
}

/** The greatest n counts: what comes late, or again, changes nothing. */
export function heard(away: Away, device: string, n: number, there: boolean): Away {
  return n > (away.get(device)?.n ?? -1) ? new Map(away).set(device, { there, n }) : away;
}

/** Who is out is in no caucus that the floor knows of; its n stays, so that nothing old counts when it comes back. */
export function gone(away: Away, device: string): Away {
  const had = away.get(device);
  return had ? new Map(away).set(device, { there: false, n: had.n }) : away;
}

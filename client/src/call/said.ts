/** What devices say in the room: told apart by its kind; of what a device says of itself, the latest counts. Pure.
 *
 * Lives here: `speaking`, `understood`, `Latest`, `heard`, `gone`.
 * Not here: what can be said (`hands`, `away`, `clock`, `captions`, `notes`), sealing (`messages`).
 * Spec: docs/spec/keys.md §§3.6–3.10.
 */

import { Malformed } from '../errors';
import { type Json, type JsonObject, members } from '../record/canonical';

/** device → the latest that it said of itself; n: of the message, which only grows. */
export type Latest<What> = ReadonlyMap<string, What & { readonly n: number }>;

/** The members `names` of what was said, if it speaks of `kind`. Raises `Malformed` if it does, in another form. */
export function speaking(value: Json, kind: string, names: readonly string[]): JsonObject | undefined {
  if (value === null || typeof value !== 'object' || !('is' in value) || value.is !== kind) return undefined;
  return members(value, ['is', ...names], kind);
}

/** What `read` finds in what was said; what is `Malformed` is passed over. */
export function understood<What>(read: (value: Json) => What | undefined, value: Json): What | undefined {
  try {
    return read(value);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return undefined;
  }
}

/** The greatest n counts: what comes late, or again, changes nothing. */
export function heard<What extends object>(all: Latest<What>, device: string, n: number, what: What): Latest<What> {
  return n > (all.get(device)?.n ?? -1) ? new Map(all).set(device, { ...what, n }) : all;
}

/** Who is out says `nothing`; its n stays, so that nothing old counts when it comes back. */
export function gone<What extends object>(all: Latest<What>, device: string, nothing: What): Latest<What> {
  const had = all.get(device);
  return had ? new Map(all).set(device, { ...nothing, n: had.n }) : all;
}

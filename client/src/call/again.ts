/** When one goes in again by oneself after a cut, and how long is waited. Pure.
 *
 * Lives here: `mended`, `waits`. Not here: going in (`room`).
 */

import { DisconnectReason } from 'livekit-client';

const FIRST_MS = 1_000;
const MOST_MS = 10_000;

/** What a new connection does not mend: somebody meant it. */
const MEANT: ReadonlySet<DisconnectReason> = new Set([
  DisconnectReason.CLIENT_INITIATED, DisconnectReason.DUPLICATE_IDENTITY, DisconnectReason.PARTICIPANT_REMOVED,
  DisconnectReason.ROOM_DELETED, DisconnectReason.ROOM_CLOSED, DisconnectReason.USER_REJECTED,
]);

export function mended(reason: DisconnectReason): boolean {
  return !MEANT.has(reason);
}

/** ms before each try: longer from one to the next, and never given up. */
export function* waits(): Generator<number, never> {
  for (let wait = FIRST_MS; ; wait = Math.min(2 * wait, MOST_MS)) yield wait;
}

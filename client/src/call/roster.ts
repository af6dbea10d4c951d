/** Who may be in a room: the devices whose certificates hold, one for each delegate. Spec: docs/spec/keys.md §§2.5, 4.5. */

import { toText, utf8 } from '../bytes';
import { Malformed, Untrusted } from '../errors';
import { digest } from '../record/digest';
import { type Body, type Certificate, type Membership, check } from './device';

export const MAX_DEVICES = 64;

/** Device id → body. Certificates that fail are passed over; of one delegate's the greatest (made, id) counts. */
export async function roster(
  certificates: Iterable<Certificate>, logs: Membership, now: number,
): Promise<Map<string, Body>> {
  const best = new Map<string, [number, string, Body]>();
  for (const certificate of certificates) {
    let device: string;
    try {
      device = await check(certificate, logs, now);
    } catch (error) {
      if (error instanceof Untrusted || error instanceof Malformed) continue;
      throw error;
    }
    const { body } = certificate;
    const seat = `${body.side}/${body.delegate}`;
    const held = best.get(seat);
    if (!held || body.made > held[0] || (body.made === held[0] && device > held[1])) {
      best.set(seat, [body.made, device, body]);
    }
  }
  if (best.size > MAX_DEVICES) throw new Malformed(`a roster of ${best.size} devices where ${MAX_DEVICES} are allowed`);
  return new Map([...best.values()].map(([, device, body]) => [device, body]));
}

/** base64url of H("call/roster", sorted device ids), the reader's own among them. */
export async function rosterHash(devices: Iterable<string>): Promise<string> {
  return toText(await digest('call/roster', ...[...devices].sort().map(utf8)));
}

/** The name of a side's caucus in messages. */
export function caucusOf(side: string): string {
  return `caucus/${side}`;
}

/** What both logs give, for one side alone: of the other nobody is let in. */
export function ofSide(both: Membership, side: string): Membership {
  const only = <V>(map: ReadonlyMap<string, V>): Map<string, V> => new Map([...map].filter(([each]) => each === side));
  return { ...both, credentials: only(both.credentials), lists: only(both.lists) };
}

/** This device's own key: it acts for the delegate in the talk, without asking them each time. It never binds.
 *
 * Lives here: `DEVICE_COMMANDS`, making such a key, keeping it, finding the one that acts for a passkey.
 * Not here: admitting it, which is an act that the passkey signs (`act`); what it may do (the logs say it).
 * Spec: docs/spec/record.md §§2.2, 6.
 */

import { toText } from '../bytes';
import * as store from '../store';

/** Commands whose acts a device key may prove: those marked D in docs/spec/record.md §6 that take no more power
 * than a delegate may give it; but not the giving of a paper, which shows what is never taken back: it is read first. */
export const DEVICE_COMMANDS: ReadonlySet<string> = new Set([
  'talks.propose', 'talks.call-off', 'talks.conclude', 'talks.propose-item', 'talks.rank', 'talks.table-agenda',
  'talks.state-position', 'talks.table-position', 'talks.propose-initiative', 'talks.relation', 'talks.open-sitting',
  'talks.leave-sitting', 'talks.put-item', 'talks.note-floor', 'understandings.assess',
  'understandings.diverge', 'record.spend',
]);

/** id: the public key, base64url. The private half cannot be taken out of this browser. */
export interface DeviceKey {
  readonly id: string;
  readonly keys: CryptoKeyPair;
}

export async function makeDeviceKey(): Promise<DeviceKey> {
  const keys = (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair;
  return { id: toText(new Uint8Array(await crypto.subtle.exportKey('raw', keys.publicKey))), keys };
}

/** The passkey `credential` admitted this key: from here on it acts. */
export function keep(credential: string, device: DeviceKey): Promise<void> {
  return store.put('acting', credential, device);
}

/** The key that acts for the passkey `credential` here, if one was let. */
export function acting(credential: string): Promise<DeviceKey | undefined> {
  return store.get<DeviceKey>('acting', credential);
}

export interface DeviceProof {
  readonly type: 'ed25519';
  readonly sig: string;
}

export async function proveByDevice({ keys }: DeviceKey, challenge: BufferSource): Promise<DeviceProof> {
  return { type: 'ed25519', sig: toText(new Uint8Array(await crypto.subtle.sign('Ed25519', keys.privateKey, challenge))) };
}

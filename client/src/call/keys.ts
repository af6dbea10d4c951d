/** The keys that the frame encryption holds. Spec: docs/spec/keys.md §§3.1, 5.
 *
 * Lives here: `CallKeys`, livekit-client's key provider of ours: after a reconnection only the own current key is
 * posted again, never "anybody's latest"; a retired key is overwritten, since the worker has no delete.
 */

import { BaseKeyProvider, type KeyInfo, KeyProviderEvent } from 'livekit-client';

import { type Bytes, concat } from '../bytes';
import { RING } from './exchange';

export class CallKeys extends BaseKeyProvider {
  private own: KeyInfo | undefined;
  private readonly live = new Map<string, KeyInfo>();

  constructor(private readonly local: string) {
    super({ sharedKey: false, ratchetWindowSize: 0, failureTolerance: -1, keyringSize: RING });
  }

  /** key: 32 bytes. sending: the own one; the sender switches to it at once, so this comes last. */
  async set(device: string, index: number, key: Bytes, sending: boolean): Promise<void> {
    const material = await crypto.subtle.importKey('raw', concat(key), 'HKDF', false, ['deriveBits', 'deriveKey']);
    const info: KeyInfo = { key: material, participantIdentity: device, keyIndex: index };
    if (device === this.local) {
      if (!sending) return;
      this.own = info;
    } else {
      this.live.set(`${device}/${index}`, info);
    }
    this.emit(KeyProviderEvent.SetKey, info, true);
  }

  override getKeys(): KeyInfo[] {
    return [...this.live.values(), ...(this.own ? [this.own] : [])];
  }

  override getLatestManuallySetKeyIndex(): number {
    return this.own?.keyIndex ?? 0;
  }
}

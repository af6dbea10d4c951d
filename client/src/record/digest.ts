/** Domain-separated SHA-256 and Ed25519, by WebCrypto.
 *
 * Lives here: `digest` (H of the specification), `sha256`, `verify`.
 * Spec: docs/spec/record.md §1.
 */

import { type Bytes, concat, utf8 } from '../bytes';

export async function sha256(...parts: Uint8Array[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', concat(...parts)));
}

/** SHA-256("visavis/" tag "/v1" 00 ‖ for each part: u64be(length) ‖ part), 32 bytes. */
export async function digest(tag: string, ...parts: Uint8Array[]): Promise<Bytes> {
  const framed = parts.flatMap(part => {
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, BigInt(part.length));
    return [length, part];
  });
  return sha256(utf8(`visavis/${tag}/v1\0`), ...framed);
}

const known = new Map<string, Promise<CryptoKey>>();

/** Whether `sig` is the Ed25519 key's over `data`. key: 32 bytes. Never throws. */
export async function verify(key: Uint8Array, sig: Uint8Array, data: Uint8Array): Promise<boolean> {
  const name = key.join();
  try {
    let imported = known.get(name);
    if (!imported) {
      imported = crypto.subtle.importKey('raw', concat(key), 'Ed25519', false, ['verify']);
      known.set(name, imported);
    }
    return await crypto.subtle.verify('Ed25519', await imported, concat(sig), concat(data));
  } catch {
    return false;
  }
}

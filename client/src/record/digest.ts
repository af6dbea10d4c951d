/** Domain-separated SHA-256 and Ed25519, by WebCrypto.
 *
 * Lives here: `digest` (H of the specification), `sha256`, `verify`, which keys may stand (`isProper`, `readKey`), how a
 * hash is spelt (`isHash`).
 * Spec: docs/spec/record.md §1; tests/vectors/record/ed25519.json.
 */

import { type Bytes, concat, fromText, toHex, utf8 } from '../bytes';
import { Malformed } from '../errors';

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

/** The y of every point of small order (the sign of x is the highest bit of the last byte), and those from p on. */
const IMPROPER: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  ...Array.from({ length: 19 }, (_, n) => `${(0xed + n).toString(16)}${'ff'.repeat(30)}7f`),
]);

/** Whether 32 bytes may be a key, or the R of a signature: y below p, and of no small order. */
export function isProper(point: Uint8Array): boolean {
  const y = point.slice();
  y[31] = (y[31] ?? 0) & 0x7f;
  return !IMPROPER.has(toHex(y));
}

/** A public key, 32 bytes, from its text. `Malformed` if it is none, or not proper. */
export function readKey(value: unknown, what: string): Bytes {
  const key = fromText(value, 32, what);
  if (!isProper(key)) throw new Malformed(`${what}: a key of small order, or not in its one spelling`);
  return key;
}

/** Whether it is spelt as a hash, a commitment or a side's id is: base64url of 32 bytes. */
export function isHash(value: unknown): value is string {
  try {
    return fromText(value, 32).length === 32;
  } catch (error) {
    if (error instanceof Malformed) return false;
    throw error;
  }
}

const known = new Map<string, Promise<CryptoKey>>();

/** Whether `sig` is the Ed25519 key's over `data`, as §1.5 says. key: 32 bytes. Never throws. */
export async function verify(key: Uint8Array, sig: Uint8Array, data: Uint8Array): Promise<boolean> {
  if (!isProper(key) || !isProper(sig.subarray(0, 32))) return false;
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

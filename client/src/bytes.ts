/** Bytes and their one spelling in text.
 *
 * Lives here: base64url without padding, UTF-8, joining and comparing.
 * Not here: hashing (`record/digest`), canonical JSON (`record/canonical`).
 */

import { Malformed } from './errors';

export type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function utf8(text: string): Bytes {
  return encoder.encode(text) as Bytes;
}

export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Malformed('not UTF-8');
  }
}

export function concat(...parts: Uint8Array[]): Bytes {
  return joined(parts);
}

/** As `concat`, of any number of parts: a call takes only so many arguments. */
export function joined(parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

export function toText(bytes: Uint8Array): string {
  return toBase64(bytes).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/** Read base64url in its one spelling; padding, another alphabet or loose bits are `Malformed`. */
export function fromText(text: unknown, length?: number, what = 'bytes'): Bytes {
  if (typeof text !== 'string' || !/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) {
    throw new Malformed(`${what}: not base64url`);
  }
  const bytes = fromBase64(text.replace(/-/g, '+').replace(/_/g, '/') + '='.repeat((4 - (text.length % 4)) % 4));
  if (toText(bytes) !== text) throw new Malformed(`${what}: not the one spelling of base64url without padding`);
  if (length !== undefined && bytes.length !== length) {
    throw new Malformed(`${what}: ${bytes.length} bytes where ${length} are due`);
  }
  return bytes;
}

/** Standard base64 with padding, as C2SP notes write it. */
export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

export function fromBase64(text: string): Bytes {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    throw new Malformed('not base64');
  }
  const bytes = Uint8Array.from(binary, c => c.charCodeAt(0));
  if (toBase64(bytes) !== text) throw new Malformed('not the one spelling of base64');
  return bytes;
}

/** In lower-case hexadecimal digits. */
export function toHex(data: Uint8Array): string {
  return Array.from(data, each => each.toString(16).padStart(2, '0')).join('');
}

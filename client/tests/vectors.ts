/** Reading tests/vectors, which Python is held to as well. */

import { readFileSync } from 'node:fs';

import type { Bytes } from '../src/bytes';

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function vector(name: string): any {
  return JSON.parse(readFileSync(new URL(`../../tests/vectors/${name}.json`, import.meta.url), 'utf8'));
}

export function hex(text: string): Bytes {
  return Uint8Array.from(text.match(/../g) ?? [], pair => parseInt(pair, 16));
}

export function toHex(bytes: Uint8Array): string {
  return [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join('');
}

/** A private key from its 32-byte seed, by PKCS #8. */
export async function fromSeed(seed: Uint8Array, name: 'Ed25519' | 'X25519'): Promise<CryptoKey> {
  const head = hex(`302e020100300506032b65${name === 'Ed25519' ? '70' : '6e'}04220420`);
  const pkcs8 = Uint8Array.from([...head, ...seed]);
  return crypto.subtle.importKey('pkcs8', pkcs8, { name }, true, name === 'Ed25519' ? ['sign'] : ['deriveBits']);
}

/** An X25519 pair from its seed. */
export async function pairFromSeed(seed: Uint8Array): Promise<CryptoKeyPair> {
  const privateKey = await fromSeed(seed, 'X25519');
  const { kty, crv, x } = await crypto.subtle.exportKey('jwk', privateKey);
  const jwk = { kty, crv, x } as JsonWebKey;
  return { privateKey, publicKey: await crypto.subtle.importKey('jwk', jwk, { name: 'X25519' }, true, []) };
}

/** A person's proof over an entry's challenge: by an Ed25519 key, or by a passkey (WebAuthn). Checking only.
 *
 * Lives here: `Proof`, `Passkey`, reading both, `proves`, `asserts`.
 * Not here: which credential is admitted, and at what level (`fold`); Ed25519 itself (`digest`).
 * Spec: docs/spec/record.md §2.3; W3C Web Authentication §§5.8.1, 6.1, 7.2; RFC 8152 §8.
 */

import { type Bytes, concat, equal, fromText, fromUtf8, toText, utf8 } from '../bytes';
import { Malformed } from '../errors';
import { encode, members, text } from './canonical';
import { digest, sha256, verify } from './digest';

export interface Ed25519Proof {
  readonly type: string;
  readonly sig: Bytes;
}

/** What an authenticator gives for a challenge: its data, the browser's word on what was asked, a signature over both. */
export interface Assertion {
  readonly type: 'webauthn';
  readonly authenticatorData: Bytes;
  readonly clientData: Bytes;
  readonly sig: Bytes;
}

export type Proof = Ed25519Proof | Assertion;

const ALGORITHMS = {
  ES256: { import: { name: 'ECDSA', namedCurve: 'P-256' }, verify: { name: 'ECDSA', hash: 'SHA-256' } },
  EdDSA: { import: { name: 'Ed25519' }, verify: { name: 'Ed25519' } },
  RS256: { import: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, verify: { name: 'RSASSA-PKCS1-v1_5' } },
} as const;
type Algorithm = keyof typeof ALGORITHMS;

/** alg: a COSE algorithm's name. id: the authenticator's. key: SubjectPublicKeyInfo, DER. rp: the host it is bound to. */
export interface Passkey {
  readonly alg: Algorithm;
  readonly id: Bytes;
  readonly key: Bytes;
  readonly rp: string;
  /** The credential's id in the log: base64url of H("credential", canonical JSON of the passkey). */
  readonly credential: string;
}

const ASSERTION = ['type', 'authenticator_data', 'client_data', 'sig'];
const HOST = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const ORIGIN = /^(https?):\/\/([a-z0-9.-]+)(:[1-9][0-9]{0,4})?$/;
const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const RP_ID_HASH = 32;
const AUTHENTICATOR_DATA = 37;

export function readProof(value: unknown): Proof {
  if (value !== null && typeof value === 'object' && Object.hasOwn(value, 'authenticator_data')) {
    const { type, ...obj } = members(value, ASSERTION, 'proof');
    if (type !== 'webauthn') throw new Malformed('proof.type: "webauthn" is due');
    return {
      type,
      authenticatorData: fromText(obj['authenticator_data'], undefined, 'proof.authenticator_data'),
      clientData: fromText(obj['client_data'], undefined, 'proof.client_data'),
      sig: fromText(obj['sig'], undefined, 'proof.sig'),
    };
  }
  const proof = members(value, ['type', 'sig'], 'proof');
  return { type: text(proof['type'], 'proof.type', 20), sig: fromText(proof['sig'], undefined, 'proof.sig') };
}

export async function readPasskey(value: unknown): Promise<Passkey> {
  const obj = members(value, ['alg', 'id', 'key', 'rp'], 'passkey');
  const alg = obj['alg'];
  if (typeof alg !== 'string' || !Object.hasOwn(ALGORITHMS, alg)) throw new Malformed('passkey.alg: not one we know');
  const rp = text(obj['rp'], 'passkey.rp', 253);
  if (!HOST.test(rp)) throw new Malformed('passkey.rp: a host is due');
  return {
    alg: alg as Algorithm,
    id: fromText(obj['id'], undefined, 'passkey.id'),
    key: fromText(obj['key'], undefined, 'passkey.key'),
    rp,
    credential: toText(await digest('credential', encode(obj))),
  };
}

/** Whether an Ed25519 key (32 bytes) made the proof over the challenge. Never throws. */
export async function proves(proof: Proof, key: Uint8Array, challenge: Uint8Array): Promise<boolean> {
  return proof.type === 'ed25519' && verify(key, proof.sig, challenge);
}

/** Whether the passkey's authenticator verified its user for this very challenge. Never throws. */
export async function asserts(proof: Proof, passkey: Passkey, challenge: Uint8Array): Promise<boolean> {
  if (!('clientData' in proof)) return false;
  const { authenticatorData, clientData, sig } = proof;
  const flags = authenticatorData[RP_ID_HASH] ?? 0;
  const rpIdHash = authenticatorData.subarray(0, RP_ID_HASH);
  return authenticatorData.length >= AUTHENTICATOR_DATA
    && (flags & USER_PRESENT) !== 0 && (flags & USER_VERIFIED) !== 0
    && equal(rpIdHash, await sha256(utf8(passkey.rp)))
    && asked(clientData, passkey.rp, challenge)
    && signed(passkey, sig, concat(authenticatorData, await sha256(clientData)));
}

/** Whether the browser was asked by the passkey's own host, and for this challenge. */
function asked(clientData: Uint8Array, rp: string, challenge: Uint8Array): boolean {
  let client: unknown;
  try {
    client = JSON.parse(fromUtf8(clientData));
  } catch {
    return false;
  }
  if (client === null || typeof client !== 'object' || Array.isArray(client)) return false;
  const has = (name: string): unknown =>
    Object.hasOwn(client, name) ? (client as Record<string, unknown>)[name] : undefined;
  const crossOrigin = has('crossOrigin');
  return has('type') === 'webauthn.get' && has('challenge') === toText(challenge)
    && (crossOrigin === undefined || crossOrigin === false) && isOf(has('origin'), rp);
}

/** Whether an origin is the host's or below it: by TLS, but for this very machine. */
export function isOf(origin: unknown, rp: string): boolean {
  const match = typeof origin === 'string' ? ORIGIN.exec(origin) : null;
  const [, scheme, host = ''] = match ?? [];
  return (host === rp || host.endsWith(`.${rp}`)) && (scheme === 'https' || (scheme === 'http' && host === 'localhost'));
}

const known = new Map<string, Promise<CryptoKey>>();

async function signed(passkey: Passkey, sig: Uint8Array, data: Uint8Array): Promise<boolean> {
  const algorithm = ALGORITHMS[passkey.alg];
  try {
    let key = known.get(passkey.credential);
    if (!key) {
      key = imported(passkey);
      known.set(passkey.credential, key);
    }
    const raw = passkey.alg === 'ES256' ? fromDer(sig) : concat(sig);
    return await crypto.subtle.verify(algorithm.verify, await key, raw, concat(data));
  } catch {
    return false;
  }
}

/** The key, if it is spelt as it is written again: no two spellings of one key. */
async function imported({ alg, key }: Passkey): Promise<CryptoKey> {
  const found = await crypto.subtle.importKey('spki', concat(key), ALGORITHMS[alg].import, true, ['verify']);
  const again = new Uint8Array(await crypto.subtle.exportKey('spki', found));
  if (!equal(again, key)) throw new Malformed('passkey.key: not its one spelling');
  return found;
}

/** An ECDSA signature of P-256 as WebCrypto takes it (r ‖ s, 64 bytes), from ASN.1 DER and nothing looser. */
export function fromDer(der: Uint8Array): Bytes {
  const bad = new Malformed('an ECDSA signature is not DER');
  if (der[0] !== 0x30 || der[1] !== der.length - 2 || der.length > 72) throw bad;
  const raw = new Uint8Array(64);
  let at = 2;
  for (const end of [32, 64]) {
    const length = der[at + 1] ?? 0;
    const integer = der.subarray(at + 2, at + 2 + length);
    const [first = 0x80, second = 0] = integer;
    if (der[at] !== 0x02 || length < 1 || integer.length !== length) throw bad;
    if (first >= 0x80 || (first === 0 && length > 1 && second < 0x80)) throw bad; // negative, or a zero to spare
    const digits = first === 0 ? integer.subarray(1) : integer;
    if (digits.length > 32) throw bad;
    raw.set(digits, end - digits.length);
    at += 2 + length;
  }
  if (at !== der.length) throw bad;
  return raw;
}

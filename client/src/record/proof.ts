/** A person's proof over an entry's challenge: by an Ed25519 key, or by a passkey (WebAuthn). Checking only.
 *
 * Lives here: `Proof`, `Passkey`, reading both, `proves`, `asserts`.
 * Not here: which credential is admitted, and at what level (`fold`); Ed25519 itself (`digest`).
 * Spec: docs/spec/record.md §2.3; W3C Web Authentication §§5.8.1, 6.1, 7.2; RFC 8152 §8.
 */

import { type Bytes, concat, equal, fromText, fromUtf8, toText, utf8 } from '../bytes';
import { Malformed } from '../errors';
import { encode, members, text } from './canonical';
import { digest, isProper, sha256, verify } from './digest';

export interface Ed25519Proof {
  readonly type: 'ed25519';
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

const HOST = /^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){0,31}$/;
const ORIGIN = /^(https?):\/\/([a-z0-9.-]{1,253})(:[0-9]{1,5})?$/;
/** Of plain ASCII, so that every reader's parser says the same of it. */
const CLIENT_DATA = /^[\t\n\r\x20-\x7e]*$/;
const MAX_BRACKETS = 32;
const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const ATTESTED_OR_EXTENDED = 0xc0;
const RP_ID_HASH = 32;
/** Authenticator data without extensions: rpIdHash (32), flags (1), counter (4). */
const PLAIN = 37;
const MAX = { id: 1023, key: 1024, authenticatorData: 512, clientData: 1024, sig: 512 };
const RSA_BITS = [2048, 4096] as const;
/** 65,537, most significant byte first. */
const RSA_EXPONENT = Uint8Array.of(1, 0, 1);
const ED25519_KEY = 32;

export function readProof(value: unknown): Proof {
  if (value !== null && typeof value === 'object' && 'type' in value && value.type === 'webauthn') {
    const obj = members(value, ['type', 'sig', 'authenticator_data', 'client_data'], 'proof');
    const [sig, authenticatorData, clientData] = ['sig', 'authenticator_data', 'client_data']
      .map(name => fromText(obj[name], undefined, `proof.${name}`)) as [Bytes, Bytes, Bytes];
    if (sig.length > MAX.sig || authenticatorData.length < PLAIN || authenticatorData.length > MAX.authenticatorData
      || clientData.length > MAX.clientData) {
      throw new Malformed("proof: a member is longer or shorter than a passkey's can be");
    }
    return { type: 'webauthn', authenticatorData, clientData, sig };
  }
  const { type, sig } = members(value, ['type', 'sig'], 'proof');
  if (text(type, 'proof.type', 20) !== 'ed25519') throw new Malformed('proof.type: ed25519 or webauthn is due');
  return { type: 'ed25519', sig: fromText(sig, 64, 'proof.sig') };
}

/** Read a passkey. A key that is not of its algorithm, or oddly spelt, is `Malformed`. */
export async function readPasskey(value: unknown, what = 'passkey'): Promise<Passkey> {
  const obj = members(value, ['alg', 'id', 'key', 'rp'], what);
  const [id, key] = [fromText(obj['id'], undefined, `${what}.id`), fromText(obj['key'], undefined, `${what}.key`)];
  const rp = text(obj['rp'], `${what}.rp`, 253);
  if (id.length < 1 || id.length > MAX.id || key.length > MAX.key) {
    throw new Malformed(`${what}: an id of 1 to ${MAX.id} bytes and a key are due`);
  }
  if (!HOST.test(rp)) throw new Malformed(`${what}.rp: a host name in lower case is due`);
  const alg = text(obj['alg'], `${what}.alg`, 10);
  if (!(await readyKey(alg, key))) throw new Malformed(`${what}.key: not a public key of ${alg}`);
  return { alg: alg as Algorithm, id, key, rp, credential: toText(await digest('credential', encode(obj))) };
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
  const { length } = authenticatorData;
  return length >= PLAIN && (length > PLAIN) === ((flags & ATTESTED_OR_EXTENDED) !== 0)
    && (flags & USER_PRESENT) !== 0 && (flags & USER_VERIFIED) !== 0
    && equal(rpIdHash, await sha256(utf8(passkey.rp)))
    && asked(clientData, passkey.rp, challenge)
    && signed(passkey, sig, concat(authenticatorData, await sha256(clientData)));
}

/** Whether the browser was asked by the passkey's own host, and for this challenge. */
function asked(clientData: Uint8Array, rp: string, challenge: Uint8Array): boolean {
  let client: unknown;
  try {
    const words = fromUtf8(clientData);
    if (!CLIENT_DATA.test(words) || words.split(/[{[]/).length - 1 > MAX_BRACKETS) return false;
    client = JSON.parse(words);
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

/** Whether an origin is the host's or below it: by TLS, but for the machine itself. */
export function isOf(origin: unknown, rp: string): boolean {
  const match = typeof origin === 'string' ? ORIGIN.exec(origin) : null;
  const [, scheme, host = ''] = match ?? [];
  const local = host === 'localhost' || host.endsWith('.localhost');
  return (host === rp || host.endsWith(`.${rp}`)) && (scheme === 'https' || (scheme === 'http' && local));
}

async function signed(passkey: Passkey, sig: Uint8Array, data: Uint8Array): Promise<boolean> {
  const key = await readyKey(passkey.alg, passkey.key);
  if (!key) return false;
  try {
    if (passkey.alg === 'EdDSA' && !isProper(sig.subarray(0, ED25519_KEY))) return false;
    const raw = passkey.alg === 'ES256' ? fromDer(sig) : concat(sig);
    return await crypto.subtle.verify(ALGORITHMS[passkey.alg].verify, key, raw, concat(data));
  } catch {
    return false;
  }
}

const ready = new Map<string, Promise<CryptoKey | null>>();

/** The key, made once; null if these bytes are not a key of that algorithm in its one spelling. */
function readyKey(alg: string, spki: Uint8Array): Promise<CryptoKey | null> {
  const name = `${alg} ${toText(spki)}`;
  const found = ready.get(name) ?? imported(alg, spki).catch(() => null);
  ready.set(name, found);
  return found;
}

async function imported(alg: string, spki: Uint8Array): Promise<CryptoKey | null> {
  if (!Object.hasOwn(ALGORITHMS, alg)) return null;
  const key = await crypto.subtle.importKey('spki', concat(spki), ALGORITHMS[alg as Algorithm].import, true, ['verify']);
  const again = new Uint8Array(await crypto.subtle.exportKey('spki', key));
  return equal(again, spki) && fits(alg, key, spki) ? key : null;
}

/** Whether a key, read, is one that may stand (§§1.5, 9.1). */
function fits(alg: string, key: CryptoKey, spki: Uint8Array): boolean {
  if (alg === 'EdDSA') return isProper(spki.subarray(-ED25519_KEY));
  if (alg !== 'RS256') return true;
  const { modulusLength: bits, publicExponent } = key.algorithm as RsaKeyAlgorithm;
  return bits >= RSA_BITS[0] && bits <= RSA_BITS[1] && equal(publicExponent, RSA_EXPONENT);
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

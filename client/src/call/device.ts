/** This device: its keys, made for one sitting and kept in the browser until it ends; and anybody's certificate.
 *
 * Lives here: `ownDevice`, `bodyOf`, `deviceId`, `check`.
 * Not here: which of several devices counts (`roster`).
 * Spec: docs/spec/keys.md §2; the twin of src/visavis/e2ee/device.py.
 */

import { request } from '../api';
import { type Bytes, concat, fromText, toText, utf8 } from '../bytes';
import { Malformed, Untrusted } from '../errors';
import { encode, members, size, text } from '../record/canonical';
import { digest, sha256 } from '../record/digest';
import type { Logs } from '../record/logs';
import { type Passkey, asserts, readProof } from '../record/proof';
import { type PasskeyProof, prove } from '../signing/keys';
import * as store from '../store';

const DOMAIN = utf8('visavis/call/device/v1\0');
const LIFE_MS = 12 * 3_600_000;
const AHEAD_MS = 120_000;
const BODY = [
  'v', 'dialogue', 'talk', 'sitting', 'side', 'delegate', 'credential', 'kem', 'sig', 'made', 'until',
] as const;

export interface Body {
  readonly v: 1;
  readonly dialogue: string;
  readonly talk: string;
  readonly sitting: number;
  readonly side: string;
  readonly delegate: string;
  readonly credential: string;
  readonly kem: string;
  readonly sig: string;
  readonly made: number;
  readonly until: number;
}

/** The most that is read of a sitting's store. */
const MOST_CERTIFICATES = 256;

export interface Certificate {
  readonly body: Body;
  readonly proof: PasskeyProof;
}

/** A device whose private keys this browser holds. next: the first epoch that was never used. */
export interface OwnDevice {
  readonly id: string;
  readonly certificate: Certificate;
  readonly kem: CryptoKeyPair;
  readonly sig: CryptoKeyPair;
  readonly next: number;
}

/** Who certifies a device. credential: their passkey's id in the log. */
export interface Whose {
  readonly side: string;
  readonly delegate: string;
  readonly credential: string;
}

export interface Sitting {
  readonly dialogue: string;
  readonly talk: string;
  readonly sitting: number;
}

/** The delegate's device for this sitting that this browser has kept, if its certificate is still good. */
export async function keptDevice(where: Sitting, whose: Whose, now: number): Promise<OwnDevice | undefined> {
  const kept = await store.get<OwnDevice>('devices', keyOf(where, whose.delegate));
  const body = kept?.certificate.body;
  return body && body.credential === whose.credential && body.until > now + 60_000 ? kept : undefined;
}

/** The delegate's device for this sitting: the one kept from before a reload, or a new one, certified. */
export async function ownDevice(where: Sitting, whose: Whose, now: number): Promise<OwnDevice> {
  const kept = await keptDevice(where, whose, now);
  if (kept) return kept;
  const kem = (await crypto.subtle.generateKey({ name: 'X25519' }, false, ['deriveBits'])) as CryptoKeyPair;
  const sig = (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair;
  const raw = async (k: CryptoKey): Promise<string> => toText(new Uint8Array(await crypto.subtle.exportKey('raw', k)));
  const body: Body = {
    v: 1, ...where, side: whose.side, delegate: whose.delegate, credential: whose.credential,
    kem: await raw(kem.publicKey), sig: await raw(sig.publicKey), made: now, until: now + LIFE_MS,
  };
  const proof = await prove(whose.credential, await challenge(body));
  const device: OwnDevice = { id: await deviceId(body), certificate: { body, proof }, kem, sig, next: 0 };
  await store.put('devices', keyOf(where, whose.delegate), device);
  return device;
}

let spending: Promise<void> = Promise.resolve();

/** Write down, before it is used, that an epoch is spent: a reload begins after it, and so does the other room of a
 * device that is on the floor and in its caucus. */
export function spend(device: OwnDevice, epoch: number): Promise<void> {
  // One after the other: both rooms read and write the same count.
  const mine = spending.then(() => spendNow(device, epoch));
  spending = mine.catch(() => undefined);
  return mine;
}

async function spendNow(device: OwnDevice, epoch: number): Promise<void> {
  const { body } = device.certificate;
  const key = keyOf(body, body.delegate);
  const kept = await store.get<OwnDevice>('devices', key);
  // A newer device of the same delegate (another tab) keeps its own count.
  const next = Math.max(kept?.next ?? 0, epoch + 1);
  if (!kept || kept.id === device.id) await store.put('devices', key, { ...device, next });
}

/** The sitting is over for this device: forget its keys. */
export async function forget(device: OwnDevice): Promise<void> {
  const { body } = device.certificate;
  await store.remove('devices', keyOf(body, body.delegate));
}

function keyOf({ dialogue, talk, sitting }: Sitting, delegate: string): string {
  return [dialogue, talk, sitting, delegate].join('/');
}

/** The device's id, 43 characters, and its LiveKit identity: base64url of H("call/device", JCS(body)). */
export async function deviceId(body: Body): Promise<string> {
  return toText(await digest('call/device', encode(body)));
}

/** What the delegate's passkey signs. */
export function challenge(body: Body): Promise<Bytes> {
  return sha256(concat(DOMAIN, encode(body)));
}

/** Read a certificate by its form alone. */
export function readCertificate(value: unknown): Certificate {
  const { body, proof } = members(value, ['body', 'proof'], 'certificate');
  const b = members(body, BODY, 'device') as unknown as Body;
  if (b.v !== 1) throw new Malformed('device.v: 1 is due');
  for (const name of ['dialogue', 'talk', 'side', 'delegate', 'credential'] as const) text(b[name], `device.${name}`, 64);
  for (const name of ['sitting', 'made', 'until'] as const) size(b[name], `device.${name}`);
  fromText(b.kem, 32, 'device.kem');
  fromText(b.sig, 32, 'device.sig');
  readProof(proof);
  return { body: b, proof: proof as unknown as PasskeyProof };
}

/** Whose credential it is, and the passkey that its proofs are checked with. */
export interface Holder {
  readonly delegate: string;
  readonly passkey: Passkey;
}

/** What both logs must give: live persons' credentials and delegation lists, by side. */
export interface Membership extends Sitting {
  readonly credentials: ReadonlyMap<string, ReadonlyMap<string, Holder>>;
  readonly lists: ReadonlyMap<string, ReadonlySet<string>>;
}

export function membershipOf(logs: Logs, talk: string, sitting: number): Membership {
  const folds = [...logs.folds];
  return {
    dialogue: logs.dialogue, talk, sitting,
    credentials: new Map(folds.map(([side, fold]) => [side, fold.holders()])),
    lists: new Map(folds.map(([side, fold]) => [side, new Set(fold.delegations.get(talk) ?? [])])),
  };
}

/** The certificates that the node keeps of a sitting, as far as they are some. path: the talk's, of the API. */
export async function storedCertificates(path: string): Promise<Certificate[]> {
  const { certificates } = await request<{ certificates: unknown[] }>('GET', `${path}/certificates`);
  const read: Certificate[] = [];
  for (const each of certificates.slice(0, MOST_CERTIFICATES)) {
    try {
      read.push(readCertificate(each));
    } catch {
      // The store is the node's and untrusted: what is not a certificate is passed over.
    }
  }
  return read;
}

/** Check a certificate against both logs; returns the device's id. Raises `Untrusted`. Order: §2.4. */
export async function check(certificate: Certificate, logs: Membership, now: number): Promise<string> {
  const { body, proof } = certificate;
  if (body.dialogue !== logs.dialogue || body.talk !== logs.talk || body.sitting !== logs.sitting) {
    throw new Untrusted('the certificate is of another talk or sitting');
  }
  const holder = logs.credentials.get(body.side)?.get(body.credential);
  if (holder === undefined) throw new Untrusted('the credential is not live in that side’s log');
  if (holder.delegate !== body.delegate) throw new Untrusted('the credential is another delegate’s');
  if (!logs.lists.get(body.side)?.has(body.delegate)) {
    throw new Untrusted('the delegate is not on the side’s delegation list for this talk');
  }
  const life = body.until - body.made;
  if (life <= 0 || life > LIFE_MS) throw new Untrusted('the device’s time is not within twelve hours');
  if (body.made > now + AHEAD_MS) throw new Untrusted('the device was made ahead of this clock');
  if (now >= body.until) throw new Untrusted('the device’s time is over');
  if (!(await asserts(readProof(proof), holder.passkey, await challenge(body)))) throw new Untrusted('the delegate’s proof does not fit the device');
  return deviceId(body);
}

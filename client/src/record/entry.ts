/** Entries of a side's log: what a person signs, reading leaves. The node's `record/entry.py`, in the browser.
 *
 * Lives here: `Founding`, ids, `Signed`, `readSigned`, `challenge`, `readLeaf`.
 * Not here: proofs (`proof`), which entries count (`fold`).
 * Spec: docs/spec/record.md §2; tests/vectors/record/entry.json.
 */

import { type Bytes, concat, fromText, toText, utf8 } from '../bytes';
import { Malformed } from '../errors';
import { type Json, type JsonObject, decode, encode, members, size, text } from './canonical';
import { digest, readKey, sha256 } from './digest';
import { type Passkey, type Proof, readPasskey, readProof } from './proof';

const DOMAIN = utf8('visavis/entry/v1\0');
const SIGNED = ['dialogue', 'side', 'own', 'ack', 'act', 'by', 'nonce'] as const;
export const NODE = 'node';
export const RECOVERY = 'recovery';
export const NONCE_BYTES = 16;

/** What a side says of itself before the dialogue has a name. passkey: the officer's, which signs entry 0. */
export interface Founding {
  readonly names: { readonly [language: string]: string };
  readonly logKey: Bytes;
  readonly recovery: readonly string[];
  readonly officer: string;
  readonly passkey: Passkey;
  /** base64url of H("side", the statement). */
  readonly side: string;
}

export async function readFounding(value: unknown): Promise<Founding> {
  const obj = members(value, ['name', 'log_key', 'recovery', 'officer', 'nonce'], 'founding');
  const officer = members(obj['officer'], ['delegate', 'passkey'], 'founding.officer');
  const { name, recovery } = obj;
  if (name === null || typeof name !== 'object' || Array.isArray(name)
    || Object.keys(name).length < 1 || Object.keys(name).length > 16) {
    throw new Malformed('founding.name: one to sixteen languages are due');
  }
  for (const [language, words] of Object.entries(name as JsonObject)) {
    if (text(words, 'founding.name', 200) === '' || language === '') throw new Malformed('founding.name: empty');
  }
  if (!Array.isArray(recovery) || recovery.length > 8) {
    throw new Malformed('founding.recovery: a list of at most eight keys is due');
  }
  const logKey = readKey(obj['log_key'], 'founding.log_key');
  for (const key of recovery as Json[]) readKey(key, 'founding.recovery');
  const delegate = text(officer['delegate'], 'founding.officer.delegate', 64);
  const passkey = await readPasskey(officer['passkey'], 'founding.officer.passkey');
  fromText(obj['nonce'], NONCE_BYTES, 'founding.nonce');
  return {
    names: name as { readonly [language: string]: string },
    logKey, recovery: recovery as string[], officer: delegate, passkey,
    side: toText(await digest('side', encode(obj))),
  };
}

/** The dialogue's id from its two sides' ids; the same from both chairs. */
export async function dialogueId(one: string, other: string): Promise<string> {
  const [first, second] = [one, other].sort() as [string, string];
  if (first === second) throw new Malformed('a side cannot found a dialogue with itself');
  return toText(await digest('dialogue', utf8(first), utf8(second)));
}

export interface Act extends JsonObject {
  readonly type: string;
}

/** What a person's proof covers: what they saw and what they did. json: the members as they were read. */
export interface Signed {
  readonly dialogue: string;
  readonly side: string;
  readonly own: { readonly size: number; readonly root: Bytes };
  readonly ack: { readonly size: number; readonly root: Bytes; readonly sig: Bytes };
  readonly act: Act;
  readonly delegate: string;
  readonly credential: string;
  readonly nonce: string;
  readonly json: JsonObject;
}

export interface Entry {
  readonly seq: number;
  readonly time: string;
  readonly signed: Signed;
  readonly proof: Proof;
}

export function readSigned(value: unknown): Signed {
  const json = members(value, SIGNED, 'signed members');
  const own = members(json['own'], ['size', 'root'], 'own');
  const ack = members(json['ack'], ['size', 'root', 'sig'], 'ack');
  const by = members(json['by'], ['delegate', 'credential'], 'by');
  const act = json['act'];
  if (act === null || typeof act !== 'object' || Array.isArray(act) || typeof (act as JsonObject)['type'] !== 'string') {
    throw new Malformed('act: an object with a type is due');
  }
  const sig = fromText(ack['sig'], undefined, 'ack.sig');
  if (sig.length !== 0 && sig.length !== 64) throw new Malformed('ack.sig: 64 bytes, or none');
  fromText(json['nonce'], NONCE_BYTES, 'nonce');
  return {
    dialogue: text(json['dialogue'], 'dialogue', 64),
    side: text(json['side'], 'side', 64),
    own: { size: size(own['size'], 'own.size'), root: fromText(own['root'], 32, 'own.root') },
    ack: { size: size(ack['size'], 'ack.size'), root: fromText(ack['root'], 32, 'ack.root'), sig },
    act: act as unknown as Act,
    delegate: text(by['delegate'], 'by.delegate', 64),
    credential: text(by['credential'], 'by.credential', 64),
    nonce: json['nonce'] as string,
    json,
  };
}

/** SHA-256("visavis/entry/v1" 00 ‖ RFC 8785 of the members): the 32 bytes that a proof signs. */
export async function challenge(signed: Signed): Promise<Bytes> {
  return sha256(concat(DOMAIN, encode(signed.json)));
}

/** Read a leaf. Anything that is not the canonical spelling of a well-formed entry is `Malformed`. */
export function readLeaf(leaf: Uint8Array): Entry {
  const obj = members(decode(leaf), ['v', 'seq', 'time', 'proof', ...SIGNED], 'entry');
  if (obj['v'] !== 1) throw new Malformed('v: 1 is due');
  return {
    seq: size(obj['seq'], 'seq'),
    time: text(obj['time'], 'time', 40),
    signed: readSigned(Object.fromEntries(SIGNED.map(name => [name, obj[name]]))),
    proof: readProof(obj['proof']),
  };
}

/** What devices say to one another: canonical, signed by the device; keys sealed to each device alone.
 *
 * Lives here: `Signer`, `Receiver`, `makeKey`, `sealBoxes`, `openBox`, `openSay`. The twin of src/visavis/e2ee/messages.py.
 * Not here: when to say what (`exchange`), notes of a side (`notes`), the transport (`room`).
 * Spec: docs/spec/keys.md §3.
 */

import { Aes128Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';

import { type Bytes, concat, fromText, toText, utf8 } from '../bytes';
import { Malformed, Untrusted } from '../errors';
import { type Json, type JsonObject, decode, encode, members, size, text } from '../record/canonical';
import { digest, sha256, verify } from '../record/digest';
import { type Body, type Certificate, deviceId, readCertificate } from './device';
import { RING } from './exchange';
import { MAX_DEVICES, rosterHash } from './roster';

export const TOPIC = 'visavis';
export const FLOOR = 'floor';
const MAX_BYTES = 16 * 1024;
export const BOX_BYTES = 80;
const DOMAIN = utf8('visavis/call/msg/v1\0');
const BOX_DOMAIN = utf8('visavis/call/box/v1\0');
const COMMON = ['v', 'type', 'dialogue', 'talk', 'sitting', 'room', 'device', 'n', 'sig'];
const HEAD = ['v', 'type', 'dialogue', 'talk', 'sitting', 'room', 'device', 'epoch', 'index', 'roster', 'kc', 'rec'];
const OWN: Record<string, readonly string[]> = {
  hello: ['cert'],
  key: ['epoch', 'index', 'roster', 'kc', 'rec', 'boxes', 'halves'],
  beat: ['seen', 'roster', 'have'],
  want: ['of', 'epoch'],
  bye: [],
  say: ['epoch', 'iv', 'ct'],
  note: ['epoch', 'kc', 'iv', 'ct', 'boxes'],
};

export type Message = JsonObject & { readonly type: string; readonly device: string };

/** A device signed two keys for one epoch: both signatures are the proof. */
export class Liar extends Untrusted {
  constructor(readonly device: string) {
    super('a device signed two keys for one epoch');
  }
}

export const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm(),
});

export async function keyCommitment(key: Uint8Array): Promise<string> {
  return toText(await digest('call/kc', key));
}

/** HPKE's info: it binds the box to its message and its reader. */
export async function boxInfo(head: JsonObject, to: string): Promise<Bytes> {
  return concat(BOX_DOMAIN, await sha256(encode(head)), utf8(to));
}

export function headOf(message: JsonObject): JsonObject {
  return Object.fromEntries(HEAD.map(name => [name, message[name] ?? null]));
}

/** Signs one device's messages in one room; n only grows, over a reload too. */
export class Signer {
  private last = 0;

  constructor(
    readonly body: Body,
    readonly device: string,
    private readonly key: CryptoKey,
    readonly room = FLOOR,
  ) {}

  async sign(type: string, now: number, own: Record<string, unknown> = {}): Promise<Bytes> {
    return this.end({ ...this.begin(type, now), ...own });
  }

  /** Say something to everyone in (§3.5): sealed under the own key of `epoch`, then signed. key: of `sayKey`. */
  async say(value: Json, epoch: number, key: CryptoKey, now: number): Promise<Bytes> {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const head = { ...this.begin('say', now), epoch, iv: toText(iv) };
    const ct = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData: encode(head) }, key, encode(value));
    return this.end({ ...head, ct: toText(new Uint8Array(ct)) });
  }

  /** The members that every message has, with the next `n`. */
  begin(type: string, now: number): JsonObject {
    this.last = Math.max(this.last + 1, now);
    const { dialogue, talk, sitting } = this.body;
    return { v: 1, type, dialogue, talk, sitting, room: this.room, device: this.device, n: this.last };
  }

  /** Sign what was begun. Raises `Malformed` if it is beyond 16 KiB. */
  async end(body: Record<string, unknown>): Promise<Bytes> {
    const sig = await crypto.subtle.sign('Ed25519', this.key, concat(DOMAIN, encode(body)));
    const bytes = encode({ ...body, sig: toText(new Uint8Array(sig)) });
    if (bytes.length > MAX_BYTES) throw new Malformed(`a message of ${bytes.length} bytes where ${MAX_BYTES} are allowed`);
    return bytes;
  }
}

export function parseMessage(bytes: Uint8Array): Message {
  const value = decode(bytes, MAX_BYTES);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Malformed('message: an object is due');
  text((value as JsonObject)['type'], 'message.type', 64);
  text((value as JsonObject)['device'], 'message.device', 64);
  return value as Message;
}

/** Signature, members, this sitting and room (§3.3, steps 2 to 4); then the form of its kind. */
export async function checkMessage(message: Message, sender: Body, room: string): Promise<void> {
  const { sig, ...body } = message;
  const fits = await verify(fromText(sender.sig, 32), fromText(sig, 64, 'message.sig'), concat(DOMAIN, encode(body)));
  if (!fits) throw new Untrusted('the signature is not the device’s');
  const own = OWN[message.type];
  if (!own) throw new Malformed('message: the type is unknown');
  members(message, [...COMMON, ...own], 'message');
  if (message['v'] !== 1) throw new Malformed('message.v: 1 is due');
  size(message['n'], 'message.n');
  if (message['dialogue'] !== sender.dialogue || message['talk'] !== sender.talk
    || message['sitting'] !== sender.sitting || message['room'] !== room) {
    throw new Untrusted('the message is of another talk, sitting or room');
  }
  if (message.type === 'key') keyForm(message);
  else if (message.type === 'beat') beatForm(message);
  else if (message.type === 'want') {
    text(message['of'], 'want.of', 64);
    size(message['epoch'], 'want.epoch');
  } else if (message.type === 'say') {
    size(message['epoch'], 'say.epoch');
    sealedForm(message);
  } else if (message.type === 'note') {
    size(message['epoch'], 'note.epoch');
    fromText(message['kc'], 32, 'note.kc');
    sealedForm(message);
    boxesForm(message);
  }
}

function sealedForm(message: Message): void {
  fromText(message['iv'], 12, `${message.type}.iv`);
  if (fromText(message['ct'], undefined, `${message.type}.ct`).length < 16) {
    throw new Malformed(`${message.type}.ct: a tag is due`);
  }
}

function keyForm(message: Message): void {
  if (size(message['epoch'], 'key.epoch') % RING !== size(message['index'], 'key.index')) {
    throw new Malformed('key.index: epoch mod 16 is due');
  }
  if (message['rec'] !== null || !Array.isArray(message['halves']) || message['halves'].length !== 0) {
    throw new Malformed('key.rec: recording has no rules in this edition');
  }
  fromText(message['kc'], 32, 'key.kc');
  boxesForm(message);
}

function boxesForm(message: Message): void {
  const what = `${message.type}.boxes`;
  const boxes = message['boxes'];
  if (!Array.isArray(boxes) || boxes.length > MAX_DEVICES) throw new Malformed(`${what}: a list of at most 64 is due`);
  let before = '';
  for (const box of boxes as unknown[]) {
    if (!Array.isArray(box) || box.length !== 2 || typeof box[0] !== 'string') {
      throw new Malformed(`${what}: [device, box] is due`);
    }
    fromText(box[1], BOX_BYTES, what);
    if (box[0] <= before) throw new Malformed(`${what}: sorted and unique devices are due`);
    before = box[0];
  }
}

function beatForm(message: Message): void {
  text(message['roster'], 'beat.roster', 64);
  const have = message['have'];
  const seen = message['seen'];
  for (const each of [have, seen]) {
    if (each === null || typeof each !== 'object' || Array.isArray(each)) throw new Malformed('beat: an object is due');
  }
  if (Object.keys(have as JsonObject).length > MAX_DEVICES) throw new Malformed('beat.have: at most 64 devices');
  for (const epoch of Object.values(have as JsonObject)) size(epoch, 'beat.have');
  const logs = Object.values(seen as JsonObject);
  if (logs.length > 2) throw new Malformed('beat.seen: at most two sides');
  for (const each of logs) {
    if (!Array.isArray(each) || each.length !== 3) throw new Malformed('beat.seen: [size, root, sig] is due');
    size(each[0], 'beat.seen.size');
    fromText(each[1], 32, 'beat.seen.root');
    fromText(each[2], 64, 'beat.seen.sig');
  }
}

/** The certificate inside a hello, by its form; it must be the sender's own. */
export async function helloCertificate(message: Message): Promise<Certificate> {
  const certificate = readCertificate(message['cert']);
  if ((await deviceId(certificate.body)) !== message.device) {
    throw new Untrusted('a device greets with another’s certificate');
  }
  return certificate;
}

/** The message that gives `key` (32 fresh random bytes) to every device of `others`. */
export async function makeKey(
  signer: Signer, others: ReadonlyMap<string, Body>, epoch: number, key: Bytes, now: number,
): Promise<Bytes> {
  const { dialogue, talk, sitting } = signer.body;
  const own = {
    epoch, index: epoch % RING, roster: await rosterHash([...others.keys(), signer.device]),
    kc: await keyCommitment(key), rec: null,
  };
  const head = { v: 1, type: 'key', dialogue, talk, sitting, room: signer.room, device: signer.device, ...own };
  return signer.sign('key', now, { ...own, boxes: await sealBoxes(head, others, key), halves: [] });
}

/** `key` in a box for each device, sorted; each box is bound to `head` and to its reader. */
export async function sealBoxes(
  head: JsonObject, to: ReadonlyMap<string, Body>, key: Bytes,
): Promise<(readonly [string, string])[]> {
  return Promise.all([...to].sort(([a], [b]) => (a < b ? -1 : 1)).map(async ([device, { kem }]) => {
    const recipientPublicKey = await suite.kem.deserializePublicKey(fromText(kem, 32).buffer);
    const { enc, ct } = await suite.seal({ recipientPublicKey, info: (await boxInfo(head, device)).buffer }, key.buffer);
    return [device, toText(concat(new Uint8Array(enc), new Uint8Array(ct)))] as const;
  }));
}

/** Open a sealed key. Raises `Untrusted` if it was sealed to another, or for another message. */
export async function openBox(box: Bytes, kem: CryptoKeyPair, info: Bytes): Promise<Bytes> {
  try {
    const enc = concat(box.subarray(0, 32)).buffer;
    const opened = await suite.open({ recipientKey: kem, enc, info: info.buffer }, concat(box.subarray(32)).buffer);
    return new Uint8Array(opened);
  } catch {
    throw new Untrusted('the box does not open');
  }
}

/** What seals all that is said under a sender's 32 bytes of one epoch (§3.5). */
export async function sayKey(key: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', await digest('call/say-key', key), 'AES-GCM', false, ['encrypt', 'decrypt']);
}

/** What an opened `say` says. key: the sender's of its epoch. Raises `Untrusted` or `Malformed`. */
export async function openSay(message: Message, key: CryptoKey): Promise<Json> {
  const { sig: _, ct, ...head } = message;
  const iv = fromText(head['iv'], 12);
  let opened: ArrayBuffer;
  try {
    opened = await crypto.subtle.decrypt({ name: 'AES-GCM', iv, additionalData: encode(head) }, key, fromText(ct));
  } catch {
    throw new Untrusted('what was said does not open');
  }
  return decode(new Uint8Array(opened), MAX_BYTES);
}

export type Taking =
  | { readonly kind: 'again' }
  | { readonly kind: 'left-out' }
  | { readonly kind: 'taken'; readonly key: Bytes; readonly ghosts: readonly string[] };

/** Takes key messages for one device in one room: never an older epoch, never two for one (§3.3). */
export class Receiver {
  roster: ReadonlyMap<string, Body> = new Map();
  readonly liars = new Set<string>();
  private readonly top = new Map<string, number>();
  private readonly had = new Map<string, string>();
  private readonly dropped = new Set<string>();

  constructor(
    readonly device: string,
    private readonly kem: CryptoKeyPair,
    readonly room = FLOOR,
  ) {}

  /** A message of somebody in the roster, checked as far as all kinds are. */
  async open(message: Message): Promise<Body> {
    const sender = this.roster.get(message.device);
    if (!sender) throw new Untrusted('the sender is not in the roster');
    if (this.liars.has(message.device)) throw new Untrusted('the sender signed two keys for one epoch');
    await checkMessage(message, sender, this.room);
    return sender;
  }

  /** The keys of a device are thrown away: the last message may be taken once more, if the device comes back. */
  drop(device: string): void {
    this.dropped.add(device);
  }

  /** Take an opened key message. Raises `Liar` or `Untrusted`. Not to be called twice at the same time. */
  async take(message: Message): Promise<Taking> {
    const { device } = message;
    const epoch = message['epoch'] as number;
    const at = `${device} ${epoch}`;
    const fingerprint = toText(await sha256(encode(message)));
    const known = this.had.get(at);
    const top = this.top.get(device) ?? -1;
    const anew = known === fingerprint && epoch === top && this.dropped.has(device);
    if (known !== undefined && !anew) {
      if (known === fingerprint) return { kind: 'again' };
      this.liars.add(device);
      throw new Liar(device);
    }
    if (epoch <= top && !anew) throw new Untrusted('an older epoch than the one taken');
    const boxes = new Map(message['boxes'] as unknown as [string, string][]);
    if ((await rosterHash([...boxes.keys(), device])) !== message['roster']) {
      throw new Untrusted('the boxes are not the roster that the message states');
    }
    const mine = boxes.get(this.device);
    if (mine === undefined) return { kind: 'left-out' };
    const key = await openBox(fromText(mine, BOX_BYTES), this.kem, await boxInfo(headOf(message), this.device));
    if (key.length !== 32 || (await keyCommitment(key)) !== message['kc']) {
      throw new Untrusted('another key than the one committed to');
    }
    this.had.set(at, fingerprint);
    this.top.set(device, epoch);
    this.dropped.delete(device);
    for (const each of this.had.keys()) {
      const [whose, which] = each.split(' ') as [string, string];
      if (whose === device && Number(which) <= epoch - RING) this.had.delete(each);
    }
    const ghosts = [...boxes.keys()].filter(id => id !== this.device && !this.roster.has(id)).sort();
    return { kind: 'taken', key, ghosts };
  }
}

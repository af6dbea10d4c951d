/** Notes between members of one side during the talk: each under a key of its own, sealed to devices of that side.
 *
 * Lives here: `sealNote`, `openNote`, `write`, `read`. The twin of src/visavis/e2ee/notes.py.
 * Not here: a message's signature and form (`messages`), who gets it (`party`), drawing (`spoken`).
 * Spec: docs/spec/keys.md §3.8.
 *
 * Not under the key of the call: the other side has that one. Nobody beside the devices in `boxes` can open a note, and
 * nobody keeps one.
 */

import { type Bytes, fromText, toText } from '../bytes';
import { Malformed, Untrusted } from '../errors';
import { type Json, type JsonObject, decode, encode, text } from '../record/canonical';
import { digest } from '../record/digest';
import type { Body } from './device';
import { BOX_BYTES, type Message, type Signer, boxInfo, keyCommitment, openBox, sealBoxes } from './messages';
import { speaking } from './said';

/** Characters of a note. */
export const MOST = 1_000;
const IS = 'note';
const HEAD = ['v', 'type', 'dialogue', 'talk', 'sitting', 'room', 'device', 'n', 'epoch', 'kc'] as const;

export function write(words: string): Json {
  return { is: IS, text: words };
}

/** A note's words, if it is one. Raises `Malformed` if it is, wrongly. */
export function read(value: Json): string | undefined {
  const said = speaking(value, IS, ['text']);
  if (!said) return undefined;
  const words = text(said.text, 'note.text', MOST);
  if (!words.trim()) throw new Malformed('note.text: words are due');
  return words;
}

/** The message that says `value` to each device of `to` and to nobody else. to: others of the signer's own side. */
export async function sealNote(
  signer: Signer, to: ReadonlyMap<string, Body>, value: Json, epoch: number, now: number,
): Promise<Bytes> {
  const key = crypto.getRandomValues(new Uint8Array(32));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const head = { ...signer.begin('note', now), epoch, kc: await keyCommitment(key) };
  const open = { ...head, iv: toText(iv), boxes: await sealBoxes(head, to, key) };
  const ct = await crypto.subtle.encrypt(
    { name: 'AES-GCM', iv, additionalData: encode(open) }, await noteKey(key, 'encrypt'), encode(value),
  );
  return signer.end({ ...open, ct: toText(new Uint8Array(ct)) });
}

/** What an opened message of the kind `note` says to the device `me`. others: whoever else has a box for it.
 *
 * Raises `Untrusted` if it is not of `me`'s side, or not for it.
 */
export async function openNote(
  message: Message, sender: Body, me: string, mine: Body, kem: CryptoKeyPair,
): Promise<{ readonly value: Json; readonly others: readonly string[] }> {
  if (sender.side !== mine.side) throw new Untrusted('a note is of one’s own side');
  const boxes = new Map(message['boxes'] as unknown as [string, string][]);
  const box = boxes.get(me);
  if (box === undefined) throw new Untrusted('the note is for others');
  const head = Object.fromEntries(HEAD.map(name => [name, message[name]])) as JsonObject;
  const key = await openBox(fromText(box, BOX_BYTES), kem, await boxInfo(head, me));
  if (key.length !== 32 || (await keyCommitment(key)) !== message['kc']) {
    throw new Untrusted('another key than the one committed to');
  }
  const { sig: _, ct, ...open } = message;
  const iv = fromText(message['iv'], 12);
  let opened: ArrayBuffer;
  try {
    opened = await crypto.subtle.decrypt(
      { name: 'AES-GCM', iv, additionalData: encode(open) }, await noteKey(key, 'decrypt'), fromText(ct),
    );
  } catch {
    throw new Untrusted('the note does not open');
  }
  return { value: decode(new Uint8Array(opened)), others: [...boxes.keys()].filter(device => device !== me) };
}

async function noteKey(key: Bytes, use: 'encrypt' | 'decrypt'): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', await digest('call/note-key', key), 'AES-GCM', false, [use]);
}

/** Checkpoints: a C2SP signed note over a log's size and root. Reading and checking only.
 *
 * Lives here: a log's origin, the checkpoint's text, its signature, the counterpart's cosignature.
 * Not here: notes in general (`note`), which key was in force at which size (`fold`).
 * Spec: docs/spec/record.md §10; C2SP tlog-checkpoint, tlog-cosignature; tests/vectors/record/checkpoint.json.
 */

import { type Bytes, concat, equal, fromBase64, toBase64, utf8 } from '../bytes';
import { Malformed, Untrusted } from '../errors';
import { verify } from './digest';
import { COSIGNATURE_V1, ED25519, type Note, encodeNote, keyId, parseNote } from './note';

const ID = '[A-Za-z0-9_-]{1,64}';
const ORIGIN = new RegExp(`^visavis/(${ID})/(${ID})$`);
const MAX_TIMESTAMP = 2n ** 63n - 1n;
const STAMP_BYTES = 8;
const SIGNATURE_BYTES = 64;

/** What the three lines say. */
export interface Stated {
  readonly dialogue: string;
  readonly side: string;
  readonly size: number;
  readonly root: Bytes;
}

/** timestamp: POSIX seconds, by the cosigner's clock. */
export interface Cosignature {
  readonly timestamp: number;
  readonly stamped: Bytes;
}

/** cosignature: the counterpart's. own: the side's own, by the log key too: its half of the quorum (§10.5). */
export interface Checkpoint extends Stated {
  readonly sig: Bytes;
  readonly cosignature: Cosignature | null;
  readonly own: Cosignature | null;
}

/** Who may have cosigned: a side's id, and its log key. */
export interface Cosigner {
  readonly side: string;
  readonly key: Uint8Array;
}

export function origin(dialogue: string, side: string): string {
  return `visavis/${dialogue}/${side}`;
}

/** The three lines that a log key signs. */
export function textOf({ dialogue, side, size, root }: Stated): string {
  return `${origin(dialogue, side)}\n${size}\n${toBase64(root)}\n`;
}

/** Whether `sig` is the log key's over this side's checkpoint of that size and root. Never throws. */
export async function fits(
  logKey: Uint8Array, dialogue: string, side: string, size: number, root: Bytes, sig: Uint8Array,
): Promise<boolean> {
  return verify(logKey, sig, utf8(textOf({ dialogue, side, size, root })));
}

/** Size and root that a note states, unverified: which key must have signed depends on the size. */
export function parse(note: string): Stated {
  return parseText(parseNote(utf8(note)).text);
}

/** Read a checkpoint's text. Extension lines are refused: a Visavis log writes none. */
export function parseText(text: string): Stated {
  const lines = text.split('\n');
  const [first = '', size = '', root = ''] = lines;
  if (lines.length !== 4 || lines[3] !== '') throw new Malformed('checkpoint: three lines are due');
  const match = ORIGIN.exec(first);
  if (!match) throw new Malformed('checkpoint: line 1 is not an origin of the form visavis/<dialogue>/<side>');
  if (!/^(0|[1-9][0-9]{0,15})$/.test(size)) throw new Malformed('checkpoint: line 2 is not a size');
  let bytes: Bytes | null = null;
  try {
    bytes = /^[A-Za-z0-9+/]*={0,2}$/.test(root) && root.length % 4 === 0 ? fromBase64(root) : null;
  } catch {
    // Said below: loose bits are as bad as another length.
  }
  if (bytes?.length !== 32) throw new Malformed('checkpoint: line 3 is not a root of 32 bytes, in base64');
  const [, dialogue, side] = match as unknown as [string, string, string];
  return { dialogue, side, size: Number(size), root: bytes };
}

/** Check that the note is signed by the log's key (32 bytes). Raises `Untrusted`. */
export async function open(note: string, logKey: Uint8Array): Promise<Checkpoint> {
  return openNote(parseNote(utf8(note)), logKey);
}

/** Check the log's signature, and what cosignatures there are by the log's key and by the counterpart's.
 *
 * Lines by keys unknown here are passed over, as C2SP asks.
 */
export async function openNote(note: Note, logKey: Uint8Array, cosigner: Cosigner | null = null): Promise<Checkpoint> {
  const stated = parseText(note.text);
  const text = utf8(note.text);
  const name = origin(stated.dialogue, stated.side);
  const sig = find(note, name, await keyId(name, ED25519, logKey));
  if (!sig) throw new Untrusted("checkpoint: not signed by the log's key");
  if (!(await verify(logKey, sig, text))) throw new Untrusted("checkpoint: the log's signature fails");
  const cosigned = async ({ side, key }: Cosigner): Promise<Cosignature | null> => {
    const by = origin(stated.dialogue, side);
    const stamped = await cosignedBy(note, by, key);
    if (!stamped) return null;
    const timestamp = timestampOf(stamped);
    const words = concat(utf8(`cosignature/v1\ntime ${stampOf(stamped)}\n`), text);
    if (!(await verify(key, stamped.subarray(STAMP_BYTES), words))) {
      throw new Untrusted(`checkpoint: the cosignature of ${by} fails`);
    }
    return { timestamp, stamped };
  };
  const own = await cosigned({ side: stated.side, key: logKey });
  return { ...stated, sig, own, cosignature: cosigner ? await cosigned(cosigner) : null };
}

/** The cosignature under a log's name by that key, unverified; undefined if it did not cosign. */
export async function cosignedBy(note: Note, name: string, key: Uint8Array): Promise<Bytes | undefined> {
  return find(note, name, await keyId(name, COSIGNATURE_V1, key));
}

/** The one note that a checkpoint by these keys has: the log's line, the own cosignature, the counterpart's. */
export async function encodeCheckpoint(checkpoint: Checkpoint, logKey: Uint8Array, cosigner: Cosigner | null): Promise<Bytes> {
  const { dialogue, side, sig, own, cosignature } = checkpoint;
  const name = origin(dialogue, side);
  const signatures = [{ name, keyId: await keyId(name, ED25519, logKey), sig }];
  if (own) signatures.push({ name, keyId: await keyId(name, COSIGNATURE_V1, logKey), sig: own.stamped });
  if (cosignature && cosigner) {
    const other = origin(dialogue, cosigner.side);
    signatures.push({ name: other, keyId: await keyId(other, COSIGNATURE_V1, cosigner.key), sig: cosignature.stamped });
  }
  return encodeNote({ text: textOf(checkpoint), signatures });
}

function find(note: Note, name: string, id: Uint8Array): Bytes | undefined {
  return note.signatures.find(signature => signature.name === name && equal(signature.keyId, id))?.sig;
}

function stampOf(stamped: Bytes): bigint {
  return new DataView(stamped.buffer, stamped.byteOffset).getBigUint64(0);
}

function timestampOf(stamped: Bytes): number {
  const due = STAMP_BYTES + SIGNATURE_BYTES;
  if (stamped.length !== due) throw new Malformed(`cosignature: ${stamped.length} bytes where ${due} are due`);
  if (stampOf(stamped) > MAX_TIMESTAMP) throw new Malformed('cosignature: its time exceeds 2^63−1');
  return Number(stampOf(stamped));
}

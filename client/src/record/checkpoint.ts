/** Checkpoints: a C2SP signed note over a log's size and root. Reading and checking only.
 *
 * Spec: docs/spec/record.md §10; C2SP signed-note, tlog-checkpoint; tests/vectors/record/checkpoint.json.
 */

import { type Bytes, concat, equal, fromBase64, utf8 } from '../bytes';
import { Malformed, Untrusted } from '../errors';
import { sha256, verify } from './digest';

const ED25519 = 0x01;
const MAX = 64 * 1024;

export interface Checkpoint {
  readonly dialogue: string;
  readonly side: string;
  readonly size: number;
  readonly root: Bytes;
  readonly sig: Bytes;
}

/** The three lines that a log key signs. */
export function textOf(dialogue: string, side: string, size: number, root: string): Bytes {
  return utf8(`visavis/${dialogue}/${side}\n${size}\n${root}\n`);
}

/** Size and root that a note states, unverified: which key must have signed depends on the size. */
export function parse(note: string): { dialogue: string; side: string; size: number; root: Bytes } {
  if (note.length > MAX) throw new Malformed('checkpoint: too long');
  const match = /^visavis\/([A-Za-z0-9_-]{1,64})\/([A-Za-z0-9_-]{1,64})\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n\n/
    .exec(note);
  if (!match) throw new Malformed('checkpoint: not of the form visavis/<dialogue>/<side>, size, root');
  const [, dialogue, side, size, root] = match as unknown as [string, string, string, string, string];
  return { dialogue, side, size: Number(size), root: fromBase64(root) };
}

/** Check that the note is signed by the log's key (32 bytes). Raises `Untrusted`. */
export async function open(note: string, logKey: Uint8Array): Promise<Checkpoint> {
  const { dialogue, side, size, root } = parse(note);
  const split = note.lastIndexOf('\n\n');
  const text = note.slice(0, split + 1);
  const name = `visavis/${dialogue}/${side}`;
  const keyId = (await sha256(utf8(`${name}\n`), Uint8Array.of(ED25519), logKey)).subarray(0, 4);
  for (const line of note.slice(split + 2).split('\n')) {
    const match = /^— (\S+) ([A-Za-z0-9+/]+={0,2})$/.exec(line);
    if (match?.[1] !== name || !match[2]) continue;
    const bytes = fromBase64(match[2]);
    if (!equal(bytes.subarray(0, 4), keyId)) continue;
    const sig = concat(bytes.subarray(4));
    if (!(await verify(logKey, sig, utf8(text)))) throw new Untrusted('checkpoint: the log’s signature fails');
    return { dialogue, side, size, root, sig };
  }
  throw new Untrusted('checkpoint: not signed by the log’s key');
}

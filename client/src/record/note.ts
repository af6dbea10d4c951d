/** C2SP signed notes: a text and the signatures under it. The node's `record/note.py`, in the browser.
 *
 * Lives here: `Note`, reading it, writing its lines, key ids.
 * Not here: what the text says (`checkpoint`).
 * Spec: docs/spec/record.md §10.2; C2SP signed-note v1.0.0; tests/vectors/record/note.json.
 */

import { type Bytes, concat, fromBase64, fromUtf8, toBase64, utf8 } from '../bytes';
import { Malformed } from '../errors';
import { sha256 } from './digest';

export const ED25519 = 0x01;
export const COSIGNATURE_V1 = 0x04;

const MAX_BYTES = 64 * 1024;
const MAX_SIGNATURES = 32;
const KEY_ID_BYTES = 4;
const MAX_SIGNATURE_BYTES = 8 * 1024;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x09\x0b-\x1f]/;
// What Python calls a space, which is what the node passes over: C2SP says Unicode's.
// eslint-disable-next-line no-control-regex
const NAME = /^[^+ \x00-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/;

/** One signature line. keyId: 4 bytes. sig: what follows them. */
export interface Signature {
  readonly name: string;
  readonly keyId: Bytes;
  readonly sig: Bytes;
}

/** text: the lines above the last empty line, ending in a newline. */
export interface Note {
  readonly text: string;
  readonly signatures: readonly Signature[];
}

/** SHA-256(name ‖ 0A ‖ kind ‖ public key), its first four bytes. */
export async function keyId(name: string, kind: number, publicKey: Uint8Array): Promise<Bytes> {
  return (await sha256(utf8(`${name}\n`), Uint8Array.of(kind), publicKey)).slice(0, KEY_ID_BYTES);
}

/** The bytes of a note. */
export function encodeNote({ text, signatures }: Note): Bytes {
  const lines = signatures.map(({ name, keyId: id, sig }) => `— ${name} ${toBase64(concat(id, sig))}\n`);
  return utf8(`${text}\n${lines.join('')}`);
}

/** Read a signed note; no signature is verified here. `Malformed` says which line breaks the form. */
export function parseNote(data: Uint8Array): Note {
  if (data.length > MAX_BYTES) throw new Malformed(`note: ${data.length} bytes where ${MAX_BYTES} are allowed`);
  let whole: string;
  try {
    whole = fromUtf8(data);
  } catch {
    throw new Malformed(`note: line ${badLine(data)} is not UTF-8`);
  }
  const control = CONTROL.exec(whole);
  if (control) throw new Malformed(`note: line ${lines(whole.slice(0, control.index)) + 1} has a control character`);
  const gap = whole.lastIndexOf('\n\n');
  if (gap < 0) throw new Malformed('note: no empty line before the signatures');
  const text = whole.slice(0, gap + 1);
  const tail = whole.slice(gap + 2);
  const first = lines(text) + 2;
  if (!tail.endsWith('\n')) throw new Malformed(`note: line ${first + lines(tail)} does not end in a newline`);
  const given = tail.slice(0, -1).split('\n');
  if (given.length > MAX_SIGNATURES) {
    throw new Malformed(`note: ${given.length} signatures where ${MAX_SIGNATURES} are allowed`);
  }
  return { text, signatures: given.map((line, at) => parseSignature(line, first + at)) };
}

function parseSignature(text: string, line: number): Signature {
  const dash = text.indexOf(' ') < 0 ? text : text.slice(0, text.indexOf(' '));
  const rest = text.slice(dash.length + 1);
  const name = rest.indexOf(' ') < 0 ? rest : rest.slice(0, rest.indexOf(' '));
  if (dash !== '—') throw new Malformed(`note: line ${line} does not begin with an em dash`);
  if (!NAME.test(name)) throw new Malformed(`note: line ${line} has no proper key name`);
  const encoded = rest.slice(name.length + 1);
  const odd = `note: line ${line} has a signature that is not base64 in its one spelling`;
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(encoded) || encoded.length % 4 !== 0) throw new Malformed(odd);
  let data: Bytes;
  try {
    data = fromBase64(encoded);
  } catch {
    throw new Malformed(odd);
  }
  if (data.length <= KEY_ID_BYTES || data.length > KEY_ID_BYTES + MAX_SIGNATURE_BYTES) {
    throw new Malformed(`note: line ${line} has a signature of ${data.length} bytes`);
  }
  return { name, keyId: data.slice(0, KEY_ID_BYTES), sig: data.slice(KEY_ID_BYTES) };
}

function lines(text: string): number {
  return text.split('\n').length - 1;
}

/** The line in which the bytes stop being UTF-8: the greatest beginning that decodes ends before it. */
function badLine(data: Uint8Array): number {
  let line = 1;
  for (let at = 0; at < data.length; line++) {
    const end = data.indexOf(0x0a, at);
    try {
      fromUtf8(data.subarray(at, end < 0 ? data.length : end));
    } catch {
      return line;
    }
    if (end < 0) return line;
    at = end + 1;
  }
  return line;
}

/** The bundle's container: a ZIP archive in its one spelling. The node's `record/container.py`, in the browser.
 *
 * Lives here: reading members, where the bytes differ from the one spelling.
 * Not here: which members a bundle has (`bundle`).
 * Spec: docs/spec/record.md §12.1.
 */

import { type Bytes, concat, equal, joined, utf8 } from '../bytes';
import { Malformed } from '../errors';

export const MAX_BYTES = 256 * 1024 * 1024;
const MAX_MEMBERS = 60_000;
const MAX_NAME = 160;
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;
const LOCAL_SIZE = 30;
const LOCAL = 0x04034b50;
const DIRECTORY = 0x02014b50;
const END = 0x06054b50;
const DOS_DATE = 0x21; // 1 January 1980: ZIP has no "no date"
const VERSION = 20;
const MADE_BY = (3 << 8) | 20;
const MODE = 0o100644 * 2 ** 16;

export type Member = readonly [name: string, content: Uint8Array];

/** The members, and where `data` first departs from their one spelling: null if it does not.
 *
 * Members are walked from the first byte; the directory's word is not taken. Bytes that do not walk are `Malformed`.
 */
export function read(data: Uint8Array): { readonly members: readonly Member[]; readonly departure: string | null } {
  if (data.length > MAX_BYTES) throw new Malformed(`archive: ${data.length} bytes where ${MAX_BYTES} are allowed`);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const members = new Map<string, Uint8Array>();
  let at = 0;
  while (at + 4 <= data.length && view.getUint32(at, true) === LOCAL) {
    if (members.size === MAX_MEMBERS) throw new Malformed(`archive: more than ${MAX_MEMBERS} members`);
    if (at + LOCAL_SIZE > data.length) throw new Malformed(`archive: cut short at byte ${at}`);
    const [flags, method] = [view.getUint16(at + 6, true), view.getUint16(at + 8, true)];
    const [size, plain] = [view.getUint32(at + 18, true), view.getUint32(at + 22, true)];
    const [nameSize, extra] = [view.getUint16(at + 26, true), view.getUint16(at + 28, true)];
    if (flags || method || extra || size !== plain) {
      throw new Malformed(`archive: the member at byte ${at} is not stored plainly`);
    }
    at += LOCAL_SIZE;
    const name = ascii(data.subarray(at, at + Math.min(nameSize, MAX_NAME + 1)));
    at += nameSize;
    if (nameSize > MAX_NAME || !NAME.test(name)) {
      throw new Malformed(`archive: '${name.slice(0, 80)}' cannot be a member's name here`);
    }
    if (members.has(name)) throw new Malformed(`archive: ${name} is there twice`);
    if (at + size > data.length) throw new Malformed(`archive: ${name} is cut short`);
    members.set(name, data.subarray(at, at + size));
    at += size;
  }
  if (members.size === 0) throw new Malformed('archive: not a Visavis bundle');
  const found = [...members];
  return { members: found, departure: departureOf(data, found) };
}

function ascii(bytes: Uint8Array): string {
  return Array.from(bytes, byte => (byte < 0x80 ? String.fromCharCode(byte) : '\ufffd')).join('');
}

function departureOf(data: Uint8Array, members: readonly Member[]): string | null {
  let at = 0;
  for (const [piece, what] of pieces(members)) {
    if (!equal(data.subarray(at, at + piece.length), piece)) {
      return `archive: ${what} differs from the members' one spelling`;
    }
    at += piece.length;
  }
  return at === data.length ? null : `archive: ${data.length - at} bytes after its end`;
}

/** The archive's bytes, piece by piece, and what each piece is. */
function* pieces(members: readonly Member[]): Generator<readonly [Uint8Array, string]> {
  const directory: Bytes[] = [];
  let at = 0;
  for (const [name, content] of members) {
    const raw = utf8(name);
    const shape = [[4, crc32(content)], [4, content.length], [4, content.length], [2, raw.length], [2, 0]] as const;
    const head = [[2, VERSION], [2, 0], [2, 0], [2, 0], [2, DOS_DATE], ...shape] as const;
    yield [concat(fields([4, LOCAL], ...head), raw), `the header or checksum of ${name}`];
    yield [content, name];
    directory.push(concat(
      fields([4, DIRECTORY], [2, MADE_BY], ...head, [2, 0], [2, 0], [2, 0], [4, MODE], [4, at]), raw,
    ));
    at += LOCAL_SIZE + raw.length + content.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const count = directory.length;
  yield [joined(directory), 'the directory'];
  yield [
    fields([4, END], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, at], [2, 0]), 'the end of the directory',
  ];
}

/** Numbers, each in so many bytes, least significant first. */
function fields(...values: readonly (readonly [size: 2 | 4, value: number])[]): Bytes {
  const bytes = new Uint8Array(values.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of values) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return bytes;
}

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** ZIP's checksum: against accidents, not against anybody. */
function crc32(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (let at = 0; at < data.length; at++) {
    crc = (CRC[(crc ^ (data[at] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

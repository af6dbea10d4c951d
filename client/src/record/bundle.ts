/** The bundle: all of a dialogue's record in one file. The node's `record/bundle.py`, in the browser: reading only.
 *
 * Lives here: which members a bundle has, reading it, where it departs from its one spelling.
 * Not here: whether what it says holds (`verify`), the container's bytes (`container`).
 * Spec: docs/spec/record.md §12.
 */

import { equal, toHex } from '../bytes';
import { Malformed } from '../errors';
import { decode, encode, members } from './canonical';
import * as container from './container';
import { isHash } from './digest';
import { type Founding, dialogueId, readFounding } from './entry';
import { Tree } from './merkle';
import * as tiles from './tiles';

const FORMAT = 'visavis/bundle';
/** Of one log. */
export const MAX_ENTRIES = 1 << 18;
const MAX_TOKEN_BYTES = 64 * 1024;
const HASH_BYTES = 32;
const SALT_BYTES = 32;

/** One thing that does not hold. log: the side's id, or null. index: of the entry, or null. */
export interface Fault {
  readonly check: string;
  readonly message: string;
  readonly log: string | null;
  readonly index: number | null;
}

export function fault(check: string, message: string, log: string | null = null, index: number | null = null): Fault {
  return { check, message, log, index };
}

/** Two signed notes of one size, not yet verified. held: of this log. shown: what contradicts it. */
export interface ForkNotes {
  readonly held: Uint8Array;
  readonly shown: Uint8Array;
}

/** Of one log. */
const MAX_FORKS = 16;

/** One side's half. checkpoint, receipt, forks: signed notes, not yet verified. statement: the founding's bytes, canonical.
 * timestamps: by size, tokens of an authority, which nothing here reads. */
export interface LogPart {
  readonly founding: Founding;
  readonly statement: Uint8Array;
  readonly leaves: readonly Uint8Array[];
  readonly tree: Tree;
  readonly checkpoint: Uint8Array;
  readonly receipt: Uint8Array | null;
  readonly timestamps: ReadonlyMap<number, Uint8Array>;
  readonly forks: readonly ForkNotes[];
}

/** A content with its salt: what opens a commitment. */
export interface Opened {
  readonly salt: Uint8Array;
  readonly content: Uint8Array;
}

export interface Bundle {
  readonly dialogue: string;
  /** Ascending. */
  readonly sides: readonly [string, string];
  readonly logs: ReadonlyMap<string, LogPart>;
  readonly contents: ReadonlyMap<string, Opened>;
}

type Named = ReadonlyMap<string, Uint8Array>;

/** Read a bundle; what departs from its one spelling is listed, where it can still be read. No signature is verified. */
export async function parseBundle(data: Uint8Array): Promise<{ readonly bundle: Bundle; readonly faults: Fault[] }> {
  const { members: given, departure } = container.read(data);
  const byName = new Map(given);
  const { dialogue, sides } = parseManifest(byName.get('visavis.json'));
  const faults: Fault[] = [];
  if (departure !== null) faults.push(fault('archive', departure));
  const logs = new Map<string, LogPart>();
  for (const side of sides) {
    const part = await parseLog(byName, side);
    logs.set(side, part);
    if (part.founding.side !== side) {
      faults.push(fault('founding', "the founding statement's hash is not the side's id", side));
    }
  }
  const named = new Set([...logs.values()].map(({ founding }) => founding.side));
  const follows = await dialogueId(...sides);
  if (named.size !== 2 || follows !== dialogue) {
    faults.push(fault('dialogue', "the dialogue's id does not follow from the two founding statements"));
  }
  const bundle: Bundle = { dialogue: follows, sides, logs, contents: parseContents(byName) };
  return { bundle, faults: [...faults, ...compare(given, [...membersOf(bundle)])] };
}

/** All members of the bundle, in order. */
function* membersOf({ dialogue, sides, logs, contents }: Bundle): Generator<container.Member> {
  yield ['visavis.json', encode({ format: FORMAT, v: 1, dialogue, sides: [...sides] })];
  for (const side of sides) {
    const part = logs.get(side) as LogPart;
    const prefix = `logs/${side}/`;
    yield [`${prefix}founding.json`, part.statement];
    yield [`${prefix}checkpoint`, part.checkpoint];
    if (part.receipt) yield [`${prefix}receipt`, part.receipt];
    for (const [size, token] of part.timestamps) yield [`${prefix}timestamps/${size}.tsr`, token];
    for (const [n, { held, shown }] of inOrder(part.forks).entries()) {
      yield [`${prefix}forks/${n}/held`, held];
      yield [`${prefix}forks/${n}/shown`, shown];
    }
    for (const [path, content] of tiles.entryTiles(part.leaves)) yield [prefix + path, content];
    for (const [path, content] of tiles.hashTiles(part.tree)) yield [prefix + path, content];
  }
  for (const [commitment, { content, salt }] of [...contents].sort(([one], [other]) => (one < other ? -1 : 1))) {
    yield [`contents/${commitment}`, content];
    yield [`salts/${commitment}`, salt];
  }
}

function parseManifest(data: Uint8Array | undefined): { readonly dialogue: string; readonly sides: [string, string] } {
  if (!data) throw new Malformed('bundle: visavis.json is missing');
  const obj = members(decode(data), ['format', 'v', 'dialogue', 'sides'], 'visavis.json');
  const { dialogue, sides } = obj;
  if (obj['format'] !== FORMAT || obj['v'] !== 1) throw new Malformed(`visavis.json: format '${FORMAT}', version 1, is due`);
  if (!Array.isArray(sides) || sides.length !== 2 || ![...sides, dialogue].every(isHash)) {
    throw new Malformed('visavis.json: the ids of a dialogue and of its two sides are due');
  }
  const [one, other] = sides as [string, string];
  if (!(one < other)) throw new Malformed("visavis.json: the sides' ids stand in ascending order");
  return { dialogue: dialogue as string, sides: [one, other] };
}

async function parseLog(byName: Named, side: string): Promise<LogPart> {
  const prefix = `logs/${side}/`;
  const due = (name: string): Uint8Array => {
    const found = byName.get(prefix + name);
    if (!found) throw new Malformed(`bundle: ${prefix}${name} is missing`);
    return found;
  };
  const [statement, checkpoint] = [due('founding.json'), due('checkpoint')];
  const leaves: Uint8Array[] = [];
  const take = (index: number, width: number): boolean => {
    const name = prefix + tiles.tilePath('entries', index, width);
    const data = byName.get(name);
    if (data) leaves.push(...within(name, () => tiles.decodeEntries(data, width)));
    return data !== undefined;
  };
  let full = 0;
  for (; take(full, tiles.WIDTH); full++) {
    if (leaves.length > MAX_ENTRIES) throw new Malformed(`${prefix}: more than ${MAX_ENTRIES} entries`);
  }
  for (let width = 1; width < tiles.WIDTH && !take(full, width); width++);
  const read = within(`${prefix}founding.json`, () => decode(statement));
  const founding = await readFounding(read).catch((error: unknown) => within(`${prefix}founding.json`, () => { throw error; }));
  const tree = await Tree.of(leaves);
  const timestamps = parseTimestamps(byName, `${prefix}timestamps/`, leaves.length);
  const forks = [...forksOf(byName, prefix)];
  const receipt = byName.get(`${prefix}receipt`) ?? null;
  return { founding, statement, leaves, tree, checkpoint, receipt, timestamps, forks };
}

/** Tokens of sizes that the log has had, ascending; what else lies there has no place in a bundle. */
function parseTimestamps(byName: Named, folder: string, size: number): Map<number, Uint8Array> {
  const found: [number, Uint8Array][] = [];
  for (const [name, token] of byName) {
    const match = name.startsWith(folder) ? /^([1-9][0-9]{0,8})\.tsr$/.exec(name.slice(folder.length)) : null;
    const of = Number(match?.[1]);
    if (match && of <= size && token.length > 0 && token.length <= MAX_TOKEN_BYTES) found.push([of, token]);
  }
  return new Map(found.sort(([one], [other]) => one - other));
}

/** Both notes of each; half a fork, or one too many, has no place in a bundle. */
function* forksOf(byName: Named, prefix: string): Generator<ForkNotes> {
  for (let n = 0; n < MAX_FORKS; n++) {
    const [held, shown] = ['held', 'shown'].map(which => byName.get(`${prefix}forks/${n}/${which}`));
    if (held && shown) yield { held, shown };
  }
}

/** Ascending by `shown`, then by `held`, byte by byte; each once. */
function inOrder(forks: readonly ForkNotes[]): ForkNotes[] {
  const keyed = new Map(forks.map(fork => [`${toHex(fork.shown)}/${toHex(fork.held)}`, fork]));
  return [...keyed].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, fork]) => fork);
}

/** The same error, saying where. */
function within<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Malformed) throw new Malformed(`${name}: ${error.message}`);
    throw error;
  }
}

function parseContents(byName: Named): Map<string, Opened> {
  const contents = new Map<string, Opened>();
  for (const [name, content] of byName) {
    if (!name.startsWith('contents/')) continue;
    const commitment = name.slice('contents/'.length);
    const salt = byName.get(`salts/${commitment}`);
    if (!isHash(commitment) || salt?.length !== SALT_BYTES) {
      throw new Malformed(`bundle: ${name} has no commitment for a name, or no salt of 32 bytes beside it`);
    }
    contents.set(commitment, { salt, content });
  }
  return contents;
}

/** What the members are, against what they must be for the leaves and contents they hold. */
function compare(given: readonly container.Member[], due: readonly container.Member[]): Fault[] {
  const faults: Fault[] = [];
  const byName = new Map(given);
  const before = new Map<string, number>();
  for (const [name, content] of due) {
    const found = byName.get(name);
    byName.delete(name);
    const side = name.startsWith('logs/') ? name.split('/')[1] as string : null;
    const hashes = side !== null && name.includes('/tile/0/');
    if (!found) {
      faults.push(fault('member', `${name} is missing`, side));
    } else if (!equal(found, content)) {
      if (hashes) faults.push(...differingLeaves(name, found, content, side, before.get(side) ?? 0));
      else faults.push(fault('member', `${name} is not what the rest of the bundle makes it`, side));
    }
    if (hashes) before.set(side, (before.get(side) ?? 0) + content.length / HASH_BYTES);
  }
  for (const name of byName.keys()) faults.push(fault('member', `${name} has no place in a bundle`));
  if (faults.length === 0 && given.some(([name], at) => name !== due[at]?.[0])) {
    faults.push(fault('member', 'the members are not in their one order'));
  }
  return faults;
}

/** Which entries a level-0 tile disagrees with: the entry was changed, or its hash was. */
function differingLeaves(name: string, found: Uint8Array, due: Uint8Array, side: string, first: number): Fault[] {
  if (found.length !== due.length) {
    return [fault('member', `${name} has another length than its entries make it`, side)];
  }
  const hashAt = (bytes: Uint8Array, at: number): Uint8Array => bytes.subarray(at, at + HASH_BYTES);
  const odd: number[] = [];
  for (let at = 0; at < due.length && odd.length < 8; at += HASH_BYTES) {
    if (!equal(hashAt(found, at), hashAt(due, at))) odd.push(at);
  }
  const message = `the entry's bytes and its hash in ${name} differ`;
  return odd.map(at => fault('leaf-hash', message, side, first + at / HASH_BYTES));
}

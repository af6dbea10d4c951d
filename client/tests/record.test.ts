import { describe, expect, test } from 'vitest';

import { type Bytes, fromText, toText } from '../src/bytes';
import { Malformed, Untrusted } from '../src/errors';
import { decode, encode } from '../src/record/canonical';
import { open } from '../src/record/checkpoint';
import { opens } from '../src/record/content';
import { digest, verify } from '../src/record/digest';
import { challenge, readLeaf, readSigned } from '../src/record/entry';
import { Fold } from '../src/record/fold';
import { type Fetch, Logs, type PinStore } from '../src/record/logs';
import { Tree } from '../src/record/merkle';
import { asserts, readPasskey, readProof } from '../src/record/proof';
import { hex, toHex, vector } from './vectors';

describe('canonical JSON', () => {
  const { accepted, refused } = vector('record/canonical');
  test.each(accepted as { value: unknown; bytes: string }[])('spells $bytes', ({ value, bytes }) => {
    expect(toHex(encode(value))).toBe(bytes);
    expect(decode(hex(bytes))).toEqual(value);
  });
  test.each(refused as string[])('refuses %s', bytes => {
    expect(() => decode(hex(bytes))).toThrow(Malformed);
  });
  test('refuses what has no spelling', () => {
    for (const value of [1.5, -1, NaN, undefined, () => 0, '\ud800', 2 ** 53]) {
      expect(() => encode(value)).toThrow(Malformed);
    }
  });
});

test('base64url has one spelling', () => {
  expect(toText(fromText('AAEC'))).toBe('AAEC');
  for (const text of ['AA==', 'AB', 'A', 'A+', 'A/', ' AA', 'AA ', 3, null]) {
    expect(() => fromText(text), String(text)).toThrow(Malformed);
  }
  expect(() => fromText('AAEC', 4)).toThrow(Malformed);
});

test('the challenge and the proof of an entry', async () => {
  const v = vector('record/entry');
  const signed = readSigned(v.signed);
  expect(toHex(await challenge(signed))).toBe(v.challenge);
  const entry = readLeaf(fromText(v.leaf));
  expect(entry.signed.json).toEqual(v.signed);
  expect(entry.proof).toEqual(readProof(v.proof));
  const passkey = await readPasskey(v.passkey);
  expect(passkey.credential).toBe(signed.credential);
  expect(await asserts(entry.proof, passkey, await challenge(signed))).toBe(true);
  expect(await asserts(entry.proof, passkey, new Uint8Array(32))).toBe(false);
});

test('the roots of a tree', async () => {
  const { leaves, roots } = vector('record/merkle') as { leaves: string[]; roots: string[] };
  const tree = new Tree();
  expect(toHex(await tree.root())).toBe(roots[0]);
  for (const [at, leaf] of leaves.entries()) {
    await tree.append(hex(leaf));
    expect(toHex(await tree.root())).toBe(roots[at + 1]);
  }
});

test('a checkpoint opens under its log’s key alone, and with no byte changed', async () => {
  const { note, log_key, cosigner_key, root } = vector('record/checkpoint');
  const checkpoint = await open(note, hex(log_key));
  expect(checkpoint.size).toBe(17);
  expect(btoa(String.fromCharCode(...checkpoint.root))).toBe(root);
  await expect(open(note, hex(cosigner_key))).rejects.toThrow(Untrusted);
  const signed = (note as string).indexOf('=\n— visavis/DDDD', 10) > 0 ? note.lastIndexOf('\n— ') : note.length;
  for (let at = 0; at < signed; at += 7) {
    const changed = `${note.slice(0, at)}${note[at] === 'A' ? 'B' : 'A'}${note.slice(at + 1)}`;
    await expect(open(changed, hex(log_key)), String(at)).rejects.toThrow();
  }
});

test('a content opens its own commitment', async () => {
  const salt = new Uint8Array(32).fill(7);
  const text = 'Мы поняли друг друга так.';
  const commitment = toText(await digest('content', salt, new TextEncoder().encode(text)));
  const content = { commitment, salt: toText(salt), language: 'ru', text };
  await expect(opens(content)).resolves.toBeUndefined();
  await expect(opens({ ...content, text: `${text} ` })).rejects.toThrow(Untrusted);
  await expect(opens({ ...content, salt: toText(salt.subarray(1)) })).rejects.toThrow(Malformed);
});

describe('the people of a side', () => {
  const v = vector('record/people');
  type After = { size: number; why: string; checkpoint: string; persons: object; delegations: object };
  test.each(v.after as After[])('after $size entries: $why', async ({ size, checkpoint, persons, delegations }) => {
    const fold = new Fold(v.dialogue, v.side);
    for (const leaf of v.leaves.slice(0, size)) await fold.append(fromText(leaf));
    expect(Object.fromEntries(fold.persons())).toEqual(persons);
    expect(Object.fromEntries(fold.delegations)).toEqual(delegations);
    const opened = await open(checkpoint, fold.keyAt(size) as Bytes);
    expect(toText(opened.root)).toBe(toText(fold.root(size) as Bytes));
  });

  const other = (v.sides as string[]).find(side => side !== v.side) as string;
  const pins = (): PinStore & { kept: Map<string, never> } => {
    const kept = new Map<string, never>();
    return { kept, get: async key => kept.get(key), put: async (key, pin) => void kept.set(key, pin as never) };
  };
  const serve = (size: number, checkpoint: string | null, leaves = v.leaves.slice(0, size) as string[]): Fetch =>
    async (side, from) => side === v.side
      ? { side, from, size: leaves.length, leaves: leaves.slice(from, from + 5), checkpoint }
      : { side, from, size: 0, leaves: [], checkpoint: null };
  const after = v.after as After[];
  const [first, last] = [after[0] as After, after.at(-1) as After];

  test('a log is read page by page, checked and pinned', async () => {
    const store = pins();
    const logs = await Logs.of(v.dialogue, v.sides, serve(last.size, last.checkpoint), store);
    expect(Object.fromEntries(logs.folds.get(v.side)?.persons() ?? [])).toEqual(last.persons);
    expect(logs.seen()[v.side]?.[0]).toBe(last.size);
    expect(store.kept.size).toBe(1);
    await expect(Logs.of(v.dialogue, v.sides, serve(first.size, first.checkpoint), store))
      .rejects.toThrow('older log');
  });
  test('a node that shows less than this browser saw is handed the checkpoint, once more each time', async () => {
    const [store, handed] = [pins(), [] as string[]];
    const read = (size: number, note: string) => Logs.of(v.dialogue, v.sides, serve(size, note), store, async given => {
      handed.push(given);
      throw new Error('the node does not answer');
    });
    await read(last.size, last.checkpoint);
    expect(handed).toEqual([]);
    await expect(read(first.size, first.checkpoint)).rejects.toThrow('older log');
    expect(handed).toEqual([last.checkpoint]);
    await read(last.size, last.checkpoint);
    expect(handed).toEqual([last.checkpoint]);
  });
  test('an entry left out, changed, or held back is found', async () => {
    const leaves = v.leaves.slice(0, last.size) as string[];
    const without = leaves.filter((_, at) => at !== 4);
    await expect(Logs.of(v.dialogue, v.sides, serve(0, last.checkpoint, without), pins())).rejects.toThrow(Untrusted);
    const changed = leaves.with(4, toText(Uint8Array.of(1, 2, 3)));
    await expect(Logs.of(v.dialogue, v.sides, serve(0, last.checkpoint, changed), pins())).rejects.toThrow(Untrusted);
    await expect(Logs.of(v.dialogue, v.sides, serve(last.size, null), pins())).rejects.toThrow(Untrusted);
    const mute: Fetch = async (side, from) => ({ side, from, size: 9, leaves: [], checkpoint: null });
    await expect(Logs.of(v.dialogue, v.sides, mute, pins())).rejects.toThrow('keeps back');
  });
  test('sides that are not the dialogue’s are refused', async () => {
    for (const sides of [[v.side, v.side], [v.side], [v.side, `${other.slice(0, -1)}A`]]) {
      await expect(Logs.of(v.dialogue, sides, serve(first.size, first.checkpoint), pins())).rejects.toThrow(Untrusted);
    }
  });
});

test('a signature that is no signature is just wrong', async () => {
  expect(await verify(new Uint8Array(3), new Uint8Array(64), new Uint8Array(1))).toBe(false);
});

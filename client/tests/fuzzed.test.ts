/** Mutated inputs are taken or refused as Python does: tests/vectors/fuzzed.py says how to look further. */

import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { fromText, toText } from '../src/bytes';
import { Malformed, Untrusted } from '../src/errors';
import type { Account } from '../src/record/account';
import { decode, encode } from '../src/record/canonical';
import { openNote } from '../src/record/checkpoint';
import { digest } from '../src/record/digest';
import { readFounding, readLeaf } from '../src/record/entry';
import { parseNote } from '../src/record/note';
import { asserts, readPasskey, readProof } from '../src/record/proof';
import { verify } from '../src/record/verify';
import { hex, vector } from './vectors';

const further = process.env['FUZZED'];
const v = further ? JSON.parse(readFileSync(further, 'utf8')) : vector('record/fuzzed');

const READERS: Record<string, (data: Uint8Array) => unknown> = {
  canonical_json: decode,
  entry: readLeaf,
  founding: data => readFounding(decode(data)),
  passkey_statement: data => readPasskey(decode(data)),
  signed_note: parseNote,
  opened_checkpoint: data => openNote(parseNote(data), hex(v.keys.log), { side: v.keys.side, key: hex(v.keys.other) }),
  assertion: async data => {
    const holds = await asserts(readProof(decode(data)), await readPasskey(v.passkey), hex(v.challenge));
    if (!holds) throw new Untrusted('it does not hold');
  },
};

async function takes(read: (data: Uint8Array) => unknown, data: Uint8Array): Promise<boolean> {
  try {
    await read(data);
    return true;
  } catch (error) {
    if (error instanceof Malformed || error instanceof Untrusted) return false;
    throw error;
  }
}

describe('mutated inputs', () => {
  test.each(Object.entries(v.inputs as Record<string, [string, boolean][]>))('%s', async (name, inputs) => {
    expect(inputs.length).toBeGreaterThan(0);
    for (const [text, taken] of inputs) {
      const read = READERS[name] as (data: Uint8Array) => unknown;
      expect(await takes(read, fromText(text)), text).toBe(taken);
    }
  }, 600_000);
  test('bundles have the same account', async () => {
    for (const [text, due] of v.bundles as [string, string][]) {
      const account = await verify(fromText(text));
      const faults = account.faults.map(fault => (fault.check === 'bundle' ? { ...fault, message: '' } : fault));
      const plain: Account = { ...account, faults };
      expect(toText(await digest('account', encode(plain))), JSON.stringify(faults)).toBe(due);
    }
  }, 600_000);
});

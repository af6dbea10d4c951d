import { readFileSync, readdirSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { type Bytes, concat, joined, toText } from '../src/bytes';
import type { Account } from '../src/record/account';
import { encode } from '../src/record/canonical';
import { digest } from '../src/record/digest';
import { DOINGS, EDITION_1 } from '../src/record/rulebook';
import { verify } from '../src/record/verify';
import { labRulebook } from './lab';
import { hex, vector } from './vectors';

const FOLDER = new URL('../../tests/vectors/record/bundles/', import.meta.url);
const names = readdirSync(FOLDER).filter(name => name.endsWith('.visavis')).map(name => name.replace('.visavis', ''));
const rulebooks = { 'edition-1': EDITION_1, lab: labRulebook() };

interface Kept {
  readonly rulebook: keyof typeof rulebooks;
  readonly account: Account;
}

const kept = (name: string): Kept => vector(`record/bundles/${name}`);
const bundle = (name: string): Bytes => new Uint8Array(readFileSync(new URL(`${name}.visavis`, FOLDER)));

/** The account as the vectors have it: what cannot be read at all is not described alike. */
function plain(account: Account): Account {
  const faults = account.faults.map(fault => (fault.check === 'bundle' ? { ...fault, message: '' } : fault));
  return { ...account, faults };
}

test.each(names)('the node’s account of %s is the browser’s', async name => {
  const { rulebook, account } = kept(name);
  expect(plain(await verify(bundle(name), rulebooks[rulebook]))).toEqual(account);
});

interface Changed {
  readonly of: string;
  readonly by: readonly (readonly [at: number, cut: number, put: string])[];
  readonly holds: boolean;
  readonly account: string;
}

describe('bundles changed in a few bytes', () => {
  const changed: readonly Changed[] = vector('record/bundles/changed');
  test.each(changed.map((each, at) => [at, each.of, each] as const))('%i, of %s', async (_, of, each) => {
    let data = bundle(of);
    for (const [at, cut, put] of each.by) data = concat(data.subarray(0, at), hex(put), data.subarray(at + cut));
    const account = await verify(data, rulebooks[kept(of).rulebook]);
    expect(account.holds).toBe(each.holds);
    expect(toText(await digest('account', encode(plain(account)))), JSON.stringify(account.faults)).toBe(each.account);
  });
});

test('bytes that are no bundle are said to be none', async () => {
  const whole = bundle('guarantee');
  for (const data of [new Uint8Array(), hex('504b0304'), hex('504b0304ff'), whole.subarray(0, 90), new Uint8Array(999)]) {
    const { holds, faults } = await verify(data);
    expect([holds, faults.map(({ check }) => check)]).toEqual([false, ['bundle']]);
  }
});

test('as many members as an archive may have are read, and one more is not', async () => {
  const member = (at: number): Bytes => {
    const name = new TextEncoder().encode(`m${at}`);
    const header = new Uint8Array(30);
    const view = new DataView(header.buffer);
    view.setUint32(0, 0x04034b50, true);
    view.setUint16(4, 20, true);
    view.setUint16(12, 0x21, true);
    view.setUint16(26, name.length, true);
    return concat(header, name);
  };
  const many = Array.from({ length: 60_001 }, (_, at) => member(at));
  const said = async (parts: readonly Bytes[]): Promise<string[]> => (await verify(joined(parts))).faults.map(({ message }) => message);
  expect(await said(many.slice(0, -1))).toEqual(['bundle: visavis.json is missing']);
  expect(await said(many)).toEqual(['archive: more than 60000 members']);
});

test('every act has a row and a move', () => {
  expect(Object.keys(DOINGS).sort()).toEqual([...EDITION_1.types].sort());
});

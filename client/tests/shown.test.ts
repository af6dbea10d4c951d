import { describe, expect, test } from 'vitest';

import type { Account } from '../src/record/account';
import { fromText } from '../src/bytes';
import { type Pinned, type Shown, differs, seen, toPin } from '../src/verify/shown';
import { vector } from './vectors';

const account: Account = vector('record/bundles/ended').account;
const [one, other] = account.logs as [Account['logs'][0], Account['logs'][0]];
const inForce: Account = vector('record/bundles/guarantee').account;

const shownOf = ({ logs, agreements, void: voids }: Account): Shown => ({
  sizes: Object.fromEntries(logs.map(({ side, size }) => [side, size])),
  in_force: agreements.filter(({ standing }) => standing === 'in force').map(({ slot, hash }) => [slot, hash]),
  void: voids.map(({ log, index, reason }) => [log, index, reason]),
});

describe('what the page shows', () => {
  test('is the same, in any order', () => {
    const shown = shownOf(inForce);
    expect(shown.in_force).not.toEqual([]);
    expect(differs(shown, inForce)).toEqual([]);
    expect(differs({ ...shown, sizes: Object.fromEntries(Object.entries(shown.sizes).reverse()) }, inForce)).toEqual([]);
  });
  test('is not compared at other sizes', () => {
    const shown = shownOf(inForce);
    const sizes = { ...shown.sizes, [one.side]: 1 };
    expect(differs({ ...shown, sizes, in_force: [] }, inForce)).toEqual(['grown']);
    expect(differs({ ...shown, sizes: {} }, inForce)).toEqual(['grown']);
  });
  test('differs in what is in force, or in what is void', () => {
    const shown = shownOf(inForce);
    expect(differs({ ...shown, in_force: [] }, inForce)).toEqual(['force']);
    expect(differs({ ...shown, in_force: [['text/u1', 'x']], void: [[one.side, 0, 'stale']] }, inForce)).toEqual(['force', 'void']);
    expect(differs({ ...shownOf(account), void: [] }, account)).toEqual(['void']);
  });
});

describe('what this browser saw before', () => {
  const notes = { [one.side]: 'note of one', [other.side]: 'note of the other' };
  const told = { account, lines: [], notes, roots: { [one.side]: 'a root', [other.side]: 'another' } };
  const pins = (...kept: [string, Pinned][]): ReadonlyMap<string, Pinned> => new Map(kept);
  test('is pinned with its checkpoint, which proves it later', () => {
    const kept = { size: one.size, root: fromText(one.root, 32), note: 'note of one' };
    expect(toPin(pins(), told).size).toBe(2);
    expect(toPin(pins([one.side, { size: one.size - 1, root: 'x', note: 'older' }]), told).get(one.side)).toEqual(kept);
    expect(toPin(pins([one.side, { size: one.size, root: one.root }]), told).get(one.side)).toEqual(kept);
    expect(toPin(pins([one.side, { size: one.size, root: one.root, note: 'kept' }]), told).has(one.side)).toBe(false);
    expect(toPin(pins([one.side, { size: one.size + 1, root: 'x' }]), told).has(one.side)).toBe(false);
  });
  test('is in the record, or was nothing', () => {
    expect(seen(account.dialogue, pins(), told).kind).toBe('none');
    expect(seen(account.dialogue, pins([one.side, { size: 2, root: 'a root' }]), told).kind).toBe('fits');
  });
  test('is another dialogue, a longer log, or another one', () => {
    expect(seen('another', pins(), told).kind).toBe('other-dialogue');
    const longer = pins([other.side, { size: other.size + 1, root: 'another' }]);
    expect(seen(account.dialogue, longer, told))
      .toEqual({ kind: 'older', side: other.side, seen: other.size + 1, size: other.size });
    expect(seen(account.dialogue, pins([one.side, { size: 2, root: 'b' }]), told))
      .toEqual({ kind: 'other', side: one.side, seen: 2, size: one.size });
  });
});

import { describe, expect, test } from 'vitest';

import {
  type Clocks, type Stance, advanced, agreed, offered, proposal, read, silent, write,
} from '../src/call/clock';
import { gone, heard } from '../src/call/said';
import { Malformed } from '../src/errors';

const none: Clocks = new Map();
const ours = ['a', 'b'];
const theirs = ['x'];
const twenty = { turn: 1, item: 'tension', minutes: 20 };

const says = (clocks: Clocks, device: string, stance: Partial<Stance>): Clocks =>
  heard(clocks, device, (clocks.get(device)?.n ?? 0) + 1, { ...silent, ...stance });

describe('a term', () => {
  test('is set when a scheduler of either side says it, and by no side alone', () => {
    const proposed = says(says(none, 'a', { next: twenty }), 'b', { next: twenty });
    expect(agreed(proposed, ours, theirs)).toBeNull();
    expect(offered(proposed, ours, null)).toEqual(twenty);
    expect(offered(proposed, theirs, null)).toBeNull();
    const followed = says(proposed, 'x', { next: twenty });
    expect(agreed(followed, ours, theirs)).toEqual({ ...twenty, gone: 0 });
    expect(agreed(followed, theirs, ours)).toEqual({ ...twenty, gone: 0 });
    expect(offered(followed, ours, twenty)).toBeNull();
  });
  test('other than the one proposed sets nothing', () => {
    const crossed = says(says(none, 'a', { next: twenty }), 'x', { next: { ...twenty, minutes: 10 } });
    expect(agreed(crossed, ours, theirs)).toBeNull();
  });
  test('stays while the next one waits, and goes on from where those in have it', () => {
    const now = { ...twenty, gone: 90 };
    const next = proposal(says(none, 'a', { now }), 'tension', 5);
    expect(next.turn).toBe(2);
    const waiting = says(says(none, 'a', { now, next }), 'x', { now: { ...twenty, gone: 91 } });
    expect(agreed(waiting, ours, theirs)).toEqual({ ...twenty, gone: 91 });
    expect(offered(waiting, ours, twenty)).toEqual(next);
    expect(agreed(says(waiting, 'x', { now, next }), ours, theirs)).toEqual({ ...next, gone: 0 });
  });
  test('is set for who has seen it set, and for who has not', () => {
    const half = says(says(none, 'a', { now: { ...twenty, gone: 1 } }), 'x', { next: twenty });
    expect(agreed(half, ours, theirs)).toEqual({ ...twenty, gone: 1 });
    expect(advanced({ next: twenty, now: null }, { ...twenty, gone: 1 })).toEqual({ next: null, now: { ...twenty, gone: 1 } });
  });
  test('said by who may not schedule, or is out, is none', () => {
    const said = says(says(none, 'a', { next: twenty }), 'z', { next: twenty });
    expect(agreed(said, ours, theirs)).toBeNull();
    const out = gone(says(said, 'x', { next: twenty }), 'x', silent);
    expect(agreed(out, ours, theirs)).toBeNull();
    expect(heard(out, 'x', 1, { ...silent, next: twenty })).toBe(out);
  });
});

test('what is said is read strictly', () => {
  const stance = { next: { turn: 3, item: 'i', minutes: 15 }, now: { turn: 2, item: 'h', minutes: 20, gone: 61 } };
  expect(read(write(stance))).toEqual(stance);
  expect(read(write(silent))).toEqual(silent);
  for (const other of [null, 7, [], {}, { is: 'hands', hand: 1, order: 0 }]) expect(read(other)).toBeUndefined();
  for (const wrong of [
    { next: [1, 'i', 15] }, { next: null, now: null, more: 1 }, { next: [0, 'i', 15], now: null },
    { next: [1, 'i', 0], now: null }, { next: [1, 'i', 481], now: null }, { next: [10_000, 'i', 1], now: null },
    { next: [1, 7, 15], now: null }, { next: [1, 'i'], now: null }, { next: null, now: [1, 'i', 15, 86_401] },
    { next: { turn: 1 }, now: null }, { next: [1, 'i'.repeat(65), 15], now: null },
  ]) expect(() => read({ is: 'clock', ...wrong })).toThrow(Malformed);
});

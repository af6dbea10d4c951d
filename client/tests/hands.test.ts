import { describe, expect, test } from 'vitest';

import { type Hands, gone, heard, press, queue, read, write } from '../src/call/hands';
import { Malformed } from '../src/errors';

const none: Hands = new Map();
const side = ['a', 'b', 'c'];

/** Each presses in turn, having heard of all before. */
const after = (...pressed: (readonly [string, 'hand' | 'order'])[]): Hands =>
  pressed.reduce((hands, [device, what], at) => heard(hands, device, at, press(hands, device, what, side)), none);

const told = (hands: Hands): string[] => queue(hands, side).map(({ device, what, place }) => `${what} ${place} ${device}`);

describe('hands', () => {
  test('stand in the order of their raising, points of order above them', () => {
    const hands = after(['c', 'hand'], ['a', 'hand'], ['b', 'order']);
    expect(told(hands)).toEqual(['order 1 b', 'hand 1 c', 'hand 2 a']);
  });
  test('are lowered by their own', () => {
    expect(told(after(['c', 'hand'], ['a', 'hand'], ['c', 'hand']))).toEqual(['hand 1 a']);
    expect(told(after(['c', 'hand'], ['a', 'hand'], ['c', 'hand'], ['c', 'hand']))).toEqual(['hand 1 a', 'hand 2 c']);
    expect(told(after(['c', 'hand'], ['c', 'order'], ['c', 'hand']))).toEqual(['order 1 c']);
  });
  test('are the same for everyone, whatever came first', () => {
    const a = { ...press(none, 'a', 'hand', side), n: 5 };
    const b = { ...press(none, 'b', 'hand', side), n: 3 };
    const one = heard(heard(none, 'a', 5, a), 'b', 3, b);
    const other = heard(heard(none, 'b', 3, b), 'a', 5, a);
    expect(told(one)).toEqual(['hand 1 a', 'hand 2 b']);
    expect(told(other)).toEqual(told(one));
  });
  test('that come late or again change nothing; who is out has none', () => {
    const raised = heard(none, 'a', 5, { hand: 1, order: 0 });
    expect(heard(raised, 'a', 5, { hand: 0, order: 0 })).toBe(raised);
    expect(heard(raised, 'a', 4, { hand: 0, order: 0 })).toBe(raised);
    expect(told(heard(raised, 'a', 6, { hand: 0, order: 0 }))).toEqual([]);
    const out = gone(raised, 'a');
    expect(told(out)).toEqual([]);
    expect(heard(out, 'a', 5, { hand: 1, order: 0 })).toBe(out);
    expect(gone(none, 'a')).toBe(none);
  });
});

test('what is said is read strictly', () => {
  const raised = { hand: 2, order: 0 };
  expect(read(write(raised))).toEqual(raised);
  for (const other of [null, 7, 'hands', [], {}, { is: 'words' }]) expect(read(other)).toBeUndefined();
  for (const wrong of [
    { is: 'hands', hand: 1 }, { is: 'hands', hand: 1, order: 0, more: 1 }, { is: 'hands', hand: -1, order: 0 },
    { is: 'hands', hand: '1', order: 0 }, { is: 'hands', hand: 10_000, order: 0 }, { is: 'hands', hand: true, order: 0 },
  ]) expect(() => read(wrong)).toThrow(Malformed);
});

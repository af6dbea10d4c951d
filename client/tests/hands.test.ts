import { describe, expect, test } from 'vitest';

import { type Hands, type Raising, lowered, press, queue, read, write } from '../src/call/hands';
import { gone, heard } from '../src/call/said';
import { Malformed } from '../src/errors';

const none: Hands = new Map();
const side = ['a', 'b', 'c'];

/** Each presses in turn, having heard of all before. */
const after = (...pressed: (readonly [string, Raising])[]): Hands =>
  pressed.reduce((hands, [device, what], at) => heard(hands, device, at, press(hands, device, what, side, 'x')), none);

const told = (hands: Hands): string[] => queue(hands, side)
  .map(({ device, what, place, to }) => `${what} ${place} ${device}${to && ` to ${to}`}`);

describe('hands', () => {
  test('stand in the order of their raising; points of order, then replies, above them', () => {
    const hands = after(['c', 'hand'], ['a', 'hand'], ['c', 'reply'], ['b', 'order']);
    expect(told(hands)).toEqual(['order 1 b', 'reply 1 c to x', 'hand 1 c', 'hand 2 a']);
    expect(told(heard(hands, 'c', 9, press(hands, 'c', 'reply', side, 'y')))).toEqual(['order 1 b', 'hand 1 c', 'hand 2 a']);
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
    const raised = heard(none, 'a', 5, { ...lowered, hand: 1 });
    expect(heard(raised, 'a', 5, lowered)).toBe(raised);
    expect(heard(raised, 'a', 4, lowered)).toBe(raised);
    expect(told(heard(raised, 'a', 6, lowered))).toEqual([]);
    const out = gone(raised, 'a', lowered);
    expect(told(out)).toEqual([]);
    expect(heard(out, 'a', 5, { ...lowered, hand: 1 })).toBe(out);
    expect(gone(none, 'a', lowered)).toBe(none);
  });
});

test('what is said is read strictly', () => {
  for (const raised of [{ ...lowered, hand: 2 }, { ...lowered, reply: 1, to: 'x' }]) expect(read(write(raised))).toEqual(raised);
  for (const other of [null, 7, 'hands', [], {}, { is: 'words' }]) expect(read(other)).toBeUndefined();
  const right = { is: 'hands', ...lowered };
  for (const wrong of [
    { is: 'hands', hand: 1, order: 0 }, { ...right, more: 1 }, { ...right, hand: -1 }, { ...right, hand: '1' },
    { ...right, hand: 10_000 }, { ...right, hand: true }, { ...right, reply: 1 }, { ...right, to: 'x' }, { ...right, to: 7 },
  ]) expect(() => read(wrong)).toThrow(Malformed);
});

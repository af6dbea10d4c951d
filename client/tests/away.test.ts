import { expect, test } from 'vitest';

import { type Away, gone, heard, read, write } from '../src/call/away';
import { caucusOf, ofSide } from '../src/call/roster';
import { Malformed } from '../src/errors';

const none: Away = new Map();

test('who is in a caucus is the latest that they said of it', () => {
  const there = heard(none, 'a', 5, true);
  expect(heard(there, 'a', 5, false)).toBe(there);
  expect(heard(there, 'a', 4, false)).toBe(there);
  expect(heard(there, 'a', 6, false).get('a')?.there).toBe(false);
  const out = gone(there, 'a');
  expect(out.get('a')?.there).toBe(false);
  expect(heard(out, 'a', 5, true)).toBe(out);
  expect(gone(none, 'a')).toBe(none);
});

test('what is said is read strictly', () => {
  for (const each of [true, false]) expect(read(write(each))).toBe(each);
  for (const other of [null, 'caucus', [], {}, { is: 'hands', hand: 1, order: 0 }]) expect(read(other)).toBeUndefined();
  for (const wrong of [{ is: 'caucus' }, { is: 'caucus', in: 1 }, { is: 'caucus', in: true, of: 'x' }]) {
    expect(() => read(wrong)).toThrow(Malformed);
  }
});

test('a caucus is of one side: nobody of the other may be in it', () => {
  const people = new Map([['one', new Map()], ['other', new Map()]]);
  const lists = new Map([['one', new Set(['a'])], ['other', new Set(['b'])]]);
  const both = { dialogue: 'd', talk: 't', sitting: 1, credentials: people, lists };
  const own = ofSide(both, 'one');
  expect([...own.credentials.keys()]).toEqual(['one']);
  expect([...own.lists.keys()]).toEqual(['one']);
  expect(caucusOf('one')).not.toBe(caucusOf('other'));
});

import { expect, test } from 'vitest';

import { type Away, type Whereabouts, here, read, write } from '../src/call/away';
import { caucusOf, ofSide } from '../src/call/roster';
import { gone, heard } from '../src/call/said';
import { Malformed } from '../src/errors';

const none: Away = new Map();
const away: Whereabouts = { there: true };

test('who is in a caucus is the latest that they said of it', () => {
  const there = heard(none, 'a', 5, away);
  expect(heard(there, 'a', 5, here)).toBe(there);
  expect(heard(there, 'a', 4, here)).toBe(there);
  expect(heard(there, 'a', 6, here).get('a')?.there).toBe(false);
  const out = gone(there, 'a', here);
  expect(out.get('a')?.there).toBe(false);
  expect(heard(out, 'a', 5, away)).toBe(out);
  expect(gone(none, 'a', here)).toBe(none);
});

test('what is said is read strictly', () => {
  for (const each of [away, here]) expect(read(write(each))).toEqual(each);
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

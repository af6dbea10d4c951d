import { describe, expect, test } from 'vitest';

import { half, merged } from '../src/page/ranking';

// As tests/talks/test_ranking.py has them: twice the other side's places, and the turn by the hash.
const theirs = (places: Record<string, number>) =>
  Object.entries(places).map(([item, twice], lot) => ({ item, theirs: twice, lot }));

describe('two rankings merged in the browser', () => {
  test('the least sum comes first; of equal sums the better worse place; then the lot', () => {
    const got = merged(['a', 'b', 'c'], theirs({ c: 2, b: 4, a: 6 }));
    expect(got.map(({ item, total, tie }) => [item, total, tie])).toEqual([
      ['b', 8, null], ['c', 8, 'worse'], ['a', 8, 'lot'],
    ]);
  });
  test('a side that ranked nothing leaves the other its order', () => {
    expect(merged(['c', 'a', 'b'], theirs({ a: 4, b: 4, c: 4 })).map(({ item }) => item)).toEqual(['c', 'a', 'b']);
  });
  test('a shared place may lie between two', () => {
    expect([half(1), half(2), half(5)]).toEqual(['½', '1', '2½']);
  });
});

import { expect, test } from 'vitest';

import { Strain, keep, kept } from '../src/call/lean';

test('a connection that stays poor is noticed once', () => {
  const strain = new Strain();
  expect(strain.due(0)).toBe(false);
  strain.told(true, 1_000);
  strain.told(true, 5_000);
  expect([6_999, 7_000, 9_000].map(now => strain.due(now))).toEqual([false, true, false]);
});

test('one that recovers, or whose person has decided, is not', () => {
  const strain = new Strain();
  strain.told(true, 0);
  strain.told(false, 5_000);
  strain.told(true, 5_500);
  expect(strain.due(11_000)).toBe(false);
  strain.decided();
  expect(strain.due(60_000)).toBe(false);
});

test('the device remembers, if its browser keeps anything', () => {
  const held = new Map<string, string>();
  const storage = {
    getItem: (key: string) => held.get(key) ?? null,
    setItem: (key: string, value: string) => void held.set(key, value),
    removeItem: (key: string) => void held.delete(key),
  };
  expect(kept(() => storage)).toBe(false);
  keep(true, () => storage);
  expect(kept(() => storage)).toBe(true);
  keep(false, () => storage);
  expect(kept(() => storage)).toBe(false);
  const none = (): never => {
    throw new DOMException('no', 'SecurityError');
  };
  keep(true, none);
  expect(kept(none)).toBe(false);
});

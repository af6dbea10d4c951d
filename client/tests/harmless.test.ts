import { expect, test } from 'vitest';

import { alone, harmless } from '../src/harmless';

test('what turns or commands is marked, what is written stays', () => {
  expect(harmless('a\u001B\u202Eb\u2028\u2069')).toBe('a\uFFFD\uFFFDb\uFFFD\uFFFD');
  const written = 'می\u200Cخواهم \u200F(1)\u200E\n\tа\u0301';
  expect(harmless(written)).toBe(written);
});

test('a name in a sentence stands alone, and cannot leave its place', () => {
  expect(alone('a\u2069\u202Eb')).toBe('\u2068a\uFFFD\uFFFDb\u2069');
});

import { expect, test } from 'vitest';

import { harmless } from '../src/harmless';

test('what turns or commands is marked, what is written stays', () => {
  expect(harmless('a\u001B\u202Eb\u2028\u2069')).toBe('a\uFFFD\uFFFDb\uFFFD\uFFFD');
  const written = 'می\u200Cخواهم \u200F(1)\u200E\n\tа\u0301';
  expect(harmless(written)).toBe(written);
});

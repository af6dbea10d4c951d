import { expect, test } from 'vitest';

import { lineOf } from '../src/page/files';

const HEX = '0a'.repeat(32);

test('a line that refers to a file is one line, whatever the file is called', () => {
  expect(lineOf(HEX, 'list.pdf')).toBe(`sha256:${HEX} list.pdf`);
  expect(lineOf(HEX, ' a\nb\u2028c\u202ed\u0000.pdf ')).toBe(`sha256:${HEX} a b c d .pdf`);
  expect(lineOf(HEX, '\n')).toBe(`sha256:${HEX}`);
  expect(lineOf(HEX, 'x'.repeat(1000)).length).toBeLessThan(300);
});

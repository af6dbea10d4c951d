import { expect, test } from 'vitest';

import { outcomeOf, paceOf } from '../src/call/check';

test('why there is no camera or microphone, by the browser’s own names', () => {
  const of = (name: string): string => outcomeOf(new DOMException('', name));
  expect(['NotAllowedError', 'SecurityError'].map(of)).toEqual(['denied', 'denied']);
  expect(['NotFoundError', 'OverconstrainedError'].map(of)).toEqual(['none', 'none']);
  expect(['NotReadableError', 'AbortError'].map(of)).toEqual(['busy', 'busy']);
  expect(of('TypeError')).toBe('failed');
  expect(outcomeOf(new TypeError('no media devices here'))).toBe('failed');
});

test('how quick the node is', () => {
  expect([undefined, 0, 300, 301].map(paceOf)).toEqual(['failed', 'ok', 'ok', 'slow']);
});

import { DisconnectReason } from 'livekit-client';
import { expect, test } from 'vitest';

import { mended, waits } from '../src/call/again';

test('a cut is mended; what somebody meant is not', () => {
  expect(mended(DisconnectReason.UNKNOWN_REASON)).toBe(true);
  expect(mended(DisconnectReason.SERVER_SHUTDOWN)).toBe(true);
  expect(mended(DisconnectReason.PARTICIPANT_REMOVED)).toBe(false);
  expect(mended(DisconnectReason.DUPLICATE_IDENTITY)).toBe(false);
});

test('tries come ever less often, and go on', () => {
  const tries = waits();
  expect(Array.from({ length: 6 }, () => tries.next().value)).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
});

/** Where libraries differ on Ed25519 there is one answer (record.md §1.5), as in Python: tests/vectors/test_ed25519.py. */

import { describe, expect, test } from 'vitest';

import { Malformed } from '../src/errors';
import { isProper, verify } from '../src/record/digest';
import { readFounding } from '../src/record/entry';
import { readPasskey } from '../src/record/proof';
import { EDITION_1 } from '../src/record/rulebook';
import { hex, vector } from './vectors';

const v = vector('record/ed25519');

async function takes(read: () => Promise<unknown>): Promise<boolean> {
  try {
    await read();
    return true;
  } catch (error) {
    if (error instanceof Malformed) return false;
    throw error;
  }
}

describe('Ed25519 by §1.5', () => {
  test.each(v.points as { name: string; point: string; proper: boolean }[])('a point: $name', ({ point, proper }) => {
    expect(isProper(hex(point))).toBe(proper);
  });
  test.each(v.signatures as { name: string; key: string; sig: string; message: string; holds: boolean }[])(
    'a signature: $name', async ({ key, sig, message, holds }) => {
      expect(await verify(hex(key), hex(sig), hex(message))).toBe(holds);
    });
  test.each(v.passkeys as { name: string; passkey: unknown; stands: boolean }[])(
    'a passkey: $name', async ({ passkey, stands }) => {
      expect(await takes(() => readPasskey(passkey))).toBe(stands);
    });
  test.each(v.foundings as { name: string; founding: unknown; stands: boolean }[])(
    'a founding: $name', async ({ founding, stands }) => {
      expect(await takes(() => readFounding(founding))).toBe(stands);
    });
  test.each(v.acts as { name: string; act: never; stands: boolean }[])('an act: $name', async ({ act, stands }) => {
    const parsed = await EDITION_1.parse(act);
    expect((parsed?.spec.form?.(parsed.fields, new Set(), parsed.move) ?? null) === null).toBe(stands);
  });
});

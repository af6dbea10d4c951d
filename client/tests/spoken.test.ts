import { describe, expect, test } from 'vitest';

import { toText } from '../src/bytes';
import { Flow, MOST, Pace, read, write } from '../src/call/captions';
import { type Body } from '../src/call/device';
import { Floor } from '../src/call/floor';
import { Signer, checkMessage, parseMessage } from '../src/call/messages';
import { openNote, read as readNote, sealNote, write as writeNote } from '../src/call/notes';
import { Pause } from '../src/call/pause';
import { tables } from '../src/call/spoken-words';
import { Malformed, Untrusted } from '../src/errors';
import type { Json } from '../src/record/canonical';

describe('a caption', () => {
  const line = { of: 'device', lang: 'zh-Hans', text: 'слово' };
  test('is read strictly', () => {
    expect(read(write(line))).toEqual(line);
    for (const other of [null, 7, [], {}, { is: 'hands' }]) expect(read(other)).toBeUndefined();
    for (const wrong of [
      { lang: 'English' }, { lang: 'e"n' }, { lang: '' }, { text: '' }, { text: ' ' }, { text: 'x'.repeat(MOST + 1) }, { text: 7 },
      { of: 7 }, { of: 'x'.repeat(65) }, { more: 1 },
    ]) expect(() => read({ ...(write(line) as object), ...wrong } as Json)).toThrow(Malformed);
  });
  test('counts once, if it is not from long before one came in, and no oftener than somebody types', () => {
    const flow = new Flow(1_000_000);
    expect(flow.takes('a', 879_999, 1_000_000)).toBe(false);
    expect(flow.takes('a', 880_001, 1_000_000)).toBe(true);
    expect(flow.takes('a', 880_001, 1_000_001)).toBe(false);
    const taken = Array.from({ length: 30 }, (_, at) => flow.takes('b', 1_000_000 + at, 1_000_000 + at));
    expect(taken.filter(Boolean)).toHaveLength(20);
    expect(flow.takes('b', 1_020_000, 1_020_000)).toBe(true);
    expect(flow.takes('c', 1_000_000, 1_000_000)).toBe(true);
  });
  test('is read aloud with those that came meanwhile, some seconds apart', () => {
    const pace = new Pace<string>();
    expect(pace.due(0)).toEqual([]);
    pace.add('one');
    expect(pace.due(0)).toEqual(['one']);
    for (const each of ['two', 'three']) pace.add(each);
    expect(pace.due(3_999)).toEqual([]);
    expect(pace.due(4_000)).toEqual(['two', 'three']);
    expect(pace.due(9_000)).toEqual([]);
  });
});

describe('a note', () => {
  const device = async (side: string): Promise<{ body: Body; kem: CryptoKeyPair; sig: CryptoKeyPair }> => {
    const kem = await crypto.subtle.generateKey({ name: 'X25519' }, true, ['deriveBits']) as CryptoKeyPair;
    const sig = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']) as CryptoKeyPair;
    const raw = async (key: CryptoKey): Promise<string> => toText(new Uint8Array(await crypto.subtle.exportKey('raw', key)));
    const body: Body = {
      v: 1, dialogue: 'D', talk: 'T', sitting: 1, side, delegate: 'x', credential: 'x',
      kem: await raw(kem.publicKey), sig: await raw(sig.publicKey), made: 0, until: 1,
    };
    return { body, kem, sig };
  };
  test('opens for its readers of the side alone, and as it stands', async () => {
    const [a, a2, a3, b] = await Promise.all(['A', 'A', 'A', 'B'].map(device)) as [
      Awaited<ReturnType<typeof device>>, Awaited<ReturnType<typeof device>>, Awaited<ReturnType<typeof device>>,
      Awaited<ReturnType<typeof device>>,
    ];
    const signer = new Signer(a.body, 'a', a.sig.privateKey);
    const to = new Map([['a3', a3.body], ['a2', a2.body]]);
    const message = parseMessage(await sealNote(signer, to, writeNote('Ask for a pause'), 7, 5));
    await checkMessage(message, a.body, 'floor');
    const { value, others } = await openNote(message, a.body, 'a2', a2.body, a2.kem);
    expect([readNote(value), others]).toEqual(['Ask for a pause', ['a3']]);
    // Who has no box; who takes another's; who is of the other side, even if a box were sealed to them.
    await expect(openNote(message, a.body, 'a', a.body, a.kem)).rejects.toThrow(Untrusted);
    await expect(openNote(message, a.body, 'a2', b.body, b.kem)).rejects.toThrow(Untrusted);
    await expect(openNote(message, a.body, 'a2', a3.body, a3.kem)).rejects.toThrow(Untrusted);
    const other = message['boxes'] as unknown as [string, string][];
    for (const moved of [
      { n: 6 }, { epoch: 8 }, { device: 'a3' }, { kc: toText(new Uint8Array(32)) }, { iv: toText(new Uint8Array(12)) },
      { boxes: other.filter(([id]) => id === 'a2') }, { room: 'caucus' },
    ]) {
      await expect(openNote({ ...message, ...moved } as typeof message, a.body, 'a2', a2.body, a2.kem)).rejects.toThrow(Untrusted);
    }
  });
  test('has words', () => {
    for (const other of [null, 7, {}, { is: 'caption' }]) expect(readNote(other)).toBeUndefined();
    for (const wrong of [{ is: 'note' }, { is: 'note', text: ' ' }, { is: 'note', text: 'x'.repeat(1_001) }, { is: 'note', text: 'x', more: 1 }]) {
      expect(() => readNote(wrong)).toThrow(Malformed);
    }
  });
});

test('the talk pauses while a side has dropped out whole', () => {
  const pause = new Pause();
  expect(pause.of(['A'])).toBeUndefined();
  pause.dropped('b1', 'B');
  expect(pause.of(['A', 'B'])).toBeUndefined();
  expect(pause.of(['A'])).toBe('B');
  pause.dropped('b2', 'B');
  pause.settled('b1');
  expect(pause.of(['A'])).toBe('B');
  pause.settled('b2');
  expect(pause.of(['A'])).toBeUndefined();
});

test('who spoke last is whom a reply answers, and a pause is nobody’s floor time', () => {
  const floor = new Floor();
  expect(floor.last(['a', 'b'])).toBeUndefined();
  floor.hear([['a', 'A', 1], ['b', 'B', 0]], 0);
  floor.hear([['a', 'A', 0], ['b', 'B', 1]], 500);
  expect([floor.last(['a', 'b']), floor.last(['a']), floor.last([])]).toEqual(['b', 'a', undefined]);
  const before = floor.of('B');
  floor.hear([['b', 'B', 1]], 1_000, false);
  floor.hear([['b', 'B', 1]], 1_500);
  expect(floor.of('B') - before).toBe(0.5);
});

test('every language says every word with the same values', () => {
  const values = (words: string): string[] => [...words.matchAll(/\{\w+\}/g)].map(([each]) => each).sort();
  for (const table of Object.values(tables)) {
    for (const [word, words] of Object.entries(tables['en'] ?? {})) {
      expect(values(table[word as keyof typeof table] ?? '')).toEqual(values(words));
    }
  }
});

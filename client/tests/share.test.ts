import { expect, test } from 'vitest';

import { pickScreen, yields } from '../src/call/share';
import { letterOf } from '../src/call/shortcuts';
import { tables } from '../src/call/words';

const media = (answer: () => Promise<MediaStream>): Pick<MediaDevices, 'getDisplayMedia'> => ({ getDisplayMedia: answer });
const fails = (name: string) => media(() => Promise.reject(new DOMException('no', name)));

test('a screen that is refused, or cannot be, is no error', async () => {
  expect(await pickScreen(undefined)).toBe('cannot');
  expect(await pickScreen(fails('NotAllowedError'))).toBe('refused');
  expect(await pickScreen(fails('NotSupportedError'))).toBe('cannot');
  const track = { contentHint: '' } as MediaStreamTrack;
  const got = await pickScreen(media(() => Promise.resolve({ getVideoTracks: () => [track] } as unknown as MediaStream)));
  expect([got, track.contentHint]).toEqual([track, 'detail']);
});

test('of two screens of one side, both find the same one', () => {
  expect(yields('b', [])).toBeUndefined();
  expect(yields('a', ['b', 'c'])).toBeUndefined();
  expect(yields('b', ['c', 'a'])).toBe('a');
});

test('Alt and a letter press, by the key’s place; typing does not', () => {
  const alt = { code: 'KeyH', altKey: true, ctrlKey: false, metaKey: false, shiftKey: false, repeat: false };
  expect(letterOf(alt)).toBe('H');
  for (const other of [{ altKey: false }, { ctrlKey: true }, { metaKey: true }, { shiftKey: true }, { repeat: true }, { code: 'Digit1' }]) {
    expect(letterOf({ ...alt, ...other })).toBeUndefined();
  }
});

test('every language says every word with the same values', () => {
  const values = (words: string): string[] => [...words.matchAll(/\{(\w+)\}/g)].map(found => found[1] as string).sort();
  for (const [word, words] of Object.entries(tables['en'] ?? {})) {
    for (const [language, table] of Object.entries(tables)) {
      expect(values((table as Record<string, string>)[word] ?? ''), `${language} ${word}`).toEqual(values(words));
    }
  }
});

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { codeWord, effectsOf, titleOf, titled } from '../src/check/sayings';

const RULEBOOK = JSON.parse(readFileSync(new URL('../src/record/acts.json', import.meta.url), 'utf8')) as {
  readonly acts: Readonly<Record<string, unknown>>;
};

test('every act of the rule book has a title, and no other', () => {
  expect([...titled].sort()).toEqual(Object.keys(RULEBOOK.acts).sort());
});

test('what an act does is read from its members', () => {
  expect(titleOf({ type: 'item.position', stage: 'deposit' })).toBe('Hold back our position until we table it');
  expect(titleOf({ type: 'item.position', stage: 'table' })).toBe('State our position');
  expect(titleOf({ type: 'understanding.offer', base: 'h' })).toBe('Table an amendment and sign it');
  expect(titleOf({ type: 'understanding.offer', base: null })).toBe('Table a text and sign it');
  expect(titleOf({ type: 'side.admit', passkey: null })).toBe('Let this device act for you in the talk');
  expect(titleOf({ type: 'a.later-edition' })).toBe('a.later-edition');
});

test('what comes of it is said, and what was asked for where the members cannot say it', () => {
  expect(effectsOf({ type: 'understanding.end' }).join()).toContain('cannot be taken back');
  const rotate = { type: 'side.rotate-key', log_key: 'k' };
  expect(effectsOf(rotate)).toHaveLength(1);
  expect(effectsOf(rotate, { command: 'dialogue.move', fields: {} }).join()).toContain('another node');
  expect(effectsOf(rotate, { command: 'dialogue.rotate-key', fields: { disown: '7' } })).toHaveLength(2);
  expect(effectsOf({ type: 'talk.delegation', delegates: [] })).toEqual(['It names nobody.']);
  expect(effectsOf({ type: 'a.later-edition' })).toEqual([]);
});

test('a code has a word only where it is one', () => {
  expect(codeWord('kind', 'guarantee')).toBe('guarantee');
  expect(codeWord('talk', 'guarantee')).toBeNull();
  expect(codeWord('kind', 'toString')).toBeNull();
});

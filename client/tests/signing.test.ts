import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { Malformed, Untrusted } from '../src/errors';
import { bracketed } from '../src/page/brackets';
import { type Control, fieldsOf, utcOf } from '../src/signing/fields';
import { DEVICE_COMMANDS } from '../src/signing/device';
import { ACTS, fits } from '../src/signing/fits';
import { verdict } from '../src/signing/watch';
import { languages, tables } from '../src/words';

const control = (name: string, value: string, more: Partial<Control> = {}): Control => ({ name, value, ...more });

describe('fields of a form', () => {
  test('names make objects and lists', () => {
    expect(fieldsOf([
      control('talk', 't'), control('title.en', 'Tension'), control('title.ru', 'Напряжённость'),
      control('items[]', 'a'), control('items[]', 'b'),
      control('undertakings.0.by', 'A'), control('undertakings.0.text.en', 'x'), control('undertakings.2.by', 'B'),
    ])).toEqual({
      talk: 't', title: { en: 'Tension', ru: 'Напряжённость' }, items: ['a', 'b'],
      undertakings: [{ by: 'A', text: { en: 'x' } }, { by: 'B' }],
    });
  });
  test('types are read', () => {
    expect(fieldsOf([
      control('n', ' 90 ', { type: 'int' }), control('hold', 'on', { type: 'bool', checked: true }),
      control('seconds', '{"a":1}', { type: 'json' }), control('languages[]', 'en'), control('languages[]', ''),
      control('languages[]', 'RU\n\n pt-br \r\nno tag', { type: 'tags' }),
      control('start', '2021-12-07T10:00', { type: 'time', zone: 'America/New_York' }),
    ])).toEqual({ n: 90, hold: true, seconds: { a: 1 }, languages: ['en', 'ru', 'pt-BR', 'no tag'], start: '2021-12-07T15:00:00Z' });
  });
  test('what is empty and not required stays absent; boxes not ticked too', () => {
    expect(fieldsOf([
      control('reason', ' '), control('text.en', '', { required: true }), control('powers[]', 'sign', { checked: false }),
      control('powers[]', 'speak', { checked: true }), control('hold', '', { type: 'bool', checked: false }),
    ])).toEqual({ text: { en: '' }, powers: ['speak'], hold: false });
  });
  test('a row of which nothing is filled in is no row; no box ticked is an empty list', () => {
    const row = (at: number, side: string, text: string) => [
      control(`undertakings.${at}.by`, side, { hidden: true }), control(`undertakings.${at}.text.en`, text),
    ];
    expect(fieldsOf([...row(0, 'A', 'We notify.'), ...row(1, 'B', ' '), ...row(2, 'B', '')])).toEqual({
      undertakings: [{ by: 'A', text: { en: 'We notify.' } }],
    });
    const box = (checked: boolean) => control('delegates[]', 'd', { checked });
    expect(fieldsOf([box(false), box(false)])).toEqual({ delegates: [] });
  });
  test('clauses make one text in each language, and stand in every one of them', () => {
    const clause = (n: number, en: string, ar: string) => [control(`clauses.${n}.en`, en), control(`clauses.${n}.ar`, ar)];
    expect(fieldsOf([...clause(0, 'One.', 'واحد.'), ...clause(1, ' ', ''), ...clause(10, 'Three.\r\n \r\nFour.', 'ثلاثة.\n\nأربعة.'), ...clause(2, 'Two.', 'اثنان.')]))
      .toEqual({ body: { en: 'One.\n\nTwo.\n\nThree.\n\nFour.', ar: 'واحد.\n\nاثنان.\n\nثلاثة.\n\nأربعة.' } });
    expect(fieldsOf([control('clauses.0.en', 'One.')])).toEqual({ body: { en: 'One.' } });
    for (const [n, ar] of [[1, ''], [2, 'واحد.']] as const) {
      try {
        fieldsOf([...clause(0, 'One.', 'واحد.'), ...clause(n, 'Two.\n\nThree.', ar)]);
        expect.unreachable();
      } catch (error) {
        expect((error as Malformed).field).toBe(`clauses.${n}.ar`);
      }
    }
  });
  test('selected words are put in brackets as ours; with none selected one types on in them', () => {
    expect(bracketed('within ten days', 7, 11, 'Side A')).toEqual({ text: 'within [Side A: ten] days', caret: 20 });
    expect(bracketed('within  days', 7, 7, 'Side A')).toEqual({ text: 'within [Side A: ] days', caret: 16 });
  });
  test('bad input is malformed, and a hostile name pollutes nothing', () => {
    expect(() => fieldsOf([control('n', '1.5', { type: 'int' })])).toThrow(Malformed);
    expect(() => fieldsOf([control('n', '{', { type: 'json' })])).toThrow(Malformed);
    expect(() => fieldsOf([control('n', 'soon', { type: 'time' })])).toThrow(Malformed);
    fieldsOf([control('__proto__.x', '1'), control('constructor.prototype.y', '1')]);
    expect(({} as Record<string, unknown>)['x'] ?? ({} as Record<string, unknown>)['y']).toBeUndefined();
  });
  test('local times over a change of the clocks', () => {
    expect(utcOf('2021-06-16T13:30', 'Europe/Zurich')).toBe('2021-06-16T11:30:00Z');
    expect(utcOf('2021-03-28T03:30', 'Europe/Zurich')).toBe('2021-03-28T01:30:00Z');
    expect(utcOf('2021-12-07T18:00', 'Europe/Moscow')).toBe('2021-12-07T15:00:00Z');
  });
});

describe('a draft must say what was asked', () => {
  const content = (commitment: string, language: string, text: string) => ({ commitment, salt: '', language, text });
  const asked = { talk: 't1', title: { en: 'Tension' }, start: '2021-12-07T10:00:00-05:00', minutes: 90, mode: 'video' };
  const act = {
    type: 'talk.propose', talk: 't1', base: null, title: [['en', 'c1']], start: '2021-12-07T15:00:00Z', minutes: 90,
    mode: 'video', place: [], zones: {},
  };
  const contents = [content('c1', 'en', 'Tension')];

  test('it does', () => {
    expect(() => fits('talks.propose', asked, act, contents)).not.toThrow();
    expect(() => fits('talks.accept', { talk: 't', hash: 'h' }, { type: 'talk.accept', talk: 't', hash: 'h' }, [])).not.toThrow();
  });
  test.each([
    ['another act', { ...act, type: 'dialogue.end' }, contents],
    ['another number', { ...act, minutes: 91 }, contents],
    ['another time', { ...act, start: '2021-12-07T16:00:00Z' }, contents],
    ['another text', act, [content('c1', 'en', 'Peace')]],
    ['no text', act, []],
    ['a text beside', act, [...contents, content('c2', 'en', 'More')]],
  ])('it does not: %s', (_why, drafted, texts) => {
    expect(() => fits('talks.propose', asked, drafted, texts)).toThrow(Untrusted);
  });
  test('another hash is another consent', () => {
    const consent = { type: 'understanding.sign', understanding: 'u', hash: 'other' };
    expect(() => fits('understandings.sign', { understanding: 'u', hash: 'h' }, consent, [])).toThrow(Untrusted);
  });
  test('a list may not be cut or reordered', () => {
    const fields = { talk: 't', items: ['a', 'b'] };
    expect(() => fits('talks.rank', fields, { type: 'agenda.rank', talk: 't', items: ['a', 'b'] }, [])).not.toThrow();
    expect(() => fits('talks.rank', fields, { type: 'agenda.rank', talk: 't', items: ['b', 'a'] }, [])).toThrow(Untrusted);
    expect(() => fits('talks.rank', fields, { type: 'agenda.rank', talk: 't', items: ['a'] }, [])).toThrow(Untrusted);
  });
  test('a device key is admitted as what it is, and no other', () => {
    const admits = (more: object) => ({ type: 'side.admit', credential: 'k', passkey: null, delegate: 'd', name: null, ...more });
    const check = (act: object) => () => fits('dialogue.admit-device', { key: 'k' }, act as never, []);
    expect(check(admits({}))).not.toThrow();
    expect(check(admits({ credential: 'other', name: 'k' }))).toThrow(Untrusted);
    expect(check(admits({ passkey: { id: 'x' } }))).toThrow(Untrusted);
  });
  test('a move is to the key that was asked for, and to no other', () => {
    const asked = { log_key: 'k'.repeat(43), address: 'https://new.example' };
    const drafted = (log_key: string) => () => fits('dialogue.move', asked, { type: 'side.rotate-key', log_key }, []);
    expect(drafted(asked.log_key)).not.toThrow();
    expect(drafted('n'.repeat(43))).toThrow(Untrusted);
  });
  test('an unknown command is never signed', () => {
    expect(() => fits('node.own', {}, { type: 'anything' }, [])).toThrow(Untrusted);
  });
});

test('a device key signs what the specification marks D, within the powers that a delegate may give it', () => {
  const spec = readFileSync(new URL('../../docs/spec/record.md', import.meta.url), 'utf8');
  const rows = spec.split('\n').filter(line => /^\| `[a-z]+\.[a-z-]+`/.test(line)).map(line => line.split(' | '));
  const acts = rows.filter(([, , power = '', proof = '']) => /^D\b/.test(proof) && ['schedule', 'speak', '–'].includes(power));
  const marked = new Set(acts.flatMap(([names = '']) => [...names.matchAll(/`([a-z]+\.[a-z-]+)`/g)].map(match => match[1])));
  const commands = Object.entries(ACTS).filter(([, types]) => types.every(type => marked.has(type))).map(([name]) => name);
  expect(marked.size).toBeGreaterThan(10);
  // What a paper shows is never taken back: a person reads it and signs by the passkey.
  expect(commands.filter(each => each !== 'talks.give-paper').sort()).toEqual([...DEVICE_COMMANDS].sort());
});

test('the watch says what is not as the node said', () => {
  expect(verdict({ said: 'entered', leaf: 'l' }, 'l')).toBeNull();
  expect(verdict({ said: 'entered', leaf: 'l' }, undefined)).toBe('watch.missing');
  expect(verdict({ said: 'entered', leaf: 'l' }, 'm')).toBe('watch.changed');
  expect(verdict({ said: 'nothing' }, undefined)).toBe('watch.held');
  expect(verdict({ said: 'refused' }, undefined)).toBeNull();
  for (const said of ['nothing', 'refused'] as const) expect(verdict({ said }, 'l')).toBe('watch.later');
});

test('every language has every word, with the same places to fill', () => {
  const places = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  const { en } = tables as { en: Record<string, string> };
  for (const language of languages) {
    for (const [word, text] of Object.entries(tables[language] ?? {})) {
      expect(text.length, `${language} ${word}`).toBeGreaterThan(0);
      expect([...new Set(places(text))], `${language} ${word}`).toEqual([...new Set(places(en[word] ?? ''))]);
    }
  }
});

import { describe, expect, test } from 'vitest';

import { toText, utf8 } from '../src/bytes';
import { type Answer, Mismatch, readFragment, recompute } from '../src/check/recompute';
import { encode } from '../src/record/canonical';
import { digest } from '../src/record/digest';
import { challenge, dialogueId, readFounding, readSigned } from '../src/record/entry';
import { checkLink } from '../src/signing/elsewhere';
import { vector } from './vectors';

const SALT = toText(new Uint8Array(32));

/** A draft of a signature under a text of one language, as the node gives it; and its hash. */
async function drafted(): Promise<{ answer: Answer; hash: string }> {
  const [statement, other] = vector('record/founding').foundings;
  const [one, two] = await Promise.all([statement, other].map(readFounding));
  if (!one || !two) throw new Error('two sides');
  const text = 'The sides notify each other.';
  const commitment = toText(await digest('content', new Uint8Array(32), utf8(text)));
  const subject = { slot: 'text/u', base: null, kind: 'understanding', body: { title: [['en', commitment]] } };
  const act = { type: 'understanding.sign', understanding: 'u', hash: toText(await digest('subject', encode(subject))) };
  const signed = {
    ...vector('record/entry').signed, dialogue: await dialogueId(one.side, two.side), side: one.side, act,
  };
  const answer: Answer = {
    signed, foundings: [statement, other], subject: subject as never, contents: [{ commitment, salt: SALT, language: 'en', text }],
  };
  return { answer, hash: toText(await challenge(readSigned(signed))) };
}

describe('a draft on a second device', () => {
  test('the hash, the sides and every text come out the same', async () => {
    const { answer, hash } = await drafted();
    const checked = await recompute(answer, hash);
    expect(checked.hash).toBe(hash);
    expect(checked.closed).toBe(false);
    expect([...checked.texts.values()].map(({ text }) => text)).toEqual(['The sides notify each other.']);
  });
  test('what an act names and this device was not given is said', async () => {
    const { answer, hash } = await drafted();
    expect((await recompute({ ...answer, subject: null, contents: [] }, hash)).closed).toBe(true);
  });
  const flawed: [string, string, (answer: Answer) => Answer][] = [
    ['another act', 'hash', a => ({ ...a, signed: { ...(a.signed as object), act: { type: 'dialogue.end', reason: null } } })],
    ['another nonce', 'hash', a => ({ ...a, signed: { ...(a.signed as object), nonce: 'AAAAAAAAAAAAAAAAAAAAAg' } })],
    ['another subject', 'subject', a => ({ ...a, subject: { ...a.subject, kind: 'guarantee' } })],
    ['another text', 'text', a => ({ ...a, contents: a.contents.map(c => ({ ...c, text: 'Peace' })) })],
    ['a text beside', 'text', a => ({ ...a, subject: null })],
    ['another side', 'side', a => ({ ...a, foundings: a.foundings.map(f => ({ ...(f as object), nonce: 'AAAAAAAAAAAAAAAAAAAAAw' })) })],
  ];
  test.each(flawed)('%s is a mismatch', async (_why, what, flaw) => {
    const { answer, hash } = await drafted();
    const found = await recompute(flaw(answer), hash).catch((error: unknown) => error);
    expect(found).toBeInstanceOf(Mismatch);
    expect((found as Mismatch).what).toBe(what);
  });
  test('the link says the draft and the hash in its fragment, and nothing else is taken for one', async () => {
    const { hash } = await drafted();
    const link = new URL(checkLink('https://talks.example', 'abcdefghijklmnop', hash));
    expect(link.pathname + link.search).toBe('/check');
    expect(readFragment(link.hash)).toEqual({ check: 'abcdefghijklmnop', hash });
    for (const bad of ['', '#', '#a.b', `#${hash}`, `#abcdefghijklmnop.${hash}x`, `#<script>.${hash}`]) expect(readFragment(bad)).toBeNull();
  });
});

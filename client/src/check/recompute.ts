/** What another device is about to sign, recomputed here from what the node gave: nothing that a page drew is believed.
 *
 * Lives here: `recompute`, `Mismatch`, `readFragment`. Pure but for WebCrypto.
 * Not here: showing it (`page`), asking for it (`page`), the code that leads here (`../signing/elsewhere`).
 * Spec: docs/spec/http.md §3, docs/spec/record.md §§2, 5.1, 11.
 */

import { toText } from '../bytes';
import { Malformed, Untrusted } from '../errors';
import { type Json, type JsonObject, encode } from '../record/canonical';
import { type Content, opens } from '../record/content';
import { digest } from '../record/digest';
import { type Founding, type Signed, challenge, dialogueId, readFounding, readSigned } from '../record/entry';

/** The node's answer. subject: what the act names by its hash, as {slot, base, kind, body}. names: what the node calls
 * an id, as [language, words] each. */
export interface Answer {
  readonly signed: unknown;
  readonly foundings: readonly unknown[];
  readonly subject: JsonObject | null;
  readonly contents: readonly Content[];
  readonly names?: Names;
}

/** Id → [language, words], … Nothing of it is checked: no signature covers what a thing is called. */
export type Names = { readonly [id: string]: readonly (readonly [language: string, words: string])[] };

/** hash: of the signed members. sides: both; ours: the one that signs. subject: what the act's hash names, or null:
 * the act names none, or it was not given. texts: by commitment; each opens. closed: whether the act names a subject
 * that was not given. names: the node's word. */
export interface Checked {
  readonly signed: Signed;
  readonly hash: string;
  readonly sides: readonly Founding[];
  readonly ours: Founding;
  readonly subject: JsonObject | null;
  readonly texts: ReadonlyMap<string, Content>;
  readonly closed: boolean;
  readonly names: Names;
}

/** What does not come out as it was said. found: what this device computes, where that is a hash. */
export class Mismatch extends Untrusted {
  constructor(readonly what: 'hash' | 'subject' | 'text' | 'side', readonly found = '') {
    super(`the ${what} is another`);
  }
}

/** The link's fragment, "#<check>.<hash>"; null if it is none. */
export function readFragment(fragment: string): { readonly check: string; readonly hash: string } | null {
  const match = /^#([A-Za-z0-9_-]{16,64})\.([A-Za-z0-9_-]{43})$/.exec(fragment);
  return match ? { check: match[1] as string, hash: match[2] as string } : null;
}

/** Recompute everything in `answer`; due: the hash on the other screen. Raises `Mismatch`, `Malformed`. */
export async function recompute({ signed: given, foundings, subject, contents, names = {} }: Answer, due: string): Promise<Checked> {
  const signed = readSigned(given);
  const hash = toText(await challenge(signed));
  if (hash !== due) throw new Mismatch('hash', hash);
  const [one, other] = await Promise.all(foundings.map(readFounding));
  if (!one || !other || foundings.length !== 2) throw new Malformed('two founding statements are due');
  const ours = [one, other].find(({ side }) => side === signed.side);
  if (!ours || await dialogueId(one.side, other.side) !== signed.dialogue) throw new Mismatch('side');
  const named = signed.act['hash'];
  if (subject !== null) {
    const found = toText(await digest('subject', encode(subject)));
    if (found !== named) throw new Mismatch('subject', found);
  }
  const said = new Set([...strings(signed.act), ...strings(subject)]);
  for (const content of contents) {
    try {
      await opens(content);
    } catch (error) {
      if (error instanceof Untrusted) throw new Mismatch('text', content.commitment);
      throw error;
    }
    if (!said.has(content.commitment)) throw new Mismatch('text', content.commitment);
  }
  return {
    signed, hash, sides: [one, other], ours, subject, texts: new Map(contents.map(each => [each.commitment, each])),
    names, closed: typeof named === 'string' && subject === null && signed.act.type !== 'content.receive',
  };
}

/** Every string in a JSON value. */
function strings(value: Json | undefined): string[] {
  if (typeof value === 'string') return [value];
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(strings) : [];
}

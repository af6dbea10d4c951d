/** Commitments to contents that lie beside the log. Spec: docs/spec/record.md §11. */

import { fromText, toText, utf8 } from '../bytes';
import { Untrusted } from '../errors';
import type { Json, JsonObject } from './canonical';
import { digest, isHash } from './digest';

export interface Content {
  readonly commitment: string;
  readonly salt: string;
  readonly language: string;
  readonly text: string;
}

/** Members that hold one commitment by themselves, where they hold a string. */
const ALONE = new Set(['name', 'initials', 'reason', 'title', 'text', 'dateline']);

/** What an act commits to: pairs [language, commitment] in a list, and the members that hold one by themselves. */
export function committed(act: JsonObject): string[] {
  return act['type'] === 'side.found' ? [] : [...within(act)];
}

function* within(value: Json): Generator<string> {
  if (Array.isArray(value)) {
    for (const member of value as readonly Json[]) {
      if (!isPair(member)) yield* within(member);
      else if (isHash(member[1])) yield member[1];
    }
  } else if (value !== null && typeof value === 'object') {
    for (const [name, member] of Object.entries(value as JsonObject)) {
      if (typeof member !== 'string') yield* within(member);
      else if (ALONE.has(name) && isHash(member)) yield member;
    }
  }
}

function isPair(value: Json): value is readonly [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every(part => typeof part === 'string');
}

/** Check that a content is what its commitment says: H("content", salt, text), salt of exactly 32 bytes. */
export async function opens(content: Content): Promise<void> {
  const salt = fromText(content.salt, 32, 'salt');
  if (toText(await digest('content', salt, utf8(content.text))) !== content.commitment) {
    throw new Untrusted('a text is not the one that its commitment names');
  }
}

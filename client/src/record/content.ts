/** Commitments to contents that lie beside the log. Spec: docs/spec/record.md §6. */

import { fromText, toText, utf8 } from '../bytes';
import { Untrusted } from '../errors';
import { digest } from './digest';

export interface Content {
  readonly commitment: string;
  readonly salt: string;
  readonly language: string;
  readonly text: string;
}

/** Check that a content is what its commitment says: H("content", salt, text), salt of exactly 32 bytes. */
export async function opens(content: Content): Promise<void> {
  const salt = fromText(content.salt, 32, 'salt');
  if (toText(await digest('content', salt, utf8(content.text))) !== content.commitment) {
    throw new Untrusted('a text is not the one that its commitment names');
  }
}

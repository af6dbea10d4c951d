/** One act, from a command to the log: draft, check, show, sign, enter.
 *
 * Lives here: `prepare` and `enter`. Not here: forms and the dialog (`forms`, `dialog`).
 * Spec: docs/spec/http.md §3.
 */

import { type Draft, request } from '../api';
import { toText } from '../bytes';
import { Untrusted } from '../errors';
import { opens } from '../record/content';
import { type Signed, challenge, readSigned } from '../record/entry';
import { inBrowser } from '../record/pins';
import { fits } from './fits';
import { current, sign } from './keys';

/** A draft that was checked and may be signed. */
export interface Prepared {
  readonly dialogue: string;
  readonly draft: Draft;
  readonly signed: Signed;
  readonly keys: CryptoKeyPair;
}

export interface Entered {
  readonly side: string;
  readonly seq: number;
  readonly leaf: string;
}

/** Have the node draft a command, and check that the draft is what was asked. Nothing is signed yet. */
export async function prepare(
  dialogue: string,
  command: string,
  fields: Readonly<Record<string, unknown>>,
): Promise<Prepared> {
  const { session, credential } = await current();
  const path = `/api/dialogues/${encodeURIComponent(dialogue)}/drafts`;
  const draft = await request<Draft>('POST', path, { command, fields });
  const signed = readSigned(draft.signed);
  if (signed.dialogue !== dialogue) throw new Untrusted('the draft is of another dialogue');
  if (session.side !== null && signed.side !== session.side) throw new Untrusted('the draft is of another side');
  if (signed.delegate !== session.delegate || signed.credential !== credential.id) {
    throw new Untrusted('the draft is in the name of somebody else');
  }
  const pin = await inBrowser.get(`${dialogue}/${signed.side}`);
  if (pin && signed.own.size < pin.size) throw new Untrusted('the node shows an older log than this browser has seen');
  fits(command, fields, signed.act, draft.contents);
  await Promise.all(draft.contents.map(opens));
  if (toText(await challenge(signed)) !== draft.hash) throw new Untrusted('the draft has another hash than it says');
  return { dialogue, draft, signed, keys: credential.keys };
}

/** Sign a prepared draft and have it entered in the side's log. */
export async function enter(prepared: Prepared): Promise<Entered> {
  const sig = toText(await sign(prepared.keys, await challenge(prepared.signed)));
  const path = `/api/dialogues/${encodeURIComponent(prepared.dialogue)}/entries`;
  return request<Entered>('POST', path, { draft: prepared.draft.draft, proof: { type: 'ed25519', sig } });
}

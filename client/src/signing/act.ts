/** One act, from a command to the log: draft, check, show, sign, enter.
 *
 * Lives here: `prepare` and `enter`. Not here: forms, reading a draft, the dialog (`forms`, `reading`, `dialog`).
 * Spec: docs/spec/http.md §3.
 */

import { type Draft, type SessionAnswer, request } from '../api';
import { toText } from '../bytes';
import { Refused, Untrusted } from '../errors';
import type { JsonObject } from '../record/canonical';
import { opens } from '../record/content';
import { type Signed, challenge, readSigned } from '../record/entry';
import { inBrowser } from '../record/pins';
import { DEVICE_COMMANDS, type DeviceKey, acting, proveByDevice } from './device';
import { fits } from './fits';
import { current, prove } from './keys';
import { t } from '../words';
import * as watch from './watch';

/** A draft that was checked and may be signed. asked: for what; device: this device's key, if it is to sign; else the
 * passkey does. */
export interface Prepared {
  readonly dialogue: string;
  readonly asked: { readonly command: string; readonly fields: JsonObject };
  readonly draft: Draft;
  readonly signed: Signed;
  readonly device: DeviceKey | undefined;
}

export interface Entered {
  readonly side: string;
  readonly seq: number;
  readonly leaf: string;
}

/** The refusal of a word that was said anew since the form was opened. */
export const CHANGED = 'changed-meanwhile';

type Fields = Readonly<Record<string, unknown>>;

/** Have the node draft a command, and check that the draft is what was asked. Nothing is signed yet.
 *
 * seen: the version of our side's word that the form was opened on; another by now is refused.
 */
export async function prepare(dialogue: string, command: string, fields: Fields, seen?: number): Promise<Prepared> {
  const session = await current();
  const { delegate } = document.body.dataset;
  if (delegate !== undefined && delegate !== session.delegate) throw new Untrusted(t('fits.other-tab'));
  const { draft, device } = await drafted(dialogue, { command, fields, ...(seen === undefined ? {} : { seen }) }, session);
  const signed = readSigned(draft.signed);
  if (signed.dialogue !== dialogue) throw new Untrusted(t('fits.dialogue'));
  if (session.side !== null && signed.side !== session.side) throw new Untrusted(t('fits.side'));
  if (signed.delegate !== session.delegate || signed.credential !== (device?.id ?? session.credential)) {
    throw new Untrusted(t('fits.somebody'));
  }
  const pin = await inBrowser.get(`${dialogue}/${signed.side}`);
  if (pin && signed.own.size < pin.size) throw new Untrusted(t('fits.older'));
  fits(command, fields, signed.act, draft.contents);
  await Promise.all(draft.contents.map(opens));
  if (toText(await challenge(signed)) !== draft.hash) throw new Untrusted(t('fits.hash'));
  return { dialogue, asked: { command, fields: fields as JsonObject }, draft, signed, device };
}

/** A draft in the name of this device's key, where that may act; else in the passkey's. */
async function drafted(
  dialogue: string, asked: Fields & { readonly command: string }, { credential }: SessionAnswer,
): Promise<{ draft: Draft; device: DeviceKey | undefined }> {
  const path = `/api/dialogues/${encodeURIComponent(dialogue)}/drafts`;
  const device = DEVICE_COMMANDS.has(asked.command) ? await acting(credential) : undefined;
  if (device) {
    try {
      return { draft: await request<Draft>('POST', path, { ...asked, device: device.id }), device };
    } catch (error) {
      // It was ended, or has not the power: the passkey may still do it, or the node says again why not.
      if (!(error instanceof Refused) || error.status === 401 || error.code === CHANGED) throw error;
    }
  }
  return { draft: await request<Draft>('POST', path, asked), device: undefined };
}

/** Have a prepared draft signed, and the node enter it in the side's log. */
export async function enter(prepared: Prepared): Promise<Entered> {
  const { dialogue, draft, signed, device } = prepared;
  const signs = await challenge(signed);
  const proof = device ? await proveByDevice(device, signs) : await prove(signed.credential, signs);
  const path = `/api/dialogues/${encodeURIComponent(dialogue)}/entries`;
  return watch.over(signed, () => request<Entered>('POST', path, { draft: draft.draft, proof }));
}

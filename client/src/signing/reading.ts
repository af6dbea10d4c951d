/** What a prepared draft says, recomputed from its bytes: what a person reads before their passkey signs it.
 *
 * Lives here: `read`. Not here: recomputing (`../check/recompute`, as on a second device), showing it (`dialog`).
 * Spec: docs/spec/http.md §3.
 */

import { request } from '../api';
import { type Answer, type Checked, Mismatch, recompute } from '../check/recompute';
import { Untrusted } from '../errors';
import { t } from '../words';
import type { Prepared } from './act';

/** Raises `Untrusted` where the node gives another subject or other texts than the act names. */
export async function read({ draft }: Prepared): Promise<Checked> {
  const answer = await request<Answer>('POST', '/api/checks', { check: draft.check });
  try {
    return await recompute(answer, draft.hash);
  } catch (error) {
    throw error instanceof Mismatch ? new Untrusted(t(`fits.${error.what}`)) : error;
  }
}

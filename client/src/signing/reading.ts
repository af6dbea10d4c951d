/** What a prepared draft says, recomputed from its bytes: what a person reads before their passkey signs it.
 *
 * Lives here: `read`. Not here: recomputing (`../check/recompute`, as on a second device), showing it (`dialog`).
 * Spec: docs/spec/http.md §3.
 *
 * It raises nothing: this is a part of the bundle of its own (`consenting`), and so are its classes of errors.
 */

import { type Answer, type Checked, Mismatch, recompute } from '../check/recompute';

/** differs: which part of the node's answer is another than the draft says. unread: why it cannot be read. */
export type Read =
  | { readonly checked: Checked }
  | { readonly differs: Mismatch['what'] }
  | { readonly unread: string };

/** answer: the node's, of `/api/checks`; due: the draft's hash. */
export async function read(answer: Answer, due: string): Promise<Read> {
  try {
    return { checked: await recompute(answer, due) };
  } catch (error) {
    return error instanceof Mismatch ? { differs: error.what } : { unread: String(error) };
  }
}

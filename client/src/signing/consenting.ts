/** The dialog's part of the bundle, fetched when somebody is about to sign: its words in five languages are no page's weight.
 *
 * Lives here: `consenting`. Not here: the part itself (`../consent`).
 */

/** Its address, set when the bundle is built (`build.mjs`). */
declare const CONSENT_ADDRESS: string;

export function consenting(): Promise<typeof import('../consent')> {
  return import(CONSENT_ADDRESS) as Promise<typeof import('../consent')>;
}

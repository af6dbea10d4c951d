/** A page of the node, fetched beside the one that is shown.
 *
 * Lives here: `pageAt`. Not here: what is taken from it (`live`, `entries`, `call/drawers`).
 */

export interface Fetched {
  /** whole: a page. ended: the session has. refused: the page says why. */
  readonly how: 'whole' | 'ended' | 'refused';
  /** The node sent us on, to `at`. */
  readonly redirected: boolean;
  readonly at: URL;
  readonly page: Document;
}

/** What the node answers at an address, to `body` if a form is sent there; undefined: nothing. */
export async function pageAt(address: string | URL, body?: BodyInit): Promise<Fetched | undefined> {
  const headers = { Accept: 'text/html' };
  try {
    const response = await fetch(address, body === undefined ? { headers } : { method: 'POST', headers, body });
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    const { redirected, ok, status, url } = response;
    const how = ok ? 'whole' : status === 401 ? 'ended' : 'refused';
    return { how, redirected, at: new URL(url), page };
  } catch {
    return undefined;
  }
}

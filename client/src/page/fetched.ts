/** A page of the node, fetched beside the one that is shown.
 *
 * Lives here: `pageAt`. Not here: what is taken from it (`live`, `entries`, `call/drawers`).
 */

export interface Fetched {
  /** whole: as asked for. redirected: another page, at `at`. ended: the session has. refused: the page says why. */
  readonly how: 'whole' | 'redirected' | 'ended' | 'refused';
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
    const how = redirected ? 'redirected' : ok ? 'whole' : status === 401 ? 'ended' : 'refused';
    return { how, at: new URL(url), page };
  } catch {
    return undefined;
  }
}

/** The page of the second device: what is about to be signed, in words, and its hash.
 *
 * Lives here: `listen`. Not here: what is computed (`recompute`), laying it out (`described`), the words (`words`).
 *
 * Everything is set as text, never as markup. What does not come out as it was said is an alert, and then nothing else
 * is shown.
 */

import { request } from '../api';
import { Malformed, Refused, Unreachable } from '../errors';
import { shortOf } from '../signing/short';
import { described, element } from './described';
import { type Answer, type Checked, Mismatch, readFragment, recompute } from './recompute';
import { effectsOf, titleOf } from './sayings';
import { w } from './words';

export function listen(): void {
  const place = document.querySelector<HTMLElement>('[data-check]');
  if (!place) return;
  const look = (): void => {
    // Another language is another address: what opens the draft goes along.
    for (const link of Array.from(document.querySelectorAll<HTMLAnchorElement>('.langs a'))) link.hash = location.hash;
    void run(place);
  };
  window.addEventListener('hashchange', look);
  look();
}

async function run(place: HTMLElement): Promise<void> {
  const asked = readFragment(location.hash);
  if (!asked) return finish(place, 'none', [element('p', 'empty', w('no-code'))]);
  finish(place, 'looking', [element('p', 'quiet', w('looking'))]);
  try {
    const answer = await request<Answer>('POST', '/api/checks', { check: asked.check });
    finish(place, 'same', shown(await recompute(answer, asked.hash)));
  } catch (error) {
    finish(place, error instanceof Refused ? 'gone' : 'differs', failed(error, asked.hash));
  }
}

/** What is there to be seen now. data-check: for tests, and for the look of it. */
function finish(place: HTMLElement, state: string, parts: readonly Node[]): void {
  place.dataset['check'] = state;
  place.replaceChildren(...parts);
}

function failed(error: unknown, due: string): Node[] {
  if (error instanceof Refused) return [element('p', 'notice', error.code === 'draft-gone' ? w('gone') : error.message)];
  if (error instanceof Unreachable) return [element('p', 'notice', w('unreachable'))];
  const notice = element('div', 'notice is-halt');
  notice.setAttribute('role', 'alert');
  const title = element('h2', '', w('differs'));
  notice.append(title);
  if (error instanceof Mismatch) {
    notice.append(element('p', '', w(`differs-${error.what}`)));
    if (error.what === 'hash') notice.append(hashLine(w('theirs'), due), hashLine(w('here'), error.found));
  } else notice.append(element('p', '', w('differs-form', { why: error instanceof Malformed ? error.message : String(error) })));
  notice.append(element('p', '', w('do-not')));
  return [notice];
}

function shown(checked: Checked): Node[] {
  const { signed, hash } = checked;
  const big = element('p', 'check-hash');
  const code = element('code', 'hash', shortOf(hash));
  code.title = hash;
  big.append(code);
  const same = element('section', 'stack');
  same.append(element('h2', '', w('same')), big, element('p', '', w('compare')));
  const act = element('section', 'stack');
  act.append(element('p', 'tiny', w('says')), element('h2', '', titleOf(signed.act)));
  for (const effect of effectsOf(signed.act)) act.append(element('p', '', effect));
  act.append(described(checked));
  return [same, act];
}

/** The whole hash: two that differ may begin alike. */
function hashLine(words: string, hash: string): HTMLElement {
  const line = element('p', '', `${words}: `);
  line.append(element('code', 'hash', hash));
  return line;
}

/** Does the own side's log show what was signed? A node could say so and not do it, or keep a signature for later.
 *
 * Lives here: `over`, which writes down what leaves this browser signed; `listen`, which warns on the page.
 * Not here: whether the log is the one that the other side sees (`record/logs`).
 * Spec: docs/spec/record.md §15.
 */

import { type LogPage, request } from '../api';
import { fromText, toText } from '../bytes';
import { Malformed, Refused } from '../errors';
import { type Signed, readLeaf } from '../record/entry';
import { leafHash } from '../record/merkle';
import * as store from '../store';
import { type Word, t } from '../words';
import type { Entered } from './act';

const LIFE_MS = 30 * 24 * 3_600_000;

/** said: what the node answered. "nothing": no answer came. leaf: the entry's hash, as the node gave it. */
interface Watched {
  readonly dialogue: string;
  readonly side: string;
  readonly nonce: string;
  readonly title: string;
  readonly from: number;
  readonly at: number;
  readonly said: 'entered' | 'refused' | 'nothing';
  readonly leaf?: string;
}

/** Send what was signed. What is sent is written down first, and what the node says of it after. */
export async function over(signed: Signed, title: string, send: () => Promise<Entered>): Promise<Entered> {
  const { dialogue, side, nonce, own } = signed;
  const watched: Watched = { dialogue, side, nonce, title, from: own.size, at: Date.now(), said: 'nothing' };
  await store.put('watched', nonce, watched);
  try {
    const entered = await send();
    await store.put('watched', nonce, { ...watched, said: 'entered', leaf: entered.leaf } satisfies Watched);
    return entered;
  } catch (error) {
    if (error instanceof Refused) await store.put('watched', nonce, { ...watched, said: 'refused' } satisfies Watched);
    throw error;
  }
}

export function listen(): void {
  const main = document.querySelector<HTMLElement>('main[data-dialogue]');
  if (!main) return;
  // Without an answer nothing is known; the next page looks again.
  const again = (): void => void look(main).catch(() => undefined);
  document.addEventListener('visavis:entered', again);
  again();
}

/** Look for everything that was signed in this dialogue, and say on the page what is not as the node said. */
async function look(main: HTMLElement): Promise<void> {
  const { dialogue } = main.dataset;
  const due = (await store.all<Watched>('watched')).filter(each => each.dialogue === dialogue);
  for (const side of new Set(due.map(each => each.side))) {
    const own = due.filter(each => each.side === side);
    const seen = await nonces(dialogue as string, side, Math.min(...own.map(each => each.from)));
    for (const each of own) {
      const word = verdict(each, seen.get(each.nonce));
      if (word) warn(main, t(word, { title: each.title }));
      if (seen.has(each.nonce) || each.at + LIFE_MS < Date.now()) await store.remove('watched', each.nonce);
    }
  }
}

/** What there is to say of an entry. leaf: its hash in the log, if it is there. */
export function verdict({ said, leaf }: Pick<Watched, 'said' | 'leaf'>, found: string | undefined): Word | null {
  if (found === undefined) return { entered: 'watch.missing', nothing: 'watch.held', refused: null }[said] as Word | null;
  if (said !== 'entered') return 'watch.later';
  return found === leaf ? null : 'watch.changed';
}

async function nonces(dialogue: string, side: string, from: number): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let at = from; ;) {
    const path = `/api/dialogues/${encodeURIComponent(dialogue)}/logs/${encodeURIComponent(side)}?from=${at}`;
    const page = await request<LogPage>('GET', path);
    for (const text of page.leaves) {
      try {
        const leaf = fromText(text);
        found.set(readLeaf(leaf).signed.nonce, toText(await leafHash(leaf)));
      } catch (error) {
        if (!(error instanceof Malformed)) throw error;
      }
    }
    at += page.leaves.length;
    if (page.leaves.length === 0 || at >= page.size) return found;
  }
}

function warn(main: HTMLElement, words: string): void {
  if (Array.from(main.querySelectorAll('[data-watch]')).some(each => each.textContent === words)) return;
  const notice = document.createElement('p');
  notice.className = 'notice narrow';
  notice.setAttribute('role', 'alert');
  notice.dataset['watch'] = '';
  notice.textContent = words;
  main.prepend(notice);
}

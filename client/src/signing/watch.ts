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
import { consenting } from './consenting';

const LIFE_MS = 30 * 24 * 3_600_000;

/** title: the act's type, of which its words are made when they are needed. said: what the node answered. "nothing": no
 * answer came. leaf: the entry's hash, as the node gave it. */
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
export async function over(signed: Signed, send: () => Promise<Entered>): Promise<Entered> {
  const { dialogue, side, nonce, own, act: { type: title } } = signed;
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
    const { seen, spent } = await nonces(dialogue as string, side, Math.min(...own.map(each => each.from)));
    for (const each of own) {
      const there = seen.get(each.nonce);
      const dead = there === undefined && spent.has(each.nonce);
      const word = dead ? null : verdict(each, there);
      if (word) {
        const { titleOf } = await consenting();
        warn(main, t(word, { title: titleOf({ type: each.title }) }), there === undefined ? spending(each) : null);
      }
      if (there !== undefined || dead || each.at + LIFE_MS < Date.now()) await store.remove('watched', each.nonce);
    }
  }
}

/** What there is to say of an entry. leaf: its hash in the log, if it is there. */
export function verdict({ said, leaf }: Pick<Watched, 'said' | 'leaf'>, found: string | undefined): Word | null {
  if (found === undefined) return { entered: 'watch.missing', nothing: 'watch.held', refused: null }[said] as Word | null;
  if (said !== 'entered') return 'watch.later';
  return found === leaf ? null : 'watch.changed';
}

/** The form that makes a signature worthless: what it signed is void if anybody enters it from there on. */
function spending({ dialogue, nonce }: Watched): HTMLFormElement {
  const form = document.createElement('form');
  form.className = 'signs is-bare stack';
  Object.assign(form.dataset, { command: 'record.spend', dialogue });
  const field = document.createElement('input');
  field.type = 'hidden';
  field.name = 'nonce';
  field.value = nonce;
  const why = document.createElement('p');
  why.className = 'small';
  why.textContent = t('watch.spend.how');
  const button = document.createElement('button');
  button.className = 'press is-second';
  button.type = 'submit';
  button.textContent = t('watch.spend');
  form.append(field, why, button);
  return form;
}

/** seen: nonce → its entry's hash. spent: nonces that are worthless now, of whomever. */
async function nonces(
  dialogue: string, side: string, from: number,
): Promise<{ readonly seen: Map<string, string>; readonly spent: Set<string> }> {
  const seen = new Map<string, string>();
  const spent = new Set<string>();
  for (let at = from; ;) {
    const path = `/api/dialogues/${encodeURIComponent(dialogue)}/logs/${encodeURIComponent(side)}?from=${at}`;
    const page = await request<LogPage>('GET', path);
    for (const text of page.leaves) {
      try {
        const leaf = fromText(text);
        const { nonce, act } = readLeaf(leaf).signed;
        seen.set(nonce, toText(await leafHash(leaf)));
        if (act.type === 'record.spend') spent.add(String(act['nonce']));
      } catch (error) {
        if (!(error instanceof Malformed)) throw error;
      }
    }
    at += page.leaves.length;
    if (page.leaves.length === 0 || at >= page.size) return { seen, spent };
  }
}

/** form: what can be done about it, or null. */
function warn(main: HTMLElement, words: string, form: HTMLFormElement | null): void {
  const said = Array.from(main.querySelectorAll('[data-watch] > p'));
  const nonce = form?.querySelector('input')?.value;
  if (said.some(each => each.textContent === words && each.parentElement?.querySelector('input')?.value === nonce)) return;
  const notice = document.createElement('div');
  notice.className = 'notice narrow';
  notice.setAttribute('role', 'alert');
  notice.dataset['watch'] = '';
  const line = document.createElement('p');
  line.textContent = words;
  notice.append(line);
  if (form) notice.append(form);
  main.prepend(notice);
}

/** The page of the second device: what is about to be signed, in words, and its hash.
 *
 * Lives here: `listen`. Not here: what is computed (`recompute`), the words (`words`).
 *
 * Everything is set as text, never as markup. What does not come out as it was said is an alert, and then nothing else
 * is shown.
 */

import { request } from '../api';
import { Malformed, Refused, Unreachable } from '../errors';
import type { Json, JsonObject } from '../record/canonical';
import type { Content } from '../record/content';
import type { Founding } from '../record/entry';
import { harmless } from '../harmless';
import { shortOf } from '../signing/short';
import { type Answer, type Checked, Mismatch, readFragment, recompute } from './recompute';
import { memberWord, w } from './words';

type Acts = Readonly<Record<string, string>>;

/** What ids and commitments stand for. */
interface Known {
  readonly texts: ReadonlyMap<string, Content>;
  readonly sides: readonly Founding[];
}

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
  const acts = JSON.parse(place.dataset['acts'] ?? '{}') as Acts;
  const asked = readFragment(location.hash);
  if (!asked) return finish(place, 'none', [element('p', 'empty', w('no-code'))]);
  finish(place, 'looking', [element('p', 'quiet', w('looking'))]);
  try {
    const answer = await request<Answer>('POST', '/api/checks', { check: asked.check });
    finish(place, 'same', shown(await recompute(answer, asked.hash), acts));
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

function shown(checked: Checked, acts: Acts): Node[] {
  const { signed, hash, ours, subject, closed } = checked;
  const { type, ...members } = signed.act;
  const big = element('p', 'check-hash');
  const code = element('code', 'hash', shortOf(hash));
  code.title = hash;
  big.append(code);
  const same = element('section', 'stack');
  same.append(element('h2', '', w('same')), big, element('p', '', w('compare')));
  const act = element('section', 'stack');
  const named = element('h2', '', acts[type] ?? type);
  act.append(element('p', 'tiny', w('says')), named);
  const whose = list([[w('side'), names(ours.names)]]);
  act.append(whose, definitions(members, checked));
  if (subject) {
    const { body } = subject;
    act.append(element('h3', '', w('agrees')), element('p', 'small', w('agrees-same')), definitions(body as JsonObject, checked));
  }
  if (closed) act.append(element('p', 'notice', w('closed')));
  return [same, act];
}

function names(of: { readonly [language: string]: string }): Node {
  const all = element('span');
  Object.entries(of).forEach(([language, name], at) => {
    const one = element('bdi', '', harmless(name));
    one.lang = language;
    all.append(at ? ' · ' : '', one);
  });
  return all;
}

/** An object's members, each under its word. */
function definitions(of: JsonObject, known: Known): HTMLElement {
  return list(Object.entries(of)
    .filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => [memberWord(name), said(value, known)]));
}

function list(pairs: readonly (readonly [string, Node])[]): HTMLElement {
  const made = element('dl', 'check-members');
  for (const [name, value] of pairs) {
    const dd = element('dd');
    dd.append(value);
    made.append(element('dt', '', name), dd);
  }
  return made;
}

/** One value in words: a text that its commitment opens to, a time, a list, or as the record spells it. */
function said(value: Json, known: Known): Node {
  if (typeof value === 'string') {
    const content = known.texts.get(value);
    if (content) return text(content);
    const side = known.sides.find(each => each.side === value);
    if (side) return names(side.names);
    if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value)) return element('span', '', time(value));
    const code = element('code', 'hash', value.length === 43 ? shortOf(value) : value);
    code.title = value;
    return code;
  }
  if (typeof value === 'number' || typeof value === 'boolean') {
    return element('span', '', value === true ? w('yes') : value === false ? w('no') : String(value));
  }
  if (Array.isArray(value)) {
    const [language, commitment] = value as Json[];
    if (value.length === 2 && typeof language === 'string' && typeof commitment === 'string' && commitment.length === 43) {
      const content = known.texts.get(commitment);
      return content ? text(content, language) : element('span', 'quiet', w('withheld', { language }));
    }
    const items = element('ul', 'check-list');
    for (const each of value) {
      const item = element('li');
      item.append(said(each, known));
      items.append(item);
    }
    return items;
  }
  return value === null ? element('span', '', '–') : definitions(value as JsonObject, known);
}

/** language: as the act has it, which is what is signed. */
function text(content: Content, language = ''): Node {
  const made = element('blockquote', 'sign-text', harmless(content.text));
  if (language) made.lang = language;
  made.dir = 'auto';
  return made;
}

function time(spelt: string): string {
  const { lang } = document.documentElement;
  return new Intl.DateTimeFormat(lang, { dateStyle: 'full', timeStyle: 'long', timeZone: 'UTC' }).format(new Date(spelt));
}

/** The whole hash: two that differ may begin alike. */
function hashLine(words: string, hash: string): HTMLElement {
  const line = element('p', '', `${words}: `);
  line.append(element('code', 'hash', hash));
  return line;
}

function element<K extends keyof HTMLElementTagNameMap>(name: K, className = '', words = ''): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (words) made.textContent = words;
  return made;
}

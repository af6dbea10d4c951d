/** What is about to be signed, laid out from the act's own bytes: on the first device's dialog and on the second device.
 *
 * Lives here: `described`. Not here: what was recomputed (`recompute`), the sentences (`sayings`), words for members (`words`).
 *
 * Everything is set as text, never as markup. A text stands here only if its commitment opens to it, a subject only if
 * its hash is the act's. What an id is called is the node's word: the id stands beside it.
 */

import { harmless } from '../harmless';
import type { Json, JsonObject } from '../record/canonical';
import type { Content } from '../record/content';
import { shortOf } from '../signing/short';
import { t } from '../words';
import type { Checked } from './recompute';
import { codeWord } from './sayings';
import { memberWord, w } from './words';

/** Longer than this an id is shown short: hashes and keys are. */
const MAX_PLAIN_ID = 18;

/** The act's members, and what it agrees to, each under its word. */
export function described({ signed, ours, subject, closed, ...known }: Checked): HTMLElement {
  const { type: _type, ...members } = signed.act;
  const all = element('div', 'stack');
  all.append(list([[w('side'), names(Object.entries(ours.names))]]), definitions(members, known));
  if (subject) {
    const part = element('section', 'stack');
    part.append(element('h3', '', w('agrees')), element('p', 'small', w('agrees-same')));
    const kind = codeWord('kind', String(subject['kind']));
    if (kind) part.append(list([[memberWord('kind'), element('span', '', kind)]]));
    part.append(definitions(subject['body'] as JsonObject, known));
    all.append(part);
  }
  if (closed) all.append(element('p', 'notice', w('closed')));
  if (all.querySelector('[data-named]')) all.append(element('p', 'tiny', t('sign.named')));
  return all;
}

type Known = Pick<Checked, 'texts' | 'sides' | 'names'>;

function names(of: readonly (readonly [language: string, name: string])[]): HTMLElement {
  const all = element('span');
  of.forEach(([language, name], at) => {
    const one = element('bdi', '', name);
    if (language) one.lang = language;
    all.append(at ? ' · ' : '', one);
  });
  return all;
}

/** An object's members, each under its word; one that is of a side under the side's name. */
function definitions(of: JsonObject, known: Known): HTMLElement {
  return list(Object.entries(of)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => {
      const side = known.sides.find(each => each.side === name);
      return [side ? names(Object.entries(side.names)) : memberWord(name), said(value, known, name)];
    }));
}

function list(pairs: readonly (readonly [string | Node, Node])[]): HTMLElement {
  const made = element('dl', 'check-members');
  for (const [name, value] of pairs) {
    const [dt, dd] = [element('dt'), element('dd')];
    dt.append(name);
    dd.append(value);
    made.append(dt, dd);
  }
  return made;
}

/** Members whose values are lists of what was named by others: two of these are no text in a language. */
const LISTS_OF_NAMES: ReadonlySet<string> = new Set(['items', 'delegates', 'understandings', 'initiatives', 'powers']);

/** One value in words: a text that its commitment opens to, a name, a time, a code's word, a list, or as the record
 * spells it. member: whose value it is. */
function said(value: Json, known: Known, member: string): Node {
  if (typeof value === 'string') {
    const content = known.texts.get(value);
    if (content) return text(content);
    const side = known.sides.find(each => each.side === value);
    if (side) return names(Object.entries(side.names));
    const word = codeWord(member, value);
    if (word) return element('span', '', word);
    if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value)) return element('span', '', time(value));
    // A log's key is compared with another node's, sign by sign.
    const code = element('code', 'hash', value.length > MAX_PLAIN_ID && member !== 'log_key' ? shortOf(value) : value);
    code.title = value;
    code.dir = 'ltr';
    const called = Object.hasOwn(known.names, value) ? known.names[value] : undefined;
    if (!called) return code;
    const both = element('span');
    both.dataset['named'] = '';
    both.append(names(called), ' ', code);
    return both;
  }
  if (typeof value === 'number' || typeof value === 'boolean') {
    return element('span', '', value === true ? w('yes') : value === false ? w('no') : number(value));
  }
  if (Array.isArray(value)) {
    if (value.length === 0) return element('span', '', '–');
    const [language, commitment] = value as Json[];
    if (!LISTS_OF_NAMES.has(member) && value.length === 2 && typeof language === 'string' && typeof commitment === 'string' && commitment.length === 43) {
      const content = known.texts.get(commitment);
      return content ? text(content, language) : element('span', 'quiet', w('withheld', { language }));
    }
    // An order that says something is numbered: a ranking is nothing else.
    const items = element(member === 'items' ? 'ol' : 'ul', 'check-list');
    for (const each of value) {
      const item = element('li');
      item.append(said(each, known, member));
      items.append(item);
    }
    return items;
  }
  return value === null ? element('span', '', '–') : definitions(value as JsonObject, known);
}

/** language: as the act has it, which is what is signed. */
function text(content: Content, language = ''): Node {
  const made = element('blockquote', 'sign-text', content.text);
  if (language) made.lang = language;
  made.dir = 'auto';
  return made;
}

function time(spelt: string): string {
  // As the pages write them: the day before the month, and twenty-four hours.
  const { lang } = document.documentElement;
  return new Intl.DateTimeFormat(lang === 'en' ? 'en-GB' : lang, { dateStyle: 'full', timeStyle: 'long', timeZone: 'UTC', hourCycle: 'h23' }).format(new Date(spelt));
}

function number(value: number): string {
  return new Intl.NumberFormat(document.documentElement.lang, { useGrouping: false }).format(value);
}

/** An element; all words are shown as `harmless` has them. */
export function element<K extends keyof HTMLElementTagNameMap>(name: K, className = '', words = ''): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (words) made.textContent = harmless(words);
  return made;
}

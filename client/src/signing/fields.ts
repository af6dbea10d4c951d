/** From a form's controls to a command's fields. Pure: the controls are given as plain records.
 *
 * Lives here: `fieldsOf`, `controlsOf`.
 *
 *     name="title.en"                 {title: {en: …}}
 *     name="items[]"                  {items: […]}
 *     name="undertakings.0.text.en"   {undertakings: [{text: {en: …}}]}   gaps in the numbers close up
 *     name="clauses.0.en"             {body: {en: …}}   clauses, which blank lines part
 *     data-type="int" | "bool" | "json" | "tags" (of languages, a line each) | "time" (local, to UTC)
 *
 * Controls in an element with `data-if-filled` are left out while all its texts are empty.
 * An empty control that is not required is left out, so that an optional member stays absent. A member of a
 * numbered list of which nothing visible is filled in is left out whole: an unused row is no undertaking. Boxes of
 * a list none of which is ticked make an empty list.
 */

import { Malformed } from '../errors';
import { t } from '../words';

export interface Control {
  readonly name: string;
  readonly value: string;
  readonly type?: string;
  readonly zone?: string;
  readonly required?: boolean;
  /** What the form calls it. */
  readonly label?: string;
  /** It carries the page's word, not the person's. */
  readonly hidden?: boolean;
  /** Of a box or a radio button; undefined for any other control. */
  readonly checked?: boolean;
}

type Tree = { [name: string]: unknown };

export function fieldsOf(controls: readonly Control[]): Tree {
  const root: Tree = {};
  const unused = unusedRows(controls);
  for (const control of controls) {
    const row = rowOf(control.name);
    if (row !== undefined && unused.has(row)) continue;
    if (control.checked !== undefined && control.name.endsWith('[]')) place(root, control.name, []);
    const value = valueOf(control);
    if (value !== undefined) place(root, control.name, value);
  }
  const { clauses, ...fields } = root;
  return close(clauses === undefined ? root : { ...fields, body: bodyOf(clauses as Tree) }) as Tree;
}

/** Number → language → clause, as one text in each language. A clause with blank lines is several; each stands in every
 * language, or the two columns would no longer say the same.
 */
function bodyOf(clauses: Tree): Tree {
  const rows = Object.entries(clauses).sort(([a], [b]) => Number(a) - Number(b)) as [string, Record<string, string>][];
  const spoken = [...new Set(rows.flatMap(([, row]) => Object.keys(row)))];
  const texts: Record<string, string[]> = Object.fromEntries(spoken.map(language => [language, []]));
  for (const [n, row] of rows) {
    const parts = spoken.map(language => (row[language] ?? '').split(/\n[^\S\n]*\n\s*/).map(part => part.trim()).filter(Boolean));
    const most = Math.max(...parts.map(part => part.length));
    for (const [at, part] of parts.entries()) {
      const language = spoken[at] as string;
      if (part.length < most) throw new Malformed(t('clauses.uneven', { n: Number(n) + 1 }), `clauses.${n}.${language}`);
      texts[language]?.push(...part);
    }
  }
  return Object.fromEntries(spoken.map(language => [language, texts[language]?.join('\n\n')]));
}

/** "undertakings.2" of "undertakings.2.text.en". */
function rowOf(name: string): string | undefined {
  return /^(.*?\.\d+)\./.exec(name)?.[1];
}

function unusedRows(controls: readonly Control[]): Set<string> {
  const rows = new Map<string, boolean>();
  for (const { name, value, hidden, checked } of controls) {
    const row = rowOf(name);
    if (row === undefined || hidden) continue;
    rows.set(row, (rows.get(row) ?? false) || (checked ?? value.trim() !== ''));
  }
  return new Set([...rows].filter(([, used]) => !used).map(([row]) => row));
}

function valueOf(control: Control): unknown {
  const { value, type, checked } = control;
  if (type === 'bool') return checked ?? value === 'true';
  if (checked === false) return undefined;
  if (value.trim() === '' && !control.required) return undefined;
  switch (type) {
    case 'int': {
      if (!/^\d{1,15}$/.test(value.trim())) throw new Malformed(t('field.number', { name: control.label ?? control.name }));
      return Number(value);
    }
    case 'json':
      try {
        return JSON.parse(value) as unknown;
      } catch {
        throw new Malformed(t('field.json', { name: control.label ?? control.name }));
      }
    case 'tags':
      return value.split('\n').map(line => line.trim()).filter(Boolean).map(tagOf);
    case 'time':
      return utcOf(value, control.zone ?? 'UTC', control.label ?? control.name);
    default:
      // Forms send CR LF; texts are kept with one spelling of the end of a line.
      return value.replace(/\r\n?/g, '\n');
  }
}

/** A tag as BCP 47 spells it; what is none stays, and the node says so. */
function tagOf(typed: string): string {
  try {
    return Intl.getCanonicalLocales(typed)[0] ?? typed;
  } catch {
    return typed;
  }
}

function place(root: Tree, name: string, value: unknown): void {
  const list = name.endsWith('[]');
  const path = (list ? name.slice(0, -2) : name).split('.');
  const last = path.pop() as string;
  let at = root;
  for (const part of path) {
    if (!Object.hasOwn(at, part)) at[part] = {};
    at = at[part] as Tree;
  }
  // An empty list only makes the place: what is placed there later is added.
  if (list) at[last] = [...((at[last] as unknown[] | undefined) ?? []), ...(Array.isArray(value) ? value : [value])];
  else at[last] = value;
}

/** Members that are all numbers make a list. */
function close(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  const entries = Object.entries(value as Tree).map(([name, member]) => [name, close(member)] as const);
  if (entries.length > 0 && entries.every(([name]) => /^\d+$/.test(name))) {
    return entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, member]) => member);
  }
  return Object.fromEntries(entries);
}

/** "2021-12-07T10:00" on the clocks of `zone` as RFC 3339 in UTC. */
export function utcOf(local: string, zone: string, name = 'time'): string {
  const match = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)$/.exec(local);
  if (!match) {
    const given = new Date(local);
    if (Number.isNaN(given.getTime())) throw new Malformed(t('field.time', { name }));
    return given.toISOString().replace(/\.\d{3}Z$/, 'Z');
  }
  const [, y, mo, d, h, mi] = match.map(Number) as [number, number, number, number, number, number];
  const wanted = Date.UTC(y, mo - 1, d, h, mi);
  let at = wanted;
  // Twice: the offset at the first guess may be that of the other side of a change of the clocks.
  for (let round = 0; round < 2; round++) at = wanted - (onClocks(at, zone) - at);
  return new Date(at).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

function onClocks(at: number, zone: string): number {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric',
    hour: 'numeric', minute: 'numeric', second: 'numeric',
  }).formatToParts(at);
  const get = (type: string): number => Number(parts.find(part => part.type === type)?.value);
  return Date.UTC(get('year'), get('month') - 1, get('day'), get('hour'), get('minute'), get('second'));
}

/** The named, enabled controls of a form, in its order. */
export function controlsOf(form: HTMLFormElement): Control[] {
  const controls: Control[] = [];
  for (const element of Array.from(form.elements)) {
    if (!(element instanceof HTMLInputElement || element instanceof HTMLSelectElement
      || element instanceof HTMLTextAreaElement)) continue;
    if (!element.name || element.disabled) continue;
    const group = element.closest('[data-if-filled]');
    if (group && !isFilled(group)) continue;
    const { name, required } = element;
    const label = element.labels?.[0]?.textContent?.trim().replace(/\s+/g, ' ');
    const common = {
      name, required, hidden: element.type === 'hidden', ...(label ? { label } : {}),
      ...(element.dataset['type'] ? { type: element.dataset['type'] } : {}),
      ...(element.dataset['zone'] ? { zone: element.dataset['zone'] } : {}),
    };
    if (element instanceof HTMLSelectElement && element.multiple) {
      for (const option of Array.from(element.selectedOptions)) {
        controls.push({ ...common, name: `${name.replace(/\[\]$/, '')}[]`, value: option.value });
      }
    } else if (element instanceof HTMLInputElement && (element.type === 'checkbox' || element.type === 'radio')) {
      controls.push({ ...common, value: element.value, checked: element.checked });
    } else {
      controls.push({ ...common, value: element.value });
    }
  }
  return controls;
}

/** A group that says `data-if-filled` counts as a whole, or not at all: an undertaking nobody wrote is none. */
function isFilled(group: Element): boolean {
  const texts = group.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>('textarea, input:not([type="hidden"])');
  return Array.from(texts).some(text => text.value.trim() !== '');
}

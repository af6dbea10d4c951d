/** What is written in the room: captions for everybody, notes for one's own side.
 *
 * Lives here: `Spoken`, which fills the strip under the pictures and the two drawers, and reads their forms.
 * Not here: the messages' forms (`captions`, `notes`), sealing (`party`), opening drawers, the page (room-spoken.html).
 *
 * What came stays on the page until it is left, and nowhere else: nobody keeps it.
 */

import { Malformed } from '../errors';
import { alone, harmless } from '../harmless';
import type { Json } from '../record/canonical';
import * as captions from './captions';
import * as notes from './notes';
import { understood } from './said';
import { s } from './spoken-words';
import { type Person, titleOf } from './view';

export interface Port {
  readonly own: string;
  readonly ourSide: string;
  people(): readonly Person[];
  /** The device that spoke last, as far as was heard here. */
  speaker(): string | undefined;
  say(value: Json): Promise<void>;
  /** Returns the devices that it was sealed to. */
  note(value: Json): Promise<readonly string[]>;
  tell(words: string): void;
}

interface Line {
  readonly of: Person;
  readonly by: Person;
  readonly lang: string;
  readonly text: string;
}

const KEY = 'visavis/captions';
/** Lines of a side under its half, and of the whole talk in the drawer. */
const STRIP = 2;
/** Lines of all languages in a strip. */
const MOST_LINES = 4 * STRIP;
const LOG = 200;
const ALOUD = 8;
const ALL = 'all';
const NONE = 'none';

export class Spoken {
  private readonly ending = new AbortController();
  private readonly lines: captions.Flow;
  private readonly letters: captions.Flow;
  private readonly pace = new captions.Pace<Line>();
  /** Whose words the line is that is being typed: who spoke when it began. */
  private lineOf: string | undefined;
  private unread = 0;
  private toldHidden = false;
  private readonly watching: MutationObserver;

  /** now: ms; the person goes in. */
  constructor(private readonly port: Port, now: number) {
    this.lines = new captions.Flow(now);
    this.letters = new captions.Flow(now);
    const { signal } = this.ending;
    const show = select('captions-show');
    if (show) {
      const kept = read();
      if (Array.from(show.options).some(({ value }) => value === kept)) show.value = kept;
      show.addEventListener('change', () => {
        keep(show.value);
        this.filter();
      }, { signal });
    }
    const caption = input('caption-text');
    caption?.addEventListener('input', () => {
      if (!caption.value) this.lineOf = undefined;
      else this.lineOf ??= this.chosen();
      this.sayWhose();
    }, { signal });
    select('caption-of')?.addEventListener('change', () => {
      this.lineOf = caption?.value ? this.chosen() : undefined;
      this.sayWhose();
    }, { signal });
    const language = select('caption-lang');
    const mark = (): void => {
      if (caption && language) caption.lang = language.value;
    };
    language?.addEventListener('change', mark, { signal });
    mark();
    on('caption-form', () => void this.caption(), signal);
    on('note-form', () => void this.note(), signal);
    area('note-text')?.addEventListener('keydown', event => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      void this.note();
    }, { signal });
    this.watching = new MutationObserver(changes => {
      for (const { target } of changes) this.opened(target as HTMLElement);
    });
    for (const id of ['captions-drawer', 'notes-drawer']) {
      const drawer = document.getElementById(id);
      if (drawer) this.watching.observe(drawer, { attributes: true, attributeFilter: ['hidden'] });
    }
    for (const form of ['caption-form', 'note-form']) enable(form, true);
    this.filter();
    this.peopleChanged();
  }

  end(): void {
    this.ending.abort();
    this.watching.disconnect();
    for (const form of ['caption-form', 'note-form']) enable(form, false);
  }

  /** Something was said in the room; whether it was a caption. */
  said(device: string, n: number, value: Json): boolean {
    const caption = understood(captions.read, value);
    if (!caption) return false;
    if (this.lines.takes(device, n, Date.now())) this.show(device, caption);
    return true;
  }

  /** A note of one's own side came. */
  noted(device: string, n: number, value: Json): void {
    const words = understood(notes.read, value);
    const from = this.find(device);
    if (words === undefined || !from || !this.letters.takes(device, n, Date.now())) return;
    this.log('notes-log', s('note.from', { who: alone(titleOf(from)) }), words);
    if (shown('notes-drawer')) return;
    this.unread += 1;
    this.sayUnread();
    // Not its words: somebody may look over a shoulder, or at a screen that is shared.
    this.port.tell(s('note.came', { who: titleOf(from) }));
  }

  peopleChanged(): void {
    const people = this.port.people();
    const whose = select('caption-of');
    if (whose) {
      const options = people.map(({ device }) => [device, titleOf(this.find(device) as Person)] as const);
      const had = Array.from(whose.options).slice(1).map(({ value, text }) => [value, text]);
      if (JSON.stringify(had) !== JSON.stringify(options)) {
        const chosen = whose.value;
        whose.replaceChildren(...Array.from(whose.options).slice(0, 1), ...options.map(([value, text]) => new Option(text, value)));
        whose.value = options.some(([value]) => value === chosen) ? chosen : '';
      }
    }
    const readers = people.filter(({ side, own }) => side === this.port.ourSide && !own).map(each => alone(titleOf(each)));
    set('notes-to', readers.length > 0 ? s('note.to', { who: list(readers) }) : s('note.alone'));
  }

  /** Called some times a second: what a screen reader is told of the captions, some seconds apart. now: ms. */
  tick(now: number): void {
    const due = this.pace.due(now);
    const region = document.getElementById('captions-said');
    if (!region || due.length === 0) return;
    region.append(...due.map(line => {
      const row = document.createElement('p');
      const [who, by] = [alone(titleOf(line.of)), alone(titleOf(line.by))];
      row.append(`${line.of.device === line.by.device ? s('caption.of', { who }) : s('caption.by', { who, by })} `, isolated(line.text, line.lang));
      return row;
    }));
    while (region.childElementCount > ALOUD) region.firstElementChild?.remove();
  }

  private async caption(): Promise<void> {
    const typed = input('caption-text');
    const of = this.lineOf ?? this.chosen();
    const text = typed?.value.trim();
    const lang = select('caption-lang')?.value;
    if (!typed || !text || !lang) return;
    if (!of || !this.find(of)) return set('caption-status', s('caption.nobody'));
    const caption: captions.Caption = { of, lang, text: [...text].slice(0, captions.MOST).join('') };
    typed.value = '';
    this.lineOf = undefined;
    this.sayWhose();
    await this.port.say(captions.write(caption));
    this.show(this.port.own, caption);
  }

  private async note(): Promise<void> {
    const typed = area('note-text');
    const words = typed?.value.trim();
    if (!typed || !words) return;
    let to: readonly string[] = [];
    try {
      to = await this.port.note(notes.write([...words].slice(0, notes.MOST).join('')));
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
    }
    if (to.length === 0) return set('note-status', s('note.nobody'));
    set('note-status', '');
    typed.value = '';
    const names = to.flatMap(device => this.find(device) ?? []).map(each => alone(titleOf(each)));
    this.log('notes-log', s('note.mine', { who: list(names) }), words);
  }

  /** Whose words are typed, as chosen; or whoever speaks. */
  private chosen(): string | undefined {
    return select('caption-of')?.value || this.port.speaker();
  }

  private sayWhose(): void {
    const who = this.lineOf === undefined ? undefined : this.find(this.lineOf);
    set('caption-status', who ? s('caption.whose', { who: alone(titleOf(who)) }) : '');
  }

  private show(device: string, caption: captions.Caption): void {
    const by = this.find(device);
    const of = this.find(caption.of);
    if (!by || !of) return;
    const line: Line = { of, by, lang: caption.lang, text: caption.text };
    const half = of.side === this.port.ourSide ? 'ours' : 'theirs';
    const strip = document.getElementById(`captions-${half}`);
    strip?.append(drawn(line, 'p'));
    // Tags of languages are free: whoever makes up a new one for each line does not fill the strip.
    while (strip && strip.childElementCount > MOST_LINES) strip.firstElementChild?.remove();
    while (strip && strip.querySelectorAll(`:scope > [data-lang="${CSS.escape(line.lang)}"]`).length > STRIP) {
      strip.querySelector(`:scope > [data-lang="${CSS.escape(line.lang)}"]`)?.remove();
    }
    const log = document.getElementById('captions-log');
    log?.append(drawn(line, 'li'));
    while (log && log.childElementCount > LOG) log.firstElementChild?.remove();
    log?.lastElementChild?.scrollIntoView({ block: 'nearest' });
    this.filter();
    const wanted = select('captions-show')?.value ?? ALL;
    if (by.own) return;
    if (wanted === ALL || wanted === line.lang) this.pace.add(line);
    else if (wanted === NONE && !this.toldHidden) {
      this.toldHidden = true;
      this.port.tell(s('caption.hidden', { who: titleOf(by) }));
    }
  }

  /** Show what is wanted: the strip, and in it the language. */
  private filter(): void {
    const wanted = select('captions-show')?.value ?? ALL;
    const strip = document.getElementById('captions');
    if (!strip) return;
    for (const line of Array.from(strip.querySelectorAll<HTMLElement>('[data-lang]'))) {
      line.hidden = wanted !== ALL && line.dataset['lang'] !== wanted;
    }
    strip.hidden = wanted === NONE || !strip.querySelector('[data-lang]:not([hidden])');
  }

  private log(id: string, head: string, words: string): void {
    const row = document.createElement('li');
    const from = document.createElement('p');
    from.className = 'tiny';
    from.textContent = head;
    const text = document.createElement('p');
    text.dir = 'auto';
    text.textContent = harmless(words);
    row.append(from, text);
    const log = document.getElementById(id);
    log?.append(row);
    while (log && log.childElementCount > LOG) log.firstElementChild?.remove();
    row.scrollIntoView({ block: 'nearest' });
  }

  /** A drawer was opened: one types at once. */
  private opened(drawer: HTMLElement): void {
    if (drawer.hidden) return;
    drawer.querySelector<HTMLElement>('input[type=text], textarea')?.focus({ preventScroll: true });
    if (drawer.id !== 'notes-drawer') return;
    this.unread = 0;
    this.sayUnread();
  }

  private sayUnread(): void {
    set('notes-unread', this.unread > 0 ? s('note.unread', { n: this.unread }) : '');
  }

  private find(device: string): Person | undefined {
    return this.port.people().find(each => each.device === device);
  }
}

/** A line with whose words it is, who typed it if another, and its language in the page's own. */
function drawn({ of, by, lang, text }: Line, tag: 'p' | 'li'): HTMLElement {
  const row = document.createElement(tag);
  row.className = 'caption';
  row.dataset['lang'] = lang;
  const head = document.createElement('span');
  head.className = 'tiny';
  const who = alone(titleOf(of));
  head.textContent = by.device === of.device ? s('caption.of', { who }) : s('caption.by', { who, by: alone(titleOf(by)) });
  const language = document.createElement('span');
  language.className = 'tiny language';
  language.textContent = languageName(lang);
  row.append(head, ' ', language, ' ', isolated(text, lang));
  return row;
}

function isolated(text: string, lang: string): HTMLElement {
  const words = document.createElement('bdi');
  words.lang = lang;
  words.dir = 'auto';
  words.textContent = harmless(text);
  return words;
}

function list(names: readonly string[]): string {
  return new Intl.ListFormat(document.documentElement.lang || 'en', { type: 'conjunction' }).format(names);
}

function languageName(code: string): string {
  try {
    return new Intl.DisplayNames([document.documentElement.lang || 'en'], { type: 'language' }).of(code) ?? code;
  } catch {
    return code;
  }
}

function on(form: string, act: () => void, signal: AbortSignal): void {
  document.getElementById(form)?.addEventListener('submit', event => {
    event.preventDefault();
    act();
  }, { signal });
}

function enable(form: string, yes: boolean): void {
  const fields = document.getElementById(form)?.querySelector('fieldset');
  if (fields) fields.disabled = !yes;
}

function set(id: string, words: string): void {
  const place = document.getElementById(id);
  if (place && place.textContent !== words) place.textContent = words;
}

function shown(id: string): boolean {
  const place = document.getElementById(id);
  return place !== null && !place.hidden;
}

function select(id: string): HTMLSelectElement | null {
  const found = document.getElementById(id);
  return found instanceof HTMLSelectElement ? found : null;
}

function input(id: string): HTMLInputElement | null {
  const found = document.getElementById(id);
  return found instanceof HTMLInputElement ? found : null;
}

function area(id: string): HTMLTextAreaElement | null {
  const found = document.getElementById(id);
  return found instanceof HTMLTextAreaElement ? found : null;
}

function read(): string {
  try {
    return localStorage.getItem(KEY) ?? ALL;
  } catch {
    return ALL;
  }
}

function keep(wanted: string): void {
  try {
    localStorage.setItem(KEY, wanted);
  } catch {
    // It holds for this page.
  }
}

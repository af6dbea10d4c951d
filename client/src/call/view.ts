/** What the room shows of the call: a figure for each delegate, floor bars, who is in, what happens.
 *
 * Lives here: `View`. Not here: the call itself (`room`), the page around it (the node's templates).
 * Everything is set by properties and attributes; the content security policy allows no inline style.
 */

import { t } from '../words';
import type { Raising, Turn } from './hands';
import { w } from './words';

/** Somebody in the room, as the logs and their certificate say. */
export interface Person {
  readonly device: string;
  readonly delegate: string;
  readonly side: string;
  readonly name: string;
  readonly role: string;
  readonly credential: string;
  /** Size of that side's log by which the credential was verified. */
  readonly asOf: number;
  readonly own: boolean;
}

/** A turn, with who it is and, of a reply, whom it answers if they are in. */
export type Standing = Turn & { readonly person: Person; readonly whose: Person | undefined };

export type Stage = 'out' | 'checking' | 'ready' | 'joining' | 'in' | 'lost' | 'left' | 'refused';

export class View {
  constructor(private readonly room: HTMLElement) {}

  get ourSide(): string {
    return this.room.dataset['side'] ?? '';
  }

  stage(stage: Stage, words: string): void {
    this.room.dataset['state'] = stage;
    this.say(words);
    for (const button of this.controls()) button.disabled = stage !== 'in' && stage !== 'lost';
  }

  /** Seen by everyone, and read aloud politely: #status is a live region. */
  say(words: string): void {
    const status = document.getElementById('status');
    if (status) status.textContent = words;
  }

  /** Whether the way to the engine is open before anybody goes in; for tests and measurements. */
  door(open: boolean): void {
    this.room.dataset['door'] = open ? 'open' : 'closed';
  }

  epoch(epoch: number): void {
    this.room.dataset['epoch'] = String(epoch);
  }

  /** Returns what ends it. */
  onControl(act: (control: string) => void): () => void {
    const ending = new AbortController();
    for (const button of this.controls()) {
      button.addEventListener('click', () => act(button.dataset['control'] ?? ''), { signal: ending.signal });
    }
    return () => ending.abort();
  }

  /** Pictures of faces are off on this device, to leave room for sound. */
  lean(on: boolean): void {
    this.room.toggleAttribute('data-lean', on);
    this.pressed('lean', on);
  }

  /** Something offered without being asked for: read aloud politely, and answered or left. */
  offer(words: string, yes: string, no: string, answer: (yes: boolean) => void): void {
    const box = document.getElementById('offer');
    if (!box) return;
    const text = document.createElement('p');
    text.textContent = words;
    const buttons = ([[yes, true], [no, false]] as const).map(([label, value]) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = value ? 'press' : 'press is-second';
      button.textContent = label;
      button.addEventListener('click', () => {
        this.endOffer();
        answer(value);
      });
      return button;
    });
    box.replaceChildren(text, ...buttons);
  }

  endOffer(): void {
    document.getElementById('offer')?.replaceChildren();
  }

  pressed(control: string, on: boolean): void {
    const button = this.controls().find(each => each.dataset['control'] === control);
    if (!button) return;
    button.setAttribute('aria-pressed', String(on));
    const words = button.querySelector<HTMLElement>('[data-on]');
    if (words) words.textContent = (on ? words.dataset['on'] : words.dataset['off']) ?? '';
  }

  /** The figure of a person, made at first asking; ours in our half, theirs in theirs. */
  figure(person: Person): HTMLElement {
    const kept = this.find(person.device);
    if (kept) {
      this.title(kept, person);
      return kept;
    }
    const figure = document.createElement('figure');
    figure.className = 'delegate';
    Object.assign(figure.dataset, {
      delegate: person.delegate, side: person.side, device: person.device, frames: '0',
    });
    const video = document.createElement('video');
    video.autoplay = video.playsInline = video.muted = true;
    const caption = document.createElement('figcaption');
    caption.append(document.createTextNode(''));
    figure.append(video, caption);
    this.title(figure, person);
    this.half(person)?.append(figure);
    return figure;
  }

  /** Where a person's screen is shown, made at first asking: first in their half, faces below. */
  screen(person: Person): HTMLVideoElement {
    const kept = this.findScreen(person.device);
    const figure = kept ?? document.createElement('figure');
    const video = figure.querySelector('video') ?? document.createElement('video');
    if (!kept) {
      figure.className = 'screen';
      Object.assign(figure.dataset, { device: person.device, side: person.side, frames: '0' });
      video.autoplay = video.playsInline = video.muted = true;
      figure.append(video, document.createElement('figcaption'));
      this.half(person)?.prepend(figure);
    }
    this.screenTitle(figure, person);
    return video;
  }

  endScreen(device: string): void {
    this.findScreen(device)?.remove();
  }

  /** The place of somebody who dropped out is kept, and says so. */
  absent(person: Person): void {
    this.endAbsent(person.delegate);
    const place = document.createElement('figure');
    place.className = 'absent';
    place.dataset['delegate'] = person.delegate;
    const caption = document.createElement('figcaption');
    caption.textContent = w('again.absent', { who: titleOf(person) });
    place.append(caption);
    this.half(person)?.append(place);
  }

  /** Whether a place was kept for that delegate, which is given up now. */
  endAbsent(delegate: string): boolean {
    const place = document.querySelector(`figure.absent[data-delegate="${CSS.escape(delegate)}"]`);
    place?.remove();
    return place !== null;
  }

  private half({ side }: Person): HTMLElement | null {
    return document.getElementById(side === this.ourSide ? 'ours' : 'theirs');
  }

  private screenTitle(figure: HTMLElement, person: Person): void {
    const words = w('share.of', { who: titleOf(person) });
    const caption = figure.querySelector('figcaption');
    if (caption && caption.textContent !== words) caption.textContent = words;
    figure.querySelector('video')?.setAttribute('aria-label', words);
  }

  /** The name may come after the figure. */
  private title(figure: HTMLElement, person: Person): void {
    const words = person.own ? listed(titleOf(person), t('call.you')) : titleOf(person);
    const text = figure.querySelector('figcaption')?.firstChild;
    if (text && text.textContent !== words) text.textContent = words;
    figure.querySelector('video')?.setAttribute('aria-label', words);
    const screen = this.findScreen(person.device);
    if (screen) this.screenTitle(screen, person);
  }

  remove(device: string): void {
    this.find(device)?.remove();
    this.endScreen(device);
  }

  /** Nothing is shared or raised, and one is on the floor. */
  released(): void {
    for (const control of ['share', 'hand', 'order', 'reply', 'caucus']) this.pressed(control, false);
  }

  /** The call is over here: nothing stays as if it went on, and there is a way back in. */
  over(): void {
    this.released();
    document.getElementById('captions')?.setAttribute('hidden', '');
    document.getElementById('notes-unread')?.replaceChildren();
    document.getElementById('again')?.removeAttribute('hidden');
    // The sitting may have closed meanwhile: then the page is another one.
    document.dispatchEvent(new CustomEvent('visavis:freed'));
  }

  clear(): void {
    for (const figure of Array.from(document.querySelectorAll('.half > figure'))) figure.remove();
  }

  video(device: string): HTMLVideoElement | null {
    return this.find(device)?.querySelector('video') ?? null;
  }

  muted(device: string, off: boolean): void {
    const figure = this.find(device);
    if (!figure) return;
    const caption = figure.querySelector('figcaption');
    caption?.querySelector('[data-muted]')?.remove();
    figure.toggleAttribute('data-mute', off);
    if (!off || !caption) return;
    const note = document.createElement('span');
    note.dataset['muted'] = '';
    note.textContent = ` · ${t('call.muted')}`;
    caption.append(note);
  }

  frames(): void {
    for (const figure of Array.from(document.querySelectorAll<HTMLElement>('.half > figure'))) {
      const quality = figure.querySelector('video')?.getVideoPlaybackQuality();
      figure.dataset['frames'] = String(quality?.totalVideoFrames ?? 0);
    }
  }

  floor(half: 'ours' | 'theirs', seconds: number, share: number): void {
    document.getElementById(`floor-${half}`)?.setAttribute('width', `${Math.round(share * 100)}%`);
    const time = document.getElementById(`floor-${half}-time`);
    const whole = Math.floor(seconds);
    if (time) time.textContent = `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
  }

  speaking(device: string, speaks: boolean): void {
    this.find(device)?.toggleAttribute('data-floor', speaks);
  }

  /** One side is waited for. */
  paused(on: boolean): void {
    this.room.toggleAttribute('data-paused', on);
    const words = document.getElementById('paused');
    if (words) words.hidden = !on;
  }

  /** Our side's caucus is entered, or left. */
  inCaucus(on: boolean): void {
    this.room.toggleAttribute('data-caucus', on);
    this.pressed('caucus', on);
    const panel = document.getElementById('caucus');
    if (panel) panel.hidden = !on;
  }

  /** Who else is in our side's caucus. */
  caucusOf(people: readonly Person[]): void {
    const who = document.getElementById('caucus-who');
    const words = people.length > 0 ? w('caucus.with', { who: listed(...people.map(titleOf)) }) : w('caucus.alone');
    if (who && who.textContent !== words) who.textContent = words;
  }

  /** Somebody is in their side's caucus: neither heard nor seen on the floor. */
  away(device: string, there: boolean): void {
    const figure = this.find(device);
    if (!figure || figure.hasAttribute('data-away') === there) return;
    figure.toggleAttribute('data-away', there);
    const caption = figure.querySelector('figcaption');
    caption?.querySelector('[data-away-note]')?.remove();
    if (!there || !caption) return;
    const note = document.createElement('span');
    note.dataset['awayNote'] = '';
    note.textContent = ` · ${w('caucus.there')}`;
    caption.append(note);
  }

  /** Who is in, verified by what. */
  lock(people: readonly Person[], mark: string): void {
    this.room.dataset['in'] = String(people.length);
    const lock = document.getElementById('lock');
    if (!lock) return;
    const count = document.createElement('p');
    count.textContent = t('call.in-count', { n: people.length });
    const code = document.createElement('code');
    code.dir = 'ltr';
    code.textContent = mark;
    count.append(' · ', code);
    const list = document.createElement('ul');
    for (const person of people) {
      const item = document.createElement('li');
      const name = document.createElement('strong');
      name.textContent = titleOf(person);
      const side = person.side === this.ourSide ? t('call.ours') : t('call.theirs');
      const proof = document.createElement('p');
      proof.className = 'small quiet';
      proof.textContent = `${t('call.verified-by', { credential: person.credential.slice(0, 8), size: person.asOf })} `
        + t('call.device', { device: person.device.slice(0, 8) });
      item.append(name, listed('', side, ...(person.own ? [t('call.you')] : [])), proof);
      list.append(item);
    }
    const label = document.createElement('p');
    label.className = 'small quiet';
    label.textContent = t('call.shared-node');
    lock.replaceChildren(count, list, label);
  }

  private controls(): HTMLButtonElement[] {
    return Array.from(document.querySelectorAll<HTMLButtonElement>('#controls button[data-control]'));
  }

  /** A side's points of order and hands, in turn: a list under its floor bar, and a mark at each face. */
  hands(half: 'ours' | 'theirs', turns: readonly Standing[]): void {
    const list = document.getElementById(`hands-${half}`);
    if (!list) return;
    const rows = turns.map(({ person, what, place, whose }) => {
      const row = document.createElement('li');
      row.className = what;
      row.dataset['device'] = person.device;
      row.append(...icon(what), handWords(person, what, place, whose));
      return row;
    });
    const key = (nodes: Iterable<Element>): string => [...nodes].map(each => each.outerHTML).join('');
    // Untouched if nothing changed: a reader may be in it.
    if (key(rows) === key(list.children)) return;
    list.replaceChildren(...rows);
    for (const mark of Array.from(document.querySelectorAll(`#${half} figcaption [data-hand]`))) mark.remove();
    for (const { person, what, place } of turns) {
      const mark = document.createElement('span');
      mark.dataset['hand'] = what;
      // The list says it in words.
      mark.setAttribute('aria-hidden', 'true');
      mark.append(...icon(what), what === 'hand' ? String(place) : '');
      this.find(person.device)?.querySelector('figcaption')?.append(mark);
    }
  }

  sayHand(half: 'ours' | 'theirs', { person, what, place, whose }: Standing): void {
    const side = half === 'ours' ? t('call.ours') : t('call.theirs');
    if (whose && !person.own) return this.say(w('reply.raised-to', { who: titleOf(person), side, whose: titleOf(whose) }));
    if (person.own) this.say(w(`${what}.own`, { place }));
    else this.say(w(`${what}.raised`, { who: titleOf(person), side, place }));
  }

  sayLowered(person: Person, what: Raising): void {
    this.say(person.own ? w(`${what}.own-lowered`) : w(`${what}.lowered`, { who: titleOf(person) }));
  }

  private findScreen(device: string): HTMLElement | null {
    return document.querySelector(`figure.screen[data-device="${CSS.escape(device)}"]`);
  }

  private find(device: string): HTMLElement | null {
    return document.querySelector(`figure.delegate[data-device="${CSS.escape(device)}"]`);
  }
}

function handWords(person: Person, what: Raising, place: number, whose: Person | undefined): string {
  const who = person.own ? listed(titleOf(person), t('call.you')) : titleOf(person);
  if (whose) return w('reply.row-to', { who, whose: titleOf(whose) });
  return w(`${what}.row`, { who, place });
}

/** The sign that its control has. */
function icon(control: string): Node[] {
  const found = document.querySelector(`[data-control="${control}"] .icon`);
  return found ? [found.cloneNode(true)] : [];
}

/** Joined as the page's language joins a list. */
export function listed(...words: string[]): string {
  return words.join(document.documentElement.lang.startsWith('ar') ? '، ' : ', ');
}

export function titleOf({ name, role }: Pick<Person, 'name' | 'role'>): string {
  const words = roleWords(role);
  if (!name) return words;
  return name.toLocaleLowerCase().includes(words.toLocaleLowerCase()) ? name : `${name} (${words})`;
}

function roleWords(role: string): string {
  switch (role) {
    case 'principal': case 'protocol-officer': case 'adviser': case 'press-officer': case 'interpreter':
      return t(`role.${role}`);
    default:
      return role;
  }
}

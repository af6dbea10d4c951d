/** What the room shows of the call: a figure for each delegate, floor bars, who is in, what happens.
 *
 * Lives here: `View`. Not here: the call itself (`room`), the page around it (the node's templates).
 * Everything is set by properties and attributes; the content security policy allows no inline style.
 */

import { t } from '../words';

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

  onControl(act: (control: string) => void): void {
    for (const button of this.controls()) {
      button.addEventListener('click', () => act(button.dataset['control'] ?? ''));
    }
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
    document.getElementById(person.side === this.ourSide ? 'ours' : 'theirs')?.append(figure);
    return figure;
  }

  /** The name may come after the figure. */
  private title(figure: HTMLElement, person: Person): void {
    const words = person.own ? listed(titleOf(person), t('call.you')) : titleOf(person);
    const text = figure.querySelector('figcaption')?.firstChild;
    if (text && text.textContent !== words) text.textContent = words;
    figure.querySelector('video')?.setAttribute('aria-label', words);
  }

  remove(device: string): void {
    this.find(device)?.remove();
  }

  clear(): void {
    for (const figure of Array.from(document.querySelectorAll('figure.delegate'))) figure.remove();
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
    for (const figure of Array.from(document.querySelectorAll<HTMLElement>('figure.delegate'))) {
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

  private find(device: string): HTMLElement | null {
    return document.querySelector(`figure.delegate[data-device="${CSS.escape(device)}"]`);
  }
}

/** Joined as the page's language joins a list. */
function listed(...words: string[]): string {
  return words.join(document.documentElement.lang.startsWith('ar') ? '، ' : ', ');
}

export function titleOf({ name, role }: Pick<Person, 'name' | 'role'>): string {
  const words = roleWords(role);
  return name && name !== words ? `${name} (${words})` : words;
}

function roleWords(role: string): string {
  switch (role) {
    case 'principal': case 'protocol-officer': case 'adviser': case 'press-officer': case 'interpreter':
      return t(`role.${role}`);
    default:
      return role;
  }
}

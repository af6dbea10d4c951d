/** The clock of the item in hand, on the page: what is set, what is proposed, and the key that follows.
 *
 * Lives here: `ClockFace`. Not here: what is set and why (`clock`), the item in hand (the room's page, by the record).
 *
 *     <div class="room-item" data-ours="item" data-theirs="item"> <p id="item-clock">      served, and swapped
 *     <div id="clock-offer">   <form id="clock-form"> <input id="clock-minutes">           filled and worked here
 */

import { announce } from '../page/live';
import type { Json } from '../record/canonical';
import {
  type Clocks, MOST_MINUTES, type Stance, type Term, advanced, agreed, offered, proposal, read, same, silent, write,
} from './clock';
import { gone, heard, understood } from './said';
import type { View } from './view';
import { w } from './words';

const SAY_AGAIN_MS = 5_000;

export interface ClockSurroundings {
  readonly view: View;
  /** The own device. */
  readonly device: string;
  /** What a reload keeps it under, in this tab. */
  readonly place: string;
  /** Devices that are in and whose delegates may set agendas, of one side. */
  schedulers(half: 'ours' | 'theirs'): readonly string[];
  say(value: Json): Promise<void>;
}

export class ClockFace {
  private clocks: Clocks = new Map();
  private stance: Stance = silent;
  private set: Term | null = null;
  /** When what is set began, ms of this clock. */
  private began = 0;
  private saidAt = 0;
  private told: Term | null = null;
  private over: Term | null = null;
  private readonly ending = new AbortController();

  constructor(private readonly around: ClockSurroundings) {
    const { signal } = this.ending;
    const form = document.getElementById('clock-form');
    if (form) form.hidden = false;
    form?.addEventListener('submit', event => {
      event.preventDefault();
      this.proposed();
    }, { signal });
    document.addEventListener('visavis:entered', event => {
      const entered = event.target instanceof HTMLFormElement ? event.target : null;
      if (entered?.dataset['command'] === 'talks.put-item') this.put(String(new FormData(entered).get('item') ?? ''));
    }, { signal });
    this.restore();
  }

  end(): void {
    this.ending.abort();
    const form = document.getElementById('clock-form');
    if (form) form.hidden = true;
    document.getElementById('clock-offer')?.replaceChildren();
  }

  /** Somebody said something: whether it was of the clock. */
  said(device: string, n: number, value: Json): void {
    const stance = understood(read, value);
    if (!stance) return;
    this.clocks = heard(this.clocks, device, n, stance);
    this.settle();
  }

  gone(device: string): void {
    this.clocks = gone(this.clocks, device, silent);
    this.settle();
  }

  /** Say what one says: to who came, and again in case it was lost. */
  speak(): void {
    this.saidAt = Date.now();
    if (this.schedules && (this.stance.next || this.stance.now)) void this.around.say(write(this.own()));
  }

  draw(now: number): void {
    if (now - this.saidAt >= SAY_AGAIN_MS) this.speak();
    const { ours, theirs } = table();
    const face = document.getElementById('item-clock');
    const shown = this.set && this.set.item === ours && ours === theirs ? this.set : null;
    const seconds = Math.floor((now - this.began) / 1000);
    const over = shown !== null && seconds >= shown.minutes * 60;
    if (face) {
      const words = shown ? w(over ? 'clock.over' : 'clock.runs', { gone: spell(seconds), minutes: shown.minutes }) : '';
      if (face.textContent !== words) face.textContent = words;
      face.toggleAttribute('data-over', over);
    }
    if (shown && over && this.over !== shown) {
      this.over = shown;
      this.around.view.say(w('clock.said-over', { minutes: shown.minutes }));
    }
    this.drawOffer();
  }

  private get schedules(): boolean {
    return this.around.schedulers('ours').includes(this.around.device);
  }

  private own(): Stance {
    const { now, next } = this.stance;
    return { next, now: now && { ...now, gone: Math.max(0, Math.floor((Date.now() - this.began) / 1000)) } };
  }

  private take(stance: Stance): void {
    this.stance = stance;
    this.clocks = heard(this.clocks, this.around.device, Date.now(), this.own());
    this.settle();
    this.speak();
  }

  /** What both say is set from here on; what was set stays until then. */
  private settle(): void {
    const set = agreed(this.clocks, this.around.schedulers('ours'), this.around.schedulers('theirs'));
    if (!set || (this.set && (set.turn < this.set.turn || same(set, this.set)))) return;
    this.set = set;
    this.began = Date.now() - set.gone * 1000;
    this.keep();
    this.around.view.say(w('clock.set', { minutes: set.minutes }));
    this.take(advanced(this.stance, set));
  }

  /** Our side has an item on the table: with minutes of our own for it, or with those that they propose. */
  private put(item: string): void {
    const minutes = this.minutes();
    const their = offered(this.clocks, this.around.schedulers('theirs'), this.set);
    if (minutes) this.take({ ...this.stance, next: proposal(this.clocks, item, minutes) });
    else if (their?.item === item) this.take({ ...this.stance, next: their });
  }

  private proposed(): void {
    const { ours } = table();
    const minutes = this.minutes();
    const say = document.getElementById('clock-say');
    const words = !ours ? w('clock.no-item') : minutes ? '' : w('clock.wrong', { most: MOST_MINUTES });
    if (say) say.textContent = words;
    if (ours && minutes) this.take({ ...this.stance, next: proposal(this.clocks, ours, minutes) });
  }

  /** The minutes that stand in the form, which is then empty again. */
  private minutes(): number | undefined {
    const input = document.getElementById('clock-minutes');
    if (!(input instanceof HTMLInputElement) || !/^\d{1,3}$/.test(input.value.trim())) return undefined;
    const minutes = Number(input.value);
    if (minutes < 1 || minutes > MOST_MINUTES) return undefined;
    input.value = '';
    return minutes;
  }

  private drawOffer(): void {
    const box = document.getElementById('clock-offer');
    if (!box) return;
    const { ours, theirs } = table();
    const known = (term: Term | null): Term | null => (term && [ours, theirs].includes(term.item) ? term : null);
    const their = known(offered(this.clocks, this.around.schedulers('theirs'), this.set));
    const our = known(offered(this.clocks, this.around.schedulers('ours'), this.set));
    const shown = their && !(our && same(our, their)) ? their : our;
    // Where the item itself is still to be followed, one key follows both.
    const follows = shown !== null && shown === their && this.schedules && their.item === ours;
    const mark = shown ? [shown.turn, shown.item, shown.minutes, shown === their, follows].join() : '';
    if (box.dataset['mark'] === mark) return;
    box.dataset['mark'] = mark;
    if (!shown) return box.replaceChildren();
    const { minutes } = shown;
    const text = document.createElement('p');
    text.textContent = w(shown === their ? 'clock.theirs' : 'clock.ours', { minutes });
    box.replaceChildren(text);
    if (follows) box.append(this.follow(shown));
    if (shown === their && !(this.told && same(this.told, shown))) announce(text.textContent);
    this.told = shown;
  }

  private follow(term: Term): HTMLButtonElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'press';
    button.setAttribute('aria-keyshortcuts', 'Alt+G');
    const key = document.createElement('kbd');
    key.setAttribute('aria-hidden', 'true');
    key.textContent = 'Alt+G';
    button.append(`${w('clock.follow', { minutes: term.minutes })} `, key);
    button.addEventListener('click', () => this.take({ ...this.stance, next: term }));
    return button;
  }

  private keep(): void {
    if (this.set) sessionStorage.setItem(this.around.place, JSON.stringify({ set: this.set, began: this.began }));
  }

  private restore(): void {
    try {
      const kept = JSON.parse(sessionStorage.getItem(this.around.place) ?? 'null') as { set: Term; began: number } | null;
      if (!kept) return;
      this.set = kept.set;
      this.began = kept.began;
      this.stance = { next: null, now: { ...kept.set, gone: 0 } };
    } catch {
      // Nothing of ours: those in say it.
    }
  }
}

/** What each side has on the table, as the page says. */
function table(): { ours: string; theirs: string } {
  const { ours = '', theirs = '' } = document.querySelector<HTMLElement>('.room-item')?.dataset ?? {};
  return { ours, theirs };
}

function spell(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

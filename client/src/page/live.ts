/** Pages that keep up: when a log grows, the page is fetched again and its changed regions are swapped.
 *
 * Lives here: `listen`, `adopt`. Not here: what a region shows (the node's templates), drawers (`call/drawers`).
 *
 *     <main data-live data-dialogue="…">          listens to /api/dialogues/{d}/events
 *     <main data-live>                            looks again every few seconds
 *     <section id="agenda" data-region data-announce="The agenda has changed.">
 *     <div data-page-address="/d/…/review">            regions in it are those of another page, which a drawer holds
 *
 * Not htmx: it swaps what a response names, while here the page itself, fetched again at its own address, is the
 * fragment; what matters is to leave alone what somebody types, to keep focus and open details,
 * and to say what changed. That is these lines, and 16 kB less on every page.
 */

import { t } from '../words';
import { pageAt } from './fetched';
import { reach } from './reach';
import { carried, controlsOf, dirty, nameOf } from './typed';

const SETTLE_MS = 150;
const POLL_MS = 5_000;
const QUIET = 'data-later';
const CLOSING = 'data-closing';
/** A seal that both sides have set. */
const CLOSED = '.double-seal[data-force=yes]';

let source: EventSource | undefined;
let due: ReturnType<typeof setTimeout> | undefined;
let running: Promise<void> | undefined;
let again = false;
let began = -Infinity;

export function listen(): void {
  const main = document.querySelector<HTMLElement>('[data-live]');
  if (!main) return;
  note(document);
  document.addEventListener('visavis:entered', () => refreshSoon());
  // Something was held or typed, and is no more.
  document.addEventListener('visavis:freed', () => refreshSoon());
  document.addEventListener('focusout', () => {
    // What was left alone while somebody typed is caught up with when they are done.
    if (document.querySelector(`[${QUIET}]`)) refreshSoon();
  });
  const dialogue = main.dataset['dialogue'];
  if (!dialogue) {
    // Who is not admitted yet has no dialogue to listen to: their page looks again by itself.
    setInterval(() => refreshSoon(), POLL_MS);
    return;
  }
  let lost = false;
  source = new EventSource(`/api/dialogues/${encodeURIComponent(dialogue)}/events`);
  for (const kind of ['log', 'enrolment', 'comment', 'remark', 'lobby', 'paper']) {
    source.addEventListener(kind, () => {
      refreshSoon();
      document.dispatchEvent(new CustomEvent(`visavis:${kind}`));
    });
  }
  source.onopen = () => {
    if (lost) announce(t('live.back'));
    lost = false;
    reach('back');
    // At the first opening too: what was entered after the page was made and before we listened is in no event.
    refreshSoon();
  };
  source.onerror = () => {
    // Refused, and for good: who is not admitted yet has no events. Their page looks again by itself.
    if (source?.readyState === EventSource.CLOSED) {
      setInterval(() => refreshSoon(), POLL_MS);
      return;
    }
    if (!lost) reach('lost');
    lost = true;
  };
  // A page in the back/forward cache must hold no stream.
  addEventListener('pagehide', () => source?.close());
  addEventListener('pageshow', event => {
    if (event.persisted) location.reload();
  });
}

/** Bring the page up to date: the first cause at once, those of the next moment together after it. */
export function refreshSoon(): void {
  clearTimeout(due);
  due = setTimeout(() => {
    if (running) {
      again = true;
      return;
    }
    began = performance.now();
    running = refresh().finally(() => {
      running = undefined;
      if (again) {
        again = false;
        refreshSoon();
      }
    });
  }, Math.max(0, began + SETTLE_MS - performance.now()));
}

/** What was fetched from `address` stands in `holder` now: its regions are kept up to date from there. */
export function adopt(holder: HTMLElement, address: string): void {
  holder.dataset['pageAddress'] = address;
  note(holder);
  holder.dispatchEvent(new CustomEvent('visavis:swapped', { bubbles: true }));
}

/** The address of the page that an element is of: this one, or one that a drawer holds. */
export function addressOf(element: Element): string {
  return element.closest<HTMLElement>('[data-page-address]')?.dataset['pageAddress'] ?? location.href;
}

async function refresh(): Promise<void> {
  const holders = Array.from(document.querySelectorAll<HTMLElement>('[data-page-address]'))
    .filter(holder => holder.childElementCount > 0 && holder.closest('[hidden]') === null);
  await Promise.all([refreshPage(), ...holders.map(refreshHolder)]);
}

async function refreshHolder(holder: HTMLElement): Promise<void> {
  const address = addressOf(holder);
  const found = await pageAt(address);
  // Another page may stand in it by now.
  if (found?.how === 'whole' && !found.redirected && addressOf(holder) === address) swapRegions(regionsOf(holder), found.page);
}

async function refreshPage(): Promise<void> {
  const found = await pageAt(location.href);
  // Sent elsewhere (a session that ended, somebody admitted): the person goes there, unless they are typing.
  if (found?.redirected && found.at.pathname !== location.pathname) {
    if (!typing(document.body)) location.assign(found.at);
    return;
  }
  if (found?.how === 'ended') reach('ended');
  if (found?.how !== 'whole') return;
  reach('back');
  const fresh = found.page;
  const regions = regionsOf(document);
  // None of ours in it: the address shows another page now, as home does once an officer has admitted us.
  if (regions.length > 0 && !regions.some(({ id }) => fresh.getElementById(id))) {
    if (!typing(document.body)) location.reload();
    return;
  }
  swap(fresh);
}

/** Swap every region of this document that differs in `fresh`. */
export function swap(fresh: Document): void {
  // The room's door opens or shuts with the sitting, and with our list: that is another page, unless somebody is inside.
  const [room, door] = [document.getElementById('room'), fresh.getElementById('room')];
  const inside = ['joining', 'in', 'lost'].includes(room?.dataset['state'] ?? '');
  if (room && door && !inside && ['sitting', 'named'].some(name => room.dataset[name] !== door.dataset[name])) {
    location.reload();
    return;
  }
  swapRegions(regionsOf(document), fresh);
  const title = fresh.querySelector('title')?.textContent;
  if (title) document.title = title;
}

function swapRegions(regions: readonly HTMLElement[], fresh: Document): void {
  const said = new Set<string>();
  for (const old of regions) {
    const come = fresh.getElementById(old.id);
    if (!come || !old.isConnected) continue;
    if ((served.get(old) ?? spelling(old)) === spelling(come) && sameAttributes(old, come)) continue;
    // What was typed and left goes along (`typed`); nobody's words are moved under their hands.
    if (atWork(old) || old.querySelector('form[aria-busy=true], dialog[open], [data-held]') || !carried(old, come)) {
      old.setAttribute(QUIET, '');
      continue;
    }
    const words = old.dataset['announce'];
    exchange(old, come);
    if (words !== '') said.add(words ?? t('live.updated'));
  }
  if (said.size > 0) announce([...said].join(' '));
}

/** The regions of one page: of this one, or of the one that a drawer holds. */
function regionsOf(within: Document | HTMLElement): HTMLElement[] {
  const own = within instanceof Document ? null : within;
  return Array.from(within.querySelectorAll<HTMLElement>('[data-region][id]'))
    .filter(region => region.closest('[data-page-address]') === own);
}

/** The markup a region was served with: scripts may have changed it since, and that is no news. */
const served = new WeakMap<Element, string>();

function note(within: ParentNode): void {
  for (const region of Array.from(within.querySelectorAll('[data-region][id]'))) served.set(region, spelling(region));
}

/** A region's markup without what changes by itself: clocks that go, what forms say of themselves. */
function spelling(region: Element): string {
  const copy = region.cloneNode(true) as Element;
  for (const clock of Array.from(copy.querySelectorAll('time[data-clock]'))) clock.replaceWith('');
  for (const status of Array.from(copy.querySelectorAll('[data-form-status]'))) status.replaceWith('');
  for (const element of Array.from(copy.querySelectorAll('noscript'))) element.remove();
  // A region within a region changes by itself.
  for (const inner of Array.from(copy.querySelectorAll('[data-region][id]'))) inner.replaceWith('');
  return copy.innerHTML;
}

function exchange(old: HTMLElement, come: HTMLElement): void {
  const focused = document.activeElement instanceof HTMLElement && old.contains(document.activeElement)
    ? document.activeElement : null;
  const key = focused ? keyOf(focused) : '';
  const open = new Map(Array.from(old.querySelectorAll('details'), details => [keyOf(details), details.open]));
  const fresh = document.importNode(come, true);
  served.set(fresh, spelling(come));
  note(fresh);
  for (const details of Array.from(fresh.querySelectorAll('details'))) {
    details.open = open.get(keyOf(details)) ?? details.open;
  }
  if (old instanceof HTMLDetailsElement && old.open && fresh instanceof HTMLDetailsElement) fresh.open = true;
  if (fresh.querySelectorAll(CLOSED).length > old.querySelectorAll(CLOSED).length) fresh.setAttribute(CLOSING, '');
  const statuses = statusesOf(old);
  old.replaceWith(fresh);
  // What a form said last (it was not signed, it was refused) stands until it says another thing.
  for (const [name, status] of statusesOf(fresh)) {
    const said = statuses.get(name);
    if (said?.hasChildNodes() && !status.hasChildNodes()) status.replaceWith(said);
  }
  fresh.dispatchEvent(new CustomEvent('visavis:swapped', { bubbles: true }));
  if (!focused) return;
  const candidates = Array.from(fresh.querySelectorAll<HTMLElement>('a, button, input, select, textarea, summary'));
  const target = candidates.find(candidate => keyOf(candidate) === key) ?? fresh;
  if (target === fresh) fresh.tabIndex = -1;
  target.focus({ preventScroll: true });
}

/** The line in which each form says how it goes, by the form's name. */
function statusesOf(region: HTMLElement): Map<string, HTMLElement> {
  return new Map(Array.from(region.querySelectorAll<HTMLElement>('form [data-form-status]'), status => (
    [nameOf(status.closest('form') as HTMLFormElement), status]
  )));
}

/** What makes an element the same one across an exchange: its id, or what it is and says. */
function keyOf(element: Element): string {
  if (element.id) return `#${element.id}`;
  const form = element.closest('form');
  const values = form ? Array.from(new FormData(form).values()).join() : '';
  const words = element instanceof HTMLDetailsElement
    ? element.querySelector('summary')?.textContent : element.textContent;
  return [element.tagName, ...['name', 'href', 'aria-label'].map(name => element.getAttribute(name)),
    form?.dataset['command'], values, words?.trim()].join('|');
}

/** Whether somebody is typing in `within`, or has typed something there that is not sent yet. */
function typing(within: HTMLElement): boolean {
  return atWork(within) || dirty(within);
}

/** Whether the caret, or whatever is being chosen, is in `within`. */
function atWork(within: HTMLElement): boolean {
  return controlsOf(within).some(control => control === document.activeElement);
}

function sameAttributes(one: Element, other: Element): boolean {
  const list = (element: Element): string => Array.from(element.attributes)
    .filter(({ name }) => ![QUIET, CLOSING, 'open', 'tabindex'].includes(name))
    .map(({ name, value }) => `${name}=${value}`).sort().join('\n');
  return list(one) === list(other);
}

/** Say it to who cannot see it: politely, in the page's one live region. */
export function announce(words: string): void {
  const region = document.getElementById('announcements');
  if (!region) return;
  region.textContent = '';
  requestAnimationFrame(() => {
    region.textContent = words;
  });
}

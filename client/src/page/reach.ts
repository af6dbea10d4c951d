/** What a page shows while the node does not answer, and once the session has ended; and that one stays on it meanwhile.
 *
 * Lives here: `listen`, `reach`. Not here: noticing (`live`, which holds the connection), what was typed (`typed`).
 *
 * A browser's own page for an address that does not answer takes away what was there. So while the node is known not to
 * answer, a link of ours asks it first: the person goes if it does, and stays if it does not.
 */

import { t } from '../words';

export type Reach = 'lost' | 'back' | 'ended';

const PROBE_MS = 4_000;

/** Say how the node is reached from here on. */
export function reach(how: Reach): void {
  document.dispatchEvent(new CustomEvent<Reach>('visavis:reach', { detail: how }));
}

export function listen(): void {
  document.addEventListener('visavis:reach', event => show((event as CustomEvent<Reach>).detail));
  addEventListener('offline', () => reach('lost'));
  addEventListener('online', () => void answers().then(well => well && reach('back')));
  document.addEventListener('click', event => {
    const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>('a[href]') : null;
    if (!link || shown()?.dataset['reach'] !== 'lost' || !leads(link, event)) return;
    event.preventDefault();
    void answers().then(well => {
      if (well) location.assign(link.href);
      else say(t('reach.stay'));
    });
  });
}

/** Whether the click would leave this page for another of this node's. */
function leads(link: HTMLAnchorElement, event: MouseEvent): boolean {
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  const here = link.origin === location.origin && !link.target && !link.hasAttribute('download');
  return plain && here && link.href.split('#')[0] !== location.href.split('#')[0];
}

async function answers(): Promise<boolean> {
  try {
    return (await fetch('/health', { cache: 'no-store', signal: AbortSignal.timeout(PROBE_MS) })).ok;
  } catch {
    return false;
  }
}

function shown(): HTMLElement | null {
  return document.querySelector<HTMLElement>('[data-reach]');
}

function show(how: Reach): void {
  const there = shown();
  if (how === 'back' || there?.dataset['reach'] !== how) there?.remove();
  if (how === 'back' || shown()) return;
  const words = t(how === 'lost' ? 'reach.lost' : 'reach.ended');
  // The room has no place beside its picture, and the call says itself how it is connected.
  if (document.querySelector('main.room-main')) {
    const region = document.getElementById('announcements');
    if (region) region.textContent = words;
    return;
  }
  const notice = document.createElement('div');
  notice.className = 'mutual notice reach';
  notice.dataset['reach'] = how;
  notice.setAttribute('role', 'alert');
  const line = document.createElement('p');
  line.textContent = words;
  notice.append(line);
  if (how === 'ended') {
    const door = document.createElement('a');
    door.href = '/';
    door.target = '_blank';
    door.textContent = t('reach.sign-in');
    const way = document.createElement('p');
    way.append(door);
    notice.append(way);
  }
  document.querySelector('main')?.prepend(notice);
}

function say(words: string): void {
  const line = shown()?.querySelector('p');
  if (line) line.textContent = words;
}

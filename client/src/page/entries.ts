/** What a fold holds comes when it is opened: `<details>…<a href data-fills=".what">`. And a link to an entry that
 * stands on another page of the record leads to the entry.
 *
 * Lives here: `listen`. Not here: what is fetched (the node's pages). Without it the link is followed.
 */

import { pageAt } from './fetched';

export function listen(): void {
  // A toggle does not bubble; a live update opens what was open, and that tells of it again.
  document.addEventListener('toggle', ({ target }) => {
    if (target instanceof HTMLDetailsElement && target.open) void fill(target);
  }, true);
  const logs = document.querySelector<HTMLElement>('[data-entries][data-sides]');
  if (!logs) return;
  land(logs);
  addEventListener('hashchange', () => land(logs));
}

async function fill(details: HTMLDetailsElement): Promise<void> {
  const link = details.querySelector<HTMLAnchorElement>('a[data-fills]');
  if (!link || details.hasAttribute('aria-busy')) return;
  details.setAttribute('aria-busy', 'true');
  const found = await pageAt(link.href);
  details.removeAttribute('aria-busy');
  const part = found?.how === 'whole' && !found.redirected ? found.page.querySelector(link.dataset['fills'] ?? '') : null;
  // Else the link stands, and says itself what is wrong when it is followed.
  if (!part) return;
  const focused = document.activeElement === link;
  (link.closest('p') ?? link).replaceWith(document.importNode(part, true));
  if (focused) details.querySelector('summary')?.focus();
}

/** #ours-12: on this page the browser has gone there; else the entry has an address. */
function land(logs: HTMLElement): void {
  const [, who, n] = /^#(ours|theirs)-(\d{1,8})$/.exec(location.hash) ?? [];
  if (who === undefined || document.getElementById(location.hash.slice(1))) return;
  const [ours, theirs] = (logs.dataset['sides'] ?? '').split(' ');
  location.replace(`${logs.dataset['entries'] ?? ''}/${(who === 'ours' ? ours : theirs) ?? ''}/${n ?? ''}`);
}

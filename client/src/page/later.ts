/** Scripts that a page needs only when it stands.
 *
 * Lives here: `listen`. An element names its script in `data-later`; it is fetched when all else has been.
 */

export function listen(): void {
  const named = document.querySelectorAll<HTMLElement>('[data-later]');
  if (named.length === 0) return;
  const fetched = () => named.forEach(each => void import(each.dataset['later'] ?? ''));
  if (document.readyState === 'complete') fetched();
  else addEventListener('load', fetched, { once: true });
}

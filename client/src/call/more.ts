/** The controls that are rarely needed stand behind *More*.
 *
 * Lives here: `listen`, `back`. Not here: which they are (the room's page), how much room there is (its style).
 *
 *     <footer class="controls" data-open><button id="more" aria-controls="more-controls" aria-expanded="true">
 *
 * Esc folds them away, and so does opening a drawer: it needs their room.
 */

export function listen(page: Document): void {
  const more = moreOf(page);
  if (!more) return;
  page.addEventListener('click', event => {
    const at = event.target instanceof Element ? event.target : null;
    if (at?.closest('#more')) unfold(more, more.getAttribute('aria-expanded') !== 'true');
    else if (at?.closest('button[data-drawer]')) unfold(more, false);
  });
  page.addEventListener('keydown', event => {
    const inside = more.closest('.controls')?.contains(page.activeElement) === true;
    if (event.key !== 'Escape' || event.defaultPrevented || !inside || more.getAttribute('aria-expanded') !== 'true') return;
    event.preventDefault();
    unfold(more, false);
    if (page.activeElement?.checkVisibility() !== true) more.focus();
  });
}

/** The focus comes back to a control; to *More*, if that stands behind it now. */
export function back(control: HTMLElement): void {
  (control.checkVisibility() ? control : moreOf(document) ?? control).focus();
}

function moreOf(page: Document): HTMLElement | null {
  return page.getElementById('more');
}

function unfold(more: HTMLElement, open: boolean): void {
  more.setAttribute('aria-expanded', String(open));
  more.closest('.controls')?.toggleAttribute('data-open', open);
}

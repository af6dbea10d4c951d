/** Drawers: they rise from below in the room, the picture shrinks above them, and the call goes on.
 *
 * Lives here: `listen`. Not here: what a drawer shows.
 *
 *     <button data-drawer="notes-drawer" aria-controls="notes-drawer" aria-expanded="false">
 *     <section class="drawer" id="notes-drawer" hidden tabindex="-1">  <button data-drawer-close>
 *
 * One at a time. Esc, or the control again, closes it; the focus goes in, and comes back to the control.
 */

export function listen(page: Document): void {
  let opener: HTMLElement | null = null;
  const turn = (control: HTMLElement, open: boolean): void => {
    const drawer = page.getElementById(control.dataset['drawer'] ?? '');
    if (!drawer) return;
    drawer.hidden = !open;
    control.setAttribute('aria-expanded', String(open));
    opener = open ? control : null;
    (open ? drawer : control).focus({ preventScroll: true });
  };
  page.addEventListener('click', event => {
    const at = event.target instanceof Element ? event.target : null;
    const control = at?.closest<HTMLElement>('[data-drawer]');
    if (opener && at?.closest('[data-drawer-close]')) return turn(opener, false);
    if (!control) return;
    const other = control !== opener;
    if (opener) turn(opener, false);
    if (other) turn(control, true);
  });
  page.addEventListener('keydown', event => {
    if (event.key !== 'Escape' || event.defaultPrevented || !opener || page.querySelector('dialog[open]')) return;
    event.preventDefault();
    turn(opener, false);
  });
}

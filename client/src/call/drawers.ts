/** Drawers: they rise from below in the room, the picture shrinks above them, and the call goes on.
 *
 * Lives here: `listen`. Not here: what a drawer shows: the room's page, or another page of the node, fetched at its own
 * address and kept up to date there (`page/live`); forms that sign (`signing/forms`); what is typed (`page/typed`).
 *
 *     <button data-drawer="agenda-drawer" aria-controls="agenda-drawer" aria-expanded="false">
 *     <button data-drawer="page-drawer" data-address="/d/…/review">
 *     <section class="drawer" id="page-drawer" hidden tabindex="-1">
 *         <button data-drawer-close>  <button data-drawer-back>  <div data-drawer-page>
 *
 * One at a time. Esc, or the control again, closes it; the focus goes in, and comes back to the control.
 */

import { type Fetched, pageAt } from '../page/fetched';
import { adopt, addressOf, refreshSoon } from '../page/live';
import { back } from './more';
import { w } from './words';

/** Pages of the dialogue that a drawer holds; others open in a tab of their own, since leaving the page leaves the call. */
const HELD = /^\/d\/[^/]+(?:\/understandings\/[^/.]+|\/talks\/[^/]+\/review)?\/?$/;

export function listen(page: Document): void {
  new Drawers(page).start();
}

class Drawers {
  private opener: HTMLButtonElement | null = null;
  /** Where each control's drawer was left. */
  private readonly left = new Map<HTMLButtonElement, string>();
  private turn = 0;

  constructor(private readonly page: Document) {}

  start(): void {
    this.page.addEventListener('click', event => {
      const at = event.target instanceof Element ? event.target : null;
      const control = at?.closest<HTMLButtonElement>('button[data-drawer]');
      if (control) return control === this.opener ? this.close() : void this.open(control);
      if (at?.closest('[data-drawer-close]')) return this.close();
      if (at?.closest('[data-drawer-back]')) return void this.go(this.home(), true);
      this.follow(event, at?.closest('a') ?? null);
    });
    this.page.addEventListener('keydown', event => {
      // A dialog has its own Esc, and so has whatever took the key.
      if (event.key !== 'Escape' || event.defaultPrevented || this.page.querySelector('dialog[open]')) return;
      if (!this.opener) return;
      event.preventDefault();
      this.close();
    });
    this.page.addEventListener('submit', event => void this.send(event));
    // A form that was signed leads on; here it leads on in its drawer.
    this.page.addEventListener('visavis:go', event => {
      if (!(event instanceof CustomEvent) || !(event.target instanceof Element) || !this.holds(event.target)) return;
      event.preventDefault();
      void this.go(String(event.detail), true);
    });
  }

  private async open(control: HTMLButtonElement): Promise<void> {
    this.shut();
    const drawer = this.drawerOf(control);
    if (!drawer) return;
    this.opener = control;
    control.setAttribute('aria-expanded', 'true');
    drawer.hidden = false;
    const home = control.dataset['address'];
    if (home === undefined) return focus(drawer);
    const title = drawer.querySelector('h2');
    if (title) title.textContent = control.dataset['title'] ?? '';
    focus(drawer);
    await this.go(this.left.get(control) ?? home, false);
  }

  /** Close what is open; the focus goes back to its control. */
  private close(): void {
    const control = this.opener;
    if (!control) return;
    this.shut();
    back(control);
  }

  private shut(): void {
    const control = this.opener;
    const drawer = control && this.drawerOf(control);
    if (!control || !drawer) return;
    this.opener = null;
    this.turn += 1;
    drawer.hidden = true;
    control.setAttribute('aria-expanded', 'false');
  }

  private drawerOf(control: HTMLButtonElement): HTMLElement | null {
    return this.page.getElementById(control.dataset['drawer'] ?? '');
  }

  private home(): string {
    return this.opener?.dataset['address'] ?? '';
  }

  private get holder(): HTMLElement | null {
    return this.page.querySelector('[data-drawer-page]');
  }

  private holds(element: Element): boolean {
    return this.opener !== null && this.holder?.contains(element) === true;
  }

  /** Show the page at `address`. further: it was gone to from another, and the focus goes to its beginning. */
  private async go(address: string, further: boolean): Promise<void> {
    const { holder } = this;
    const to = new URL(address, location.href);
    if (!holder) return;
    if (!HELD.test(to.pathname)) return void open(to, '_blank', 'noopener');
    const stands = holder.childElementCount > 0 && addressOf(holder) === place(to);
    if (stands && !further) return refreshSoon();
    await this.fetched(holder, to, pageAt(to), further);
  }

  private async fetched(
    holder: HTMLElement, asked: URL, answer: Promise<Fetched | undefined>, further: boolean,
  ): Promise<void> {
    const turn = (this.turn += 1);
    holder.setAttribute('aria-busy', 'true');
    this.say(w('drawer.fetching'));
    const found = await answer;
    holder.removeAttribute('aria-busy');
    // Another was asked for meanwhile, or it was closed.
    if (turn !== this.turn || !this.opener) return;
    const address = found?.redirected ? found.at : asked;
    // Where no page of the dialogue is meant, somebody has to go there themselves: a session that ended, a file.
    if (!found || !HELD.test(address.pathname)) return this.say(w('drawer.failed'));
    const part = this.partOf(found.page, address);
    holder.replaceChildren(...Array.from(part?.childNodes ?? [], node => this.page.importNode(node, true)));
    for (const link of Array.from(holder.querySelectorAll<HTMLAnchorElement>('a[href]'))) {
      lead(link, address);
    }
    adopt(holder, place(address));
    this.left.set(this.opener, place(address));
    this.say('');
    const drawer = holder.closest<HTMLElement>('.drawer');
    drawer?.querySelector('[data-drawer-back]')?.toggleAttribute('hidden', place(address) === place(new URL(this.home(), location.href)));
    const aim = address.hash && holder.querySelector(`#${CSS.escape(address.hash.slice(1))}`);
    if (drawer) drawer.scrollTop = 0;
    if (further && drawer) focus(drawer);
    if (aim) aim.scrollIntoView();
  }

  /** What of a page stands in a drawer: its register, of the dialogue's; else all of it. */
  private partOf(fresh: Document, { pathname }: URL): Element | null | undefined {
    const whole = fresh.getElementById('main') ?? fresh.querySelector('main');
    return /^\/d\/[^/]+\/?$/.test(pathname) ? fresh.getElementById('register')?.closest('section') ?? whole : whole;
  }

  private follow(event: MouseEvent, link: HTMLAnchorElement | null): void {
    if (!link || !this.holds(link) || link.target === '_blank') return;
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link.getAttribute('href')?.startsWith('#')) return;
    event.preventDefault();
    void this.go(link.href, true);
  }

  /** A form that the node keeps, sent without leaving the page. One that signs is not ours. */
  private async send(event: SubmitEvent): Promise<void> {
    const form = event.target;
    if (event.defaultPrevented || !(form instanceof HTMLFormElement) || !this.holds(form) || !this.holder) return;
    if (['command', 'enrol', 'signIn'].some(name => name in form.dataset) || form.method === 'dialog') return;
    event.preventDefault();
    const given = new FormData(form, event.submitter);
    const here = new URL(addressOf(form), location.href);
    const to = new URL(event.submitter?.getAttribute('formaction') ?? form.getAttribute('action') ?? '', here);
    const fields = new URLSearchParams(Array.from(given, ([name, value]) => [name, typeof value === 'string' ? value : '']));
    if (form.method === 'get') {
      to.search = fields.toString();
      return this.go(place(to), true);
    }
    const body = form.enctype === 'multipart/form-data' ? given : fields;
    const answer = pageAt(to, body).then(found => (
      found?.redirected && !HELD.test(found.at.pathname) ? pageAt(here) : found
    ));
    // Answered in place, as a refused form is, it is still the page that the form stood on.
    await this.fetched(this.holder, here, answer, true);
  }

  private say(words: string): void {
    const line = this.holder?.closest('.drawer')?.querySelector('[data-drawer-say]');
    if (line) line.textContent = words;
  }
}

function place({ pathname, search }: URL): string {
  return pathname + search;
}

function focus(drawer: HTMLElement): void {
  drawer.focus({ preventScroll: true });
  // Below the device check the page scrolls.
  drawer.scrollIntoView({ block: 'nearest' });
}

/** A link leads where it leads on its own page; what a drawer does not hold opens in a tab of its own. */
function lead(link: HTMLAnchorElement, page: URL): void {
  const written = link.getAttribute('href') ?? '';
  if (written.startsWith('#')) return;
  const to = new URL(written, page);
  link.href = to.href;
  if (to.origin === location.origin && HELD.test(to.pathname) && !link.hasAttribute('download')) return;
  link.target = '_blank';
  link.rel = 'noopener';
}

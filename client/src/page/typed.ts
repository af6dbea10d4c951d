/** What somebody has typed into a form and not signed yet: kept in this tab, so that it outlives the page.
 *
 * Lives here: `listen`, `dirty`, `keep`, `forget`, `carried`, `nameOf`. Not here: swapping regions (`live`), signing (`signing/forms`).
 *
 *     <body data-delegate="…">                       whose words they are
 *     <form data-command data-seen="2">              a form that signs; the version of our word it was opened on
 *     <form method="post" data-keep>                 one that the node keeps; its version is its field `seen`
 *     <form method="post" data-keep="sent">          one that is empty again once it was sent; if it has a field `seen`,
 *                                                    then once the page is served with another
 *
 * In `sessionStorage`: it ends with the tab and no other tab reads it, so two tabs on one form do not write over each
 * other. It survives a reload, going back, a refusal, and a session that ended; it is gone when it is signed, when it
 * is thrown away, when its person signs out in any tab, and when anybody else signs in.
 */

import { t } from '../words';

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** fields: name, its turn among those of one name, value; of a box or a radio button, whether it is on. sent: nobody knows
 * yet whether it came. */
interface Kept {
  readonly seen: string | null;
  readonly sent?: boolean;
  readonly fields: readonly (readonly [name: string, turn: number, value: string, on: boolean | null])[];
}

const PREFIX = 'visavis.typed.';
const CONTROLS = 'input:not([type=hidden], [type=file], [type=password]), textarea:not([hidden]), select';
const FORMS = 'form[data-command], form[data-keep]';

let me: string | undefined;

export function listen(): void {
  me = document.body.dataset['delegate'];
  if (!me) return;
  sweep(name => !name.startsWith(`${PREFIX}${me}|`));
  const refill = (within: ParentNode): void => {
    for (const form of Array.from(within.querySelectorAll<HTMLFormElement>(FORMS))) restore(form);
  };
  refill(document);
  document.addEventListener('visavis:swapped', event => {
    if (event.target instanceof HTMLElement) refill(event.target);
  });
  for (const kind of ['input', 'change']) {
    document.addEventListener(kind, event => {
      const form = event.target instanceof Element ? event.target.closest('form') : null;
      if (form?.matches(FORMS)) keep(form);
    });
  }
  const doors = new BroadcastChannel('visavis.doors');
  const left = (): void => {
    me = undefined;
    sweep(() => true);
  };
  doors.onmessage = () => {
    left();
    // Signed out in another tab: what this one shows is nobody's here any more. A call is left by oneself.
    if (!document.querySelector('#room[data-state]:not([data-state="out"])')) location.replace('/');
  };
  document.addEventListener('submit', event => {
    if (!(event.target instanceof HTMLFormElement)) return;
    if (event.target.dataset['keep'] === 'sent') {
      const kept = read(event.target);
      if (kept?.seen != null) sessionStorage.setItem(placeOf(event.target), JSON.stringify({ ...kept, sent: true }));
      else forget(event.target);
    }
    if (!event.target.matches('.leave')) return;
    left();
    doors.postMessage('left');
  });
}

/** Whether something in `within` says other than the page was served with. */
export function dirty(within: ParentNode): boolean {
  return controlsOf(within).some(changed);
}

export function controlsOf(within: ParentNode): Control[] {
  return Array.from(within.querySelectorAll<Control>(CONTROLS));
}

function changed(control: Control): boolean {
  if (control instanceof HTMLSelectElement) {
    const options = Array.from(control.options);
    return options.some(option => option.selected !== option.defaultSelected)
      && options.some(option => option.defaultSelected);
  }
  if (control instanceof HTMLInputElement && isBox(control)) return control.checked !== control.defaultChecked;
  return control.value !== control.defaultValue;
}

/** Write down what the form says now, if it says anything of its own. */
export function keep(form: HTMLFormElement): void {
  if (!me) return;
  if (!dirty(form)) {
    forget(form);
    return;
  }
  const turns = new Map<string, number>();
  const fields: Kept['fields'][number][] = [];
  for (const control of controlsOf(form)) {
    if (!control.name) continue;
    const turn = turns.get(control.name) ?? 0;
    turns.set(control.name, turn + 1);
    fields.push([control.name, turn, control.value, isBox(control) ? control.checked : null]);
  }
  try {
    sessionStorage.setItem(placeOf(form), JSON.stringify({ seen: seenOf(form), fields } satisfies Kept));
    note(form);
  } catch {
    // The store is full or forbidden: the words are on the page still, and nothing is promised of them.
  }
}

/** Nothing of this form is kept any more. */
export function forget(form: HTMLFormElement): void {
  if (me) sessionStorage.removeItem(placeOf(form));
  form.querySelector('[data-kept]')?.remove();
}

/** Whether all that is typed in `old` would be found again in `come`, which takes its place. Keeps it, if so. */
export function carried(old: ParentNode, come: ParentNode): boolean {
  if (!dirty(old)) return true;
  if (!me) return false;
  const forms = Array.from(old.querySelectorAll<HTMLFormElement>(FORMS)).filter(dirty);
  const free = controlsOf(old).filter(changed).some(control => !control.form?.matches(FORMS));
  const there = new Set(Array.from(come.querySelectorAll<HTMLFormElement>(FORMS), nameOf));
  if (free || !forms.every(form => there.has(nameOf(form)))) return false;
  forms.forEach(keep);
  return forms.every(form => sessionStorage.getItem(placeOf(form)) !== null);
}

/** Fill the form with what is kept of it. */
function restore(form: HTMLFormElement): void {
  const kept = read(form);
  if (!kept) return;
  if (kept.sent && kept.seen !== seenOf(form)) {
    forget(form);
    return;
  }
  const controls = controlsOf(form);
  for (const [name, turn, value, on] of kept.fields) {
    const same = controls.filter(control => control.name === name);
    if (on !== null) {
      const box = same.find(control => isBox(control) && control.value === value);
      if (box instanceof HTMLInputElement) box.checked = on;
      continue;
    }
    const control = same[turn];
    if (!control) continue;
    if (control instanceof HTMLSelectElement && !Array.from(control.options).some(each => each.value === value)) continue;
    // The node trims what it keeps.
    if (control.value.trim() !== value.trim()) control.value = value;
  }
  // As served it may say the same by now: it was signed in another tab, or the node keeps it.
  if (!dirty(form)) {
    forget(form);
    return;
  }
  const now = seenOf(form);
  if (now !== null) form.dataset['served'] ??= now;
  if (kept.seen !== null) see(form, kept.seen);
  for (let fold = form.closest('details'); fold; fold = fold.parentElement?.closest('details') ?? null) fold.open = true;
  note(form);
  form.dispatchEvent(new CustomEvent('visavis:refilled', { bubbles: true }));
}

function read(form: HTMLFormElement): Kept | null {
  const text = sessionStorage.getItem(placeOf(form));
  try {
    return text === null ? null : (JSON.parse(text) as Kept);
  } catch {
    return null;
  }
}

/** The line that says so, with the way to throw it away. */
function note(form: HTMLFormElement): void {
  if (form.querySelector('[data-kept]')) return;
  const line = document.createElement('p');
  line.className = 'kept tiny row';
  line.dataset['kept'] = '';
  const words = document.createElement('span');
  words.textContent = t('typed.kept');
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'kept-discard';
  button.textContent = t('typed.discard');
  button.addEventListener('click', () => discard(form));
  line.append(words, button);
  const status = form.querySelector('[data-form-status]') ?? form.querySelector('button[type=submit]')?.closest('p');
  if (status) status.before(line);
  else form.append(line);
}

function discard(form: HTMLFormElement): void {
  form.reset();
  if (form.dataset['served'] !== undefined) see(form, form.dataset['served']);
  forget(form);
  const status = form.querySelector('[data-form-status]');
  status?.replaceChildren();
  form.querySelector<HTMLButtonElement>('button[type=submit]')?.focus();
  form.dispatchEvent(new CustomEvent('visavis:refilled', { bubbles: true }));
  // What the page put off while there was something typed.
  form.dispatchEvent(new CustomEvent('visavis:freed', { bubbles: true }));
}

/** What makes a form the same one on another day: where it is, what it does, and to what. */
export function nameOf(form: HTMLFormElement): string {
  const hidden = Array.from(form.querySelectorAll<HTMLInputElement>('input[type=hidden]'));
  const to = hidden.filter(({ name }) => name !== 'seen').map(({ name, value }) => `${name}=${value}`).sort();
  // In a drawer it is the form of the page that the drawer holds.
  const page = form.closest<HTMLElement>('[data-page-address]')?.dataset['pageAddress'] ?? location.href;
  return [new URL(page, location.href).pathname, form.dataset['command'] ?? form.getAttribute('action') ?? '', ...to].join('|');
}

/** The version of our word, or of the draft, that the form was opened on. */
function seenOf(form: HTMLFormElement): string | null {
  return form.querySelector<HTMLInputElement>('input[name=seen]')?.value ?? form.dataset['seen'] ?? null;
}

function see(form: HTMLFormElement, version: string): void {
  const field = form.querySelector<HTMLInputElement>('input[name=seen]');
  if (field) field.value = version;
  else form.dataset['seen'] = version;
}

function placeOf(form: HTMLFormElement): string {
  return `${PREFIX}${me}|${nameOf(form)}`;
}

function sweep(which: (name: string) => boolean): void {
  const names = Array.from({ length: sessionStorage.length }, (_, at) => sessionStorage.key(at) ?? '');
  for (const name of names) if (name.startsWith(PREFIX) && which(name)) sessionStorage.removeItem(name);
}

function isBox(control: Control): control is HTMLInputElement {
  return control instanceof HTMLInputElement && (control.type === 'checkbox' || control.type === 'radio');
}

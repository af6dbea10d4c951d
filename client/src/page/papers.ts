/** A form that sends a file: chosen or dragged, with how far it is; without this script the browser sends it.
 *
 * Lives here: `listen`. Not here: what a paper may be (the node looks at its bytes), the words (the page's own).
 *
 *     <form data-lays data-limit="8388608" data-too-large="…" …>   its words for every outcome
 *     <div data-drop>                                              where a file may be dropped
 *     <progress hidden>, <button data-stop hidden>                 while it is sent
 *
 * The node answers with a page: the paper's, or this one with the reason of a refusal in `#refused`. The reason is said
 * here, so that the chosen item and the person's place stay.
 */

import { alone } from '../harmless';

let sending: XMLHttpRequest | undefined;

export function listen(): void {
  const form = document.querySelector<HTMLFormElement>('form[data-lays]');
  const input = form?.querySelector<HTMLInputElement>('input[type=file]');
  if (!form || !input) return;
  drops(form, input);
  input.addEventListener('change', () => chosen(form, input));
  form.querySelector('[data-stop]')?.addEventListener('click', () => sending?.abort());
  form.addEventListener('submit', event => {
    event.preventDefault();
    if (!sending) send(form, input);
  });
  // A page that comes back from the browser's cache has nothing under way.
  addEventListener('pageshow', event => {
    if (event.persisted) at(form, undefined);
  });
}

function drops(form: HTMLFormElement, input: HTMLInputElement): void {
  const zone = form.querySelector<HTMLElement>('[data-drop]');
  // A file that misses the place must not take the page away.
  for (const kind of ['dragover', 'drop']) addEventListener(kind, event => event.preventDefault());
  zone?.addEventListener('dragover', () => zone.setAttribute('data-over', ''));
  for (const kind of ['dragleave', 'drop']) zone?.addEventListener(kind, () => zone.removeAttribute('data-over'));
  zone?.addEventListener('drop', event => {
    const files = event.dataTransfer?.files;
    const first = files?.[0];
    if (!first || sending) return;
    const one = new DataTransfer();
    one.items.add(first);
    input.files = one.files;
    chosen(form, input);
    if (files.length > 1 && form.dataset['state'] !== 'error') say(form, form.dataset['one'] ?? '');
    form.querySelector<HTMLElement>('button[type=submit]')?.focus();
  });
}

/** What is too large or empty is said before a byte is sent; whatever else it is, the node finds out. */
function chosen(form: HTMLFormElement, input: HTMLInputElement): boolean {
  const file = input.files?.[0];
  const { limit, tooLarge, empty, chosen: words } = form.dataset;
  const wrong = !file || file.size === 0 ? empty : file.size > Number(limit) ? tooLarge : undefined;
  input.toggleAttribute('aria-invalid', wrong !== undefined);
  if (wrong !== undefined) input.setAttribute('aria-invalid', 'true');
  if (wrong !== undefined || !file) say(form, wrong ?? '', 'error');
  else say(form, (words ?? '').replace('{name}', alone(file.name)).replace('{size}', sized(file.size)));
  return wrong === undefined;
}

function sized(bytes: number): string {
  const [n, unit] = bytes < 1024 ? [bytes, 'byte'] : bytes < 1024 ** 2 ? [bytes / 1024, 'kilobyte'] : [bytes / 1024 ** 2, 'megabyte'];
  return new Intl.NumberFormat(document.documentElement.lang, {
    style: 'unit', unit, unitDisplay: 'short', maximumSignificantDigits: 3,
  }).format(n);
}

function send(form: HTMLFormElement, input: HTMLInputElement): void {
  if (!chosen(form, input)) {
    input.focus();
    return;
  }
  const ask = new XMLHttpRequest();
  ask.open('POST', form.action);
  ask.setRequestHeader('Accept', 'text/html');
  ask.upload.onprogress = ({ loaded, total }) => at(form, Math.floor((100 * loaded) / Math.max(1, total)));
  ask.onload = () => {
    at(form, undefined);
    if (ask.status < 300 && new URL(ask.responseURL).pathname !== location.pathname) {
      // Its page, which is one's own place now: going back does not send it again.
      form.reset();
      location.assign(ask.responseURL);
      return;
    }
    const page = new DOMParser().parseFromString(ask.responseText, 'text/html');
    const why = page.querySelector('#refused, main .notice')?.textContent?.trim();
    const words = ask.status === 413 ? form.dataset['tooLarge'] : why;
    say(form, words || form.dataset['failed'] || '', 'error');
    input.setAttribute('aria-invalid', 'true');
    input.focus();
  };
  ask.onerror = ask.ontimeout = () => {
    at(form, undefined);
    say(form, form.dataset['failed'] ?? '', 'error');
  };
  ask.onabort = () => {
    at(form, undefined);
    say(form, form.dataset['stopped'] ?? '');
  };
  sending = ask;
  at(form, 0);
  ask.send(new FormData(form));
}

/** Show how far it is; undefined: nothing is under way. */
function at(form: HTMLFormElement, n: number | undefined): void {
  if (n === undefined) sending = undefined;
  form.toggleAttribute('aria-busy', false);
  if (n !== undefined) form.setAttribute('aria-busy', 'true');
  const bar = form.querySelector('progress');
  const stop = form.querySelector<HTMLElement>('[data-stop]');
  const button = form.querySelector<HTMLElement>('button[type=submit]');
  if (bar) {
    bar.hidden = n === undefined;
    bar.value = n ?? 0;
  }
  if (stop) {
    const had = document.activeElement === stop;
    stop.hidden = n === undefined;
    if (had && stop.hidden) button?.focus();
  }
  if (n === undefined) button?.removeAttribute('aria-disabled');
  else button?.setAttribute('aria-disabled', 'true');
  // A tenth at a time: whoever hears it is told how far it is, and not every per cent of it.
  if (n !== undefined && n % 10 === 0) say(form, (form.dataset['progress'] ?? '').replace('{n}', String(n)));
}

function say(form: HTMLFormElement, words: string, state = ''): void {
  const region = form.querySelector<HTMLElement>('[data-form-status]');
  if (!region) return;
  if (region.textContent !== words) region.textContent = words;
  for (const element of [region, form]) {
    if (state) element.dataset['state'] = state;
    else delete element.dataset['state'];
  }
}

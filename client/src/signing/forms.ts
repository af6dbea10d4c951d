/** Forms that sign: `<form data-command data-dialogue>`, and the two doors, `data-enrol` and `data-sign-in`.
 *
 * Lives here: catching their submission, saying how it goes in the form's live region.
 * Not here: what is sent (`fields`), checked (`act`, `fits`) and shown (`dialog`).
 *
 * The listener is the document's, so that forms which arrive by a live update sign as well. While one is under
 * way a form is `aria-busy` and takes no second submission. A failure leaves every control as it was.
 */

import { Malformed, Refused, Unreachable, Untrusted } from '../errors';
import { t } from '../words';
import { forget, keep as keepTyped } from '../page/typed';
import { CHANGED, enter, prepare } from './act';
import { consent } from './dialog';
import { keep, makeDeviceKey } from './device';
import { controlsOf, fieldsOf } from './fields';
import { enrol, signIn } from './keys';

export function listen(): void {
  document.addEventListener('submit', event => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement)) return;
    const { command, enrol: token, signIn: door } = form.dataset;
    if (command === undefined && token === undefined && door === undefined) return;
    event.preventDefault();
    if (form.getAttribute('aria-busy') === 'true') return;
    void submit(form, event.submitter);
  });
}

async function submit(form: HTMLFormElement, submitter: HTMLElement | null): Promise<void> {
  form.setAttribute('aria-busy', 'true');
  const buttons = Array.from(form.querySelectorAll<HTMLButtonElement>('button[type=submit]'));
  for (const button of buttons) button.setAttribute('aria-disabled', 'true');
  for (const wrong of Array.from(form.querySelectorAll('[aria-invalid]'))) wrong.removeAttribute('aria-invalid');
  try {
    await carryOut(form, submitter?.dataset['command']);
  } catch (error) {
    report(form, error);
  } finally {
    form.removeAttribute('aria-busy');
    for (const button of buttons) button.removeAttribute('aria-disabled');
    // A live update may have taken the button away while the dialog was open.
    if (submitter?.isConnected && document.activeElement === document.body) submitter.focus();
  }
}

/** other: the command of a second button, which signs the same fields. */
async function carryOut(form: HTMLFormElement, other?: string): Promise<void> {
  const { dialogue, enrol: token, next } = form.dataset;
  const command = other ?? form.dataset['command'];
  if (token !== undefined) {
    say(form, t('enrol.making'));
    await enrol(token, form.dataset['name'] ?? '');
    say(form, t('enrol.done'));
    location.assign(next ?? '/');
    return;
  }
  if (command === undefined) {
    say(form, t('signin.doing'));
    await signIn();
    location.assign(next ?? '/');
    return;
  }
  say(form, t('sign.drafting'));
  const made = command === 'dialogue.admit-device' ? await makeDeviceKey() : undefined;
  const fields = made ? { key: made.id } : fieldsOf(controlsOf(form));
  const { seen } = form.dataset;
  const prepared = await prepare(dialogue ?? '', command, fields, seen ? Number(seen) : undefined);
  // What this device's key signs binds nobody: the button was the word for it.
  if (!prepared.device) {
    say(form, '');
    if (!(await consent(prepared))) {
      say(form, t('sign.cancelled'));
      return;
    }
    say(form, t('sign.signing'));
  }
  const entered = await enter(prepared);
  if (made) await keep(prepared.signed.credential, made);
  form.dataset['entered'] = String(entered.seq);
  // It is said: a live update that comes before the page does must not carry it along.
  form.reset();
  forget(form);
  say(form, t('sign.done'));
  form.dispatchEvent(new CustomEvent('visavis:entered', { bubbles: true, detail: entered }));
  // The room must not be reloaded: its page is brought up to date by the event instead.
  if (next) location.assign(next);
  else if (!document.querySelector('#room[data-state]:not([data-state="out"])')) location.reload();
}

function say(form: HTMLFormElement, words: string, state = ''): void {
  let region = form.querySelector<HTMLElement>('[data-form-status]');
  if (!region) {
    region = document.createElement('p');
    region.className = 'form-say';
    region.setAttribute('role', 'status');
    region.dataset['formStatus'] = '';
    form.append(region);
  }
  region.textContent = words;
  if (state) region.dataset['state'] = state;
  else delete region.dataset['state'];
}

function report(form: HTMLFormElement, error: unknown): void {
  if (error instanceof Refused && error.code === CHANGED) {
    meanwhile(form, error);
    return;
  }
  const words = wordsOf(error).trim();
  say(form, `${/[.!?؟。:]$/.test(words) ? words : `${words}.`} ${t('error.kept')}`, 'error');
  if (error instanceof Refused && error.field) {
    const head = error.field.split('.')[0] ?? '';
    const named = Array.from(form.elements, element => [element, element.getAttribute('name')] as const);
    const [at] = named.find(([, name]) => name === error.field)
      ?? named.find(([, name]) => name?.split(/[.[]/)[0] === head) ?? [];
    if (at instanceof HTMLElement) {
      at.setAttribute('aria-invalid', 'true');
      if (at.getAttribute('type') !== 'hidden') at.focus();
    }
  }
}

/** Ours was said anew since the form was opened: both are shown, and the person says which is to stand. */
function meanwhile(form: HTMLFormElement, { problem }: Refused): void {
  const texts = Array.isArray(problem['texts']) ? (problem['texts'] as unknown[]) : [];
  say(form, `${t('error.meanwhile')} ${t(texts.length > 0 ? 'error.meanwhile.stands' : 'error.meanwhile.page')}`, 'error');
  const region = form.querySelector('[data-form-status]');
  if (!region) return;
  for (const each of texts) {
    const [language, words] = Array.isArray(each) ? (each as unknown[]) : [];
    const quoted = document.createElement('q');
    quoted.className = 'meanwhile';
    quoted.lang = String(language);
    quoted.dir = 'auto';
    quoted.textContent = String(words);
    region.append(quoted);
  }
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'press is-second';
  button.textContent = t('error.meanwhile.replace');
  button.addEventListener('click', () => {
    form.dataset['seen'] = String(problem['seen']);
    keepTyped(form);
    form.requestSubmit();
  });
  region.append(button);
}

/** An error in words for the person. */
export function wordsOf(error: unknown): string {
  if (error instanceof Refused) {
    const field = error.field ? ` ${t('error.field', { field: error.field })}` : '';
    if (error.status === 401) return t('error.session');
    if (error.status === 403) return t('error.forbidden', { why: error.message });
    if (error.status === 400) return t('error.malformed', { why: error.message }) + field;
    if (error.status >= 500) return t('error.unreachable');
    return t('error.refused', { why: error.message }) + field;
  }
  if (error instanceof Untrusted) return t('error.untrusted', { why: error.message });
  if (error instanceof Malformed) return t('error.malformed', { why: error.message });
  if (error instanceof Unreachable) return t('error.unreachable');
  if (error instanceof DOMException && error.name === 'NotAllowedError') return t('error.not-verified');
  if (error instanceof DOMException && error.name === 'NotSupportedError') return t('error.no-passkeys');
  return t('error.unexpected', { why: error instanceof Error ? error.message : String(error) });
}

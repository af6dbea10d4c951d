/** Forms that sign: `<form method="dialog" data-command data-dialogue>`, and the two doors, `data-enrol` and `data-sign-in`.
 *
 * Lives here: catching their submission, saying how it goes in the form's live region.
 * Not here: what is sent (`fields`), checked (`act`, `fits`) and shown (`dialog`), words for a failure (`failures`).
 *
 * The listener is the document's, so that forms which arrive by a live update sign as well. Before it is there a press
 * sends nothing (`method="dialog"`). While one is under way a form is `aria-busy` and takes no second submission. A
 * failure leaves every control as it was.
 */

import { request } from '../api';
import type { Answer } from '../check/recompute';
import { Malformed, Refused, Untrusted } from '../errors';
import { t } from '../words';
import { forget, keep as keepTyped } from '../page/typed';
import { CHANGED, type Prepared, enter, prepare } from './act';
import { consenting } from './consenting';
import { keep, makeDeviceKey } from './device';
import { wordsOf } from './failures';
import { controlsOf, fieldsOf } from './fields';
import { enrol, signIn } from './keys';

export function listen(): void {
  document.addEventListener('submit', event => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement)) return;
    if (!signs(form)) return;
    event.preventDefault();
    if (form.getAttribute('aria-busy') === 'true') return;
    void submit(form, event.submitter);
  });
  // Whoever pressed before this stood heard nothing, and their button has the focus.
  const { activeElement: early } = document;
  if (early instanceof HTMLButtonElement && early.type === 'submit' && early.form && signs(early.form)) say(early.form, t('sign.early'));
}

function signs({ dataset }: HTMLFormElement): boolean {
  return dataset['command'] !== undefined || dataset['enrol'] !== undefined || dataset['signIn'] !== undefined;
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
  const dialog = consenting();
  const made = command === 'dialogue.admit-device' ? await makeDeviceKey() : undefined;
  const fields = made ? { key: made.id } : fieldsOf(controlsOf(form));
  const { seen } = form.dataset;
  const prepared = await prepare(dialogue ?? '', command, fields, seen ? Number(seen) : undefined);
  // What this device's key signs binds nobody: the button was the word for it.
  if (!prepared.device) {
    say(form, '');
    if (!(await agreed(prepared, await dialog))) {
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
  // In the room a drawer goes there, and the call stays.
  const leaves = next && form.dispatchEvent(new CustomEvent('visavis:go', { bubbles: true, cancelable: true, detail: next }));
  if (leaves) location.assign(next);
  else if (!document.querySelector('#room[data-state]:not([data-state="out"])')) location.reload();
}

/** Whether the person signs what the draft says. Raises `Untrusted` where the node gives another thing than the act names. */
async function agreed(prepared: Prepared, { consent, read }: Awaited<ReturnType<typeof consenting>>): Promise<boolean> {
  const { check, hash } = prepared.draft;
  const found = await read(await request<Answer>('POST', '/api/checks', { check }), hash);
  if ('differs' in found) throw new Untrusted(t(`fits.${found.differs}`));
  if ('unread' in found) throw new Untrusted(found.unread);
  return consent(prepared, found.checked);
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
  const given = error instanceof Refused ? error.problem['given'] : undefined;
  const at = (error instanceof Refused || error instanceof Malformed) && error.field ? controlOf(form, error.field, given) : undefined;
  // A field without a label is the form's own affair: its name says nothing to people.
  const label = error instanceof Refused ? labelOf(at) : '';
  const named = label ? ` ${t('error.field', { field: label })}` : '';
  say(form, `${/[.!?؟。:]$/.test(words) ? words : `${words}.`}${named} ${t('error.kept')}`, 'error');
  if (at) {
    at.setAttribute('aria-invalid', 'true');
    const fold = at.closest('details');
    if (fold) fold.open = true;
    if (at.getAttribute('type') !== 'hidden') at.focus();
  }
}

/** The control of a field: "title.en" of "title.en"; for one that has no control of its own, of those of "undertakings.…" the one
 * that holds what was `given`, or the first.
 */
function controlOf(form: HTMLFormElement, field: string, given?: unknown): HTMLElement | undefined {
  const [head] = field.split(/[.[]/);
  const named = Array.from(form.elements).filter((element): element is HTMLElement => (
    element instanceof HTMLElement && element.getAttribute('name')?.split(/[.[]/)[0] === head
  ));
  return named.find(element => element.getAttribute('name') === field)
    ?? named.find(element => typeof given === 'string' && (element as HTMLInputElement).value.toLowerCase().includes(given.toLowerCase()))
    ?? named[0];
}

/** What the form calls a control: the first words of its label. */
function labelOf(control: HTMLElement | undefined): string {
  const [label] = (control as HTMLInputElement | undefined)?.labels ?? [];
  return label?.textContent?.trim().replace(/\s+/g, ' ') ?? '';
}

/** Ours was said anew since the form was opened, or another version tabled: both are shown, and the person says what is to be. */
function meanwhile(form: HTMLFormElement, { problem }: Refused): void {
  const texts = Array.isArray(problem['texts']) ? (problem['texts'] as unknown[]) : [];
  const tabled = problem['of'] === 'tabled';
  say(form, `${t(tabled ? 'error.meanwhile.tabled' : 'error.meanwhile')} ${t(texts.length > 0 ? 'error.meanwhile.stands' : 'error.meanwhile.page')}`, 'error');
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
  button.textContent = t(tabled ? 'error.meanwhile.table' : 'error.meanwhile.replace');
  button.addEventListener('click', () => {
    // A live update may have put another in its place, and this line into it.
    const now = button.form ?? form;
    now.dataset['seen'] = String(problem['seen']);
    keepTyped(now);
    now.requestSubmit();
  });
  region.append(button);
}

/** The dialog in which a person reads what they are about to sign.
 *
 * Lives here: `consent`. Not here: drafting and signing (`act`).
 *
 * A native `<dialog>` shown modally: the rest of the page is inert, Esc cancels, focus returns to where it was.
 * Everything is set as text, never as markup, and made from the act's bytes: no sentence of the node's is shown.
 */

import { described, element } from '../check/described';
import type { Checked } from '../check/recompute';
import { effectsOf, titleOf } from '../check/sayings';
import { t } from '../words';
import type { Prepared } from './act';
import { checkLink, elsewhere } from './elsewhere';
import { shortOf } from './short';

/** Show the draft; true if the person signs it, false if they do not. checked: what its bytes say. */
export function consent({ draft, signed, asked }: Prepared, checked: Checked): Promise<boolean> {
  const dialog = element('dialog', 'sign-dialog');
  dialog.setAttribute('aria-labelledby', 'sign-title');
  dialog.setAttribute('aria-describedby', 'sign-words');
  const kicker = element('p', 'tiny', t('sign.title'));
  const title = element('h2', '', titleOf(signed.act));
  title.id = 'sign-title';
  const words = element('div', 'sign-words stack');
  words.id = 'sign-words';
  for (const effect of effectsOf(signed.act, asked)) words.append(element('p', '', effect));
  dialog.append(kicker, title, words, described(checked));
  const hash = short(t('sign.hash'), draft.hash);
  // Of a consent: what it agrees to has one hash, on the other side's page as well.
  const { hash: subject } = signed.act;
  if (typeof subject === 'string') dialog.append(short(t('sign.subject'), subject), element('p', 'small', t('sign.same')));
  const act = details(t('sign.act'));
  const json = element('pre', 'sign-act', JSON.stringify(signed.act, null, 2));
  json.dir = 'ltr';
  json.tabIndex = 0;
  act.append(json);
  const yes = element('button', 'press', t('sign.sign'));
  const no = element('button', 'press is-second', t('sign.cancel'));
  yes.type = no.type = 'submit';
  yes.value = 'sign';
  no.value = '';
  no.formNoValidate = true;
  const buttons = element('form', 'sign-buttons row');
  buttons.method = 'dialog';
  buttons.append(yes, no);
  dialog.append(act, hash);
  if (draft.check) dialog.append(elsewhere(checkLink(location.origin, draft.check, draft.hash)));
  dialog.append(element('p', 'tiny', t('sign.next')), buttons);
  document.body.append(dialog);
  dialog.showModal();
  // On the title: it is read aloud first, and an Enter too many signs nothing.
  title.tabIndex = -1;
  title.focus();
  return new Promise(resolve => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'sign');
    }, { once: true });
  });
}

/** A hash in short form; the whole of it as its title. */
function short(words: string, hash: string): HTMLElement {
  const colon = document.documentElement.lang.startsWith('fr') ? '\u00a0: ' : ': ';
  const line = element('p', 'tiny', words + colon);
  const code = element('code', 'hash', shortOf(hash));
  code.title = hash;
  code.dir = 'ltr';
  line.append(code);
  return line;
}

function details(words: string): HTMLDetailsElement {
  const made = element('details', 'fold');
  made.append(element('summary', '', words));
  return made;
}

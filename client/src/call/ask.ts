/** Asks before one's presence ends by mistake: by a key, or by the browser's own way out. Lives here: `asked`, `holdPage`.
 *
 * Whoever presses the button *Leave* has said it, and is not asked.
 */

/** A dialog that Escape answers with no. The focus goes back to where it was. */
export function asked(words: string, yes: string, no: string): Promise<boolean> {
  const open = document.querySelector('dialog[open]');
  if (open) return Promise.resolve(false);
  const dialog = document.createElement('dialog');
  dialog.className = 'ask';
  const text = document.createElement('p');
  text.id = 'ask-words';
  text.textContent = words;
  dialog.setAttribute('aria-labelledby', text.id);
  const row = document.createElement('p');
  row.className = 'row';
  for (const [label, value] of [[yes, 'yes'], [no, 'no']] as const) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = value === 'yes' ? 'press' : 'press is-second';
    button.textContent = label;
    button.addEventListener('click', () => dialog.close(value));
    row.append(button);
  }
  dialog.append(text, row);
  document.body.append(dialog);
  const back = document.activeElement;
  return new Promise(resolve => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      if (back instanceof HTMLElement) back.focus();
      resolve(dialog.returnValue === 'yes');
    });
    dialog.showModal();
  });
}

/** The browser asks before this page is closed, loaded anew or gone back from. Returns what ends that. */
export function holdPage(): () => void {
  const ending = new AbortController();
  addEventListener('beforeunload', event => event.preventDefault(), { signal: ending.signal });
  return () => ending.abort();
}

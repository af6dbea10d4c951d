/** Buttons that copy: `<button data-copy="id">` copies the text of the element of that id. */

import { t } from '../words';
import { announce } from './live';

export function listen(): void {
  document.addEventListener('click', event => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>('button[data-copy]') : null;
    const source = button && document.getElementById(button.dataset['copy'] ?? '');
    if (source) void copy(source);
  });
  for (const button of Array.from(document.querySelectorAll<HTMLElement>('button[data-copy][hidden]'))) {
    button.hidden = false;
  }
}

async function copy(source: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    announce(t('copy.done'));
  } catch {
    getSelection()?.selectAllChildren(source);
    source.focus();
    announce(t('copy.failed'));
  }
}

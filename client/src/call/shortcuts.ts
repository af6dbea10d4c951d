/** A key for each control: Alt and the letter that the control itself names in `aria-keyshortcuts`.
 *
 * Lives here: `letterOf`, `listen`. Not here: what a control does.
 *
 *     <button aria-keyshortcuts="Alt+L" data-asks="Leave the room?" data-yes="Leave" data-no="Stay">
 *
 * With a modifier, so that neither typing nor a screen reader's own keys press anything (WCAG 2.1.4); by the key's place,
 * so that it works under every layout. What a slip of the hand must not do asks first; pressed itself, it does not.
 */

import { asked } from './ask';

export type Pressing = Pick<KeyboardEvent, 'code' | 'altKey' | 'ctrlKey' | 'metaKey' | 'shiftKey' | 'repeat'>;

/** The letter of Alt and a letter, else undefined. AltGr types: it says Ctrl too, or no Alt. */
export function letterOf({ code, altKey, ctrlKey, metaKey, shiftKey, repeat }: Pressing): string | undefined {
  if (!altKey || ctrlKey || metaKey || shiftKey || repeat) return undefined;
  return /^Key([A-Z])$/.exec(code)?.[1];
}

/** Whatever on the page names Alt and a letter is pressed by them, if it is there and can be. */
export function listen(page: Document): void {
  page.addEventListener('keydown', event => {
    const letter = letterOf(event);
    const control = letter && page.querySelector<HTMLElement>(`[aria-keyshortcuts="Alt+${letter}"]:not(:disabled)`);
    if (!control) return;
    event.preventDefault();
    const { asks, yes, no } = control.dataset;
    if (asks === undefined) control.click();
    else void asked(asks, yes ?? '', no ?? '').then(agreed => agreed && control.click());
  });
}

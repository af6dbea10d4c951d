/** Puts words in brackets as our side's alternative: what is selected in a field, or what is typed next.
 *
 * Lives here: `listen`, `bracketed`. Not here: what a bracket means (`visavis/understandings/brackets.py`).
 *
 *     <button type="button" data-bracket="Side A" aria-controls="body-en">
 */

/** text, with the words from `start` to `end` in brackets; caret: where to type on. */
export function bracketed(text: string, start: number, end: number, side: string): { text: string; caret: number } {
  const chosen = text.slice(start, end);
  const words = chosen.trim();
  // Spaces about what is selected stay outside.
  const before = chosen.slice(0, words ? chosen.indexOf(words) : chosen.length);
  const after = chosen.slice(before.length + words.length);
  const head = `${text.slice(0, start)}${before}[${side}: `;
  return { text: `${head}${words}]${after}${text.slice(end)}`, caret: head.length + words.length + (words ? 1 : 0) };
}

export function listen(): void {
  // The document's, so that a form which arrives later has it as well.
  document.addEventListener('click', event => {
    const button = event.target instanceof Element ? event.target.closest<HTMLButtonElement>('button[data-bracket]') : null;
    const field = document.getElementById(button?.getAttribute('aria-controls') ?? '');
    if (!button || !(field instanceof HTMLTextAreaElement)) return;
    const made = bracketed(field.value, field.selectionStart, field.selectionEnd, button.dataset['bracket'] ?? '');
    field.value = made.text;
    field.focus();
    field.setSelectionRange(made.caret, made.caret);
    field.dispatchEvent(new Event('input', { bubbles: true }));
  });
}

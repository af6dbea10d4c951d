/** Choices that several fields share: they are in the page once.
 *
 * Lives here: `listen`. Not here: which choices (the node's templates).
 *
 *     <select id="language-0"> … every option …
 *     <select data-options="language-0"> … those that stand first in it; the others come from there
 */

export function listen(): void {
  fill(document);
  document.addEventListener('visavis:swapped', event => {
    if (event.target instanceof HTMLElement) fill(event.target);
  });
}

function fill(within: ParentNode): void {
  for (const select of Array.from(within.querySelectorAll<HTMLSelectElement>('select[data-options]'))) {
    const list = document.getElementById(select.dataset['options'] ?? '');
    if (!(list instanceof HTMLSelectElement)) continue;
    const there = new Set(Array.from(select.options, ({ value }) => value));
    for (const { text, value } of Array.from(list.options)) if (!there.has(value)) select.add(new Option(text, value));
  }
}

/** Files that stay on this device: their hash goes into a form's lines, or is compared with one that is stated.
 *
 *     <p data-hash-into="id" hidden>…<input type=file multiple></p>                  adds "sha256:… name" to that field
 *     <span data-hash-of="hex" data-same="…" data-other="…" hidden>…<input type=file>…<span role=status></span></span>
 *
 * Lives here: `listen`, `lineOf`. Not here: what a line means (the node; docs/spec/record.md §11.3).
 */

import { toHex } from '../bytes';

const HOLDERS = '[data-hash-into], [data-hash-of]';

export function listen(): void {
  show(document);
  document.addEventListener('visavis:swapped', ({ target }) => {
    if (target instanceof HTMLElement) show(target);
  });
  document.addEventListener('change', ({ target }) => {
    if (!(target instanceof HTMLInputElement) || target.type !== 'file') return;
    const holder = target.closest<HTMLElement>(HOLDERS);
    const files = Array.from(target.files ?? []);
    if (!holder || files.length === 0) return;
    // The control holds nothing that could be sent, kept or taken for something typed.
    target.value = '';
    void (holder.dataset['hashInto'] === undefined ? compare(holder, files) : add(holder, files));
  });
}

/** Without this script nothing could be done with them. */
function show(within: ParentNode): void {
  for (const holder of Array.from(within.querySelectorAll<HTMLElement>(HOLDERS))) holder.hidden = false;
}

async function add(holder: HTMLElement, files: readonly File[]): Promise<void> {
  const field = document.getElementById(holder.dataset['hashInto'] ?? '');
  if (!(field instanceof HTMLTextAreaElement)) return;
  for (const file of files) {
    const line = lineOf(await hexOf(file), file.name);
    field.value = [field.value.trimEnd(), line].filter(Boolean).join('\n');
  }
  field.dispatchEvent(new Event('input', { bubbles: true }));
  field.focus();
}

async function compare(holder: HTMLElement, [file]: readonly File[]): Promise<void> {
  const says = holder.querySelector('[role=status]');
  if (!file || !says) return;
  const same = await hexOf(file) === holder.dataset['hashOf'];
  says.textContent = (same ? holder.dataset['same'] : holder.dataset['other']) ?? '';
}

/** A line that refers to a file: a name is one line, and no longer than a line may be. */
export function lineOf(hex: string, name: string): string {
  return `sha256:${hex} ${name.replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ').trim().slice(0, 200)}`.trimEnd();
}

async function hexOf(file: File): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
  return toHex(digest);
}

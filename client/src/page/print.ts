/** A button that prints the page: `<p data-print hidden><button>`. */

export function listen(): void {
  for (const holder of Array.from(document.querySelectorAll<HTMLElement>('[data-print][hidden]'))) {
    holder.hidden = false;
    holder.querySelector('button')?.addEventListener('click', () => print());
  }
}

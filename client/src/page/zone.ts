/** A side's time zone, asked for the first time: `<input data-own-zone>` begins with that of this browser's clock. */

export function listen(): void {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  for (const input of Array.from(document.querySelectorAll<HTMLInputElement>('input[data-own-zone]'))) {
    if (!input.value && timeZone) input.value = timeZone;
  }
}

/** Clocks that go: `<time data-clock="Europe/Moscow">` shows the time there, to the minute. */

export function listen(): void {
  const show = (): void => {
    for (const clock of Array.from(document.querySelectorAll<HTMLTimeElement>('time[data-clock]'))) {
      const now = new Date();
      try {
        clock.textContent = new Intl.DateTimeFormat('en-GB', {
          timeZone: clock.dataset['clock'] || 'UTC', hour: '2-digit', minute: '2-digit', hourCycle: 'h23',
        }).format(now);
        clock.dateTime = now.toISOString();
      } catch {
        clock.removeAttribute('data-clock');
      }
    }
  };
  show();
  setInterval(show, 1000 * 10);
}

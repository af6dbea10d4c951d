/** Low bandwidth: sound first, pictures when there is room for them again.
 *
 * Lives here: `Strain` (when it is offered), `kept`, `keep` (what this device remembers).
 * Not here: what is switched off (`room`).
 */

const KEY = 'visavis/low-bandwidth';
/** A connection that is poor for so long does not recover by itself in a sentence. */
const POOR_MS = 6_000;

/** Says once in a call that the connection has been poor for some seconds. Pure: time comes with every word. */
export class Strain {
  private since: number | undefined;
  private done = false;

  /** poor: what the engine says of the own connection now. */
  told(poor: boolean, now: number): void {
    if (!poor) this.since = undefined;
    else this.since ??= now;
  }

  /** Whether to offer it now; true once. */
  due(now: number): boolean {
    if (this.done || this.since === undefined || now - this.since < POOR_MS) return false;
    this.done = true;
    return true;
  }

  /** The person has decided for themselves: nothing is offered any more. */
  decided(): void {
    this.done = true;
  }
}

type Kept = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** A browser may keep nothing: then nothing is remembered. */
export function kept(storage: () => Kept): boolean {
  try {
    return storage().getItem(KEY) === 'on';
  } catch {
    return false;
  }
}

export function keep(on: boolean, storage: () => Kept): void {
  try {
    if (on) storage().setItem(KEY, 'on');
    else storage().removeItem(KEY);
  } catch {
    // It holds for this call.
  }
}

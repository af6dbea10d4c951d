/** A talk pauses while one side is not there: all of it that was in has dropped out, and nobody is left. Pure.
 *
 * Lives here: `Pause`. Not here: who dropped out (`room`), drawing (`view`).
 *
 * Who leaves with a word has gone; a side that has gone pauses nothing, and either can be spoken without.
 */

export class Pause {
  /** Delegates that dropped out and are not back → their side. */
  private readonly away = new Map<string, string>();

  dropped(delegate: string, side: string): void {
    this.away.set(delegate, side);
  }

  /** They are in again, or their word that they leave came after all. */
  settled(delegate: string): void {
    this.away.delete(delegate);
  }

  /** The side that is waited for, if any. inRoom: sides of all who are in. */
  of(inRoom: Iterable<string>): string | undefined {
    const here = new Set(inRoom);
    return [...this.away.values()].sort().find(side => !here.has(side));
  }
}

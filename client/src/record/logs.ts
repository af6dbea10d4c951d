/** Both logs, fetched, hashed, checked against their checkpoints, and pinned by this browser.
 *
 * Lives here: `Logs`. Not here: judging (`fold`), who may be in (`../call/roster`).
 * Spec: docs/spec/keys.md §2.3.
 */

import { type LogPage, request } from '../api';
import { equal, fromText, toText, utf8 } from '../bytes';
import { Untrusted } from '../errors';
import { encode } from './canonical';
import { type Checkpoint, open, parse } from './checkpoint';
import { digest } from './digest';
import { Fold } from './fold';
import { type PinStore, inBrowser } from './pins';

/** Hand a checkpoint to the node: it stops writing if its log is behind, and keeps what proves a fork. */
export type Present = (note: string) => Promise<unknown>;

export type Fetch = (side: string, from: number) => Promise<LogPage>;

export class Logs {
  readonly folds: ReadonlyMap<string, Fold>;
  private readonly checkpoints = new Map<string, Checkpoint>();
  private reading: Promise<void> = Promise.resolve();

  private constructor(
    readonly dialogue: string,
    sides: readonly string[],
    private readonly fetch: Fetch,
    private readonly pins: PinStore,
    private readonly present: Present,
  ) {
    this.folds = new Map(sides.map(side => [side, new Fold(dialogue, side, sides)]));
  }

  /** Find both sides from their founding statements: the ids of sides and dialogue are their hashes. */
  static async open(dialogue: string, pins: PinStore = inBrowser): Promise<Logs> {
    const path = `/api/dialogues/${encodeURIComponent(dialogue)}`;
    const { foundings } = await request<{ foundings: unknown[] }>('GET', `${path}/foundings`);
    const sides = await Promise.all(foundings.map(async each => toText(await digest('side', encode(each)))));
    await named(dialogue, sides);
    const fetch: Fetch = (side, from) => request<LogPage>('GET', `${path}/logs/${encodeURIComponent(side)}?from=${from}`);
    const logs = new Logs(dialogue, sides, fetch, pins, note => request('POST', `${path}/checkpoints`, { note }));
    await logs.read();
    return logs;
  }

  /** As `open`, from any source: for tests. */
  static async of(
    dialogue: string, sides: readonly string[], fetch: Fetch, pins: PinStore, present: Present = async () => undefined,
  ): Promise<Logs> {
    await named(dialogue, sides);
    const logs = new Logs(dialogue, sides, fetch, pins, present);
    await logs.read();
    return logs;
  }

  /** Read on to the latest of both logs. Raises `Untrusted` if anything does not hold; calls queue up. */
  read(): Promise<void> {
    const next = this.reading.catch(() => undefined).then(async () => {
      await Promise.all([...this.folds.keys()].map(side => this.readSide(side)));
    });
    this.reading = next;
    return next;
  }

  /** side → [size, root, sig]: what a beat says of both logs. */
  seen(): Record<string, [number, string, string]> {
    return Object.fromEntries([...this.checkpoints].map(
      ([side, { size, root, sig }]) => [side, [size, toText(root), toText(sig)]],
    ));
  }

  private async readSide(side: string): Promise<void> {
    const fold = this.folds.get(side) as Fold;
    const key = `${this.dialogue}/${side}`;
    const pin = await this.pins.get(key);
    let note: string | null = null;
    for (;;) {
      const page = await this.fetch(side, fold.size);
      if (page.side !== side || page.from !== fold.size) throw new Untrusted('the node answers about another log');
      for (const leaf of page.leaves) await fold.append(fromText(leaf, undefined, 'leaf'));
      note = page.checkpoint;
      if (fold.size >= page.size) break;
      if (page.leaves.length === 0) throw new Untrusted('the node keeps back entries of a log');
    }
    if (pin) {
      const root = fold.size < pin.size ? undefined : fold.root(pin.size);
      if (!root || !equal(root, pin.root)) {
        if (pin.note) await this.present(pin.note).catch(() => undefined); // the reader is told in any case
        throw new Untrusted(fold.size < pin.size
          ? 'the node shows an older log than this browser has seen' : 'the log is not the one that this browser has seen');
      }
    }
    if (note === null) {
      if (fold.size > 0) throw new Untrusted('a log without a checkpoint');
      return;
    }
    const stated = parse(note);
    const logKey = fold.keyAt(stated.size);
    if (!logKey) throw new Untrusted('the log does not begin with its side’s founding');
    const checkpoint = await open(note, logKey);
    const root = fold.root(checkpoint.size);
    if (checkpoint.dialogue !== this.dialogue || checkpoint.side !== side) {
      throw new Untrusted('the checkpoint is of another log');
    }
    if (checkpoint.size !== fold.size || !root || !equal(root, checkpoint.root)) {
      throw new Untrusted('the entries do not make the root that the log signed');
    }
    this.checkpoints.set(side, checkpoint);
    if (!pin || checkpoint.size > pin.size || !pin.note) {
      await this.pins.put(key, { size: checkpoint.size, root: checkpoint.root, note });
    }
  }
}

async function named(dialogue: string, sides: readonly string[]): Promise<void> {
  const [first, second] = [...sides].sort();
  if (sides.length !== 2 || first === undefined || second === undefined || first === second
    || toText(await digest('dialogue', utf8(first), utf8(second))) !== dialogue) {
    throw new Untrusted('the founding statements are not this dialogue’s');
  }
}

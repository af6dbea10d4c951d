/** All checks of a bundle, without the server that sent it: bytes in, an account out. The node's `verification/verify.py`.
 *
 * Lives here: `verify`, `examine` (the account, and what each entry came to).
 * Not here: the rules themselves (`fold`, `join`), the bundle's form (`bundle`), pages (`../page/verify`).
 * Spec: docs/spec/record.md §14.
 */

import { type Bytes, equal, fromUtf8, toText } from '../bytes';
import { Malformed, Untrusted } from '../errors';
import type { Account, Agreement, Consented, Erasure, Fork, LogAccount, Void } from './account';
import { type Accord, type SlotState, endedBy } from './accord';
import { type Rulebook, slotText } from './acts';
import { type Bundle, type Fault, type LogPart, fault, parseBundle } from './bundle';
import { type Checkpoint, type Cosigner, cosignedBy, encodeCheckpoint, fits, openNote, origin, parseText } from './checkpoint';
import { committed } from './content';
import { digest } from './digest';
import { type Entry, NODE } from './entry';
import { Fold, acknowledges } from './fold';
import { Joint } from './join';
import { type Note, parseNote } from './note';
import { EDITION_1, PROFILE } from './rulebook';
import { SIDES, type Side, otherOf } from './sessions';
import { ENVELOPE, NOT_A_FOUNDING } from './verdicts';

/** Told every so often how many entries of how many are judged. */
export type Progress = (done: number, all: number) => void;

/** One entry, as this reading judged it. verdict: null: it stands; "held": it cannot be judged. */
export interface Line {
  readonly log: string;
  readonly index: number;
  readonly time: string;
  readonly act: string | null;
  readonly delegate: string | null;
  readonly role: string;
  readonly proof: 'passkey' | 'key' | 'node' | null;
  /** Whether the proof holds, whatever became of the act. */
  readonly proven: boolean;
  readonly verdict: string | null;
}

export interface Examined {
  readonly account: Account;
  readonly lines: readonly Line[];
  /** The checkpoint of each side's log, verified if the account holds. */
  readonly notes: { readonly [side: string]: string };
  /** The root of a side's log at a size; null if it has not so many entries. */
  readonly root: (side: string, size: number) => string | null;
}

const DEFAULT_LANGUAGE = 'en';
const STEP = 64;
/** Found before a proof is looked at, or because of it. */
const UNPROVEN = new Set([...ENVELOPE].filter(each => each !== NOT_A_FOUNDING));

/** Check a bundle as §14.1 says, and give the account of §14.2. Raises nothing over any bytes. */
export async function verify(data: Uint8Array, rulebook: Rulebook = EDITION_1): Promise<Account> {
  return (await examine(data, rulebook)).account;
}

export async function examine(
  data: Uint8Array, rulebook: Rulebook = EDITION_1, progress: Progress = () => undefined,
): Promise<Examined> {
  let parsed: Awaited<ReturnType<typeof parseBundle>>;
  try {
    parsed = await parseBundle(data);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { account: unread(error.message), lines: [], notes: {}, root: () => null };
  }
  const { bundle, faults } = parsed;
  const all = bundle.sides.reduce((sum, side) => sum + part(bundle, side).leaves.length, 0);
  const folds: Fold[] = [];
  let done = 0;
  for (const side of bundle.sides) {
    const { leaves, tree } = part(bundle, side);
    const fold = new Fold(bundle.dialogue, side, bundle.sides, rulebook, tree);
    for (const leaf of leaves) {
      await fold.append(leaf);
      if (++done % STEP === 0) progress(done, all);
    }
    folds.push(fold);
  }
  const [one, other] = folds as [Fold, Fold];
  const reader = new Reader(bundle, await Joint.of(one, other), faults);
  const account = await reader.account();
  progress(all, all);
  return {
    account,
    lines: [...reader.lines()],
    notes: Object.fromEntries([...bundle.logs].map(([side, { checkpoint }]) => [side, new TextDecoder().decode(checkpoint)])),
    root: (side, size) => {
      const root = folds.find(fold => fold.side === side)?.root(size);
      return root ? toText(root) : null;
    },
  };
}

function unread(message: string): Account {
  return {
    holds: false, dialogue: '', logs: [], agreements: [], waiting: [], void: [],
    faults: [fault('bundle', message)], entries: 0, contents: 0, erased: [], withheld: [], forks: [],
  };
}

function part(bundle: Bundle, side: string): LogPart {
  return bundle.logs.get(side) as LogPart;
}

/** One reading of one bundle. */
class Reader {
  private readonly receipts: [LogAccount['cosigned'], LogAccount['cosigned']] = [null, null];
  private readonly forks: Fork[] = [];
  private readonly unopened = new Set<string>();

  constructor(
    private readonly bundle: Bundle,
    private readonly joint: Joint,
    private readonly faults: Fault[],
  ) {}

  private side(s: Side): string {
    return this.bundle.sides[s];
  }

  async account(): Promise<Account> {
    for (const s of SIDES) {
      await this.checkNotes(s);
      await this.checkForks(s);
    }
    const voids = [...this.voids()];
    for (const { act, reason, log, index } of voids) {
      this.faults.push(fault('void', `${act ?? 'bytes that are no entry'}: ${reason}`, log, index));
    }
    for (const s of SIDES) await this.checkHeld(s);
    await this.checkContents();
    return {
      holds: this.faults.length === 0,
      dialogue: this.bundle.dialogue,
      logs: SIDES.map(s => this.log(s)),
      agreements: [...this.agreements()],
      waiting: [...this.joint.waiting()].map(({ forSide, what, slot, hash, status }) =>
        ({ for_side: this.side(forSide), what, slot: slotText(slot), hash, status })),
      void: voids,
      faults: this.faults,
      entries: this.joint.sides[0].size + this.joint.sides[1].size,
      contents: this.bundle.contents.size,
      erased: [...this.erasures()],
      withheld: this.withheld(),
      forks: this.forks,
    };
  }

  // --- checkpoints and receipts ----------------------------------------------------------------------

  private async checkNotes(s: Side): Promise<void> {
    const [side, fold] = [this.side(s), this.joint.sides[s]];
    const { checkpoint, receipt } = part(this.bundle, side);
    const fails = (check: string, message: string): number => this.faults.push(fault(check, message, side));
    const latest = await this.open(s, checkpoint).catch(said);
    if (typeof latest === 'string') {
      fails('checkpoint', latest);
    } else if (latest.size !== fold.size) {
      fails('checkpoint-size', `the checkpoint is of ${latest.size} entries, the log has ${fold.size}`);
    } else if (!this.isRoot(s, latest)) {
      fails('checkpoint-root', "the checkpoint's root is not the log's");
    } else if (latest.cosignature) {
      this.receive(s, 'checkpoint', latest);
    }
    if (!receipt) return;
    const earlier = await this.open(s, receipt).catch(said);
    if (typeof earlier === 'string') {
      fails('receipt', earlier);
    } else if (earlier.size >= fold.size || this.receipts[s] !== null) {
      fails('receipt', 'the receipt is not of an earlier size than the cosigned checkpoint');
    } else if (!this.isRoot(s, earlier)) {
      fails('receipt-root', `the log that the other side cosigned at ${earlier.size} entries is another one`);
    } else {
      this.receive(s, 'receipt', earlier);
    }
  }

  private async checkForks(s: Side): Promise<void> {
    const [side, fold] = [this.side(s), this.joint.sides[s]];
    const fails = (check: string, message: string): number => this.faults.push(fault(check, message, side));
    for (const [n, notes] of part(this.bundle, side).forks.entries()) {
      const opened: (Checkpoint | string)[] = [];
      for (const data of [notes.held, notes.shown]) opened.push(await this.openAlone(s, data).catch(said));
      const [held, shown] = opened as [Checkpoint | string, Checkpoint | string];
      const why = [held, shown].find(each => typeof each === 'string');
      if (typeof held === 'string' || typeof shown === 'string') {
        fails('fork-note', `forks/${n}: ${why}`);
      } else if (held.size !== shown.size || equal(held.root, shown.root)) {
        fails('fork-note', `forks/${n}: the two checkpoints can both be true`);
      } else if (held.size < 1 || held.size > fold.size || !this.isRoot(s, held)) {
        fails('fork-note', `forks/${n}: the one that is held is not of this log`);
      } else {
        const found = { log: side, size: held.size, held: toText(held.root), shown: toText(shown.root) };
        this.forks.push(found);
        fails('fork', `its key signed two logs of ${found.size} entries, with the roots ${found.held} and ${found.shown}`);
      }
    }
  }

  /** As `open`, and no line but the log's own. */
  private async openAlone(s: Side, data: Uint8Array): Promise<Checkpoint> {
    const opened = await this.open(s, data);
    if (opened.own || opened.cosignature) throw new Untrusted('checkpoint: it has a line to spare');
    return opened;
  }

  /** Count a note as a receipt, if both sides have cosigned it: the policy's quorum (§10.5). */
  private receive(s: Side, what: string, { size, own, cosignature }: Checkpoint): void {
    const fails = (message: string): number => this.faults.push(fault('cosignature', message, this.side(s)));
    if (!cosignature) fails(`the ${what} is not cosigned by the other side`);
    else if (!own) fails(`the ${what} is cosigned by the other side, and not by the log's own`);
    else this.receipts[s] = { size, timestamp: cosignature.timestamp };
  }

  private isRoot(s: Side, { size, root }: Checkpoint): boolean {
    return equal(this.joint.sides[s].root(size) ?? new Uint8Array(), root);
  }

  /** A note of this log, verified by the key that was in force at its size, with no line to spare. */
  private async open(s: Side, data: Uint8Array): Promise<Checkpoint> {
    const note = parseNote(data);
    const { dialogue, side, size } = parseText(note.text);
    if (dialogue !== this.bundle.dialogue || side !== this.side(s)) throw new Untrusted('checkpoint: of another log');
    const key = this.joint.sides[s].keyAt(size) ?? part(this.bundle, side).founding.logKey;
    const cosigner = await this.cosigner(otherOf(s), note);
    const opened = await openNote(note, key, cosigner);
    if (!equal(await encodeCheckpoint(opened, key, cosigner), data)) {
      throw new Untrusted("checkpoint: it has a line that neither side's log key signed, or in another order");
    }
    return opened;
  }

  /** Which of the log keys that side s ever had has cosigned the note; null if none. */
  private async cosigner(s: Side, note: Note): Promise<Cosigner | null> {
    const side = this.side(s);
    const name = origin(this.bundle.dialogue, side);
    const rotated = this.joint.sides[s].keys.filter(({ at }) => at > 0).map(({ key }) => key);
    const keys = [part(this.bundle, side).founding.logKey, ...rotated];
    for (const key of keys) {
      if (await cosignedBy(note, name, key)) return { side, key };
    }
    return null;
  }

  // --- entries ---------------------------------------------------------------------------------------

  private *voids(): Generator<Void> {
    for (const s of SIDES) {
      for (const [index, reason] of this.joint.verdicts[s].entries()) {
        if (reason === null) continue;
        const signed = this.joint.sides[s].judged[index]?.entry?.signed;
        yield { log: this.side(s), index, reason, act: signed?.act.type ?? null, delegate: signed?.delegate ?? null };
      }
    }
  }

  private async checkHeld(s: Side): Promise<void> {
    const [fold, other] = [this.joint.sides[s], this.joint.sides[otherOf(s)]];
    if (this.joint.forked[s]) {
      const message = "the other side acknowledges another log under this log's own key";
      this.faults.push(fault('fork', message, fold.side));
    }
    const held = this.joint.held(s);
    if (held === 0) return;
    const index = this.joint.verdicts[s].length;
    const judged = fold.judged[index];
    const ack = judged ? acknowledges(judged) : null;
    const key = ack && other.keyAt(ack.size);
    const truly = ack !== null && key !== undefined && key !== null
      && (await fits(key, other.dialogue, other.side, ack.size, ack.root, ack.sig));
    let why = 'they rest on entries of the other log that cannot be judged';
    if (ack && ack.size > other.size) {
      const how = truly ? 'truly' : 'without proof';
      why = `it acknowledges, ${how}, ${ack.size} entries of a log that has ${other.size} here`;
    } else if (ack && truly && !equal(other.root(ack.size) ?? new Uint8Array(), ack.root)) {
      why = "it acknowledges a log of the other side's that is not the one here";
    }
    this.faults.push(fault('held', `${held} from here on cannot be judged: ${why}`, fold.side, index));
  }

  *lines(): Generator<Line> {
    for (const s of SIDES) {
      const fold = this.joint.sides[s];
      for (const [index, { entry, verdict: alone }] of fold.judged.entries()) {
        const verdict = this.joint.verdicts[s][index];
        const delegate = entry?.signed.delegate ?? null;
        yield {
          log: fold.side, index, time: entry?.time ?? '', act: entry?.signed.act.type ?? null, delegate,
          role: (delegate !== null && fold.delegates.get(delegate)?.role) || '',
          proof: entry ? proofOf(entry) : null, proven: !UNPROVEN.has(alone),
          verdict: verdict === undefined ? 'held' : verdict,
        };
      }
    }
  }

  // --- contents --------------------------------------------------------------------------------------

  private async checkContents(): Promise<void> {
    const { contents, logs } = this.bundle;
    const loose = new Set(contents.keys());
    const latin = new TextDecoder('latin1');
    for (const { leaves } of logs.values()) {
      for (const leaf of leaves) {
        if (loose.size === 0) break;
        for (const word of latin.decode(leaf).split('"')) loose.delete(word);
      }
    }
    for (const [commitment, { salt, content }] of contents) {
      const fails = (why: string): number => this.faults.push(fault('content', `contents/${commitment}: ${why}`));
      if (toText(await digest('content', salt, content)) !== commitment) {
        this.unopened.add(commitment);
        fails('the content does not open its commitment');
      }
      if (loose.has(commitment)) fails('no entry commits to it');
    }
  }

  /** The content's words; null if the bundle does not open the commitment. After `checkContents`. */
  private words(commitment: string | null): string | null {
    const opened = commitment ? this.bundle.contents.get(commitment) : undefined;
    if (!commitment || !opened || this.unopened.has(commitment)) return null;
    try {
      return fromUtf8(opened.content);
    } catch {
      return null;
    }
  }

  private *erasures(): Generator<Erasure> {
    const { erased } = this.joint;
    const every = SIDES.flatMap(s => [...erased[s]].map(([commitment, index]) => ({ commitment, s, index })));
    every.sort((one, other) => (one.commitment === other.commitment ? one.s - other.s
      : one.commitment < other.commitment ? -1 : 1));
    for (const { commitment, s, index } of every) {
      const { time } = this.joint.sides[s].judged[index]?.entry as Entry;
      yield {
        commitment, side: this.side(s), index, time, ...this.delegate(s, index),
        here: this.bundle.contents.has(commitment) && !this.unopened.has(commitment),
      };
    }
  }

  private withheld(): readonly string[] {
    const due = new Set<string>();
    for (const s of SIDES) {
      for (const [index, verdict] of this.joint.verdicts[s].entries()) {
        const act = this.joint.sides[s].judged[index]?.entry?.signed.act;
        if (verdict === null && act) for (const each of committed(act)) due.add(each);
      }
    }
    const known = (commitment: string): boolean =>
      this.bundle.contents.has(commitment) || SIDES.some(s => this.joint.erased[s].has(commitment));
    return [...due].filter(each => !known(each)).sort();
  }

  /** Who entered side s's entry, as its log has them. */
  private delegate(s: Side, index: number): Pick<Consented, 'delegate' | 'role' | 'name'> {
    const fold = this.joint.sides[s];
    const { delegate } = (fold.judged[index]?.entry as Entry).signed;
    const known = fold.delegates.get(delegate);
    return { delegate, role: known?.role ?? '', name: this.words(known?.name ?? null) };
  }

  // --- the account -----------------------------------------------------------------------------------

  private log(s: Side): LogAccount {
    const fold = this.joint.sides[s];
    const acts = new Map<string, number>();
    for (const [index, verdict] of this.joint.verdicts[s].entries()) {
      const type = fold.judged[index]?.entry?.signed.act.type;
      if (verdict === null && type !== undefined) acts.set(type, (acts.get(type) ?? 0) + 1);
    }
    const powers = fold.powers();
    return {
      side: fold.side,
      names: part(this.bundle, fold.side).founding.names,
      languages: this.languages(s),
      size: fold.size,
      root: toText(fold.root(fold.size) as Bytes),
      acknowledged: this.joint.effNow(otherOf(s)),
      cosigned: this.receipts[s],
      delegates: [...fold.delegates].map(([delegate, { role, name }]) =>
        ({ delegate, role, name: this.words(name), powers: [...powers.get(delegate) ?? []].sort() })),
      acts: Object.fromEntries(acts),
      timestamps: [...part(this.bundle, fold.side).timestamps.keys()],
    };
  }

  /** As the side says itself; until it does, the languages of its name. */
  private languages(s: Side): readonly string[] {
    const said = this.joint.register(s, PROFILE)?.['languages'];
    if (said) return said as readonly string[];
    const names = Object.keys(this.joint.sides[s].founding?.names ?? {}).sort();
    return names.length > 0 ? names : [DEFAULT_LANGUAGE];
  }

  private *agreements(): Generator<Agreement> {
    const slots = [...this.joint.slots].sort((one, other) => compareSlots(one.slot, other.slot));
    for (const state of slots) {
      for (const accord of state.accords) yield this.agreement(state, accord, accord === state.accords.at(-1));
    }
  }

  private agreement({ slot }: SlotState, accord: Accord, latest: boolean): Agreement {
    const subject = this.joint.subject(accord.hash);
    const ended = latest ? [...this.endsOf(slot)] : [];
    const since = latest ? this.joint.since(accord) : null;
    return {
      slot: slotText(slot),
      hash: accord.hash,
      kind: subject?.kind ?? (slot[0] as string),
      standing: !latest ? 'replaced' : ended.length > 0 ? 'ended' : 'in force',
      body: subject?.body ?? {},
      contents: Object.fromEntries([...subject?.commitments ?? []].sort().map(each => [each, this.words(each)])),
      signed: SIDES.map(s => this.consented(s, accord.at[s], accord.hash)),
      first: since && since.first !== null ? this.side(since.first) : null,
      known_since: since && Object.fromEntries(SIDES.map(s => [this.side(s), since.known[s]])),
      ended,
    };
  }

  private *endsOf(slot: readonly string[]): Generator<{ readonly side: string; readonly index: number }> {
    const what = endedBy(slot);
    for (const s of SIDES) {
      const index = what === null ? Infinity : this.joint.ends.index(s, what);
      if (index < Infinity) yield { side: this.side(s), index };
    }
  }

  private consented(s: Side, index: number, hash: string): Consented {
    const received = this.joint.received[s].get(hash) ?? null;
    const fold = this.joint.sides[s];
    const { signed, time } = fold.judged[index]?.entry as Entry;
    return {
      side: fold.side, index, act: signed.act.type, time, ...this.delegate(s, index),
      tabled: this.joint.machine.tabledAt[s].get(hash) ?? null,
      received: received !== null && received < index ? received : null,
    };
  }
}

function proofOf({ signed, proof }: Entry): Line['proof'] {
  if (signed.credential === NODE) return 'node';
  return proof.type === 'webauthn' ? 'passkey' : 'key';
}

/** What an error says, if it is about the bytes. */
function said(error: unknown): string {
  if (error instanceof Malformed || error instanceof Untrusted) return error.message;
  throw error;
}

function compareSlots(one: readonly string[], other: readonly string[]): number {
  const at = one.findIndex((part, index) => part !== other[index]);
  if (at < 0) return one.length - other.length;
  return other[at] === undefined || (one[at] as string) > other[at] ? 1 : -1;
}

/** The state of one side: the fold of its log. Sequential, local, total. The node's `dialogue/fold.py`, in the browser.
 *
 * Lives here: what one log alone decides: envelope, proofs, nonces, credentials and powers, log keys, the form of an
 * act. `append` raises on no bytes, whatever they are.
 * Not here: fetching and pinning (`logs`), what needs the other log (`join`), the acts (`rulebook`).
 * Spec: docs/spec/record.md §§2, 4, 9; docs/spec/keys.md §2.3.
 */

import { type Bytes, equal, fromText } from '../bytes';
import { Malformed } from '../errors';
import { SLOTS, type SlotKind, isSlot } from './accord';
import { type ActSpec, type Fields, type Move, type Rulebook, hashOf } from './acts';
import { type Entry, type Founding, NODE, RECOVERY, type Signed, challenge, readFounding, readLeaf } from './entry';
import { Tree } from './merkle';
import { type Passkey, asserts, proves } from './proof';
import { EDITION_1 } from './rulebook';
import { ENDS } from './sessions';
import * as verdicts from './verdicts';

const OFFICER: ReadonlySet<string> = new Set(['admit', 'schedule']);
const DEVICE: ReadonlySet<string> = new Set(['schedule', 'speak']);

type Kind = Move['move'];
/** Moves by which a side says who may act for it. */
const OWN_PEOPLE: ReadonlySet<Kind> = new Set<Kind>(['found', 'admit', 'revoke', 'set-powers', 'rotate-key', 'recover']);
/** Moves that `fold` itself applies; `join` never calls void what stands here. */
export const FOLDED: ReadonlySet<Kind> = new Set<Kind>([...OWN_PEOPLE, 'spend']);
/** Moves that need nothing of the other's log: they stand even with a false acknowledgement. */
export const ALONE: ReadonlySet<Kind> = new Set<Kind>([...FOLDED, 'stop', 'end']);
/** The most that a node may write unasked. */
const NODE_MOVES: ReadonlySet<Kind> = new Set<Kind>(['receive', 'stop', 'register']);
/** Moves that take the person, whatever the act's row says. */
const PERSONAL: ReadonlySet<Kind> = new Set<Kind>([...OWN_PEOPLE, 'consent', 'withdraw', 'decline']);

/** A key that may prove acts. passkey: null for a device key, which is nobody's proof. parent: a device key ends with it. */
export interface Credential {
  readonly id: string;
  readonly delegate: string;
  readonly passkey: Passkey | null;
  readonly powers: ReadonlySet<string>;
  readonly admitted: number;
  readonly parent: string | null;
}

/** A person of the side. name: commitment to their name, or null. role: of the latest admission. */
export interface Delegate {
  readonly role: string;
  readonly name: string | null;
}

/** One leaf as its own log sees it. verdict: null: it stands, as far as this log alone can say. */
export interface Judged {
  readonly verdict: string | null;
  readonly entry: Entry | null;
  readonly spec: ActSpec | null;
  readonly fields: Fields;
  readonly move: Move | null;
  /** Hash of what a tabling, or a consent that carries its subject, brings; else "". */
  readonly subject: string;
}

const bare = (verdict: string | null, entry: Entry | null = null, spec: ActSpec | null = null): Judged =>
  ({ verdict, entry, spec, fields: null, move: null, subject: '' });

/** Whether an entry's acknowledgement counts for anything. */
export function acknowledges(judged: Judged): Signed['ack'] | null {
  return judged.entry && !verdicts.ENVELOPE.has(judged.verdict) ? judged.entry.signed.ack : null;
}

export class Fold {
  readonly judged: Judged[] = [];
  readonly sides: ReadonlySet<string>;
  founding: Founding | null = null;
  /** Every credential ever admitted, live or not. */
  readonly credentials = new Map<string, Credential>();
  readonly delegates = new Map<string, Delegate>();
  /** Talk → delegates of this side who may be in the room. */
  readonly delegations = new Map<string, readonly string[]>();
  /** Log keys in order: checkpoints larger than `at` are by `key`. */
  readonly keys: { readonly at: number; readonly key: Bytes }[] = [];
  private readonly live = new Set<string>();
  private readonly granted = new Map<string, { readonly at: number; readonly powers: ReadonlySet<string> }>();
  private readonly nonces = new Set<string>();
  /** "<delegate> <nonce>": what its own delegate made worthless (record.md §9.6). */
  private readonly spent = new Set<string>();
  /** Delegate → live credentials of theirs as a person; those of them that may admit; how many such there are in all. */
  private readonly present = new Map<string, number>();
  private readonly officers = new Map<string, number>();
  private officersLive = 0;

  /** tree: the log's own, if it is grown already. */
  constructor(
    readonly dialogue: string,
    readonly side: string,
    sides: readonly string[],
    readonly rulebook: Rulebook = EDITION_1,
    readonly tree: Tree = new Tree(),
  ) {
    this.sides = new Set(sides);
  }

  get size(): number {
    return this.judged.length;
  }

  /** The log key that signs a checkpoint of `size`: of the latest founding or rotation below it. */
  keyAt(size: number): Bytes | undefined {
    return this.keys.findLast(({ at }) => at < size)?.key;
  }

  root(size: number): Bytes | undefined {
    return this.tree.root(size);
  }

  /** Take the next leaf, whatever its bytes. */
  async append(leaf: Uint8Array): Promise<void> {
    if (this.tree.size === this.size) await this.tree.append(leaf);
    const index = this.size;
    const judged = await this.judge(leaf);
    this.judged.push(judged);
    if (!judged.entry || verdicts.ENVELOPE.has(judged.verdict)) return;
    const { signed } = judged.entry;
    // Spent even if the act is void: powers granted later must not let somebody enter it again.
    this.nonces.add(signed.nonce);
    if (judged.verdict !== null || !judged.move) return;
    await this.apply(index, judged.move, signed.credential);
    if (judged.move.move === 'spend') this.spent.add(`${signed.delegate} ${judged.move.nonce}`);
  }

  // --- people --------------------------------------------------------------------------------------

  /** Persons' live credentials → delegate. */
  persons(): Map<string, string> {
    return new Map([...this.holders()].map(([id, { delegate }]) => [id, delegate]));
  }

  /** Persons' live credentials → whose, and the passkey that proves. */
  holders(): Map<string, { readonly delegate: string; readonly passkey: Passkey }> {
    const holders = new Map<string, { delegate: string; passkey: Passkey }>();
    for (const { id, delegate, passkey } of this.liveCredentials()) if (passkey) holders.set(id, { delegate, passkey });
    return holders;
  }

  /** Delegate → what they may do now by any credential. */
  powers(): Map<string, ReadonlySet<string>> {
    const found = new Map<string, Set<string>>([...this.delegates.keys()].map(delegate => [delegate, new Set()]));
    for (const credential of this.liveCredentials()) {
      for (const power of this.powersOf(credential)) found.get(credential.delegate)?.add(power);
    }
    return found;
  }

  private liveCredentials(): Credential[] {
    return [...this.credentials.values()].filter(({ id }) => this.isLive(id) !== undefined);
  }

  private isLive(id: string): Credential | undefined {
    const found = this.credentials.get(id);
    if (!found || !this.live.has(id)) return undefined;
    return found.parent !== null && !this.live.has(found.parent) ? undefined : found;
  }

  private powersOf(credential: Credential): ReadonlySet<string> {
    const granted = this.granted.get(credential.delegate);
    if (!granted || granted.at < credential.admitted) return credential.powers;
    return credential.passkey ? granted.powers : both(credential.powers, granted.powers);
  }

  // --- judging ---------------------------------------------------------------------------------------

  private async judge(leaf: Uint8Array): Promise<Judged> {
    let entry: Entry;
    try {
      entry = readLeaf(leaf);
    } catch (error) {
      if (error instanceof Malformed) return bare(verdicts.MALFORMED);
      throw error;
    }
    const verdict = await this.judgeEnvelope(entry);
    if (verdict !== null) return bare(verdict, entry);
    if (this.isSpent(entry.signed.delegate, entry.signed.nonce)) return bare(verdicts.REPLAYED, entry);
    return this.size === 0 ? this.judgeFounding(entry) : this.judgeAct(entry);
  }

  private async judgeEnvelope(entry: Entry): Promise<string | null> {
    const { signed, seq } = entry;
    const index = this.size;
    if (signed.dialogue !== this.dialogue || signed.side !== this.side) return verdicts.OF_ANOTHER_LOG;
    if (seq !== index) return verdicts.WRONG_SEQ;
    const root = this.root(signed.own.size);
    if (signed.own.size > index || !root || !equal(root, signed.own.root)) return verdicts.SEEN_ANOTHER_OWN_LOG;
    return (await this.proven(entry)) ? null : verdicts.BAD_PROOF;
  }

  private async proven({ signed, proof }: Entry): Promise<boolean> {
    const said = await challenge(signed);
    try {
      if (isNode(signed)) {
        const key = this.keys.at(-1)?.key;
        return key !== undefined && (await proves(proof, key, said));
      }
      const passkey = await this.passkeyOf(signed);
      if (passkey) return await asserts(proof, passkey, said);
      return await proves(proof, fromText(signed.credential, 32), said);
    } catch (error) {
      if (error instanceof Malformed) return false;
      throw error;
    }
  }

  /** The passkey by which the next entry's proof is checked, live or not; null: an Ed25519 key is due. */
  private async passkeyOf({ act, credential }: Signed): Promise<Passkey | null> {
    const known = this.credentials.get(credential);
    if (known) return known.passkey;
    return this.size === 0 ? (await readFounding(act['founding'])).passkey : null;
  }

  private async judgeFounding(entry: Entry): Promise<Judged> {
    const { signed } = entry;
    try {
      const parsed = await this.rulebook.parse(signed.act);
      if (parsed?.move.move === 'found') {
        const { side, officer, passkey } = await readFounding(parsed.move.founding);
        if (side === this.side && signed.delegate === officer && signed.credential === passkey.credential) {
          return { verdict: null, entry, subject: '', ...parsed };
        }
      }
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
    }
    return bare(verdicts.NOT_A_FOUNDING, entry);
  }

  private async judgeAct(entry: Entry): Promise<Judged> {
    const { signed } = entry;
    const recovery = signed.delegate === RECOVERY && (this.founding?.recovery.includes(signed.credential) ?? false);
    const credential = isNode(signed) || recovery ? null : this.isLive(signed.credential) ?? null;
    if (!isNode(signed) && !recovery && credential?.delegate !== signed.delegate) {
      return bare(verdicts.NO_CREDENTIAL, entry);
    }
    let parsed: Awaited<ReturnType<Rulebook['parse']>>;
    try {
      parsed = await this.rulebook.parse(signed.act);
    } catch (error) {
      if (error instanceof Malformed) return bare(verdicts.ACT_FORM, entry, this.rulebook.spec(signed.act.type));
      throw error;
    }
    if (!parsed) return bare(verdicts.UNKNOWN_ACT, entry);
    const { spec, fields, move } = parsed;
    // Editions are for `join` to judge.
    if (spec.edition > 1 && FOLDED.has(move.move)) return bare(verdicts.UNKNOWN_ACT, entry);
    let verdict = this.judgePower(spec, move, credential, recovery);
    let subject = '';
    try {
      const carried = move.move === 'table' || move.move === 'consent' ? move.subject : null;
      const hash = carried ? await hashOf(carried) : '';
      verdict ??= this.judgeForm(move, hash) ?? this.judgeSpend(move, signed) ?? spec.form?.(fields, this.sides, move) ?? null;
      if (verdict === null) subject = hash;
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      verdict ??= verdicts.ACT_FORM;
    }
    return { verdict, entry, spec, fields, move: subject ? reckoned(move, subject) : move, subject };
  }

  /** Whether a delegate can no longer enter anything with that nonce: it is in the log, or they spent it themselves. */
  private isSpent(delegate: string, nonce: string): boolean {
    return this.nonces.has(nonce) || this.spent.has(`${delegate} ${nonce}`);
  }

  private judgeSpend(move: Move, { delegate, nonce }: Signed): string | null {
    if (move.move !== 'spend') return null;
    return move.nonce === nonce || this.isSpent(delegate, move.nonce) ? verdicts.SPENT_ALREADY : null;
  }

  private judgePower(spec: ActSpec, move: Move, credential: Credential | null, recovery: boolean): string | null {
    if (recovery || move.move === 'recover') return recovery && move.move === 'recover' ? null : verdicts.NO_POWER;
    if (!credential) return spec.node_may && NODE_MOVES.has(move.move) ? null : verdicts.NOT_FOR_THE_NODE;
    if (move.move === 'found') return verdicts.FOUNDED_ALREADY;
    if ((spec.proof === 'U' || PERSONAL.has(move.move)) && !credential.passkey) return verdicts.NOT_USER_VERIFIED;
    const powers = this.powersOf(credential);
    if (move.move === 'admit' && !move.passkey) {
      if (move.delegate !== credential.delegate) return verdicts.NOT_A_PASSKEY;
      return within(move.powers, both(powers, DEVICE)) ? null : verdicts.NO_POWER;
    }
    if (move.move === 'revoke' && this.isOwn(move.credential, credential)) return null;
    if (spec.power !== null && !powers.has(spec.power)) return verdicts.NO_POWER;
    const needed = powerOf(move);
    return needed !== null && !powers.has(needed) ? verdicts.NO_POWER : null;
  }

  /** Anyone may give up their own credential, and the device keys that it admitted. */
  private isOwn(revoked: string, by: Credential): boolean {
    const found = this.credentials.get(revoked);
    return found !== undefined && (by.id === found.id || by.id === found.parent);
  }

  /** The form of a move, whatever act brought it. hash: of the subject that it carries. */
  private judgeForm(move: Move, hash: string): string | null {
    switch (move.move) {
      case 'admit':
      case 'recover':
        return this.credentials.has(move.credential) ? verdicts.ADMITTED_ALREADY : null;
      case 'revoke': {
        if (!this.live.has(move.credential)) return verdicts.NO_SUCH_CREDENTIAL;
        const ended = this.credentials.get(move.credential) as Credential;
        return this.officersLive === 1 && this.powersOf(ended).has('admit') ? verdicts.LAST_OFFICER : null;
      }
      case 'set-powers': {
        if (!this.delegates.has(move.delegate)) return verdicts.NO_SUCH_DELEGATE;
        if (this.officersLive > (this.officers.get(move.delegate) ?? 0)) return null;
        return move.powers.has('admit') && this.present.get(move.delegate) ? null : verdicts.LAST_OFFICER;
      }
      case 'table':
        return isSlot(move.subject.slot) && SLOTS[move.subject.slot[0] as string]?.tabled ? null : verdicts.NO_SUCH_SLOT;
      case 'consent': {
        if (!isSlot(move.slot)) return verdicts.NO_SUCH_SLOT;
        const { tabled, carried } = SLOTS[move.slot[0] as string] as SlotKind;
        if (move.subject === null ? carried : !(carried || tabled)) return verdicts.ACT_FORM;
        return move.hash === null || move.subject === null || move.hash === hash ? null : verdicts.ACT_FORM;
      }
      case 'withdraw':
      case 'decline':
        return isSlot(move.slot) ? null : verdicts.NO_SUCH_SLOT;
      case 'end': {
        const kind = ENDS.get(move.what[0] ?? '');
        return kind && move.what.length === kind.parts ? null : verdicts.NOTHING_TO_END;
      }
      case 'begin':
      case 'stop':
        return move.n >= 0 && move.n < 2 ** 31 ? null : verdicts.ACT_FORM;
      default:
        return null;
    }
  }

  // --- applying --------------------------------------------------------------------------------------

  private async apply(index: number, move: Move, signer: string): Promise<void> {
    switch (move.move) {
      case 'found': {
        const founding = this.founding = await readFounding(move.founding);
        this.keys.push({ at: index, key: founding.logKey });
        this.note(founding.officer, 'protocol-officer', null);
        this.admit(index, founding.passkey.credential, founding.officer, OFFICER, founding.passkey);
        return;
      }
      case 'rotate-key':
        this.keys.push({ at: index, key: fromText(move.logKey, 32) });
        return;
      case 'admit':
        if (move.passkey) this.note(move.delegate, move.role, move.name);
        this.admit(index, move.credential, move.delegate, move.powers, move.passkey, move.passkey ? null : signer);
        return;
      case 'revoke':
        this.end(move.credential);
        return;
      case 'set-powers': {
        this.granted.set(move.delegate, { at: index, powers: move.powers });
        const count = move.powers.has('admit') ? this.present.get(move.delegate) ?? 0 : 0;
        this.officersLive += count - (this.officers.get(move.delegate) ?? 0);
        this.officers.set(move.delegate, count);
        return;
      }
      case 'recover':
        for (const credential of [...this.live]) this.end(credential);
        this.note(move.delegate, 'protocol-officer', null);
        this.admit(index, move.credential, move.delegate, OFFICER, move.passkey);
        return;
      case 'register':
        if (move.key[0] === 'delegation') this.delegations.set(String(move.key[1]), move.value['delegates'] as string[]);
    }
  }

  private note(delegate: string, role: string, name: string | null): void {
    this.delegates.set(delegate, { role, name: name || (this.delegates.get(delegate)?.name ?? null) });
  }

  private admit(
    admitted: number, id: string, delegate: string, powers: ReadonlySet<string>, passkey: Passkey | null,
    parent: string | null = null,
  ): void {
    const credential = { id, delegate, passkey, powers, admitted, parent };
    this.credentials.set(id, credential);
    this.live.add(id);
    this.count(credential, 1);
  }

  private end(id: string): void {
    this.count(this.credentials.get(id) as Credential, -1);
    this.live.delete(id);
  }

  private count(credential: Credential, step: 1 | -1): void {
    const { delegate, passkey } = credential;
    if (!passkey) return;
    this.present.set(delegate, (this.present.get(delegate) ?? 0) + step);
    if (!this.powersOf(credential).has('admit')) return;
    this.officers.set(delegate, (this.officers.get(delegate) ?? 0) + step);
    this.officersLive += step;
  }
}

const isNode = ({ delegate, credential }: Signed): boolean => delegate === NODE && credential === NODE;

/** The move with its consent's hash filled in, where that is the carried subject's own. */
function reckoned(move: Move, hash: string): Move {
  return move.move === 'consent' && move.hash === null ? { ...move, hash } : move;
}

/** The power that a move needs by what it touches, whatever its act's row says. */
function powerOf(move: Move): string | null {
  switch (move.move) {
    case 'table':
      return isSlot(move.subject.slot) ? SLOTS[move.subject.slot[0] as string]?.power ?? null : null;
    case 'consent':
    case 'withdraw':
    case 'decline':
      return isSlot(move.slot) ? SLOTS[move.slot[0] as string]?.power ?? null : null;
    case 'end':
      return ENDS.get(move.what[0] ?? '')?.power ?? null;
    default:
      return null;
  }
}

function both(one: ReadonlySet<string>, other: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...one].filter(each => other.has(each)));
}

function within(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
  return [...part].every(each => whole.has(each));
}

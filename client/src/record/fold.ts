/** The people of a side, from its whole log: who is admitted, with what powers, and who may be in the room.
 *
 * Lives here: `Fold`, which judges `side.*` and `talk.delegation` and hashes everything else.
 * Not here: fetching and pinning (`logs`); what needs the other side's log (the node's `dialogue/join.py`).
 * Spec: docs/spec/record.md §§2, 4, 9; docs/spec/keys.md §2.3.
 *
 * Judged are the acts that decide membership, each by its envelope and proof, exactly as the node's `fold.py`
 * does it; of the others the leaf's hash is all that is needed, since the root covers it.
 */

import { type Bytes, equal, fromText, toText } from '../bytes';
import { Malformed, Untrusted } from '../errors';
import { type JsonObject, encode, members } from './canonical';
import { digest } from './digest';
import { type Entry, NODE, challenge, readLeaf } from './entry';
import { Tree } from './merkle';
import { proves } from './proof';

const POWERS = ['admit', 'schedule', 'sign', 'record', 'release', 'speak'];
const ROLES = ['principal', 'protocol-officer', 'adviser', 'press-officer', 'interpreter'];
const OFFICER = ['admit', 'schedule'];
const DEVICE = ['schedule', 'speak'];

export interface Admitted {
  readonly id: string;
  readonly delegate: string;
  readonly powers: ReadonlySet<string>;
  readonly admitted: number;
  readonly person: boolean;
  readonly parent?: string;
}

export class Fold {
  readonly tree = new Tree();
  /** Every credential ever admitted; `live` of them may act. */
  readonly credentials = new Map<string, Admitted>();
  readonly delegates = new Map<string, { readonly role: string; readonly name: string | null }>();
  /** Talk → delegates of this side who may be in the room. */
  readonly delegations = new Map<string, readonly string[]>();
  names: JsonObject = {};
  private readonly live = new Set<string>();
  private readonly granted = new Map<string, { readonly at: number; readonly powers: ReadonlySet<string> }>();
  private readonly nonces = new Set<string>();
  private readonly keys: { readonly at: number; readonly key: Bytes }[] = [];
  private recovery: readonly string[] = [];
  private readonly roots: Bytes[] = [];

  constructor(
    readonly dialogue: string,
    readonly side: string,
  ) {}

  get size(): number {
    return this.tree.size;
  }

  /** The log key that signs a checkpoint of `size`. */
  keyAt(size: number): Bytes | undefined {
    return this.keys.findLast(({ at }) => at < size)?.key;
  }

  root(size: number): Bytes | undefined {
    return this.roots[size];
  }

  /** Persons' live credentials → delegate. */
  persons(): Map<string, string> {
    return new Map([...this.credentials.values()]
      .filter(({ id, person }) => person && this.isLive(id))
      .map(({ id, delegate }) => [id, delegate]));
  }

  /** Take the next leaf, whatever its bytes. */
  async append(leaf: Uint8Array): Promise<void> {
    if (this.roots.length === 0) this.roots.push(await this.tree.root());
    try {
      await this.judge(readLeaf(leaf));
    } catch (error) {
      // A void entry has no effect; its leaf is in the tree all the same.
      if (!(error instanceof Malformed || error instanceof Untrusted)) throw error;
    }
    await this.tree.append(leaf);
    this.roots.push(await this.tree.root());
  }

  private async judge(entry: Entry): Promise<void> {
    const { signed, proof, seq } = entry;
    const act = signed.act;
    if (!act.type.startsWith('side.') && act.type !== 'talk.delegation') return;
    const at = this.size;
    if (signed.dialogue !== this.dialogue || signed.side !== this.side || seq !== at) return;
    const root = this.root(signed.own.size);
    if (signed.own.size > at || !root || !equal(root, signed.own.root)) return;
    if (signed.credential === NODE) return;
    const key = fromText(signed.credential, 32);
    if (!(await proves(proof, key, await challenge(signed)))) return;
    if (this.nonces.has(signed.nonce)) return;
    this.nonces.add(signed.nonce);
    if (at === 0) return this.found(entry);
    if (act.type === 'side.recover') return this.recover(entry);
    if (this.isLive(signed.credential)?.delegate !== signed.delegate) return;
    this.apply(entry, this.credentials.get(signed.credential) as Admitted);
  }

  private async found({ signed }: Entry): Promise<void> {
    const { founding } = members(signed.act, ['type', 'founding'], 'side.found');
    const obj = members(founding, ['name', 'log_key', 'recovery', 'officer', 'nonce'], 'founding');
    const officer = members(obj['officer'], ['delegate', 'credential'], 'founding.officer');
    if (signed.act.type !== 'side.found' || toText(await digest('side', encode(founding))) !== this.side) return;
    if (signed.delegate !== officer['delegate'] || signed.credential !== officer['credential']) return;
    this.keys.push({ at: 0, key: fromText(obj['log_key'], 32, 'founding.log_key') });
    this.recovery = obj['recovery'] as readonly string[];
    this.names = obj['name'] as JsonObject;
    this.note(signed.delegate, 'protocol-officer', null);
    this.admit({ id: signed.credential, delegate: signed.delegate, powers: new Set(OFFICER), admitted: 0, person: true });
  }

  private recover({ signed, seq }: Entry): void {
    if (signed.delegate !== 'recovery' || !this.recovery.includes(signed.credential)) return;
    const { delegate, credential } = members(signed.act, ['type', 'delegate', 'credential'], 'side.recover');
    if (typeof delegate !== 'string' || typeof credential !== 'string' || this.credentials.has(credential)) return;
    fromText(credential, 32);
    this.live.clear();
    this.note(delegate, 'protocol-officer', null);
    this.admit({ id: credential, delegate, powers: new Set(OFFICER), admitted: seq, person: true });
  }

  private apply({ signed, seq }: Entry, by: Admitted): void {
    const { act } = signed;
    const mine = this.powersOf(by);
    const officer = mine.has('admit');
    switch (act.type) {
      case 'side.admit': {
        const fields = members(act, ['type', 'delegate', 'role', 'credential', 'powers', 'name'], act.type);
        const { delegate, role, credential, name } = fields as { [name: string]: unknown };
        const powers = powersIn(fields['powers']);
        if (typeof delegate !== 'string' || typeof credential !== 'string' || !ROLES.includes(role as string)) return;
        if (delegate.length < 1 || delegate.length > 64 || delegate === NODE || delegate === 'recovery') return;
        if (name !== null && typeof name !== 'string') return;
        fromText(credential, 32);
        const ownDevice = delegate === by.delegate
          && [...powers].every(power => mine.has(power) && DEVICE.includes(power));
        if (this.credentials.has(credential) || (!officer && !ownDevice) || !by.person) return;
        if (officer) this.note(delegate, role as string, name);
        this.admit({
          id: credential, delegate, powers, admitted: seq, person: officer, ...(officer ? {} : { parent: by.id }),
        });
        return;
      }
      case 'side.revoke': {
        const { credential } = members(act, ['type', 'credential'], act.type);
        const ended = this.credentials.get(String(credential));
        if (!ended || !this.live.has(ended.id)) return;
        const own = by.id === ended.id || by.id === ended.parent;
        if (!by.person || !(officer || own)) return;
        if (this.officers().length === 1 && this.powersOf(ended).has('admit')) return;
        this.live.delete(ended.id);
        return;
      }
      case 'side.powers': {
        const { delegate, powers } = members(act, ['type', 'delegate', 'powers'], act.type);
        const granted = powersIn(powers);
        if (!officer || typeof delegate !== 'string' || !this.delegates.has(delegate)) return;
        const others = this.officers().some(other => other.delegate !== delegate);
        const person = [...this.persons().values()].includes(delegate);
        if (!others && !(granted.has('admit') && person)) return;
        this.granted.set(delegate, { at: seq, powers: granted });
        return;
      }
      case 'side.rotate-key': {
        const fields = members(act, ['type', 'log_key'], act.type);
        if (officer) this.keys.push({ at: seq, key: fromText(fields['log_key'], 32) });
        return;
      }
      case 'talk.delegation': {
        const { talk, delegates } = members(act, ['type', 'talk', 'delegates'], act.type);
        const list = Array.isArray(delegates) ? (delegates as readonly unknown[]) : [];
        if (!officer || typeof talk !== 'string' || list.length > 100) return;
        if (!Array.isArray(delegates) || !list.every(each => typeof each === 'string')) return;
        this.delegations.set(talk, list as readonly string[]);
      }
    }
  }

  private note(delegate: string, role: string, name: string | null): void {
    this.delegates.set(delegate, { role, name: name ?? this.delegates.get(delegate)?.name ?? null });
  }

  private admit(credential: Admitted): void {
    this.credentials.set(credential.id, credential);
    this.live.add(credential.id);
  }

  private isLive(id: string): Admitted | undefined {
    const found = this.credentials.get(id);
    if (!found || !this.live.has(id)) return undefined;
    return found.parent !== undefined && !this.live.has(found.parent) ? undefined : found;
  }

  private powersOf(credential: Admitted): ReadonlySet<string> {
    const granted = this.granted.get(credential.delegate);
    if (!granted || granted.at < credential.admitted) return credential.powers;
    return credential.person ? granted.powers : new Set([...credential.powers].filter(power => granted.powers.has(power)));
  }

  private officers(): Admitted[] {
    return [...this.credentials.values()].filter(
      each => each.person && this.live.has(each.id) && this.powersOf(each).has('admit'),
    );
  }
}

function powersIn(value: unknown): ReadonlySet<string> {
  if (!Array.isArray(value) || !value.every(each => POWERS.includes(each as string))) {
    throw new Malformed('powers: a list of powers is due');
  }
  return new Set(value as string[]);
}

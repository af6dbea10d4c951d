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
import { type Entry, NODE, type Signed, challenge, readLeaf } from './entry';
import { Tree } from './merkle';
import { type Passkey, asserts, proves, readPasskey } from './proof';

const POWERS = ['admit', 'schedule', 'sign', 'record', 'release', 'speak'];
const ROLES = ['principal', 'protocol-officer', 'adviser', 'press-officer', 'interpreter'];
const OFFICER = ['admit', 'schedule'];
const DEVICE = ['schedule', 'speak'];

export interface Admitted {
  readonly id: string;
  readonly delegate: string;
  readonly powers: ReadonlySet<string>;
  readonly admitted: number;
  /** null: a device key. */
  readonly passkey: Passkey | null;
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
  /** "<delegate> <nonce>": what its own delegate made worthless (record.md §9.6). */
  private readonly spent = new Set<string>();
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
    return new Map([...this.holders()].map(([id, { delegate }]) => [id, delegate]));
  }

  /** Persons' live credentials → whose, and the passkey that proves. */
  holders(): Map<string, { readonly delegate: string; readonly passkey: Passkey }> {
    const holders = new Map<string, { delegate: string; passkey: Passkey }>();
    for (const { id, delegate, passkey } of this.credentials.values()) {
      if (passkey && this.isLive(id)) holders.set(id, { delegate, passkey });
    }
    return holders;
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
    if (!act.type.startsWith('side.') && act.type !== 'talk.delegation' && act.type !== 'record.spend') return;
    const at = this.size;
    if (signed.dialogue !== this.dialogue || signed.side !== this.side || seq !== at) return;
    const root = this.root(signed.own.size);
    if (signed.own.size > at || !root || !equal(root, signed.own.root)) return;
    if (signed.credential === NODE) return;
    const known = this.credentials.get(signed.credential);
    const passkey = known ? known.passkey : at === 0 ? await officerOf(signed) : null;
    const proven = passkey
      ? await asserts(proof, passkey, await challenge(signed))
      : await proves(proof, fromText(signed.credential, 32), await challenge(signed));
    if (!proven) return;
    if (this.isSpent(signed.delegate, signed.nonce)) return;
    this.nonces.add(signed.nonce);
    if (at === 0) return this.found(entry);
    if (act.type === 'side.recover') return this.recover(entry);
    if (this.isLive(signed.credential)?.delegate !== signed.delegate) return;
    return this.apply(entry, this.credentials.get(signed.credential) as Admitted);
  }

  private async found({ signed }: Entry): Promise<void> {
    const { founding } = members(signed.act, ['type', 'founding'], 'side.found');
    const obj = members(founding, ['name', 'log_key', 'recovery', 'officer', 'nonce'], 'founding');
    const officer = members(obj['officer'], ['delegate', 'passkey'], 'founding.officer');
    const passkey = await readPasskey(officer['passkey']);
    if (signed.act.type !== 'side.found' || toText(await digest('side', encode(founding))) !== this.side) return;
    if (signed.delegate !== officer['delegate'] || signed.credential !== passkey.credential) return;
    this.keys.push({ at: 0, key: fromText(obj['log_key'], 32, 'founding.log_key') });
    this.recovery = obj['recovery'] as readonly string[];
    this.names = obj['name'] as JsonObject;
    this.note(signed.delegate, 'protocol-officer', null);
    this.admit({ id: signed.credential, delegate: signed.delegate, powers: new Set(OFFICER), admitted: 0, passkey });
  }

  private async recover({ signed, seq }: Entry): Promise<void> {
    if (signed.delegate !== 'recovery' || !this.recovery.includes(signed.credential)) return;
    const { delegate, passkey: value } = members(signed.act, ['type', 'delegate', 'passkey'], 'side.recover');
    const passkey = await readPasskey(value);
    if (typeof delegate !== 'string' || this.credentials.has(passkey.credential)) return;
    this.live.clear();
    this.note(delegate, 'protocol-officer', null);
    this.admit({ id: passkey.credential, delegate, powers: new Set(OFFICER), admitted: seq, passkey });
  }

  private async apply({ signed, seq }: Entry, by: Admitted): Promise<void> {
    const { act } = signed;
    const mine = this.powersOf(by);
    const officer = mine.has('admit');
    switch (act.type) {
      case 'side.admit': {
        const fields = members(act, ['type', 'delegate', 'role', 'credential', 'passkey', 'powers', 'name'], act.type);
        const { delegate, role, credential, name } = fields as { [name: string]: unknown };
        const powers = powersIn(fields['powers']);
        if (typeof delegate !== 'string' || typeof credential !== 'string' || !ROLES.includes(role as string)) return;
        if (delegate.length < 1 || delegate.length > 64 || delegate === NODE || delegate === 'recovery') return;
        if (name !== null && typeof name !== 'string') return;
        fromText(credential, 32);
        const passkey = fields['passkey'] === null ? null : await readPasskey(fields['passkey']);
        if (passkey && passkey.credential !== credential) return;
        const ownDevice = delegate === by.delegate
          && [...powers].every(power => mine.has(power) && DEVICE.includes(power));
        if (this.credentials.has(credential) || !(passkey ? officer : ownDevice) || !by.passkey) return;
        if (passkey) this.note(delegate, role as string, name);
        this.admit({ id: credential, delegate, powers, admitted: seq, passkey, ...(passkey ? {} : { parent: by.id }) });
        return;
      }
      case 'side.revoke': {
        const { credential } = members(act, ['type', 'credential'], act.type);
        const ended = this.credentials.get(String(credential));
        if (!ended || !this.live.has(ended.id)) return;
        const own = by.id === ended.id || by.id === ended.parent;
        if (!by.passkey || !(officer || own)) return;
        if (this.officers().length === 1 && this.powersOf(ended).has('admit')) return;
        this.live.delete(ended.id);
        return;
      }
      case 'side.powers': {
        const { delegate, powers } = members(act, ['type', 'delegate', 'powers'], act.type);
        const granted = powersIn(powers);
        if (!officer || !by.passkey || typeof delegate !== 'string' || !this.delegates.has(delegate)) return;
        const others = this.officers().some(other => other.delegate !== delegate);
        const person = [...this.persons().values()].includes(delegate);
        if (!others && !(granted.has('admit') && person)) return;
        this.granted.set(delegate, { at: seq, powers: granted });
        return;
      }
      case 'side.rotate-key': {
        const fields = members(act, ['type', 'log_key'], act.type);
        if (officer && by.passkey) this.keys.push({ at: seq, key: fromText(fields['log_key'], 32) });
        return;
      }
      case 'record.spend': {
        const { nonce } = members(act, ['type', 'nonce'], act.type);
        const text = toText(fromText(nonce, 16, 'nonce'));
        if (!this.isSpent(signed.delegate, text)) this.spent.add(`${signed.delegate} ${text}`);
        return;
      }
      case 'talk.delegation': {
        const { talk, delegates } = members(act, ['type', 'talk', 'delegates'], act.type);
        const list = Array.isArray(delegates) ? (delegates as readonly unknown[]) : [];
        if (!officer || !by.passkey || typeof talk !== 'string' || list.length > 100) return;
        if (!Array.isArray(delegates) || !list.every(each => typeof each === 'string')) return;
        this.delegations.set(talk, list as readonly string[]);
      }
    }
  }

  private isSpent(delegate: string, nonce: string): boolean {
    return this.nonces.has(nonce) || this.spent.has(`${delegate} ${nonce}`);
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
    return credential.passkey ? granted.powers : new Set([...credential.powers].filter(power => granted.powers.has(power)));
  }

  private officers(): Admitted[] {
    return [...this.credentials.values()].filter(
      each => each.passkey && this.live.has(each.id) && this.powersOf(each).has('admit'),
    );
  }
}

/** The passkey that a founding's own statement names. */
function officerOf(signed: Signed): Promise<Passkey> {
  const founding = signed.act['founding'] as { officer?: { passkey?: unknown } } | undefined;
  return readPasskey(founding?.officer?.passkey);
}

function powersIn(value: unknown): ReadonlySet<string> {
  if (!Array.isArray(value) || !value.every(each => POWERS.includes(each as string))) {
    throw new Malformed('powers: a list of powers is due');
  }
  return new Set(value as string[]);
}

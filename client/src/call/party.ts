/** One device in one room, whole: certificates in, messages in, bytes and keys out. No transport, no page.
 *
 * Lives here: `Party`, which joins `roster`, `messages` and `exchange`. The twin of src/visavis/e2ee/party.py.
 * Not here: LiveKit (`room`), the logs' fetching (`../record/logs`).
 *
 * WebCrypto answers later, so everything a party does goes through one queue: the order of taking is the
 * order of coming.
 */

import type { Bytes } from '../bytes';
import { Malformed, Untrusted } from '../errors';
import type { Json } from '../record/canonical';
import { type Body, type Certificate, type Membership, type OwnDevice, spend } from './device';
import { type Effect, type Event, RING, type State, initial, step } from './exchange';
import { FLOOR, Liar, Receiver, Signer, helloCertificate, makeKey, openSay, parseMessage, sayKey } from './messages';
import { openNote, sealNote } from './notes';
import { roster, rosterHash } from './roster';

export type Outcome =
  /** to: these devices alone; undefined: everybody. */
  | { readonly do: 'send'; readonly data: Bytes; readonly to?: readonly string[] }
  | { readonly do: 'key'; readonly device: string; readonly index: number; readonly key: Bytes; readonly sending: boolean }
  | { readonly do: 'keyframe' }
  | { readonly do: 'roster'; readonly devices: readonly string[] }
  | { readonly do: 'drop'; readonly device: string }
  | { readonly do: 'bye'; readonly device: string }
  | { readonly do: 'said'; readonly device: string; readonly n: number; readonly value: Json }
  | { readonly do: 'noted'; readonly device: string; readonly n: number; readonly value: Json }
  | { readonly do: 'read-logs' }
  | { readonly do: 'find-certificates' }
  | {
    readonly do: 'notice';
    readonly code: 'refused' | 'liar' | 'ghosts' | 'cannot-hear' | 'rosters-differ';
    readonly device: string;
    readonly words: string;
  };

export interface Surroundings {
  membership(): Membership;
  seen(): Record<string, readonly [number, string, string]>;
  now(): number;
  /** Must not throw. Outcomes come in order; a promise is waited for. */
  act(outcome: Outcome): void | Promise<void>;
}

export class Party {
  private state: State = initial;
  private readonly signer: Signer;
  private readonly receiver: Receiver;
  private readonly certificates = new Map<string, Certificate>();
  private readonly own = new Map<number, { readonly key: Bytes; readonly data: Bytes }>();
  /** device → index → epoch and what opens its sayings; the frame keys themselves are given away and not kept. */
  private readonly keys = new Map<string, Map<number, { readonly epoch: number; readonly say: CryptoKey }>>();
  private queue: Promise<void> = Promise.resolve();
  private started = false;

  constructor(
    private readonly device: OwnDevice,
    private readonly around: Surroundings,
    room = FLOOR,
  ) {
    const { body } = device.certificate;
    this.signer = new Signer(body, device.id, device.sig.privateKey, room);
    this.receiver = new Receiver(device.id, device.kem, room);
    this.certificates.set(device.id, device.certificate);
  }

  get epoch(): number {
    return this.state.using;
  }

  get inRoom(): readonly string[] {
    return [...this.state.roster].sort();
  }

  body(device: string): Body | undefined {
    return this.receiver.roster.get(device);
  }

  start(): Promise<void> {
    return this.then(async () => {
      await this.verify();
      const jitter = crypto.getRandomValues(new Uint16Array(2));
      const turn = Math.round(600_000 * (0.8 + (0.4 * (jitter[0] ?? 0)) / 65_535));
      const greet = Math.round((500 * (jitter[1] ?? 0)) / 65_535);
      const { id, next } = this.device;
      this.started = true;
      await this.step({ type: 'started', at: this.around.now(), device: id, epoch: next, turn, greet });
    });
  }

  /** Certificates from the node's untrusted store: each is judged, none is believed. */
  found(certificates: readonly Certificate[], ids: readonly string[]): Promise<void> {
    return this.then(async () => {
      ids.forEach((id, at) => this.certificates.set(id, certificates[at] as Certificate));
      await this.verify();
    });
  }

  logsChanged(): Promise<void> {
    return this.then(() => this.verify());
  }

  receive(data: Uint8Array): Promise<void> {
    return this.then(async () => {
      try {
        await this.take(data);
      } catch (error) {
        if (error instanceof Liar) {
          await this.notice('liar', error.device);
          await this.step({ type: 'left', at: this.around.now(), device: error.device });
        } else if (error instanceof Malformed || error instanceof Untrusted) {
          await this.notice('refused', '', error.message);
        } else throw error;
      }
    });
  }

  /** The engine says that a participant is gone: a hint, taken; it comes back by being heard. */
  left(device: string): Promise<void> {
    return this.then(() => this.step({ type: 'left', at: this.around.now(), device }));
  }

  /** The engine says that a participant is there. It may wait at the door, and is told who is in. */
  there(device: string): Promise<void> {
    return this.then(() => this.step({ type: 'found', at: this.around.now(), device }));
  }

  reconnected(): Promise<void> {
    return this.then(() => this.step({ type: 'reconnected', at: this.around.now() }));
  }

  tick(): Promise<void> {
    return this.then(async () => {
      const now = this.around.now();
      const ended = [...this.state.verified].some(id => now >= (this.receiver.roster.get(id)?.until ?? Infinity));
      if (ended) await this.verify();
      await this.step({ type: 'tick', at: now });
    });
  }

  /** Say something to everyone in, under the key in use; nothing, if there is none yet. */
  say(value: Json): Promise<void> {
    return this.then(async () => {
      const epoch = this.state.using;
      const made = this.own.get(epoch);
      if (!made) return;
      const data = await this.signer.say(value, epoch, await sayKey(made.key), this.around.now());
      await this.around.act({ do: 'send', data });
    });
  }

  /** Say something to those of one's own side who are in, and to nobody else; whom it was sealed to. */
  async note(value: Json): Promise<readonly string[]> {
    let to: readonly string[] = [];
    await this.then(async () => {
      const { side } = this.device.certificate.body;
      const bodies = new Map(this.inRoom.flatMap(id => {
        const body = this.receiver.roster.get(id);
        return body?.side === side ? [[id, body] as const] : [];
      }));
      if (bodies.size === 0 || this.state.using < 0) return;
      const data = await sealNote(this.signer, bodies, value, this.state.using, this.around.now());
      to = [...bodies.keys()];
      await this.around.act({ do: 'send', data, to });
    });
    return to;
  }

  /** The last message, for leaving. */
  bye(): Promise<Bytes> {
    return this.signer.sign('bye', this.around.now());
  }

  private then(work: () => Promise<void>): Promise<void> {
    const done = this.queue.then(work);
    this.queue = done.catch(() => undefined);
    return done;
  }

  private async verify(): Promise<void> {
    const now = this.around.now();
    const found = await roster(this.certificates.values(), this.around.membership(), now);
    this.receiver.roster = found;
    const devices = [...found.keys()].filter(id => !this.receiver.liars.has(id)).sort();
    await this.step({ type: 'verified', at: now, devices });
  }

  private async take(data: Uint8Array): Promise<void> {
    const message = parseMessage(data);
    const { device, type } = message;
    if (device === this.device.id) return;
    if (type === 'hello' && !this.certificates.has(device)) {
      // Greeting is how a certificate comes; it is judged before anything else is read.
      this.certificates.set(device, await helloCertificate(message));
      await this.verify();
    }
    if (!this.receiver.roster.has(device)) {
      // Its side may have admitted it in an entry that is not read yet.
      await this.around.act({ do: this.certificates.has(device) ? 'read-logs' : 'find-certificates' });
    }
    await this.receiver.open(message);
    const at = this.around.now();
    const epoch = (message['epoch'] ?? 0) as number;
    // At the door it is known who is in; nothing is taken, asked for or answered.
    if (!this.started) return this.step({ type: type === 'bye' ? 'left' : 'heard', at, device });
    switch (type) {
      case 'hello':
        return this.step({ type: 'heard', at, device, fresh: true });
      case 'beat': {
        if (message['roster'] !== (await rosterHash([...this.state.roster, this.device.id]))) {
          await this.notice('rosters-differ', device);
        }
        const mine = this.around.seen();
        const seen = message['seen'] as unknown as Record<string, readonly [number, string, string]>;
        if (Object.entries(seen).some(([side, [size]]) => size > (mine[side]?.[0] ?? 0))) {
          await this.around.act({ do: 'read-logs' });
        }
        const have = message['have'] as unknown as Record<string, number>;
        return this.step({ type: 'beat', at, device, n: message['n'] as number, have });
      }
      case 'want':
        if (message['of'] === this.device.id) await this.step({ type: 'wanted', at, device, epoch });
        return;
      case 'bye':
        await this.around.act({ do: 'bye', device });
        return this.step({ type: 'left', at, device });
      case 'key': {
        const taking = await this.receiver.take(message);
        if (taking.kind === 'left-out') return this.step({ type: 'missed', at, device, epoch });
        if (taking.kind === 'again') return;
        if (taking.ghosts.length > 0) await this.notice('ghosts', device, taking.ghosts.join(', '));
        const index = epoch % RING;
        const say = await sayKey(taking.key);
        this.keys.set(device, (this.keys.get(device) ?? new Map()).set(index, { epoch, say }));
        await this.around.act({ do: 'key', device, index, key: taking.key, sending: false });
        return this.step({ type: 'took', at, device, epoch });
      }
      case 'say': {
        const held = this.keys.get(device)?.get(epoch % RING);
        const value = held?.epoch === epoch ? await openSay(message, held.say) : undefined;
        await this.step({ type: 'heard', at, device });
        if (value === undefined || !this.state.roster.has(device)) return;
        return this.around.act({ do: 'said', device, n: message['n'] as number, value });
      }
      case 'note': {
        const { body } = this.device.certificate;
        const sender = this.receiver.roster.get(device);
        // Of an epoch of which I hold no key: before I came in, or sent again.
        const fresh = this.keys.get(device)?.get(epoch % RING)?.epoch === epoch;
        await this.step({ type: 'heard', at, device });
        if (!fresh || !sender || !this.state.roster.has(device)) return;
        const { value, others } = await openNote(message, sender, this.device.id, body, this.device.kem);
        const odd = others.filter(id => this.receiver.roster.get(id)?.side !== body.side);
        if (odd.length > 0) await this.notice('ghosts', device, odd.join(', '));
        return this.around.act({ do: 'noted', device, n: message['n'] as number, value });
      }
      default:
        return this.step({ type: 'heard', at, device });
    }
  }

  private async step(event: Event): Promise<void> {
    const [state, effects] = step(this.state, event);
    this.state = state;
    for (const effect of effects) await this.carryOut(effect);
  }

  private async carryOut(effect: Effect): Promise<void> {
    const now = this.around.now();
    const { act } = this.around;
    switch (effect.type) {
      case 'hello':
        return act({ do: 'send', data: await this.signer.sign('hello', now, { cert: this.device.certificate }) });
      case 'make-key': {
        await spend(this.device, effect.epoch);
        const key = crypto.getRandomValues(new Uint8Array(32));
        const others = new Map(effect.devices.flatMap(id => {
          const body = this.receiver.roster.get(id);
          return body ? [[id, body] as const] : [];
        }));
        const data = await makeKey(this.signer, others, effect.epoch, key, now);
        for (const epoch of this.own.keys()) if (epoch < this.state.using) this.own.delete(epoch);
        this.own.set(effect.epoch, { key, data });
        // Sealed to nobody, it says nothing to anybody; whoever comes brings a new epoch.
        return others.size > 0 ? act({ do: 'send', data }) : undefined;
      }
      case 'resend': {
        const made = this.own.get(effect.epoch);
        return made && act({ do: 'send', data: made.data });
      }
      case 'use': {
        const made = this.own.get(effect.epoch);
        if (!made) return;
        const { id } = this.device;
        await act({ do: 'key', device: id, index: effect.epoch % RING, key: made.key, sending: true });
        // Whoever begins to hear cannot begin in the middle of a picture.
        return effect.newcomers.length > 0 ? act({ do: 'keyframe' }) : undefined;
      }
      case 'cannot-hear':
        for (const device of effect.devices) await this.notice('cannot-hear', device);
        return;
      case 'send-beat': {
        const own = { seen: this.around.seen(), roster: await rosterHash(effect.devices), have: effect.have };
        return act({ do: 'send', data: await this.signer.sign('beat', now, own) });
      }
      case 'want': {
        const own = { of: effect.device, epoch: effect.epoch };
        return act({ do: 'send', data: await this.signer.sign('want', now, own) });
      }
      case 'retire':
        this.keys.get(effect.device)?.delete(effect.index);
        return this.overwrite(effect.device, effect.index);
      case 'drop': {
        this.receiver.drop(effect.device);
        await act({ do: 'drop', device: effect.device });
        for (const index of this.keys.get(effect.device)?.keys() ?? []) await this.overwrite(effect.device, index);
        this.keys.delete(effect.device);
        return;
      }
      case 'roster':
        return act({ do: 'roster', devices: effect.devices });
    }
  }

  private overwrite(device: string, index: number): void | Promise<void> {
    const key = crypto.getRandomValues(new Uint8Array(32));
    return this.around.act({ do: 'key', device, index, key, sending: false });
  }

  private async notice(
    code: Extract<Outcome, { do: 'notice' }>['code'], device: string, words = '',
  ): Promise<void> {
    await this.around.act({ do: 'notice', code, device, words });
  }
}

/** The first characters of the roster's hash, to be compared by eye. */
export async function rosterMark(devices: readonly string[]): Promise<string> {
  return (await rosterHash(devices)).slice(0, 8);
}


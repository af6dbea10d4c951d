/** The caucus: one side's own room, under its own keys, beside the floor, which goes on being heard in it.
 *
 * Lives here: `Caucus`. Not here: who says so on the floor (`away`), going there and back (`room`), what is shown (`view`).
 * Spec: docs/spec/keys.md §4.5.
 *
 * Its own connection, worker, keys and party: nothing of the floor's is used in it, and nothing of it on the floor. The
 * roster is of the own side alone, so nothing is sealed to the other; the node gives a seat in it to that side alone.
 * No track is ever published in both: the floor's are stopped before it is entered, and its own before it is left.
 */

import {
  ConnectionState, DefaultReconnectPolicy, DisconnectReason, LocalAudioTrack, type LocalTrack, type RemoteParticipant,
  type RemoteTrack, Room, RoomEvent, Track,
} from 'livekit-client';

import { type Joined, request } from '../api';
import type { Logs } from '../record/logs';
import {
  type OwnDevice, type Sitting, deviceId, keptDevice, membershipOf, storedCertificates,
} from './device';
import { Ear } from './floor';
import { CallKeys } from './keys';
import { TOPIC } from './messages';
import { type Outcome, Party } from './party';
import { caucusOf, ofSide } from './roster';

declare const WORKER_ADDRESS: string;

const EXCHANGE_TICK_MS = 50;
const MEND_MS = [0, 300, 1_200, 2_700, 4_800];
/** So long the word that one leaves may take: over a connection that is lost it would take much longer, and reach nobody. */
const BYE_MS = 1_000;

export interface CaucusSurroundings {
  readonly path: string;
  readonly where: Sitting;
  readonly device: OwnDevice;
  readonly logs: Logs;
  /** Opens the microphone anew; null: there is none. */
  microphone(): Promise<MediaStreamTrack | null>;
  /** Who is in it, or how its connection stands, has changed: `devices` and `shaky` say how it is now. */
  changed(): void;
  /** What its party notes of one of them: a key sealed to strangers, somebody who cannot hear. */
  noticed(outcome: Outcome): void;
  /** Its connection is lost, or cannot be trusted: it is over, and nobody is heard anywhere. */
  lost(): void;
}

export class Caucus {
  private readonly keys: CallKeys;
  private readonly worker: Worker;
  private readonly room: Room;
  private readonly party: Party;
  private readonly ears = new Map<string, Ear>();
  private ticking: ReturnType<typeof setInterval> | undefined;
  private track: MediaStreamTrack | null = null;
  private published: Promise<void> | undefined;
  /** Whether one's own microphone is to be on, as the person pressed last: before it has gone out, and over a cut too. */
  private on = true;
  private silent = false;
  private lost = false;
  private over = false;

  private constructor(private readonly around: CaucusSurroundings, device: OwnDevice) {
    const { side } = device.certificate.body;
    const { logs, where } = around;
    this.keys = new CallKeys(device.id);
    this.worker = new Worker(WORKER_ADDRESS, { type: 'module', name: device.id });
    this.room = new Room({
      e2ee: { keyProvider: this.keys, worker: this.worker },
      reconnectPolicy: new DefaultReconnectPolicy(MEND_MS),
      singlePeerConnection: false,
      adaptiveStream: false,
      dynacast: false,
      publishDefaults: { dtx: false, red: false, stopMicTrackOnMute: false },
    });
    this.party = new Party(device, {
      membership: () => ofSide(membershipOf(logs, where.talk, where.sitting), side),
      seen: () => logs.seen(),
      now: () => Date.now(),
      act: outcome => this.act(outcome),
    }, caucusOf(side));
  }

  /** Enter it. The floor's own tracks have to be stopped by now. Raises what the node refuses. */
  static async enter(around: CaucusSurroundings): Promise<Caucus> {
    const { body } = around.device.certificate;
    const joined = await request<Joined>('POST', `${around.path}/caucus`, { certificate: around.device.certificate });
    if (joined.identity !== around.device.id) throw new Error('the node gave another identity');
    // Epochs are spent in either room, and none is used twice.
    const kept = await keptDevice(around.where, body, Date.now());
    const next = kept?.id === around.device.id ? kept.next : around.device.next;
    const caucus = new Caucus(around, { ...around.device, next });
    try {
      await caucus.connect(joined);
    } catch (error) {
      await caucus.leave();
      throw error;
    }
    return caucus;
  }

  get stands(): boolean {
    return !this.over;
  }

  /** Who is in it now, without oneself. */
  get devices(): readonly string[] {
    return this.party.inRoom;
  }

  /** Its connection is lost, and is being mended. */
  get shaky(): boolean {
    return this.lost;
  }

  /** Whether one's own microphone is on in it, or will be as soon as it has gone out. */
  get speaks(): boolean {
    return this.on && !this.silent;
  }

  /** There is no microphone to speak by. */
  get voiceless(): boolean {
    return this.silent;
  }

  async mute(): Promise<void> {
    this.on = !this.on;
    await this.sound();
  }

  /** For tests, read-only: what is heard in it of whom. */
  heard(): { device: string; level: number; peakHz: number }[] {
    return [...this.ears].map(([device, ear]) => ({ device, level: ear.level(), peakHz: ear.peakHz() }));
  }

  /** Leave: what one's own microphone gives is stopped first, the word that one leaves comes next, the keys go with it. */
  async leave(): Promise<void> {
    if (this.over) return;
    this.over = true;
    clearInterval(this.ticking);
    this.track?.stop();
    if (this.room.state === ConnectionState.Connected) {
      await Promise.race([this.farewell(), new Promise(resolve => setTimeout(resolve, BYE_MS))]);
    }
    this.end();
    await this.room.disconnect(true).catch(() => undefined);
  }

  private async farewell(): Promise<void> {
    await this.published;
    const me = this.room.localParticipant;
    for (const { track } of [...me.trackPublications.values()]) {
      if (track) await me.unpublishTrack(track, true).catch(() => undefined);
    }
    await me.publishData(await this.party.bye(), { reliable: true, topic: TOPIC }).catch(() => undefined);
  }

  private end(): void {
    clearInterval(this.ticking);
    this.track?.stop();
    for (const ear of this.ears.values()) ear.close();
    this.ears.clear();
    this.worker.terminate();
    for (const element of Array.from(document.querySelectorAll('#caucus-sound audio'))) element.remove();
  }

  private async connect(joined: Joined): Promise<void> {
    const { room, party } = this;
    this.worker.onerror = () => this.fail();
    await room.setE2EEEnabled(true);
    room
      .on(RoomEvent.DataReceived, (data, _from, _kind, topic) => {
        if (topic === TOPIC) void party.receive(data);
      })
      .on(RoomEvent.ParticipantConnected, () => this.askCertificates())
      .on(RoomEvent.ParticipantActive, ({ identity }) => void party.there(identity))
      .on(RoomEvent.ParticipantDisconnected, ({ identity }) => void party.left(identity))
      .on(RoomEvent.TrackPublished, () => this.subscribe())
      .on(RoomEvent.TrackSubscribed, (track, _publication, from) => this.attach(track, from))
      .on(RoomEvent.TrackUnsubscribed, (track, _publication, from) => this.detach(track, from.identity))
      .on(RoomEvent.SignalReconnecting, () => this.mending(true))
      .on(RoomEvent.Reconnecting, () => this.mending(true))
      .on(RoomEvent.Reconnected, () => {
        void party.reconnected();
        this.askCertificates();
        this.mending(false);
      })
      .on(RoomEvent.Disconnected, reason => {
        if (reason !== DisconnectReason.CLIENT_INITIATED) this.fail();
      });
    await Promise.all([this.certificates(), room.connect(joined.url, joined.token, { autoSubscribe: false })]);
    if (room.localParticipant.identity !== this.around.device.id) throw new Error('the engine gave another identity');
    await party.start();
    this.ticking = setInterval(() => void party.tick(), EXCHANGE_TICK_MS);
  }

  private fail(): void {
    if (this.over) return;
    this.over = true;
    this.end();
    void this.room.disconnect(true).catch(() => undefined);
    this.around.lost();
  }

  private async act(outcome: Outcome): Promise<void> {
    if (this.over) return;
    switch (outcome.do) {
      case 'send':
        // What cannot go now is said again when the connection is mended (`reconnected`).
        if (this.room.state !== ConnectionState.Connected) return;
        await this.room.localParticipant.publishData(outcome.data, { reliable: true, topic: TOPIC }).catch(() => undefined);
        return;
      case 'key':
        await this.keys.set(outcome.device, outcome.index, outcome.key, outcome.sending);
        if (outcome.sending) this.published ??= this.publish().catch(() => this.fail());
        return;
      case 'roster':
        this.subscribe();
        return this.around.changed();
      case 'drop':
        for (const publication of this.room.remoteParticipants.get(outcome.device)?.trackPublications.values() ?? []) {
          publication.setSubscribed(false);
        }
        return;
      case 'read-logs':
        void this.around.logs.read().then(() => this.party.logsChanged()).catch(() => undefined);
        return;
      case 'find-certificates':
        return this.askCertificates();
      case 'notice':
        // Who lies about having left is the floor's to judge.
        if (outcome.code !== 'liar') this.around.noticed(outcome);
    }
  }

  private mending(lost: boolean): void {
    if (this.over || lost === this.lost) return;
    this.lost = lost;
    this.around.changed();
  }

  /** The microphone is opened anew, and goes out once the own key is in use. */
  private async publish(): Promise<void> {
    const microphone = await this.around.microphone();
    if (this.over) return microphone?.stop();
    if (!microphone) {
      this.silent = true;
      return this.around.changed();
    }
    this.track = microphone;
    const track = new LocalAudioTrack(microphone, undefined, true);
    // Off before it goes out, if it is to be off: not a moment of it is heard.
    if (!this.on) await track.mute();
    // Its own type of a processor, under exactOptionalPropertyTypes, is not its parent's.
    const { isEncrypted } = await this.room.localParticipant.publishTrack(track as LocalTrack, { source: Track.Source.Microphone });
    if (!isEncrypted) throw new Error('not encrypted');
    // The control may have been pressed while it went out.
    await this.sound();
  }

  private async sound(): Promise<void> {
    const publication = this.room.localParticipant.getTrackPublication(Track.Source.Microphone);
    if (!publication?.track || publication.isMuted !== this.on) return;
    if (this.on) await publication.unmute();
    else await publication.mute();
  }

  private askCertificates(): void {
    void this.around.logs.read().then(() => this.certificates()).catch(() => undefined);
  }

  private async certificates(): Promise<void> {
    const read = await storedCertificates(this.around.path);
    await this.party.found(read, await Promise.all(read.map(({ body }) => deviceId(body))));
  }

  private subscribe(): void {
    const devices = new Set(this.party.inRoom);
    for (const [identity, { trackPublications }] of this.room.remoteParticipants) {
      for (const publication of trackPublications.values()) {
        const wanted = devices.has(identity) && publication.isEncrypted && publication.kind === Track.Kind.Audio;
        if (publication.isSubscribed !== wanted || publication.isDesired !== wanted) publication.setSubscribed(wanted);
      }
    }
  }

  private attach(track: RemoteTrack, { identity }: RemoteParticipant): void {
    if (track.kind !== Track.Kind.Audio) return;
    document.getElementById('caucus-sound')?.append(track.attach());
    this.ears.get(identity)?.close();
    this.ears.set(identity, new Ear(track.mediaStreamTrack));
  }

  private detach(track: RemoteTrack, identity: string): void {
    for (const element of track.detach()) element.remove();
    this.ears.get(identity)?.close();
    this.ears.delete(identity);
  }
}

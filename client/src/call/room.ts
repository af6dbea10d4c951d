/** The call's shell: livekit-client's `Room`, our keys, the page. What decides is `exchange`; here is what does.
 *
 * Lives here: `enterRoom`. Spec: docs/spec/keys.md §§3–5; docs/spec/http.md §5.
 *
 * The order is the point: no encryption, no joining; both logs hold; the device is certified; encryption is on
 * before connecting; the own key is in use before a camera or microphone is published; nobody is subscribed who
 * is not in the roster, and no track that says it is not encrypted.
 */

import {
  ConnectionState, DisconnectReason, type LocalTrackPublication, type RemoteParticipant, type RemoteTrack,
  type RemoteTrackPublication, Room, RoomEvent, Track, isE2EESupported,
} from 'livekit-client';

import { type Joined, request } from '../api';
import { Refused } from '../errors';
import { type Content, opens } from '../record/content';
import { Logs } from '../record/logs';
import { current } from '../signing/keys';
import { wordsOf } from '../signing/forms';
import { t } from '../words';
import { type Chosen, deviceCheck } from './check';
import {
  type Certificate, type OwnDevice, type Sitting, deviceId, keptDevice, membershipOf, ownDevice, readCertificate,
} from './device';
import { Ear, Floor } from './floor';
import { CallKeys } from './keys';
import { TOPIC } from './messages';
import { type Outcome, Party, rosterMark } from './party';
import { type Person, View, titleOf } from './view';

declare const WORKER_ADDRESS: string;

const TICK_MS = 250;
/** The exchange has waits of 300 ms; the next epoch is used when all have said that they have it. */
const EXCHANGE_TICK_MS = 50;
const ASK_APART_MS = 500;

/** Find out early, and say: no WebCrypto for our keys or no frame encryption means no call. */
async function canEncrypt(): Promise<boolean> {
  if (!isE2EESupported() || typeof crypto?.subtle === 'undefined') return false;
  try {
    await crypto.subtle.generateKey({ name: 'X25519' }, false, ['deriveBits']);
    await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']);
    return true;
  } catch {
    return false;
  }
}

export async function enterRoom(main: HTMLElement): Promise<void> {
  const view = new View(main);
  const { dialogue = '', talk = '', sitting = '', side = '' } = main.dataset;
  const where = { dialogue, talk, sitting: Number(sitting) };
  if (!(await canEncrypt())) return view.stage('refused', t('call.no-e2ee'));
  view.stage('checking', '');
  // Read while the devices are chosen; only what has been added since is then left to read.
  const before = Logs.open(dialogue);
  before.catch(() => undefined);
  const waiting = atTheDoor(view, where, side, before).catch(() => undefined);
  void waiting.then(call => view.door(call !== undefined));
  const section = document.getElementById('devicecheck');
  const chosen: Chosen = section
    ? await deviceCheck(section, words => view.stage('ready', words))
    : { camera: null, microphone: null };
  view.stage('joining', t('call.joining'));
  try {
    view.say(t('call.log'));
    const [session, logs, ready] = await Promise.all([current(), toNow(dialogue, before), waiting]);
    let call = ready;
    if (!call?.stands) {
      await call?.turnAway();
      const device = await ownDevice(where, { ...session, side }, Date.now());
      view.say(t('call.connecting'));
      call = await Call.to(view, logs, device, where);
    }
    await call.goIn(chosen);
  } catch (error) {
    for (const track of [chosen.camera, chosen.microphone]) track?.stop();
    const why = error instanceof Refused ? t('call.refused', { why: error.message })
      : error instanceof Error && error.constructor === Error ? error.message : wordsOf(error);
    view.stage('refused', why);
    if (section) section.hidden = true;
  }
}

/** The way to the engine, opened while the devices are chosen, if this browser has a device that its person certified
 * before: another needs their touch, which is asked for when they go in. Nothing is said over it, taken or received
 * until then. Undefined also if the device is in the room already, in another tab: it would be put out. */
async function atTheDoor(
  view: View, where: Sitting, side: string, before: Promise<Logs>,
): Promise<Call | undefined> {
  const [session, logs] = await Promise.all([current(), before]);
  const device = await keptDevice(where, { ...session, side }, Date.now());
  if (!device) return undefined;
  const release = await hold(device.id);
  if (!release) return undefined;
  try {
    return await Call.to(view, logs, device, where, release);
  } catch (error) {
    release();
    throw error;
  }
}

/** One tab at a time has a device in the room. Returns what ends that, or undefined if another tab has it. */
function hold(device: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const held = (lock: Lock | null): Promise<void> | undefined => {
      if (lock) return new Promise<void>(release => resolve(release));
      resolve(undefined);
      return undefined;
    };
    navigator.locks.request(`visavis/device/${device}`, { ifAvailable: true }, held).catch(reject);
  });
}

/** Both logs as they are now. Raises what does not hold, in words. */
async function toNow(dialogue: string, before: Promise<Logs>): Promise<Logs> {
  try {
    const logs = await before.catch(() => Logs.open(dialogue));
    await logs.read();
    return logs;
  } catch (error) {
    throw error instanceof Error && !(error instanceof Refused)
      ? new Error(t('call.log-fails', { why: error.message })) : error;
  }
}

/** Send a whole picture next. Where a browser does not know how, its receivers ask for one. */
async function keyframe(sender: RTCRtpSender | undefined): Promise<void> {
  if (!sender) return;
  const parameters = sender.getParameters();
  const encodingOptions = parameters.encodings.map(() => ({ keyFrame: true }));
  // W3C's webrtc-extensions; not yet among TypeScript's own types.
  await (sender.setParameters as (parameters: RTCRtpSendParameters, options: unknown) => Promise<void>)
    .call(sender, parameters, { encodingOptions });
}

class Call {
  private readonly keys: CallKeys;
  private readonly worker: Worker;
  private readonly room: Room;
  private readonly party: Party;
  private readonly floor = new Floor();
  private readonly ears = new Map<string, Ear>();
  private readonly names = new Map<string, Promise<string>>();
  private rosters = 0;
  private people: Person[] = [];
  /** Everybody who was ever in, so that a leaving can name them. */
  private readonly known = new Map<string, Person>();
  /** Whose coming was said; at the first look, of nobody. */
  private readonly told = new Set<string>();
  private published = false;
  private chosen: Chosen = { camera: null, microphone: null };
  /** The person has gone in; before, the call only waits at the door. */
  private inside = false;
  private over = false;
  private asked = 0;

  private constructor(
    private readonly view: View,
    private readonly logs: Logs,
    private readonly device: OwnDevice,
    private readonly where: Sitting,
    private readonly path: string,
    private readonly release: () => void,
  ) {
    this.keys = new CallKeys(device.id);
    this.worker = new Worker(WORKER_ADDRESS, { type: 'module', name: device.id });
    this.room = new Room({
      // Not `encryption`: that would also encrypt data packets by a scheme without replay check (§3.5).
      e2ee: { keyProvider: this.keys, worker: this.worker },
      // Two connections, as our engine has them: asking for one first costs a refused socket and a request.
      singlePeerConnection: false,
      adaptiveStream: false,
      dynacast: false,
      publishDefaults: { videoCodec: 'vp8', simulcast: false, dtx: false, red: false, stopMicTrackOnMute: false },
    });
    this.party = new Party(device, {
      membership: () => membershipOf(logs, where.talk, where.sitting),
      seen: () => logs.seen(),
      now: () => Date.now(),
      act: outcome => this.act(outcome),
    });
  }

  /** A seat for `device`, and the way to it. release: gives the device free for other tabs. */
  static async to(
    view: View, logs: Logs, device: OwnDevice, where: Sitting, release?: () => void,
  ): Promise<Call> {
    const path = `/api/dialogues/${encodeURIComponent(where.dialogue)}/talks/${encodeURIComponent(where.talk)}`
      + `/sittings/${where.sitting}`;
    const joined = await request<Joined>('POST', `${path}/join`, { certificate: device.certificate });
    if (joined.identity !== device.id) throw new Error('the node gave another identity');
    // Who goes in without having waited takes the device over, wherever it is.
    const free = release ?? (await hold(device.id)) ?? ((): void => undefined);
    const call = new Call(view, logs, device, where, path, free);
    try {
      await call.connect(joined);
    } catch (error) {
      await call.turnAway();
      throw error;
    }
    return call;
  }

  /** Whether one can still go in over it. */
  get stands(): boolean {
    return !this.over && this.room.state === ConnectionState.Connected;
  }

  /** Give up a way that nobody went in by. */
  async turnAway(): Promise<void> {
    this.over = true;
    await this.room.disconnect(false).catch(() => undefined);
    this.worker.terminate();
    this.release();
  }

  private async connect(joined: Joined): Promise<void> {
    const { room, party, view } = this;
    this.worker.onerror = () => void (this.inside ? this.leave('refused', t('call.no-e2ee')) : this.turnAway());
    await room.setE2EEEnabled(true);
    room
      .on(RoomEvent.DataReceived, (data, _from, _kind, topic) => {
        if (topic === TOPIC) void party.receive(data);
      })
      .on(RoomEvent.ParticipantConnected, () => this.askCertificates())
      // Not before does data reach it.
      .on(RoomEvent.ParticipantActive, ({ identity }) => void party.there(identity))
      .on(RoomEvent.ParticipantDisconnected, ({ identity }) => void party.left(identity))
      .on(RoomEvent.TrackPublished, () => this.subscribe())
      .on(RoomEvent.TrackSubscribed, (track, _publication, from) => this.attach(track, from))
      .on(RoomEvent.TrackUnsubscribed, (track, _publication, from) => this.detach(track, from.identity))
      .on(RoomEvent.TrackMuted, ({ kind }, { identity }) => kind === Track.Kind.Audio && view.muted(identity, true))
      .on(RoomEvent.TrackUnmuted, ({ kind }, { identity }) => kind === Track.Kind.Audio && view.muted(identity, false))
      .on(RoomEvent.SignalReconnecting, () => this.inside && view.stage('lost', t('call.lost')))
      .on(RoomEvent.Reconnecting, () => this.inside && view.stage('lost', t('call.lost')))
      .on(RoomEvent.Reconnected, () => {
        if (this.inside) {
          view.stage('in', t('call.in'));
          void party.reconnected();
        }
        this.askCertificates();
      })
      .on(RoomEvent.Disconnected, reason => {
        if (reason === DisconnectReason.CLIENT_INITIATED) return;
        void (this.inside ? this.leave('lost', t('call.ended')) : this.turnAway());
      });
    await Promise.all([this.certificates(), room.connect(joined.url, joined.token, { autoSubscribe: false })]);
    if (room.localParticipant.identity !== this.device.id) throw new Error('the engine gave another identity');
  }

  /** The person goes in: now the device greets, makes its key, and is heard. */
  async goIn(chosen: Chosen): Promise<void> {
    const { party, view } = this;
    this.chosen = chosen;
    this.inside = true;
    // Who was heard at the door is in at once, and this look at oneself is then the former.
    void this.roster([]);
    await party.start();
    view.stage('in', t(party.inRoom.length > 0 ? 'call.in' : 'call.alone'));
    view.onControl(control => void this.control(control));
    const ticking = setInterval(() => void party.tick(), EXCHANGE_TICK_MS);
    const drawing = setInterval(() => this.draw(), TICK_MS);
    const onLog = (): void => void this.readLogs();
    document.addEventListener('visavis:log', onLog);
    addEventListener('pagehide', () => void this.leave('left', t('call.left')), { once: true });
    this.stop = () => {
      clearInterval(ticking);
      clearInterval(drawing);
      document.removeEventListener('visavis:log', onLog);
    };
    this.expose();
  }

  private stop: () => void = () => undefined;

  /** What the party decided, done. Outcomes of reading on are not waited for: they come back through the queue. */
  private async act(outcome: Outcome): Promise<void> {
    switch (outcome.do) {
      case 'send':
        if (this.room.state !== ConnectionState.Connected) return;
        // A packet that is lost is sent again by the exchange; a failure here is the connection's to report.
        await this.room.localParticipant.publishData(outcome.data, { reliable: true, topic: TOPIC })
          .catch(() => undefined);
        return;
      case 'key':
        await this.keys.set(outcome.device, outcome.index, outcome.key, outcome.sending);
        if (outcome.sending) {
          this.view.epoch(this.party.epoch);
          void this.publish().catch((error: unknown) => this.view.say(wordsOf(error)));
        }
        return;
      case 'keyframe':
        for (const { track } of this.room.localParticipant.videoTrackPublications.values()) {
          void keyframe(track?.sender).catch(() => undefined);
        }
        return;
      case 'roster':
        // Not waited for: names are asked of the node, and the word that a key is here would come after them.
        void this.roster(outcome.devices);
        return;
      case 'drop':
        return this.drop(outcome.device);
      case 'read-logs':
        if (this.mayAsk()) void this.readLogs();
        return;
      case 'find-certificates':
        this.askCertificates();
        return;
      case 'notice': {
        const who = this.known.get(outcome.device);
        const words = { who: who ? titleOf(who) : outcome.device.slice(0, 8) };
        if (outcome.code === 'liar') this.view.say(t('call.liar', words));
        else if (outcome.code === 'ghosts') this.view.say(t('call.ghosts'));
        else if (outcome.code === 'cannot-hear') this.view.say(t('call.cannot-hear', words));
        // Views differ for a moment at every coming and going; `rosters-differ` and `refused` are not cried out.
      }
    }
  }

  private async readLogs(): Promise<void> {
    try {
      await this.logs.read();
      await this.party.logsChanged();
    } catch (error) {
      // Nobody more is admitted by a record that does not hold; who is in stays in, and sees it.
      this.view.say(t('call.log-fails', { why: error instanceof Error ? error.message : '' }));
    }
  }

  private mayAsk(): boolean {
    const now = Date.now();
    if (now - this.asked < ASK_APART_MS) return false;
    this.asked = now;
    return true;
  }

  private askCertificates(): void {
    if (!this.mayAsk()) return;
    void this.logs.read().then(() => this.certificates()).catch(() => undefined);
  }

  private async certificates(): Promise<void> {
    const { certificates } = await request<{ certificates: unknown[] }>('GET', `${this.path}/certificates`);
    const read: Certificate[] = [];
    for (const each of certificates.slice(0, 256)) {
      try {
        read.push(readCertificate(each));
      } catch {
        // The store is the node's and untrusted: what is not a certificate is passed over.
      }
    }
    await this.party.found(read, await Promise.all(read.map(({ body }) => deviceId(body))));
  }

  private async roster(devices: readonly string[]): Promise<void> {
    const people = [this.person(this.device.id, true)];
    for (const device of devices) people.push(this.person(device, false));
    const known = people.filter((person): person is Person => person !== null);
    const turn = ++this.rosters;
    this.subscribe();
    // Names are asked of the node: nobody stays unseen until they are told.
    this.people = known.map(person => ({ ...person, name: this.known.get(person.device)?.name ?? '' }));
    for (const person of this.people) {
      this.known.set(person.device, person);
      this.view.figure(person);
    }
    this.attachWaiting();
    const named = await Promise.all(
      known.map(async person => ({ ...person, name: await this.nameOf(person) })),
    );
    if (turn !== this.rosters) return; // Somebody came or went while a name was asked for: the later view stands.
    this.people = named;
    for (const person of this.people) {
      this.known.set(person.device, person);
      this.view.figure(person);
      if (this.told.size > 0 && !this.told.has(person.device) && !person.own) {
        this.view.say(t('call.came', { who: titleOf(person) }));
      }
    }
    for (const { device } of named) this.told.add(device);
    this.view.lock(this.people, await rosterMark([...devices, this.device.id]));
  }

  private person(device: string, own: boolean): Person | null {
    const body = own ? this.device.certificate.body : this.party.body(device);
    const fold = body && this.logs.folds.get(body.side);
    if (!body || !fold) return null;
    const { delegate, side, credential } = body;
    const role = fold.delegates.get(delegate)?.role ?? '';
    return { device, delegate, side, credential, role, name: '', asOf: fold.size, own };
  }

  /** A delegate's name is a content that the admission committed to; shown only if it opens the commitment. */
  private nameOf(person: Person): Promise<string> {
    let found = this.names.get(person.delegate);
    if (!found) this.names.set(person.delegate, (found = this.findName(person)));
    return found;
  }

  private async findName({ delegate, side }: Person): Promise<string> {
    const commitment = this.logs.folds.get(side)?.delegates.get(delegate)?.name;
    if (!commitment) return '';
    try {
      const path = `/api/dialogues/${encodeURIComponent(this.where.dialogue)}/contents/${encodeURIComponent(commitment)}`;
      const content = await request<Content>('GET', path);
      if (content.commitment !== commitment) return '';
      await opens(content);
      return content.text;
    } catch {
      // No name is not a reason to leave: the role is shown.
      return '';
    }
  }

  private drop(device: string): void {
    this.told.delete(device);
    const gone = this.known.get(device);
    if (gone) this.view.say(t('call.went', { who: titleOf(gone) }));
    for (const publication of this.publications(device)) publication.setSubscribed(false);
    this.ears.get(device)?.close();
    this.ears.delete(device);
    this.view.remove(device);
  }

  /** Subscribe to whoever is in and says that its tracks are encrypted; to nobody else. */
  private subscribe(): void {
    const devices = new Set(this.party.inRoom);
    for (const [identity, participant] of this.room.remoteParticipants) {
      for (const publication of participant.trackPublications.values()) {
        const wanted = devices.has(identity) && publication.isEncrypted;
        if (publication.isSubscribed !== wanted || publication.isDesired !== wanted) publication.setSubscribed(wanted);
      }
    }
  }

  private publications(identity: string): RemoteTrackPublication[] {
    return [...(this.room.remoteParticipants.get(identity)?.trackPublications.values() ?? [])];
  }

  /** Tracks that came before the name of their sender. */
  private attachWaiting(): void {
    for (const participant of this.room.remoteParticipants.values()) {
      for (const { track } of participant.trackPublications.values()) {
        if (track && track.attachedElements.length === 0) this.attach(track, participant);
      }
    }
  }

  private attach(track: RemoteTrack, { identity }: RemoteParticipant): void {
    const person = this.people.find(({ device }) => device === identity);
    if (!person) return;
    const figure = this.view.figure(person);
    if (track.kind === Track.Kind.Video) {
      const video = this.view.video(identity);
      if (video) track.attach(video);
    } else {
      figure.append(track.attach());
      this.ears.get(identity)?.close();
      this.ears.set(identity, new Ear(track.mediaStreamTrack));
    }
  }

  private detach(track: RemoteTrack, identity: string): void {
    for (const element of track.detach()) if (element instanceof HTMLAudioElement) element.remove();
    if (track.kind !== Track.Kind.Audio) return;
    this.ears.get(identity)?.close();
    this.ears.delete(identity);
  }

  /** Camera and microphone go out once the own key is in use, not before. */
  private async publish(): Promise<void> {
    if (this.published || this.over) return;
    this.published = true;
    const { localParticipant } = this.room;
    const { camera, microphone } = this.chosen;
    // Side by side: one offer carries both.
    const out: LocalTrackPublication[] = await Promise.all([
      ...(microphone ? [localParticipant.publishTrack(microphone, { source: Track.Source.Microphone })] : []),
      ...(camera ? [localParticipant.publishTrack(camera, { source: Track.Source.Camera })] : []),
    ]);
    if (out.some(publication => !publication.isEncrypted)) {
      return this.leave('refused', t('call.no-e2ee'));
    }
    const own = this.view.video(this.device.id);
    if (camera && own) own.srcObject = new MediaStream([camera]);
    if (microphone) this.ears.set(this.device.id, new Ear(microphone));
    this.view.pressed('mute', microphone !== null);
    this.view.pressed('camera', camera !== null);
    this.view.say(t('call.in'));
  }

  private async control(control: string): Promise<void> {
    const me = this.room.localParticipant;
    if (control === 'leave') {
      await this.leave('left', t('call.left'));
    } else if (control === 'mute') {
      const publication = me.getTrackPublication(Track.Source.Microphone);
      if (!publication?.track) return;
      if (publication.isMuted) await publication.unmute();
      else await publication.mute();
      this.view.pressed('mute', !publication.isMuted);
      this.view.muted(this.device.id, publication.isMuted);
    } else if (control === 'camera') {
      const publication = me.getTrackPublication(Track.Source.Camera);
      if (!publication?.track) return;
      if (publication.isMuted) await publication.unmute();
      else await publication.mute();
      this.view.pressed('camera', !publication.isMuted);
      const own = this.view.video(this.device.id);
      const track = publication.track?.mediaStreamTrack;
      if (own) own.srcObject = !publication.isMuted && track ? new MediaStream([track]) : null;
    }
  }

  private draw(): void {
    const now = Date.now();
    const sideOf = new Map(this.people.map(({ device, side }) => [device, side]));
    const muted = this.room.localParticipant.getTrackPublication(Track.Source.Microphone)?.isMuted ?? true;
    this.floor.hear([...this.ears].map(([device, ear]) => [
      device, sideOf.get(device) ?? '', device === this.device.id && muted ? 0 : ear.level(),
    ] as const), now);
    for (const { device } of this.people) this.view.speaking(device, this.floor.has(device, now));
    for (const side of this.logs.folds.keys()) {
      this.view.floor(side === this.view.ourSide ? 'ours' : 'theirs', this.floor.of(side), this.floor.share(side));
    }
    this.view.frames();
  }

  private async leave(stage: 'left' | 'lost' | 'refused', words: string): Promise<void> {
    if (this.over) return;
    this.over = true;
    this.stop();
    this.view.stage(stage, words);
    if (this.room.state === ConnectionState.Connected) {
      const bye = await this.party.bye();
      await this.room.localParticipant.publishData(bye, { reliable: true, topic: TOPIC }).catch(() => undefined);
    }
    await this.room.disconnect(true).catch(() => undefined);
    for (const track of [this.chosen.camera, this.chosen.microphone]) track?.stop();
    for (const ear of this.ears.values()) ear.close();
    this.ears.clear();
    this.worker.terminate();
    this.release();
    this.view.clear();
  }

  /** For tests, read-only: the RTCStats of both connections, and what is heard of whom. Documented in README.md. */
  private expose(): void {
    const stats = async (): Promise<unknown> => {
      const connections = this.room.engine.pcManager;
      const reports = await Promise.all([connections?.publisher, connections?.subscriber]
        .map(transport => transport?.getStats()));
      const [publisher, subscriber] = reports.map(report => (report ? [...report.values()] as unknown[] : []));
      const heard = [...this.ears].filter(([device]) => device !== this.device.id).map(([device, ear]) => ({
        device, delegate: this.people.find(each => each.device === device)?.delegate ?? '',
        level: ear.level(), peakHz: ear.peakHz(),
      }));
      return { publisher, subscriber, heard, device: this.device.id, epoch: this.party.epoch };
    };
    Object.defineProperty(window, 'visavisCall', { value: Object.freeze({ stats }), configurable: true });
  }
}

/** The call's shell: livekit-client's `Room`, our keys, the page. What decides is `exchange`; here is what does.
 *
 * Lives here: `enterRoom`. Spec: docs/spec/keys.md §§3–5; docs/spec/http.md §5.
 *
 * The order is the point: no encryption, no joining; both logs hold; the device is certified; encryption is on
 * before connecting; the own key is in use before a camera or microphone is published; nobody is subscribed who
 * is not in the roster, and no track that says it is not encrypted.
 */

import {
  ConnectionQuality, ConnectionState, DefaultReconnectPolicy, DisconnectReason, LocalAudioTrack, type LocalTrack,
  type LocalTrackPublication,
  type RemoteParticipant, type RemoteTrack, type RemoteTrackPublication, Room, RoomEvent, Track, isE2EESupported,
} from 'livekit-client';

import { type Joined, request } from '../api';
import { Refused } from '../errors';
import type { Json } from '../record/canonical';
import { type Content, opens } from '../record/content';
import { Logs } from '../record/logs';
import { current } from '../signing/keys';
import { wordsOf } from '../signing/failures';
import { t } from '../words';
import { holdPage } from './ask';
import { type Chosen, anew, choose, deviceCheck } from './check';
import {
  type OwnDevice, type Sitting, type Whose, deviceId, keptDevice, membershipOf, ownDevice, storedCertificates,
} from './device';
import { Ear, Floor } from './floor';
import { type Away, here, read as readAway, write as writeAway } from './away';
import { Caucus } from './caucus';
import { type Hands, type Raising, type Turn, lowered, press, queue, read, write } from './hands';
import { ClockFace } from './clockface';
import { CallKeys } from './keys';
import { Lobby } from './lobby';
import { mended, waits } from './again';
import { Strain, keep, kept } from './lean';
import { TOPIC } from './messages';
import { type Outcome, Party, rosterMark } from './party';
import { Pause } from './pause';
import { gone, heard, understood } from './said';
import { pickScreen, yields } from './share';
import { Spoken } from './spoken';
import { type Person, View, titleOf } from './view';
import { w } from './words';

declare const WORKER_ADDRESS: string;

const TICK_MS = 250;
/** The exchange has waits of 300 ms; the next epoch is used when all have said that they have it. */
const EXCHANGE_TICK_MS = 50;
const ASK_APART_MS = 500;
const MEND_MS = [0, 300, 1_200, 2_700, 4_800];
/** Of the floor, for who is in their caucus. */
const QUIET = 0.25;
/** A word that was lost is said again by then. */
const SAY_AGAIN_MS = 5_000;

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
  const lobby = new Lobby(sittingPath(where), main);
  addEventListener('pagehide', () => lobby.end(), { once: true });
  // Read while the devices are chosen; only what has been added since is then left to read.
  const before = Logs.open(dialogue);
  before.catch(() => undefined);
  const waiting = atTheDoor(view, where, side, before).catch(() => undefined);
  void waiting.then(call => view.door(call !== undefined));
  const section = document.getElementById('devicecheck');
  const chosen: Chosen = section
    ? await deviceCheck(section, words => view.stage('ready', words))
    : choose(null, null);
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
    await call.goIn(chosen, then => void again(view, where, { ...session, side }, then, logs));
    // Not again when the connection is lost: it would stop what is in use.
    if (section) section.hidden = true;
  } catch (error) {
    for (const track of [chosen.camera, chosen.microphone]) track?.stop();
    const why = error instanceof Refused ? t('call.refused', { why: error.message })
      : error instanceof Error && error.constructor === Error ? error.message : wordsOf(error);
    view.stage('refused', why);
    if (section) section.hidden = true;
  }
}

/** The connection is lost for good, which the person did not ask for: in again by a new one, as the same device and with
 * the same camera and microphone, as soon as the node answers. Until then they can leave. aside: they were in the caucus. */
async function again(
  view: View, where: Sitting, whose: Whose, { chosen, aside }: Lost, logs: Logs,
): Promise<void> {
  let left = false;
  const free = holdPage();
  const stop = view.onControl(control => {
    if (control === 'leave') left = true;
    // What is pressed meanwhile holds when one is in again.
    const what = control === 'mute' ? 'microphone' : control;
    if ((what === 'microphone' || what === 'camera') && chosen[what]) {
      chosen.on[what] = !chosen.on[what];
      view.pressed(control, chosen.on[what]);
    }
  });
  const end = (stage: 'left' | 'refused', words: string): void => {
    for (const track of [chosen.camera, chosen.microphone]) track?.stop();
    view.stage(stage, words);
    view.clear();
    view.over();
  };
  view.stage('lost', w(aside ? 'again.trying-aside' : 'again.trying'));
  // In the caucus the controls were those of its own microphone.
  for (const [control, what] of [['mute', 'microphone'], ['camera', 'camera']] as const) {
    if (aside) view.pressed(control, chosen.on[what]);
  }
  try {
    for (const wait of waits()) {
      await new Promise(resolve => setTimeout(resolve, wait));
      if (left) return end('left', t('call.left'));
      let call: Call | undefined;
      try {
        await logs.read();
        const device = await keptDevice(where, whose, Date.now());
        if (!device) return end('refused', t('call.ended'));
        call = await Call.to(view, logs, device, where);
        if (left) {
          await call.turnAway();
          return end('left', t('call.left'));
        }
        const words = w(chosen.microphone && !chosen.on.microphone ? 'again.back-muted' : 'again.back');
        return await call.goIn(chosen, then => void again(view, where, whose, then, logs), words);
      } catch (error) {
        await call?.turnAway();
        // Whatever else fails may be the network's doing, and is tried again.
        if (error instanceof Refused && error.status < 500) return end('refused', t('call.refused', { why: error.message }));
      }
    }
  } finally {
    stop();
    free();
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

function sittingPath({ dialogue, talk, sitting }: Sitting): string {
  return `/api/dialogues/${encodeURIComponent(dialogue)}/talks/${encodeURIComponent(talk)}/sittings/${sitting}`;
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

/** The same devices, opened anew, as they were when one went to the caucus. speaks: else the microphone is off. */
async function reopened(before: Chosen, speaks: boolean): Promise<Chosen> {
  const [camera, microphone] = await Promise.all([anew('video', before.camera), anew('audio', before.microphone)]);
  const { on } = before;
  return {
    camera, microphone,
    on: { camera: on.camera && camera !== null, microphone: speaks && on.microphone && microphone !== null },
  };
}

/** What one goes in with again after a cut. aside: one was in the caucus, or on the way. */
interface Lost {
  readonly chosen: Chosen;
  readonly aside: boolean;
}

function stopAll({ camera, microphone }: Chosen): void {
  for (const track of [camera, microphone]) track?.stop();
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
  /** Who said that they leave, or is out for a lie; forgotten when they are in again. */
  private readonly byes = new Set<string>();
  /** Whose coming was said; at the first look, of nobody. */
  private readonly told = new Set<string>();
  private published = false;
  /** What was to be published is, and follows the controls. */
  private out = false;
  private readonly pause = new Pause();
  private paused = false;
  private spoken: Spoken | undefined;
  private hands: Hands = new Map();
  private clock: ClockFace | undefined;
  private going: Promise<void> | undefined;
  private caucus: Caucus | undefined;
  /** What one had on the floor before one went to the caucus. */
  private before: Chosen | undefined;
  /** On the way to the caucus, or back. */
  private moving = false;
  /** How the caucus's connection was last said to be. */
  private shaky = false;
  private away: Away = new Map();
  private awaySaidAt = 0;
  private saidAt = 0;
  /** Low bandwidth: no pictures of faces, theirs or ours; what is shown on a screen stays. */
  private lean = kept(() => localStorage);
  private readonly strain = new Strain();
  private screen: MediaStreamTrack | null = null;
  /** Devices of others that show a screen now. */
  private readonly screens = new Set<string>();
  private chosen: Chosen = choose(null, null);
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
      // Camera and microphone outlive a connection that is lost for good: one goes in again with them.
      stopLocalTrackOnUnpublish: false,
      // So long the library mends a connection; then one goes in again by a new one, with a new token.
      reconnectPolicy: new DefaultReconnectPolicy(MEND_MS),
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
    const path = sittingPath(where);
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
      .on(RoomEvent.TrackPublished, (_publication, participant) => {
        this.subscribe();
        this.showMuted(participant);
      })
      .on(RoomEvent.TrackSubscribed, (track, _publication, from) => this.attach(track, from))
      .on(RoomEvent.TrackUnsubscribed, (track, _publication, from) => this.detach(track, from.identity))
      .on(RoomEvent.TrackUnpublished, ({ source }, { identity }) => {
        if (source === Track.Source.ScreenShare) this.screenEnded(identity);
      })
      .on(RoomEvent.TrackMuted, ({ kind }, { identity }) => kind === Track.Kind.Audio && view.muted(identity, true))
      .on(RoomEvent.TrackUnmuted, ({ kind }, { identity }) => kind === Track.Kind.Audio && view.muted(identity, false))
      .on(RoomEvent.ConnectionQualityChanged, (quality, { identity }) => {
        if (identity === this.device.id) this.strain.told(quality === ConnectionQuality.Poor, Date.now());
      })
      .on(RoomEvent.SignalReconnecting, () => this.inside && view.stage('lost', t('call.lost')))
      .on(RoomEvent.Reconnecting, () => this.inside && view.stage('lost', t('call.lost')))
      .on(RoomEvent.Reconnected, () => {
        if (this.inside) {
          view.stage('in', this.whereWords());
          void party.reconnected();
        }
        this.askCertificates();
      })
      .on(RoomEvent.Disconnected, reason => {
        if (reason === DisconnectReason.CLIENT_INITIATED) return;
        if (!this.inside) void this.turnAway();
        else if (reason !== undefined && !mended(reason)) void this.leave('refused', t('call.ended'));
        else void this.cut();
      });
    await Promise.all([this.certificates(), room.connect(joined.url, joined.token, { autoSubscribe: false })]);
    if (room.localParticipant.identity !== this.device.id) throw new Error('the engine gave another identity');
  }

  /** The person goes in: now the device greets, makes its key, and is heard. words: what is said when it is. */
  async goIn(chosen: Chosen, onCut: (lost: Lost) => void, words = t('call.in')): Promise<void> {
    const { party, view } = this;
    this.chosen = chosen;
    this.inWords = words;
    this.onCut = onCut;
    view.released();
    view.pressed('mute', chosen.on.microphone);
    view.pressed('camera', chosen.on.camera && !this.lean);
    this.inside = true;
    // Who was heard at the door is in at once, and this look at oneself is then the former.
    void this.roster([]);
    await party.start();
    view.stage('in', t(party.inRoom.length > 0 ? 'call.in' : 'call.alone'));
    const deaf = view.onControl(control => void this.control(control));
    const free = holdPage();
    this.spoken = new Spoken({
      own: this.device.id, ourSide: view.ourSide, people: () => this.people,
      speaker: () => this.floor.last(this.people.map(({ device }) => device)),
      say: value => this.party.say(value), note: value => this.party.note(value), tell: words => view.say(words),
    }, Date.now());
    const ticking = setInterval(() => void party.tick(), EXCHANGE_TICK_MS);
    const drawing = setInterval(() => this.draw(), TICK_MS);
    const onLog = (): void => void this.readLogs();
    document.addEventListener('visavis:log', onLog);
    addEventListener('pagehide', () => void this.leave('left', t('call.left')), { once: true });
    this.stop = () => {
      deaf();
      free();
      this.spoken?.end();
      clearInterval(ticking);
      clearInterval(drawing);
      document.removeEventListener('visavis:log', onLog);
    };
    this.clock = new ClockFace({
      view, device: this.device.id, place: `visavis.clock.${this.path}`,
      schedulers: half => this.schedulers(half), say: value => party.say(value),
    });
    this.expose();
  }

  private inWords = '';
  private stop: () => void = () => undefined;
  private onCut: (lost: Lost) => void = () => undefined;

  /** What the party decided, done. Outcomes of reading on are not waited for: they come back through the queue. */
  private async act(outcome: Outcome): Promise<void> {
    switch (outcome.do) {
      case 'send':
        // Nothing follows upon the word that one leaves.
        if (this.over || this.room.state !== ConnectionState.Connected) return;
        // A packet that is lost is sent again by the exchange; a failure here is the connection's to report.
        await this.room.localParticipant.publishData(outcome.data, {
          reliable: true, topic: TOPIC, ...(outcome.to ? { destinationIdentities: [...outcome.to] } : {}),
        }).catch(() => undefined);
        return;
      case 'key':
        await this.keys.set(outcome.device, outcome.index, outcome.key, outcome.sending);
        if (outcome.sending) {
          this.view.epoch(this.party.epoch);
          if (!this.published) this.going = this.publish().catch((error: unknown) => this.view.say(wordsOf(error)));
          // Also that nothing is raised: before a reload it may have been.
          void this.sayHands();
          this.clock?.speak();
          if (this.away.has(this.device.id)) this.sayAway();
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
      case 'bye':
        return this.bye(outcome.device);
      case 'said':
        return this.said(outcome.device, outcome.n, outcome.value);
      case 'noted':
        return this.spoken?.noted(outcome.device, outcome.n, outcome.value);
      case 'read-logs':
        if (this.mayAsk()) void this.readLogs();
        return;
      case 'find-certificates':
        this.askCertificates();
        return;
      case 'notice': {
        const who = this.known.get(outcome.device);
        const words = { who: who ? titleOf(who) : outcome.device.slice(0, 8) };
        if (outcome.code === 'liar') {
          this.byes.add(outcome.device);
          this.view.say(t('call.liar', words));
        }
        if (outcome.code === 'ghosts') this.view.say(t('call.ghosts'));
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
    const read = await storedCertificates(this.path);
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
      this.byes.delete(person.device);
      this.known.set(person.device, person);
      this.view.endAbsent(person.delegate);
      this.pause.settled(person.delegate);
      this.view.figure(person);
    }
    const goesOn = this.paused && !this.lookPaused();
    if (goesOn) this.view.say(w('pause.off'));
    this.attachWaiting();
    this.handsChanged(this.hands);
    this.spoken?.peopleChanged();
    const named = await Promise.all(
      known.map(async person => ({ ...person, name: await this.nameOf(person) })),
    );
    if (turn !== this.rosters) return; // Somebody came or went while a name was asked for: the later view stands.
    this.people = named;
    for (const person of this.people) {
      this.known.set(person.device, person);
      this.view.figure(person);
      if (this.told.size > 0 && !this.told.has(person.device) && !person.own) {
        this.view.say([t('call.came', { who: titleOf(person) }), ...(goesOn ? [w('pause.off')] : [])].join(' '));
      }
    }
    for (const { device } of named) this.told.add(device);
    this.awayChanged(this.away);
    this.handsChanged(this.hands);
    this.spoken?.peopleChanged();
    this.showCaucus();
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
    const who = this.known.get(device);
    // Who no longer may be in, by the logs, has not dropped out.
    const dropped = !this.byes.has(device) && this.party.body(device) !== undefined;
    if (who && dropped) this.droppedOut(who);
    else if (who) this.view.say(t('call.went', { who: titleOf(who) }));
    for (const publication of this.publications(device)) publication.setSubscribed(false);
    this.ears.get(device)?.close();
    this.ears.delete(device);
    this.screens.delete(device);
    this.handsChanged(gone(this.hands, device, lowered));
    this.clock?.gone(device);
    this.awayChanged(gone(this.away, device, here));
    this.view.remove(device);
  }

  /** Out without a word: it is shown where they were, until they come back or their word comes after all. */
  private droppedOut(who: Person): void {
    this.view.absent(who);
    this.pause.dropped(who.delegate, who.side);
    const began = !this.paused && this.lookPaused();
    this.view.say([w('again.dropped', { who: titleOf(who) }), ...(began ? [w('pause.on')] : [])].join(' '));
  }

  /** Whether one side is waited for: shown, and nobody's floor time meanwhile. */
  private lookPaused(): boolean {
    this.paused = this.pause.of(this.people.map(({ side }) => side)) !== undefined;
    this.view.paused(this.paused);
    return this.paused;
  }

  private bye(device: string): void {
    this.byes.add(device);
    const who = this.known.get(device);
    if (!who) return;
    this.pause.settled(who.delegate);
    this.lookPaused();
    if (this.view.endAbsent(who.delegate)) this.view.say(t('call.went', { who: titleOf(who) }));
  }

  /** Subscribe to whoever is in and says that its tracks are encrypted; to nobody else. */
  private subscribe(): void {
    const devices = new Set(this.party.inRoom);
    for (const [identity, participant] of this.room.remoteParticipants) {
      for (const publication of participant.trackPublications.values()) {
        const face = publication.kind === Track.Kind.Video && publication.source !== Track.Source.ScreenShare;
        const wanted = devices.has(identity) && publication.isEncrypted && !(face && this.lean);
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
      this.showMuted(participant);
    }
  }

  /** Of a microphone that was off when it went out, or when one came in, no event tells. */
  private showMuted(participant: RemoteParticipant): void {
    const sound = participant.getTrackPublication(Track.Source.Microphone);
    if (sound) this.view.muted(participant.identity, sound.isMuted);
  }

  private attach(track: RemoteTrack, participant: RemoteParticipant): void {
    const { identity } = participant;
    const person = this.people.find(({ device }) => device === identity);
    if (!person) return;
    const figure = this.view.figure(person);
    if (track.source === Track.Source.ScreenShare) {
      this.screenShown(person);
      track.attach(this.view.screen(person));
    } else if (track.kind === Track.Kind.Video) {
      const video = this.view.video(identity);
      if (video) track.attach(video);
    } else {
      figure.append(track.attach());
      participant.setVolume(this.caucus ? QUIET : 1);
      this.ears.get(identity)?.close();
      this.ears.set(identity, new Ear(track.mediaStreamTrack));
    }
  }

  private detach(track: RemoteTrack, identity: string): void {
    for (const element of track.detach()) if (element instanceof HTMLAudioElement) element.remove();
    if (track.source === Track.Source.ScreenShare) this.screenEnded(identity);
    if (track.kind !== Track.Kind.Audio) return;
    this.ears.get(identity)?.close();
    this.ears.delete(identity);
  }

  /** Camera and microphone go out once the own key is in use, not before. */
  private async publish(): Promise<void> {
    if (this.published || this.over) return;
    this.published = true;
    const { localParticipant } = this.room;
    const { microphone, on } = this.chosen;
    const camera = this.lean || !on.camera ? null : this.chosen.camera;
    // Side by side: one offer carries both.
    const out: LocalTrackPublication[] = await Promise.all([
      ...(microphone ? [this.publishSound(microphone)] : []),
      ...(camera ? [localParticipant.publishTrack(camera, { source: Track.Source.Camera })] : []),
    ]);
    if (out.some(publication => !publication.isEncrypted)) {
      return this.leave('refused', t('call.no-e2ee'));
    }
    if (microphone) this.ears.set(this.device.id, new Ear(microphone));
    this.out = true;
    this.view.lean(this.lean);
    this.view.say(this.lean ? `${this.inWords} ${w('lean.on')}` : this.inWords);
    // The controls may have been pressed while it went out.
    await this.sound();
    await this.camera(on.camera && !this.lean);
  }

  /** Off before it goes out, if it is to be off: not a moment of it is heard. */
  private async publishSound(microphone: MediaStreamTrack): Promise<LocalTrackPublication> {
    const track = new LocalAudioTrack(microphone, undefined, true);
    if (!this.chosen.on.microphone) await track.mute();
    // Its own type of a processor, under exactOptionalPropertyTypes, is not its parent's.
    return this.room.localParticipant.publishTrack(track as LocalTrack, { source: Track.Source.Microphone });
  }

  /** The microphone as the person wants it, once it is out; and said so. */
  private async sound(): Promise<void> {
    const { on } = this.chosen;
    const publication = this.room.localParticipant.getTrackPublication(Track.Source.Microphone);
    if (publication?.track && publication.isMuted === on.microphone) {
      if (on.microphone) await publication.unmute();
      else await publication.mute();
    }
    this.view.pressed('mute', on.microphone);
    this.view.muted(this.device.id, !on.microphone);
  }

  private get cameraOn(): boolean {
    return this.room.localParticipant.getTrackPublication(Track.Source.Camera)?.isMuted === false;
  }

  /** Our own picture on, or off. With low bandwidth it may not have been published yet. */
  private async camera(on: boolean): Promise<void> {
    const me = this.room.localParticipant;
    const publication = me.getTrackPublication(Track.Source.Camera);
    const { camera } = this.chosen;
    if (publication?.track) {
      if (on) await publication.unmute();
      else await publication.mute();
    } else if (on && camera && this.out) {
      const { isEncrypted } = await me.publishTrack(camera, { source: Track.Source.Camera });
      if (!isEncrypted) return this.leave('refused', t('call.no-e2ee'));
    }
    const shows = this.out ? this.cameraOn : on;
    this.view.pressed('camera', shows);
    const own = this.view.video(this.device.id);
    if (own) own.srcObject = shows && camera ? new MediaStream([camera]) : null;
  }

  private async goLean(on: boolean): Promise<void> {
    this.strain.decided();
    this.view.endOffer();
    if (on === this.lean) return;
    this.lean = on;
    keep(on, () => localStorage);
    this.view.lean(on);
    this.view.say(w(on ? 'lean.on' : 'lean.off'));
    this.subscribe();
    await this.camera(!on && this.chosen.on.camera);
  }

  /** A screen of our own begins, or ends. Like camera and microphone, it goes out under the own key or not at all. */
  private async share(): Promise<void> {
    if (this.screen) return this.unshare();
    const taken = this.people.find(({ device, side }) => side === this.view.ourSide && this.screens.has(device));
    if (taken) return this.view.say(w('share.taken', { who: titleOf(taken) }));
    const picked = await pickScreen(navigator.mediaDevices as MediaDevices | undefined);
    if (picked === 'refused' || picked === 'cannot') return this.view.say(w(`share.${picked}`));
    if (this.over || this.screen || this.moving || this.caucus || !this.out) return picked.stop();
    this.screen = picked;
    // The browser's own bar ends it too.
    picked.addEventListener('ended', () => void this.unshare());
    const publication = await this.room.localParticipant.publishTrack(picked, { source: Track.Source.ScreenShare })
      .catch(() => undefined);
    if (publication && !publication.isEncrypted) return this.leave('refused', t('call.no-e2ee'));
    if (this.screen !== picked) {
      // Ended while it was being published.
      await this.room.localParticipant.unpublishTrack(picked, true).catch(() => undefined);
      return;
    }
    if (!publication) return this.unshare();
    const own = this.people.find(person => person.own);
    if (own) this.view.screen(own).srcObject = new MediaStream([picked]);
    this.view.pressed('share', true);
    this.view.say(w('share.on'));
    await this.giveWay();
  }

  private async unshare(words = w('share.off')): Promise<void> {
    const { screen } = this;
    if (!screen) return;
    this.screen = null;
    this.view.endScreen(this.device.id);
    this.view.pressed('share', false);
    if (!this.over) this.view.say(words);
    screen.stop();
    await this.room.localParticipant.unpublishTrack(screen, true).catch(() => undefined);
  }

  /** Somebody's screen begins to be shown. */
  private screenShown(person: Person): void {
    if (this.screens.has(person.device)) return;
    this.screens.add(person.device);
    this.view.say(w('share.came', { who: titleOf(person) }));
    void this.giveWay();
  }

  private async giveWay(): Promise<void> {
    if (!this.screen) return;
    const ours = this.people.filter(({ device, side }) => side === this.view.ourSide && this.screens.has(device));
    const first = yields(this.device.id, ours.map(({ device }) => device));
    const who = ours.find(({ device }) => device === first);
    if (who) await this.unshare(w('share.yielded', { who: titleOf(who) }));
  }

  private screenEnded(device: string): void {
    this.view.endScreen(device);
    if (!this.screens.delete(device)) return;
    const who = this.known.get(device);
    if (who && this.party.inRoom.includes(device)) this.view.say(w('share.went', { who: titleOf(who) }));
  }

  private async control(control: string): Promise<void> {
    const { on, ...has } = this.chosen;
    if (control === 'leave') {
      await this.leave('left', t('call.left'));
    } else if (control === 'share') {
      if (this.moving || (this.caucus && !this.screen)) this.view.say(w('caucus.no-picture'));
      else await this.share();
    } else if (control === 'hand' || control === 'order' || control === 'reply') {
      this.raise(control);
    } else if (control === 'caucus') {
      await this.turn();
    } else if (this.caucus && control === 'mute') {
      const { caucus } = this;
      if (caucus.voiceless) return this.view.say(w('check.none', { what: t('call.microphone') }));
      const done = caucus.mute();
      this.showCaucus();
      await done;
    } else if (this.caucus && control === 'camera') {
      this.view.say(w('caucus.no-picture'));
    } else if (control === 'mute') {
      if (!has.microphone) return this.view.say(w('check.none', { what: t('call.microphone') }));
      on.microphone = !on.microphone;
      await this.sound();
    } else if (control === 'camera') {
      if (!has.camera) return this.view.say(w('check.none', { what: t('call.camera') }));
      on.camera = !(this.out ? this.cameraOn : on.camera && !this.lean);
      await this.camera(on.camera);
    } else if (control === 'lean') {
      await this.goLean(!this.lean);
    }
  }

  /** What somebody said under their key; what this edition does not know is passed over. */
  private said(device: string, n: number, value: Json): void {
    if (this.spoken?.said(device, n, value)) return;
    const raised = understood(read, value);
    if (raised) this.handsChanged(heard(this.hands, device, n, raised));
    this.clock?.said(device, n, value);
    const where = understood(readAway, value);
    if (where) this.awayChanged(heard(this.away, device, n, where));
  }

  /** To our side's caucus, or back from it to the talk. */
  private async turn(): Promise<void> {
    if (this.moving || this.over) return;
    this.moving = true;
    try {
      // What is on its way to the floor arrives there first.
      await this.going;
      if (this.over || !(this.out || this.caucus)) return;
      if (this.caucus) await this.comeBack('caucus.back');
      // Nothing could be asked of the node, and one would be in neither.
      else if (this.room.state !== ConnectionState.Connected) this.view.say(t('call.lost'));
      else await this.goAside();
    } finally {
      this.moving = false;
    }
  }

  /** What the floor has of us is stopped, and only then is the caucus entered. */
  private async goAside(): Promise<void> {
    const { view, device, where, logs, path } = this;
    const before = this.before = this.chosen;
    view.say(w('caucus.going'));
    await this.unshare();
    await this.silence();
    try {
      const caucus = await Caucus.enter({
        path, where, device, logs,
        microphone: () => anew('audio', before.microphone),
        changed: () => this.caucusChanged(),
        noticed: outcome => void this.act(outcome),
        lost: () => this.caucusLost(),
      });
      if (!caucus.stands) throw new Error('lost at once');
      this.caucus = caucus;
    } catch {
      return this.comeBack('caucus.failed');
    }
    if (this.over) return this.caucus.leave();
    this.turned(true);
    view.say(this.whereWords());
  }

  /** Out of the caucus first, and only then anything for the floor. Heard there at once is only who came by themselves. */
  private async comeBack(why: 'caucus.back' | 'caucus.lost' | 'caucus.failed'): Promise<void> {
    const { caucus, before } = this;
    this.caucus = undefined;
    await caucus?.leave();
    if (this.over || !before) return;
    this.chosen = await reopened(before, why === 'caucus.back');
    this.before = undefined;
    if (this.over) return stopAll(this.chosen);
    this.turned(false);
    this.view.pressed('mute', this.chosen.on.microphone);
    this.published = false;
    try {
      await this.publish();
    } catch {
      // The floor's connection is gone, too: in again by a new one.
      return this.cut();
    }
    if (this.over) return;
    this.view.say(w(why === 'caucus.back' && !this.chosen.on.microphone ? 'caucus.back-muted' : why));
  }

  private caucusLost(): void {
    if (!this.caucus || this.moving) return;
    this.moving = true;
    void this.comeBack('caucus.lost').finally(() => {
      this.moving = false;
    });
  }

  /** Who is in the caucus, or how its connection stands, is not what it was. */
  private caucusChanged(): void {
    this.showCaucus();
    const shaky = this.caucus?.shaky === true;
    if (shaky === this.shaky) return;
    this.shaky = shaky;
    // The floor's word goes before, while it is lost, too.
    if (this.room.state === ConnectionState.Connected) this.view.say(this.whereWords());
  }

  /** As it is now, whenever it came to be so: it may have been while the caucus was being entered. */
  private showCaucus(): void {
    const { caucus } = this;
    if (!caucus) return;
    this.view.caucusOf(caucus.devices.flatMap(each => this.known.get(each) ?? this.person(each, false) ?? []));
    this.view.pressed('mute', caucus.speaks);
  }

  /** Where one is, as it is said once the connection stands. */
  private whereWords(): string {
    if (this.caucus) return w(this.caucus.shaky ? 'caucus.shaky' : 'caucus.in');
    return t('call.in');
  }

  private turned(there: boolean): void {
    this.shaky = this.caucus?.shaky === true;
    this.view.inCaucus(there);
    this.showCaucus();
    for (const participant of this.room.remoteParticipants.values()) participant.setVolume(there ? QUIET : 1);
    this.awayChanged(heard(this.away, this.device.id, Date.now(), { there }));
    this.sayAway();
  }

  /** Nothing of one's own goes to the floor any more: every track is stopped, not only muted. */
  private async silence(): Promise<void> {
    const me = this.room.localParticipant;
    const before = this.chosen;
    this.out = false;
    this.chosen = choose(null, null);
    stopAll(before);
    for (const { track } of [...me.trackPublications.values()]) {
      // Where it fails, the connection is going; the track is stopped and no longer published all the same.
      if (track) await me.unpublishTrack(track, true).catch(() => undefined);
    }
    this.ears.get(this.device.id)?.close();
    this.ears.delete(this.device.id);
    const own = this.view.video(this.device.id);
    if (own) own.srcObject = null;
    this.view.pressed('mute', false);
    this.view.pressed('camera', false);
  }

  private sayAway(): void {
    this.awaySaidAt = Date.now();
    void this.party.say(writeAway({ there: this.caucus !== undefined }));
  }

  private awayChanged(away: Away): void {
    const before = this.away;
    this.away = away;
    for (const person of this.people) {
      const { device, side, own } = person;
      const there = away.get(device)?.there === true;
      this.view.away(device, there);
      if (own || there === (before.get(device)?.there === true) || !this.party.inRoom.includes(device)) continue;
      const whose = side === this.view.ourSide ? 'ours' : 'theirs';
      this.view.say(w(there ? `caucus.went-${whose}` : 'caucus.returned', { who: titleOf(person) }));
    }
  }

  private raise(what: Raising): void {
    const { id } = this.device;
    // A reply is to a word: whoever of the other side spoke last, as it was heard here.
    const to = what === 'reply' ? this.floor.last(this.devicesOf('theirs')) ?? '' : '';
    const raises = (this.hands.get(id) ?? lowered)[what] === 0;
    if (what === 'reply' && raises && !to) return this.view.say(w('reply.none'));
    this.handsChanged(heard(this.hands, id, Date.now(), press(this.hands, id, what, this.devicesOf('ours'), to)));
    this.view.pressed(what, (this.hands.get(id) ?? lowered)[what] > 0);
    void this.sayHands();
  }

  private sayHands(): Promise<void> {
    this.saidAt = Date.now();
    return this.party.say(write(this.hands.get(this.device.id) ?? lowered));
  }

  private devicesOf(half: 'ours' | 'theirs'): string[] {
    return this.people.filter(({ side }) => (side === this.view.ourSide) === (half === 'ours')).map(({ device }) => device);
  }

  /** Devices that are in, of those who may set agendas. */
  private schedulers(half: 'ours' | 'theirs'): string[] {
    const devices = this.devicesOf(half);
    return this.people.filter(({ device, side, delegate }) => devices.includes(device)
      && this.logs.folds.get(side)?.powers().get(delegate)?.has('schedule') === true).map(({ device }) => device);
  }

  private handsChanged(hands: Hands): void {
    const before = this.hands;
    this.hands = hands;
    for (const half of ['ours', 'theirs'] as const) {
      const side = this.devicesOf(half);
      const turns = queue(hands, side).flatMap(turn => {
        const person = this.people.find(({ device }) => device === turn.device);
        const whose = this.people.find(({ device, side: of }) => device === turn.to && of !== person?.side);
        return person ? [{ ...turn, person, whose }] : [];
      });
      this.view.hands(half, turns);
      if (before === hands) continue;
      const had = queue(before, side);
      const same = (a: Turn) => (b: Turn): boolean => a.device === b.device && a.what === b.what;
      for (const turn of turns) if (!had.some(same(turn))) this.view.sayHand(half, turn);
      for (const turn of had) {
        const person = this.people.find(({ device }) => device === turn.device);
        const here = person?.own || this.party.inRoom.includes(turn.device);
        if (person && here && !turns.some(same(turn))) this.view.sayLowered(person, turn.what);
      }
    }
  }

  private draw(): void {
    const now = Date.now();
    if (!this.lean && this.strain.due(now)) {
      this.view.offer(w('lean.offer'), w('lean.yes'), w('lean.no'), yes => void this.goLean(yes));
    }
    if (now - this.saidAt >= SAY_AGAIN_MS && this.hands.has(this.device.id)) void this.sayHands();
    this.clock?.draw(now);
    if (now - this.awaySaidAt >= SAY_AGAIN_MS && this.away.has(this.device.id)) this.sayAway();
    const sideOf = new Map(this.people.map(({ device, side }) => [device, side]));
    const muted = this.room.localParticipant.getTrackPublication(Track.Source.Microphone)?.isMuted ?? true;
    this.floor.hear([...this.ears].map(([device, ear]) => [
      device, sideOf.get(device) ?? '', device === this.device.id && muted ? 0 : ear.level(),
    ] as const), now, !this.paused);
    this.spoken?.tick(now);
    for (const { device } of this.people) this.view.speaking(device, this.floor.has(device, now));
    for (const side of this.logs.folds.keys()) {
      this.view.floor(side === this.view.ourSide ? 'ours' : 'theirs', this.floor.of(side), this.floor.share(side));
    }
    this.view.frames();
  }

  private async leave(stage: 'left' | 'refused', words: string): Promise<void> {
    if (this.over) return;
    this.over = true;
    this.stop();
    this.view.stage(stage, words);
    await this.caucus?.leave();
    if (this.room.state === ConnectionState.Connected) {
      const bye = await this.party.bye();
      await this.room.localParticipant.publishData(bye, { reliable: true, topic: TOPIC }).catch(() => undefined);
    }
    await this.room.disconnect(true).catch(() => undefined);
    for (const track of [this.chosen.camera, this.chosen.microphone, this.screen]) track?.stop();
    this.end();
    this.view.over();
  }

  /** The connection is lost for good, and this call with it; camera and microphone stay for the next one. */
  private async cut(): Promise<void> {
    if (this.over) return;
    this.over = true;
    this.stop();
    this.screen?.stop();
    await this.room.disconnect(false).catch(() => undefined);
    // One goes in again on the floor, and is not heard there before one says so.
    await this.caucus?.leave();
    const { before, chosen, out } = this;
    // What was on its way out, the library stops when it gives up.
    if (!before && !out) stopAll(chosen);
    const then = before ? await reopened(before, false) : out ? chosen : await reopened(chosen, true);
    this.end();
    this.onCut({ chosen: then, aside: before !== undefined });
  }

  private end(): void {
    for (const ear of this.ears.values()) ear.close();
    this.ears.clear();
    this.worker.terminate();
    this.release();
    this.view.endOffer();
    this.clock?.end();
    this.view.inCaucus(false);
    for (const half of ['ours', 'theirs'] as const) this.view.hands(half, []);
    this.view.paused(false);
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
      const caucus = this.caucus?.heard() ?? null;
      return { publisher, subscriber, heard, caucus, device: this.device.id, epoch: this.party.epoch };
    };
    Object.defineProperty(window, 'visavisCall', { value: Object.freeze({ stats }), configurable: true });
  }
}

/** The device check: choose camera and microphone, see the picture, see the level, hear a tone, go in.
 *
 * Lives here: `deviceCheck`, which fills #devicecheck and resolves when the person goes in; `Chosen`; `anew`; `outcomeOf`, `paceOf`.
 * Not here: publishing (`room`). Nothing that fails keeps anybody out: it says what to do.
 */

import { t } from '../words';
import { Ear, audioContext } from './floor';
import { type RoomWord, w } from './words';

/** on: whether they are to go out, as the person pressed last: before they do, and over a cut too. */
export interface Chosen {
  readonly camera: MediaStreamTrack | null;
  readonly microphone: MediaStreamTrack | null;
  readonly on: { camera: boolean; microphone: boolean };
}

export function choose(camera: MediaStreamTrack | null, microphone: MediaStreamTrack | null): Chosen {
  return { camera, microphone, on: { camera: camera !== null, microphone: microphone !== null } };
}

export type Outcome = 'ok' | 'denied' | 'none' | 'busy' | 'failed';
export type Pace = 'ok' | 'slow' | 'failed';

const SLOW_MS = 300;
const TONE_S = 1;
const TONE_HZ = 660;

/** Why a browser gave no camera or microphone (W3C Media Capture, getUserMedia's errors). */
export function outcomeOf(error: unknown): Outcome {
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError': case 'SecurityError':
      return 'denied';
    case 'NotFoundError': case 'OverconstrainedError':
      return 'none';
    case 'NotReadableError': case 'AbortError':
      return 'busy';
    default:
      return 'failed';
  }
}

/** ms: of the quickest of some requests; undefined: none was answered. */
export function paceOf(ms: number | undefined): Pace {
  return ms === undefined ? 'failed' : ms > SLOW_MS ? 'slow' : 'ok';
}

export async function deviceCheck(section: HTMLElement, say: (words: string) => void): Promise<Chosen> {
  const box = section.querySelector<HTMLElement>('.stack') ?? section;
  const video = document.createElement('video');
  video.muted = video.autoplay = video.playsInline = true;
  video.setAttribute('aria-hidden', 'true');
  const meter = document.createElement('meter');
  Object.assign(meter, { min: 0, max: 1, low: 0.02, high: 0.9, optimum: 0.5, value: 0 });
  meter.setAttribute('aria-label', t('call.level'));
  const camera = choice('camera', t('call.camera'));
  const microphone = choice('microphone', t('call.microphone'));
  const goIn = document.createElement('button');
  goIn.type = 'button';
  goIn.className = 'press';
  goIn.dataset['control'] = 'join';
  goIn.textContent = t('call.go-in');
  const checks = document.createElement('ul');
  checks.className = 'checks';
  checks.setAttribute('aria-live', 'polite');
  const tell = (what: string, outcome: string, words: string): HTMLElement => row(checks, what, outcome, words);
  const again = button(w('check.again'));
  box.append(video, camera.field, microphone.field, meter, checks, again, goIn);

  let chosen = choose(null, null);
  let ear: Ear | undefined;
  /** Each by itself: a camera that another program holds takes nobody's voice. */
  const take = async (): Promise<void> => {
    chosen.camera?.stop();
    chosen.microphone?.stop();
    ear?.close();
    ear = undefined;
    const [picture, sound] = await Promise.all([
      taken('video', camera.select.value), taken('audio', microphone.select.value),
    ]);
    chosen = choose(picture.track, sound.track);
    if (picture.outcome) tell('camera', picture.outcome, device('call.camera', picture.outcome));
    if (sound.outcome) tell('microphone', sound.outcome, device('call.microphone', sound.outcome));
    video.srcObject = chosen.camera ? new MediaStream([chosen.camera]) : null;
    video.hidden = !chosen.camera;
    if (chosen.microphone) ear = new Ear(chosen.microphone);
  };
  const look = async (): Promise<void> => {
    say(t('call.looking'));
    chosen.camera?.stop();
    chosen.microphone?.stop();
    const found = await firstLook();
    for (const what of ['camera', 'microphone'] as const) tell(what, found[what], device(`call.${what}`, found[what]));
    say(summary(found.camera, found.microphone));
    await fill(camera.select, 'videoinput');
    await fill(microphone.select, 'audioinput');
    await take();
  };
  const drawing = setInterval(() => {
    meter.value = Math.min(1, (ear?.level() ?? 0) * 4);
  }, 100);

  const network = (): void => void pace().then(ms => {
    const now = paceOf(ms);
    tell('network', now, w(`check.network.${now}`, { ms: ms ?? 0 }));
  });
  await look();
  speaker(tell);
  network();
  // One at a time, and nobody goes in meanwhile: what they would take along is being stopped.
  let turn: Promise<void> = Promise.resolve();
  const next = (work: () => Promise<void>): void => {
    goIn.disabled = again.disabled = true;
    const mine: Promise<void> = turn.then(work).finally(() => {
      if (turn === mine) goIn.disabled = again.disabled = false;
    });
    turn = mine;
  };
  for (const { select } of [camera, microphone]) select.addEventListener('change', () => next(take));
  again.addEventListener('click', () => {
    network();
    next(look);
  });
  section.dataset['ready'] = 'true';
  return new Promise(resolve => {
    goIn.addEventListener('click', () => {
      clearInterval(drawing);
      ear?.close();
      video.srcObject = null;
      audioContext();
      goIn.disabled = true;
      resolve(chosen);
    }, { once: true });
  });
}

/** Ask for both at once: one question to the person. If not both can be had, each is tried, but none is asked for anew. */
async function firstLook(): Promise<Record<'camera' | 'microphone', Outcome>> {
  const both = await opened({ audio: true, video: true });
  if (both === 'ok') return { camera: 'ok', microphone: 'ok' };
  const alone = async (what: 'camera' | 'microphone', constraints: MediaStreamConstraints): Promise<Outcome> =>
    both === 'denied' && !(await granted(what)) ? 'denied' : opened(constraints);
  return { camera: await alone('camera', { video: true }), microphone: await alone('microphone', { audio: true }) };
}

async function opened(constraints: MediaStreamConstraints): Promise<Outcome> {
  try {
    const stream = await navigator.mediaDevices.getUserMedia(constraints);
    for (const each of stream.getTracks()) each.stop();
    return 'ok';
  } catch (error) {
    return outcomeOf(error);
  }
}

async function granted(what: 'camera' | 'microphone'): Promise<boolean> {
  try {
    // Not every browser tells of these two; TypeScript's own names leave them out.
    return (await navigator.permissions.query({ name: what as PermissionName })).state === 'granted';
  } catch {
    return false;
  }
}

function summary(camera: Outcome, microphone: Outcome): string {
  if (camera === 'ok' && microphone === 'ok') return t('call.ready');
  if (camera === 'denied' && microphone === 'denied') return t('call.denied');
  if (camera === 'none' && microphone === 'none') return t('call.no-devices');
  return w('check.some');
}

function device(name: 'call.camera' | 'call.microphone', outcome: Outcome): string {
  return w(`check.${outcome}`, { what: t(name) });
}

/** Of three small requests to the node the quickest, ms; undefined if it does not answer. */
async function pace(): Promise<number | undefined> {
  let best: number | undefined;
  for (let at = 0; at < 3; at++) {
    const from = performance.now();
    const answered = await fetch('/health', { cache: 'no-store' }).then(({ ok }) => ok, () => false);
    if (answered) best = Math.min(best ?? Infinity, Math.round(performance.now() - from));
  }
  return best;
}

/** A tone, and whether it was heard: only the person knows. */
function speaker(tell: (what: string, outcome: string, words: string) => HTMLElement): void {
  const play = button(w('check.tone'));
  const answer = (outcome: 'ok' | 'failed', word: RoomWord): void => {
    tell('speaker', outcome, w(word)).append(play);
    play.focus();
  };
  play.addEventListener('click', () => {
    tone();
    const yes = button(w('check.yes'));
    const no = button(w('check.no'));
    yes.addEventListener('click', () => answer('ok', 'check.speaker.ok'));
    no.addEventListener('click', () => answer('failed', 'check.speaker.failed'));
    tell('speaker', 'asked', w('check.heard')).append(yes, no);
    yes.focus();
  });
  tell('speaker', 'untried', w('check.speaker')).append(play);
}

function tone(): void {
  const context = audioContext();
  const voice = new OscillatorNode(context, { frequency: TONE_HZ });
  const loudness = new GainNode(context, { gain: 0.2 });
  loudness.gain.setTargetAtTime(0, context.currentTime + 0.8 * TONE_S, 0.05);
  voice.connect(loudness).connect(context.destination);
  voice.start();
  voice.stop(context.currentTime + TONE_S);
}

/** The row of one thing that is checked, made at first asking. */
function row(list: HTMLElement, what: string, outcome: string, words: string): HTMLElement {
  let found = list.querySelector<HTMLElement>(`[data-check="${what}"]`);
  if (!found) {
    found = document.createElement('li');
    found.dataset['check'] = what;
    list.append(found);
  }
  found.dataset['outcome'] = outcome;
  const text = document.createElement('span');
  text.textContent = words;
  found.replaceChildren(text);
  return found;
}

function button(words: string): HTMLButtonElement {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = 'press is-second';
  made.textContent = words;
  return made;
}

async function fill(select: HTMLSelectElement, kind: MediaDeviceKind): Promise<void> {
  const before = select.options.length > 0 ? select.value : undefined;
  select.replaceChildren();
  const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  for (const { deviceId, label } of devices.filter(device => device.kind === kind && device.deviceId)) {
    select.add(new Option(label || deviceId.slice(0, 8), deviceId));
  }
  select.add(new Option(t('call.none'), ''));
  select.selectedIndex = Math.max(0, Array.from(select.options).findIndex(({ value }) => value === before));
}

/** The camera or microphone that `before` was of, opened anew; null: there was none, or it cannot be had any more. */
export async function anew(kind: 'audio' | 'video', before: MediaStreamTrack | null): Promise<MediaStreamTrack | null> {
  if (!before) return null;
  const { deviceId } = before.getSettings();
  const open = deviceId ? track(kind, deviceId) : Promise.reject(new Error('a track of no device'));
  // Unplugged meanwhile: another does it as well.
  return open.catch(() => navigator.mediaDevices.getUserMedia({ [kind]: true }).then(stream => stream.getTracks()[0] ?? null))
    .catch(() => null);
}

async function track(kind: 'audio' | 'video', id: string): Promise<MediaStreamTrack | null> {
  if (!id) return null;
  const deviceId = { exact: id };
  const stream = await navigator.mediaDevices.getUserMedia(kind === 'audio'
    ? { audio: { deviceId, echoCancellation: true, noiseSuppression: true, autoGainControl: true } }
    : { video: { deviceId, width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 24 } } });
  return stream.getTracks()[0] ?? null;
}

/** The track that was chosen, and what to say of it; nothing, if none was. */
async function taken(kind: 'audio' | 'video', id: string): Promise<{ track: MediaStreamTrack | null; outcome?: Outcome }> {
  if (!id) return { track: null };
  try {
    return { track: await track(kind, id), outcome: 'ok' };
  } catch (error) {
    return { track: null, outcome: outcomeOf(error) };
  }
}

function choice(name: string, words: string): { field: HTMLElement; select: HTMLSelectElement } {
  const field = document.createElement('div');
  field.className = 'field';
  const label = document.createElement('label');
  const select = document.createElement('select');
  label.htmlFor = select.id = `dc-${name}`;
  label.textContent = words;
  field.append(label, select);
  return { field, select };
}

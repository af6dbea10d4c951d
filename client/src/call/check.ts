/** The device check: choose camera and microphone, see the picture, see the level, go in.
 *
 * Lives here: `deviceCheck`, which fills #devicecheck and resolves when the person goes in.
 * Not here: publishing (`room`).
 */

import { t } from '../words';
import { Ear, audioContext } from './floor';

export interface Chosen {
  readonly camera: MediaStreamTrack | null;
  readonly microphone: MediaStreamTrack | null;
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
  box.append(video, camera.field, microphone.field, meter, goIn);

  let chosen: Chosen = { camera: null, microphone: null };
  let ear: Ear | undefined;
  const take = async (): Promise<void> => {
    const next = { camera: await track('video', camera.select.value), microphone: await track('audio', microphone.select.value) };
    chosen.camera?.stop();
    chosen.microphone?.stop();
    ear?.close();
    ear = undefined;
    chosen = next;
    video.srcObject = chosen.camera ? new MediaStream([chosen.camera]) : null;
    video.hidden = !chosen.camera;
    if (chosen.microphone) ear = new Ear(chosen.microphone);
  };
  const drawing = setInterval(() => {
    meter.value = Math.min(1, (ear?.level() ?? 0) * 4);
  }, 100);

  say(t('call.looking'));
  say(await firstLook());
  await fill(camera.select, 'videoinput');
  await fill(microphone.select, 'audioinput');
  await take().catch(() => undefined);
  for (const { select } of [camera, microphone]) {
    select.addEventListener('change', () => void take().catch((error: unknown) => say(String(error))));
  }
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

/** Ask for both at once: one question to the person. What the browser calls the devices is known only after. */
async function firstLook(): Promise<string> {
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    for (const each of stream.getTracks()) each.stop();
    return t('call.ready');
  } catch (error) {
    return error instanceof DOMException && error.name === 'NotAllowedError' ? t('call.denied') : t('call.no-devices');
  }
}

async function fill(select: HTMLSelectElement, kind: MediaDeviceKind): Promise<void> {
  const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  for (const { deviceId, label } of devices.filter(device => device.kind === kind && device.deviceId)) {
    select.add(new Option(label || deviceId.slice(0, 8), deviceId));
  }
  select.add(new Option(t('call.none'), ''));
  select.selectedIndex = 0;
}

async function track(kind: 'audio' | 'video', id: string): Promise<MediaStreamTrack | null> {
  if (!id) return null;
  const deviceId = { exact: id };
  const stream = await navigator.mediaDevices.getUserMedia(kind === 'audio'
    ? { audio: { deviceId, echoCancellation: true, noiseSuppression: true, autoGainControl: true } }
    : { video: { deviceId, width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 24 } } });
  return stream.getTracks()[0] ?? null;
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

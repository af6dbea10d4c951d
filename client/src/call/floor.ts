/** Who has the floor, and for how long each side had it: measured here, by this browser, from what is heard.
 *
 * Lives here: `Floor` (pure sums) and `Ear` (a WebAudio analyser on one track).
 * Not here: drawing (`view`).
 */

/** Root mean square above which somebody is taken to speak: −40 dBFS, above room noise, below quiet speech. */
const SPEAKING = 0.01;
/** A pause shorter than this is part of speaking. */
const HOLD_MS = 700;

/** Sums speaking time by side. Feed it at any rate; a gap longer than a second counts as a second. */
export class Floor {
  private readonly seconds = new Map<string, number>();
  private readonly spoke = new Map<string, number>();
  private fed: number | undefined;

  /** levels: device → (side, RMS 0…1). now: ms. counts: whether it is anybody's floor time. */
  hear(levels: Iterable<readonly [string, string, number]>, now: number, counts = true): void {
    const passed = this.fed === undefined || !counts ? 0 : Math.min(now - this.fed, 1000) / 1000;
    this.fed = now;
    const speaking = new Set<string>();
    for (const [device, side, level] of levels) {
      if (level >= SPEAKING) this.spoke.set(device, now);
      if (now - (this.spoke.get(device) ?? -Infinity) <= HOLD_MS) speaking.add(side);
    }
    for (const side of speaking) this.seconds.set(side, (this.seconds.get(side) ?? 0) + passed);
  }

  of(side: string): number {
    return this.seconds.get(side) ?? 0;
  }

  /** Whether a device speaks now. */
  has(device: string, now: number): boolean {
    return now - (this.spoke.get(device) ?? -Infinity) <= HOLD_MS;
  }

  /** Who of `devices` spoke last, as far as was heard here. */
  last(devices: Iterable<string>): string | undefined {
    let found: string | undefined;
    for (const device of devices) {
      if ((this.spoke.get(device) ?? -Infinity) > (found === undefined ? -Infinity : this.spoke.get(found) ?? -Infinity)) {
        found = device;
      }
    }
    return found;
  }

  /** The side's part of all floor time, 0…1. */
  share(side: string): number {
    const all = [...this.seconds.values()].reduce((sum, each) => sum + each, 0);
    return all === 0 ? 0 : this.of(side) / all;
  }
}

let audio: AudioContext | undefined;

/** One context for the page: browsers allow few. It starts with a gesture. */
export function audioContext(): AudioContext {
  audio ??= new AudioContext();
  if (audio.state === 'suspended') void audio.resume().catch(() => undefined);
  return audio;
}

export class Ear {
  private readonly source: MediaStreamAudioSourceNode;
  private readonly analyser: AnalyserNode;
  private readonly samples: Float32Array<ArrayBuffer>;

  constructor(readonly track: MediaStreamTrack) {
    const context = audioContext();
    this.analyser = new AnalyserNode(context, { fftSize: 2048 });
    this.samples = new Float32Array(this.analyser.fftSize);
    this.source = context.createMediaStreamSource(new MediaStream([track]));
    this.source.connect(this.analyser);
  }

  /** Root mean square of the last 40 ms, 0…1. */
  level(): number {
    this.analyser.getFloatTimeDomainData(this.samples);
    return Math.sqrt(this.samples.reduce((sum, x) => sum + x * x, 0) / this.samples.length);
  }

  /** The strongest frequency now, Hz; for tests that send a tone. */
  peakHz(): number {
    const bins = new Float32Array(this.analyser.frequencyBinCount);
    this.analyser.getFloatFrequencyData(bins);
    let peak = 0;
    bins.forEach((value, at) => {
      if (value > (bins[peak] ?? -Infinity)) peak = at;
    });
    return (peak * this.analyser.context.sampleRate) / this.analyser.fftSize;
  }

  close(): void {
    this.source.disconnect();
  }
}

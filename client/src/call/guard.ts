/** What stands before livekit-client's frame encryption in its worker: never plain, never twice, never another's.
 *
 * Lives here: `guard`, which filters the worker's messages and wraps the frames' streams.
 * Not here: the library (`../e2ee-worker` joins the two), keys (`keys`).
 * Spec: docs/spec/keys.md §5.
 *
 * Found in the library's worker, and closed here: the server's word could switch a sender's encryption off;
 * an identity without `enable` sends plain; frames could be replayed; frames with the server's own trailer
 * passed; a decryptor that lost its participant let ciphertext through as if it were sound.
 *
 *     frame = header ‖ ciphertext ‖ IV (12) ‖ 0c ‖ key index       IV = ssrc ‖ RTP time ‖ count
 */

/** Frames that may arrive late, per (sender, key index, ssrc). Later ones are dropped. */
const BACK = 64;
const IV_BYTES = 12;
/** IV, its length, the key's index, and AES-GCM's tag: a frame without room for them is not ours. */
const LEAST_BYTES = IV_BYTES + 2 + 16;

/** Marks the guard's own message, whose acknowledgement the page did not ask for and could not place. */
export const OURS = 'fromGuard';

interface Frame {
  data: ArrayBuffer;
}

interface WorkerMessage {
  readonly kind: string;
  readonly data: Record<string, unknown>;
}

export interface Transformer {
  readonly options: { readonly kind: string; readonly participantIdentity: string };
  readonly readable: ReadableStream<Frame>;
  readonly writable: WritableStream<Frame>;
}

type Inner = (event: { readonly data: WorkerMessage }) => unknown;
type InnerTransform = (event: { readonly transformer: Transformer }) => unknown;

export interface Guarded {
  message(event: { readonly data: WorkerMessage }): unknown;
  transform(event: { readonly transformer: Transformer }): unknown;
}

/** `local`: the own device's id, given by the page when it starts the worker; no message can change it. */
export function guard(inner: Inner, innerTransform: InnerTransform | null, local: string): Guarded {
  const pass = (kind: string, data: Record<string, unknown>): unknown => inner({ data: { kind, data } });
  pass('enable', { enabled: true, participantIdentity: local, [OURS]: true });
  const marks = new Map<string, Marks>();
  return {
    message(event) {
      const { kind, data } = event.data;
      const who = data?.['participantIdentity'] as string;
      switch (kind) {
        case 'enable':
          return pass(kind, { ...data, enabled: true });
        case 'setSifTrailer':
        case 'ratchetRequest':
          return undefined;
        case 'removeTransform':
          return who === local ? undefined : inner(event);
        case 'encode':
          return who === local ? inner(event) : undefined;
        case 'decode': {
          const { readableStream, writableStream } = data as unknown as {
            readableStream: ReadableStream<Frame>; writableStream: WritableStream<Frame>;
          };
          const { readable, writable } = watched(marks, who, readableStream, writableStream);
          return pass(kind, { ...data, readableStream: readable, writableStream: writable });
        }
        default:
          return inner(event);
      }
    },
    // Browsers with RTCRtpScriptTransform hand the streams over here, not by a message.
    transform(event) {
      const { options, readable, writable } = event.transformer;
      if (!innerTransform) return undefined;
      if (options.kind === 'encode') {
        return options.participantIdentity === local ? innerTransform(event) : undefined;
      }
      const streams = watched(marks, options.participantIdentity, readable, writable);
      return innerTransform({ transformer: { options, ...streams } });
    },
  };
}

/** What was passed of one (sender, key index, ssrc): the latest IVs and their RTP times. */
class Marks {
  private readonly passed: { readonly iv: string; readonly time: number }[] = [];
  private max: number | undefined;

  /** RTP time is compared modulo 2^32. */
  fresh(iv: string, time: number): boolean {
    if (this.passed.some(each => each.iv === iv)) return false;
    if (this.max === undefined || this.passed.length < BACK) return true;
    const max = this.max;
    const low = Math.min(...this.passed.map(each => (each.time - max) | 0));
    return ((time - max) | 0) >= low;
  }

  mark(iv: string, time: number): void {
    this.passed.push({ iv, time });
    if (this.passed.length > BACK) this.passed.shift();
    if (this.max === undefined || ((time - this.max) | 0) > 0) this.max = time;
  }
}

/** The streams between which the library decrypts: what comes in must be ours and new, what goes out must
 * have been decrypted. A frame is marked once it *was* decrypted, so that a forged one blocks no true one. */
function watched(
  marks: Map<string, Marks>, who: string, readable: ReadableStream<Frame>, writable: WritableStream<Frame>,
): { readable: ReadableStream<Frame>; writable: WritableStream<Frame> } {
  const under = new WeakMap<Frame, { id: string; iv: string; time: number; bytes: number }>();
  const before = new TransformStream<Frame, Frame>({
    transform(frame, controller) {
      const bytes = new Uint8Array(frame.data);
      const length = bytes.length;
      if (length < LEAST_BYTES || bytes[length - 2] !== IV_BYTES) return;
      const iv = bytes.subarray(length - 2 - IV_BYTES, length - 2);
      const view = new DataView(iv.buffer, iv.byteOffset, IV_BYTES);
      const id = `${who}/${bytes[length - 1]}/${view.getUint32(0)}`;
      const noted = { id, iv: iv.join(), time: view.getUint32(4), bytes: length };
      if (marks.get(id)?.fresh(noted.iv, noted.time) === false) return;
      under.set(frame, noted);
      controller.enqueue(frame);
    },
  });
  const after = new TransformStream<Frame, Frame>({
    transform(frame, controller) {
      const noted = under.get(frame);
      // Not one of those let in, or as long as it was: the library passed it on without decrypting it.
      if (!noted || frame.data.byteLength >= noted.bytes) return;
      let kept = marks.get(noted.id);
      if (!kept) marks.set(noted.id, (kept = new Marks()));
      if (!kept.fresh(noted.iv, noted.time)) return;
      kept.mark(noted.iv, noted.time);
      controller.enqueue(frame);
    },
  });
  after.readable.pipeTo(writable).catch(() => undefined);
  return { readable: readable.pipeThrough(before), writable: after.writable };
}

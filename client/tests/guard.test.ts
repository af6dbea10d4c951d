/** What livekit-client's own worker does, and what our guard changes: the library's file, unchanged, in Node. */

import { beforeAll, describe, expect, test } from 'vitest';

import { type Guarded, type Transformer, guard } from '../src/call/guard';
import { hex, toHex, vector } from './vectors';

type Event = Parameters<Guarded['message']>[0];
type Post = (event: Event) => unknown;
interface Frame { data: ArrayBuffer; timestamp: number; getMetadata(): { synchronizationSource: number } }

const worker = globalThis as unknown as {
  self: unknown; postMessage: unknown; RTCTransformEvent: unknown;
  onmessage: Post; onrtctransform: (event: { transformer: Transformer }) => unknown;
};
let stock: Post;
let stockTransform: (event: { transformer: Transformer }) => unknown;

const options = {
  sharedKey: false, ratchetSalt: 'LKFrameEncryptionKey', ratchetWindowSize: 0, failureTolerance: -1,
  keyringSize: 16, keySize: 128,
};

beforeAll(async () => {
  worker.self = globalThis;
  worker.postMessage = () => undefined;
  worker.RTCTransformEvent = class {};
  Object.assign(globalThis, { onmessage: null, onrtctransform: null });
  await import('livekit-client/e2ee-worker');
  stock = worker.onmessage;
  stockTransform = worker.onrtctransform;
  stock({ data: { kind: 'init', data: { keyProviderOptions: options, loglevel: 5 } } });
});

const later = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));
const material = (key: Uint8Array): Promise<CryptoKey> =>
  crypto.subtle.importKey('raw', Uint8Array.from(key), 'HKDF', false, ['deriveBits', 'deriveKey']);
const KEY = new Uint8Array(32).fill(9);

let time = 1000;
function frame(data: ArrayLike<number>, ssrc = 7): Frame {
  time += 960;
  return { data: Uint8Array.from(data).buffer, timestamp: time, getMetadata: () => ({ synchronizationSource: ssrc }) };
}

async function setKey(post: Post, who: string, key: Uint8Array, keyIndex = 3, updateCurrentKeyIndex = true): Promise<void> {
  const data = { participantIdentity: who, key: await material(key), keyIndex, updateCurrentKeyIndex };
  post({ data: { kind: 'setKey', data } });
}

let tracks = 0;
/** Push frames through, end the stream, and wait until the end has come through; `never`: it does not come. */
async function pipe(
  post: Post, kind: 'encode' | 'decode', who: string, frames: readonly Frame[], script?: Guarded['transform'],
  never = false,
): Promise<Uint8Array[]> {
  let controller!: ReadableStreamDefaultController<Frame>;
  const readable = new ReadableStream<Frame>({ start: c => void (controller = c) });
  const got: Uint8Array[] = [];
  let end!: () => void;
  const ended = new Promise<void>(resolve => void (end = resolve));
  const writable = new WritableStream<Frame>({ write: f => void got.push(new Uint8Array(f.data)), close: () => end() });
  const trackId = `track-${tracks++}`;
  if (script) {
    const transformer = { options: { kind, participantIdentity: who, trackId }, readable, writable };
    script({ transformer: transformer as unknown as Transformer });
  } else {
    post({ data: { kind, data: { readableStream: readable, writableStream: writable, trackId, participantIdentity: who } } });
  }
  for (const each of frames) controller.enqueue(each);
  controller.close();
  await (never ? later(100) : ended);
  return got;
}

/** Frames as `who` sends them, by the library itself. */
async function sealed(post: Post, who: string, count: number): Promise<Uint8Array[]> {
  post({ data: { kind: 'enable', data: { enabled: true, participantIdentity: who } } });
  await setKey(post, who, KEY);
  return pipe(post, 'encode', who, Array.from({ length: count }, (_, i) => frame([0x78, 1, 2, 3, i])));
}

const guarded = (local: string): Guarded => guard(e => stock(e as Event), e => stockTransform(e), local);

test('the frame that Python sealed opens in the worker', async () => {
  const v = vector('keys/frame');
  stock({ data: { kind: 'enable', data: { enabled: true, participantIdentity: 'py' } } });
  await setKey(stock, 'py', hex(v.key), v.index);
  expect((await pipe(stock, 'decode', 'py', [frame(hex(v.frame))])).map(toHex)).toEqual([v.plain]);
});

describe('without the guard', () => {
  test('a node that announces NONE for X makes plain frames play as X', async () => {
    stock({ data: { kind: 'enable', data: { enabled: false, participantIdentity: 'X' } } });
    expect(await pipe(stock, 'decode', 'X', [frame([1, 2, 3, 4])])).toHaveLength(1);
  });
  test('an identity that was never enabled sends plain', async () => {
    expect((await pipe(stock, 'encode', 'never', [frame([0x78, 5, 5])])).map(toHex)).toEqual(['780505']);
  });
  test('a recorded frame plays again', async () => {
    const [one] = await sealed(stock, 'R', 1);
    expect(await pipe(stock, 'decode', 'R', [frame(one!), frame(one!)])).toHaveLength(2);
  });
});

describe('with the guard', () => {
  const passes = async (local: string, script: boolean): Promise<void> => {
    const g = guarded(local);
    const by = script ? g.transform : undefined;
    await setKey(g.message, local, KEY);
    const [a, b, c, d] = (await pipe(g.message, 'encode', local,
      [0, 1, 2, 3].map(i => frame([0x78, 1, 2, 3, i])), by)) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    expect(a.length).toBeGreaterThan(30);
    for (const kind of ['enable', 'setSifTrailer', 'removeTransform', 'ratchetRequest']) {
      const data = { enabled: false, participantIdentity: local, trailer: new Uint8Array([1, 2]), trackId: 'track-0' };
      g.message({ data: { kind, data } });
    }
    const out = await pipe(g.message, 'decode', local,
      [a, c, b, a, c, [1, 2, 3, 4], [], d, d].map(bytes => frame(bytes)), by);
    expect(out.map(bytes => bytes[4])).toEqual([0, 2, 1, 3]);
    expect(await pipe(g.message, 'encode', 'somebody-else', [frame([0x78, 5, 5])], by, true)).toHaveLength(0);
    expect((await pipe(g.message, 'encode', local, [frame([0x78, 5, 5])], by)).map(toHex)).not.toEqual(['780505']);
  };
  test('frames pass once, also out of order; nothing plain goes either way', () => passes('G', false));
  test('the same by RTCRtpScriptTransform', () => passes('S', true));

  test('a forged frame does not block the true one of the same IV', async () => {
    const g = guarded('F');
    const [true_] = await sealed(g.message, 'F', 1);
    const forged = Uint8Array.from(true_!);
    forged[4]! ^= 1;
    expect((await pipe(g.message, 'decode', 'F', [forged, true_!].map(bytes => frame(bytes)))).map(b => b[4])).toEqual([0]);
  });
  test('a retired key no longer opens', async () => {
    const g = guarded('V');
    const [one] = await sealed(g.message, 'V', 1);
    await setKey(g.message, 'V', crypto.getRandomValues(new Uint8Array(32)), 3, false);
    expect(await pipe(g.message, 'decode', 'V', [frame(one!)])).toHaveLength(0);
  });
  test('ciphertext that the library lets through undecrypted is dropped', async () => {
    const g = guarded('U');
    const [one] = await sealed(g.message, 'U', 1);
    // A sender who lost its participant in the library: frames are passed on as they came.
    const lets = guard(() => undefined, ({ transformer: { readable, writable } }) => readable.pipeTo(writable), 'U');
    expect(await pipe(stock, 'decode', 'U', [frame(one!)], lets.transform)).toHaveLength(0);
  });
  test('of frames far behind, none passes', async () => {
    const g = guarded('B');
    const many = await sealed(g.message, 'B', 70);
    const out = await pipe(g.message, 'decode', 'B', [...many.slice(1), many[0]!].map(bytes => frame(bytes)));
    expect(out.map(bytes => bytes[4])).toEqual(Array.from({ length: 69 }, (_, i) => i + 1));
  });
});

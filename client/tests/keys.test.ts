import { describe, expect, test } from 'vitest';

import { fromText, toText, utf8 } from '../src/bytes';
import { type Body, type Certificate, type Holder, type Membership, challenge, check, deviceId, readCertificate } from '../src/call/device';
import { type Event, initial, step } from '../src/call/exchange';
import { Liar, Receiver, Signer, boxInfo, checkMessage, keyCommitment, openBox, openSay, parseMessage, sayKey, suite } from '../src/call/messages';
import { openNote } from '../src/call/notes';
import { roster, rosterHash } from '../src/call/roster';
import { Malformed, Untrusted } from '../src/errors';
import { encode } from '../src/record/canonical';
import { digest } from '../src/record/digest';
import { asserts, readPasskey, readProof } from '../src/record/proof';
import { hex, pairFromSeed, toHex, vector } from './vectors';

const certificate = vector('keys/certificate');
const messages = vector('keys/messages');
const { logs } = certificate;
interface Held {
  readonly delegate: string;
  readonly passkey: unknown;
}
async function holder([id, { delegate, passkey }]: [string, Held]): Promise<[string, Holder]> {
  const read = await readPasskey(passkey);
  expect(read.credential).toBe(id);
  return [id, { delegate, passkey: read }];
}
const membership: Membership = {
  dialogue: logs.dialogue, talk: logs.talk, sitting: logs.sitting,
  credentials: new Map(await Promise.all(Object.entries(logs.credentials as Record<string, Record<string, Held>>)
    .map(async ([side, held]) => [side, new Map(await Promise.all(Object.entries(held).map(holder)))] as const))),
  lists: new Map(Object.entries(logs.lists as Record<string, string[]>).map(([side, list]) => [side, new Set(list)])),
};

test('a device’s bytes', async () => {
  const body = certificate.checks[0].certificate.body as Body;
  expect(encode(body)).toEqual(utf8(certificate.jcs));
  expect(toHex(await challenge(body))).toBe(certificate.challenge);
  expect(await deviceId(body)).toBe(certificate.device);
  const { passkey } = membership.credentials.get(body.side)?.get(body.credential) as Holder;
  expect(await asserts(readProof(certificate.proof), passkey, await challenge(body))).toBe(true);
  expect(await rosterHash(certificate.roster.devices)).toBe(certificate.roster.hash);
});

interface Check {
  readonly name: string; readonly now: number; readonly certificate: unknown;
  readonly device?: string; readonly refused?: string;
}

describe('certificates', () => {
  test.each(certificate.checks as Check[])('$name', async ({ certificate: value, now, device, refused }) => {
    const outcome = (async () => check(readCertificate(value), membership, now))();
    if (device !== undefined) expect(await outcome).toBe(device);
    else await expect(outcome).rejects.toThrow(refused === 'malformed' ? Malformed : Untrusted);
  });
  test('one device per delegate, whatever the order', async () => {
    const good = readCertificate(certificate.checks[0].certificate);
    for (const order of [[good, good], [good]]) {
      expect([...(await roster(order, membership, messages.now)).keys()]).toEqual([certificate.device]);
    }
  });
});

async function reader(): Promise<Receiver> {
  const found = await roster(messages.certificates.map(readCertificate) as Certificate[], membership, messages.now);
  const receiver = new Receiver(messages.reader.device, await pairFromSeed(hex(messages.reader.kem_seed)));
  receiver.roster = found;
  return receiver;
}

describe('messages', () => {
  test('are taken in turn', async () => {
    const me = await reader();
    for (const { message, kind, key } of messages.taken) {
      const parsed = parseMessage(fromText(message));
      await me.open(parsed);
      if (kind === 'liar') {
        await expect(me.take(parsed)).rejects.toThrow(Liar);
        await expect(me.open(parsed)).rejects.toThrow(Untrusted);
        continue;
      }
      const taken = await me.take(parsed);
      expect(taken.kind).toBe(kind);
      if (taken.kind === 'taken') expect(toHex(taken.key)).toBe(key);
    }
  });
  test.each(messages.refused as { name: string; message: string; refused: string }[])(
    'refused: $name', async ({ message, refused }) => {
      const me = await reader();
      const outcome = (async () => {
        const parsed = parseMessage(fromText(message));
        await me.open(parsed);
        await me.take(parsed);
      })();
      await expect(outcome).rejects.toThrow(refused === 'malformed' ? Malformed : Untrusted);
    },
  );
  test('a box sealed in Python opens here, bound to its info; and one sealed here opens', async () => {
    const { box, info, key } = messages.box;
    const pair = await pairFromSeed(hex(messages.reader.kem_seed));
    expect(toHex(await openBox(fromText(box), pair, hex(info)))).toBe(key);
    await expect(openBox(fromText(box), pair, hex(`${info.slice(0, -2)}00`))).rejects.toThrow(Untrusted);
    const recipientPublicKey = pair.publicKey;
    const { enc, ct } = await suite.seal({ recipientPublicKey, info: hex(info).buffer }, hex(key).buffer);
    const whole = Uint8Array.from([...new Uint8Array(enc), ...new Uint8Array(ct)]);
    expect(toHex(await openBox(whole, pair, hex(info)))).toBe(key);
  });
  test('what was said in Python opens here, under its key and as it stands only', async () => {
    const { message, key, says } = messages.say;
    const me = await reader();
    const parsed = parseMessage(fromText(message));
    await me.open(parsed);
    const under = await sayKey(hex(key));
    expect(await openSay(parsed, under)).toEqual(says);
    await expect(openSay(parsed, await sayKey(new Uint8Array(32)))).rejects.toThrow(Untrusted);
    for (const moved of [{ n: (parsed['n'] as number) + 1 }, { epoch: 8 }, { room: 'caucus' }, { device: 'another' }]) {
      await expect(openSay({ ...parsed, ...moved }, under)).rejects.toThrow(Untrusted);
    }
  });
  test('what is said here opens, once signed as all else', async () => {
    const { body } = messages.certificates[0] as Certificate;
    const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']) as CryptoKeyPair;
    const sig = toText(new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)));
    const signer = new Signer({ ...body, sig }, 'device', pair.privateKey);
    const under = await sayKey(hex(messages.kc.key));
    const [one, other] = await Promise.all([signer.say({ hand: 1 }, 7, under, 5), signer.sign('bye', 5)]);
    const said = parseMessage(one);
    await checkMessage(said, { ...body, sig }, 'floor');
    expect(await openSay(said, under)).toEqual({ hand: 1 });
    expect([said['n'], parseMessage(other)['n']]).toEqual([5, 6]);
  });
  test('a note sealed in Python opens here, for its reader', async () => {
    const { message, reader: whose, kem_seed, says } = messages.note;
    const [sender] = messages.certificates as Certificate[];
    const { body } = readCertificate(whose);
    const me = await deviceId(body);
    const parsed = parseMessage(fromText(message));
    await checkMessage(parsed, (sender as Certificate).body, 'floor');
    const { value, others } = await openNote(parsed, (sender as Certificate).body, me, body, await pairFromSeed(hex(kem_seed)));
    expect([value, others.length]).toEqual([says, 1]);
  });
  test('commitments and derived keys', async () => {
    expect(await keyCommitment(hex(messages.kc.key))).toBe(messages.kc.commitment);
    expect(toHex(await digest('call/say-key', hex(messages.kc.key)))).toBe(messages.say_key);
    expect(toHex(await boxInfo({ a: 1 }, 'x'))).toHaveLength(2 * ('visavis/call/box/v1\0'.length + 32 + 1));
  });
});

describe('the exchange', () => {
  const { stories } = vector('keys/exchange');
  test.each(stories as { name: string; steps: { event: Event; effects: unknown[] }[] }[])('$name', ({ steps }) => {
    let state = initial;
    for (const [at, { event, effects }] of steps.entries()) {
      let out;
      [state, out] = step(state, event);
      expect(out, `step ${at}: ${JSON.stringify(event)}`).toEqual(effects);
    }
  });
});

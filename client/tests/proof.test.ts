import { type KeyObject, createHash, generateKeyPairSync, sign } from 'node:crypto';

import { beforeAll, describe, expect, test } from 'vitest';

import { concat, toText, utf8 } from '../src/bytes';
import { Malformed } from '../src/errors';
import { asserts, fromDer, isOf, proves, readPasskey, readProof } from '../src/record/proof';
import { fromSeed, hex } from './vectors';

type Alg = 'ES256' | 'EdDSA' | 'RS256';
interface Pair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const RP = 'talks.example';
const CHALLENGE = new Uint8Array(32).fill(5);
const pairs: Record<Alg, Pair> = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
};

const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(data).digest());
const spelt = (alg: Alg, rp = RP): Record<string, unknown> => ({
  alg, id: toText(utf8('an authenticator’s id')), rp,
  key: toText(new Uint8Array(pairs[alg].publicKey.export({ format: 'der', type: 'spki' }))),
});

interface Changes {
  readonly client?: Record<string, unknown> | string;
  readonly rp?: string;
  readonly flags?: number;
  readonly data?: Uint8Array;
  readonly signer?: KeyObject;
}

/** What an authenticator would give; `changes` make it one that must not pass. */
function assertion(alg: Alg, changes: Changes = {}): unknown {
  const flags = changes.flags ?? 0x05;
  const authenticatorData = changes.data ?? concat(sha256(utf8(changes.rp ?? RP)), Uint8Array.of(flags, 0, 0, 0, 9));
  const client = { type: 'webauthn.get', challenge: toText(CHALLENGE), origin: `https://${RP}`, crossOrigin: false };
  const { client: other = {} } = changes;
  const clientData = utf8(typeof other === 'string' ? other : JSON.stringify({ ...client, ...other }));
  const signer = changes.signer ?? pairs[alg].privateKey;
  const sig = sign(alg === 'EdDSA' ? null : 'sha256', concat(authenticatorData, sha256(clientData)), signer);
  return {
    type: 'webauthn', authenticator_data: toText(authenticatorData), client_data: toText(clientData),
    sig: toText(new Uint8Array(sig)),
  };
}

const passes = async (alg: Alg, changes: Changes = {}, rp = RP): Promise<boolean> =>
  asserts(readProof(assertion(alg, changes)), await readPasskey(spelt(alg, rp)), CHALLENGE);

describe.each(['ES256', 'EdDSA', 'RS256'] as const)('a passkey by %s', alg => {
  test('asserts its challenge', async () => {
    expect(await passes(alg)).toBe(true);
    expect(await passes(alg, { client: { origin: `https://node-7.${RP}:8443`, topOrigin: 'ignored' } })).toBe(true);
    expect(await passes(alg, { client: { crossOrigin: undefined } })).toBe(true);
  });

  const other = generateKeyPairSync('ed25519').privateKey;
  test.each<[string, Changes]>([
    ['made for another challenge', { client: { challenge: toText(new Uint8Array(32)) } }],
    ['made on enrolment', { client: { type: 'webauthn.create' } }],
    ['made in a frame of another site', { client: { crossOrigin: true } }],
    ['made in a frame, said oddly', { client: { crossOrigin: 'false' } }],
    ['made at another host', { client: { origin: 'https://talks.example.evil.example' } }],
    ['made at a host that only ends alike', { client: { origin: 'https://eviltalks.example' } }],
    ['made without TLS', { client: { origin: `http://${RP}` } }],
    ['without client data', { client: 'no JSON' }],
    ['with client data that is no object', { client: '["webauthn.get"]' }],
    ['for another host’s hash', { rp: 'example' }],
    ['without the user there', { flags: 0x04 }],
    ['without the user verified', { flags: 0x01 }],
    ['with data longer than it says', { data: concat(sha256(utf8(RP)), Uint8Array.of(5, 0, 0, 0, 9, 1)) }],
    ['with data shorter than it says', { flags: 0x85 }],
    ['with client data beyond ASCII', { client: { origin: `https://${RP}`, other: 'é' } }],
    ...(alg === 'EdDSA' ? [['by another key', { signer: other }] as [string, Changes]] : []),
  ])('refuses one %s', async (_, changes) => {
    expect(await passes(alg, changes)).toBe(false);
  });

  test('counts with every bit', async () => {
    const passkey = await readPasskey(spelt(alg));
    const proof = readProof(assertion(alg));
    if (!('clientData' in proof)) throw new Error('an assertion is due');
    for (const name of ['authenticatorData', 'clientData', 'sig'] as const) {
      for (let at = 0; at < proof[name].length; at += 5) {
        const changed = proof[name].slice();
        changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
        expect(await asserts({ ...proof, [name]: changed }, passkey, CHALLENGE), `${name} ${at}`).toBe(false);
      }
    }
  });

  test('is refused where an Ed25519 key’s proof is due, and the other way round', async () => {
    const key = await fromSeed(new Uint8Array(32).fill(9), 'Ed25519');
    const sig = new Uint8Array(await crypto.subtle.sign('Ed25519', key, CHALLENGE));
    const plain = readProof({ type: 'ed25519', sig: toText(sig) });
    expect(await asserts(plain, await readPasskey(spelt(alg)), CHALLENGE)).toBe(false);
    expect(await proves(readProof(assertion(alg)), new Uint8Array(32), CHALLENGE)).toBe(false);
  });
});

describe('a passkey', () => {
  test('is named by all that it says', async () => {
    const names = new Set<string>();
    for (const changed of [{}, { rp: 'other.example' }, { id: toText(utf8('x')) }]) {
      names.add((await readPasskey({ ...spelt('ES256'), ...changed })).credential);
    }
    expect(names.size).toBe(3);
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });
  test.each([
    ['an algorithm that we do not know', { alg: 'ES384' }],
    ['an algorithm by a name of JavaScript’s', { alg: 'constructor' }],
    ['a host with a path', { rp: 'talks.example/x' }],
    ['a host in capitals', { rp: 'Talks.example' }],
    ['no host', { rp: '' }],
    ['a member more', { x: 1 }],
    ['a key that is no base64url', { key: '=' }],
    ['no id', { id: '' }],
  ])('is refused with %s', async (_, changed) => {
    await expect(readPasskey({ ...spelt('ES256'), ...changed })).rejects.toThrow(Malformed);
  });
  test('is refused with a key of another kind, with a byte after it, or too small', async () => {
    const der = new Uint8Array(pairs.ES256.publicKey.export({ format: 'der', type: 'spki' }));
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'der', type: 'spki' });
    for (const [alg, key] of [
      ['ES256', spelt('RS256')['key']], ['ES256', toText(concat(der, Uint8Array.of(0)))], ['RS256', toText(new Uint8Array(small))],
    ] as const) {
      await expect(readPasskey({ ...spelt(alg), key })).rejects.toThrow(Malformed);
    }
  });
});

test('an origin is the host’s own, or below it', () => {
  for (const origin of ['https://a.b', 'https://x.a.b', 'https://a.b:444']) expect(isOf(origin, 'a.b'), origin).toBe(true);
  for (const origin of ['http://localhost', 'http://localhost:8000', 'https://localhost']) {
    expect(isOf(origin, 'localhost'), origin).toBe(true);
  }
  for (const origin of ['http://a.b', 'https://b', 'https://xa.b', 'https://a.b/', 'https://a.b@c', 'ftp://a.b', '', null, 3]) {
    expect(isOf(origin, 'a.b'), String(origin)).toBe(false);
  }
});

describe('an ECDSA signature in DER', () => {
  const one = `02${'01'}01`;
  beforeAll(() => expect(fromDer(hex(`3006${one}${one}`))[31]).toBe(1));
  test('is taken at its greatest and its least', () => {
    const greatest = `022100${'ff'.repeat(32)}`;
    expect([...fromDer(hex(`3046${greatest}${greatest}`))]).toEqual(Array(64).fill(255));
    expect([...fromDer(hex('3006020100020100'))]).toEqual(Array(64).fill(0));
  });
  test.each([
    ['nothing', ''],
    ['a sequence’s head alone', '30'],
    ['another tag', `3106${one}${one}`],
    ['a long form of length', `308106${one}${one}`],
    ['a byte after it', `3006${one}${one}00`],
    ['a byte after it, counted', `3007${one}${one}00`],
    ['a negative integer', `3006020180${one}`],
    ['a zero to spare', `300702020001${one}`],
    ['an empty integer', `30050200${one}`],
    ['an integer cut short', '30060201010205'],
    ['an integer of 33 digits', `3026022101${'00'.repeat(32)}${one}`],
    ['one integer alone', '3003020101'],
  ])('is refused with %s', (_, text) => {
    expect(() => fromDer(hex(text))).toThrow(Malformed);
  });
});

test('a proof of another shape is refused', () => {
  const whole = assertion('ES256') as Record<string, unknown>;
  for (const changed of [{ x: 1 }, { type: 'ed25519' }, { sig: undefined }, { sig: 'A' }, { client_data: null },
    { authenticator_data: toText(sha256(utf8(RP))) }, { client_data: toText(new Uint8Array(1025)) }, { sig: toText(new Uint8Array(513)) }]) {
    expect(() => readProof({ ...whole, ...changed }), JSON.stringify(changed)).toThrow(Malformed);
  }
  for (const value of [null, 1, 'x', [], {}, { type: 'webauthn' }, { type: 'x'.repeat(21), sig: '' },
    { type: 'ed25519', sig: toText(new Uint8Array(63)) }, { type: 'other', sig: toText(new Uint8Array(64)) }]) {
    expect(() => readProof(value)).toThrow(Malformed);
  }
});

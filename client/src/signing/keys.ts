/** The delegate's own key: made in this browser, not extractable, never sent anywhere.
 *
 * Lives here: enrolment by a one-time link, signing in by a challenge, finding the key of a session.
 * Not here: what is signed with it (`sign`, `../call/device`).
 * Spec: docs/spec/http.md §1.
 */

import { type Opened, type SessionAnswer, request } from '../api';
import { type Bytes, concat, toText, utf8 } from '../bytes';
import { NoKey } from '../errors';
import * as store from '../store';

/** What the store keeps of a credential. id: the public key, base64url. used: when last, ms. */
export interface Credential {
  readonly id: string;
  readonly keys: CryptoKeyPair;
  readonly delegate: string;
  readonly used: number;
}

export async function makeKeys(): Promise<CryptoKeyPair> {
  return (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair;
}

export async function publicText(keys: CryptoKeyPair): Promise<string> {
  return toText(new Uint8Array(await crypto.subtle.exportKey('raw', keys.publicKey)));
}

export async function sign(keys: CryptoKeyPair, ...parts: Uint8Array[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign('Ed25519', keys.privateKey, concat(...parts)));
}

/** Make a key, keep it, and spend the one-time link for it. */
export async function enrol(token: string): Promise<Opened> {
  const keys = await makeKeys();
  const id = await publicText(keys);
  const proof = toText(await sign(keys, utf8('visavis/enrolment/v1\0'), utf8(token)));
  // Kept before the link is spent: a crash in between costs an unused key, not the delegate's way in.
  await store.put('credentials', id, { id, keys, delegate: '', used: 0 });
  let answer: Opened;
  try {
    answer = await request<Opened>('POST', '/api/enrolments', { token, credential: id, proof });
  } catch (error) {
    await store.remove('credentials', id);
    throw error;
  }
  await store.put('credentials', id, { id, keys, delegate: answer.delegate, used: Date.now() });
  return answer;
}

/** Open a session with the key that this browser used last and that the node knows. */
export async function signIn(): Promise<Opened> {
  const held = (await store.all<Credential>('credentials')).sort((a, b) => b.used - a.used);
  let failed: unknown = new NoKey('this browser holds no key');
  for (const { id, keys } of held) {
    const { challenge } = await request<{ challenge: string }>('POST', '/api/sessions/challenges', {});
    const proof = toText(await sign(keys, utf8('visavis/session/v1\0'), utf8(challenge)));
    try {
      const opened = await request<Opened>('POST', '/api/sessions', { credential: id, challenge, proof });
      await store.put('credentials', id, { id, keys, delegate: opened.delegate, used: Date.now() });
      return opened;
    } catch (error) {
      failed = error;
    }
  }
  throw failed;
}

/** The session and its key. Raises `NoKey` if the key is in another browser, `Refused` (401) without one. */
export async function current(): Promise<{ session: SessionAnswer; credential: Credential }> {
  const session = await request<SessionAnswer>('GET', '/api/session');
  const credential = await store.get<Credential>('credentials', session.credential);
  if (!credential) throw new NoKey('the key of this session is in another browser');
  return { session, credential };
}

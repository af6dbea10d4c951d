/** The delegate's passkey: made and kept by their authenticator, which verifies them each time it signs.
 *
 * Lives here: enrolment by a one-time link, signing in by a challenge, the passkey's proof over anything.
 * Not here: what is signed with it (`act`, `../call/device`), this device's own key (`device`).
 * Spec: docs/spec/http.md §1; docs/spec/record.md §2.3; W3C Web Authentication §5.
 */

import { type Opened, type SessionAnswer, request } from '../api';
import { type Bytes, fromText, toText, utf8 } from '../bytes';
import { sha256 } from '../record/digest';
import * as store from '../store';

/** COSE: ES256, EdDSA, RS256. */
const ALGORITHMS = [-7, -8, -257];

/** A passkey's proof, as it stands in an entry. */
export interface PasskeyProof {
  readonly type: 'webauthn';
  readonly authenticator_data: string;
  readonly client_data: string;
  readonly sig: string;
}

/** A passkey that this browser has used. credential: its id in the log; raw: its id at the authenticator. */
interface Known {
  readonly credential: string;
  readonly raw: string;
}

/** Make a passkey, and spend the one-time link for it. name: how the authenticator lists it. */
export async function enrol(token: string, name: string): Promise<Opened> {
  const made = await publicKey(navigator.credentials?.create({
    publicKey: {
      challenge: await sha256(utf8('visavis/enrolment/v1\0'), utf8(token)),
      rp: { id: location.hostname, name: location.hostname },
      user: { id: crypto.getRandomValues(new Uint8Array(32)), name, displayName: name },
      pubKeyCredParams: ALGORITHMS.map(alg => ({ type: 'public-key', alg })),
      authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
      attestation: 'none',
    },
  }));
  const { clientDataJSON, attestationObject } = made.response as AuthenticatorAttestationResponse;
  const raw = text(made.rawId);
  const registration = {
    id: raw, rawId: raw, type: made.type, clientExtensionResults: {},
    response: { clientDataJSON: text(clientDataJSON), attestationObject: text(attestationObject) },
  };
  const opened = await request<Opened>('POST', '/api/enrolments', { token, registration });
  await know(opened.credential, raw);
  return opened;
}

/** Open a session with whichever of their passkeys for this node the person takes. */
export async function signIn(): Promise<Opened> {
  const { challenge } = await request<{ challenge: string }>('POST', '/api/sessions/challenges', {});
  const { raw, proof } = await ask(await sha256(utf8('visavis/session/v1\0'), utf8(challenge)));
  const opened = await request<Opened>('POST', '/api/sessions', { id: raw, challenge, proof });
  await know(opened.credential, raw);
  return opened;
}

/** Who is signed in. Raises `Refused` (401) if nobody is. */
export function current(): Promise<SessionAnswer> {
  return request<SessionAnswer>('GET', '/api/session');
}

/** The proof over `challenge` by the passkey whose id in the log is `credential`.
 *
 * Raises `NotAllowedError` if the person cancels, is not verified, or has no such passkey at hand.
 */
export async function prove(credential: string, challenge: Bytes): Promise<PasskeyProof> {
  const known = await store.get<Known>('passkeys', credential);
  return (await ask(challenge, known?.raw)).proof;
}

async function ask(challenge: Bytes, raw?: string): Promise<{ raw: string; proof: PasskeyProof }> {
  const given = await publicKey(navigator.credentials?.get({
    publicKey: {
      challenge, rpId: location.hostname, userVerification: 'required',
      ...(raw === undefined ? {} : { allowCredentials: [{ type: 'public-key' as const, id: fromText(raw) }] }),
    },
  }));
  const { authenticatorData, clientDataJSON, signature } = given.response as AuthenticatorAssertionResponse;
  const proof: PasskeyProof = {
    type: 'webauthn', authenticator_data: text(authenticatorData), client_data: text(clientDataJSON), sig: text(signature),
  };
  return { raw: text(given.rawId), proof };
}

async function publicKey(asked: Promise<Credential | null> | undefined): Promise<PublicKeyCredential> {
  // Without WebAuthn (an insecure origin, an old browser) there is nobody to ask.
  const given = typeof PublicKeyCredential === 'undefined' ? null : await asked;
  if (!(given instanceof PublicKeyCredential)) throw new DOMException('no passkeys here', 'NotSupportedError');
  return given;
}

function know(credential: string, raw: string): Promise<void> {
  return store.put('passkeys', credential, { credential, raw } satisfies Known);
}

function text(bytes: ArrayBuffer): string {
  return toText(new Uint8Array(bytes));
}

/** Entry of the worker that encrypts and decrypts frames: livekit-client's own, with our guard before it.
 *
 * The page starts it with the own device's id as the worker's name: fixed before any message.
 */

import 'livekit-client/e2ee-worker';

import { OURS, type Transformer, guard } from './call/guard';

interface Scope {
  readonly name: string;
  postMessage: (message: { readonly data?: Record<string, unknown> }) => void;
  onmessage: ((event: MessageEvent) => unknown) | null;
  onrtctransform: ((event: { readonly transformer: Transformer }) => unknown) | null;
}

const scope = self as unknown as Scope;
const message = scope.onmessage;
const post = scope.postMessage.bind(scope);
scope.postMessage = sent => {
  if (!sent?.data?.[OURS]) post(sent);
};
const transform = scope.onrtctransform;
if (!message || !scope.name) throw new Error('the frame encryption did not start');
const guarded = guard(
  event => message.call(scope, event as MessageEvent),
  transform ? event => transform.call(scope, event) : null,
  scope.name,
);
scope.onmessage = event => guarded.message(event as MessageEvent);
if (transform) scope.onrtctransform = event => guarded.transform(event);

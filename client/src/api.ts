/** The node's HTTP interface, as far as the browser speaks it.
 *
 * Lives here: `request`, which turns problem details into `Refused`; the shapes of the answers.
 * Spec: docs/spec/http.md.
 */

import { Refused, Unreachable } from './errors';
import type { Content } from './record/content';

export interface SessionAnswer {
  readonly dialogue: string | null;
  readonly side: string | null;
  readonly delegate: string;
  readonly credential: string;
  readonly role: string;
  readonly powers: readonly string[];
  readonly admitted: boolean;
}

export interface Opened {
  readonly session: string;
  readonly dialogue: string | null;
  readonly side: string | null;
  readonly delegate: string;
  /** The passkey's id in the log. */
  readonly credential: string;
  readonly admitted: boolean;
  readonly founding: boolean;
}

/** check: who holds it may read the draft while it waits. A recovery's draft has none. */
export interface Draft {
  readonly draft: string;
  readonly check?: string;
  readonly signed: unknown;
  readonly contents: readonly Content[];
  readonly hash: string;
}

export interface LogPage {
  readonly side: string;
  readonly from: number;
  readonly size: number;
  readonly leaves: readonly string[];
  readonly checkpoint: string | null;
}

export interface Joined {
  readonly url: string;
  readonly token: string;
  readonly identity: string;
  readonly room: string;
}

/** One request with a JSON answer. Raises `Refused` for a problem, `Unreachable` without an answer. */
export async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: 'same-origin',
      headers: {
        Accept: 'application/json, application/problem+json',
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new Unreachable('the node does not answer');
  }
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
  const problem = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  throw new Refused(
    response.status,
    String(problem['code'] ?? 'unavailable'),
    String(problem['detail'] ?? problem['title'] ?? response.statusText),
    typeof problem['field'] === 'string' ? problem['field'] : undefined,
    problem,
  );
}

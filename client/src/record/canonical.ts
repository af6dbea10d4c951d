/** Canonical JSON (RFC 8785), written and read within a budget: the node's `record/canonical.py`, in the browser.
 *
 * Lives here: `encode`, `decode`: one value, one spelling.
 * Spec: docs/spec/record.md §1; tests/vectors/record/canonical.json.
 */

import { type Bytes, fromUtf8, utf8 } from '../bytes';
import { Malformed } from '../errors';

/** What a tile can carry: an entry's length there is a uint16. */
export const MAX_BYTES = 64 * 1024 - 1;
const MAX_DEPTH = 32;

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type JsonObject = { readonly [name: string]: Json };

/** RFC 8785 bytes. Integers 0…2^53−1 are the only numbers; a lone surrogate is `Malformed`. */
export function encode(value: unknown): Bytes {
  return utf8(spell(value, 0));
}

function spell(value: unknown, depth: number): string {
  if (depth > MAX_DEPTH) throw new Malformed(`nested deeper than ${MAX_DEPTH}`);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new Malformed('a lone surrogate');
    return JSON.stringify(value);
  }
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0) throw new Malformed('integer outside 0…2^53−1');
    return String(value);
  }
  if (Array.isArray(value)) return `[${value.map(item => spell(item, depth + 1)).join()}]`;
  if (typeof value === 'object') {
    // RFC 8785 §3.2.3 sorts by UTF-16 code units, which is what JavaScript's own order of strings is.
    const members = Object.keys(value).sort();
    return `{${members
      .map(name => `${spell(name, depth)}:${spell((value as Record<string, unknown>)[name], depth + 1)}`)
      .join()}}`;
  }
  throw new Malformed(`${typeof value} has no canonical spelling`);
}

/** Parse `bytes` and require that they are the canonical spelling of what they say. */
export function decode(bytes: Uint8Array, limit = MAX_BYTES): Json {
  if (bytes.length > limit) throw new Malformed(`${bytes.length} bytes where ${limit} are allowed`);
  let text: string;
  let value: Json;
  try {
    text = fromUtf8(bytes);
    value = JSON.parse(text) as Json;
  } catch {
    throw new Malformed('not JSON');
  }
  if (spell(value, 0) !== text) throw new Malformed('not the canonical spelling (RFC 8785)');
  return value;
}

/** `value` as an object with exactly `names`; else `Malformed`, naming the first that differs. */
export function members(value: unknown, names: readonly string[], what: string): JsonObject {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new Malformed(`${what}: an object is due`);
  }
  const has = Object.keys(value);
  const missing = names.filter(name => !Object.hasOwn(value, name));
  const [odd] = [...missing, ...has.filter(name => !names.includes(name))].sort();
  if (odd !== undefined) {
    throw new Malformed(`${what}: member '${odd}' is ${missing.includes(odd) ? 'missing' : 'unknown'}`);
  }
  return value as JsonObject;
}

export function text(value: unknown, what: string, limit: number): string {
  if (typeof value !== 'string' || [...value].length > limit) {
    throw new Malformed(`${what}: a string of at most ${limit} characters is due`);
  }
  return value;
}

export function size(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new Malformed(`${what}: an integer 0…2^53−1 is due`);
  }
  return value;
}

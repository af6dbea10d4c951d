/** Captions: what somebody says, typed by a person, line by line, for everybody who wants to read it. Pure.
 *
 * Lives here: `read`, `write`, `Flow` (how much is taken of one device), `Pace` (when a screen reader is told).
 * Not here: sealing (`messages`), drawing (`spoken`).
 * Spec: docs/spec/keys.md §3.9.
 *
 * A caption is its typist's word on what was said, and shown as such: whoever types for another is named.
 */

import { Malformed } from '../errors';
import { type Json, text } from '../record/canonical';
import { speaking } from './said';

/** of: the device of whoever spoke. lang: BCP 47. */
export interface Caption {
  readonly of: string;
  readonly lang: string;
  readonly text: string;
}

/** Characters of a line. */
export const MOST = 300;
const IS = 'caption';
const LANGUAGE = /^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$/;

export function write({ of, lang, text: words }: Caption): Json {
  return { is: IS, of, lang, text: words };
}

/** What was said, if it is a caption. Raises `Malformed` if it is, wrongly. */
export function read(value: Json): Caption | undefined {
  const said = speaking(value, IS, ['of', 'lang', 'text']);
  if (!said) return undefined;
  const lang = text(said.lang, 'caption.lang', 35);
  if (!LANGUAGE.test(lang)) throw new Malformed('caption.lang: a language tag is due');
  const words = text(said.text, 'caption.text', MOST);
  if (!words.trim()) throw new Malformed('caption.text: words are due');
  return { of: text(said.of, 'caption.of', 64), lang, text: words };
}

/** How far behind the moment of going in a message may be dated; what is older was sent again by somebody. */
const BEHIND_MS = 120_000;
const WINDOW_MS = 10_000;
const MOST_IN_WINDOW = 20;

/** Takes of each device what is new, and no more than a person can type. since: when one went in, ms. */
export class Flow {
  private readonly last = new Map<string, number>();
  private readonly taken = new Map<string, number[]>();

  constructor(private readonly since: number) {}

  /** n: of the message, which only grows and is near the sender's clock in ms. now: ms. */
  takes(device: string, n: number, now: number): boolean {
    if (n <= (this.last.get(device) ?? this.since - BEHIND_MS)) return false;
    this.last.set(device, n);
    const recent = (this.taken.get(device) ?? []).filter(at => now - at < WINDOW_MS);
    if (recent.length < MOST_IN_WINDOW) recent.push(now);
    else return false;
    this.taken.set(device, recent);
    return true;
  }
}

const APART_MS = 4_000;

/** Gathers lines for a live region: the first at once, then all that came meanwhile together, some seconds apart. */
export class Pace<Line> {
  private waiting: Line[] = [];
  private at = -Infinity;

  add(line: Line): void {
    this.waiting.push(line);
  }

  /** The lines to be read aloud now: none, or all that wait. */
  due(now: number): readonly Line[] {
    if (this.waiting.length === 0 || now - this.at < APART_MS) return [];
    this.at = now;
    return this.waiting.splice(0);
  }
}

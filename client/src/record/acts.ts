/** What an act is: a row of the rule book's table, and the move it makes in the two-log machine.
 *
 * Lives here: `Subject`, the moves, `ActSpec`, `Rulebook`. The node's `dialogue/acts.py`, in the browser.
 * Not here: the acts themselves (`rulebook`), the verdicts (`fold`, `join`).
 * Spec: docs/spec/record.md §§5–8.
 */

import { toText } from '../bytes';
import { Malformed } from '../errors';
import { type Json, type JsonObject, encode } from './canonical';
import { digest } from './digest';
import type { Act } from './entry';
import type { Passkey } from './proof';
import { type Definitions, type Schema, conforms } from './schema';

/** What may be agreed, or ended: ["text", understanding], ["agenda", talk], … "agenda/<talk>" in text. */
export type Slot = readonly string[];

export function slotText(slot: Slot): string {
  return slot.join('/');
}

/** What two consents can bring into force. commitments: every one in `body`: what may not be erased while it binds. */
export interface Subject {
  readonly slot: Slot;
  readonly base: string | null;
  readonly kind: string;
  readonly body: JsonObject;
  readonly commitments: ReadonlySet<string>;
}

/** 43 characters: H("subject", canonical JSON of slot, base, kind, body). */
export async function hashOf({ slot, base, kind, body }: Subject): Promise<string> {
  return toText(await digest('subject', encode({ slot: slotText(slot), base, kind, body })));
}

export type Move =
  | { readonly move: 'found'; readonly founding: Json }
  | {
      readonly move: 'admit';
      readonly delegate: string;
      readonly credential: string;
      readonly powers: ReadonlySet<string>;
      readonly role: string;
      readonly name: string | null;
      /** null: a device key of the admitter's own. */
      readonly passkey: Passkey | null;
    }
  | { readonly move: 'revoke'; readonly credential: string }
  | { readonly move: 'set-powers'; readonly delegate: string; readonly powers: ReadonlySet<string> }
  | { readonly move: 'rotate-key'; readonly logKey: string }
  | { readonly move: 'recover'; readonly delegate: string; readonly credential: string; readonly passkey: Passkey }
  /** hash: of a subject all of whose contents are at hand; null: only the ack matters. */
  | { readonly move: 'receive'; readonly hash: string | null }
  /** nonce: of something that the same delegate signed and that is not in the log. */
  | { readonly move: 'spend'; readonly nonce: string }
  | { readonly move: 'table'; readonly subject: Subject }
  /** hash: null where it is the carried subject's own, which `fold` reckons. */
  | { readonly move: 'consent'; readonly slot: Slot; readonly hash: string | null; readonly subject: Subject | null }
  | { readonly move: 'withdraw'; readonly slot: Slot; readonly hash: string }
  | { readonly move: 'decline'; readonly slot: Slot; readonly hash: string }
  | { readonly move: 'end'; readonly what: Slot }
  | { readonly move: 'begin' | 'stop'; readonly kind: string; readonly talk: string; readonly n: number }
  | { readonly move: 'register'; readonly key: readonly string[]; readonly value: JsonObject }
  | { readonly move: 'erase'; readonly commitment: string };

/** The state at an entry's cut, as an act's own rule may see it. `join` gives it. */
export interface Cut {
  /** What was tabled under that hash inside the person's view. */
  tabled(hash: string): Subject | null;
  ended(slot: Slot): boolean;
  inForce(slot: Slot): { readonly hash: string; readonly subject: Subject } | null;
  ownRegister(key: readonly string[]): JsonObject | null;
  otherRegister(key: readonly string[]): JsonObject | null;
  ownBegun(kind: string, talk: string, n: number): boolean;
}

/** An act's members beside `type`, of the form that its row names. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Fields = any;

/** A row as data: what the node's own types say of it. power: null: any live credential. proof: "U", "D" or "N". */
export interface Row {
  readonly fields: Schema;
  readonly power: string | null;
  readonly proof: string;
  readonly node_may: boolean;
  readonly edition: number;
}

/** What an act does, and its own form and rule, as code. */
export interface Doing {
  readonly move: (fields: Fields) => Move | Promise<Move>;
  readonly form?: (fields: Fields, sides: ReadonlySet<string>, move: Move) => string | null;
  readonly rule?: (fields: Fields, cut: Cut) => string | null;
}

export type ActSpec = Row & Doing;

/** All acts, by type. */
export class Rulebook {
  private readonly specs = new Map<string, ActSpec>();

  constructor(
    rows: { readonly [type: string]: Row },
    doings: { readonly [type: string]: Doing },
    private readonly definitions: Definitions,
  ) {
    for (const [type, row] of Object.entries(rows)) {
      const doing = doings[type];
      if (!doing) throw new Error(`the act ${type} has a row and no move`);
      this.specs.set(type, { ...row, ...doing });
    }
  }

  get types(): readonly string[] {
    return [...this.specs.keys()];
  }

  spec(type: string): ActSpec | null {
    return this.specs.get(type) ?? null;
  }

  /** The act's row, fields and move; null for an unknown type. Raises `Malformed` on bad fields. */
  async parse(act: Act): Promise<{ readonly spec: ActSpec; readonly fields: Fields; readonly move: Move } | null> {
    const { type, ...fields } = act;
    const spec = this.spec(type);
    if (!spec) return null;
    if (!conforms(fields as JsonObject, spec.fields, this.definitions)) throw new Malformed(`${type}: act form`);
    return { spec, fields, move: await spec.move(fields) };
  }
}

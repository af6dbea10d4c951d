/** Who has gone to their side's caucus: each device says its own on the floor. Pure.
 *
 * Lives here: `read`, `write`. Not here: what counts of all that is said (`said`), the caucus itself (`caucus`).
 * Spec: docs/spec/keys.md §3.10.
 */

import { Malformed } from '../errors';
import type { Json } from '../record/canonical';
import { type Latest, speaking } from './said';

/** there: in the caucus. */
export interface Whereabouts {
  readonly there: boolean;
}

export type Away = Latest<Whereabouts>;

const IS = 'caucus';

export const here: Whereabouts = { there: false };

export function write({ there }: Whereabouts): Json {
  return { is: IS, in: there };
}

/** What was said, if it speaks of the caucus. Raises `Malformed` if it does, wrongly. */
export function read(value: Json): Whereabouts | undefined {
  const said = speaking(value, IS, ['in']);
  if (!said) return undefined;
  const there = said['in'];
  if (typeof there !== 'boolean') throw new Malformed('caucus.in: true or false is due');
  return { there };
}

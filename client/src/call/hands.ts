/** Raised hands, points of order and replies asked for: each device says its own, everyone orders them alike. Pure.
 *
 * Lives here: `read`, `write`, `press`, `queue`. Not here: what counts of all that is said (`said`), drawing (`view`).
 * Spec: docs/spec/keys.md §3.6.
 *
 * Nobody gives an order out, and no clock does: a turn is one more than the greatest of one's side that one knew.
 */

import { Malformed } from '../errors';
import { type Json, size, text } from '../record/canonical';
import { type Latest, speaking } from './said';

export type Raising = 'hand' | 'order' | 'reply';

/** Turns from 1; 0: not raised. hand: asks for the floor. order: a point of order, above all else. reply: asks to reply
 * to what the other side has said, above all hands; to: the device whose word it was, "" without one. */
export interface Raised {
  readonly hand: number;
  readonly order: number;
  readonly reply: number;
  readonly to: string;
}

export type Hands = Latest<Raised>;

export interface Turn {
  readonly device: string;
  readonly what: Raising;
  /** From 1, within its side and its kind. */
  readonly place: number;
  /** Of a reply: whose word it answers; else "". */
  readonly to: string;
}

const IS = 'hands';
/** Beyond, turns are equal; a device's id then decides. */
const MOST = 9_999;

export const lowered: Raised = { hand: 0, order: 0, reply: 0, to: '' };

export function write({ hand, order, reply, to }: Raised): Json {
  return { is: IS, hand, order, reply, to };
}

/** What was said, if it speaks of hands. Raises `Malformed` if it does, wrongly. */
export function read(value: Json): Raised | undefined {
  const said = speaking(value, IS, ['hand', 'order', 'reply', 'to']);
  if (!said) return undefined;
  const raised = {
    hand: size(said.hand, 'hands.hand'), order: size(said.order, 'hands.order'), reply: size(said.reply, 'hands.reply'),
    to: text(said.to, 'hands.to', 64),
  };
  if (Math.max(raised.hand, raised.order, raised.reply) > MOST) throw new Malformed(`hands: a turn is at most ${MOST}`);
  if ((raised.reply > 0) !== (raised.to !== '')) throw new Malformed('hands.to: whose word a reply answers is due');
  return raised;
}

/** What `device` says of itself next, if it presses `what`: raised behind its side, or lowered. side: its devices.
 * to: of a reply, the device whose word it answers. */
export function press(hands: Hands, device: string, what: Raising, side: readonly string[], to = ''): Raised {
  const own = hands.get(device) ?? lowered;
  const last = Math.max(0, ...side.map(each => hands.get(each)?.[what] ?? 0));
  const turn = own[what] > 0 ? 0 : Math.min(last + 1, MOST);
  return {
    hand: own.hand, order: own.order, reply: own.reply, [what]: turn,
    to: what !== 'reply' ? own.to : turn > 0 ? to : '',
  };
}

/** A side's points of order, its replies, and then its hands, in turn. side: its devices that are in. */
export function queue(hands: Hands, side: readonly string[]): Turn[] {
  return (['order', 'reply', 'hand'] as const).flatMap(what => side
    .map(device => ({ device, turn: hands.get(device)?.[what] ?? 0 }))
    .filter(({ turn }) => turn > 0)
    .sort((a, b) => a.turn - b.turn || (a.device < b.device ? -1 : 1))
    .map(({ device }, at) => ({
      device, what, place: at + 1, to: what === 'reply' ? hands.get(device)?.to ?? '' : '',
    })));
}

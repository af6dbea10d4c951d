/** When a device makes, uses and retires keys: a reducer, `(state, event) → [state, effects]`. Pure.
 *
 * Lives here: the events, the effects, `State`, `step`.
 * Not here: cryptography (`messages`), certificates (`roster`); time comes with every event.
 * Spec: docs/spec/keys.md §4. The twin of src/visavis/e2ee/exchange.py; both must give the effects in
 * tests/vectors/keys/exchange.json, so the members are spelt as there.
 */

export const RING = 16;
const SILENT_MS = 30_000;
const BEAT_MS = 5_000;
/** So often, for so long, at first: the engine's word that a former connection is gone may come late (§4.1). */
const EARLY_MS = 3_000;
const EARLY_BEAT_MS = 500;
const BEAT_APART_MS = 300;
/** What comes within so long of a key taken is told in one beat (§3.4). */
const GATHER_MS = 50;
const REMOVAL_APART_MS = 300;
const NEWCOMER_APART_MS = 300;
/** For each device in: a new key costs everyone a message and a box for each (§4.2). */
const NEWCOMER_EACH_MS = 32;
const REMOVAL_DEADLINE_MS = 1_000;
const DEADLINE_MS = 3_000;
const RETIRE_MS = 10_000;
const RESEND_MS = 1_000;
const RESEND_MOST_MS = 8_000;

export type Event =
  | { type: 'started'; at: number; device: string; epoch?: number; turn?: number; greet?: number }
  | { type: 'verified'; at: number; devices: readonly string[] }
  | { type: 'heard'; at: number; device: string; fresh?: boolean }
  | { type: 'beat'; at: number; device: string; n: number; have: Readonly<Record<string, number>> }
  | { type: 'took'; at: number; device: string; epoch: number }
  | { type: 'missed'; at: number; device: string; epoch: number }
  | { type: 'wanted'; at: number; device: string; epoch: number }
  | { type: 'left'; at: number; device: string }
  | { type: 'found'; at: number; device: string }
  | { type: 'reconnected'; at: number }
  | { type: 'tick'; at: number };

export type Effect =
  | { type: 'hello' }
  | { type: 'make-key'; epoch: number; devices: readonly string[] }
  | { type: 'resend'; epoch: number }
  | { type: 'use'; epoch: number; newcomers: readonly string[] }
  | { type: 'cannot-hear'; devices: readonly string[] }
  | { type: 'send-beat'; devices: readonly string[]; have: Readonly<Record<string, number>> }
  | { type: 'want'; device: string; epoch: number }
  | { type: 'retire'; device: string; index: number }
  | { type: 'drop'; device: string }
  | { type: 'roster'; devices: readonly string[] };

/** Times are ms of the reader's clock; -1: none yet. What the members mean: exchange.py. */
export interface State {
  readonly device: string;
  readonly verified: ReadonlySet<string>;
  readonly heard: ReadonlyMap<string, number>;
  readonly gone: ReadonlySet<string>;
  readonly roster: ReadonlySet<string>;
  readonly greeted: ReadonlySet<string>;
  readonly epoch: number;
  readonly using: number;
  readonly sealed: ReadonlySet<string>;
  readonly hearing: ReadonlySet<string>;
  readonly due: readonly [number, number] | null;
  readonly switchBy: number;
  readonly madeAt: number;
  readonly newcomerAt: number;
  readonly turn: number;
  readonly greet: number;
  readonly helloAt: number;
  readonly startedAt: number;
  readonly beatAt: number;
  readonly beatDue: number;
  readonly theirs: ReadonlyMap<string, number>;
  readonly beats: ReadonlyMap<string, number>;
  readonly top: ReadonlyMap<string, number>;
  readonly retiring: readonly (readonly [number, string, number])[];
  readonly resendAt: number;
  readonly resendGap: number;
}

export const initial: State = {
  device: '', verified: new Set(), heard: new Map(), gone: new Set(), roster: new Set(), greeted: new Set(),
  epoch: -1, using: -1, sealed: new Set(), hearing: new Set(), due: null, switchBy: -1, madeAt: -1, newcomerAt: -1, turn: 600_000,
  greet: 0, helloAt: -1, startedAt: -1, beatAt: -1, beatDue: -1, theirs: new Map(), beats: new Map(), top: new Map(), retiring: [],
  resendAt: -1, resendGap: RESEND_MS,
};

export function step(state: State, event: Event): [State, Effect[]] {
  const out: Effect[] = [];
  const { at } = event;
  let s = state;
  switch (event.type) {
    case 'started': {
      const epoch = (event.epoch ?? 0) - 1;
      s = {
        ...s, device: event.device, epoch, using: epoch, turn: event.turn ?? 600_000, greet: event.greet ?? 0,
        due: [at, 0], startedAt: at, beatDue: at + EARLY_BEAT_MS,
      };
      out.push({ type: 'hello' });
      break;
    }
    case 'verified':
      s = { ...s, verified: without(new Set(event.devices), s.device) };
      break;
    case 'heard':
      s = hear(s, event.device, at, event.fresh ?? false);
      break;
    case 'beat':
      if (event.n > (s.beats.get(event.device) ?? -1)) {
        s = hear(s, event.device, at);
        const had = s.theirs.get(event.device) ?? -1;
        const has = event.have[s.device] ?? -1;
        s = { ...s, beats: set(s.beats, event.device, event.n), theirs: set(s.theirs, event.device, has) };
        // It threw the key away, or began anew without our noticing: it has waited long enough.
        if (s.sealed.has(event.device) && has < s.epoch && s.epoch <= had) {
          s = { ...s, resendAt: at, resendGap: RESEND_MS };
        }
      }
      break;
    case 'took': {
      s = hear(s, event.device, at);
      const before = s.top.get(event.device) ?? -1;
      if (event.epoch > before) {
        const retiring: State['retiring'] = before >= 0
          ? [...s.retiring, [at + RETIRE_MS, event.device, before]] : s.retiring;
        s = { ...s, top: set(s.top, event.device, event.epoch), retiring, beatDue: beatWithin(s, at, GATHER_MS) };
      }
      break;
    }
    case 'missed':
      s = hear(s, event.device, at);
      if (event.epoch > (s.top.get(event.device) ?? -1)) {
        out.push({ type: 'want', device: event.device, epoch: event.epoch });
      }
      break;
    case 'wanted':
      s = hear(s, event.device, at);
      if (s.sealed.has(event.device) && event.epoch <= s.epoch) out.push({ type: 'resend', epoch: s.epoch });
      else if (s.roster.has(event.device) && s.due === null) s = newcomer(s, at);
      break;
    case 'left':
      s = { ...s, gone: new Set([...s.gone, event.device]) };
      break;
    case 'found':
      // It may wait at the door: a beat lets it know who is in.
      s = { ...s, beatDue: beatWithin(s, at, GATHER_MS) };
      break;
    case 'reconnected':
      s = due(s, at, DEADLINE_MS);
      break;
    case 'tick':
      break;
  }
  s = settle(s, at, out);
  return [s, out];
}

function hear(s: State, device: string, at: number, fresh = false): State {
  s = { ...s, heard: set(s.heard, device, at), gone: without(s.gone, device) };
  if (!fresh || s.greeted.has(device)) return s;
  // In already, without the key: it began anew without our noticing, and has waited long enough.
  const lacks = s.sealed.has(device) && (s.theirs.get(device) ?? -1) < s.epoch;
  if (lacks) s = { ...s, resendAt: at, resendGap: RESEND_MS };
  return {
    ...s, greeted: new Set([...s.greeted, device]), helloAt: s.helloAt >= 0 ? s.helloAt : at + s.greet,
  };
}

/** When the next beat is due after a change: in `wait` ms, but 300 ms after the last. */
function beatWithin(s: State, at: number, wait: number): number {
  const when = s.beatAt >= 0 ? Math.max(at + wait, s.beatAt + BEAT_APART_MS) : at + wait;
  return s.beatDue < 0 ? when : Math.min(s.beatDue, when);
}

function due(s: State, when: number, deadline: number): State {
  return s.due === null
    ? { ...s, due: [when, deadline] }
    : { ...s, due: [Math.min(when, s.due[0]), Math.min(deadline, s.due[1])] };
}

/** A key for who came: now, but some time after the last for this cause. */
function newcomer(s: State, at: number): State {
  const apart = Math.max(NEWCOMER_APART_MS, NEWCOMER_EACH_MS * (s.roster.size + 1));
  // One that is due lies ahead, and serves whoever comes until then.
  const when = s.newcomerAt < 0 ? at : Math.max(at, s.newcomerAt > at ? s.newcomerAt : s.newcomerAt + apart);
  return due({ ...s, newcomerAt: when }, when, DEADLINE_MS);
}

/** What follows by itself from the state and the time: who is in, keys due, switches, beats. */
function settle(s: State, at: number, out: Effect[]): State {
  if (!s.device) return s;
  s = whoIsIn(s, at, out);
  if (s.using >= 0 && s.due === null && at - s.madeAt >= s.turn) s = due(s, at, DEADLINE_MS);
  if (s.due !== null && at >= s.due[0]) {
    const epoch = s.epoch + 1;
    const pending = s.using < s.epoch;
    const by = at + s.due[1];
    out.push({ type: 'make-key', epoch, devices: [...s.roster].sort() });
    s = {
      ...s, epoch, sealed: s.roster, due: null, madeAt: at,
      // A stream of newcomers must not put off the switch that somebody's leaving made due.
      switchBy: pending ? Math.min(s.switchBy, by) : by,
      resendAt: at + RESEND_MS, resendGap: RESEND_MS,
    };
  }
  const lack = [...s.sealed].filter(d => s.roster.has(d) && (s.theirs.get(d) ?? -1) < s.epoch).sort();
  const { hearing } = s;
  // Who could not hear the key in use loses nothing by the switch: only the others are waited for.
  if (s.using < s.epoch && (!lack.some(d => hearing.has(d)) || at >= s.switchBy)) {
    const newcomers = [...s.sealed].filter(d => s.roster.has(d) && !hearing.has(d)).sort();
    out.push({ type: 'use', epoch: s.epoch, newcomers });
    s = { ...s, using: s.epoch, hearing: s.sealed };
  }
  if (s.switchBy >= 0 && s.switchBy <= at) {
    if (lack.length > 0) out.push({ type: 'cannot-hear', devices: lack });
    s = { ...s, switchBy: -1 };
  }
  if (lack.length > 0 && at >= s.resendAt) {
    out.push({ type: 'resend', epoch: s.epoch });
    const gap = Math.min(2 * s.resendGap, RESEND_MOST_MS);
    s = { ...s, resendAt: at + gap, resendGap: gap };
  }
  if (s.helloAt >= 0 && s.helloAt <= at) {
    out.push({ type: 'hello' });
    s = { ...s, helloAt: -1 };
  }
  if (s.beatDue >= 0 && s.beatDue <= at) {
    const { roster, top, device } = s;
    const have = Object.fromEntries([...top].filter(([d]) => roster.has(d)).sort(([a], [b]) => (a < b ? -1 : 1)));
    out.push({ type: 'send-beat', devices: [...roster, device].sort(), have });
    s = { ...s, beatAt: at, beatDue: at + (at - s.startedAt < EARLY_MS ? EARLY_BEAT_MS : BEAT_MS) };
  }
  const ripe = s.retiring.filter(([when]) => when <= at);
  if (ripe.length > 0) {
    for (const [, device, epoch] of ripe) {
      // Sixteen epochs in ten seconds: the index is a newer key's already, and stays.
      if ((s.top.get(device) ?? -1) - epoch < RING) out.push({ type: 'retire', device, index: epoch % RING });
    }
    s = { ...s, retiring: s.retiring.filter(([when]) => when > at) };
  }
  return s;
}

function whoIsIn(s: State, at: number, out: Effect[]): State {
  const nowIn = new Set([...s.verified].filter(d => {
    const last = s.heard.get(d);
    return last !== undefined && !s.gone.has(d) && at - last < SILENT_MS;
  }));
  const came = [...nowIn].filter(d => !s.roster.has(d));
  const went = [...s.roster].filter(d => !nowIn.has(d)).sort();
  if (came.length === 0 && went.length === 0) return s;
  out.push({ type: 'roster', devices: [...nowIn].sort() });
  for (const device of went) out.push({ type: 'drop', device });
  const left = new Set(went);
  s = {
    ...s,
    roster: nowIn,
    greeted: new Set([...s.greeted].filter(d => !left.has(d))),
    theirs: new Map([...s.theirs].filter(([d]) => !left.has(d))),
    top: new Map([...s.top].filter(([d]) => !left.has(d))),
    retiring: s.retiring.filter(([, d]) => !left.has(d)),
    // Keys follow upon it at once, and the first beat that says which are here is not to be held back.
    beatDue: beatWithin(s, at, BEAT_APART_MS),
  };
  if (came.length > 0) s = newcomer(s, at);
  if (went.length > 0) {
    s = due(s, s.madeAt >= 0 ? Math.max(at, s.madeAt + REMOVAL_APART_MS) : at, REMOVAL_DEADLINE_MS);
  }
  return s;
}

function set<V>(map: ReadonlyMap<string, V>, key: string, value: V): ReadonlyMap<string, V> {
  return new Map(map).set(key, value);
}

function without(all: ReadonlySet<string>, one: string): ReadonlySet<string> {
  const rest = new Set(all);
  rest.delete(one);
  return rest;
}

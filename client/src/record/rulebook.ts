/** All acts of edition 1: their rows from the node's own table, their moves, forms and rules as code.
 *
 * Lives here: `EDITION_1`. The node's `dialogue/model.py` and the slices' `acts.py`, in the browser.
 * Not here: the rows (`acts.json`, made anew by `python -m tests.vectors.acts`), what `fold` and `join` do with moves.
 * Spec: docs/spec/record.md §§6–7.
 */

import { fromText, toText } from '../bytes';
import { Malformed } from '../errors';
import { type Cut, type Doing, type Fields, type Move, Rulebook, type Slot, type Subject, slotText } from './acts';
import table from './acts.json';
import type { Json, JsonObject } from './canonical';
import { isHash, readKey } from './digest';
import { NODE, NONCE_BYTES, RECOVERY } from './entry';
import { readPasskey } from './proof';
import type { Definitions } from './schema';
import { ACT_FORM, ENDED, NOT_TABLED, WRONG_SLOT } from './verdicts';

export const RULES: Slot = ['rules'];
export const DIALOGUE: Slot = ['dialogue'];
export const PROFILE = ['profile'];

type Texts = readonly (readonly [language: string, commitment: string])[];
type Versions = readonly { readonly language: string; readonly title: string; readonly text: string; readonly dateline: string }[];
type Sides = ReadonlySet<string>;

const TEXT_FORM = 'text form';
const TIME_FORM = 'time form';

// --- what forms are made of ---------------------------------------------------------------------

function reads(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof Malformed) return false;
    throw error;
  }
}

/** An Ed25519 key that may stand (§1.5). */
const isKey = (text: string): boolean => reads(() => readKey(text, 'key'));
const isCommitment = (text: string | null): boolean => text === null || isHash(text);
const length = (text: string): number => [...text].length;
const isDelegate = (text: string): boolean =>
  length(text) >= 1 && length(text) <= 64 && text !== NODE && text !== RECOVERY;
const unless = (fits: boolean, reason = ACT_FORM): string | null => (fits ? null : reason);

const distinct = (values: readonly string[]): boolean => new Set(values).size === values.length;
const languages = (texts: Texts): string[] => texts.map(([language]) => language);
const atMostOnce = (texts: Texts): boolean => distinct(languages(texts));
const eachOnce = (texts: Texts): boolean => texts.length > 0 && atMostOnce(texts);
const commitments = (...parts: Texts[]): ReadonlySet<string> =>
  new Set(parts.flatMap(part => part.map(([, commitment]) => commitment)));
const same = (one: Json | undefined, other: Json): boolean => JSON.stringify(one) === JSON.stringify(other);
const sameSet = (one: Sides, other: Sides): boolean => one.size === other.size && [...one].every(each => other.has(each));

const UTC = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z$/;

/** Whether a text is a time in the one spelling, of the years 1900 to 2999. */
export function isSpelt(text: string): boolean {
  const match = UTC.exec(text);
  if (!match) return false;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [number, number, number, number, number, number];
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
  return year >= 1900 && year <= 2999 && month >= 1 && month <= 12 && day >= 1 && day <= days
    && hour <= 23 && minute <= 59 && second <= 59;
}

// --- slots: what takes both sides -----------------------------------------------------------------

const timeSlot = (talk: string): Slot => ['time', talk];
const agendaSlot = (talk: string): Slot => ['agenda', talk];
const textSlot = (understanding: string): Slot => ['text', understanding];
const readoutSlot = (talk: string): Slot => ['readout', talk];

/** The three acts of a slot that name a hash. */
function answers(names: readonly [string, string, string], slot: (fields: Fields) => Slot): Record<string, Doing> {
  const [consents, withdraws, declines] = names;
  return {
    [consents]: { move: f => ({ move: 'consent', slot: slot(f), hash: f.hash, subject: null }) },
    [withdraws]: { move: f => ({ move: 'withdraw', slot: slot(f), hash: f.hash }) },
    [declines]: { move: f => ({ move: 'decline', slot: slot(f), hash: f.hash }) },
  };
}

/** One gesture: table a subject and consent to it. The hash is the subject's own. */
const offers = (subject: (fields: Fields) => Subject) => (fields: Fields): Move => {
  const offered = subject(fields);
  return { move: 'consent', slot: offered.slot, hash: null, subject: offered };
};

const tables = (subject: (fields: Fields) => Subject) => (fields: Fields): Move => ({ move: 'table', subject: subject(fields) });

/** The side's own register under a key; only the members of `value` are kept. */
const says = (key: (f: Fields) => string[], value: (f: Fields) => JsonObject) => (fields: Fields): Move =>
  ({ move: 'register', key: key(fields), value: value(fields) });

// --- the dialogue -----------------------------------------------------------------------------------

const DIALOGUE_ACTS: Record<string, Doing> = {
  'side.found': { move: f => ({ move: 'found', founding: f.founding }) },
  'side.admit': {
    move: async f => ({
      move: 'admit', delegate: f.delegate, credential: f.credential, powers: new Set(f.powers), role: f.role,
      name: f.name, passkey: f.passkey === null ? null : await readPasskey(f.passkey),
    }),
    form: (f, _sides, move) => {
      const named = move.move === 'admit' && move.passkey !== null
        ? move.passkey.credential === f.credential : isKey(f.credential);
      return unless(named && isDelegate(f.delegate) && isCommitment(f.name));
    },
  },
  'side.revoke': { move: f => ({ move: 'revoke', credential: f.credential }) },
  'side.powers': { move: f => ({ move: 'set-powers', delegate: f.delegate, powers: new Set(f.powers) }) },
  'side.rotate-key': { move: f => ({ move: 'rotate-key', logKey: f.log_key }), form: f => unless(isKey(f.log_key)) },
  'side.recover': {
    move: async f => {
      const passkey = await readPasskey(f.passkey);
      return { move: 'recover', delegate: f.delegate, credential: passkey.credential, passkey };
    },
    form: f => unless(isDelegate(f.delegate)),
  },
  'side.profile': {
    move: says(() => PROFILE, ({ zone, languages: spoken }) => ({ zone, languages: spoken })),
    form: ({ zone, languages: spoken }: { zone: string; languages: string[] }) => unless(
      length(zone) >= 1 && length(zone) <= 64 && spoken.length >= 1 && spoken.length <= 16 && distinct(spoken)
        && spoken.every(each => length(each) >= 1 && length(each) <= 35),
    ),
  },
  'record.receive': { move: () => ({ move: 'receive', hash: null }) },
  'record.spend': { move: f => ({ move: 'spend', nonce: toText(fromText(f.nonce, NONCE_BYTES, 'nonce')) }) },
  'content.receive': { move: f => ({ move: 'receive', hash: f.hash }), form: f => unless(isHash(f.hash)) },
  'dialogue.end': { move: () => ({ move: 'end', what: DIALOGUE }), form: f => unless(isCommitment(f.reason)) },
  'rules.adopt': {
    move: f => ({
      move: 'consent', slot: RULES, hash: null,
      subject: { slot: RULES, base: f.base, kind: 'rules', body: { edition: f.edition }, commitments: new Set() },
    }),
    form: f => unless(f.edition >= 2),
    rule: (f, cut) => {
      const current = cut.inForce(RULES);
      return unless(current === null || Number(current.subject.body['edition']) < f.edition, 'edition not newer');
    },
  },
  'content.erase': {
    move: f => ({ move: 'erase', commitment: f.commitment }),
    form: f => unless(isCommitment(f.commitment)),
  },
};

// --- talks --------------------------------------------------------------------------------------------

const ZONE = /^[A-Za-z][A-Za-z0-9_+-]{0,30}(\/[A-Za-z0-9_+-]{1,30}){0,2}$/;
const SITTING = 'sitting';

function formOfTime(f: Fields, sides: Sides): string | null {
  if (!eachOnce(f.title) || !atMostOnce(f.place)) return TEXT_FORM;
  if (!isSpelt(f.start) || !f.start.endsWith(':00Z')) return TIME_FORM;
  const zones = f.zones as Record<string, string>;
  return unless(sameSet(new Set(Object.keys(zones)), sides) && Object.values(zones).every(zone => ZONE.test(zone)), 'zones form');
}

function formOfItem(f: Fields): string | null {
  if (f.item === 'relation' || f.item.startsWith('review.')) return 'item stands by itself';
  return unless(eachOnce(f.title), TEXT_FORM);
}

function ruleOfPosition(f: Fields, cut: Cut): string | null {
  const held = cut.ownRegister(['position', f.talk, f.item]);
  if (f.stage !== 'table' || held?.['stage'] !== 'deposit') return null;
  return unless(same(held['texts'], f.texts), 'not as deposited');
}

type AgendaItem = { readonly id: string; readonly title: Texts };

const agendaSubject = ({ talk, base, items, press_call, statement }: Fields): Subject => ({
  slot: agendaSlot(talk), base, kind: 'agenda', body: { items, press_call, statement },
  commitments: commitments(...items.map((item: AgendaItem) => item.title)),
});

function formOfAgenda({ items }: { items: AgendaItem[] }): string | null {
  if (!distinct(items.map(({ id }) => id))) return 'item twice';
  return unless(items.every(({ title }) => atMostOnce(title)), TEXT_FORM);
}

const timeSubject = ({ talk, base, title, start, minutes, mode, place, zones }: Fields): Subject => ({
  slot: timeSlot(talk), base, kind: 'time', body: { title, start, minutes, mode, place, zones },
  commitments: commitments(title, place),
});

const TALK_ACTS: Record<string, Doing> = {
  'talk.propose': { move: tables(timeSubject), form: formOfTime },
  'talk.offer': { move: offers(timeSubject), form: formOfTime },
  ...answers(['talk.accept', 'talk.withdraw', 'talk.decline'], f => timeSlot(f.talk)),
  'talk.call-off': {
    move: f => ({ move: 'end', what: ['talk', f.talk] }),
    rule: (f, cut) => unless(!cut.ownBegun(SITTING, f.talk, 1), 'sat already'),
  },
  'talk.conclude': { move: f => ({ move: 'end', what: ['talk', f.talk] }) },
  'talk.delegation': { move: says(f => ['delegation', f.talk], ({ delegates }) => ({ delegates })) },
  'item.propose': {
    move: says(f => ['item', f.talk, f.item], ({ kind, title }) => ({ kind, title })),
    form: formOfItem,
    rule: (f, cut) => unless(cut.otherRegister(['item', f.talk, f.item]) === null, 'item of the other side'),
  },
  'agenda.rank': {
    move: says(f => ['rank', f.talk], ({ items }) => ({ items })),
    form: f => unless(distinct(f.items), 'item twice'),
  },
  'agenda.table': { move: tables(agendaSubject), form: formOfAgenda },
  'agenda.offer': { move: offers(agendaSubject), form: formOfAgenda },
  ...answers(['agenda.approve', 'agenda.withdraw', 'agenda.decline'], f => agendaSlot(f.talk)),
  'item.position': {
    move: says(f => ['position', f.talk, f.item], ({ stage, texts }) => ({ stage, texts })),
    form: f => unless(eachOnce(f.texts), TEXT_FORM),
    rule: ruleOfPosition,
  },
  'item.initiative': {
    move: says(f => ['initiative', f.talk, f.item, f.initiative], ({ title, texts }) => ({ title, texts })),
    form: f => unless(eachOnce(f.title) && eachOnce(f.texts), TEXT_FORM),
  },
  'item.paper': { move: says(f => ['paper', f.talk, f.item ?? '', f.paper], ({ text }) => ({ text })) },
  'item.put': { move: says(f => ['put', f.talk], ({ item }) => ({ item })) },
  'relation.condition': {
    move: says(f => ['relation', f.talk], ({ grade, texts }) => ({ grade, texts })),
    form: f => unless(eachOnce(f.texts), TEXT_FORM),
  },
  'sitting.open': { move: f => ({ move: 'begin', kind: SITTING, talk: f.talk, n: f.n }) },
  'sitting.leave': { move: f => ({ move: 'stop', kind: SITTING, talk: f.talk, n: f.n }) },
  'sitting.summary': {
    move: says(f => ['floor', f.talk, String(f.n)], ({ seconds }) => ({ seconds })),
    form: (f, sides) => unless(sameSet(new Set(Object.keys(f.seconds)), sides), 'sides form'),
    rule: (f, cut) => unless(cut.ownBegun(SITTING, f.talk, f.n), 'no such sitting of yours'),
  },
};

// --- understandings -----------------------------------------------------------------------------------

type Undertaking = { readonly id: string; readonly by: string; readonly texts: Texts };

/** Equal languages throughout; a guarantee binds both sides. */
function formOfText(f: Fields, sides: Sides): string | null {
  const undertakings = f.undertakings as Undertaking[];
  if (!eachOnce(f.body) || !eachOnce(f.title)) return TEXT_FORM;
  const spoken = new Set(languages(f.body));
  if (!sameSet(new Set(languages(f.title)), spoken) || !distinct(undertakings.map(({ id }) => id))) return TEXT_FORM;
  for (const { by, texts } of undertakings) {
    if (!sides.has(by) || !eachOnce(texts) || !sameSet(new Set(languages(texts)), spoken)) return TEXT_FORM;
  }
  const binds = new Set(undertakings.map(({ by }) => by));
  return unless(f.kind !== 'guarantee' || sameSet(binds, sides), 'one-sided guarantee');
}

const textSubject = ({ understanding, base, kind, talk, title, body, undertakings, correction }: Fields): Subject => ({
  slot: textSlot(understanding), base, kind, body: { talk, title, body, undertakings, correction },
  commitments: commitments(title, body, ...undertakings.map(({ texts }: Undertaking) => texts)),
});

/** The text was tabled, before the signer's eyes, as one of this understanding. */
function ruleOfText(f: Fields, cut: Cut): string | null {
  const subject = cut.tabled(f.hash);
  if (subject === null) return NOT_TABLED;
  return unless(slotText(subject.slot) === slotText(textSlot(f.understanding)), WRONG_SLOT);
}

const TEXT_ACTS: Record<string, Doing> = {
  'understanding.table': { move: tables(textSubject), form: formOfText },
  'understanding.offer': { move: offers(textSubject), form: formOfText },
  'understanding.initial': {
    move: says(f => ['initial', f.understanding, f.hash], () => ({})),
    rule: (f, cut) => ruleOfText(f, cut) ?? unless(!cut.ended(textSlot(f.understanding)), ENDED),
  },
  'understanding.divergence': {
    move: says(f => ['divergence', f.understanding, f.hash, f.divergence], ({ place, reading }) => ({ place, reading })),
    form: f => unless(eachOnce(f.place) && eachOnce(f.reading), TEXT_FORM),
    rule: ruleOfText,
  },
  ...answers(['understanding.sign', 'understanding.withdraw', 'understanding.decline'], f => textSlot(f.understanding)),
  'understanding.end': {
    move: f => ({ move: 'end', what: textSlot(f.understanding) }),
    form: f => unless(atMostOnce(f.reason), TEXT_FORM),
  },
  'understanding.assess': {
    move: says(f => ['assessment', f.talk, f.understanding], ({ verdict, evidence }) => ({ verdict, evidence })),
    form: f => unless(atMostOnce(f.evidence), TEXT_FORM),
    rule: (f, cut) => unless(cut.inForce(textSlot(f.understanding)) !== null, 'not in force'),
  },
};

// --- the press ----------------------------------------------------------------------------------------

function formOfRelease({ texts, embargo }: { texts: Versions; embargo: string | null }): string | null {
  if (!distinct(texts.map(({ language }) => language))) return TEXT_FORM;
  return unless(embargo === null || isSpelt(embargo), TIME_FORM);
}

/** Clearing and releasing what a side says in its own voice. */
function own(kind: string): Record<string, Doing> {
  return {
    [`${kind}.clear`]: {
      move: says(f => ['cleared', f.release, String(f.version)], ({ talk, texts, initials, embargo }) =>
        ({ kind, talk, texts, initials, embargo })),
      form: formOfRelease,
      rule: (f, cut) => {
        if (cut.ownRegister(['cleared', f.release, String(f.version)])) return 'cleared already';
        if (f.version === 1) return null;
        const last = cut.ownRegister(['cleared', f.release, String(f.version - 1)]);
        if (!last) return 'version out of turn';
        return unless(last['kind'] === kind && last['talk'] === f.talk, 'release of another kind');
      },
    },
    [`${kind}.release`]: {
      move: says(f => ['released', f.release], ({ version }) => ({ version })),
      rule: (f, cut) => {
        const cleared = cut.ownRegister(['cleared', f.release, String(f.version)]);
        if (!cleared) return 'not cleared';
        if (cleared['kind'] !== kind) return 'release of another kind';
        const out = cut.ownRegister(['released', f.release]);
        return unless(out === null || Number(out['version']) < f.version, 'released already');
      },
    },
  };
}

const jointSubject = ({ talk, base, texts, embargo }: Fields): Subject => ({
  slot: readoutSlot(talk), base, kind: 'joint-readout', body: { texts, embargo },
  commitments: new Set((texts as Versions).flatMap(({ title, text, dateline }) => [title, text, dateline])),
});

const PRESS_ACTS: Record<string, Doing> = {
  ...own('readout'),
  ...own('statement'),
  'statement.announce': { move: says(f => ['statement', f.talk], ({ expected }) => ({ expected })) },
  'readout.table-joint': { move: tables(jointSubject), form: formOfRelease },
  'readout.offer-joint': { move: offers(jointSubject), form: formOfRelease },
  ...answers(
    ['readout.approve-joint', 'readout.withdraw-joint', 'readout.decline-joint'], f => readoutSlot(f.talk),
  ),
  'readout.release-joint': {
    move: says(f => ['joint-released', f.talk], ({ hash }) => ({ hash })),
    rule: (f, cut) => {
      if (cut.inForce(readoutSlot(f.talk))?.hash !== f.hash) return 'not approved by both';
      return unless(cut.ownRegister(['joint-released', f.talk])?.['hash'] !== f.hash, 'released already');
    },
  },
  'press-call.arm': { move: says(f => ['press-call', f.talk], ({ expected }) => ({ expected })) },
  'press-call.call': {
    move: says(f => ['press-call-called', f.talk], () => ({})),
    rule: (f, cut) => unless(cut.ownRegister(['press-call-called', f.talk]) === null, 'called already'),
  },
};

/** The acts as code, by type. */
export const DOINGS: Readonly<Record<string, Doing>> = { ...DIALOGUE_ACTS, ...TALK_ACTS, ...TEXT_ACTS, ...PRESS_ACTS };

export const EDITION_1 = new Rulebook(
  table.acts as ConstructorParameters<typeof Rulebook>[0],
  DOINGS,
  table.definitions as Definitions,
);

/** The acts of the node's lab (tests/dialogue/lab.py): one for each move, with no slice's rule. */

import { type Definitions } from '../src/record/schema';
import { type Doing, type Fields, Rulebook, type Subject } from '../src/record/acts';
import { DOINGS } from '../src/record/rulebook';
import { vector } from './vectors';

const slot = (text: string): string[] => text.split('/');

function subjectOf({ slot: where, base, contents, commitment = null }: Fields): Subject {
  const names = commitment === null ? [] : [commitment as string];
  return { slot: slot(where), base, kind: 'plain', body: { contents, names }, commitments: new Set(names) };
}

const LAB: Record<string, Doing> = {
  'lab.table': { move: f => ({ move: 'table', subject: subjectOf(f) }) },
  'lab.offer': { move: f => ({ move: 'consent', slot: slot(f.slot), hash: null, subject: subjectOf(f) }) },
  'lab.consent': { move: f => ({ move: 'consent', slot: slot(f.slot), hash: f.hash, subject: null }) },
  'lab.withdraw': { move: f => ({ move: 'withdraw', slot: slot(f.slot), hash: f.hash }) },
  'lab.decline': { move: f => ({ move: 'decline', slot: slot(f.slot), hash: f.hash }) },
  'lab.end': { move: f => ({ move: 'end', what: slot(f.what) }) },
  'lab.begin': { move: f => ({ move: 'begin', kind: f.kind, talk: f.talk, n: f.n }) },
  'lab.stop': { move: f => ({ move: 'stop', kind: f.kind, talk: f.talk, n: f.n }) },
  'lab.say': { move: f => ({ move: 'register', key: slot(f.register), value: { said: f.value } }) },
  'lab.novel': {
    move: f => ({ move: 'register', key: ['novel'], value: { said: f.note } }),
    form: f => (f.note === 'bad' ? 'novel form' : null),
  },
};

export function labRulebook(): Rulebook {
  const { acts, definitions } = vector('record/bundles/lab');
  return new Rulebook(acts, { ...DOINGS, ...LAB }, definitions as Definitions);
}

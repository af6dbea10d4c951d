/** Does a drafted act say what was asked? The node drafts; this browser checks before it signs.
 *
 * Lives here: `fits`, and the table of which command makes which act.
 * Not here: whether the rules allow it (the node's and every reader's business).
 * Spec: docs/spec/http.md §3.
 */

import { Untrusted } from '../errors';
import type { Content } from '../record/content';
import type { Act } from '../record/entry';
import { t } from '../words';

export const ACTS: Record<string, readonly string[]> = {
  'dialogue.found': ['side.found'],
  'dialogue.profile': ['side.profile'],
  'dialogue.admit': ['side.admit'],
  'dialogue.admit-device': ['side.admit'],
  'dialogue.revoke': ['side.revoke'],
  'dialogue.powers': ['side.powers'],
  'dialogue.rotate-key': ['side.rotate-key'],
  'dialogue.move': ['side.rotate-key'],
  'dialogue.end': ['dialogue.end'],
  'dialogue.adopt-rules': ['rules.adopt'],
  'record.erase': ['content.erase'],
  'record.spend': ['record.spend'],
  'talks.propose': ['talk.propose'],
  'talks.offer': ['talk.offer'],
  'talks.accept': ['talk.accept'],
  'talks.withdraw': ['talk.withdraw'],
  'talks.decline': ['talk.decline'],
  'talks.call-off': ['talk.call-off'],
  'talks.conclude': ['talk.conclude'],
  'talks.delegation': ['talk.delegation'],
  'talks.propose-item': ['item.propose'],
  'talks.rank': ['agenda.rank'],
  'talks.table-agenda': ['agenda.table'],
  'talks.offer-agenda': ['agenda.offer'],
  'talks.approve-agenda': ['agenda.approve'],
  'talks.withdraw-agenda': ['agenda.withdraw'],
  'talks.decline-agenda': ['agenda.decline'],
  'talks.state-position': ['item.position'],
  'talks.table-position': ['item.position'],
  'talks.propose-initiative': ['item.initiative'],
  'talks.give-paper': ['item.paper'],
  'talks.relation': ['relation.condition'],
  'talks.open-sitting': ['sitting.open'],
  'talks.leave-sitting': ['sitting.leave'],
  'talks.put-item': ['item.put'],
  'talks.note-floor': ['sitting.summary'],
  'understandings.table': ['understanding.table'],
  'understandings.offer': ['understanding.offer'],
  'understandings.initial': ['understanding.initial'],
  'understandings.diverge': ['understanding.divergence'],
  'understandings.sign': ['understanding.sign'],
  'understandings.withdraw': ['understanding.withdraw'],
  'understandings.decline': ['understanding.decline'],
  'understandings.end': ['understanding.end'],
  'understandings.assess': ['understanding.assess'],
  'press.clear': ['readout.clear', 'statement.clear'],
  'press.release': ['readout.release', 'statement.release'],
  'press.table-joint': ['readout.table-joint'],
  'press.offer-joint': ['readout.offer-joint'],
  'press.approve-joint': ['readout.approve-joint'],
  'press.withdraw-joint': ['readout.withdraw-joint'],
  'press.decline-joint': ['readout.decline-joint'],
  'press.release-joint': ['readout.release-joint'],
  'press.announce-statement': ['statement.announce'],
  'press.arm-call': ['press-call.arm'],
  'press.call': ['press-call.call'],
};

/** Fields that the node turns into others, an enrolment into a credential, a kind into the act's type; or keeps by it. */
const TURNED: Record<string, readonly string[]> = {
  'dialogue.admit': ['enrolment'],
  'dialogue.rotate-key': ['disown'],
  'dialogue.move': ['address'],
  'press.clear': ['kind'],
  'talks.state-position': ['hold'],
};

/** Lists whose order says something. */
const ORDERED = ['items', 'languages'];

/** Raises `Untrusted` unless the act is the command's, repeats what was asked, and commits to exactly the texts. */
export function fits(
  command: string,
  fields: Readonly<Record<string, unknown>>,
  act: Act,
  contents: readonly Content[],
): void {
  const types = ACTS[command];
  if (!types?.includes(act.type)) throw new Untrusted(t('fits.other-act', { act: act.type }));
  if (command === 'press.clear' && !act.type.startsWith(String(fields['kind']))) {
    throw new Untrusted(t('fits.other-act', { act: act.type }));
  }
  if (command === 'dialogue.admit-device' && (act['credential'] !== fields['key'] || act['passkey'] !== null)) {
    throw new Untrusted(t('fits.other-key'));
  }
  const stated = new Set(leaves(act).map(String));
  for (const content of contents) {
    if (!stated.has(content.commitment)) throw new Untrusted(t('fits.odd-text'));
  }
  const texts = contents.map(content => plain(content.text));
  for (const [name, value] of Object.entries(fields)) {
    if (TURNED[command]?.includes(name)) continue;
    const said = act[name];
    if (same(value, said)) continue;
    if (Array.isArray(value) && Array.isArray(said) && value.length !== said.length) {
      throw new Untrusted(t('fits.number', { name }));
    }
    if (ORDERED.includes(name) && Array.isArray(value)) {
      const places = value.map(each => leaves(said).map(String).indexOf(String(each)));
      if (places.some((place, at) => place <= (places[at - 1] ?? -1))) {
        throw new Untrusted(t('fits.order', { name }));
      }
    }
    for (const leaf of leaves(value)) {
      // What was asked stands in the act itself, or the act commits to it.
      const found = stated.has(String(leaf)) || (typeof leaf === 'string' && texts.includes(plain(leaf)));
      if (!found) throw new Untrusted(t('fits.unsaid', { name }));
    }
  }
}

function same(one: unknown, other: unknown): boolean {
  if (typeof one === 'string' && typeof other === 'string' && /^\d{4}-\d\d-\d\dT/.test(one)) {
    return new Date(one).getTime() === new Date(other).getTime();
  }
  return JSON.stringify(one) === JSON.stringify(other);
}

function leaves(value: unknown): (string | number | boolean)[] {
  if (value === null || value === undefined) return [];
  if (typeof value === 'object') return Object.values(value).flatMap(leaves);
  return [value as string | number | boolean];
}

function plain(text: string): string {
  return text.normalize('NFC').replace(/\r\n?/g, '\n').trim();
}

/** Verdicts: why an entry is void. The node's `dialogue/verdicts.py`, word for word; they stand in accounts.
 *
 * Lives here: the reasons that more than one module gives or asks for; an act's own reasons stand with the act.
 * Spec: docs/spec/record.md §4.
 */

export const MALFORMED = 'malformed';
export const OF_ANOTHER_LOG = 'of another log';
export const WRONG_SEQ = 'wrong seq';
export const SEEN_ANOTHER_OWN_LOG = 'seen another own log';
export const BAD_PROOF = 'bad proof';
export const NOT_A_FOUNDING = 'not a founding';
export const REPLAYED = 'replayed';
export const NO_CREDENTIAL = 'no credential';
export const NOT_A_PASSKEY = 'not a passkey';
export const NOT_USER_VERIFIED = 'not user-verified';
export const NO_POWER = 'no power';
export const NOT_FOR_THE_NODE = 'not for the node';
export const FOUNDED_ALREADY = 'founded already';
export const ADMITTED_ALREADY = 'admitted already';
export const NO_SUCH_CREDENTIAL = 'no such credential';
export const NO_SUCH_DELEGATE = 'no such delegate';
export const LAST_OFFICER = 'last officer';
export const ACT_FORM = 'act form';
export const NO_SUCH_SLOT = 'no such slot';
export const SPENT_ALREADY = 'spent already';
export const NOTHING_TO_END = 'nothing of yours to end';
export const NOT_TABLED = 'not tabled';
export const WRONG_SLOT = 'wrong slot';
export const ENDED = 'ended';
export const FALSE_ACKNOWLEDGEMENT = 'false acknowledgement';
export const UNKNOWN_ACT = 'unknown act';

/** Their acknowledgement does not count, and their nonce is not spent. */
export const ENVELOPE: ReadonlySet<string | null> = new Set([
  MALFORMED, OF_ANOTHER_LOG, WRONG_SEQ, SEEN_ANOTHER_OWN_LOG, BAD_PROOF, NOT_A_FOUNDING,
]);

/** Found without knowing what the act is. */
export const BEFORE_THE_ACT: ReadonlySet<string | null> = new Set([...ENVELOPE, REPLAYED, NO_CREDENTIAL]);

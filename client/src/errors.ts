/** The errors of the browser's part, by who must act. The node's own families, in the same words.
 *
 * Lives here: `Malformed`, `Untrusted`, `Refused` (a problem the node answered with), `Unreachable`.
 * Not here: their words for people (`words`).
 */

/** Bytes or fields break the specification. field: which one is at fault, if one is. */
export class Malformed extends Error {
  constructor(message?: string, readonly field?: string) {
    super(message);
  }
}

/** A signature, a proof or an identity fails: nothing is signed, nobody is let in. */
export class Untrusted extends Error {}

/** The node does not answer; a retry may help. */
export class Unreachable extends Error {}

/** The node answered with a problem (RFC 9457). code: stable; field: which one is at fault; problem: all of it. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly field?: string,
    readonly problem: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
  }
}

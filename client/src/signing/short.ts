/** A hash in the form in which people compare it. Lives here: `shortOf`, for every page that shows one. */

const SHORT = 12;

export function shortOf(hash: string): string {
  return hash.slice(0, SHORT);
}

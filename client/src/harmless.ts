/** Words of somebody's as they are shown. Lives here: `harmless`, `alone`.
 *
 * The pages' own `harmless` is `visavis.dialogue.texts.harmless`.
 */

// Commands, ends of lines that are none, embeddings, overrides, isolates: what is left open turns the words after it.
const ODD = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]/g;

/** `text` with U+FFFD for each odd character: it reads in the order in which it is signed. */
export function harmless(text: string): string {
  return text.replace(ODD, '\uFFFD');
}

/** A name as it stands in a sentence of the page's, which neither turns the other round. */
export function alone(name: string): string {
  return `\u2068${harmless(name)}\u2069`;
}

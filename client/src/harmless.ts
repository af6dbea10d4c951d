/** Words of somebody's as they are shown. Lives here: `harmless`. The pages' own is `visavis.dialogue.texts.harmless`. */

// Commands, ends of lines that are none, embeddings, overrides, isolates: what is left open turns the words after it.
const ODD = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]/g;

/** `text` with U+FFFD for each odd character: it reads in the order in which it is signed. */
export function harmless(text: string): string {
  return text.replace(ODD, '\uFFFD');
}

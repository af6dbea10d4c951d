/** Entry of the worker that verifies a bundle, so that the page goes on meanwhile. */

import { examine } from './record/verify';
import type { Answer, Asked } from './verify/messages';

const say = (answer: Answer): void => self.postMessage(answer);

self.onmessage = async ({ data: { data, at } }: MessageEvent<Asked>) => {
  try {
    const progress = (done: number, all: number): void => say({ kind: 'progress', done, all });
    const { account, lines, notes, root } = await examine(new Uint8Array(data), undefined, progress);
    const roots = Object.fromEntries(Object.entries(at).map(([side, size]) => [side, root(side, size)]));
    say({ kind: 'told', told: { account, lines, notes, roots } });
  } catch (error) {
    say({ kind: 'failed', why: error instanceof Error ? error.message : String(error) });
  }
};

/** What this browser keeps of the logs it read: the largest of each side. Spec: docs/spec/keys.md §2.3. */

import type { Bytes } from '../bytes';
import * as store from '../store';

/** The largest log of a side that this browser ever saw. note: its checkpoint; absent in pins of an older program. */
export interface Pin {
  readonly size: number;
  readonly root: Bytes;
  readonly note?: string;
}

/** By "<dialogue>/<side>". */
export interface PinStore {
  get(key: string): Promise<Pin | undefined>;
  put(key: string, pin: Pin): Promise<void>;
}

export const inBrowser: PinStore = {
  get: key => store.get<Pin>('pins', key),
  put: (key, pin) => store.put('pins', key, pin),
};

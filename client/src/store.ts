/** What this browser keeps: ids of passkeys, keys that cannot be taken out of it, the largest logs seen, what it signed.
 *
 * Lives here: the IndexedDB database, and reading and writing one record of a store.
 * Not here: what the records mean (`signing/`, `call/device`, `record/logs`).
 */

const NAME = 'visavis';
const VERSION = 2;
/** `acting`: keys that act for a delegate; `devices`: of a sitting; `watched`: what was signed and not seen entered. */
const STORES = ['passkeys', 'acting', 'devices', 'pins', 'watched'] as const;
export type StoreName = (typeof STORES)[number];

let opening: Promise<IDBDatabase> | undefined;

function open(): Promise<IDBDatabase> {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      const { result: database } = request;
      for (const store of Array.from(database.objectStoreNames)) {
        if (!(STORES as readonly string[]).includes(store)) database.deleteObjectStore(store);
      }
      for (const store of STORES) {
        if (!database.objectStoreNames.contains(store)) database.createObjectStore(store);
      }
    };
    request.onsuccess = () => {
      const { result: database } = request;
      // Another tab brings a newer version, or forgets everything: it need not wait for this one.
      database.onversionchange = () => {
        database.close();
        opening = undefined;
      };
      resolve(database);
    };
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error('another tab holds an older version'));
  });
  return opening;
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export async function get<T>(store: StoreName, key: string): Promise<T | undefined> {
  return done<T | undefined>((await open()).transaction(store).objectStore(store).get(key));
}

export async function all<T>(store: StoreName): Promise<T[]> {
  return done<T[]>((await open()).transaction(store).objectStore(store).getAll());
}

/** Resolves when the record is on disk, not before. */
export async function put(store: StoreName, key: string, value: unknown): Promise<void> {
  const transaction = (await open()).transaction(store, 'readwrite', { durability: 'strict' });
  transaction.objectStore(store).put(value, key);
  await new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

export async function remove(store: StoreName, key: string): Promise<void> {
  const transaction = (await open()).transaction(store, 'readwrite');
  await done(transaction.objectStore(store).delete(key));
}

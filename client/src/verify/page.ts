/** *Verify* on the record page: fetch the bundle, have it checked in a worker, say in plain words what was checked.
 *
 * Lives here: `listen`.
 * Not here: the checks (`../record/verify`), what the node's page shows (its template).
 *
 *     <section data-verify data-dialogue="…" data-ours="…">
 *       <button data-verify-start>  <p role="status" data-verify-status>  <progress hidden>  <div data-verify-result>
 *     <… data-shown='{"sizes", "in_force", "void"}'>      what the page shows, to be compared
 *
 * Everything is set as text, never as markup. For tests: `section[data-verify][data-verdict]`: "holds", "fails", "odds"
 * (it holds, and is not what was shown or seen before), "unknown".
 */

import { Unreachable } from '../errors';
import { toText } from '../bytes';
import { MAX_BYTES } from '../record/container';
import { inBrowser } from '../record/pins';
import type { Account, Erasure } from '../record/account';
import type { Line } from '../record/verify';
import { type Word, t } from '../words';
import type { Answer, Asked, Told } from './messages';
import { type Pinned, type Seen, type Shown, differs, seen, toPin } from './shown';
import { w } from './words';

declare const VERIFY_WORKER_ADDRESS: string;

const ROWS = 100;
const FAULTS = 50;

export function listen(): void {
  const section = document.querySelector<HTMLElement>('[data-verify]');
  const button = section?.querySelector<HTMLButtonElement>('[data-verify-start]');
  if (!section || !button) return;
  button.addEventListener('click', () => {
    if (section.getAttribute('aria-busy') === 'true') return;
    section.setAttribute('aria-busy', 'true');
    void verify(section).finally(() => section.removeAttribute('aria-busy'));
  });
  section.dataset['ready'] = 'true';
}

async function verify(section: HTMLElement): Promise<void> {
  const status = part(section, '[data-verify-status]');
  const result = part(section, '[data-verify-result]');
  const bar = part<HTMLProgressElement>(section, 'progress');
  const dialogue = section.dataset['dialogue'] ?? '';
  const say = (words: string): void => { status.textContent = words; };
  const ends = (verdict: string, words: string): void => {
    section.dataset['verdict'] = verdict;
    say(words);
  };
  result.replaceChildren();
  delete section.dataset['verdict'];
  say(w('fetching'));
  bar.hidden = false;
  bar.removeAttribute('value');
  try {
    if (!(await canCheck())) return ends('unknown', w('no-crypto'));
    const data = await fetchBundle(dialogue);
    const shown = JSON.parse(document.querySelector<HTMLElement>('[data-shown]')?.dataset['shown'] ?? 'null') as Shown | null;
    const pins = await pinned(dialogue, Object.keys(shown?.sizes ?? {}));
    let said = false;
    const told = await inWorker({ data, at: Object.fromEntries([...pins].map(([side, pin]) => [side, pin.size])) }, (done, all) => {
      bar.max = all;
      bar.value = done;
      if (!said) say(w('checking', { all }));
      said = true;
    });
    const before = seen(dialogue, pins, told);
    const shows = shown ? differs(shown, told.account) : [];
    const odd = !['none', 'fits'].includes(before.kind) || shows.some(each => each !== 'grown');
    const { account } = told;
    result.append(...report(told, section.dataset['ours'] ?? '', before, shows));
    if (!account.holds) return ends('fails', w('fails', { n: account.faults.length }));
    if (odd) return ends('odds', w('odds'));
    for (const [side, pin] of toPin(pins, told)) await inBrowser.put(`${dialogue}/${side}`, pin);
    ends('holds', w('holds'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    ends('unknown', w(error instanceof Unreachable ? 'unreachable' : 'broken', { why }));
  } finally {
    bar.hidden = true;
    const again = section.querySelector('[data-verify-start] span');
    if (again) again.textContent = w('again');
  }
}

function part<T extends HTMLElement>(section: HTMLElement, selector: string): T {
  const found = section.querySelector<T>(selector);
  if (!found) throw new Error(`the page lacks ${selector}`);
  return found;
}

/** Whether this browser knows Ed25519: else every proof would look false. */
async function canCheck(): Promise<boolean> {
  try {
    await crypto.subtle.importKey('raw', new Uint8Array(32), 'Ed25519', false, ['verify']);
    return true;
  } catch {
    return false;
  }
}

/** The bundle's bytes, as many as a bundle may have. Raises `Unreachable`. */
async function fetchBundle(dialogue: string): Promise<ArrayBuffer> {
  const response = await fetch(`/api/dialogues/${encodeURIComponent(dialogue)}/bundle`, { cache: 'no-store' })
    .catch(() => { throw new Unreachable('—'); });
  if (!response.ok || !response.body) throw new Unreachable(`${response.status} ${response.statusText}`);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch(() => { throw new Unreachable('—'); });
    if (done) break;
    chunks.push(value);
    size += value.length;
    if (size > MAX_BYTES) {
      await reader.cancel();
      break; // The worker says how much too much it is: a byte more than allowed suffices.
    }
  }
  return new Blob(chunks).arrayBuffer();
}

function inWorker(asked: Asked, progress: (done: number, all: number) => void): Promise<Told> {
  const worker = new Worker(VERIFY_WORKER_ADDRESS, { type: 'module' });
  return new Promise<Told>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      if (data.kind === 'progress') progress(data.done, data.all);
      else if (data.kind === 'told') resolve(data.told);
      else reject(new Error(data.why));
    };
    worker.onerror = event => reject(new Error(event.message || 'worker'));
    worker.postMessage(asked, [asked.data]);
  }).finally(() => worker.terminate());
}

// --- what this browser saw before ---------------------------------------------------------------------

async function pinned(dialogue: string, sides: readonly string[]): Promise<Map<string, Pinned>> {
  const found = new Map<string, Pinned>();
  for (const side of sides) {
    const kept = await inBrowser.get(`${dialogue}/${side}`);
    if (kept) found.set(side, { ...kept, root: toText(kept.root) });
  }
  return found;
}

// --- saying it ----------------------------------------------------------------------------------------

function report(told: Told, ours: string, before: Seen, shows: ReturnType<typeof differs>): HTMLElement[] {
  const { account, lines } = told;
  const which = (side: string): string => t(side === ours ? 'call.ours' : 'call.theirs');
  const parts: HTMLElement[] = [];
  const loud = [...warnings(before, shows, which)];
  if (loud.length > 0) parts.push(list('notice is-halt', loud.map(words => element('li', words))));
  if (account.faults.length > 0) parts.push(faults(account, which));
  if (account.logs.length > 0) {
    parts.push(facts(account, lines, before, shows, which));
    parts.push(entries(account, lines, which));
  }
  return parts;
}

function* warnings(before: Seen, shows: ReturnType<typeof differs>, which: (side: string) => string): Generator<string> {
  if (before.kind === 'other-dialogue') yield w('seen-other-dialogue');
  if (before.kind === 'older' || before.kind === 'other') {
    yield w(`seen-${before.kind}`, { side: which(before.side), seen: before.seen, size: before.size });
  }
  const what = [...shows.includes('force') ? [w('what-force')] : [], ...shows.includes('void') ? [w('what-void')] : []];
  if (what.length > 0) yield w('shown-differs', { what: new Intl.ListFormat(document.documentElement.lang).format(what) });
}

function faults(account: Account, which: (side: string) => string): HTMLElement {
  const items = account.faults.slice(0, FAULTS).map(({ check, message, log, index }) => {
    const item = element('li');
    const where = log === null ? '' : index === null ? which(log) : w('entry-of', { side: which(log), n: index });
    item.append(element('strong', where), where ? ' ' : '', record(`${check}: ${message}`));
    return item;
  });
  if (account.faults.length > FAULTS) items.push(element('li', `… ${account.faults.length - FAULTS}`));
  const box = element('div');
  box.className = 'notice is-halt';
  box.append(element('h3', w('faults')), list('', items));
  return box;
}

function facts(
  account: Account, lines: readonly Line[], before: Seen, shows: ReturnType<typeof differs>, which: (side: string) => string,
): HTMLElement {
  const proven = lines.filter(line => line.proven);
  const by = (proof: Line['proof']): number => proven.filter(line => line.proof === proof).length;
  const notes = new Set(account.faults.filter(({ check }) => check.startsWith('checkpoint')).map(({ log }) => log));
  const all = element('dl');
  all.className = 'facts';
  const says = (label: string, ...values: (string | HTMLElement)[]): void => {
    const value = element('dd');
    value.append(...values);
    all.append(element('dt', label), value);
  };
  says(w('entries'), String(account.entries));
  says(w('proofs'), w('proofs-of', { n: proven.length, passkey: by('passkey'), key: by('key'), node: by('node') }));
  says(w('checkpoints'), w('n-of', { n: account.logs.length - notes.size, all: account.logs.length }));
  says(w('cosigned'), list('', account.logs.map(({ side, cosigned }) => element('li', cosigned
    ? w('as-of', { side: which(side), size: cosigned.size }) : w('not-cosigned', { side: which(side) })))));
  says(w('acknowledged'), list('', account.logs.map(({ side, acknowledged }) =>
    element('li', w('as-of', { side: which(side), size: acknowledged })))));
  says(w('contents'), w('n-of', {
    n: account.contents - account.faults.filter(({ check }) => check === 'content').length, all: account.contents,
  }));
  if (account.erased.length > 0) {
    const items = account.erased.slice(0, ROWS).map(each => erased(each, which));
    if (account.erased.length > ROWS) items.push(element('li', `… ${account.erased.length - ROWS}`));
    says(w('erased'), list('', items));
  }
  if (account.withheld.length > 0) says(w('withheld'), String(account.withheld.length));
  const stamped = account.logs.reduce((sum, { timestamps }) => sum + timestamps.length, 0);
  if (stamped > 0) says(w('timestamps'), w('timestamps-unchecked', { n: stamped }), ' ', record('visavis record verify --tsa-ca'));
  says(w('force'), inForce(account));
  if (shows.length === 0 || shows.includes('grown')) says(w('shown'), w(shows.length === 0 ? 'shown-same' : 'shown-grown'));
  if (before.kind === 'none') says(w('seen'), w(account.holds && shows.every(each => each === 'grown') ? 'seen-kept' : 'seen-none'));
  if (before.kind === 'fits') says(w('seen'), w('seen-fits'));
  return all;
}

/** Who erased a content, at which entry, when by their node's clock; the commitment as a title. */
function erased({ commitment, side, index, time, role, name, here }: Erasure, which: (side: string) => string): HTMLElement {
  const item = element('li', w('erased-by', { side: which(side), n: index }));
  item.title = commitment;
  const who = element('bdi', name ?? (role ? t(`role.${role}` as Word) : '—'));
  item.append(' (', who, ', ', record(time), ')');
  if (here) item.append(` ${w('erased-here')}`);
  return item;
}

/** What is in force, by its title where the bundle opens it, else by its slot. */
function inForce(account: Account): HTMLElement | string {
  const found = account.agreements.filter(({ standing }) => standing === 'in force');
  if (found.length === 0) return w('nothing');
  return list('', found.map(({ slot, hash, body, contents }) => {
    const item = element('li');
    const titles = Array.isArray(body['title']) ? (body['title'] as [string, string][]) : [];
    const language = document.documentElement.lang;
    const [spoken, commitment] = titles.find(([code]) => code === language) ?? titles[0] ?? ['', ''];
    const words = contents[commitment];
    if (words) {
      const title = element('span', words);
      title.lang = spoken;
      title.dir = 'auto';
      item.append(title, ' ');
    }
    const code = record(slot);
    code.title = hash;
    item.append(code);
    return item;
  }));
}

/** Every entry, on request: rows are made when the part is opened, so many at a time. */
function entries(account: Account, lines: readonly Line[], which: (side: string) => string): HTMLElement {
  const details = element('details');
  details.append(element('summary', w('lines')));
  const names = new Map(account.logs.flatMap(({ delegates }) => delegates.map(({ delegate, name }) => [delegate, name])));
  const rows = element('tbody');
  const more = element('button', w('more'));
  more.type = 'button';
  more.className = 'press is-second';
  const show = (): void => {
    const first = rows.childElementCount;
    rows.append(...lines.slice(first, first + ROWS).map(line => row(line, names, which)));
    if (rows.childElementCount >= lines.length) more.remove();
  };
  more.addEventListener('click', () => {
    const first = rows.childElementCount;
    show();
    const next = rows.children[first]?.querySelector('th');
    if (next) {
      next.tabIndex = -1;
      next.focus();
    }
  });
  details.addEventListener('toggle', () => {
    if (details.open && rows.childElementCount === 0) show();
  });
  const head = element('tr');
  for (const word of ['log', 'entry', 'who', 'act', 'time', 'proof', 'verdict'] as const) {
    const cell = element('th', w(word));
    cell.scope = 'col';
    head.append(cell);
  }
  const thead = element('thead');
  thead.append(head);
  const table = element('table');
  table.className = 'plain-table';
  table.append(element('caption', w('lines-caption')), thead, rows);
  const wide = element('div');
  wide.className = 'scroll';
  wide.tabIndex = 0;
  wide.setAttribute('role', 'region');
  wide.setAttribute('aria-label', w('lines'));
  wide.append(table);
  details.append(wide, more);
  return details;
}

function row(line: Line, names: ReadonlyMap<string, string | null>, which: (side: string) => string): HTMLElement {
  const made = element('tr');
  const head = element('th', which(line.log));
  head.scope = 'row';
  const who = line.proof === 'node' ? w('node')
    : names.get(line.delegate ?? '') ?? (line.role ? t(`role.${line.role}` as Word) : line.delegate ?? '');
  const verdict = element('td');
  if (line.verdict === null) verdict.append(w('stands'));
  else if (line.verdict === 'held') verdict.append(w('held'));
  else verdict.append(`${w('void')}: `, record(line.verdict));
  const proof = line.proof === null ? w('proof-none') : line.proven ? w(`proof-${line.proof}`) : w('proof-bad');
  const act = element('td');
  act.append(record(line.act ?? '—'));
  const time = element('td');
  time.append(record(line.time));
  made.append(head, element('td', String(line.index)), named(who), act, time, element('td', proof), verdict);
  if (line.verdict !== null) made.className = 'is-void';
  return made;
}

function named(who: string): HTMLElement {
  const cell = element('td');
  cell.append(element('bdi', who));
  return cell;
}

/** The record's own words: English, left to right, whatever the page's language. */
function record(words: string): HTMLElement {
  const code = element('code', words);
  code.lang = 'en';
  code.dir = 'ltr';
  return code;
}

function list(className: string, items: readonly HTMLElement[]): HTMLElement {
  const made = element('ul');
  if (className) made.className = className;
  made.append(...items);
  return made;
}

function element<K extends keyof HTMLElementTagNameMap>(name: K, words = ''): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  made.textContent = words;
  return made;
}

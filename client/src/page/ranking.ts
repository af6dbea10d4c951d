/** A ranking that is sorted by dragging and by keys, and what comes of it merged with theirs.
 *
 * Lives here: `listen`, `merged`. Not here: the form's fields and words (`talk.html`), what the rule is and why it is
 * fair (`visavis/talks/ranking.py`).
 *
 *     [data-ranking]
 *         [data-rank-places]   the selects `items[]`: what is signed, and all there is without a script
 *         [data-rank-list]     filled here from them, a [data-rank-row] for each
 *         [data-rank-merged]   <li data-item data-theirs="twice their place" data-lot="turn by the hash">
 *
 * The selects stay what the form says; the list only shows and sets them. So whatever else reads or fills the form
 * (`typed`, `signing/fields`) needs to know nothing of the list.
 */

import { announce } from './live';

/** theirs: twice the item's place with them. lot: its turn where all else is equal. */
export interface Theirs {
  readonly item: string;
  readonly theirs: number;
  readonly lot: number;
}

/** ours, total: twice the place with us, twice the sum. tie: what put it under the one above, of equal sums. */
export interface Place {
  readonly item: string;
  readonly ours: number;
  readonly theirs: number;
  readonly total: number;
  readonly tie: 'worse' | 'lot' | null;
}

/** Both rankings merged, as the node merges them. ours: every item, most important first. */
export function merged(ours: readonly string[], theirs: readonly Theirs[]): Place[] {
  const weighed = theirs.map(each => {
    const own = 2 * (ours.indexOf(each.item) + 1);
    return { ...each, ours: own, total: own + each.theirs, worse: Math.max(own, each.theirs) };
  }).sort((a, b) => a.total - b.total || a.worse - b.worse || a.lot - b.lot);
  return weighed.map(({ item, ours: own, theirs: other, total, worse }, at) => {
    const above = weighed[at - 1];
    const tie = above?.total !== total ? null : above.worse === worse ? 'lot' : 'worse';
    return { item, ours: own, theirs: other, total, tie };
  });
}

/** Half of a whole number, as people write it. */
export function half(twice: number): string {
  return `${Math.floor(twice / 2) || ''}${twice % 2 ? '½' : ''}`;
}

export function listen(): void {
  const all = (within: ParentNode): void => {
    for (const place of Array.from(within.querySelectorAll<HTMLElement>('[data-ranking]'))) new Ranking(place).start();
  };
  all(document);
  // A region that was brought up to date has its selects again, and no list.
  document.addEventListener('visavis:swapped', event => {
    if (event.target instanceof HTMLElement) all(event.target);
  });
}

class Ranking {
  private readonly selects: HTMLSelectElement[];
  private readonly list: HTMLOListElement;
  private readonly row: HTMLTemplateElement;
  private readonly result: HTMLOListElement;
  private readonly places = new Map<string, number>();
  private order: string[] = [];

  constructor(private readonly at: HTMLElement) {
    const need = <T extends HTMLElement>(selector: string): T => {
      const found = at.querySelector<T>(selector);
      if (!found) throw new Error(`a ranking without ${selector}`);
      return found;
    };
    this.selects = Array.from(at.querySelectorAll<HTMLSelectElement>('[data-rank-places] select'));
    this.list = need('[data-rank-list]');
    this.row = need('[data-rank-row]');
    this.result = need('[data-rank-merged]');
    Array.from(this.result.children).forEach((each, n) => this.places.set(itemOf(each), n + 1));
  }

  start(): void {
    const places = this.at.querySelector<HTMLElement>('[data-rank-places]');
    if (places) places.hidden = true;
    this.list.hidden = false;
    // What is shown from here on counts the order of the list as ours.
    this.at.querySelector('[data-rank-unsigned]')?.remove();
    this.list.addEventListener('click', event => {
      const button = event.target instanceof Element ? event.target.closest<HTMLButtonElement>('[data-move]') : null;
      const row = button?.closest('li');
      if (button && row) this.move(itemOf(row), button.dataset['move'] === 'up' ? -1 : 1, button);
    });
    this.list.addEventListener('keydown', event => {
      const row = event.target instanceof Element ? event.target.closest('li') : null;
      const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!row || by === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.move(itemOf(row), by, event.target as HTMLElement);
    });
    this.list.addEventListener('pointerdown', event => this.grip(event));
    // What was typed before is put back into the selects (`typed`), and what is thrown away taken out.
    this.at.addEventListener('visavis:refilled', () => this.read());
    this.read();
  }

  /** Show the order that the selects say; an item named twice counts once, one not named comes last. */
  private read(): void {
    const known = Array.from(this.result.children).map(itemOf);
    const said = this.selects.map(select => select.value).filter(item => known.includes(item));
    this.order = [...new Set([...said, ...known])];
    this.list.replaceChildren(...this.order.map(item => this.made(item)));
    this.set();
  }

  private made(item: string): Node {
    const row = this.row.content.firstElementChild?.cloneNode(true) as HTMLLIElement;
    row.dataset['item'] = item;
    const title = this.titleOf(item);
    const words = row.querySelector('.rank-title');
    if (words) words.append(...Array.from(title?.childNodes ?? []).map(node => node.cloneNode(true)));
    for (const button of Array.from(row.querySelectorAll('button'))) {
      const label = button.getAttribute('aria-label') ?? '';
      button.setAttribute('aria-label', label.replace('{title}', title?.textContent?.trim() ?? ''));
    }
    return row;
  }

  private titleOf(item: string): Element | null | undefined {
    return Array.from(this.result.children).find(each => itemOf(each) === item)?.querySelector('.rank-title');
  }

  private move(item: string, by: number, focus: HTMLElement): void {
    const from = this.order.indexOf(item);
    const to = from + by;
    if (to >= 0 && to < this.order.length) {
      this.order.splice(to, 0, ...this.order.splice(from, 1));
      this.arrange();
      this.changed();
    }
    // Moving an element in the page takes the focus off it.
    focus.focus();
    this.say(item);
  }

  private say(item: string): void {
    announce(filled(this.list.dataset['moved'] ?? '', {
      title: this.titleOf(item)?.textContent?.trim() ?? '',
      n: this.order.indexOf(item) + 1,
      count: this.order.length,
    }));
  }

  /** The rows in order, moving as few of them as need be. */
  private arrange(): void {
    const rows = new Map(Array.from(this.list.children).map(row => [itemOf(row), row]));
    this.order.forEach((item, at) => {
      const row = rows.get(item);
      if (row && this.list.children[at] !== row) this.list.insertBefore(row, this.list.children[at] ?? null);
    });
  }

  private changed(): void {
    this.set();
    this.selects[0]?.dispatchEvent(new Event('input', { bubbles: true }));
  }

  /** Write the order into the selects, and what comes of it into the merged list. */
  private set(): void {
    this.selects.forEach((select, at) => {
      select.value = this.order[at] ?? '';
    });
    Array.from(this.list.children).forEach((row, at) => {
      row.querySelector('[data-move=up]')?.setAttribute('aria-disabled', String(at === 0));
      row.querySelector('[data-move=down]')?.setAttribute('aria-disabled', String(at === this.order.length - 1));
    });
    const rows = new Map(Array.from(this.result.children).map(row => [itemOf(row), row as HTMLElement]));
    const theirs = Array.from(rows.values(), row => ({
      item: itemOf(row), theirs: Number(row.dataset['theirs']), lot: Number(row.dataset['lot']),
    }));
    const { why = '', worse = '', lot = '', before = '' } = this.result.dataset;
    merged(this.order, theirs).forEach(({ item, ours, theirs: other, total, tie }, at) => {
      const row = rows.get(item) as HTMLElement;
      if (this.result.children[at] !== row) this.result.insertBefore(row, this.result.children[at] ?? null);
      const said = row.querySelector('.rank-why');
      if (said) said.textContent = filled(why, { ours: half(ours), theirs: half(other), total: half(total) });
      const tied = row.querySelector('.rank-tie');
      if (tied) tied.textContent = tie ? { lot, worse }[tie] : '';
      const was = row.querySelector<HTMLElement>('.rank-before');
      const place = this.places.get(item);
      if (was) {
        was.hidden = place === at + 1;
        was.textContent = filled(before, { n: place ?? 0 });
      }
    });
  }

  /** A row follows the finger or the mouse that holds it; Esc, or a touch that the browser takes away, puts it back. */
  private grip(event: PointerEvent): void {
    const target = event.target instanceof Element ? event.target : null;
    const row = target?.closest<HTMLElement>('li');
    if (!row || event.button !== 0 || target?.closest('button')) return;
    // A finger elsewhere on the row scrolls the page.
    if (event.pointerType !== 'mouse' && !target?.closest('.rank-grip')) return;
    event.preventDefault();
    const [item, was] = [itemOf(row), [...this.order]];
    const watch = new AbortController();
    const { signal } = watch;
    row.dataset['held'] = '';
    row.setPointerCapture(event.pointerId);
    const over = (put: boolean): void => {
      watch.abort();
      delete row.dataset['held'];
      this.at.dispatchEvent(new CustomEvent('visavis:freed', { bubbles: true }));
      if (!put) {
        this.order = was;
        this.arrange();
        this.set();
      } else if (this.order.join() !== was.join()) {
        this.changed();
        this.say(item);
      }
    };
    row.addEventListener('pointermove', moved => {
      const others = Array.from(this.list.children).filter(each => each !== row);
      const to = others.filter(each => {
        const { top, height } = each.getBoundingClientRect();
        return moved.clientY > top + height / 2;
      }).length;
      if (this.order.indexOf(item) === to) return;
      this.order.splice(to, 0, ...this.order.splice(this.order.indexOf(item), 1));
      // The others move about it: an element that is moved itself would lose the pointer.
      const rest = others.map(itemOf);
      const rows = new Map(others.map(each => [itemOf(each), each]));
      for (const each of rest.slice(0, to)) row.before(rows.get(each) as Element);
      for (const each of rest.slice(to).reverse()) row.after(rows.get(each) as Element);
      this.set();
    }, { signal });
    row.addEventListener('pointerup', () => over(true), { signal });
    row.addEventListener('pointercancel', () => over(false), { signal });
    document.addEventListener('keydown', pressed => {
      if (pressed.key === 'Escape') over(false);
    }, { signal });
  }
}

function itemOf(row: Element): string {
  return (row as HTMLElement).dataset['item'] ?? '';
}

function filled(words: string, values: Readonly<Record<string, string | number>>): string {
  return words.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

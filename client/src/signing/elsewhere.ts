/** What is about to be signed, on another device: the way there as a QR code.
 *
 * Lives here: `checkLink`, `elsewhere`. Not here: the page that it leads to (`../check`).
 * Spec: docs/spec/http.md §3.
 */

import { correction, generate } from 'lean-qr/nano';

import { t } from '../words';

const QUIET = 4;
const SVG = 'http://www.w3.org/2000/svg';

/** The address of the page that recomputes a draft. What opens the draft stands in the fragment, which is never sent
 * as part of an address. check: the draft's word; hash: as this browser computed it. */
export function checkLink(origin: string, check: string, hash: string): string {
  return `${origin}/check#${check}.${hash}`;
}

/** A disclosure that shows the code once it is opened, and not before: who looks over a shoulder reads it, too. */
export function elsewhere(link: string): HTMLDetailsElement {
  const made = document.createElement('details');
  made.className = 'fold';
  const summary = document.createElement('summary');
  summary.textContent = t('sign.elsewhere');
  made.append(summary);
  made.addEventListener('toggle', () => {
    const help = document.createElement('p');
    help.className = 'small';
    help.textContent = t('sign.elsewhere.how');
    const other = document.createElement('a');
    other.href = link;
    other.target = '_blank';
    other.rel = 'noopener';
    other.textContent = t('sign.elsewhere.link');
    const line = document.createElement('p');
    line.className = 'small';
    line.append(other);
    made.append(help, picture(link), line);
  }, { once: true });
  return made;
}

function picture(link: string): SVGElement {
  const code = generate(link, { minCorrectionLevel: correction.M });
  const all = code.size + 2 * QUIET;
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${all} ${all}`);
  svg.setAttribute('class', 'qr');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', t('sign.elsewhere.code'));
  svg.setAttribute('shape-rendering', 'crispEdges');
  const ground = document.createElementNS(SVG, 'rect');
  ground.setAttribute('width', String(all));
  ground.setAttribute('height', String(all));
  ground.setAttribute('fill', '#fff');
  const modules = document.createElementNS(SVG, 'path');
  modules.setAttribute('fill', '#000');
  let path = '';
  for (let y = 0; y < code.size; y++) {
    for (let x = 0; x < code.size; x++) if (code.get(x, y)) path += `M${x + QUIET} ${y + QUIET}h1v1h-1z`;
  }
  modules.setAttribute('d', path);
  svg.append(ground, modules);
  return svg;
}

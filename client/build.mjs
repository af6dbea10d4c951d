// Builds what the pages load, into ../src/visavis/web/static (git-ignored, carried by the wheel):
//   bundle/<name>-<hash>.js   page (signing, live pages), room (the call), e2ee-worker (frame
//                             encryption), verify (the record page), verify-worker (verification), check (a draft on
//                             a second device), consent (what is about to be signed, fetched then)
//   bundle/manifest.json      {"page.js": "page-AB12CD34.js", …}
//   fonts/*.woff2, fonts/fonts.css, icons.svg
// Addresses of workers and of `consent`, and of nothing else, are known to the code: they come from the manifest by `define`.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, '../src/visavis/web/static');
const bundle = join(out, 'bundle');
const modules = join(here, 'node_modules');
const fresh = join(here, 'dist');

const FACES = [
  ['ibm-plex-sans', ['400', '500', '600'], ['latin', 'latin-ext', 'cyrillic', 'cyrillic-ext']],
  ['ibm-plex-serif', ['400', '400-italic', '500'], ['latin', 'latin-ext', 'cyrillic', 'cyrillic-ext']],
  ['ibm-plex-sans-arabic', ['400', '500', '600'], ['arabic']],
  ['ibm-plex-mono', ['400'], ['latin']],
];

const ICONS = [
  'arrow-left-right', 'calendar', 'captions', 'check', 'chevron-down', 'chevron-right', 'chevron-up', 'circle-stop', 'clock', 'door-closed',
  'download', 'ellipsis', 'file-text', 'flag', 'grip-vertical', 'hand', 'headphones', 'hourglass', 'languages', 'link',
  'list-checks',
  'lock-keyhole', 'log-out', 'mail', 'message-square-lock', 'mic', 'mic-off', 'monitor-up', 'moon', 'newspaper', 'pause', 'pen-line', 'plus',
  'printer', 'quote', 'reply', 'rss', 'search', 'shield-check', 'signature', 'triangle-alert', 'video', 'video-off',
  'users-round', 'volume-2', 'x',
];

const options = {
  bundle: true, format: 'esm', target: ['es2022'], minify: true, sourcemap: false, legalComments: 'none', charset: 'utf8',
  entryNames: '[name]-[hash]', metafile: true, external: ['/static/bundle/*'], absWorkingDir: here, logLevel: 'warning',
};

/** Bundle `entry`; returns its hashed file name. */
async function bundled(entry, define = {}) {
  const { metafile } = await build({ ...options, entryPoints: [entry], outdir: fresh, define });
  return basename(Object.keys(metafile.outputs)[0]);
}

function fonts() {
  const to = join(out, 'fonts');
  mkdirSync(to, { recursive: true });
  let css = '/* IBM Plex, SIL Open Font License 1.1; made by client/build.mjs. */\n';
  for (const [family, weights, subsets] of FACES) {
    const from = join(modules, '@fontsource', family);
    for (const weight of weights) {
      const source = readFileSync(join(from, `${weight}.css`), 'utf8');
      for (const block of source.match(/@font-face \{[^}]+\}/g)) {
        const file = block.match(/files\/([^)]+?\.woff2)/)[1];
        const subset = file.replace(`${family}-`, '').replace(/-\d+-(normal|italic)\.woff2$/, '');
        if (!subsets.includes(subset)) continue;
        copyFileSync(join(from, 'files', file), join(to, file));
        css += `${block.replace(/src: [^;]+;/, `src: url(${file}) format('woff2');`)}\n`;
      }
    }
  }
  writeFileSync(join(to, 'fonts.css'), css);
}

function icons() {
  const symbols = ICONS.map(name => {
    const svg = readFileSync(join(modules, 'lucide-static/icons', `${name}.svg`), 'utf8');
    const body = svg.replace(/<!--.*?-->/gs, '').replace(/<svg[^>]*>/s, '').replace('</svg>', '')
      .replace(/\s+/g, ' ').trim();
    return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.5" `
      + `stroke-linecap="round" stroke-linejoin="round">${body}</symbol>`;
  });
  const sprite = `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join('\n')}\n</svg>\n`;
  writeFileSync(join(out, 'icons.svg'), sprite);
  return createHash('sha256').update(sprite).digest('hex').slice(0, 8);
}

rmSync(fresh, { recursive: true, force: true });
const worker = await bundled('src/e2ee-worker.ts');
const verifier = await bundled('src/verify-worker.ts');
const verifierAddress = { VERIFY_WORKER_ADDRESS: JSON.stringify(`/static/bundle/${verifier}`) };
const address = { WORKER_ADDRESS: JSON.stringify(`/static/bundle/${worker}`) };
const consent = await bundled('src/consent.ts');
const consentAddress = { CONSENT_ADDRESS: JSON.stringify(`/static/bundle/${consent}`) };
const manifest = {
  'check.js': await bundled('src/check.ts'),
  'consent.js': consent,
  'e2ee-worker.js': worker,
  'page.js': await bundled('src/page.ts', consentAddress),
  'room.js': await bundled('src/room.ts', address),
  'verify.js': await bundled('src/verify.ts', verifierAddress),
  'verify-worker.js': verifier,
};
fonts();
const sprite = icons();
manifest['fonts.css'] = '../fonts/fonts.css';
manifest['icons.svg'] = `../icons.svg?v=${sprite}`;
// The manifest comes last, so that who reads it while a build runs finds every file that it names.
mkdirSync(bundle, { recursive: true });
const built = readdirSync(fresh);
for (const file of built) renameSync(join(fresh, file), join(bundle, file));
writeFileSync(join(bundle, 'manifest.json.new'), `${JSON.stringify(manifest, null, 1)}\n`);
renameSync(join(bundle, 'manifest.json.new'), join(bundle, 'manifest.json'));
for (const file of readdirSync(bundle)) {
  if (file !== 'manifest.json' && !built.includes(file)) rmSync(join(bundle, file));
}
rmSync(fresh, { recursive: true, force: true });
for (const [name, file] of Object.entries(manifest)) console.log(`${name.padEnd(16)} ${file}`);

// SPDX-License-Identifier: Apache-2.0

/**
 * Builds the pages into console_api/proxy/static/, or into the directory
 * given as the only argument; what is there before is replaced.
 */

import {createHash} from 'node:crypto';
import {mkdir, readFile, rm, writeFile} from 'node:fs/promises';
import {basename, join} from 'node:path';
import {fileURLToPath} from 'node:url';

import {build} from 'esbuild';

const WEB = fileURLToPath(new URL('.', import.meta.url));
const STATIC = process.argv[2] ?? join(WEB, '../console_api/proxy/static');
const ENTRIES = [
  'src/vnc.js',
  'src/spice.js',
  'src/serial.js',
  'src/front.js',
  'src/page.css',
  'src/front.css',
];
const CONSOLES = [
  {kind: 'vnc', description: 'The console of a server, shown by noVNC'},
  {kind: 'spice', description: 'The console of a server, over SPICE'},
  {kind: 'serial', description: 'The serial line of a server'},
];

// noVNC names no part of itself but the whole client for others to import.
const NOVNC_PARTS = Object.fromEntries(
  ['keyboard', 'xtscancodes'].map((name) => [
    `@novnc/novnc/core/input/${name}.js`,
    `./node_modules/@novnc/novnc/core/input/${name}.js`,
  ]));

// What the bundle carries of others, with the files that hold its licence.
const THIRD_PARTY = [
  {
    name: 'noVNC (with pako inside)',
    folder: 'node_modules/@novnc/novnc',
    licenses: [
      'LICENSE.txt',
      'docs/LICENSE.MPL-2.0',
      'vendor/pako/LICENSE',
    ],
  },
  {
    name: 'spice-html5',
    folder: 'node_modules/@spice-project/spice-html5',
    licenses: ['COPYING.LESSER', 'COPYING'],
  },
  {
    name: 'xterm.js',
    folder: 'node_modules/@xterm/xterm',
    licenses: ['LICENSE'],
  },
  {
    name: 'xterm.js fit add-on',
    folder: 'node_modules/@xterm/addon-fit',
    licenses: ['LICENSE'],
  },
  {
    name: 'xterm.js search add-on',
    folder: 'node_modules/@xterm/addon-search',
    licenses: ['LICENSE'],
  },
];

/** Returns the file name with a hash of the content in it. */
function hashedName(name, content) {
  const hash = createHash('sha256').update(content).digest('hex');
  const [stem, extension] = name.split('.');
  return `${stem}-${hash.slice(0, 8)}.${extension}`;
}

/** Writes one asset; returns the address that a page has for it. */
async function writeAsset(name, content) {
  const file = hashedName(name, content);
  await writeFile(join(STATIC, 'assets', file), content);
  return `assets/${file}`;
}

/** Bundles scripts and styles; returns source name to address. */
async function bundle() {
  const {metafile} = await build({
    absWorkingDir: WEB,
    alias: NOVNC_PARTS,
    bundle: true,
    chunkNames: '[name]-[hash]',
    entryNames: '[name]-[hash]',
    entryPoints: ENTRIES,
    format: 'esm',
    legalComments: 'eof',
    metafile: true,
    minify: true,
    outdir: join(STATIC, 'assets'),
    splitting: true,
    target: ['es2022', 'chrome111', 'firefox121', 'safari16.4'],
  });
  const addresses = new Map();
  for (const [file, output] of Object.entries(metafile.outputs)) {
    if (ENTRIES.includes(output.entryPoint)) {
      addresses.set(basename(output.entryPoint), `assets/${basename(file)}`);
    }
  }
  return addresses;
}

/** Returns the licences of everything that the bundle contains. */
async function collectLicenses() {
  const parts = ['Third-party software in these pages\n'];
  for (const {name, folder, licenses} of THIRD_PARTY) {
    const manifest = await readFile(join(WEB, folder, 'package.json'), 'utf8');
    const {version, homepage, repository} = JSON.parse(manifest);
    parts.push(`\n${name} ${version}\nSource: ${repository?.url ?? repository ?? homepage}\n`);
    for (const license of licenses) {
      const text = await readFile(join(WEB, folder, license), 'utf8');
      parts.push(`\n----\n${text}`);
    }
  }
  return parts.join('');
}

/** Puts the addresses of the assets into a page; refuses unknown names. */
function fillIn(page, addresses) {
  return page.replace(/\{\{(.+?)\}\}/g, (_, name) => {
    if (!addresses.has(name)) {
      throw new Error(`No asset is called ${name}`);
    }
    return addresses.get(name);
  });
}

await rm(STATIC, {recursive: true, force: true});
await mkdir(join(STATIC, 'assets'), {recursive: true});
const addresses = await bundle();
const icon = await readFile(join(WEB, 'src/icon.svg'));
addresses.set('icon.svg', await writeAsset('icon.svg', icon));
const licenses = await collectLicenses();
addresses.set('licenses.txt', await writeAsset('licenses.txt', licenses));
/** Writes the page of that name from the markup in the sources. */
async function writePage(name, source, values) {
  const markup = await readFile(join(WEB, 'src', source), 'utf8');
  const known = new Map([...addresses, ...Object.entries(values)]);
  await writeFile(join(STATIC, name), fillIn(markup, known));
}

for (const {kind, description} of CONSOLES) {
  await writePage(`${kind}.html`, 'console.html', {
    kind,
    description,
    script: addresses.get(`${kind}.js`),
  });
}
await writePage('index.html', 'front.html', {});

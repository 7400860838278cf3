/**
 * Who may import whom (docs/architecture.md). The tree is the architecture, so the rules are made from it: every folder
 * of `src` has a row in the table below, and the rule of a folder is that row. A folder without a row, or a row without
 * a folder, stops the check. `test/integration/directions.test.ts` plants a forbidden import in every storey.
 */
const { readdirSync } = require('node:fs');
const { join } = require('node:path');

/** What a domain shows to everybody outside: what it can do and what it needs, never how. */
const ports = 'src/domain/[^/]+/[a-z-]*ports\\.ts$';
const contract = 'src/contract/';
const lib = 'src/lib/';
const config = 'src/config/';
/** How a setting is declared: kinds have some of their own. */
const settings = 'src/config/(setting|value-types)\\.ts$';
const machine = 'src/machine/';
/** What a kind shares with browsers and other clients: one file, or a folder where it is more. */
const kindContract = 'src/kinds/(command-forms\\.ts$|[^/]+/contract(\\.ts$|/))';
const store = 'src/adapters/store/';
/** The client, and the protocol that both sides speak. */
const launcherClient = 'src/launcher/(client/|protocol\\.ts$)';

/**
 * Folder → what its files may import of ours besides itself. `folder/*` gives every folder in it a row of its own: they
 * do not know each other.
 */
const mayImport = {
  app: ['src/'],
  config: [contract, lib],
  machine: [contract, lib, config],
  contract: [],
  lib: [],
  'domain/*': [contract, lib, ports],
  kinds: [contract, lib, settings, ports],
  worker: [contract, lib, machine, ports, launcherClient],
  launcher: [lib],
  'adapters/*': [contract, lib, ports],
  'surfaces/http': [contract, lib, ports, kindContract],
  'surfaces/cli': [contract, lib, config, kindContract],
  'surfaces/ftp': [contract, lib, ports],
  operations: [contract, lib, config, machine, ports, store, launcherClient],
};

const tests = '\\.test\\.ts$';

module.exports = {
  forbidden: [
    ...rooms().map(({ folder, allowed }) => ({
      name: `${folder.replaceAll('/', '-')}-stays-in-its-storey`,
      comment:
        'See the table in .dependency-cruiser.cjs: what is decided must not depend on where it is stored or shown.',
      severity: 'error',
      from: { path: `^src/${folder}/`, pathNot: tests },
      to: {
        path: '^(src|web|test|bench|scripts)/',
        pathNot: [`^src/${folder}/`, ...allowed.map((path) => `^${path}`)],
      },
    })),
    {
      name: 'no-cycles',
      comment: 'Files that need each other are one file, or hide a third one.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'contract-runs-in-browsers',
      comment: 'A contract knows nothing of Node and no package but zod.',
      severity: 'error',
      from: { path: [`^${contract}`, `^${kindContract}`], pathNot: tests },
      to: { pathNot: [`^${contract}`, `^${kindContract}`, '^node_modules/zod/'] },
    },
    {
      name: 'kinds-stand-alone',
      comment: 'A kind is one folder: it can be added and removed without a look at another.',
      severity: 'error',
      from: { path: '^src/kinds/([^/]+)/' },
      to: { path: '^src/kinds/[^/]+/', pathNot: '^src/kinds/$1/' },
    },
    {
      name: 'launcher-stays-small',
      comment:
        'The launcher outlives everything and parses no input of users: helpers and koffi, nothing else.',
      severity: 'error',
      from: { path: '^src/launcher/', pathNot: tests },
      to: { pathNot: ['^src/launcher/', '^src/lib/', '^node_modules/koffi/', '^(node:)?[a-z_/]+$'] },
    },
    {
      name: 'nobody-imports-tests',
      comment: 'What a test needs from another stands in a file of its own.',
      severity: 'error',
      from: {},
      to: { path: tests },
    },
    {
      name: 'nobody-imports-main',
      comment: 'It is where the process begins.',
      severity: 'error',
      from: {},
      to: { path: '^src/main\\.ts$' },
    },
    {
      name: 'main-starts-the-root',
      comment: 'The command line, and of the composition root what a command asks for.',
      severity: 'error',
      from: { path: '^src/main\\.ts$' },
      to: { path: '^src/', pathNot: ['^src/app/(configuration|serve|local)\\.ts$', '^src/surfaces/cli/'] },
    },
    {
      name: 'sql-lives-in-the-store',
      comment: 'PostgreSQL is spoken by the store, and by the queue adapter that listens.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/adapters/(store|queue)/'] },
      to: { path: '^node_modules/(@types/)?pg(-copy-streams)?/' },
    },
    {
      name: 'fastify-stays-in-http',
      comment: 'The HTTP server is one surface among several.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/surfaces/http/' },
      to: { path: '^node_modules/(fastify|@fastify)/' },
    },
    {
      name: 'messages-leave-by-the-senders',
      comment: 'Mail and MQTT are spoken by the adapter that sends.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/adapters/senders/' },
      to: { path: ['^node_modules/(@types/)?mqtt/', '^node_modules/(@types/)?nodemailer/'] },
    },
    {
      name: 'pages-know-the-contract-only',
      comment: 'What runs in a browser sees contracts and the API, nothing of the server.',
      severity: 'error',
      from: { path: '^web/' },
      to: { path: '^(src|test|bench|scripts)/', pathNot: [`^${contract}`, `^${kindContract}`] },
    },
    {
      name: 'pages-run-in-browsers',
      comment: 'A browser has nothing of Node.',
      severity: 'error',
      from: { path: '^web/src/', pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'components-do-not-fetch',
      comment: 'Composables do, through web/src/api; a component shows what it is given.',
      severity: 'error',
      from: { path: '^web/src/components/' },
      to: { path: '^web/src/api/(client|event-feed|query-client)\\.ts$' },
    },
    {
      name: 'no-dev-dependencies-in-the-product',
      comment: 'What runs must be installed by a production install.',
      severity: 'error',
      from: { path: '^src/', pathNot: tests },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // A checkout whose packages are a link to those of another: the rules name them by where they stand here.
    preserveSymlinks: true,
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};

/** Every folder that a row speaks of. @throws naming files without a row, and rows without a file */
function rooms() {
  const options = { recursive: true, encoding: 'utf8' };
  const files = readdirSync(join(__dirname, 'src'), options).filter((path) => /\.[cm]?ts$/.test(path));
  const places = files.filter((path) => path !== 'main.ts').map((path) => ({ path, ...placeOf(path) }));
  const homeless = places.filter(({ row }) => row === undefined).map(({ path }) => `src/${path}`);
  if (homeless.length > 0)
    throw new Error(
      `No row of .dependency-cruiser.cjs says what may be imported by ${homeless.join(', ')}: add one.`,
    );
  const idle = Object.keys(mayImport).filter((row) => places.every((place) => place.row !== row));
  if (idle.length > 0)
    throw new Error(`.dependency-cruiser.cjs has rows for folders that are gone: ${idle.join(', ')}.`);
  const rowOf = new Map(places.map(({ folder, row }) => [folder, row]));
  return [...rowOf].map(([folder, row]) => ({ folder, allowed: mayImport[row] }));
}

/** The folder that a file belongs to, and its row. */
function placeOf(path) {
  const [first, second] = path.split('/').slice(0, -1);
  if (first in mayImport) return { folder: first, row: first };
  if (second === undefined) return {};
  const folder = `${first}/${second}`;
  return { folder, row: [folder, `${first}/*`].find((row) => row in mayImport) };
}

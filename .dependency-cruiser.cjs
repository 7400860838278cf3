/**
 * Who may import whom (docs/architecture.md). The tree is the architecture: contract → ports → adapters → composition
 * root. Each rule says what it protects.
 */

/** Folders that are domains: they show ports.ts and contract.ts and keep the rest to themselves. */
const domains = [
  'jobs',
  'output',
  'series',
  'parts',
  'accounts',
  'scripts',
  'search',
  'again',
  'capsules',
  'secrets',
  'waiting',
  'metrics',
  'external',
  'imports',
  'fleet',
  'tasks',
  'stats',
  'retention',
  'files',
];

/** Adapters: each talks to one foreign thing and implements ports. */
const adapters = ['store', 'queue', 'http', 'worker', 'launcher', 'cli', 'oidc'];

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Files that need each other are one file, or hide a third one.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'contract-is-a-leaf',
      comment: 'The contract also runs in the browser; it knows nothing of ours and nothing of Node.',
      severity: 'error',
      from: { path: '^src/contract/', pathNot: '\\.test\\.ts$' },
      to: { pathNot: ['^src/contract/', '^node_modules/zod/'] },
    },
    {
      name: 'lib-is-a-leaf',
      comment: 'Leaf helpers know nothing of ours.',
      severity: 'error',
      from: { path: '^src/lib/' },
      to: { path: '^src/(?!lib/)' },
    },
    ...domains.map((domain) => ({
      name: `${domain}-keeps-its-inside`,
      comment:
        'A domain folder is used through its ports.ts and contract.ts; only the composition root builds it.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: [`^src/${domain}/`, '^src/app(\\.ts$|/)', '^src/cli/commands/user', '\\.test\\.ts$'],
      },
      to: { path: `^src/${domain}/`, pathNot: `^src/${domain}/(ports|contract)\\.ts$` },
    })),
    {
      name: 'domains-know-no-adapter',
      comment: 'What is decided must not depend on where it is stored or shown.',
      severity: 'error',
      from: {
        path: '^src/(jobs|output|series|parts|accounts|scripts|again|capsules|secrets|waiting|metrics|external|imports|files|retention|kinds|sources|solvers)/',
        pathNot: '\\.test\\.ts$',
      },
      to: { path: `^src/(${adapters.join('|')}|app(/|\\.ts)|main\\.ts)` },
    },
    ...adapters.map((adapter) => ({
      name: `${adapter}-knows-no-other-adapter`,
      comment:
        'Adapters meet in app.ts only. A worker speaks the protocol of its launcher; the CLI reads no internals.',
      severity: 'error',
      from: {
        path: `^src/${adapter}/`,
        pathNot: ['\\.test\\.ts$', ...(adapter === 'cli' ? ['^src/cli/commands/user'] : [])],
      },
      to: {
        path: `^src/(${adapters.filter((other) => other !== adapter).join('|')})/`,
        pathNot: adapter === 'worker' ? '^src/launcher/' : '^$',
      },
    })),
    {
      name: 'launcher-stays-small',
      comment:
        'The launcher outlives everything and parses no input of users: helpers and koffi, nothing else.',
      severity: 'error',
      from: { path: '^src/launcher/', pathNot: '\\.test\\.ts$' },
      to: { pathNot: ['^src/launcher/', '^src/lib/', '^node_modules/koffi/', '^(node:)?[a-z_/]+$'] },
    },
    {
      name: 'nobody-imports-the-root',
      comment: 'Only main starts the composition root.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/main\\.ts$', '^src/cli/', '^src/app(\\.ts$|/)'] },
      to: { path: '^src/(app(/|\\.ts$)|main\\.ts$)' },
    },
    {
      name: 'sql-lives-in-the-store',
      comment: 'PostgreSQL is spoken by the store, and by the queue adapter that listens.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/store/', '^src/queue/', '^src/app(\\.ts$|/)'] },
      to: { path: '^node_modules/pg/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'pages-know-the-contract-only',
      comment: 'What runs in a browser sees the contract and the API, nothing of the server.',
      severity: 'error',
      from: { path: '^web/' },
      to: { path: '^src/', pathNot: '^src/contract/' },
    },
    {
      name: 'components-do-not-fetch',
      comment: 'Composables do, through web/src/api; a component shows what it is given.',
      severity: 'error',
      from: { path: '^web/src/components/' },
      to: { path: '^web/src/api/(client|event-feed|query-client)\\.ts$' },
    },
    {
      name: 'fastify-stays-in-http',
      comment: 'The HTTP server is one adapter among several.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/http/' },
      to: { path: '^node_modules/(fastify|@fastify)/' },
    },
    {
      name: 'no-dev-dependencies-in-the-product',
      comment: 'What runs must be installed by a production install.',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};

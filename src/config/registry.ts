import * as kinds from './kinds.ts';
import type { Kind } from './kinds.ts';
import type { Machine } from './machine.ts';

/**
 * Every setting there is. The configuration object, `daybook config`, `docs/configuration.md` and the search for
 * typing errors all come from this table.
 */
export interface Setting<T> {
  /** Names in the environment. The first is the name people are told. */
  names: readonly [string, ...string[]];
  /** `section.key` in daybook.toml. */
  toml: string;
  kind: Kind<NonNullable<T>>;
  /** Text as someone would have set it; undefined leaves the setting unset. */
  fallback: string | ((defaults: DefaultsContext) => string) | undefined;
  /** The default in the documentation, where it depends on the machine or on another setting. */
  fallbackShown?: string;
  /** One or two sentences: the effect, with the unit. */
  doc: string;
  /** `all`: the value is never shown. `password`: only the password inside the address is hidden. */
  secret?: 'all' | 'password';
}

export interface DefaultsContext {
  machine: Machine;
  dataDirectory: string;
}

type Details = Omit<Setting<unknown>, 'kind' | 'fallback'>;
type Fallback = string | ((defaults: DefaultsContext) => string);

function setting<T>(kind: Kind<T>, fallback: Fallback, details: Details): Setting<T> {
  return { ...details, kind: kind as Kind<NonNullable<T>>, fallback };
}

function optional<T>(kind: Kind<T>, details: Details): Setting<T | undefined> {
  return { ...details, kind: kind as Kind<NonNullable<T>>, fallback: undefined };
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const account = kinds.text('the name or number of an account', /^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}\$?$/);
const databaseName = kinds.text('a name', /^[^\0]{1,63}$/);

export const settings = {
  data: setting(kinds.path, './data', {
    names: ['DAYBOOK_DATA'],
    toml: 'data.directory',
    doc: 'Where everything lives: the embedded database, home, scripts, the launcher’s journal, logs. Only one server may use it at a time.',
  }),
  timezone: setting(kinds.timezone, ({ machine }) => machine.timezone, {
    names: ['DAYBOOK_TIMEZONE'],
    toml: 'data.timezone',
    fallbackShown: 'the system’s',
    doc: 'Says when a day begins, for counts, charts, schedules and `date:today`.',
  }),
  logLevel: setting(kinds.logLevel, 'info', {
    names: ['DAYBOOK_LOG_LEVEL'],
    toml: 'log.level',
    doc: 'The least important messages that still reach the log (stderr).',
  }),
  logFormat: setting(kinds.logFormat, 'auto', {
    names: ['DAYBOOK_LOG_FORMAT'],
    toml: 'log.format',
    doc: 'How messages look: one JSON object a line, or for people. `auto` is for people at a terminal, JSON elsewhere.',
  }),
  stopSeconds: setting(kinds.seconds(0), '20', {
    names: ['DAYBOOK_STOP_SECONDS'],
    toml: 'stop.seconds',
    doc: 'Seconds that each part gets to end during a graceful stop before it is left behind.',
  }),
  host: setting(kinds.text('a host name or an address', /^[A-Za-z0-9_.:%-]{1,253}$/), '127.0.0.1', {
    names: ['DAYBOOK_HOST'],
    toml: 'http.host',
    doc: 'Address to listen on. `0.0.0.0` or `::` make the server reachable from other machines.',
  }),
  port: setting(kinds.port, '8000', {
    names: ['DAYBOOK_PORT'],
    toml: 'http.port',
    doc: 'Port of the web interface and the API. `off` switches them off, `0` takes any free port. A port that was set and is taken stops the start; the default one, when taken, only leaves this part off.',
  }),
  publicUrl: optional(kinds.publicUrl, {
    names: ['DAYBOOK_PUBLIC_URL'],
    toml: 'http.public_url',
    doc: 'The address under which people reach the server, for links and origin checks. With https, cookies are Secure and HSTS is sent.',
  }),
  trustProxy: setting(kinds.trustProxy, 'off', {
    names: ['DAYBOOK_TRUST_PROXY'],
    toml: 'http.trust_proxy',
    doc: 'Which reverse proxies may name the client’s address in `X-Forwarded-For`: nobody, so many in front, or these addresses.',
  }),
  openPredecessors: setting(kinds.flag, '0', {
    names: ['DAYBOOK_OPEN_PREDECESSORS'],
    toml: 'http.open_predecessors',
    doc: 'Lets old clients use `/task/…` and `/api/…` without an account. Whoever reaches the port can then run scripts.',
  }),
  urlAllow: setting(kinds.allowedRanges, '', {
    names: ['DAYBOOK_URL_ALLOW'],
    toml: 'urls.allow',
    fallbackShown: 'public addresses only',
    doc: 'Ranges that URL tests may reach besides public addresses, such as `10.1.0.0/16`; `10.2.0.0/16=operator` only for people with that role or a higher one. Old clients without an account have no role.',
  }),
  metricsOpen: setting(kinds.flag, '0', {
    names: ['DAYBOOK_METRICS_OPEN'],
    toml: 'metrics.open',
    doc: 'Lets whoever reaches the port read `/metrics` without an account. It shows names of queues, workers and routes, and how much is done.',
  }),
  metricsPort: setting(kinds.port, 'off', {
    names: ['DAYBOOK_METRICS_PORT'],
    toml: 'metrics.port',
    doc: 'Port on which a process without the web interface (`daybook worker`) answers `/metrics` and `/healthz`.',
  }),
  adminPassword: optional(kinds.secretText, {
    names: ['DAYBOOK_ADMIN_PASSWORD'],
    toml: 'accounts.admin_password',
    secret: 'all',
    doc: 'Password of `admin`, used when that account is made at the first start. Without it a random one is printed once.',
  }),
  secretKey: optional(kinds.key256, {
    names: ['DAYBOOK_SECRET_KEY'],
    toml: 'secrets.key',
    secret: 'all',
    fallbackShown: '`secret-key` in the data directory, made with the first secret',
    doc: 'Key that seals named secrets in the database. The same on every server and worker. Secrets sealed with another key cannot be read any more and must be set again.',
  }),
  smtpUrl: optional(kinds.smtpUrl, {
    names: ['DAYBOOK_SMTP_URL'],
    toml: 'mail.smtp_url',
    secret: 'password',
    fallbackShown: 'no e-mail',
    doc: 'The mail server that notifications are sent through. `smtps` begins with TLS; `smtp` changes to it where the server offers that.',
  }),
  mailFrom: setting(
    kinds.text(
      'an e-mail address, alone or as `Name <address>`',
      /^([^<>@\0\r\n]* <[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+)$/,
    ),
    'Daybook <daybook@localhost>',
    {
      names: ['DAYBOOK_MAIL_FROM'],
      toml: 'mail.from',
      doc: 'Who notifications come from.',
    },
  ),
  mqttUrl: optional(kinds.mqttUrl, {
    names: ['MQTT_URL'],
    toml: 'mqtt.url',
    secret: 'password',
    fallbackShown: 'no MQTT',
    doc: 'The MQTT broker that notifications are published to.',
  }),
  oidcIssuer: optional(kinds.issuerUrl, {
    names: ['DAYBOOK_OIDC_ISSUER'],
    toml: 'oidc.issuer',
    fallbackShown: 'passwords only',
    doc: 'Address of an OpenID Connect provider at which people may sign in. Needs DAYBOOK_OIDC_CLIENT_ID and DAYBOOK_PUBLIC_URL; there, `<public URL>/api/v1/oidc/callback` is the redirect address.',
  }),
  oidcClientId: optional(kinds.text('a client id', /^[^\s]{1,300}$/), {
    names: ['DAYBOOK_OIDC_CLIENT_ID'],
    toml: 'oidc.client_id',
    doc: 'How the provider knows this server.',
  }),
  oidcClientSecret: optional(kinds.secretText, {
    names: ['DAYBOOK_OIDC_CLIENT_SECRET'],
    toml: 'oidc.client_secret',
    secret: 'all',
    doc: 'The secret that goes with it; left out for a public client.',
  }),
  oidcScopes: setting(
    kinds.text('scopes with `openid` among them', /(^| )openid( |$)/),
    'openid profile email',
    {
      names: ['DAYBOOK_OIDC_SCOPES'],
      toml: 'oidc.scopes',
      doc: 'What is asked of the provider, separated by blanks.',
    },
  ),
  oidcRoleClaim: setting(kinds.text('the name of a claim', /^[^\s]{1,200}$/), 'groups', {
    names: ['DAYBOOK_OIDC_ROLE_CLAIM'],
    toml: 'oidc.role_claim',
    doc: 'The claim that lists somebody’s groups.',
  }),
  oidcRoles: setting(kinds.groupRoles, '', {
    names: ['DAYBOOK_OIDC_ROLES'],
    toml: 'oidc.roles',
    fallbackShown: 'none: roles are given here',
    doc: 'Which group has which role; of several the highest. Where set, it counts at every login.',
  }),
  oidcDefaultRole: setting(kinds.roleOrNone, 'viewer', {
    names: ['DAYBOOK_OIDC_DEFAULT_ROLE'],
    toml: 'oidc.default_role',
    doc: 'Role of who is in none of these groups. `none` refuses them.',
  }),
  slots: setting(
    kinds.integer(1, 1024),
    ({ machine }) => String(Math.min(1024, Math.max(2, machine.cores * 2))),
    {
      names: ['DAYBOOK_SLOTS'],
      toml: 'worker.slots',
      fallbackShown: 'twice the cores, at least 2',
      doc: 'How many jobs this worker runs at once.',
    },
  ),
  queues: setting(kinds.list('queue names', namePattern), 'default', {
    names: ['DAYBOOK_QUEUES'],
    toml: 'worker.queues',
    doc: 'Queues from which this worker takes jobs.',
  }),
  labels: setting(kinds.list('labels', /^[A-Za-z0-9][A-Za-z0-9_.:=/-]{0,63}$/), '', {
    names: ['DAYBOOK_LABELS'],
    toml: 'worker.labels',
    fallbackShown: 'none',
    doc: 'What this worker offers. A job that asks for labels runs only on a worker that has them all.',
  }),
  workerName: setting(
    kinds.text('a name of letters, digits, `.`, `_` and `-`', namePattern),
    ({ machine }) =>
      machine.hostName
        .replaceAll(/[^A-Za-z0-9_.-]/g, '-')
        .replace(/^[^A-Za-z0-9]+/, '')
        .slice(0, 64) || 'worker',
    {
      names: ['DAYBOOK_WORKER_NAME'],
      toml: 'worker.name',
      fallbackShown: 'the host name',
      doc: 'How this worker is called on the page of workers and in the records of its attempts.',
    },
  ),
  leaseSeconds: setting(kinds.seconds(0.5), '60', {
    names: ['DAYBOOK_LEASE_SECONDS'],
    toml: 'worker.lease_seconds',
    doc: 'Seconds of silence after which a worker counts as lost and its jobs are taken back. Equal on all workers.',
  }),
  killGraceSeconds: setting(kinds.seconds(0), '10', {
    names: ['DAYBOOK_KILL_GRACE_SECONDS'],
    toml: 'worker.kill_grace_seconds',
    doc: 'Seconds between SIGTERM and SIGKILL when a program is to end.',
  }),
  jobTimeoutSeconds: optional(kinds.seconds(0.1), {
    names: ['DAYBOOK_JOB_TIMEOUT_SECONDS'],
    toml: 'worker.job_timeout_seconds',
    fallbackShown: 'none',
    doc: 'Seconds after which a job that names no limit of its own is ended.',
  }),
  outputLimit: setting(kinds.size(1024), '1GiB', {
    names: ['DAYBOOK_OUTPUT_LIMIT'],
    toml: 'worker.output_limit',
    doc: 'Output kept per attempt, both streams together; what follows is counted and thrown away.',
  }),
  fileLimit: setting(kinds.size(1024), '1GiB', {
    names: ['DAYBOOK_FILE_LIMIT'],
    toml: 'files.limit',
    doc: 'Largest file that a job may take or make.',
  }),
  madeFilesLimit: setting(kinds.size(1024), '4GiB', {
    names: ['DAYBOOK_MADE_FILES_LIMIT'],
    toml: 'files.made_limit',
    doc: 'Files kept per attempt, all together; what is left out is named in the history of the job.',
  }),
  jobMemory: optional(kinds.size(1024 ** 2), {
    names: ['DAYBOOK_JOB_MEMORY'],
    toml: 'worker.job_memory',
    fallbackShown: 'none',
    doc: 'Memory of a job that names no limit of its own, all its processes together.',
  }),
  jobCpuSeconds: optional(kinds.seconds(0.1), {
    names: ['DAYBOOK_JOB_CPU_SECONDS'],
    toml: 'worker.job_cpu_seconds',
    fallbackShown: 'none',
    doc: 'CPU seconds of a job that names no limit of its own, all its processes together.',
  }),
  jobProcesses: optional(kinds.integer(1, 1_000_000), {
    names: ['DAYBOOK_JOB_PROCESSES'],
    toml: 'worker.job_processes',
    fallbackShown: 'none',
    doc: 'How many processes a job that names no limit of its own may have at once.',
  }),
  jobOpenFiles: optional(kinds.integer(16, 1_000_000), {
    names: ['DAYBOOK_JOB_OPEN_FILES'],
    toml: 'worker.job_open_files',
    fallbackShown: 'what the worker itself may',
    doc: 'Files that each process of a job that names no limit of its own may have open.',
  }),
  jobNice: setting(kinds.integer(0, 19), '0', {
    names: ['DAYBOOK_JOB_NICE'],
    toml: 'worker.job_nice',
    doc: 'Niceness of a job that names none: how much it steps back when others want the processor.',
  }),
  limitWarning: setting(kinds.integer(0, 100), '80', {
    names: ['DAYBOOK_LIMIT_WARN_PERCENT'],
    toml: 'worker.limit_warn_percent',
    doc: 'From this part of a limit on, in percent, the job gets an event and a tag that say so. `0`: never.',
  }),
  minFreeDisk: setting(kinds.size(0), '1GiB', {
    names: ['DAYBOOK_MIN_FREE_DISK'],
    toml: 'worker.min_free_disk',
    doc: 'Free space for home and data below which the worker takes no new work.',
  }),
  stopFreeDisk: setting(kinds.size(0), '256MiB', {
    names: ['DAYBOOK_STOP_FREE_DISK'],
    toml: 'data.stop_free_disk',
    doc: 'Free space for data and the embedded database below which nothing more is accepted: the rest is for what runs, so that it can end.',
  }),
  workerUser: optional(account, {
    names: ['WORKER_USER'],
    toml: 'worker.user',
    fallbackShown: '`nobody` when started as root, else whoever starts the server',
    doc: 'The account that programs run as. Another than one’s own needs root. `root` must be said here to happen.',
  }),
  workerGroup: optional(account, {
    names: ['WORKER_GROUP'],
    toml: 'worker.group',
    fallbackShown: 'the main group of that account',
    doc: 'The group that programs run as.',
  }),
  home: setting(kinds.path, ({ dataDirectory }) => `${dataDirectory}/homedir`, {
    names: ['WORKER_DIRECTORY_PATH'],
    toml: 'worker.home',
    fallbackShown: '`homedir` in the data directory',
    doc: 'The home directory: programs start in it; uploads and FTP see it.',
  }),
  scripts: setting(kinds.path, ({ dataDirectory }) => `${dataDirectory}/scripts`, {
    names: ['WORKER_SCRIPT_PATH'],
    toml: 'worker.scripts',
    fallbackShown: '`scripts` in the data directory',
    doc: 'The programs that script jobs may name. Never inside home nor around it, else an upload could become a program.',
  }),
  stdoutCopies: optional(kinds.path, {
    names: ['WORKER_STDOUT_PATH'],
    toml: 'worker.stdout_copies',
    fallbackShown: 'no copies',
    doc: 'A directory that also receives the standard output of every script job, as `<uid>_stdout.log`.',
  }),
  stderrCopies: optional(kinds.path, {
    names: ['WORKER_STDERR_PATH'],
    toml: 'worker.stderr_copies',
    fallbackShown: 'no copies',
    doc: 'The same for standard error, as `<uid>_stderr.log`.',
  }),
  allowShell: setting(kinds.flag, '0', {
    names: ['WORKER_ALLOW_SHELL'],
    toml: 'worker.allow_shell',
    doc: 'Lets jobs name any program on PATH, not only scripts. Whoever may submit can then run everything the worker’s account may.',
  }),
  databaseUrl: optional(kinds.databaseUrl, {
    names: ['DATABASE_URL'],
    toml: 'database.url',
    secret: 'password',
    fallbackShown: 'the embedded PostgreSQL',
    doc: 'A PostgreSQL server (15 or newer) to use instead of the embedded one. Needed by workers on other machines.',
  }),
  databaseHost: optional(
    kinds.text('a host name, an address or the folder of a socket', /^[^\s\0]{1,253}$/),
    {
      names: ['DATABASE_HOSTNAME'],
      toml: 'database.host',
      fallbackShown: '`localhost` when one of the other `DATABASE_*` is set',
      doc: 'Host of that server. Any of the `DATABASE_*` parts makes Daybook use a server; they replace `DATABASE_URL`.',
    },
  ),
  databasePort: optional(kinds.integer(1, 65_535), {
    names: ['DATABASE_PORT'],
    toml: 'database.port',
    fallbackShown: '5432',
    doc: 'Port of that server.',
  }),
  databaseUser: optional(databaseName, {
    names: ['DATABASE_USER'],
    toml: 'database.user',
    fallbackShown: '`postgres`',
    doc: 'Account on that server.',
  }),
  databasePassword: optional(kinds.secretText, {
    names: ['DATABASE_PASSWORD'],
    toml: 'database.password',
    secret: 'all',
    doc: 'Password of that account.',
  }),
  databaseName: optional(databaseName, {
    names: ['DATABASE_NAME'],
    toml: 'database.name',
    fallbackShown: '`daybook`',
    doc: 'Database on that server.',
  }),
  databasePool: setting(kinds.integer(2, 90), '10', {
    names: ['DAYBOOK_DATABASE_POOL'],
    toml: 'database.pool',
    doc: 'Connections that this process keeps at most.',
  }),
} satisfies Record<string, Setting<unknown>>;

export type SettingKey = keyof typeof settings;

/** The value of every setting, typed by its kind. */
export type SettingValues = {
  readonly [Key in SettingKey]: (typeof settings)[Key] extends Setting<infer T> ? T : never;
};

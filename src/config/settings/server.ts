import { optional, setting, type SettingTree } from '../setting.ts';
import * as types from '../value-types.ts';

export const serverSettings = {
  data: {
    directory: setting(types.path, './data', {
      names: ['DAYBOOK_DATA'],
      toml: 'data.directory',
      doc: 'Where everything lives: the embedded database, home, scripts, the launcher’s journal, logs. Only one server may use it at a time.',
    }),
    homeDirectory: setting(types.path, ({ dataDirectory }) => `${dataDirectory}/homedir`, {
      names: ['WORKER_DIRECTORY_PATH'],
      toml: 'worker.home',
      fallbackShown: '`homedir` in the data directory',
      doc: 'The home directory: programs start in it; uploads and FTP see it.',
    }),
    scriptsDirectory: setting(types.path, ({ dataDirectory }) => `${dataDirectory}/scripts`, {
      names: ['WORKER_SCRIPT_PATH'],
      toml: 'worker.scripts',
      fallbackShown: '`scripts` in the data directory',
      doc: 'The programs that script jobs may name. Never inside home nor around it, else an upload could become a program.',
    }),
    stopFreeBytes: setting(types.size(0), '256MiB', {
      names: ['DAYBOOK_STOP_FREE_DISK'],
      toml: 'data.stop_free_disk',
      doc: 'Free space for data and the embedded database below which nothing more is accepted: the rest is for what runs, so that it can end.',
    }),
  },
  home: {
    isPerUser: setting(types.flag, '0', {
      names: ['DAYBOOK_HOME_PER_USER'],
      toml: 'home.per_user',
      doc: 'Gives each account a folder of its own in the home directory, named like it: all that it sees by FTP, and where its programs start. Those of others it does not see; operators of the machine do, and FTP_USER.',
    }),
  },
  timezone: setting(types.timezone, ({ machine }) => machine.timezone, {
    names: ['DAYBOOK_TIMEZONE'],
    toml: 'data.timezone',
    fallbackShown: 'the system’s',
    doc: 'Says when a day begins, for counts, charts, schedules and `date:today`.',
  }),
  logLevel: setting(types.oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']), 'info', {
    names: ['DAYBOOK_LOG_LEVEL'],
    toml: 'log.level',
    doc: 'The least important messages that still reach the log (stderr).',
  }),
  logFormat: setting(types.oneOf(['auto', 'json', 'pretty']), 'auto', {
    names: ['DAYBOOK_LOG_FORMAT'],
    toml: 'log.format',
    doc: 'How messages look: one JSON object a line, or for people. `auto` is for people at a terminal, JSON elsewhere.',
  }),
  schedules: {
    graceMs: setting(types.milliseconds(0), '10', {
      names: ['DAYBOOK_SCHEDULE_GRACE_SECONDS'],
      toml: 'schedules.grace_seconds',
      doc: 'Seconds that a moment of a schedule may pass before it is looked at and still be kept. A later one is missed: `skip` passes it over, `once` and `all` make up for it.',
    }),
  },
  stop: {
    deadlineMs: setting(types.milliseconds(0), '20', {
      names: ['DAYBOOK_STOP_SECONDS'],
      toml: 'stop.seconds',
      doc: 'Seconds that each part gets to end during a graceful stop before it is left behind.',
    }),
  },
  http: {
    host: setting(types.host('a host name or an address', /^[A-Za-z0-9_.:%-]{1,253}$/), '127.0.0.1', {
      names: ['DAYBOOK_HOST'],
      toml: 'http.host',
      doc: 'Address to listen on. `0.0.0.0` or `::` make the server reachable from other machines.',
    }),
    port: setting(types.port, '8000', {
      names: ['DAYBOOK_PORT'],
      toml: 'http.port',
      doc: 'Port of the web interface and the API. `off` switches them off, `0` takes any free port. A port that was set and is taken stops the start; the default one, when taken, only leaves this part off.',
    }),
    publicUrl: optional(types.publicUrl, {
      names: ['DAYBOOK_PUBLIC_URL'],
      toml: 'http.public_url',
      doc: 'The address under which people reach the server, for links and origin checks. With https, cookies are Secure and HSTS is sent.',
    }),
    extraHosts: setting(types.list('host names', /^[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?$/i), '', {
      names: ['DAYBOOK_HOSTS'],
      toml: 'http.hosts',
      fallbackShown: 'none',
      doc: 'Further names of this server, without port: a browser that comes by another one with a dot in it is refused, since a foreign page could have pointed that name here. Known are DAYBOOK_PUBLIC_URL, DAYBOOK_HOST, addresses, and the name of the machine; requests with an Authorization header and `/healthz` need none.',
    }),
    trustProxy: setting(types.trustProxy, 'off', {
      names: ['DAYBOOK_TRUST_PROXY'],
      toml: 'http.trust_proxy',
      doc: 'Which reverse proxies may name the client’s address in `X-Forwarded-For`: nobody, so many in front, or these addresses.',
    }),
    openPredecessors: setting(types.flag, '0', {
      names: ['DAYBOOK_OPEN_PREDECESSORS'],
      toml: 'http.open_predecessors',
      doc: 'Lets old clients use `/task/…` and `/api/…` without an account. Whoever reaches the port can then run scripts.',
      cautionOf: (isOpen) =>
        isOpen
          ? {
              text: 'Whoever reaches the port can run scripts without an account.',
              advice: 'Unset DAYBOOK_OPEN_PREDECESSORS.',
            }
          : null,
    }),
  },
  metrics: {
    isOpen: setting(types.flag, '0', {
      names: ['DAYBOOK_METRICS_OPEN'],
      toml: 'metrics.open',
      doc: 'Lets whoever reaches the port read `/metrics` without an account. It shows names of queues, workers and routes, and how much is done.',
    }),
    port: setting(types.port, 'off', {
      names: ['DAYBOOK_METRICS_PORT'],
      toml: 'metrics.port',
      doc: 'Port on which a process without the web interface (`daybook worker`) answers `/metrics` and `/healthz`.',
    }),
  },
  senders: {
    smtpUrl: optional(types.smtpUrl, {
      names: ['DAYBOOK_SMTP_URL'],
      toml: 'mail.smtp_url',
      secret: 'password',
      fallbackShown: 'no e-mail',
      doc: 'The mail server that notifications are sent through. `smtps` begins with TLS; `smtp` changes to it where the server offers that.',
    }),
    mailFrom: setting(
      types.text(
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
    mqttUrl: optional(types.mqttUrl, {
      names: ['MQTT_URL'],
      toml: 'mqtt.url',
      secret: 'password',
      fallbackShown: 'no MQTT',
      doc: 'The MQTT broker that notifications are published to.',
    }),
  },
} satisfies SettingTree;

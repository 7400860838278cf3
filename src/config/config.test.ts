import { describe, expect, it } from 'vitest';
import { isAppError, type AppError } from '../contract/errors.ts';
import { kinds } from '../kinds/list.ts';
import { describeConfig, loadConfig, type Config } from './config.ts';

const machine = { directory: '/srv/daybook', cores: 4, hostName: 'ares.lab', timezone: 'Europe/Madrid' };

function load(env: Record<string, string | undefined> = {}, toml?: string): Config {
  return loadConfig(env, toml, { machine, kinds: kinds.list });
}

function refusal(env: Record<string, string | undefined>, toml?: string): AppError {
  try {
    load(env, toml);
  } catch (error) {
    if (isAppError(error)) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('defaults', () => {
  it('need no setting at all', () => {
    const config = load();
    expect(config.data).toEqual({
      directory: '/srv/daybook/data',
      homeDirectory: '/srv/daybook/data/homedir',
      scriptsDirectory: '/srv/daybook/data/scripts',
      pinnedDirectory: '/srv/daybook/data/pinned-scripts',
      attemptsDirectory: '/srv/daybook/data/attempts',
      stopFreeBytes: 256 * 2 ** 20,
      launcherDirectory: '/srv/daybook/data/launcher',
      logsDirectory: '/srv/daybook/data/logs',
    });
    expect(config.http).toEqual({
      host: '127.0.0.1',
      port: 8000,
      portIsChosen: false,
      publicUrl: undefined,
      extraHosts: [],
      trustProxy: false,
      openPredecessors: false,
    });
    expect(config.worker).toMatchObject({
      slots: 8,
      queues: ['*'],
      labels: [],
      name: 'ares.lab',
      leaseMs: 60_000,
      killGraceMs: 10_000,
      jobTimeoutMs: undefined,
      outputLimitBytes: 2 ** 30,
      minFreeDiskBytes: 2 ** 30,
    });
    expect(config.kinds).toMatchObject({ script: { allowShell: false }, url: { allowed: [] }, bulk: {} });
    expect(config.database).toEqual({ kind: 'embedded', poolSize: 10 });
    expect(config.timezone).toBe('Europe/Madrid');
    expect(config.stop.deadlineMs).toBe(20_000);
    expect(config.warnings).toEqual([]);
  });

  it('give a machine of one core two slots', () => {
    expect(loadConfig({}, undefined, { machine: { ...machine, cores: 1 } }).worker.slots).toBe(2);
  });

  it('make a usable worker name of any host name', () => {
    const odd = { ...machine, hostName: '--my host!' };
    expect(loadConfig({}, undefined, { machine: odd }).worker.name).toBe('my-host-');
  });

  it('are frozen all the way down', () => {
    const config = load({ DAYBOOK_TRUST_PROXY: '10.0.0.0/8' });
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.worker.queues)).toBe(true);
    expect(Object.isFrozen(config.http.trustProxy)).toBe(true);
  });
});

describe('sources', () => {
  it('the environment wins over the file, the file over the default', () => {
    const config = load({ DAYBOOK_PORT: '9000' }, '[http]\nport = 7000\nhost = "::1"\n');
    expect(config.http).toMatchObject({ port: 9000, host: '::1', portIsChosen: true });
    const origins = new Map(describeConfig(config).map((row) => [row.name, row.origin]));
    expect(origins.get('DAYBOOK_PORT')).toBe('environment');
    expect(origins.get('DAYBOOK_HOST')).toBe('daybook.toml');
    expect(origins.get('DAYBOOK_SLOTS')).toBe('default');
  });

  it('an empty variable counts as not set', () => {
    expect(load({ DAYBOOK_PORT: '' }).http).toMatchObject({ port: 8000, portIsChosen: false });
  });

  it('the file may use numbers, truth values and lists', () => {
    const config = load(
      {},
      '[worker]\nslots = 3\nallow_shell = true\nqueues = ["a", "b"]\nlease_seconds = 0.5\n',
    );
    expect(config.worker).toMatchObject({ slots: 3, queues: ['a', 'b'], leaseMs: 500 });
    expect(config.kinds).toMatchObject({ script: { allowShell: true } });
  });

  it('home and scripts follow the data directory', () => {
    const { data } = load({ DAYBOOK_DATA: '../elsewhere' });
    expect(data.homeDirectory).toBe('/srv/elsewhere/homedir');
    expect(data.scriptsDirectory).toBe('/srv/elsewhere/scripts');
  });

  it('rows show effective values and no secret', () => {
    const config = load({
      DAYBOOK_ADMIN_PASSWORD: 'hunter2',
      DATABASE_URL: 'postgres://ana:s3cret@db/daybook',
      DAYBOOK_DATA: 'here',
    });
    const rows = new Map(describeConfig(config).map((row) => [row.name, row.value]));
    expect(rows.get('DAYBOOK_DATA')).toBe('/srv/daybook/here');
    expect(rows.get('DATABASE_URL')).toBe('postgres://ana:••••••@db/daybook');
    expect(JSON.stringify(describeConfig(config))).not.toMatch(/hunter2|s3cret/);
    expect(config.accounts.adminPassword).toBe('hunter2');
  });
});

describe('values', () => {
  it.each([
    ['DAYBOOK_PORT', 'off', (config: Config) => config.http.port, 'off'],
    ['DAYBOOK_PORT', '0', (config: Config) => config.http.port, 0],
    [
      'DAYBOOK_PUBLIC_URL',
      'https://jobs.example/',
      (config: Config) => config.http.publicUrl,
      'https://jobs.example',
    ],
    [
      'DAYBOOK_HOSTS',
      'jobs, Jobs.lab.example',
      (config: Config) => config.http.extraHosts,
      ['jobs', 'Jobs.lab.example'],
    ],
    ['DAYBOOK_HOST', '[::1]', (config: Config) => config.http.host, '::1'],
    ['DAYBOOK_TRUST_PROXY', '2', (config: Config) => config.http.trustProxy, 2],
    [
      'DAYBOOK_TRUST_PROXY',
      '10.0.0.0/8, ::1',
      (config: Config) => config.http.trustProxy,
      ['10.0.0.0/8', '::1'],
    ],
    ['DAYBOOK_OUTPUT_LIMIT', '512MiB', (config: Config) => config.worker.outputLimitBytes, 512 * 2 ** 20],
    ['DAYBOOK_OUTPUT_LIMIT', '1.5 kB', (config: Config) => config.worker.outputLimitBytes, 1500],
    ['DAYBOOK_MIN_FREE_DISK', '0', (config: Config) => config.worker.minFreeDiskBytes, 0],
    ['DAYBOOK_LEASE_SECONDS', '0.5', (config: Config) => config.worker.leaseMs, 500],
    ['DAYBOOK_QUEUES', 'a, b,a', (config: Config) => config.worker.queues, ['a', 'b']],
    ['DAYBOOK_TIMEZONE', 'UTC', (config: Config) => config.timezone, 'UTC'],
    ['WORKER_ALLOW_SHELL', 'true', (config: Config) => config.kinds['script'], { allowShell: true }],
  ])('%s=%s is understood', (name, text, read, expected) => {
    expect(read(load({ [name]: text }))).toEqual(expected);
  });

  it.each([
    ['DAYBOOK_PORT', '65536'],
    ['DAYBOOK_PORT', '80a'],
    ['DAYBOOK_PORT', '-1'],
    ['DAYBOOK_HOST', 'two words'],
    ['DAYBOOK_PUBLIC_URL', 'jobs.example'],
    ['DAYBOOK_PUBLIC_URL', 'ftp://jobs.example'],
    ['DAYBOOK_PUBLIC_URL', 'https://jobs.example/daybook'],
    ['DAYBOOK_HOSTS', 'https://jobs.example'],
    ['DAYBOOK_HOSTS', 'jobs.example:8000'],
    ['DAYBOOK_TRUST_PROXY', 'yes'],
    ['DAYBOOK_TRUST_PROXY', '10.0.0.0/33'],
    ['DAYBOOK_TIMEZONE', 'Mars/Olympus'],
    ['DAYBOOK_TIMEZONE', '+02:00'],
    ['DAYBOOK_SLOTS', '0'],
    ['DAYBOOK_SLOTS', '1025'],
    ['DAYBOOK_SLOTS', '1e2'],
    ['DAYBOOK_LEASE_SECONDS', '0.4'],
    ['DAYBOOK_LEASE_SECONDS', '1m'],
    ['DAYBOOK_OUTPUT_LIMIT', '1023'],
    ['DAYBOOK_OUTPUT_LIMIT', '1 parsec'],
    ['DAYBOOK_QUEUES', 'a;b'],
    ['DAYBOOK_LOG_LEVEL', 'loud'],
    ['DAYBOOK_OPEN_PREDECESSORS', '2'],
    ['DATABASE_URL', 'mysql://db/daybook'],
    ['DATABASE_PORT', 'five'],
    ['WORKER_USER', 'ana;id'],
  ])('%s=%s is refused and never replaced by the default', (name, text) => {
    const error = refusal({ [name]: text });
    expect(error.code).toBe('configuration');
    expect(error.details.map((detail) => detail.field)).toEqual([name]);
    expect(error.message).toContain(`${name} is`);
    expect(error.message).toContain('expected');
  });

  it('a malformed secret is not repeated', () => {
    expect(refusal({ DATABASE_URL: 'ana:s3cret@db' }).message).not.toContain('s3cret');
  });
});

describe('problems', () => {
  it('are reported all at once', () => {
    const error = refusal(
      { DAYBOOK_PORT: 'x', DAYBOOK_SLTS: '2', WORKER_SCRIPT_PATH: '/h/s', WORKER_DIRECTORY_PATH: '/h' },
      '[worker]\nslots = 0\n',
    );
    expect(error.details.map((detail) => detail.field).sort()).toEqual(
      ['DAYBOOK_PORT', 'DAYBOOK_SLTS', 'WORKER_SCRIPT_PATH', 'worker.slots'].sort(),
    );
    expect(error.message).toContain('4 problems');
    for (const detail of error.details) expect(error.message).toContain(detail.message.replace(/[.?]$/, ''));
  });

  it('a likely typing error stops the start and names what was meant', () => {
    expect(refusal({ DAYBOOK_SLOST: '2' }).message).toContain(
      'DAYBOOK_SLOST is no setting; did you mean DAYBOOK_SLOTS?',
    );
    expect(refusal({}, '[http]\nprot = 1\n').message).toContain('did you mean http.port?');
  });

  it('any other unknown name is a warning', () => {
    const config = load({ DAYBOOK_SOMETHING_ELSE: '1' }, '[mail]\nserver = "x"\n');
    expect(config.warnings).toEqual([
      'DAYBOOK_SOMETHING_ELSE is no setting and has no effect.',
      'mail.server is no setting and has no effect.',
    ]);
  });

  it('names of the command line, of jobs and of tests are known', () => {
    const names = ['URL', 'TOKEN', 'USER', 'PASSWORD', 'JOB_ID', 'ATTEMPT', 'CONFIG', 'TEST_DATABASE_URL'];
    expect(load(Object.fromEntries(names.map((name) => [`DAYBOOK_${name}`, 'x']))).warnings).toEqual([]);
  });

  it('names of parts to come are known, but said to do nothing', () => {
    expect(load({ AMQP_URL: 'amqp://localhost' }).warnings).toEqual([
      'AMQP_URL is set, but nothing in this version uses it.',
    ]);
  });

  it('a broken file is named with its line', () => {
    expect(refusal({}, '[http]\nport = = 1\n').message).toMatch(/daybook\.toml, line 2, column \d+: /);
    expect(refusal({}, '[http.deep]\nport = 1\n').details[0]?.field).toBe('http.deep');
    expect(refusal({}, '[worker]\nqueues = ["a,b"]\n').details[0]?.field).toBe('worker.queues');
  });
});

describe('directories', () => {
  it.each([
    { WORKER_DIRECTORY_PATH: '/h', WORKER_SCRIPT_PATH: '/h/scripts' },
    { WORKER_DIRECTORY_PATH: '/s/home', WORKER_SCRIPT_PATH: '/s' },
    { WORKER_DIRECTORY_PATH: '/h', WORKER_SCRIPT_PATH: '/h' },
    { WORKER_DIRECTORY_PATH: 'data/scripts/x' },
  ])('scripts and home never lie inside each other: %o', (env) => {
    expect(refusal(env).details.map((detail) => detail.field)).toContain('WORKER_SCRIPT_PATH');
  });

  it('home never contains the data directory', () => {
    expect(refusal({ WORKER_DIRECTORY_PATH: '/srv', WORKER_SCRIPT_PATH: '/opt/s' }).details[0]?.field).toBe(
      'WORKER_DIRECTORY_PATH',
    );
  });

  it('a name that only begins alike lies outside', () => {
    expect(() => load({ WORKER_DIRECTORY_PATH: '/h', WORKER_SCRIPT_PATH: '/h-scripts' })).not.toThrow();
  });
});

describe('database', () => {
  it('any part makes a server be used', () => {
    expect(load({ DATABASE_HOSTNAME: 'db', DATABASE_PASSWORD: ' x ' }).database).toEqual({
      kind: 'server',
      poolSize: 10,
      connection: { host: 'db', port: 5432, user: 'postgres', password: ' x ', database: 'daybook' },
    });
  });

  it('an address and a part that says something else are refused, both named', () => {
    const error = refusal({ DATABASE_URL: 'postgres://ana@db/daybook', DATABASE_USER: 'eva' });
    expect(error.message).toContain('DATABASE_URL and DATABASE_USER');
  });

  it('an address and parts that agree are accepted', () => {
    const env = { DATABASE_URL: 'postgres://ana@db/daybook', DATABASE_USER: 'ana', DATABASE_PORT: '5432' };
    expect(load(env).database).toMatchObject({ connection: { connectionString: env.DATABASE_URL } });
    const ipv6 = { DATABASE_URL: 'postgres://ana@[::1]/daybook', DATABASE_HOSTNAME: '::1' };
    expect(load(ipv6).database).toMatchObject({ connection: { connectionString: ipv6.DATABASE_URL } });
  });

  it('an IPv6 address stands in brackets or without', () => {
    for (const host of ['::1', '[::1]'])
      expect(load({ DATABASE_HOSTNAME: host }).database).toMatchObject({ connection: { host: '::1' } });
  });
});

describe('the identity provider', () => {
  const issuer = { DAYBOOK_OIDC_ISSUER: 'https://id.example/realms/one' };

  it('needs a client id and a public address, and says both at once', () => {
    expect(() => loadConfig(issuer)).toThrow(
      /DAYBOOK_OIDC_CLIENT_ID is needed.*DAYBOOK_PUBLIC_URL is needed/,
    );
  });

  it('maps groups to roles; a default of none refuses', () => {
    const { oidc } = loadConfig({
      ...issuer,
      DAYBOOK_OIDC_CLIENT_ID: 'daybook',
      DAYBOOK_PUBLIC_URL: 'https://jobs.example',
      DAYBOOK_OIDC_ROLES: 'cn=ops=operator, staff = member',
      DAYBOOK_OIDC_DEFAULT_ROLE: 'none',
    });
    expect(oidc).toMatchObject({
      roles: [
        ['cn=ops', 'operator'],
        ['staff', 'member'],
      ],
      defaultRole: null,
    });
    expect(() => loadConfig({ ...issuer, DAYBOOK_OIDC_ROLES: 'staff=king' })).toThrow(
      'DAYBOOK_OIDC_ROLES is "staff=king"',
    );
  });
});

describe('FTP', () => {
  it('listens where the web does, on 2121, and a port that somebody chose is known as such', () => {
    expect(load({ DAYBOOK_HOST: '0.0.0.0' }).ftp).toMatchObject({
      host: '0.0.0.0',
      port: 2121,
      portIsChosen: false,
      user: null,
    });
    expect(load({ FTP_PORT: '2100', FTP_HOSTNAME: '::1' }).ftp).toMatchObject({
      host: '::1',
      port: 2100,
      portIsChosen: true,
    });
  });

  it('shows the home directory and nothing else', () => {
    expect(load({ FTP_DIRECTORY: './data/homedir' }).ftp.user).toBeNull();
    expect(refusal({ FTP_DIRECTORY: '/srv/files' }).message).toContain(
      'FTP shows the home directory, /srv/daybook/data/homedir',
    );
  });

  it('takes neither a name without a password nor a certificate without a key', () => {
    expect(load({ FTP_USER: 'old', FTP_PASSWORD: 'secret' }).ftp.user).toEqual({
      name: 'old',
      password: 'secret',
    });
    expect(refusal({ FTP_USER: 'old' }).message).toContain('FTP_PASSWORD is missing');
    expect(refusal({ DAYBOOK_TLS_KEY: 'k.pem' }).message).toContain('DAYBOOK_TLS_CERT is missing');
    expect(refusal({ DAYBOOK_FTP_TLS_REQUIRED: '1' }).message).toContain('needs DAYBOOK_TLS_CERT');
    expect(refusal({ DAYBOOK_FTPS_PORT: '990' }).message).toContain('needs DAYBOOK_TLS_CERT');
    expect(load({ DAYBOOK_TLS_CERT: 'c.pem', DAYBOOK_TLS_KEY: 'k.pem' }).tls).toEqual({
      certificateFile: '/srv/daybook/c.pem',
      keyFile: '/srv/daybook/k.pem',
    });
  });

  it('has ports for passive connections that any user may take', () => {
    expect(load({ DAYBOOK_FTP_PASSIVE_PORTS: '50000-50999' }).ftp.passivePorts).toEqual({
      first: 50_000,
      last: 50_999,
    });
    for (const range of ['50000', '50999-50000', '20-100', '60000-70000'])
      expect(refusal({ DAYBOOK_FTP_PASSIVE_PORTS: range }).message).toContain('expected a range of ports');
  });
});

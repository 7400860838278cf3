import { join, relative } from 'node:path';
import type { Role } from '../contract/actor.ts';
import { AppError, type ErrorDetail } from '../contract/errors.ts';
import { databaseConfig, type DatabaseConfig } from './database.ts';
import { checkEnvironmentNames, checkTomlKeys } from './known-names.ts';
import { thisMachine, type Machine } from './machine.ts';
import { settings } from './registry.ts';
import { resolveSetting, type SettingRow, type Sources } from './resolve.ts';
import {
  isSetting,
  listSettings,
  type Caution,
  type KindSettings,
  type SettingTree,
  type ValuesOf,
} from './setting.ts';
import { readToml } from './sources.ts';

export type { DatabaseConfig } from './database.ts';
export type { SettingRow } from './resolve.ts';

/** What the registry says, as it was set or by its defaults. */
type Values = ValuesOf<typeof settings>;

/** Absolute paths. */
export interface DataConfig extends Readonly<Values['data']> {
  /** Kept texts of scripts, written to be run again. */
  readonly pinnedDirectory: string;
  /** Folders of running attempts, for the files they take and make. */
  readonly attemptsDirectory: string;
  readonly launcherDirectory: string;
  readonly logsDirectory: string;
}

export interface HttpConfig extends Readonly<Values['http']> {
  /** A port that someone chose must be had; the default one may be given up. */
  readonly portIsChosen: boolean;
}

export interface FtpConfig extends Omit<Values['ftp'], 'host' | 'user' | 'password'> {
  readonly host: string;
  readonly portIsChosen: boolean;
  /** What FTP_USER has to say; null: there is none. */
  readonly user: { readonly name: string; readonly password: string } | null;
}

/** Both files, in PEM. */
export interface TlsConfig {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface WorkerConfig extends Omit<Values['worker'], 'jobLimits' | 'jobNice' | 'limitWarnPercent'> {
  /** For jobs that name none of their own. */
  readonly jobLimits: Given<Values['worker']['jobLimits']>;
  /** Null: 0. */
  readonly jobNice: number | null;
  /** Fraction of a limit from which on it counts as near; null: never. */
  readonly limitWarnAt: number | null;
}

/** Complete, since half of it would look as if it worked. */
export interface OidcConfig extends Omit<Values['oidc'], 'issuer' | 'clientId' | 'defaultRole'> {
  readonly issuer: string;
  readonly clientId: string;
  readonly publicUrl: string;
  /** Null: who has no group is refused. */
  readonly defaultRole: Role | null;
}

/** A setting of the registry stands here by itself; what is said below is made from several. */
export interface Config extends Omit<
  Values,
  'data' | 'http' | 'tls' | 'ftp' | 'worker' | 'database' | 'oidc' | 'secrets'
> {
  readonly data: DataConfig;
  readonly http: HttpConfig;
  /** Null: there is no certificate. */
  readonly tls: TlsConfig | null;
  readonly ftp: FtpConfig;
  readonly worker: WorkerConfig;
  readonly database: DatabaseConfig;
  readonly oidc: OidcConfig | null;
  readonly secrets: Values['secrets'] & { readonly keyFile: string };
  /** The settings of each kind of job, by its name; what they are, that kind knows. */
  readonly kinds: Readonly<Record<string, unknown>>;
  /** Sentences for the log: names that have no effect. */
  readonly warnings: readonly string[];
  /** What works, and somebody should have meant. */
  readonly cautions: readonly Caution[];
  /** Every setting with its origin, secrets masked. */
  readonly settings: readonly SettingRow[];
}

/** Only what was set. */
type Given<T> = { readonly [Key in keyof T]?: NonNullable<T[Key]> };

/**
 * The whole configuration, frozen.
 * @param toml the text of daybook.toml, when there is one
 * @param options.kinds those that bring settings along
 * @throws AppError `configuration` with every problem at once, one detail each
 */
export function loadConfig(
  env: Readonly<Record<string, string | undefined>>,
  toml?: string,
  options: { machine?: Machine; kinds?: readonly KindSettings[] } = {},
): Config {
  const machine = options.machine ?? thisMachine();
  const tree = { ...settings, kinds: treeOf(options.kinds ?? []) };
  const known = listSettings(tree);
  const file = readToml(toml ?? '');
  const namesInEnv = checkEnvironmentNames(
    Object.keys(env).filter((name) => env[name] !== undefined),
    known,
  );
  const namesInFile = checkTomlKeys([...file.texts.keys()], known);
  const problems: ErrorDetail[] = [...file.problems, ...namesInEnv.problems, ...namesInFile.problems];
  const found: Found = { rows: [], problems, cautions: [] };
  const withoutData = { env, toml: file.texts, defaults: { machine, dataDirectory: machine.directory } };
  const dataDirectory = resolveSetting(settings.data.directory, withoutData).value ?? machine.directory;
  const sources = { ...withoutData, defaults: { machine, dataDirectory } };
  const config: Config = {
    ...complete(resolveAll(tree, sources, found), found),
    warnings: [...namesInEnv.warnings, ...namesInFile.warnings],
    cautions: found.cautions,
    settings: found.rows,
  };
  if (problems.length > 0) throw configurationError(problems);
  return deepFreeze(config);
}

/** Every setting with its effective value and where that came from; secrets are masked. */
export function describeConfig(config: Config): readonly SettingRow[] {
  return config.settings;
}

function treeOf(kinds: readonly KindSettings[]): Readonly<Record<string, SettingTree>> {
  return Object.fromEntries(kinds.map(({ name, settings: own = {} }) => [name, own]));
}

/** What is learned on the way, besides the values. */
interface Found {
  rows: SettingRow[];
  problems: ErrorDetail[];
  cautions: Caution[];
}

/** The value of each setting in its place; a malformed one is undefined, and the caller throws before anybody sees it. */
function resolveAll<Tree extends SettingTree>(tree: Tree, sources: Sources, found: Found): ValuesOf<Tree> {
  const values = Object.entries(tree).map(([key, node]): [string, unknown] => {
    if (!isSetting(node)) return [key, resolveAll(node, sources, found)];
    const { value, row, problems } = resolveSetting(node, sources);
    found.rows.push(row);
    found.problems.push(...problems);
    const caution = value === undefined || value === null ? null : node.cautionOf?.(value);
    if (caution) found.cautions.push(caution);
    return [key, value];
  });
  return Object.fromEntries(values) as ValuesOf<Tree>;
}

/** Adds what follows from several settings. */
function complete(
  values: Values & Pick<Config, 'kinds'>,
  { rows, problems }: Found,
): Omit<Config, 'warnings' | 'cautions' | 'settings'> {
  const { data, http, secrets } = values;
  if (data.homeDirectory && data.scriptsDirectory && data.directory)
    problems.push(...nestedDirectories(data));
  const isChosen = (setting: { names: readonly [string, ...string[]] }): boolean =>
    rows.some(({ name, origin }) => name === setting.names[0] && origin !== 'default');
  return {
    ...values,
    data: {
      ...data,
      pinnedDirectory: join(data.directory, 'pinned-scripts'),
      attemptsDirectory: join(data.directory, 'attempts'),
      launcherDirectory: join(data.directory, 'launcher'),
      logsDirectory: join(data.directory, 'logs'),
    },
    http: {
      ...http,
      portIsChosen: isChosen(settings.http.port),
    },
    tls: tlsConfig(values, problems),
    ftp: ftpConfig(values, { problems, portIsChosen: isChosen(settings.ftp.port) }),
    worker: workerConfig(values.worker),
    database: databaseConfig(values.database, problems),
    oidc: oidcConfig(values, problems),
    secrets: { ...secrets, keyFile: join(data.directory, 'secret-key') },
  };
}

/** One without the other would look as if it worked. */
function tlsConfig({ tls }: Values, problems: ErrorDetail[]): TlsConfig | null {
  const { certificateFile, keyFile } = tls;
  if (certificateFile === undefined && keyFile === undefined) return null;
  if (certificateFile !== undefined && keyFile !== undefined) return { certificateFile, keyFile };
  const field = certificateFile === undefined ? 'DAYBOOK_TLS_CERT' : 'DAYBOOK_TLS_KEY';
  problems.push({ field, message: `${field} is missing: DAYBOOK_TLS_CERT and DAYBOOK_TLS_KEY go together` });
  return null;
}

function ftpConfig(
  { ftp, tls, http, data }: Values,
  { problems, portIsChosen }: { problems: ErrorDetail[]; portIsChosen: boolean },
): FtpConfig {
  const { host = http.host, user, password, directory, ...values } = ftp;
  const needTls = {
    DAYBOOK_FTP_TLS_REQUIRED: values.requiresTls,
    // Undefined, against its type, when it was malformed, which is told already.
    DAYBOOK_FTPS_PORT: typeof values.implicitPort === 'number',
  };
  for (const [field, isSet] of Object.entries(needTls)) {
    if (isSet && tls.certificateFile === undefined)
      problems.push({ field, message: `${field} needs DAYBOOK_TLS_CERT and DAYBOOK_TLS_KEY` });
  }
  if ((user === undefined) !== (password === undefined)) {
    const field = user === undefined ? 'FTP_USER' : 'FTP_PASSWORD';
    problems.push({ field, message: `${field} is missing: FTP_USER and FTP_PASSWORD go together` });
  }
  if (directory !== undefined && directory !== data.homeDirectory)
    problems.push({
      field: 'FTP_DIRECTORY',
      message: `FTP_DIRECTORY is ${directory}, and FTP shows the home directory, ${data.homeDirectory}: leave it out, or set WORKER_DIRECTORY_PATH`,
    });
  const both = user === undefined || password === undefined ? null : { name: user, password };
  return { ...values, host, directory, portIsChosen, user: both };
}

function workerConfig({ jobLimits, jobNice, limitWarnPercent, ...values }: Values['worker']): WorkerConfig {
  const limits = Object.entries(jobLimits).filter(([, value]) => value !== undefined);
  return {
    ...values,
    jobLimits: Object.fromEntries(limits),
    jobNice: jobNice === 0 ? null : jobNice,
    limitWarnAt: limitWarnPercent === 0 ? null : limitWarnPercent / 100,
  };
}

function oidcConfig({ oidc, http }: Values, problems: ErrorDetail[]): OidcConfig | null {
  const { issuer, clientId, defaultRole } = oidc;
  const { publicUrl } = http;
  if (issuer === undefined) return null;
  const missing = { DAYBOOK_OIDC_CLIENT_ID: clientId, DAYBOOK_PUBLIC_URL: publicUrl };
  for (const [field, value] of Object.entries(missing)) {
    if (value === undefined) problems.push({ field, message: `${field} is needed with DAYBOOK_OIDC_ISSUER` });
  }
  if (clientId === undefined || publicUrl === undefined) return null;
  return { ...oidc, issuer, clientId, publicUrl, defaultRole: defaultRole === 'none' ? null : defaultRole };
}

/** Home is written by uploads and programs: nothing that we trust may lie in it. */
export function nestedDirectories(
  places: Readonly<Record<'directory' | 'homeDirectory' | 'scriptsDirectory', string>>,
): ErrorDetail[] {
  const { directory: data, homeDirectory: home, scriptsDirectory: scripts } = places;
  const problems: ErrorDetail[] = [];
  if (contains(home, scripts) || contains(scripts, home)) {
    problems.push({
      field: 'WORKER_SCRIPT_PATH',
      message: `WORKER_SCRIPT_PATH (${scripts}) and WORKER_DIRECTORY_PATH (${home}) must not lie inside each other: an upload could become a program`,
    });
  }
  if (contains(home, data)) {
    problems.push({
      field: 'WORKER_DIRECTORY_PATH',
      message: `WORKER_DIRECTORY_PATH (${home}) must not contain DAYBOOK_DATA (${data}): programs could change the records`,
    });
  }
  return problems;
}

function contains(outer: string, inner: string): boolean {
  const way = relative(outer, inner);
  return way === '' || (way !== '..' && !way.startsWith('../'));
}

export function configurationError(problems: readonly ErrorDetail[]): AppError {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  const sentences = problems.map((problem) => `${problem.message}.`.replace(/([.?!])\.$/, '$1'));
  return new AppError('configuration', `The configuration has ${count}. ${sentences.join(' ')}`, {
    details: problems,
  });
}

function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value) as unknown[]) {
    if (typeof member === 'object' && member !== null) deepFreeze(member);
  }
  return Object.freeze(value);
}

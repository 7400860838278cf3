import { join, relative } from 'node:path';
import type { Role } from '../contract/actor.ts';
import { AppError, type ErrorDetail } from '../contract/errors.ts';
import { databaseConfig, type DatabaseConfig } from './database.ts';
import type { AllowedRange, logFormats, logLevels, Port, TrustProxy } from './kinds.ts';
import { checkEnvironmentNames, checkTomlKeys } from './known-names.ts';
import { thisMachine, type Machine } from './machine.ts';
import { settings, type Setting, type SettingKey, type SettingValues } from './registry.ts';
import { resolveSetting, type SettingRow, type Sources } from './resolve.ts';
import { readToml } from './sources.ts';

export type { DatabaseConfig } from './database.ts';
export type { SettingRow } from './resolve.ts';

export interface HttpConfig {
  readonly host: string;
  readonly port: Port;
  /** A port that someone chose must be had; the default one may be given up. */
  readonly portIsChosen: boolean;
  /** Without a slash at the end. */
  readonly publicUrl: string | undefined;
  readonly trustProxy: TrustProxy;
  readonly openPredecessors: boolean;
}

/** Complete, since half of it would look as if it worked. */
export interface OidcConfig {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly scopes: string;
  readonly publicUrl: string;
  readonly roleClaim: string;
  readonly roles: readonly (readonly [string, Role])[];
  /** Null: who has no group is refused. */
  readonly defaultRole: Role | null;
}

export interface WorkerConfig {
  readonly name: string;
  readonly slots: number;
  readonly queues: readonly string[];
  readonly labels: readonly string[];
  readonly leaseMs: number;
  readonly killGraceMs: number;
  readonly jobTimeoutMs: number | undefined;
  readonly outputLimitBytes: number;
  /** For jobs that name none of their own. */
  readonly jobLimits: {
    readonly memoryBytes?: number;
    readonly cpuSeconds?: number;
    readonly processes?: number;
    readonly openFiles?: number;
  };
  /** Null: 0. */
  readonly jobNice: number | null;
  /** Fraction of a limit from which on it counts as near; null: never. */
  readonly limitWarnAt: number | null;
  readonly minFreeDiskBytes: number;
  /** Undefined: `nobody` when started as root, else the account of this process. */
  readonly user: string | undefined;
  readonly group: string | undefined;
  readonly allowShell: boolean;
  readonly stdoutCopiesDirectory: string | undefined;
  readonly stderrCopiesDirectory: string | undefined;
}

/** Absolute paths. */
export interface DataConfig {
  readonly directory: string;
  readonly homeDirectory: string;
  readonly scriptsDirectory: string;
  /** Kept texts of scripts, written to be run again. */
  readonly pinnedDirectory: string;
  /** Below this much free space nothing more is accepted. */
  readonly stopFreeBytes: number;
  /** Folders of running attempts, for the files they take and make. */
  readonly attemptsDirectory: string;
  readonly launcherDirectory: string;
  readonly logsDirectory: string;
}

export interface Config {
  readonly data: DataConfig;
  readonly http: HttpConfig;
  readonly worker: WorkerConfig;
  readonly database: DatabaseConfig;
  readonly files: {
    /** Of one file. */
    readonly limitBytes: number;
    /** Of all that an attempt made. */
    readonly madeLimitBytes: number;
  };
  readonly metrics: { readonly isOpen: boolean; readonly port: Port };
  readonly accounts: { readonly adminPassword: string | undefined };
  readonly secrets: {
    /** 32 bytes in base64; undefined: in the key file. */
    readonly key: string | undefined;
    readonly keyFile: string;
  };
  readonly oidc: OidcConfig | null;
  readonly senders: {
    readonly smtpUrl: string | undefined;
    readonly mailFrom: string;
    readonly mqttUrl: string | undefined;
  };
  /** What URL tests may reach besides public addresses. */
  readonly urls: { readonly allowed: readonly AllowedRange[] };
  readonly stop: { readonly deadlineMs: number };
  readonly timezone: string;
  readonly logFormat: (typeof logFormats)[number];
  readonly logLevel: (typeof logLevels)[number];
  /** Sentences for the log: names that have no effect. */
  readonly warnings: readonly string[];
  /** Every setting with its origin, secrets masked. */
  readonly settings: readonly SettingRow[];
}

/**
 * The whole configuration, frozen.
 * @param toml the text of daybook.toml, when there is one
 * @throws AppError `configuration` with every problem at once, one detail each
 */
export function loadConfig(
  env: Readonly<Record<string, string | undefined>>,
  toml?: string,
  options: { machine?: Machine } = {},
): Config {
  const machine = options.machine ?? thisMachine();
  const file = readToml(toml ?? '');
  const namesInEnv = checkEnvironmentNames(Object.keys(env).filter((name) => env[name] !== undefined));
  const namesInFile = checkTomlKeys([...file.texts.keys()]);
  const problems: ErrorDetail[] = [...file.problems, ...namesInEnv.problems, ...namesInFile.problems];
  const withoutData = { env, toml: file.texts, defaults: { machine, dataDirectory: machine.directory } };
  const dataDirectory = resolveSetting(settings.data, withoutData).value ?? machine.directory;
  const { values, rows } = resolveAll({ ...withoutData, defaults: { machine, dataDirectory } }, problems);
  const config: Config = {
    ...slices(values, rows, problems),
    warnings: [...namesInEnv.warnings, ...namesInFile.warnings],
    settings: rows,
  };
  if (problems.length > 0) throw configurationError(problems);
  return deepFreeze(config);
}

/** Every setting with its effective value and where that came from; secrets are masked. */
export function describeConfig(config: Config): readonly SettingRow[] {
  return config.settings;
}

function resolveAll(
  sources: Sources,
  problems: ErrorDetail[],
): { values: SettingValues; rows: SettingRow[] } {
  const values: Partial<Record<SettingKey, unknown>> = {};
  const rows: SettingRow[] = [];
  for (const [key, setting] of Object.entries(settings) as [SettingKey, Setting<unknown>][]) {
    const resolved = resolveSetting(setting, sources);
    values[key] = resolved.value;
    rows.push(resolved.row);
    problems.push(...resolved.problems);
  }
  // A malformed setting is undefined here; the caller throws before anybody sees it.
  return { values: values as SettingValues, rows };
}

function slices(
  values: SettingValues,
  rows: readonly SettingRow[],
  problems: ErrorDetail[],
): Omit<Config, 'warnings' | 'settings'> {
  if (values.home && values.scripts && values.data) problems.push(...nestedDirectories(values));
  return {
    data: {
      directory: values.data,
      homeDirectory: values.home,
      scriptsDirectory: values.scripts,
      pinnedDirectory: join(values.data, 'pinned-scripts'),
      attemptsDirectory: join(values.data, 'attempts'),
      launcherDirectory: join(values.data, 'launcher'),
      logsDirectory: join(values.data, 'logs'),
      stopFreeBytes: values.stopFreeDisk,
    },
    http: {
      host: values.host,
      port: values.port,
      portIsChosen: rows.some((row) => row.name === settings.port.names[0] && row.origin !== 'default'),
      publicUrl: values.publicUrl,
      trustProxy: values.trustProxy,
      openPredecessors: values.openPredecessors,
    },
    worker: workerConfig(values),
    database: databaseConfig(values, problems),
    files: { limitBytes: values.fileLimit, madeLimitBytes: values.madeFilesLimit },
    metrics: { isOpen: values.metricsOpen, port: values.metricsPort },
    oidc: oidcConfig(values, problems),
    senders: { smtpUrl: values.smtpUrl, mailFrom: values.mailFrom, mqttUrl: values.mqttUrl },
    urls: { allowed: values.urlAllow },
    accounts: { adminPassword: values.adminPassword },
    secrets: { key: values.secretKey?.toString('base64'), keyFile: join(values.data, 'secret-key') },
    stop: { deadlineMs: values.stopSeconds },
    timezone: values.timezone,
    logLevel: values.logLevel,
    logFormat: values.logFormat,
  };
}

function workerConfig(values: SettingValues): WorkerConfig {
  return {
    name: values.workerName,
    slots: values.slots,
    queues: values.queues,
    labels: values.labels,
    leaseMs: values.leaseSeconds,
    killGraceMs: values.killGraceSeconds,
    jobTimeoutMs: values.jobTimeoutSeconds,
    outputLimitBytes: values.outputLimit,
    jobLimits: {
      ...(values.jobMemory === undefined ? {} : { memoryBytes: values.jobMemory }),
      ...(values.jobCpuSeconds === undefined ? {} : { cpuSeconds: values.jobCpuSeconds / 1000 }),
      ...(values.jobProcesses === undefined ? {} : { processes: values.jobProcesses }),
      ...(values.jobOpenFiles === undefined ? {} : { openFiles: values.jobOpenFiles }),
    },
    jobNice: values.jobNice === 0 ? null : values.jobNice,
    limitWarnAt: values.limitWarning === 0 ? null : values.limitWarning / 100,
    minFreeDiskBytes: values.minFreeDisk,
    user: values.workerUser,
    group: values.workerGroup,
    allowShell: values.allowShell,
    stdoutCopiesDirectory: values.stdoutCopies,
    stderrCopiesDirectory: values.stderrCopies,
  };
}

function oidcConfig(values: SettingValues, problems: ErrorDetail[]): OidcConfig | null {
  const { oidcIssuer: issuer, oidcClientId: clientId, publicUrl } = values;
  if (issuer === undefined) return null;
  const missing = { DAYBOOK_OIDC_CLIENT_ID: clientId, DAYBOOK_PUBLIC_URL: publicUrl };
  for (const [field, value] of Object.entries(missing)) {
    if (value === undefined) problems.push({ field, message: `${field} is needed with DAYBOOK_OIDC_ISSUER` });
  }
  if (clientId === undefined || publicUrl === undefined) return null;
  return {
    issuer,
    clientId,
    publicUrl,
    clientSecret: values.oidcClientSecret,
    scopes: values.oidcScopes,
    roleClaim: values.oidcRoleClaim,
    roles: values.oidcRoles,
    defaultRole: values.oidcDefaultRole === 'none' ? null : values.oidcDefaultRole,
  };
}

/** Home is written by uploads and programs: nothing that we trust may lie in it. */
export function nestedDirectories(
  places: Readonly<Record<'data' | 'home' | 'scripts', string>>,
): ErrorDetail[] {
  const problems: ErrorDetail[] = [];
  if (contains(places.home, places.scripts) || contains(places.scripts, places.home)) {
    problems.push({
      field: 'WORKER_SCRIPT_PATH',
      message: `WORKER_SCRIPT_PATH (${places.scripts}) and WORKER_DIRECTORY_PATH (${places.home}) must not lie inside each other: an upload could become a program`,
    });
  }
  if (contains(places.home, places.data)) {
    problems.push({
      field: 'WORKER_DIRECTORY_PATH',
      message: `WORKER_DIRECTORY_PATH (${places.home}) must not contain DAYBOOK_DATA (${places.data}): programs could change the records`,
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

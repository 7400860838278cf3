import type { ErrorDetail } from '../contract/errors.ts';
import type { SettingValues } from './registry.ts';

export type DatabaseConfig =
  | { readonly kind: 'embedded'; readonly poolSize: number }
  | { readonly kind: 'server'; readonly poolSize: number; readonly connection: ServerConnection };

/** What `pg` takes: one address, or its parts. */
export type ServerConnection =
  | { readonly connectionString: string }
  | {
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly password?: string;
      readonly database: string;
    };

export function databaseConfig(values: SettingValues, problems: ErrorDetail[]): DatabaseConfig {
  const poolSize = values.databasePool;
  const parts = givenParts(values);
  if (values.databaseUrl !== undefined) {
    problems.push(...conflicts(values.databaseUrl, parts));
    return { kind: 'server', poolSize, connection: { connectionString: values.databaseUrl } };
  }
  if (parts.length === 0) return { kind: 'embedded', poolSize };
  return {
    kind: 'server',
    poolSize,
    connection: {
      host: values.databaseHost ?? 'localhost',
      port: values.databasePort ?? 5432,
      user: values.databaseUser ?? 'postgres',
      ...(values.databasePassword === undefined ? {} : { password: values.databasePassword }),
      database: values.databaseName ?? 'daybook',
    },
  };
}

interface Part {
  name: string;
  value: string;
  inUrl(url: URL): string;
}

function givenParts(values: SettingValues): Part[] {
  const parts: [string, string | number | undefined, (url: URL) => string][] = [
    ['DATABASE_HOSTNAME', values.databaseHost, (url) => url.searchParams.get('host') ?? url.hostname],
    ['DATABASE_PORT', values.databasePort, (url) => url.port || '5432'],
    ['DATABASE_USER', values.databaseUser, (url) => decodeURIComponent(url.username)],
    ['DATABASE_PASSWORD', values.databasePassword, (url) => decodeURIComponent(url.password)],
    ['DATABASE_NAME', values.databaseName, (url) => decodeURIComponent(url.pathname.slice(1))],
  ];
  return parts.flatMap(([name, value, inUrl]) =>
    value === undefined ? [] : [{ name, value: String(value), inUrl }],
  );
}

function conflicts(databaseUrl: string, parts: readonly Part[]): ErrorDetail[] {
  const url = new URL(databaseUrl);
  return parts
    .filter((part) => part.inUrl(url) !== part.value)
    .map((part) => ({
      field: part.name,
      message: `DATABASE_URL and ${part.name} name different servers or accounts; set one of them`,
    }));
}

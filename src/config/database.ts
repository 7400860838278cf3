import { bareHost } from '../lib/host.ts';
import type { ErrorDetail } from '../contract/errors.ts';
import type { databaseSettings } from './settings/database.ts';
import type { ValuesOf } from './setting.ts';

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

type Values = ValuesOf<typeof databaseSettings>['database'];

export function databaseConfig(values: Values, problems: ErrorDetail[]): DatabaseConfig {
  const poolSize = values.poolSize;
  const parts = givenParts(values);
  if (values.url !== undefined) {
    problems.push(...conflicts(values.url, parts));
    return { kind: 'server', poolSize, connection: { connectionString: values.url } };
  }
  if (parts.length === 0) return { kind: 'embedded', poolSize };
  return {
    kind: 'server',
    poolSize,
    connection: {
      host: values.host ?? 'localhost',
      port: values.port ?? 5432,
      user: values.user ?? 'postgres',
      ...(values.password === undefined ? {} : { password: values.password }),
      database: values.name ?? 'daybook',
    },
  };
}

interface Part {
  name: string;
  value: string;
  inUrl(url: URL): string;
}

function givenParts(values: Values): Part[] {
  const parts: [string, string | number | undefined, (url: URL) => string][] = [
    ['DATABASE_HOSTNAME', values.host, (url) => bareHost(url.searchParams.get('host') ?? url.hostname)],
    ['DATABASE_PORT', values.port, (url) => url.port || '5432'],
    ['DATABASE_USER', values.user, (url) => decodeURIComponent(url.username)],
    ['DATABASE_PASSWORD', values.password, (url) => decodeURIComponent(url.password)],
    ['DATABASE_NAME', values.name, (url) => decodeURIComponent(url.pathname.slice(1))],
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

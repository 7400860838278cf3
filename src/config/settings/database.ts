import { optional, setting, type SettingTree } from '../setting.ts';
import * as types from '../value-types.ts';

const databaseName = types.text('a name', /^[^\0]{1,63}$/);

export const databaseSettings = {
  database: {
    url: optional(types.databaseUrl, {
      names: ['DATABASE_URL'],
      toml: 'database.url',
      secret: 'password',
      fallbackShown: 'the embedded PostgreSQL',
      doc: 'A PostgreSQL server (15 or newer) to use instead of the embedded one. Needed by workers on other machines.',
    }),
    host: optional(types.host('a host name, an address or the folder of a socket', /^[^\s\0]{1,253}$/), {
      names: ['DATABASE_HOSTNAME'],
      toml: 'database.host',
      fallbackShown: '`localhost` when one of the other `DATABASE_*` is set',
      doc: 'Host of that server. Any of the `DATABASE_*` parts makes Daybook use a server; they replace `DATABASE_URL`.',
    }),
    port: optional(types.integer(1, 65_535), {
      names: ['DATABASE_PORT'],
      toml: 'database.port',
      fallbackShown: '5432',
      doc: 'Port of that server.',
    }),
    user: optional(databaseName, {
      names: ['DATABASE_USER'],
      toml: 'database.user',
      fallbackShown: '`postgres`',
      doc: 'Account on that server.',
    }),
    password: optional(types.secretText, {
      names: ['DATABASE_PASSWORD'],
      toml: 'database.password',
      secret: 'all',
      doc: 'Password of that account.',
    }),
    name: optional(databaseName, {
      names: ['DATABASE_NAME'],
      toml: 'database.name',
      fallbackShown: '`daybook`',
      doc: 'Database on that server.',
    }),
    poolSize: setting(types.integer(2, 90), '10', {
      names: ['DAYBOOK_DATABASE_POOL'],
      toml: 'database.pool',
      doc: 'Connections that this process keeps at most, besides one to lead and one to listen, and one or two while output is searched.',
    }),
  },
} satisfies SettingTree;

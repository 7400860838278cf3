import { clientAuthentications } from '../../contract/accounts.ts';
import { optional, setting, type SettingTree } from '../setting.ts';
import * as types from '../value-types.ts';

export const peopleSettings = {
  accounts: {
    adminPassword: optional(types.secretText, {
      names: ['DAYBOOK_ADMIN_PASSWORD'],
      toml: 'accounts.admin_password',
      secret: 'all',
      doc: 'Password of `admin`, used when that account is made at the first start. Without it a random one is printed once.',
      cautionOf: () => ({
        text: 'DAYBOOK_ADMIN_PASSWORD is set; it counts at the first start only.',
        advice: 'Remove it from the environment, where other programs of this account can read it.',
      }),
    }),
  },
  secrets: {
    key: optional(types.key256, {
      names: ['DAYBOOK_SECRET_KEY'],
      toml: 'secrets.key',
      secret: 'all',
      fallbackShown: '`secret-key` in the data directory, made with the first secret',
      doc: 'Key that seals named secrets in the database. The same on every server and worker. Secrets sealed with another key cannot be read any more and must be set again.',
    }),
  },
  oidc: {
    issuer: optional(types.issuerUrl, {
      names: ['DAYBOOK_OIDC_ISSUER'],
      toml: 'oidc.issuer',
      fallbackShown: 'passwords only',
      doc: 'Address of an OpenID Connect provider at which people may sign in. Needs DAYBOOK_OIDC_CLIENT_ID and DAYBOOK_PUBLIC_URL; there, `<public URL>/api/v1/oidc/callback` is the redirect address.',
    }),
    clientId: optional(types.text('a client id', /^[^\s]{1,300}$/), {
      names: ['DAYBOOK_OIDC_CLIENT_ID'],
      toml: 'oidc.client_id',
      doc: 'How the provider knows this server.',
    }),
    clientSecret: optional(types.secretText, {
      names: ['DAYBOOK_OIDC_CLIENT_SECRET'],
      toml: 'oidc.client_secret',
      secret: 'all',
      doc: 'The secret that goes with it; left out for a public client.',
    }),
    clientAuthentication: setting(types.oneOf(clientAuthentications), 'auto', {
      names: ['DAYBOOK_OIDC_CLIENT_AUTHENTICATION'],
      toml: 'oidc.client_authentication',
      doc: 'How the secret is shown to the provider: `auto` goes by its description and prefers Basic. For a client that is registered there for one way only.',
    }),
    scopes: setting(
      types.text('scopes with `openid` among them', /(^| )openid( |$)/),
      'openid profile email',
      {
        names: ['DAYBOOK_OIDC_SCOPES'],
        toml: 'oidc.scopes',
        doc: 'What is asked of the provider, separated by blanks.',
      },
    ),
    roleClaim: setting(types.text('the name of a claim', /^[^\s]{1,200}$/), 'groups', {
      names: ['DAYBOOK_OIDC_ROLE_CLAIM'],
      toml: 'oidc.role_claim',
      doc: 'The claim that lists somebody’s groups.',
    }),
    roles: setting(types.groupRoles, '', {
      names: ['DAYBOOK_OIDC_ROLES'],
      toml: 'oidc.roles',
      fallbackShown: 'none: roles are given here',
      doc: 'Which group has which role; of several the highest. Where set, it counts at every login.',
    }),
    defaultRole: setting(types.roleOrNone, 'viewer', {
      names: ['DAYBOOK_OIDC_DEFAULT_ROLE'],
      toml: 'oidc.default_role',
      doc: 'Role of who is in none of these groups. `none` refuses them.',
    }),
  },
} satisfies SettingTree;

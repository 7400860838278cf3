import { describe, expect, it } from 'vitest';
import type { Role } from '../../contract/actor.ts';
import type { TokenScope } from '../../contract/permissions.ts';
import { loadConfig } from '../../config/config.ts';
import { refuseVariables } from './allowed-variables.ts';

const { jobVariables: byDefault } = loadConfig({ DAYBOOK_DATA: '/nowhere' }).worker;

interface Asked {
  role: Role;
  allowed: readonly string[];
  scopes: readonly TokenScope[];
}

function refused(
  names: readonly string[],
  { role = 'member', allowed = byDefault, scopes = ['all'] as const }: Partial<Asked> = {},
): string[] {
  const env = Object.fromEntries(names.map((name) => [name, 'x']));
  const actor = { name: 'ana', accountId: 1, role };
  return refuseVariables({ env }, { actor, scopes }, allowed).map(({ field }) => field);
}

/** Each makes some program run what its value says, or run something else than was meant. */
const dangerous = `
  BASH_ENV ENV SHELLOPTS BASHOPTS PS4 PROMPT_COMMAND IFS CDPATH PATH HOME SHELL LD_PRELOAD
  LD_LIBRARY_PATH LD_AUDIT GCONV_PATH GLIBC_TUNABLES LOCPATH TMPDIR TZDIR PERL5OPT PERL5LIB PERL5DB
  PYTHONSTARTUP PYTHONPATH PYTHONHOME PYTHONWARNINGS RUBYOPT RUBYLIB NODE_OPTIONS NODE_PATH
  JAVA_TOOL_OPTIONS _JAVA_OPTIONS CLASSPATH LUA_INIT PHPRC GIT_SSH_COMMAND GIT_EXTERNAL_DIFF
  GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0 PAGER EDITOR VISUAL LESSOPEN MAKEFLAGS R_PROFILE
  DOTNET_STARTUP_HOOKS PIP_INDEX_URL http_proxy SSH_ASKPASS OPENSSL_CONF CURL_HOME WGETRC
  npm_config_script_shell AWKPATH TERMINFO WORKER_USER
`
  .trim()
  .split(/\s+/);

describe('variables of a submit', () => {
  it('by which a program would run what they say are refused, each named', () => {
    expect(refused(dangerous)).toEqual(dangerous.map((name) => `env.${name}`));
  });

  it('that are ordinary pass, and those of the setting in place of them', () => {
    const ordinary = [
      'JOB_LEVEL',
      'PARAM_X',
      'KEY',
      'API_KEY',
      'LICENCE_TOKEN',
      'DB_PASSWORD',
      'LANG',
      'LC_ALL',
    ];
    expect(refused(ordinary)).toEqual([]);
    const allowed = ['EXACT', 'BEGIN_*', '*_END'];
    expect(refused(['EXACT', 'BEGIN_X', 'X_END', 'EXACTLY', 'KEY', 'X_BEGIN_X'], { allowed })).toEqual(
      ['EXACTLY', 'KEY', 'X_BEGIN_X'].map((name) => `env.${name}`),
    );
    expect(refused(dangerous, { allowed: ['*'] })).toEqual([]);
    expect(refused(['KEY'], { allowed: [] })).toEqual(['env.KEY']);
  });

  it('are free to whoever may write scripts, as far as their token reaches', () => {
    expect(refused(dangerous, { role: 'operator' })).toEqual([]);
    expect(refused(['BASH_ENV'], { role: 'operator', scopes: ['submit'] })).toEqual(['env.BASH_ENV']);
  });
});

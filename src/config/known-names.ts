import type { Setting } from './setting.ts';

/** Names with a meaning that are no settings of the server: said by the CLI's user, or given to a job. */
export const otherNames: Readonly<Record<string, string>> = {
  DAYBOOK_CONFIG: 'Path of the configuration file, when it is not `daybook.toml` in the current directory.',
  DAYBOOK_URL: 'Tells the command line which server to talk to.',
  DAYBOOK_TOKEN: 'Tells the command line which API token to show.',
  DAYBOOK_USER: 'Tells the command line which account to use, with `DAYBOOK_PASSWORD`.',
  DAYBOOK_PASSWORD: 'The password of `DAYBOOK_USER`.',
  DAYBOOK_RUNS:
    'Where `daybook run` keeps what it has not delivered yet; by default `~/.local/state/daybook/runs`.',
  DAYBOOK_JOB_ID: 'Given to every program: the id of its job.',
  DAYBOOK_ATTEMPT: 'Given to every program: the number of its attempt, from 1.',
  DAYBOOK_INPUT_DIR: 'Given to every program: the folder with the files of its job, to be read.',
  DAYBOOK_OUTPUT_DIR: 'Given to every program: an empty folder; files left there are kept with the job.',
};

/** Names that a later part of Daybook will read. Set today, they have no effect, and the start says so. */
export const reservedNames = [
  'AMQP_URL',
  'MQ_HOSTNAME',
  'DAYBOOK_MQTT_PORT',
  'DAYBOOK_PLUGINS',
  'WEB_DEBUG_MODE',
] as const;

/** For the tests of Daybook itself. */
const testPrefix = 'DAYBOOK_TEST_';

export interface NameFindings {
  problems: { field: string; message: string }[];
  warnings: string[];
}

/** Names that begin like ours and are none: a likely typing error is a problem, anything else a warning. */
export function checkEnvironmentNames(
  names: readonly string[],
  settings: readonly Setting<unknown>[],
): NameFindings {
  const reserved: readonly string[] = reservedNames;
  const known = [...settings.flatMap((setting) => setting.names), ...Object.keys(otherNames), ...reserved];
  const unknown = names.filter(
    (name) => name.startsWith('DAYBOOK_') && !name.startsWith(testPrefix) && !known.includes(name),
  );
  const findings = sortOut(
    unknown,
    known.filter((name) => name.startsWith('DAYBOOK_')),
  );
  for (const name of names) {
    if (reserved.includes(name))
      findings.warnings.push(`${name} is set, but nothing in this version uses it.`);
  }
  return findings;
}

/** The same for keys of daybook.toml, where every key is meant for us. */
export function checkTomlKeys(keys: readonly string[], settings: readonly Setting<unknown>[]): NameFindings {
  const tomlKeys = settings.map(({ toml }) => toml);
  return sortOut(
    keys.filter((key) => !tomlKeys.includes(key)),
    tomlKeys,
  );
}

function sortOut(unknown: readonly string[], known: readonly string[]): NameFindings {
  const findings: NameFindings = { problems: [], warnings: [] };
  for (const name of unknown) {
    const similar = closest(name, known);
    if (similar) {
      findings.problems.push({ field: name, message: `${name} is no setting; did you mean ${similar}?` });
    } else {
      findings.warnings.push(`${name} is no setting and has no effect.`);
    }
  }
  return findings;
}

const maxTypingErrors = 2;

function closest(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .sort((a, b) => a.distance - b.distance);
  return ranked[0] && ranked[0].distance <= maxTypingErrors ? ranked[0].candidate : undefined;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity;
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    rows.push(current);
    for (let column = 1; column <= b.length; column++) {
      const isEqual = a[row - 1] === b[column - 1];
      const isSwap = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current.push(
        Math.min(
          at(row - 1, column - 1) + (isEqual ? 0 : 1),
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          isSwap ? at(row - 2, column - 2) + 1 : Infinity,
        ),
      );
    }
  }
  return at(a.length, b.length);
}

import type { Member } from '../../forms/fields.ts';

export interface OptionGroup {
  title: string;
  names: readonly string[];
}

/** What accompanies an input, as people look for it. What no group names stands in the last one. */
export const optionGroups: readonly OptionGroup[] = [
  { title: 'Name, project, notes', names: ['name', 'project', 'tags', 'info', 'baseRuns'] },
  {
    title: 'Where and when',
    names: [
      'queue',
      'priority',
      'labels',
      'lanes',
      'concurrencyKey',
      'runAt',
      'after',
      'afterOk',
      'timeoutSeconds',
      'retry',
    ],
  },
  { title: 'How it runs', names: ['env', 'stdin', 'workdir', 'limits', 'nice', 'idempotencyKey'] },
];

/** They have a place of their own on the form of a submit; a schedule takes none. */
const elsewhere = 'files';

export function membersOf(group: OptionGroup, members: readonly Member[]): Member[] {
  const named = group.names.flatMap((name) => members.find((member) => member.name === name) ?? []);
  if (group !== optionGroups.at(-1)) return named;
  return [...named, ...members.filter(({ name }) => name !== elsewhere && !isNamed(name))];
}

function isNamed(name: string): boolean {
  return optionGroups.some(({ names }) => names.includes(name));
}

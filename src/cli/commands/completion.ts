import type { Command } from 'commander';
import { examples } from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { print } from '../output.ts';

const shells = { bash: toBash, zsh: toZsh, fish: toFish } as const;

export function registerCompletion(program: Command, context: CliContext): void {
  program
    .command('completion <shell>')
    .summary('print completions for bash, zsh or fish')
    .description('Prints a script that teaches a shell the commands and options.')
    .addHelpText(
      'after',
      examples(
        'completion bash > ~/.local/share/bash-completion/completions/daybook',
        'completion fish | source',
      ),
    )
    .action(async (shell: string) => {
      const write = shells[shell as keyof typeof shells] as ((words: Words) => string) | undefined;
      if (!write || !Object.hasOwn(shells, shell)) {
        throw new UsageError(
          `"${shell}" is no shell known here; expected ${Object.keys(shells).join(', ')}.`,
        );
      }
      await print(context, write(collectWords(program)));
    });
}

/** `''`, `submit`, `queue list` … → what may follow. */
type Words = ReadonlyMap<string, readonly string[]>;

function collectWords(program: Command): Words {
  const words = new Map<string, readonly string[]>();
  const visit = (command: Command, path: string): void => {
    const options = command.options.flatMap(({ long }) => (long ? [long] : []));
    words.set(path, [...command.commands.map((child) => child.name()), ...options, '--help']);
    for (const child of command.commands) visit(child, `${path} ${child.name()}`.trim());
  };
  visit(program, '');
  return words;
}

function toBash(words: Words): string {
  const cases = [...words].map(([path, next]) => `    '${path}') words='${next.join(' ')}' ;;`);
  return `_daybook() {
  local path='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _daybook daybook`;
}

function toZsh(words: Words): string {
  return `#compdef daybook\nautoload -U +X bashcompinit && bashcompinit\n${toBash(words)}`;
}

function toFish(words: Words): string {
  return [...words]
    .map(([path, next]) => {
      const test =
        path === ''
          ? '__fish_use_subcommand'
          : path
              .split(' ')
              .map((word) => `__fish_seen_subcommand_from ${word}`)
              .join('; and ');
      return `complete -c daybook -n '${test}' -a '${next.join(' ')}'`;
    })
    .join('\n');
}

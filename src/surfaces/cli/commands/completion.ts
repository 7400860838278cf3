import type { Command } from 'commander';
import { examples } from '../command-parts.ts';
import { complete } from '../complete.ts';
import type { CliContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { print, write } from '../output.ts';

/**
 * Each asks `daybook complete` for what the word at the cursor may become; where that is nothing, files are offered.
 * What is typed reaches it without its quotes, and a name with blanks comes back quoted as that shell does.
 */
const scripts = {
  bash: `_daybook() {
  local typed=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  mapfile -t COMPREPLY < <("\${COMP_WORDS[0]}" complete -- "\${typed[@]//\\\\/}" 2>/dev/null </dev/null)
  [[ \${#COMPREPLY[@]} -eq 0 ]] || mapfile -t COMPREPLY < <(printf '%q\\n' "\${COMPREPLY[@]}")
}
complete -o default -F _daybook daybook`,
  // Found along fpath, the file itself is the function when it is called for the first time.
  zsh: `#compdef daybook
_daybook() {
  local -a found
  found=("\${(@f)$("\${(Q)words[1]}" complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null </dev/null)}")
  if [[ -n "\${found[1]}" ]]; then
    compadd -- "\${found[@]}"
  else
    compset -P '--*='
    _files
  fi
}
if [[ "\${funcstack[1]}" == _daybook ]]; then _daybook; else compdef _daybook daybook; fi`,
  // A condition is asked once for each Tab, and where it does not hold fish offers files by itself.
  fish: `function __daybook_find
  set -l typed (commandline -opc) (commandline -ct | string replace -r '^["\\']' '' | string unescape)
  set -g __daybook_found ($typed[1] complete -- $typed[2..-1] 2>/dev/null </dev/null)
  test (count $__daybook_found) -gt 0
end
complete -c daybook -n __daybook_find -f -a '$__daybook_found'`,
} as const;

export function registerCompletion(program: Command, context: CliContext): void {
  program
    .command('completion <shell>')
    .summary('print completions for bash, zsh or fish')
    .description(
      'Prints a script that completes commands, options and, as far as a server answers, jobs, queues, scripts, workers and views.',
    )
    .addHelpText(
      'after',
      examples(
        'completion bash > ~/.local/share/bash-completion/completions/daybook',
        'completion zsh > "${fpath[1]}/_daybook"',
        'completion fish > ~/.config/fish/completions/daybook.fish',
      ),
    )
    .action(async (shell: string) => {
      if (!Object.hasOwn(scripts, shell)) {
        const shells = Object.keys(scripts).join(', ');
        throw new UsageError(`"${shell}" is no shell known here; expected ${shells}.`);
      }
      await print(context, scripts[shell as keyof typeof scripts]);
    });
  program
    .command('complete [words...]', { hidden: true })
    .description('Prints what the last of the words may become; what the scripts of "completion" ask.')
    .addHelpText('after', examples('complete -- queue pa'))
    .action(async (words: string[]) => {
      for (const word of await complete(context, program, words)) await write(context.stdout, `${word}\n`);
    });
}

import { toBytes, toText, type Bytes } from '../bytes.ts';
import type { Command, Commands } from '../command.ts';
import { Refusal, reply, type Reply } from '../replies.ts';
import type { Session } from '../session.ts';

const siteCommands: Commands = {
  CHMOD: { usage: 'CHMOD <mode> <path>', argument: 'required', run: changeMode },
  HELP: {
    usage: 'HELP [command]',
    argument: 'optional',
    run: (_session, argument) => {
      if (argument === '')
        return { code: 214, lines: ['SITE takes:', ` ${Object.keys(siteCommands).join(' ')}`, 'End.'] };
      const command = find(siteCommands, argument);
      if (!command) throw new Refusal(501, `Unrecognized SITE command: ${toText(argument)}.`);
      return reply(214, `Syntax: SITE ${command.usage}`);
    },
  },
};

/** SITE, with what belongs to it. */
export const site: Command = {
  usage: 'SITE <command>',
  argument: 'required',
  run: (session, argument) => {
    const [name = '', ...rest] = argument.split(' ');
    const command = find(siteCommands, name);
    if (!command) throw new Refusal(500, `SITE ${toText(name)} not understood.`);
    return command.run(session, rest.join(' '));
  },
};

/** HELP of the commands that there are. */
export function createHelp(commands: () => Commands): Command {
  return {
    usage: 'HELP [command]',
    argument: 'optional',
    isOpen: true,
    isAtOnce: true,
    run: (_session, argument) => {
      if (argument === '') return tellAll(Object.keys(commands()));
      const command = find(commands(), argument);
      if (!command) throw new Refusal(501, `Unrecognized command: ${toText(argument)}.`);
      return reply(214, `Syntax: ${command.usage}`);
    },
  };
}

/** Own members only: `SITE constructor` is a name like any other. */
export function find(commands: Commands, name: Bytes): Command | null {
  const key = name.trim().toUpperCase();
  return Object.hasOwn(commands, key) ? (commands[key] ?? null) : null;
}

function tellAll(names: readonly string[]): Reply {
  const rows = Array.from({ length: Math.ceil(names.length / 8) }, (_, row) =>
    names.slice(row * 8, row * 8 + 8),
  );
  const lines = rows.map((row) => ` ${row.map((name) => name.padEnd(5)).join(' ')}`);
  return {
    code: 214,
    lines: [toBytes('These commands are there:'), ...lines, toBytes('HELP <command> tells its syntax.')],
  };
}

async function changeMode(session: Session, argument: Bytes): Promise<Reply> {
  const [, mode, path] = /^(\S+) (.+)$/s.exec(argument) ?? [];
  if (mode === undefined || path === undefined)
    throw new Refusal(501, 'SITE CHMOD needs two arguments: mode and path.');
  if (!/^0?[0-7]{3}$/.test(mode)) throw new Refusal(501, 'Invalid SITE CHMOD format: a mode such as 644.');
  await session.person.view.setMode(session.locate(path), Number.parseInt(mode, 8));
  session.tell('home.change-mode', session.resolve(path), { mode });
  return reply(200, 'Mode changed.');
}

import { toBytes, type Bytes } from '../bytes.ts';
import type { Command, Commands } from '../command.ts';
import { formatFacts } from '../facts.ts';
import { isHomeError, type HomeEntry } from '../../../domain/home/ports.ts';
import { folderOf, quotePath } from '../paths.ts';
import { Refusal, reply, type Reply } from '../replies.ts';
import type { Session } from '../session.ts';
import { formatTime, parseTime } from '../times.ts';
import { Transfer } from '../transfer.ts';

const changeFolder: Command = {
  usage: 'CWD <folder>',
  argument: 'optional',
  run: async (session, argument) => {
    // Without one the root, as pyftpdlib and others have it.
    const path = session.resolve(argument === '' ? '/' : argument);
    return enter(session, path);
  },
};
const changeToParent: Command = {
  usage: 'CDUP',
  argument: 'optional',
  run: (session) => enter(session, folderOf(session.folder)),
};
const printFolder: Command = {
  usage: 'PWD',
  argument: 'optional',
  run: ({ folder }) => ({ code: 257, lines: [`${quotePath(folder)} is the current folder.`] }),
};
const makeFolder: Command = {
  usage: 'MKD <folder>',
  argument: 'required',
  run: async (session, argument) => {
    const path = session.resolve(argument);
    await session.person.view.makeFolder(session.locate(argument));
    session.tell('home.make-folder', path);
    return { code: 257, lines: [`${quotePath(path)} created.`] };
  },
};
const removeFolder: Command = {
  usage: 'RMD <folder>',
  argument: 'required',
  run: async (session, argument) => {
    const path = session.resolve(argument);
    if (path === '/') throw new Refusal(550, "Can't remove root directory.");
    await session.person.view.removeFolder(session.locate(argument));
    session.tell('home.remove-folder', path);
    return reply(250, 'Folder removed.');
  },
};
const modified: Command = {
  usage: 'MDTM [time] <path>',
  argument: 'required',
  run: async (session, argument) => {
    const [, time, path] = /^(\d{14}(?:\.\d+)?) (.+)$/s.exec(argument) ?? [];
    // Old clients set the time by it; a file that bears such a name is meant itself.
    if (time !== undefined && path !== undefined && !(await isThere(session, argument)))
      return setModified(session, { time, argument: path });
    const { modifiedMs } = await file(session, argument, 'not retrievable: its time');
    return reply(213, formatTime(modifiedMs));
  },
};

/** Files and folders one at a time. */
export const fileCommands: Commands = {
  CWD: changeFolder,
  XCWD: changeFolder,
  CDUP: changeToParent,
  XCUP: changeToParent,
  PWD: printFolder,
  XPWD: printFolder,
  MKD: makeFolder,
  XMKD: makeFolder,
  RMD: removeFolder,
  XRMD: removeFolder,
  DELE: {
    usage: 'DELE <path>',
    argument: 'required',
    run: async (session, argument) => {
      await session.person.view.removeFile(session.locate(argument));
      session.tell('home.delete', session.resolve(argument));
      return reply(250, 'Deleted.');
    },
  },
  RNFR: {
    usage: 'RNFR <path>',
    argument: 'required',
    run: async (session, argument) => {
      const path = session.resolve(argument);
      if (path === '/') throw new Refusal(550, "Can't rename home directory.");
      await session.person.view.lstat(session.locate(argument));
      session.renameFrom = path;
      return reply(350, 'Ready for RNTO.');
    },
  },
  RNTO: {
    usage: 'RNTO <path>',
    argument: 'required',
    run: async (session, argument) => {
      const from = session.renameFrom;
      if (from === null) throw new Refusal(503, 'Bad sequence of commands: use RNFR first.');
      session.renameFrom = null;
      const to = session.resolve(argument);
      await session.person.view.rename(session.locate(from), session.locate(argument));
      session.tell('home.rename', from, { to: Buffer.from(to, 'latin1').toString() });
      return reply(250, 'Renamed.');
    },
  },
  SIZE: {
    usage: 'SIZE <path>',
    argument: 'required',
    run: async (session, argument) => {
      // What would be counted is what would be sent (RFC 3659, section 4), which has other line ends.
      if (session.type === 'ascii') throw new Refusal(550, 'SIZE not allowed in ASCII mode: TYPE I first.');
      const { sizeBytes } = await file(session, argument, 'not retrievable: its size');
      return reply(213, String(sizeBytes));
    },
  },
  MDTM: modified,
  MFMT: {
    usage: 'MFMT <time> <path>',
    argument: 'required',
    run: (session, argument) => {
      const [, time, path] = /^(\S+) (.+)$/s.exec(argument) ?? [];
      if (time === undefined || path === undefined)
        throw new Refusal(501, 'Syntax error: MFMT takes a time and a path.');
      return setModified(session, { time, argument: path });
    },
  },
  MLST: {
    usage: 'MLST [path]',
    argument: 'optional',
    run: async (session, argument) => {
      const { view } = session.person;
      const path = session.resolve(argument);
      const entry = await view.stat(session.locate(argument)).catch((error: unknown) => {
        if (isHomeError(error) && error.code === 'not-found') return view.lstat(session.locate(argument));
        throw error;
      });
      const line = formatFacts(entry, path, { facts: session.facts, isReadOnly: view.isReadOnly });
      return { code: 250, lines: [toBytes('Facts:'), ` ${line}`, 'End.'] };
    },
  },
  HASH: {
    usage: 'HASH <path>',
    argument: 'required',
    run: (session, argument) => {
      const { view } = session.person;
      const path = session.locate(argument);
      const transfer = new Transfer('Checksum', argument);
      return session.begin(transfer, async () => {
        const { sizeBytes } = await view.stat(path);
        const end = sizeBytes;
        const hash = await view.hash(path, { end, signal: transfer.signal });
        // As the draft has it that clients follow (draft-bryan-ftpext-hash-02).
        return { code: 213, lines: [`SHA-256 0-${Math.max(0, end - 1)} ${hash} ${argument}`] };
      });
    },
  },
};

async function enter(session: Session, path: Bytes): Promise<Reply> {
  session.folder = toBytes(await session.person.view.resolveFolder(session.locate(path)));
  return { code: 250, lines: [`${quotePath(session.folder)} is the current folder.`] };
}

async function isThere(session: Session, argument: Bytes): Promise<boolean> {
  try {
    await session.person.view.lstat(session.locate(argument));
    return true;
  } catch (error) {
    if (isHomeError(error)) return false;
    throw error;
  }
}

/** @param what as it stands in the refusal of what is no file */
async function file(session: Session, argument: Bytes, what: string): Promise<HomeEntry> {
  const entry = await session.person.view.stat(session.locate(argument));
  if (entry.kind !== 'file') throw new Refusal(550, `This is no file, so ${what} is not known.`);
  return entry;
}

async function setModified(
  session: Session,
  { time, argument }: { time: string; argument: Bytes },
): Promise<Reply> {
  const ms = parseTime(time);
  if (ms === null) throw new Refusal(501, 'Invalid time format: expected YYYYMMDDhhmmss, in UTC.');
  await session.person.view.setModified(session.locate(argument), ms);
  session.tell('home.change-time', session.resolve(argument), { modified: new Date(ms).toISOString() });
  return { code: 213, lines: [`Modify=${formatTime(ms)}; ${argument}`] };
}

import { toBytes, type Bytes } from '../bytes.ts';
import type { Commands } from '../command.ts';
import { factNames, parseFacts } from '../facts.ts';
import { formatListLine } from '../list-lines.ts';
import { listEntries } from '../listing.ts';
import { innerLine, Refusal, reply, type Reply } from '../replies.ts';
import type { Session } from '../session.ts';
import { placeOf } from './list.ts';

/** What the server tells of itself and of the session. */
export const informationCommands: Commands = {
  NOOP: {
    usage: 'NOOP',
    argument: 'optional',
    isOpen: true,
    isAtOnce: true,
    run: () => reply(200, 'I am here.'),
  },
  SYST: { usage: 'SYST', argument: 'optional', isOpen: true, run: () => reply(215, 'UNIX Type: L8') },
  CLNT: { usage: 'CLNT <client>', argument: 'optional', isOpen: true, run: () => reply(200, 'Thank you.') },
  FEAT: { usage: 'FEAT', argument: 'optional', isOpen: true, run: tellFeatures },
  OPTS: { usage: 'OPTS <command> [options]', argument: 'required', isOpen: true, run: setOptions },
  STAT: {
    usage: 'STAT [path]',
    argument: 'optional',
    isAtOnce: true,
    run: (session, argument) => (argument === '' ? tellStatus(session) : tellEntries(session, argument)),
  },
};

function tellFeatures({ services, facts }: Session): Reply {
  const features = [
    ...(services.tls ? ['AUTH TLS', 'AUTH SSL'] : []),
    'CLNT',
    'EPRT',
    'EPSV',
    'HASH SHA-256*',
    'MDTM',
    'MFMT',
    `MLST ${factNames.map((name) => `${name}${facts.has(name) ? '*' : ''};`).join('')}`,
    ...(services.tls ? ['PBSZ', 'PROT'] : []),
    'REST STREAM',
    'SITE CHMOD;HELP',
    'SIZE',
    'TVFS',
    'UTF8',
  ];
  return { code: 211, lines: ['Extensions supported:', ...features.map((line) => ` ${line}`), 'End.'] };
}

function setOptions(session: Session, argument: Bytes): Reply {
  const [command = '', ...rest] = argument.split(' ');
  const options = rest.join(' ');
  switch (command.toUpperCase()) {
    case 'UTF8':
    case 'UTF-8':
      if (/^off$/i.test(options)) throw new Refusal(504, 'Names are sent as they are, which is UTF-8.');
      return reply(200, 'Names are UTF-8.');
    case 'MLST': {
      if (rest.length > 1) throw new Refusal(501, 'Invalid number of arguments.');
      const facts = parseFacts(options);
      if (!facts)
        throw new Refusal(501, 'Invalid argument: expected facts, each with a semicolon behind it.');
      session.facts = new Set(facts);
      return reply(200, `MLST OPTS ${facts.map((name) => `${name};`).join('')}`);
    }
    case 'HASH':
      if (!/^(sha-256)?$/i.test(options)) throw new Refusal(501, 'Only SHA-256 is there.');
      return reply(200, 'SHA-256');
    default:
      throw new Refusal(501, 'Unsupported command: OPTS takes UTF8, MLST and HASH.');
  }
}

function tellStatus({ control, person, folder, type, transfer, isDataPrivate }: Session): Reply {
  const running = transfer
    ? `${transfer.kind}: ${transfer.bytes} bytes in ${((performance.now() - transfer.startedAt) / 1000).toFixed(1)} s, ${transfer.what}`
    : 'No transfer runs.';
  return {
    code: 211,
    lines: [
      'Status:',
      ` Connected from ${control.peer}, ${control.isSecure ? 'by TLS' : 'in clear'}`,
      ` Logged in as ${toBytes(person.name)}, in ${folder}`,
      ` TYPE ${type === 'ascii' ? 'ASCII' : 'binary'}, data connections ${isDataPrivate ? 'by TLS' : 'in clear'}`,
      ` ${running}`,
      'End.',
    ],
  };
}

/** As LIST, on the control connection; a folder may have many entries, so they are not gathered. */
async function tellEntries(session: Session, argument: Bytes): Promise<Reply> {
  session.resolve(argument);
  if (/[*?]/.test(argument)) throw new Refusal(550, 'Globbing not supported.');
  const found = await listEntries(placeOf(session), argument);
  const nowMs = Date.now();
  await session.control.write(Buffer.from('213-Status:\r\n'));
  for await (const line of found.lines((entry, name) => formatListLine(entry, name, nowMs))) {
    if (session.control.isClosed) break;
    await session.control.write(Buffer.from(innerLine(line), 'latin1'));
  }
  await found.close();
  return reply(213, 'End.');
}

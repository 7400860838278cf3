import { lookup } from 'node:dns/promises';
import {
  formatPassive,
  parseExtendedPort,
  parsePort,
  requirePeer,
  requireProtocol,
  versionOf,
  type Endpoint,
} from '../addresses.ts';
import { toText } from '../bytes.ts';
import type { Commands } from '../command.ts';
import { Refusal, reply, type Reply } from '../replies.ts';
import type { Session } from '../session.ts';

/** How the next transfer goes. */
export const parameterCommands: Commands = {
  TYPE: {
    usage: 'TYPE A, I or L 8',
    argument: 'required',
    keepsRestart: true,
    run: (session, argument) => {
      const type = argument.toUpperCase().replace(/^([AEL]) ?(.*)$/, '$1$2');
      // L 7 is what some mainframes say for text.
      if (['A', 'AN', 'AT', 'L7'].includes(type)) session.type = 'ascii';
      else if (['I', 'L8'].includes(type)) session.type = 'binary';
      else throw new Refusal(504, `Unsupported type "${toText(argument)}": A, I and L 8 are there.`);
      return reply(200, `Type set to ${session.type === 'ascii' ? 'ASCII' : 'binary'}.`);
    },
  },
  MODE: parameter('MODE', { known: ['S'], others: ['B', 'C'] }),
  STRU: parameter('STRU', { known: ['F'], others: ['P', 'R'] }),
  ALLO: {
    usage: 'ALLO <bytes>',
    argument: 'required',
    keepsRestart: true,
    run: async (session, argument) => {
      const [, digits] = /^(\d{1,15})( R \d+)?$/i.exec(argument) ?? [];
      session.announcedBytes = digits === undefined ? null : Number(digits);
      const { freeBytes } = await session.person.view.freeSpace(session.locate(''));
      if (digits !== undefined && Number(digits) > freeBytes)
        throw new Refusal(552, `Only ${freeBytes} bytes are free.`);
      return reply(202, 'No storage has to be allocated.');
    },
  },
  REST: {
    usage: 'REST <first byte>',
    argument: 'required',
    run: (session, argument) => {
      if (session.type === 'ascii')
        throw new Refusal(501, 'Resuming is not allowed in ASCII mode: TYPE I first.');
      if (!/^\d{1,15}$/.test(argument))
        throw new Refusal(501, 'Invalid parameter: REST takes a number of bytes.');
      session.restart = Number(argument);
      return reply(350, `The next transfer begins at byte ${session.restart}.`);
    },
  },
  PORT: {
    usage: 'PORT <h1,h2,h3,h4,p1,p2>',
    argument: 'required',
    opensData: true,
    keepsRestart: true,
    run: (session, argument) => {
      refuseAfterEpsvAll(session, 'PORT');
      return connectTo(session, parsePort(argument));
    },
  },
  EPRT: {
    usage: 'EPRT <|protocol|address|port|>',
    argument: 'required',
    opensData: true,
    keepsRestart: true,
    run: (session, argument) => {
      refuseAfterEpsvAll(session, 'EPRT');
      return connectTo(session, parseExtendedPort(argument, versionOf(session.control.peer)));
    },
  },
  PASV: {
    usage: 'PASV',
    argument: 'none',
    opensData: true,
    keepsRestart: true,
    run: async (session) => {
      refuseAfterEpsvAll(session, 'PASV');
      const address = await addressForPassive(session);
      return reply(
        227,
        `Entering passive mode ${formatPassive({ address, port: await session.data.listen() })}.`,
      );
    },
  },
  EPSV: {
    usage: 'EPSV [ALL or protocol]',
    argument: 'optional',
    opensData: true,
    keepsRestart: true,
    run: async (session, argument) => {
      if (argument.toUpperCase() === 'ALL') {
        session.isExtendedOnly = true;
        return reply(200, 'From now on only EPSV.');
      }
      if (argument !== '') {
        if (!/^\d{1,9}$/.test(argument)) throw new Refusal(501, 'EPSV takes 1, 2 or ALL.');
        requireProtocol(argument, versionOf(session.control.local));
      }
      return reply(229, `Entering extended passive mode (|||${await session.data.listen()}|).`);
    },
  },
};

function parameter(
  name: string,
  { known, others }: { known: readonly string[]; others: readonly string[] },
): Commands[string] {
  return {
    usage: `${name} ${known.join(' or ')}`,
    argument: 'required',
    keepsRestart: true,
    run: (_session, argument) => {
      const letter = argument.toUpperCase();
      if (known.includes(letter)) return reply(200, `${name} is ${letter}.`);
      const what = others.includes(letter) ? 'Unimplemented' : 'Unrecognized';
      throw new Refusal(
        others.includes(letter) ? 504 : 501,
        `${what} ${name}: only ${known.join(', ')} is there.`,
      );
    },
  };
}

function refuseAfterEpsvAll({ isExtendedOnly }: Session, command: string): void {
  if (isExtendedOnly) throw new Refusal(501, `${command} is not allowed after EPSV ALL.`);
}

/** Connects at once, so that the client hears of a port that is closed here and not in the middle of a transfer. */
async function connectTo(session: Session, endpoint: Endpoint): Promise<Reply> {
  requirePeer(endpoint, session.control.peer, session.services.isAllowedPeer);
  await session.data.connect(endpoint);
  return reply(200, 'Active data connection established.');
}

/** @throws Refusal where there is no IPv4 address to tell */
async function addressForPassive({ services, control }: Session): Promise<string> {
  const { publicAddress } = services.settings;
  if (publicAddress !== undefined) {
    try {
      return (await lookup(publicAddress, 4)).address;
    } catch (error) {
      services.logger.error({ err: error, publicAddress }, 'The public address of FTP cannot be looked up.');
      throw new Refusal(425, 'The public address of this server is not known now; try EPSV.');
    }
  }
  if (versionOf(control.local) === 6) throw new Refusal(425, 'PASV is for IPv4; use EPSV.');
  return control.local;
}

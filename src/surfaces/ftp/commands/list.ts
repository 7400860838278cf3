import { toBytes, type Bytes } from '../bytes.ts';
import type { Command, Commands } from '../command.ts';
import { sendBy } from '../data/open-data.ts';
import { formatFacts } from '../facts.ts';
import { formatListLine } from '../list-lines.ts';
import { listEntries, listFolder, listNames, type Listed } from '../listing.ts';
import { isHomeError } from '../../../domain/home/ports.ts';
import { Refusal, reply, type Reply } from '../replies.ts';
import type { Session } from '../session.ts';
import { Transfer } from '../transfer.ts';

/** So much is sent at once. */
const batchBytes = 65_536;

export const listCommands: Commands = {
  LIST: listing('LIST [path or pattern]', async (session, argument) => {
    const nowMs = Date.now();
    const found = await listEntries(placeOf(session), argument);
    return { found, lines: found.lines((entry, name) => formatListLine(entry, name, nowMs)) };
  }),
  NLST: listing('NLST [path or pattern]', async (session, argument) => {
    const found = await listNames(placeOf(session), argument);
    return { found, lines: found.lines((_item, name) => name) };
  }),
  MLSD: listing('MLSD [folder]', async (session, argument) => {
    const { facts, person } = session;
    const { isReadOnly } = person.view;
    const found = await listFolder(placeOf(session), argument).catch(refuseFile);
    return { found, lines: found.lines((entry, name) => formatFacts(entry, name, { facts, isReadOnly })) };
  }),
};

interface Prepared {
  found: Listed<unknown>;
  lines: AsyncIterable<Bytes>;
}

export function placeOf(session: Session): { view: Session['person']['view']; folder: Bytes } {
  return { view: session.person.view, folder: session.folder };
}

function listing(usage: string, prepare: (session: Session, argument: Bytes) => Promise<Prepared>): Command {
  return {
    usage,
    argument: 'optional',
    run: async (session, argument) => {
      session.resolve(argument);
      const prepared = await prepare(session, argument);
      try {
        session.data.require();
      } catch (error) {
        await prepared.found.close();
        throw error;
      }
      const transfer = new Transfer('Listing', argument);
      return session.begin(transfer, () => send(session, transfer, prepared));
    },
  };
}

/** RFC 3659, section 7.2.1: 501 where the name is no folder. */
function refuseFile(error: unknown): never {
  if (isHomeError(error) && error.code === 'not-folder') throw new Refusal(501, error.message);
  throw error;
}

async function send(session: Session, transfer: Transfer, { found, lines }: Prepared): Promise<Reply> {
  let count = 0;
  try {
    await sendBy({ session, transfer, answer: reply(150, 'Here comes the listing.') }, async (out) => {
      let batch = '';
      for await (const line of lines) {
        transfer.signal.throwIfAborted();
        count += 1;
        batch += `${line}\r\n`;
        if (batch.length < batchBytes) continue;
        await out.write(Buffer.from(batch, 'latin1'));
        transfer.bytes += batch.length;
        batch = '';
      }
      if (batch !== '') await out.write(Buffer.from(batch, 'latin1'));
    });
  } finally {
    await found.close();
  }
  const { hidden } = found;
  const more =
    hidden === 0 ? '' : `; ${hidden} ${hidden === 1 ? 'name' : 'names'} not shown: line breaks in them`;
  return { code: 226, lines: [toBytes(`${count} entries sent${more}.`)] };
}

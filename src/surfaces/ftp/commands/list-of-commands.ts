import type { Command, Commands } from '../command.ts';
import { reply } from '../replies.ts';
import { accessCommands } from './access.ts';
import { fetchCommands } from './fetch.ts';
import { fileCommands } from './files.ts';
import { informationCommands } from './information.ts';
import { listCommands } from './list.ts';
import { parameterCommands } from './parameters.ts';
import { createHelp, site } from './site.ts';
import { storeCommands } from './store.ts';

const abort: Command = {
  usage: 'ABOR',
  argument: 'optional',
  isAtOnce: true,
  run: async (session) => {
    const { transfer } = session;
    const hadData = session.data.isOpen;
    session.data.close();
    if (!transfer) return reply(225, hadData ? 'Data connection closed.' : 'No transfer to abort.');
    transfer.abort('abort');
    await transfer.done;
    return reply(226, 'Nothing runs any more.');
  },
};

/** Every command there is. */
export const commands: Commands = {
  ...accessCommands,
  ...parameterCommands,
  ...fileCommands,
  ...fetchCommands,
  ...storeCommands,
  ...listCommands,
  ...informationCommands,
  ABOR: abort,
  SITE: site,
  HELP: createHelp(() => commands),
};

/** Known, and not there: RFC 959, section 4.2, has a code of its own for them. */
export const missingCommands: readonly string[] = ['ADAT', 'CONF', 'ENC', 'LPRT', 'LPSV', 'MIC', 'SMNT'];

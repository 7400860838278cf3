import { realpath } from 'node:fs/promises';
import type { Logger } from '../../lib/logger.ts';
import { createArea, lookAt } from './area.ts';
import { makeAccountFolder } from './changes.ts';
import { createShared } from './locks.ts';
import { homeError, toHomeError } from './problems.ts';
import { sweepHome } from './sweep.ts';
import { createView } from './view.ts';
import { walkConfined } from '../../lib/confined-walk.ts';
import { isHiddenInHome, type Home, type ViewOptions } from './ports.ts';
import type { Shared } from './locks.ts';

/** @param directory home itself; where it really is, is asked each time, since it may be mounted or moved */
export function createHome(directory: string, logger: Logger): Home {
  const shared = createShared();
  return {
    view: async (options) => {
      const root = await realpath(directory);
      if (options.folder !== null) await requireFolder(root, options, options.folder, shared);
      return createView(createArea(root, options), shared);
    },
    sweep: async () => sweepHome({ root: await realpath(directory), shared, logger, nowMs: Date.now() }),
  };
}

/** The account's own folder: closed to the programs of others, where these run as somebody else. */
async function requireFolder(
  root: string,
  options: ViewOptions,
  name: string,
  shared: Shared,
): Promise<void> {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || isHiddenInHome(Buffer.from(name)))
    throw homeError('bad-name', name, 'no folder of home can have that name; rename the account.');
  // As the server: who may make folders in home itself is not for the account to say.
  const area = createArea(root, { ...options, folder: null, isReadOnly: false });
  const { mayEnter: _, ...open } = area;
  try {
    const place = await walkConfined(open, name, { follow: false });
    const there = await (place.name && lookAt(place.folder, place.name));
    await place.close();
    if (there?.isDirectory()) return;
    if (there)
      throw homeError(
        'not-folder',
        name,
        'this is to be the folder of an account, and is none; move it away.',
      );
    await makeAccountFolder(open, name, shared);
  } catch (error) {
    throw toHomeError(error, name);
  }
}

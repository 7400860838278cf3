/**
 * Uploads into a home until it is killed: `uploader.ts HOME NAME`. Each file holds one letter, a million times, and is
 * committed under the same name; every line on stdout is a letter whose commit was confirmed.
 */
import { createHome } from '../../../src/domain/home/home.ts';
import { silentLogger } from '../../../src/lib/logger.ts';

const [, , directory = '', name = ''] = process.argv;
const view = await createHome(directory, silentLogger).view({
  account: 'ana',
  ids: null,
  isReadOnly: false,
  folder: null,
});
for (let round = 0; ; round += 1) {
  const letter = String.fromCodePoint(97 + (round % 26));
  const upload = await view.beginUpload(name, { mode: 'replace' });
  for (let piece = 0; piece < 10; piece += 1) await upload.write(Buffer.alloc(100_000, letter));
  await upload.commit();
  process.stdout.write(`${letter}\n`);
}

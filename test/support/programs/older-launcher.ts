import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createDecoder, encodeHead } from '../../../src/launcher/codec.ts';
import { protocolVersion, type ProgramSpec, type ToWorker } from '../../../src/launcher/protocol.ts';
import { pollUntil } from '../poll.ts';

const repository = join(import.meta.dirname, '../../..');

/**
 * A launcher that speaks an earlier version of the protocol, with a worker of that version connected to it: today's
 * source with another number, which it holds workers to.
 */
export async function startOlderLauncher(
  folder: string,
  version: number,
): Promise<{ pid: number; launch(spec: ProgramSpec): Promise<void> }> {
  const copy = join(folder, '..', 'older');
  mkdirSync(join(copy, 'src'), { recursive: true });
  for (const part of ['launcher', 'lib'])
    cpSync(join(repository, 'src', part), join(copy, 'src', part), { recursive: true });
  symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'));
  writeFileSync(join(copy, 'package.json'), '{"type":"module"}');
  const protocol = join(copy, 'src/launcher/protocol.ts');
  const [now, then] = [protocolVersion, version].map((one) => `protocolVersion = ${one};`);
  writeFileSync(protocol, readFileSync(protocol, 'utf8').replace(now ?? '', then ?? ''));
  mkdirSync(folder, { mode: 0o700 });
  const main = join(copy, 'src/launcher/main.ts');
  const child = spawn(process.execPath, [main, folder, '30'], { detached: true, stdio: 'ignore' });
  child.unref();
  const path = join(folder, 'socket-path');
  await pollUntil(() => existsSync(path), Boolean);
  const socket = connect(readFileSync(path, 'utf8'));
  const answered: ToWorker[] = [];
  const decoder = createDecoder((head) => answered.push(head as ToWorker));
  socket.on('data', (chunk) => decoder.push(chunk));
  socket.on('error', () => {});
  socket.write(encodeHead({ type: 'hello', version }));
  const hear = async (type: ToWorker['type']): Promise<void> =>
    void (await pollUntil(
      () => answered.map((message) => message.type),
      (types) => types.includes(type),
    ));
  await hear('hello');
  return {
    pid: child.pid ?? 0,
    launch: async (spec) => {
      socket.write(encodeHead({ type: 'launch', spec: { ...spec, stdin: null }, hasStdin: false }));
      await hear('started');
    },
  };
}

/**
 * What programs print reaches the worker byte for byte while the buffers in which it lies are used again and again: by
 * programs that print at once, for connections that were replaced while they still had something to send.
 */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDecoder, encodeHead } from '../../src/launcher/codec.ts';
import type { LauncherClient } from '../../src/launcher/client/client.ts';
import {
  protocolVersion,
  streams,
  type Stream,
  type StreamOffsets,
  type ToLauncher,
  type ToWorker,
} from '../../src/launcher/protocol.ts';
import { Heard, LauncherHarness } from '../support/programs/launcher-harness.ts';
import { until } from '../support/programs/until.ts';

const lines = 120_000;
const programs = 8;
const lives = 5;

let harness: LauncherHarness;

beforeEach(() => {
  harness = new LauncherHarness({ memoryBytes: 6_000_000, spillBytes: 12_000_000 });
});

afterEach(() => harness.stop());

interface Printer {
  key: string;
  committed: StreamOffsets;
  prints: Record<Stream, Buffer>;
}

interface Frame {
  key: string;
  stream: Stream;
  offset: number;
  bytes: Buffer;
}

test('many programs at once, on both streams, through workers that are slow, replaced and hang', async () => {
  const printers: Printer[] = [];
  let client = await harness.client();
  for (let number = 0; number < programs; number += 1) {
    const print = (stream: Stream): string => `seq -f 'program ${number} ${stream} %.0f' 1 ${lines}`;
    const spec = harness.shell(`${print('stderr')} >&2 & ${print('stdout')}; wait`);
    await harness.start(client, spec);
    const prints = { stdout: patternOf(number, 'stdout'), stderr: patternOf(number, 'stderr') };
    printers.push({ key: spec.key, committed: { stdout: 0, stderr: 0 }, prints });
  }
  const hanging: HangingWorker[] = [];
  const heard: Frame[] = [];
  for (let life = 1; life <= lives; life += 1) {
    await client.stop();
    hanging.push(await HangingWorker.attach(join(harness.folder, 'launcher'), printers));
    client = await harness.client();
    heard.push(...(await listen(client, printers, life === lives ? Infinity : 4_000_000)));
  }
  for (const { key, committed, prints } of printers) {
    expect(committed).toEqual({ stdout: prints.stdout.length, stderr: prints.stderr.length });
    client.forget(key);
  }
  for (const worker of hanging) heard.push(...(await worker.readOn()));
  const wrong = heard.filter((frame) => !isAsPrinted(frame, printers));
  expect(wrong.map(({ key, stream, offset }) => ({ key, stream, offset }))).toEqual([]);
  // Of each hanging worker something was still under way when others had it committed.
  expect(hanging.map(({ heardBytes }) => heardBytes > 100_000)).toEqual(hanging.map(() => true));
});

function patternOf(number: number, stream: Stream): Buffer {
  return Buffer.from(
    Array.from({ length: lines }, (_, index) => `program ${number} ${stream} ${index + 1}\n`).join(''),
  );
}

function isAsPrinted({ key, stream, offset, bytes }: Frame, printers: readonly Printer[]): boolean {
  const printed = printers.find((printer) => printer.key === key)?.prints[stream];
  return printed?.subarray(offset, offset + bytes.length).equals(bytes) ?? false;
}

/** A worker that commits what one program after the other printed, until it has heard so much or all of it. */
async function listen(client: LauncherClient, printers: readonly Printer[], bytes: number): Promise<Frame[]> {
  const listeners = printers.map((printer) => {
    const heard = new Heard(printer.committed);
    client.attach(printer.key, printer.committed, heard);
    return { printer, heard };
  });
  let turn = 0;
  const commitNext = (): void => {
    const { printer, heard } = listeners[turn++ % listeners.length] ?? {};
    if (!printer || !heard) return;
    printer.committed = { ...heard.next };
    client.committed(printer.key, printer.committed);
  };
  const timer = setInterval(commitNext, 4);
  await until('enough was heard', () => {
    const heardBytes = listeners.reduce(
      (sum, { heard }) => sum + streams.reduce((all, each) => all + heard.next[each] - heard.first[each], 0),
      0,
    );
    return heardBytes >= bytes || listeners.every(({ heard }) => heard.end);
  });
  clearInterval(timer);
  if (bytes === Infinity) for (const _ of listeners) commitNext();
  return listeners.flatMap(({ printer, heard }) => {
    expect(heard.broken).toBeNull();
    return heard.frames.map(({ stream, offset, bytes: part }) => ({
      key: printer.key,
      stream,
      offset,
      bytes: Buffer.from(part),
    }));
  });
}

/** Asks for everything, and reads nothing of it until it is told to. */
class HangingWorker {
  readonly #socket: Socket;
  readonly #frames: Frame[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async attach(folder: string, printers: readonly Printer[]): Promise<HangingWorker> {
    const socket = connect(readFileSync(join(folder, 'socket-path'), 'utf8'));
    const worker = new HangingWorker(socket);
    const send = (message: ToLauncher): void => void socket.write(encodeHead(message));
    const welcome = Promise.withResolvers<void>();
    const decoder = createDecoder((head, bytes) => {
      const message = head as ToWorker;
      if (message.type === 'hello') {
        socket.pause();
        for (const { key, committed } of printers) send({ type: 'attach', key, from: committed });
        welcome.resolve();
      } else if (message.type === 'output') {
        const { key, stream, offset } = message;
        worker.#frames.push({ key, stream, offset, bytes: Buffer.from(bytes) });
      }
    });
    socket.on('data', (chunk) => decoder.push(chunk));
    socket.on('error', welcome.reject);
    send({ type: 'hello', version: protocolVersion });
    await welcome.promise;
    return worker;
  }

  get heardBytes(): number {
    return this.#frames.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  async readOn(): Promise<readonly Frame[]> {
    const closed = new Promise((resolve) => this.#socket.once('close', resolve));
    this.#socket.resume();
    await closed;
    return this.#frames;
  }
}

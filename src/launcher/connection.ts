import type { Socket } from 'node:net';
import type { Logger } from '../lib/logger.ts';
import { createDecoder } from './codec.ts';
import type { LaunchAnswer, Launcher } from './launcher.ts';
import { createMessageWriter, type MessageWriter } from './message-writer.ts';
import type { Program } from './program.ts';
import {
  protocolVersion,
  sendWindowBytes,
  type Separation,
  type ToLauncher,
  type ToWorker,
} from './protocol.ts';

export interface ConnectionParts {
  launcher: Launcher;
  logger: Logger;
  life: string;
  startedBefore(): string[];
  separation: Separation | null;
}

/** One worker's conversation. Programs send nothing before they are launched or attached in it. */
export class Connection {
  readonly #socket: Socket;
  readonly #parts: ConnectionParts;
  readonly #writer: MessageWriter;
  readonly #attached = new Set<string>();
  readonly #ready = new Set<Program>();
  #isPumpSet = false;
  #isWelcome = false;
  #isReplaced = false;

  constructor(socket: Socket, parts: ConnectionParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#writer = createMessageWriter(socket, () => this.#pump());
    const decoder = createDecoder((head, bytes) => this.#receive(head as ToLauncher, bytes));
    socket.on('data', (chunk) => {
      try {
        decoder.push(chunk);
      } catch (problem) {
        parts.logger.error(
          { problem: String(problem) },
          'The worker sent what is no message; disconnecting.',
        );
        socket.destroy();
      }
    });
  }

  tell(program: Program): void {
    if (!this.#attached.has(program.key)) return;
    this.#ready.add(program);
    if (this.#isPumpSet) return;
    this.#isPumpSet = true;
    // Not at once: what arrives in this turn of the event loop still joins its frame.
    setImmediate(() => {
      this.#isPumpSet = false;
      this.#pump();
    });
  }

  /** From now on the worker is not heard any more: another one is told what is held. */
  replace(): void {
    this.#isReplaced = true;
    this.#send({ type: 'replaced' });
    setImmediate(() => this.#socket.destroySoon());
  }

  #receive(message: ToLauncher, bytes: Buffer): void {
    if (this.#isReplaced) return;
    // What is being started is held or refused then, and told to nobody else.
    if (message.type === 'hello')
      return this.#parts.launcher.whenNoneStarts(() => this.#welcome(message.version));
    if (!this.#isWelcome) return;
    const { launcher } = this.#parts;
    switch (message.type) {
      case 'launch': {
        const spec = { ...message.spec, stdin: message.hasStdin ? Buffer.from(bytes) : null };
        return launcher.launch(spec, (answer) => this.#answer(spec.key, answer));
      }
      case 'attach': {
        const program = launcher.programs.get(message.key);
        if (!program) return this.#send({ type: 'unknown', key: message.key });
        program.output.rewind(message.from);
        program.watch?.rewind();
        program.isEndSent = false;
        this.#attached.add(message.key);
        return this.tell(program);
      }
      case 'signal':
        return launcher.programs.get(message.key)?.signal(message.signal);
      case 'committed': {
        const program = launcher.programs.get(message.key);
        program?.output.committed(message.upTo);
        if (program) this.tell(program);
        return;
      }
      case 'confirmed':
        for (const key of message.keys) launcher.programs.get(key)?.confirm(message.fence);
        return;
      case 'forget':
        this.#attached.delete(message.key);
        return launcher.forget(message.key);
    }
  }

  #answer(key: string, answer: LaunchAnswer): void {
    if (answer.type !== 'started') return this.#send({ ...answer, key });
    const { pid, startedAt, startTicks } = answer.program;
    this.#attached.add(key);
    this.#send({ type: 'started', key, pid, startedAt, startTicks });
  }

  #welcome(version: number): void {
    if (this.#isReplaced) return;
    const { launcher, life, startedBefore, separation } = this.#parts;
    this.#isWelcome = version === protocolVersion;
    for (const program of launcher.programs.values()) program.isEndSent = false;
    this.#send({
      type: 'hello',
      version: protocolVersion,
      life,
      pid: process.pid,
      held: launcher.programs
        .values()
        .map(({ held }) => held)
        .toArray(),
      startedBefore: startedBefore(),
      separation,
    });
  }

  /** One frame of each program in turn, as long as the socket takes them. */
  #pump(): void {
    for (const program of this.#ready) {
      if (this.#writer.isFull) return;
      this.#ready.delete(program);
      if (this.#sendNext(program)) this.#ready.add(program);
    }
  }

  /** True: there may be more. */
  #sendNext(program: Program): boolean {
    if (program.isEndSent || !this.#attached.has(program.key)) return false;
    const { key, output, end, watch } = program;
    const news = watch?.takeNews();
    if (news) this.#send({ type: 'watched', key, ...news });
    if (output.underWayBytes >= sendWindowBytes) return false;
    const frame = output.takeUnsent();
    if (frame) {
      const { stream, offset, at, bytes, onWritten } = frame;
      this.#writer.write({ type: 'output', key, stream, offset, at } satisfies ToWorker, bytes, onWritten);
      return output.hasUnsent || end !== null;
    }
    if (!end) return false;
    program.isEndSent = true;
    this.#send({ type: 'end', key, end });
    return false;
  }

  #send(message: ToWorker): void {
    this.#writer.write(message);
  }
}

/**
 * One client: its lines become commands, one at a time and in order. A transfer runs beside them. What may be asked
 * meanwhile is answered at once; anything else waits for the transfer, since a client takes the next reply it reads for
 * that of the transfer. ABOR goes before what waits.
 *
 * Three clocks watch a client. The first runs until somebody is signed in. The second runs while nothing runs here, and
 * starts anew with each command and each end of a transfer; a transfer never counts. The third is the transfer's own
 * (`data/stall-clock.ts`).
 *
 * When the control connection is lost, a transfer is aborted as by ABOR (RFC 959, section 4.1.1) unless QUIT came before.
 */
import type { Socket } from 'node:net';
import type { Command } from './command.ts';
import { commands, missingCommands } from './commands/list-of-commands.ts';
import { find } from './commands/site.ts';
import type { ControlLine } from './line-reader.ts';
import type { FtpServices } from './ports.ts';
import { Refusal, reply, type Reply } from './replies.ts';
import { Session } from './session.ts';
import type { Transfer } from './transfer.ts';
import { parseLine, type ParsedLine } from './verbs.ts';

/** Commands that wait; of a client that sends more, nothing is read until some are done. */
const mostWaiting = 100;

export class Conversation {
  readonly #session: Session;
  readonly #onGone: () => void;
  readonly #loginTimer: NodeJS.Timeout;
  #idleTimer: NodeJS.Timeout | undefined;
  #waiting: ControlLine[] = [];
  #isRunning = false;
  #isPaused = false;
  #isOver = false;
  #isGone = false;

  /** @param onGone once, when nothing of it is left */
  constructor(socket: Socket, services: FtpServices, onGone: () => void) {
    this.#onGone = onGone;
    this.#session = new Session(socket, services, {
      onLine: (line) => this.#take(line),
      onLost: () => this.#lose(),
      onTransferDone: () => this.#afterTransfer(),
    });
    this.#loginTimer = setTimeout(() => this.#expireLogin(), services.settings.loginMs);
    this.#watchIdle();
  }

  get peer(): string {
    return this.#session.control.peer;
  }

  /** @param secure the handshake of implicit TLS, before anything is said */
  async begin(secure: 'in clear' | 'by TLS'): Promise<void> {
    const { services, control } = this.#session;
    if (secure === 'by TLS' && services.tls) {
      // What comes meanwhile is no line.
      control.pause();
      const { usual } = await services.tls.contexts();
      await this.#session.secure(usual, { answer: null, withinMs: services.settings.loginMs });
    }
    await control.send(reply(220, 'Daybook FTP. Names are UTF-8, times are UTC.'));
  }

  /** Ends it, with a last reply. What came of an upload stays for its account to go on with. */
  async stop(): Promise<void> {
    const { transfer } = this.#session;
    this.#session.end('stopping');
    await transfer?.done;
    await this.#close(reply(421, 'The server stops.'));
  }

  #take(line: ControlLine): void {
    if (this.#isOver || this.#session.isQuitting) return;
    this.#waiting.push(line);
    if (this.#waiting.length >= mostWaiting && !this.#isPaused) {
      this.#isPaused = true;
      this.#session.control.pause();
    }
    void this.#work();
  }

  /** Never twice at once: whoever comes second finds the first at work, which takes everything that waits. */
  async #work(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    clearTimeout(this.#idleTimer);
    for (let line = this.#next(); line && !this.#isOver; line = this.#next()) {
      await this.#answer(line);
      if (this.#session.control.isClosed) this.#lose();
    }
    this.#isRunning = false;
    this.#watchIdle();
  }

  #next(): ControlLine | null {
    const { transfer, isSignedIn } = this.#session;
    const [first] = this.#waiting;
    if (!first) return null;
    const isFree = !transfer || !isSignedIn || mayInterrupt(first, transfer);
    const index = isFree ? 0 : this.#waiting.findIndex((line) => verbOf(line) === 'ABOR');
    const [line = null] = index === -1 ? [] : this.#waiting.splice(index, 1);
    if (this.#isPaused && this.#waiting.length < mostWaiting / 2) {
      this.#isPaused = false;
      this.#session.control.resume();
    }
    return line;
  }

  async #answer(line: ControlLine): Promise<void> {
    const { control } = this.#session;
    switch (line.kind) {
      case 'flood':
        return this.#close(reply(421, 'A line without an end.'));
      case 'too-long':
        return control.send(reply(500, 'The line is too long.'));
      case 'line': {
        const answer = await this.#run(parseLine(line.text));
        if (answer) await control.send(answer);
      }
    }
  }

  async #run({ verb, argument }: ParsedLine): Promise<Reply | null> {
    const session = this.#session;
    const command = find(commands, verb);
    try {
      const known = this.#allow(command, verb, argument);
      await session.renew();
      const wasSecure = session.control.isSecure;
      const answer = await known.run(session, argument);
      // What waited behind AUTH came in clear, and perhaps from somebody else.
      if (session.control.isSecure !== wasSecure) this.#waiting = [];
      if (verb !== 'REST' && !known.keepsRestart) session.forgetOnce();
      if (session.isSignedIn) clearTimeout(this.#loginTimer);
      return answer;
    } catch (error) {
      if (!command?.keepsRestart) session.forgetOnce();
      return session.toRefusal(error);
    }
  }

  #allow(command: Command | null, verb: string, argument: string): Command {
    if (!command) {
      if (missingCommands.includes(verb)) throw new Refusal(502, `${verb} is not there.`);
      throw new Refusal(500, 'That command is not understood.');
    }
    if (!command.isOpen && !this.#session.isSignedIn)
      throw new Refusal(530, 'Log in with USER and PASS first.');
    if (command.argument === 'required' && argument === '')
      throw new Refusal(501, `Syntax error: ${verb} needs an argument (${command.usage}).`);
    return command;
  }

  #afterTransfer(): void {
    if (this.#isOver) return this.#end();
    if (this.#session.isQuitting) return void this.#close();
    if (!this.#isRunning) void this.#work();
  }

  #watchIdle(): void {
    clearTimeout(this.#idleTimer);
    if (this.#isOver || this.#session.transfer) return;
    const { idleMs } = this.#session.services.settings;
    this.#idleTimer = setTimeout(
      () => void this.#close(reply(421, `Nothing was asked for ${Math.round(idleMs / 1000)} seconds.`)),
      idleMs,
    );
  }

  #expireLogin(): void {
    if (!this.#session.isSignedIn) void this.#close(reply(421, 'Nobody logged in for too long.'));
  }

  async #close(last?: Reply): Promise<void> {
    if (this.#isOver) return;
    await this.#session.control.close(last);
    this.#end();
  }

  #lose(): void {
    // The client asked for the transfer to go on without it.
    if (this.#session.isQuitting && this.#session.transfer) return;
    this.#end();
  }

  /** Fine twice. */
  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#loginTimer);
    this.#session.end('lost');
    if (this.#session.transfer || this.#isGone) return;
    this.#isGone = true;
    this.#onGone();
  }
}

function mayInterrupt(line: ControlLine, { waitsForData }: Transfer): boolean {
  if (line.kind !== 'line') return true;
  const command = find(commands, parseLine(line.text).verb);
  return command?.isAtOnce === true || (waitsForData && command?.opensData === true);
}

function verbOf(line: ControlLine): string | null {
  return line.kind === 'line' ? parseLine(line.text).verb : null;
}

import { isHomeError, type HomeErrorCode } from '../../domain/home/ports.ts';
import type { Socket } from 'node:net';
import { fromBytes, toBytes, toText, type Bytes } from './bytes.ts';
import { Control, type ControlEvents } from './control.ts';
import { DataChannel } from './data/data-channel.ts';
import { defaultFacts, type FactName } from './facts.ts';
import { resolvePath } from './paths.ts';
import type { FtpServices, Person } from './ports.ts';
import { Refusal, reply, type Reply } from './replies.ts';
import type { Transfer } from './transfer.ts';

/** Somebody signed in whose right is not looked up again for so long. */
const renewMs = 30_000;

export interface SessionEvents extends ControlEvents {
  onTransferDone(): void;
}

/** What one client has told so far, and what runs for it. */
export class Session {
  readonly services: FtpServices;
  readonly control: Control;
  readonly data: DataChannel;
  /** Of USER, before the password came. */
  user: Bytes | null = null;
  failedLogins = 0;
  /** Absolute; without links, so that the folder above is its part before. */
  folder: Bytes = '/';
  type: 'ascii' | 'binary' = 'ascii';
  facts: ReadonlySet<FactName> = new Set(defaultFacts);
  /** Of REST: where the next transfer begins. */
  restart = 0;
  /** Of ALLO: how long the next upload will be. */
  announcedBytes: number | null = null;
  /** Of RNFR. */
  renameFrom: Bytes | null = null;
  hasProtectionSize = false;
  /** PROT P: data connections speak TLS (RFC 4217, section 9). */
  isDataPrivate = false;
  /** EPSV ALL: from then on no other way to a data connection counts (RFC 2428, section 4). */
  isExtendedOnly = false;
  isQuitting = false;
  transfer: Transfer | null = null;
  #person: Person | null = null;
  #renewedAt = 0;
  readonly #events: SessionEvents;

  constructor(socket: Socket, services: FtpServices, events: SessionEvents) {
    this.services = services;
    this.#events = events;
    this.control = new Control(socket, events);
    const { peer, local } = this.control;
    const { settings, isAllowedPeer } = services;
    this.data = new DataChannel({ peer, local, range: settings.passivePorts, isAllowedPeer });
  }

  get isSignedIn(): boolean {
    return this.#person !== null;
  }

  /** @throws Refusal when nobody is signed in */
  get person(): Person {
    if (!this.#person) throw new Refusal(530, 'Log in with USER and PASS first.');
    return this.#person;
  }

  /** As REIN has it, too: everything but the connection and its TLS as at the beginning. */
  signOut(): void {
    this.#person = null;
    this.user = null;
    this.folder = '/';
    this.type = 'ascii';
    this.facts = new Set(defaultFacts);
    this.forgetOnce();
    this.renameFrom = null;
    this.announcedBytes = null;
    this.isExtendedOnly = false;
    this.data.close();
  }

  signIn(person: Person): void {
    this.#person = person;
    this.#renewedAt = performance.now();
    this.failedLogins = 0;
    this.user = null;
  }

  /** Looks now and then whether somebody still may what they could. @throws Refusal when they may not come in any more */
  async renew(): Promise<void> {
    if (!this.#person || performance.now() - this.#renewedAt < renewMs) return;
    const view = await this.#person.renew();
    if (view) {
      this.#person = { ...this.#person, view };
      this.#renewedAt = performance.now();
      return;
    }
    this.signOut();
    throw new Refusal(530, 'Your account, token or password is not valid any more. Log in again.');
  }

  /** Goes on with TLS, or ends: nobody knows any more who is on the other side. */
  async secure(...how: Parameters<Control['startTls']>): Promise<void> {
    try {
      await this.control.startTls(...how);
    } catch (error) {
      this.services.logger.info({ err: error, peer: this.control.peer }, 'A TLS handshake of FTP failed.');
      this.control.destroy();
      this.#events.onLost();
    }
  }

  /** What holds for the next command only. */
  forgetOnce(): void {
    this.restart = 0;
  }

  /** Where a path leads, from the folder of the session. @throws Refusal for a path that no file can have */
  resolve(argument: Bytes): Bytes {
    if (/[\0\r\n]/.test(argument))
      throw new Refusal(553, 'A name with a line break or NUL in it is refused.');
    return resolvePath(this.folder, argument);
  }

  /** The same for the core. */
  locate(argument: Bytes): Buffer {
    return fromBytes(this.resolve(argument));
  }

  /** Runs beside the commands that may come meanwhile; its reply is sent when it ends. */
  begin(transfer: Transfer, work: () => Promise<Reply>): null {
    this.transfer = transfer;
    transfer.done = this.#run(transfer, work);
    return null;
  }

  /** Something was changed: for the audit. */
  tell(action: string, target: Bytes, details?: Record<string, unknown>): void {
    this.teller()(action, target, details);
  }

  /** The same in the name of who is signed in now, also when they are not any more. */
  teller(): (action: string, target: Bytes, details?: Record<string, unknown>) => void {
    const { name: actor } = this.person;
    return (action, target, details) => {
      const entry = { actor, action, target: toText(target), ...(details && { details }) };
      void this.services.audit(entry, { address: this.control.peer });
    };
  }

  /** What the client reads of whatever went wrong. */
  toRefusal(error: unknown): Reply {
    if (error instanceof Refusal) return reply(error.code, error.message);
    if (isHomeError(error)) return { code: codeOf(error.code), lines: [toBytes(error.message)] };
    this.services.logger.error({ err: error, peer: this.control.peer }, 'An FTP command failed.');
    return reply(451, 'Something unexpected went wrong; the log of the server has it.');
  }

  /** Ends what runs, and the ways to data. What came in of an upload stays to be gone on with. */
  end(reason: 'lost' | 'stopping'): void {
    this.transfer?.abort(reason);
    this.data.close();
  }

  async #run(transfer: Transfer, work: () => Promise<Reply>): Promise<void> {
    // After the command that began it has been answered for.
    await Promise.resolve();
    const last = await work().catch((error: unknown) => this.toRefusal(error));
    if (transfer.abortReason !== 'lost') await this.control.send(last);
    this.transfer = null;
    this.#events.onTransferDone();
  }
}

function codeOf(code: HomeErrorCode): number {
  switch (code) {
    case 'not-found':
    case 'is-folder':
    case 'not-folder':
    case 'exists':
    case 'not-empty':
    case 'refused':
    case 'denied':
    case 'read-only':
    case 'too-many-links':
    case 'incomplete':
      return 550;
    case 'bad-name':
    case 'name-too-long':
      return 553;
    case 'bad-offset':
      return 554;
    case 'no-space':
      return 452;
    case 'busy':
      return 450;
    case 'changed':
    case 'failed':
      return 451;
  }
}

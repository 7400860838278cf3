import type {
  BegunExternal,
  ExternalBeat,
  FinishedExternal,
  OutputPieceReport,
  ReceivedOutput,
} from '../../contract/external.ts';
import type { Client } from './client.ts';
import type { Frame, RunSpool } from './run-spool.ts';

/** So much of the spool goes in one request. */
const batchBytes = 512 * 1024;

/** Brings a spool to the server. Every step may be repeated; what fails is tried again from where the server stands. */
export class RunDelivery {
  readonly #client: Client;
  readonly #spool: RunSpool;
  #position = 0;
  /** Bytes of each stream before the position. */
  #offset = { stdout: 0, stderr: 0 };

  constructor(client: Client, spool: RunSpool) {
    this.#client = client;
    this.#spool = spool;
  }

  get begun(): BegunExternal | undefined {
    return this.#spool.record.begun;
  }

  async begin(signal?: AbortSignal): Promise<void> {
    if (this.begun) return;
    const begun = await this.#client.send<BegunExternal>('POST', '/attempts', {
      body: this.#spool.record.beginning,
      ...(signal ? { signal } : {}),
    });
    this.#spool.setBegun(begun);
  }

  /** Sends what is in the spool. */
  async push(): Promise<void> {
    for (;;) {
      const frames = await this.#spool.read(this.#position, batchBytes);
      const last = frames.at(-1);
      if (!last) return;
      const offset = { ...this.#offset };
      const pieces = frames.map((frame) => toPiece(frame, offset));
      await this.#report<ReceivedOutput>('output', { pieces });
      this.#offset = offset;
      this.#position = last.next;
    }
  }

  beat(): Promise<ExternalBeat> {
    return this.#report<ExternalBeat>('beat');
  }

  /** After everything was pushed. */
  finish(): Promise<FinishedExternal> {
    return this.#report<FinishedExternal>('finish', this.#spool.record.end);
  }

  #report<T>(what: string, body?: unknown): Promise<T> {
    if (!this.begun) throw new Error('it was not begun');
    const { jobId, attempt, token } = this.begun;
    return this.#client.send<T>('POST', `/jobs/${jobId}/attempts/${attempt}/${what}`, {
      headers: { 'attempt-token': token },
      ...(body === undefined ? {} : { body }),
    });
  }
}

function toPiece(frame: Frame, offset: Record<Frame['stream'], number>): OutputPieceReport {
  const { stream, at, bytes } = frame;
  const piece = { stream, offset: offset[stream], at: at.toISOString(), data: bytes.toString('base64') };
  offset[stream] += bytes.length;
  return piece;
}

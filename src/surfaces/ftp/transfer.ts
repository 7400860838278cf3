import { Refusal } from './replies.ts';

export type TransferKind = 'Upload' | 'Download' | 'Listing' | 'Checksum';

/** Why a transfer is ended from outside; what the client hears, when it still listens. */
const reasons = {
  abort: 'Aborted, as asked.',
  stalled: 'No byte came or went for too long.',
  lost: 'The control connection was lost.',
  stopping: 'The server stops; go on with it later.',
} as const;
export type AbortReason = keyof typeof reasons;

/** What a session does beside listening to commands: at most one at a time. */
export class Transfer {
  readonly kind: TransferKind;
  /** For STAT. */
  readonly what: string;
  readonly startedAt = performance.now();
  bytes = 0;
  /** A STOU before which no data connection was made (RFC 1123, section 4.1.2.9): the client makes it now. */
  waitsForData = false;
  /** Resolves after its last reply. */
  done: Promise<void> = Promise.resolve();
  readonly #controller = new AbortController();
  #reason: AbortReason | null = null;

  constructor(kind: TransferKind, what: string) {
    this.kind = kind;
    this.what = what;
  }

  /** Its reason is a Refusal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get abortReason(): AbortReason | null {
    return this.#reason;
  }

  abort(reason: AbortReason): void {
    this.#reason ??= reason;
    this.#controller.abort(new Refusal(426, reasons[reason]));
  }
}

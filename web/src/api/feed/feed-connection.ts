import type { FeedMessage, JobNews } from './messages.ts';

const pauseMs = { first: 1_000, longest: 15_000 };

/** The stream of events itself. */
export class FeedConnection {
  readonly #tell: (message: FeedMessage) => void;
  #source: EventSource | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #pauseMs = pauseMs.first;
  #wasOpen: boolean;
  #state: FeedMessage = { type: 'state', state: 'connecting' };

  /** @param options.wasOpen somebody else held it before */
  constructor(tell: (message: FeedMessage) => void, { wasOpen = false } = {}) {
    this.#tell = tell;
    this.#wasOpen = wasOpen;
  }

  /** For who comes later. */
  get state(): FeedMessage {
    return this.#state;
  }

  /** The browser comes back by itself where it stopped, unless it was refused; then we do, with growing pauses. */
  open(): void {
    if (this.#source) return;
    const source = new EventSource('/api/v1/events');
    this.#source = source;
    source.addEventListener('open', () => {
      this.#pauseMs = pauseMs.first;
      this.#say({ type: 'state', state: 'open', isAgain: this.#wasOpen });
      this.#wasOpen = true;
    });
    source.addEventListener('job', ({ data }: MessageEvent<string>) =>
      this.#tell({ type: 'news', news: JSON.parse(data) as JobNews }),
    );
    source.addEventListener('error', () => {
      this.#wasOpen = true;
      this.#say({ type: 'state', state: 'lost' });
      if (source.readyState !== EventSource.CLOSED) return;
      this.#source = null;
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.open(), this.#pauseMs);
      this.#pauseMs = Math.min(2 * this.#pauseMs, pauseMs.longest);
    });
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = null;
  }

  #say(message: FeedMessage): void {
    // Who joins now has missed nothing.
    this.#state =
      message.type === 'state' && message.state === 'open' ? { ...message, isAgain: false } : message;
    this.#tell(message);
  }
}

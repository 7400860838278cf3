/**
 * One page of the browser holds the stream and passes on what it hears; for browsers without shared workers.
 *
 * Who joins asks who leads, and leads when nobody answers. A leader tells every other second that it is there. When it
 * says goodbye, or is not heard of for a while (a tab that froze), another takes over: the newer claim wins, so one that
 * wakes up again finds itself followed by nobody and steps down. Two that claim at once see each other's claim, and the
 * same one of them steps down. Whoever takes over opens the stream anew and says so, since something may have been
 * missed; two that lead for a moment do no harm, they tell some news twice.
 */
import { FeedConnection } from './feed-connection.ts';
import type { FeedLink, FeedMessage } from './messages.ts';

type Saying =
  | { type: 'who leads' | 'goodbye' | 'new session' }
  | { type: 'claim'; since: number; state: FeedMessage }
  | { type: 'told'; message: FeedMessage };
type Said = Saying & { from: string };

const beatMs = 2_000;
/** A leader answers at once. */
const firstPatienceMs = 300;
/** Timers of hidden pages may fire once a minute only, so these wait longer, for others as well as for themselves. */
const patienceMs = { shown: 7_000, hidden: 150_000 };
const mostApartMs = 200;

export interface LeaderLinkParts {
  channel: Pick<BroadcastChannel, 'postMessage' | 'addEventListener'>;
  connect: (
    tell: (message: FeedMessage) => void,
    options: { wasOpen: boolean },
  ) => Pick<FeedConnection, 'open' | 'close' | 'state'>;
  isHidden: () => boolean;
}

export function createLeaderLink(
  tell: (message: FeedMessage) => void,
  parts: LeaderLinkParts = {
    channel: new BroadcastChannel('daybook-feed'),
    connect: (told, options) => new FeedConnection(told, options),
    isHidden: () => document.hidden,
  },
): FeedLink {
  return new LeaderLink(tell, parts);
}

class LeaderLink implements FeedLink {
  /** Not `randomUUID`, which pages over plain http do not have. */
  readonly #id = Math.random().toString(36).slice(2);
  readonly #tell: (message: FeedMessage) => void;
  readonly #parts: LeaderLinkParts;
  #isIn = false;
  #hasHeard = false;
  #leading: { since: number; connection: Pick<FeedConnection, 'open' | 'close' | 'state'> } | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: (message: FeedMessage) => void, parts: LeaderLinkParts) {
    this.#tell = tell;
    this.#parts = parts;
    parts.channel.addEventListener('message', (event) => {
      const said = (event as MessageEvent<Said>).data;
      if (this.#isIn && said.from !== this.#id) this.#hear(said);
    });
  }

  join(isNewSession: boolean): void {
    this.#isIn = true;
    this.#hasHeard = false;
    this.#say({ type: isNewSession ? 'new session' : 'who leads' });
    this.#leadAfter(firstPatienceMs);
  }

  leave(): void {
    const wasLeading = this.#leading !== null;
    this.#stepDown();
    clearTimeout(this.#timer);
    this.#isIn = false;
    if (wasLeading) this.#say({ type: 'goodbye' });
  }

  #hear(said: Said): void {
    switch (said.type) {
      case 'who leads':
        return this.#claim();
      case 'new session':
        if (this.#leading) this.#lead();
        return;
      case 'goodbye':
        if (!this.#leading) this.#leadAfter(Math.random() * mostApartMs);
        return;
      case 'claim':
        return this.#hearClaim(said);
      case 'told':
        if (!this.#leading) this.#tell(said.message);
    }
  }

  #hearClaim({ since, from, state }: Extract<Said, { type: 'claim' }>): void {
    if (this.#leading) {
      const isNewer = since === this.#leading.since ? from > this.#id : since > this.#leading.since;
      if (!isNewer) return this.#claim();
      this.#stepDown();
    }
    if (!this.#hasHeard) this.#tell(state);
    this.#hasHeard = true;
    this.#leadAfter(this.#parts.isHidden() ? patienceMs.hidden : patienceMs.shown);
  }

  #leadAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lead(), ms);
  }

  #lead(): void {
    const wasOpen = this.#hasHeard || this.#leading !== null;
    this.#stepDown();
    const connection = this.#parts.connect(
      (message) => {
        this.#tell(message);
        this.#say({ type: 'told', message });
      },
      { wasOpen },
    );
    this.#leading = { since: Date.now(), connection };
    connection.open();
    this.#beat();
  }

  #beat(): void {
    this.#claim();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#beat(), beatMs);
  }

  #claim(): void {
    if (!this.#leading) return;
    const { since, connection } = this.#leading;
    this.#say({ type: 'claim', since, state: connection.state });
  }

  #stepDown(): void {
    this.#leading?.connection.close();
    this.#leading = null;
  }

  #say(said: Saying): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel is of its origin
    this.#parts.channel.postMessage({ ...said, from: this.#id });
  }
}

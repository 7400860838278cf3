import { backoffMs, type Backoff } from '../../lib/backoff.ts';
import type { Actor } from '../../contract/actor.ts';
import type { Clock } from '../../lib/clock.ts';
import { delay } from '../../lib/delay.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Duty } from '../../lib/service.ts';
import { mayTell } from './may-tell.ts';
import { toDigest, toMessage } from './message.ts';
import {
  SendError,
  type DueDelivery,
  type NewDelivery,
  type Notice,
  type NotificationStore,
  type Senders,
  type StoredNotificationRule,
  type ToldJob,
} from './ports.ts';

export interface CourierOptions {
  store: NotificationStore;
  senders: Senders;
  /** Who somebody is now; null when the account is gone or disabled. */
  findActor(accountId: number | null): Promise<Actor | null>;
  urlOf(jobId: number): string;
  clock: Pick<Clock, 'now'>;
  logger: Logger;
}

const lookEveryMs = 1_000;
/** Longer than any sender waits. */
const holdMs = 120_000;
const sendAtOnce = 4;
const mostNotices = 1_000;
/** A rule that told of so much within ten minutes tells of the rest together. */
const floodMessages = 5;
const floodMinutes = 10;
const giveUpAfterMs = 24 * 3_600_000;
const patience: Backoff = { initialMs: 15_000, factor: 2, maxMs: 1_800_000 };

/**
 * Makes messages of what there is to tell, and delivers them. Run by the leader, beside everything else: a receiver
 * that is slow or gone delays nothing but its own messages. A message is taken in hand for two minutes; a courier that
 * is killed between sending and recording that it did sends it again, so that receivers may see one twice, never none.
 */
export class Courier implements Duty {
  readonly name = 'courier';
  readonly #options: CourierOptions;

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.compose();
        while (!signal.aborted && (await this.deliver()) > 0);
      } catch (error) {
        this.#options.logger.warn({ err: error }, 'Notifications could not be sent; trying again.');
      }
      await delay(lookEveryMs, signal);
    }
  }

  async compose(): Promise<void> {
    const { store, clock } = this.#options;
    for (const { rule, oldest, count, messagesLately } of await store.waiting()) {
      const waitedMs = clock.now().getTime() - oldest.getTime();
      const isFlood = rule.digestMinutes === 0 && messagesLately + count > floodMessages;
      const gatherMinutes = isFlood ? floodMinutes : rule.digestMinutes;
      // Of a flood the first is told at once: what comes then is gathered.
      if (gatherMinutes > 0 && !(isFlood && messagesLately === 0) && waitedMs < gatherMinutes * 60_000)
        continue;
      const notices = await store.notices(rule.id, mostNotices);
      const isTogether = rule.digestMinutes > 0 || isFlood;
      for (const group of isTogether ? [notices] : notices.map((one) => [one]))
        await this.#compose(rule, group);
    }
  }

  /** Resolves with how many were tried. @param only these, whenever they are due */
  async deliver(only?: readonly number[]): Promise<number> {
    const due = await this.#options.store.takeDue(sendAtOnce, holdMs, only);
    await Promise.all(due.map((delivery) => this.#send(delivery)));
    return due.length;
  }

  /** What a rule would send of these notices: one delivery for each receiver that wants it. */
  async toDeliveries(
    rule: StoredNotificationRule,
    notices: readonly Notice[],
    known?: ReadonlyMap<number, ToldJob>,
  ): Promise<NewDelivery[]> {
    const { store, urlOf } = this.#options;
    const jobs = known ?? (await store.told(notices.flatMap(({ jobId }) => jobId ?? [])));
    const context = { rule, jobs, urlOf };
    const [first] = notices;
    const message = notices.length === 1 && first ? toMessage(first, context) : toDigest(notices, context);
    const { channel } = rule;
    const unwanted = channel.type === 'email' ? await store.unsubscribed(rule.id) : new Set<string>();
    return targetsOf(channel)
      .filter((target) => !unwanted.has(target.toLowerCase()))
      .map((target) => ({
        ...message,
        ruleId: rule.id,
        channel: channel.type,
        target,
        notices: notices.length,
      }));
  }

  async #compose(rule: StoredNotificationRule, notices: readonly Notice[]): Promise<void> {
    if (notices.length === 0) return;
    await this.#options.store.compose(
      notices.map(({ id }) => id),
      await this.toDeliveries(rule, notices),
    );
  }

  async #send(delivery: DueDelivery): Promise<void> {
    const { store, senders, clock } = this.#options;
    const sender = senders[delivery.channel];
    try {
      await this.#requireRight(delivery.ruleId);
      if (!sender)
        throw new SendError(`No server for ${delivery.channel} is configured any more.`, { isFinal: false });
      await store.conclude(delivery.id, {
        state: 'sent',
        answer: (await sender.send(delivery)).slice(0, 1_000),
      });
    } catch (error) {
      if (!(error instanceof SendError)) throw error;
      const answer = error.message.slice(0, 1_000);
      const now = clock.now().getTime();
      const isTooLate = now - delivery.createdAt.getTime() > giveUpAfterMs;
      await store.conclude(
        delivery.id,
        error.isFinal || isTooLate
          ? { state: 'failed', answer }
          : { state: 'pending', answer, nextTryAt: new Date(now + backoffMs(delivery.tries, patience)) },
      );
    }
  }

  /** What was to be told yesterday is not told when its owner may not today. @throws SendError */
  async #requireRight(ruleId: number): Promise<void> {
    const { store, findActor } = this.#options;
    const rule = await store.find(ruleId);
    if (rule && mayTell(rule, await findActor(rule.ownerId))) return;
    throw new SendError(whyNot(rule), { isFinal: true });
  }
}

function whyNot(rule: StoredNotificationRule | null): string {
  if (!rule) return 'Its rule was removed.';
  return rule.ownerIsGone
    ? `Its owner ${rule.owner} has no account any more; an operator can take it over.`
    : `${rule.owner} may not send this way any more.`;
}

function targetsOf(channel: StoredNotificationRule['channel']): readonly string[] {
  if (channel.type === 'email') return [...new Set(channel.to)];
  return [channel.type === 'webhook' ? channel.url : channel.topic];
}

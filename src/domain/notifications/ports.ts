import type { Actor, Owned } from '../../contract/actor.ts';
import type { JobSummary } from '../../contract/job.ts';
import type {
  NewNotificationRule,
  NotificationDelivery,
  NotificationPreview,
  NotificationRule,
  NotificationRuleChange,
} from '../../contract/notification.ts';
import type { ChannelType, NotificationEvent } from '../../contract/notification-facts.ts';

export type StoredNotificationRule = Omit<NotificationRule, 'signingKey'>;

/** Something to tell. `key` makes it once: equal ones of a rule and event are one. */
export interface NewNotice {
  ruleId: number;
  event: NotificationEvent;
  key: string;
  jobId: number | null;
  /** What there is to say besides the job. */
  text: string | null;
}

export interface Notice extends NewNotice {
  id: number;
  createdAt: Date;
}

/** A job that ended, as seen from the streak of its like. */
export interface StreakStep {
  ruleId: number;
  jobId: number;
  kind: string;
  name: string;
  hasFailed: boolean;
}

export interface NewDelivery {
  ruleId: number;
  channel: ChannelType;
  target: string;
  subject: string;
  body: string;
  notices: number;
  data: Record<string, unknown>;
}

/** A delivery that somebody took in hand for a while. */
export interface DueDelivery extends NewDelivery {
  id: number;
  /** With this one. */
  tries: number;
  createdAt: Date;
}

/** The newest first. */
export interface DeliveryPage {
  /** Only those made before this one. */
  before: number | null;
  limit: number;
  /** Only what its receiver did not take: given up, or to be tried again. */
  refused?: boolean;
}

export interface RunningJob {
  id: number;
  attempt: number;
  kind: string;
  name: string;
  /** Other than before when it printed or told something. */
  signs: string;
  elapsedMs: number;
}

/** Safe to call from any number of processes at once. */
export interface NotificationStore {
  rules(): Promise<StoredNotificationRule[]>;
  find(id: number): Promise<StoredNotificationRule | null>;
  /** Null: its owner has one of that name. */
  add(rule: NewNotificationRule, owner: Owned): Promise<StoredNotificationRule | null>;
  change(
    id: number,
    change: Omit<NotificationRuleChange, 'takeOver'> & Partial<Owned>,
  ): Promise<StoredNotificationRule | 'taken' | null>;
  remove(id: number): Promise<boolean>;

  /** Null: the end of the feed, whenever somebody looks next. */
  position(): Promise<string | null>;
  forgetPosition(): Promise<void>;
  /**
   * Stores what a look found and where it ended, in one transaction, if nobody moved the position meanwhile. Of jobs
   * in `steps` it tells which are a first failure and which a recovery, and makes notices of those asked for.
   */
  advance(look: {
    from: string | null;
    to: string;
    notices: readonly NewNotice[];
    steps: readonly StreakStep[];
  }): Promise<boolean>;
  notify(notices: readonly NewNotice[]): Promise<void>;
  running(): Promise<RunningJob[]>;

  /** Rules with something to tell. */
  waiting(): Promise<{ rule: StoredNotificationRule; oldest: Date; count: number; messagesLately: number }[]>;
  notices(ruleId: number, limit: number): Promise<Notice[]>;
  /** What there is to say of jobs; those that were removed are left out. */
  told(jobIds: readonly number[]): Promise<Map<number, ToldJob>>;
  /** Makes one message of these notices: a delivery for each receiver. Nothing when they are part of one already. */
  compose(noticeIds: readonly number[], deliveries: readonly NewDelivery[]): Promise<void>;
  addDeliveries(deliveries: readonly NewDelivery[]): Promise<number[]>;
  /** Takes due ones in hand: for `holdMs` nobody else gets them. */
  takeDue(limit: number, holdMs: number, only?: readonly number[]): Promise<DueDelivery[]>;
  conclude(
    id: number,
    end: { state: 'sent' | 'failed'; answer: string } | { state: 'pending'; answer: string; nextTryAt: Date },
  ): Promise<void>;
  deliveries(ruleId: number, page: DeliveryPage): Promise<NotificationDelivery[]>;
  unsubscribe(ruleId: number, address: string): Promise<void>;
  unsubscribed(ruleId: number): Promise<Set<string>>;
}

/** Sends to receivers of one sort. Resolves with what was answered. @throws SendError */
export interface Sender {
  send(delivery: DueDelivery): Promise<string>;
}

/** It was not taken. `isFinal`: trying again will not help. */
export class SendError extends Error {
  readonly isFinal: boolean;

  constructor(message: string, { isFinal }: { isFinal: boolean }) {
    super(message);
    this.isFinal = isFinal;
  }
}

export type Senders = Readonly<Record<ChannelType, Sender | null>>;

/** The use cases of rules. Errors meant for people are `AppError`s. */
export interface Notifications {
  /** Of the actor; of everybody for operators. */
  list(actor: Actor): Promise<NotificationRule[]>;
  /** How the actor may be told here: there is a sender, and those that reach other machines are for operators. */
  channels(actor: Actor): ChannelType[];
  /** @throws AppError `not_found` also for one of somebody else */
  get(id: number, actor: Actor): Promise<NotificationRule>;
  /** @throws AppError `invalid_input`, `conflict`, `forbidden` for channels that only operators may use */
  add(rule: NewNotificationRule, actor: Actor): Promise<NotificationRule>;
  /** Who takes it over becomes its owner. @throws AppError as `add`, and `not_found` */
  change(
    id: number,
    change: Partial<NewNotificationRule> & { takeOver?: true },
    actor: Actor,
  ): Promise<NotificationRule>;
  remove(id: number, actor: Actor): Promise<void>;
  /** @throws AppError `invalid_input` */
  preview(
    rule: Pick<NewNotificationRule, 'name' | 'filter' | 'events' | 'subject' | 'body'>,
    actor: Actor,
  ): Promise<NotificationPreview>;
  /** Sends an example now, and resolves with what became of it. */
  test(id: number, actor: Actor): Promise<NotificationDelivery[]>;
  deliveries(id: number, page: DeliveryPage, actor: Actor): Promise<NotificationDelivery[]>;
  /** Whose the link is; null: it is none of ours. */
  readUnsubscribe(token: string): Promise<{ address: string; rule: string } | null>;
  /** From now on that address gets no more. Resolves as `readUnsubscribe`. */
  unsubscribe(token: string): Promise<{ address: string; rule: string } | null>;
}

export type ToldJob = Pick<
  JobSummary,
  'id' | 'name' | 'kind' | 'owner' | 'project' | 'state' | 'reason' | 'message' | 'verdict' | 'family'
> & { errorLine: string | null };

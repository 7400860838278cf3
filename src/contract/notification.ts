import { z } from 'zod';
import { channelTypes, defaultBody, defaultSubject, notificationEvents } from './notification-facts.ts';
import { ownerId } from './job.ts';
import { plainText } from './plain-text.ts';

const timestamp = z.iso.datetime({ offset: true });

/**
 * Any that mail servers take (RFC 5321, and RFC 6531 beyond ASCII): a host of this network may have no dot. Left out are
 * names in quotes.
 */
const address = z
  .string()
  .max(254)
  .regex(
    /^[^\p{C}\p{Z}"(),:;<>@[\\\].]+(\.[^\p{C}\p{Z}"(),:;<>@[\\\].]+)*@[\p{L}\p{M}\p{N}]([\p{L}\p{M}\p{N}.-]*[\p{L}\p{M}\p{N}])?$/u,
    'expected an e-mail address',
  )
  .refine((text) => !text.includes('..'), 'expected an e-mail address');

export const notificationChannel = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('email'),
    to: z.array(address).min(1).max(50).describe('Each gets a message of its own, and may unsubscribe.'),
  }),
  z.strictObject({
    type: z.literal('webhook'),
    url: z
      .url({ protocol: /^https?$/, message: 'expected a URL that begins with http:// or https://' })
      .max(2_000),
  }),
  z.strictObject({
    type: z.literal('mqtt'),
    topic: plainText
      .min(1)
      .max(1_000)
      .refine((topic) => !/[+#]/.test(topic), { message: 'expected a topic to publish to, without + and #' }),
  }),
]);
export type NotificationChannel = z.infer<typeof notificationChannel>;

const terms = {
  name: plainText.trim().min(1).max(100),
  filter: plainText.max(2_000).describe('In the filter language: which jobs; empty: all that one sees.'),
  events: z.array(z.enum(notificationEvents)).min(1),
  channel: notificationChannel,
  subject: plainText.min(1).max(300).describe('With `{{job.name}}` and the like.'),
  body: plainText.min(1).max(20_000).describe('With `{{job.name}}` and the like.'),
  digestMinutes: z
    .int()
    .min(0)
    .max(1_440)
    .describe('Gather so long, then tell at once; 0: each by itself, and a flood together.'),
  stuckMinutes: z.int().min(1).max(10_080),
  diskBelowGib: z.number().positive().max(1_000_000),
  paused: z.boolean(),
};

export const newNotificationRule = z.strictObject({
  ...terms,
  filter: terms.filter.default(''),
  subject: terms.subject.default(defaultSubject),
  body: terms.body.default(defaultBody),
  digestMinutes: terms.digestMinutes.default(0),
  stuckMinutes: terms.stuckMinutes.default(60),
  diskBelowGib: terms.diskBelowGib.default(5),
  paused: terms.paused.default(false),
});
export type NewNotificationRule = z.infer<typeof newNotificationRule>;

/** Members that are named are changed. */
export const notificationRuleChange = z
  .strictObject({
    ...terms,
    takeOver: z.literal(true).describe('It becomes your own: it then tells of the jobs that you see.'),
  })
  .partial();
export type NotificationRuleChange = z.infer<typeof notificationRuleChange>;

export const notificationRule = z.object({
  id: z.int(),
  ...terms,
  owner: z.string().describe('Jobs that they see are told of.'),
  ownerId,
  ownerIsGone: z.boolean().describe('The account was removed: nobody is told until somebody takes it over.'),
  createdAt: timestamp,
  changedAt: timestamp,
  signingKey: z
    .string()
    .nullable()
    .describe('Of a web hook: `webhook-signature` is made with it (standardwebhooks.com).'),
});
export type NotificationRule = z.infer<typeof notificationRule>;

export const deliveryStates = ['pending', 'sent', 'failed'] as const;

/** A message to one receiver. */
export const notificationDelivery = z.object({
  id: z.int(),
  channel: z.enum(channelTypes),
  target: z.string(),
  subject: z.string(),
  body: z.string(),
  notices: z.int().describe('How many things it tells of.'),
  state: z.enum(deliveryStates),
  tries: z.int(),
  answer: z.string().nullable().describe('What the receiver said to the last try.'),
  createdAt: timestamp,
  nextTryAt: timestamp.nullable(),
  sentAt: timestamp.nullable(),
});
export type NotificationDelivery = z.infer<typeof notificationDelivery>;

export const notificationPreview = z.object({
  subject: z.string(),
  body: z.string(),
  jobId: z
    .int()
    .nullable()
    .describe('The newest job of the filter; null: there is none, and an example stands in.'),
});
export type NotificationPreview = z.infer<typeof notificationPreview>;

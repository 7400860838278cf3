import { z } from 'zod';
import { roles } from './actor.ts';
import { permissions, tokenScopes, type Permission } from './permissions.ts';

const time = z.iso.datetime({ offset: true });

export const userName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'Letters, digits, dot, dash and underscore; at most 63.')
  .describe('What the user signs in with; compared without case.');

export const password = z
  .string()
  .min(8, 'At least 8 characters.')
  .max(256, 'At most 256 characters.')
  .refine((text) => !text.startsWith('dbk_'), 'It may not begin like a token (dbk_).')
  .describe('At least 8 characters.');

const displayName = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^\P{Cc}*$/u, 'No control characters.')
  .describe('The name shown to others.');

const role = z
  .enum(roles)
  .describe('viewer looks, member submits, operator runs the place, admin also manages users.');

export const user = z
  .object({
    id: z.int(),
    name: userName,
    displayName: z.string(),
    role,
    disabledAt: time.nullable().describe('Since when the user cannot sign in; null = can.'),
    createdAt: time,
  })
  .meta({ id: 'User', description: 'A person or a program with an account.' });
export type User = z.output<typeof user>;

export const identity = z
  .object({
    id: z.string(),
    issuer: z.string().describe('The identity provider.'),
    subject: z.string().describe('Who it is there.'),
    linkedAt: time,
    lastUsedAt: time,
  })
  .meta({ id: 'Identity', description: 'An account of an identity provider that opens this one.' });
export type Identity = z.output<typeof identity>;

/** A user as admins see one: with the ways in. */
export const listedUser = user
  .extend({ hasPassword: z.boolean(), identities: z.array(identity) })
  .meta({ id: 'ListedUser', description: 'A user with the ways to sign in.' });

/** What somebody owned who is removed, and what becomes of it. */
export const removedUser = z
  .object({
    liveJobs: z.int().describe('Jobs that have not ended: they go on, for operators to cancel.'),
    schedules: z.int().describe('They submit nothing until somebody takes them over.'),
    notificationRules: z.int().describe('They tell nobody until somebody takes them over.'),
    sharedViews: z.int().describe('They stay for everybody; operators change them.'),
    privateViews: z.int().describe('They are removed.'),
    secrets: z.int().describe('That they could use by name, and nobody of their name will.'),
  })
  .meta({
    id: 'RemovedUser',
    description: 'What a removed user leaves, counted; their jobs stay in the diary.',
  });
export type RemovedUser = z.output<typeof removedUser>;

export const newUser = z.strictObject({
  name: userName,
  displayName: displayName.optional().describe('The name shown to others; the name when left out.'),
  role: role.default('member'),
  password,
});

export const userChange = z.strictObject({
  displayName: displayName.optional(),
  role: role.optional(),
  disabled: z.boolean().optional().describe('true ends all sessions and keeps the user out until false.'),
  password: password.optional().describe('Sets a new one and ends all sessions.'),
});

export const meChange = z.strictObject({ displayName });

export const login = z.strictObject({
  name: z.string().max(200).describe('The user name.'),
  password: z.string().max(1_000),
});

export const session = z
  .object({
    id: z.int(),
    createdAt: time,
    lastSeenAt: time.describe('To the minute.'),
    expiresAt: time.describe('Ends then, however much it is used.'),
    address: z.string().nullable().describe('Where it was started from.'),
    userAgent: z.string().nullable(),
    current: z.boolean().describe('The one that asks.'),
  })
  .meta({ id: 'Session', description: 'A browser that is signed in.' });
export type Session = z.output<typeof session>;

export const me = z
  .object({
    user,
    via: z.enum(['session', 'token', 'password']).describe('How this request said who it is.'),
    scopes: z.array(z.enum(tokenScopes)),
    permissions: z
      .array(z.enum(Object.keys(permissions) as [Permission, ...Permission[]]))
      .describe('Everything this request may ask for.'),
  })
  .meta({ id: 'Me', description: 'Who asks, and what they may do.' });

export const passwordChange = z.strictObject({
  currentPassword: z.string().max(1_000),
  newPassword: password,
});

export const token = z
  .object({
    id: z.int(),
    name: z.string(),
    scopes: z
      .array(z.enum(tokenScopes))
      .describe('read looks, submit also submits and cancels jobs, all does what the role may.'),
    createdAt: time,
    createdBy: z.string(),
    expiresAt: time.nullable().describe('null = never.'),
    lastUsedAt: time.nullable().describe('To the minute; null = never.'),
  })
  .meta({ id: 'Token', description: 'A token for programs. The secret itself is not kept.' });
export type Token = z.output<typeof token>;

export const newToken = z.strictObject({
  name: displayName.describe('What it is for.'),
  scopes: z
    .array(z.enum(tokenScopes))
    .min(1)
    .default(['all'])
    .describe('read looks, submit also submits and cancels jobs, all does what the role may.'),
  expiresAt: time.optional().describe('When it stops working; never when left out.'),
});

export const auditEntry = z
  .object({
    id: z.int(),
    at: time,
    actor: z.string().describe('Who did it.'),
    action: z.string().describe('`users.create`, `jobs.cancel`, …'),
    target: z.string().nullable().describe('What it was done to.'),
    details: z.record(z.string(), z.unknown()),
    address: z.string().nullable(),
    requestId: z.string().nullable().describe('Finds the lines of the log.'),
  })
  .meta({ id: 'AuditEntry', description: 'Somebody changed something.' });
export type AuditEntryView = z.output<typeof auditEntry>;

export const auditQuery = z.strictObject({
  actor: z.string().max(200).optional(),
  action: z.string().max(200).optional().describe('One action (`users.create`) or all of a noun (`users`).'),
  target: z.string().max(500).optional(),
  since: time.optional(),
  until: time.optional().describe('Before this time.'),
  cursor: z.coerce
    .number()
    .int()
    .positive()
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('From the page before.'),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/** How this server shows its secret to an identity provider, by the names of OpenID Connect Core 1.0, section 9. */
export const clientAuthentications = ['auto', 'client_secret_basic', 'client_secret_post'] as const;
export type ClientAuthentication = (typeof clientAuthentications)[number];

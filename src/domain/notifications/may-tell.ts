import type { Actor } from '../../contract/actor.ts';
import type { ChannelType } from '../../contract/notification-facts.ts';
import { isAllowed } from '../../contract/permissions.ts';

/** Web hooks and topics reach other machines in the name of the server. */
export function mayUse(channel: ChannelType, actor: Actor): boolean {
  return isAllowed(actor, channel === 'email' ? 'notifications.own' : 'notifications.send-anywhere');
}

/**
 * Whether a rule still tells: what it does is asked of its owner as they are today, not when they made it. Null: their
 * account is gone or disabled.
 */
export function mayTell(rule: { channel: { type: ChannelType } }, owner: Actor | null): boolean {
  return owner !== null && mayUse(rule.channel.type, owner);
}

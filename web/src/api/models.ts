import type { components } from './generated.ts';

/** The shapes of the API that pages name. All come from its description or from the contract. */
export type Me = components['schemas']['Me'];
export type ListedUser = components['schemas']['ListedUser'];
export type Identity = components['schemas']['Identity'];
export type Session = components['schemas']['Session'];
export type Token = components['schemas']['Token'];
export type AuditEntry = components['schemas']['AuditEntry'];

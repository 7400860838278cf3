import type { Role } from '../../../../src/contract/actor.ts';

/** What each role may do, in words. */
export const roleMeanings = {
  viewer: 'looks',
  member: 'looks, submits, and changes jobs of their own',
  operator: 'runs the place: all jobs, queues, workers, lanes, scripts, secrets',
  admin: 'also manages users, and sees the audit and the server',
} as const satisfies Record<Role, string>;

export const roleItems = (Object.keys(roleMeanings) as Role[]).map((role) => ({ value: role, label: role }));

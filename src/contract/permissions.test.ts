import { describe, expect, it } from 'vitest';
import { roles, type Role } from './actor.ts';
import { can, permissions, type Permission, type Principal, type TokenScope } from './permissions.ts';

function principal(role: Role, scopes: readonly TokenScope[] = ['all']): Principal {
  return { actor: { name: 'ana', accountId: 1, role }, scopes, via: 'token', credentialId: 1 };
}

const all = Object.keys(permissions) as Permission[];

describe('can', () => {
  it('lets nobody do only what is public', () => {
    const allowed = all.filter((permission) => can(null, permission));
    expect(allowed).toEqual(all.filter((permission) => permissions[permission] === 'public'));
  });

  it('lets each role do what the ones before it may', () => {
    for (const [index, role] of roles.entries()) {
      const before = roles[index - 1];
      if (!before) continue;
      for (const permission of all.filter((candidate) => can(principal(before), candidate))) {
        expect(can(principal(role), permission), `${role} ${permission}`).toBe(true);
      }
    }
  });

  it('lets a member submit and cancel, an operator also what belongs to others, only an admin users', () => {
    expect(can(principal('viewer'), 'jobs.submit')).toBe(false);
    expect(can(principal('member'), 'jobs.submit')).toBe(true);
    expect(can(principal('member'), 'jobs.cancel-others')).toBe(false);
    expect(can(principal('operator'), 'jobs.cancel-others')).toBe(true);
    expect(can(principal('operator'), 'users.read')).toBe(false);
    expect(can(principal('admin'), 'users.change')).toBe(true);
  });

  it('keeps a read token of an admin from every change', () => {
    const allowed = all.filter((permission) => can(principal('admin', ['read']), permission));
    expect(allowed.filter((permission) => permissions[permission] !== 'public')).toSatisfy((list: string[]) =>
      list.every((permission) => permission.endsWith('.read')),
    );
  });

  it('lets a submit token submit, but not edit, make tokens or change the password', () => {
    const member = principal('member', ['submit']);
    expect(can(member, 'jobs.submit')).toBe(true);
    expect(can(member, 'jobs.cancel')).toBe(true);
    expect(can(member, 'jobs.read')).toBe(true);
    expect(can(member, 'jobs.change')).toBe(false);
    expect(can(member, 'tokens.own')).toBe(false);
    expect(can(member, 'profile.change')).toBe(false);
  });

  it('never lets a scope reach beyond the role', () => {
    expect(can(principal('viewer', ['submit']), 'jobs.submit')).toBe(false);
    expect(can(principal('viewer', ['all']), 'users.read')).toBe(false);
  });

  it('lets a token without scopes do nothing but the public', () => {
    expect(can(principal('admin', []), 'jobs.read')).toBe(false);
    expect(can(principal('admin', []), 'health.read')).toBe(true);
  });
});

import { describe, expect, it } from 'vitest';
import { createGuard } from './guard.ts';

const strict = createGuard([]);

describe('the guard', () => {
  it.each([
    '93.184.216.34',
    '8.8.8.8',
    '2606:4700::1111',
    '::ffff:8.8.8.8',
    '64:ff9b::8.8.8.8',
    '2002:808:808::1',
  ])('lets everybody reach %s, which is public', (address) => {
    expect(strict(address, null)).toEqual({ isAllowed: true, reason: 'public' });
  });

  it.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'unspecified'],
    ['10.0.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['100.64.0.1', 'shared (carrier-grade NAT)'],
    ['100.100.100.200', 'shared (carrier-grade NAT)'],
    ['169.254.169.254', 'link-local'],
    ['168.63.129.16', "a cloud's host agent"],
    ['192.0.0.192', 'reserved'],
    ['192.0.2.1', 'reserved'],
    ['198.18.0.1', 'reserved'],
    ['224.0.0.1', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::127.0.0.1', 'loopback'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:7f00:1', 'loopback'],
    ['::ffff:169.254.169.254', 'link-local'],
    ['::ffff:0:127.0.0.1', null],
    ['64:ff9b::10.0.0.1', 'private'],
    ['64:ff9b:1::a00:1', null],
    ['2002:7f00:1::', 'loopback'],
    ['2002:a9fe:a9fe::1', 'link-local'],
    ['2001:0:53aa:64c:0:7fff:f5ff:fffe', null],
    ['2001:db8::1', null],
    ['fc00::1', 'private (unique local)'],
    ['fd00:ec2::254', 'private (unique local)'],
    ['fe80::1', 'link-local'],
    ['fec0::1', null],
    ['ff02::1', 'multicast'],
    ['100::1', null],
    ['5f00::1', null],
    ['4000::1', 'reserved'],
    ['example.com', 'no address'],
    ['', 'no address'],
  ])('refuses %s', (address, reason) => {
    const decision = strict(address, 'admin');
    expect(decision.isAllowed).toBe(false);
    if (reason !== null) expect(decision.reason).toBe(reason);
  });

  it('opens the ranges of the setting, and nothing beside them', () => {
    const guard = createGuard([
      { cidr: '10.1.0.0/16', least: null },
      { cidr: '::1', least: null },
      { cidr: '::ffff:192.168.5.0/120', least: null },
    ]);
    expect(guard('10.1.2.3', null)).toEqual({ isAllowed: true, reason: 'private, allowed by 10.1.0.0/16' });
    expect(guard('::ffff:10.1.2.3', null).isAllowed).toBe(true);
    expect(guard('::1', null).isAllowed).toBe(true);
    expect(guard('192.168.5.9', null).isAllowed).toBe(true);
    for (const other of ['10.2.0.1', '127.0.0.1', '192.168.6.1', '::2'])
      expect(guard(other, 'admin').isAllowed).toBe(false);
  });

  it('opens a range with a role from that role upwards, and never to somebody unknown', () => {
    const guard = createGuard([{ cidr: '10.0.0.0/8', least: 'operator' }]);
    const may = (role: Parameters<typeof guard>[1]): boolean => guard('10.9.9.9', role).isAllowed;
    expect([may(null), may('viewer'), may('member'), may('operator'), may('admin')]).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
  });
});

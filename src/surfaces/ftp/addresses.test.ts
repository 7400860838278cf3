import { describe, expect, it } from 'vitest';
import {
  createPeerCheck,
  formatPassive,
  parseExtendedPort,
  parsePort,
  plainAddress,
  requirePeer,
} from './addresses.ts';

describe('PORT', () => {
  it('is four numbers of an address and two of a port', () => {
    expect(parsePort('127,0,0,1,200,10')).toEqual({ address: '127.0.0.1', port: 51_210 });
    expect(formatPassive({ address: '10.1.2.3', port: 51_210 })).toBe('(10,1,2,3,200,10)');
  });

  it.each([
    '',
    '1,2,3',
    '127,0,0,1,999,1',
    '256,0,0,1,1,1',
    '127,0,0,1,1.1',
    'X,0,0,1,1,1',
    '127,0,0,1,-1,0',
    '1,2,3,4,5,6,7',
  ])('refuses %j', (argument) => {
    expect(() => parsePort(argument)).toThrow('Invalid PORT format.');
  });
});

describe('EPRT', () => {
  it('takes any sign as the delimiter', () => {
    expect(parseExtendedPort('|1|132.235.1.2|6275|', 4)).toEqual({ address: '132.235.1.2', port: 6275 });
    expect(parseExtendedPort('!2!1080::8:800:200C:417A!5282!', 6)).toEqual({
      address: '1080::8:800:200C:417A',
      port: 5282,
    });
  });

  it.each([
    '',
    'garbage',
    '||||',
    '||',
    '|1|1.2.3.4|65536|',
    '|1|1.2.3.4|-1|',
    '|1|1.2.3.4.5|2048|',
    '|1|1.2.3.256|2048|',
    '|1|::1|2048|',
  ])('refuses %j', (argument) => {
    expect(() => parseExtendedPort(argument, 4)).toThrow('Invalid EPRT format.');
  });

  it('names the protocol that works for another one', () => {
    expect(() => parseExtendedPort('|2|::1|2048|', 4)).toThrow('Network protocol not supported, use (1).');
    expect(() => parseExtendedPort('|9|127.0.0.1|5000|', 4)).toThrow('use (1)');
  });
});

describe('who may send and receive data', () => {
  const only = createPeerCheck([]);

  it('is the address of the control connection', () => {
    expect(() => requirePeer({ address: '192.0.2.1', port: 5000 }, '192.0.2.1', only)).not.toThrow();
    expect(() => requirePeer({ address: '192.0.2.2', port: 5000 }, '192.0.2.1', only)).toThrow(
      'foreign address 192.0.2.2: you are 192.0.2.1',
    );
    expect(() => requirePeer({ address: '192.0.2.1', port: 25 }, '192.0.2.1', only)).toThrow(
      'privileged port 25',
    );
  });

  it('is besides whoever was named', () => {
    const more = createPeerCheck(['198.51.100.0/24', '2001:db8::1']);
    expect(more('198.51.100.7', '192.0.2.1')).toBe(true);
    expect(more('198.51.101.7', '192.0.2.1')).toBe(false);
    expect(more('2001:db8::1', '192.0.2.1')).toBe(true);
    expect(more('2001:db8::2', '192.0.2.1')).toBe(false);
  });

  it('compares addresses without what the socket adds', () => {
    expect(plainAddress('::ffff:192.0.2.1')).toBe('192.0.2.1');
    expect(plainAddress('fe80::1%eth0')).toBe('fe80::1');
    expect(plainAddress('2001:db8::1')).toBe('2001:db8::1');
  });
});

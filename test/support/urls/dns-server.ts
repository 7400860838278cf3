import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Resolver } from 'node:dns/promises';
import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Resolver as UrlResolver } from '../../../src/kinds/url/resolve.ts';

export interface LyingDns {
  /** Asks for the addresses of one family, IPv4 unless the test says IPv6. */
  resolve: UrlResolver;
  /** Names whose IPv4 addresses were asked for, in order. */
  readonly asked: readonly string[];
  close(): void;
}

/** A DNS server that answers what it likes: `answers` says which addresses a name has this time. */
export async function startDns(
  answers: (name: string, time: number) => readonly string[],
): Promise<LyingDns> {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (query, from) => {
    const { name, type, end } = readQuestion(query);
    if (type === 1) asked.push(name);
    const time = asked.filter((one) => one === name).length;
    const records = answers(name, time).filter((address) => isIPv4(address) === (type === 1));
    socket.send(toAnswer(query, end, records), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const resolver = new Resolver({ timeout: 1_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  return {
    asked,
    resolve: async (host, family) => {
      const found = await (family === 6 ? resolver.resolve6(host) : resolver.resolve4(host));
      return found.map((address) => ({ address, family: family ?? 4 }));
    },
    close: () => {
      resolver.cancel();
      socket.close();
    },
  };
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.'), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function toAnswer(query: Buffer, questionEnd: number, addresses: readonly string[]): Buffer {
  const head = Buffer.from(query.subarray(0, questionEnd));
  head.writeUInt16BE(addresses.length > 0 ? 0x8180 : 0x8183, 2);
  head.writeUInt16BE(addresses.length, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, ...addresses.map(toRecord)]);
}

/** Of the name in the question, of class IN, to be forgotten at once. */
function toRecord(address: string): Buffer {
  const bytes = ipaddr.parse(address).toByteArray();
  const type = bytes.length === 4 ? 1 : 28;
  return Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, bytes.length, ...bytes]);
}

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Resolver } from 'node:dns/promises';
import { isIPv4 } from 'node:net';
import type { Resolver as UrlResolver } from '../../../src/kinds/url/resolve.ts';

export interface LyingDns {
  resolve: UrlResolver;
  /** Names that were asked for, in order. */
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
    socket.send(toAnswer(query, end, records.filter(isIPv4)), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const resolver = new Resolver({ timeout: 1_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  return {
    asked,
    resolve: async (host) => {
      const addresses = await resolver.resolve4(host);
      return addresses.map((address) => ({ address, family: 4 as const }));
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
  const records = addresses.map((address) =>
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]),
  );
  return Buffer.concat([head, ...records]);
}

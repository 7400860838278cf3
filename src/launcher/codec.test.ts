import { expect, test } from 'vitest';
import { createDecoder, encodeHead } from './codec.ts';

test('messages survive any cut of the byte stream', () => {
  const sent = [
    { head: { type: 'a', text: 'ü\0' }, bytes: Buffer.from([0, 255, 10]) },
    { head: { type: 'b' }, bytes: Buffer.alloc(0) },
    { head: { type: 'c' }, bytes: Buffer.alloc(3000, 7) },
  ];
  const stream = Buffer.concat(sent.flatMap(({ head, bytes }) => [encodeHead(head, bytes.length), bytes]));
  for (const size of [1, 2, 3, 7, 64, stream.length]) {
    const heard: unknown[] = [];
    const decoder = createDecoder((head, bytes) => heard.push({ head, bytes: Buffer.from(bytes) }));
    for (let at = 0; at < stream.length; at += size) decoder.push(stream.subarray(at, at + size));
    expect(heard).toEqual(sent);
  }
});

test('what is no message is an error, not an endless wait', () => {
  const decoder = createDecoder(() => {});
  expect(() => decoder.push(Buffer.from('GET / HTTP/1.1\r\n'))).toThrow('announced');
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventParser, followEvents, type ServerSentEvent } from './sse.ts';

function parse(pieces: readonly string[]): ServerSentEvent[] {
  const parser = new EventParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('EventParser', () => {
  it('gives out the same events wherever the text was cut and however its lines end', () => {
    const text =
      '\u{FEFF}retry: 1000\n\n: still here\n\nevent: output\nid: 1-0-0\ndata: {"text":"é\\r\\n"}\n\ndata\ndata: two\ndata:  lines\n\nid: 7\n\nevent: nothing\n\n';
    const expected = [
      { event: 'output', data: '{"text":"é\\r\\n"}' },
      { event: 'message', data: '\ntwo\n lines' },
    ];
    fc.assert(
      fc.property(
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.array(fc.nat(text.length + 20), { maxLength: 12 }),
        (end, cuts) => {
          // The last line needs a follower, since a lone CR may be half of a CRLF.
          const whole = `${text.replaceAll('\n', end)}:`;
          const places = [0, ...cuts.map((cut) => Math.min(cut, whole.length)), whole.length].sort(
            (a, b) => a - b,
          );
          const pieces = places.slice(1).map((place, index) => whole.slice(places[index], place));
          expect(parse(pieces)).toEqual(expected);
        },
      ),
    );
  });

  it('an event that is cut off is not given out, and its id is not taken', () => {
    const parser = new EventParser('5');
    expect(parser.push('id: 6\ndata: whole\n\nid: 7\ndata: half\n')).toEqual([
      { event: 'message', data: 'whole' },
    ]);
    expect(parser.lastEventId).toBe('6');
  });

  it('an id stays until another comes, an id with NUL is passed over', () => {
    const parser = new EventParser();
    parser.push('id: 3\ndata: a\n\nid: \0\ndata: b\n\ndata: c\n\n');
    expect(parser.lastEventId).toBe('3');
  });

  it('knows how long to wait, unless that is no number', () => {
    const parser = new EventParser();
    parser.push('retry: 250\nretry: soon\n\n');
    expect(parser.retryMs).toBe(250);
  });
});

/** Connections in order: the text of each, or null where nobody answers. */
function follow(connections: readonly (string | null)[]) {
  const asked: (string | undefined)[] = [];
  const waits: number[] = [];
  const reports: boolean[] = [];
  const events = followEvents({
    open: async (lastEventId) => {
      asked.push(lastEventId);
      const text = connections[asked.length - 1];
      if (text === undefined) throw new Error('no further connection');
      if (text === null) return null;
      return (async function* () {
        yield encode(text);
        throw new Error('the connection broke');
      })();
    },
    wait: async (ms) => {
      waits.push(ms);
    },
    onConnection: (isConnected) => reports.push(isConnected),
  });
  return { events, asked, waits, reports };
}

describe('followEvents', () => {
  it('goes on after a broken connection with the id of the last whole event', async () => {
    const { events, asked, reports } = follow([
      'id: 1\ndata: a\n\nid: 2\ndata: cut',
      null,
      'id: 2\ndata: b\n\n',
    ]);
    const seen: string[] = [];
    await expect(async () => {
      for await (const { data } of events) seen.push(data);
    }).rejects.toThrow('no further connection');
    expect(seen).toEqual(['a', 'b']);
    expect(asked).toEqual([undefined, '1', '1', '2']);
    expect(reports).toEqual([false, true, false]);
  });

  it('waits longer while nobody answers, as long as asked at least, and starts anew after an event', async () => {
    const { events, waits } = follow([null, null, null, 'retry: 900\ndata: a\n\n', null]);
    await expect(async () => {
      for await (const _ of events) void _;
    }).rejects.toThrow('no further connection');
    expect(waits[2]).toBeGreaterThan(waits[0] ?? Infinity);
    expect(waits[3]).toBe(900);
    expect(waits[4]).toBeLessThanOrEqual(500);
  });

  it('closes the connection when the caller leaves', async () => {
    let isClosed = false;
    const events = followEvents({
      open: async () =>
        (async function* () {
          try {
            yield encode('data: a\n\n');
            await new Promise(() => {});
          } finally {
            isClosed = true;
          }
        })(),
      wait: async () => {},
    });
    for await (const { data } of events) {
      expect(data).toBe('a');
      break;
    }
    expect(isClosed).toBe(true);
  });

  it('characters that were cut between pieces come whole', async () => {
    const bytes = encode('data: né🙂\n\n');
    const events = followEvents({
      open: async () =>
        (async function* () {
          for (const byte of bytes) yield Uint8Array.of(byte);
        })(),
      wait: async () => {},
    });
    expect((await events.next()).value).toEqual({ event: 'message', data: 'né🙂' });
    await events.return(undefined);
  });
});

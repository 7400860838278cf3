/**
 * One message: length of the rest (u32, big endian), length of the head (u32), head (JSON), bytes as they are.
 */
const headAt = 8;
const maxMessageBytes = 256 * 1024 * 1024;
/** More is not kept for the next message that comes in pieces. */
const keptBytes = 1024 * 1024;

/** What leads the bytes of a message, which follow as they are. */
export function encodeHead(head: object, bodyBytes = 0): Buffer {
  const json = JSON.stringify(head);
  const headBytes = Buffer.byteLength(json);
  const message = Buffer.allocUnsafe(headAt + headBytes);
  message.writeUInt32BE(4 + headBytes + bodyBytes, 0);
  message.writeUInt32BE(headBytes, 4);
  message.write(json, headAt);
  return message;
}

export interface MessageDecoder {
  /** Calls back once for each message that is complete. Its bytes are there until the callback returns. */
  push(chunk: Buffer): void;
}

/** @throws (from push) when the other side does not speak this format */
export function createDecoder(onMessage: (head: unknown, bytes: Buffer) => void): MessageDecoder {
  /** The beginning of a message that goes on in the next chunk. */
  let held = Buffer.alloc(0);
  let have = 0;

  const hold = (bytes: Buffer): void => {
    if (held.length < have + bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(have + bytes.length, 2 * held.length));
      held.copy(larger, 0, 0, have);
      held = larger;
    }
    held.set(bytes, have);
    have += bytes.length;
  };

  return {
    push(chunk) {
      for (let rest = chunk; rest.length > 0;) {
        const need = lengthOf(have > 0 ? held.subarray(0, have) : rest);
        const next = rest.subarray(0, need - have);
        rest = rest.subarray(next.length);
        if (have === 0 && next.length === need && need > 4) decode(next, onMessage);
        else hold(next);
        if (have < lengthOf(held.subarray(0, have))) continue;
        const whole = held.subarray(0, have);
        have = 0;
        if (held.length > keptBytes) held = Buffer.alloc(0);
        decode(whole, onMessage);
      }
    },
  };
}

/** Of the message that begins so, as far as that can be told: 4 bytes tell it. */
function lengthOf(begun: Buffer): number {
  if (begun.length < 4) return 4;
  const length = begun.readUInt32BE(0);
  if (length < 4 || length > maxMessageBytes) throw new Error(`a message of ${length} bytes announced`);
  return 4 + length;
}

function decode(message: Buffer, onMessage: (head: unknown, bytes: Buffer) => void): void {
  const bodyAt = headAt + message.readUInt32BE(4);
  if (bodyAt > message.length) throw new Error('the head of a message is longer than the message');
  onMessage(JSON.parse(message.toString('utf8', headAt, bodyAt)), message.subarray(bodyAt));
}

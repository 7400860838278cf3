/**
 * One message: length of the rest (u32, big endian), length of the head (u32), head (JSON), bytes as they are.
 */
const headAt = 8;
const maxMessageBytes = 256 * 1024 * 1024;

export function encodeMessage(head: object, bytes?: Uint8Array): Buffer {
  const json = JSON.stringify(head);
  const headBytes = Buffer.byteLength(json);
  const bodyBytes = bytes?.byteLength ?? 0;
  const message = Buffer.allocUnsafe(headAt + headBytes + bodyBytes);
  message.writeUInt32BE(4 + headBytes + bodyBytes, 0);
  message.writeUInt32BE(headBytes, 4);
  message.write(json, headAt);
  if (bytes) message.set(bytes, headAt + headBytes);
  return message;
}

export interface MessageDecoder {
  /** Calls back once for each message that is complete. Bytes are views, valid for as long as they are held. */
  push(chunk: Buffer): void;
}

/** @throws (from push) when the other side does not speak this format */
export function createDecoder(onMessage: (head: unknown, bytes: Buffer) => void): MessageDecoder {
  let parts: Buffer[] = [];
  let have = 0;
  let need = 4;

  const takeAll = (): Buffer => {
    const [only] = parts;
    const all = parts.length === 1 && only ? only : Buffer.concat(parts, have);
    parts = [];
    have = 0;
    return all;
  };

  return {
    push(chunk) {
      parts.push(chunk);
      have += chunk.length;
      if (have < need) return;
      const data = takeAll();
      let position = 0;
      need = 4;
      while (data.length - position >= 4) {
        const length = data.readUInt32BE(position);
        if (length < 4 || length > maxMessageBytes) throw new Error(`a message of ${length} bytes announced`);
        need = 4 + length;
        if (data.length - position < need) break;
        const bodyAt = position + headAt + data.readUInt32BE(position + 4);
        const end = position + need;
        if (bodyAt > end) throw new Error('the head of a message is longer than the message');
        const head: unknown = JSON.parse(data.toString('utf8', position + headAt, bodyAt));
        position = end;
        need = 4;
        onMessage(head, data.subarray(bodyAt, end));
      }
      if (position < data.length) {
        parts.push(data.subarray(position));
        have = data.length - position;
      }
    },
  };
}

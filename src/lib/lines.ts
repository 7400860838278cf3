/**
 * The lines of a stream of UTF-8 bytes, one at a time. A last line needs no end.
 * @throws RangeError when a line is longer than `maxBytes`
 */
export async function* splitLines(
  source: AsyncIterable<Uint8Array>,
  { maxBytes }: { maxBytes: number },
): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const piece of source) {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      yield Buffer.concat([...rest, bytes.subarray(from, end)]).toString();
      rest = [];
      restBytes = 0;
      from = end + 1;
    }
    rest.push(bytes.subarray(from));
    restBytes += bytes.length - from;
    if (restBytes > maxBytes) throw new RangeError(`a line is longer than ${maxBytes} bytes`);
  }
  if (restBytes > 0) yield Buffer.concat(rest).toString();
}

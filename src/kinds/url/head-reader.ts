/** So much of an answer is looked at for the form of its head. */
const mostBytes = 256 * 1024;

/**
 * Looks at the bytes of an answer before the parser reads them: it forgives what browsers forgive, and a tester has to
 * say so. A line that goes on in the next one is no flaw: whoever reads it must put up with that (RFC 9112, 5.2).
 */
export class HeadReader {
  #text = '';
  #isWhole = false;

  add(bytes: Buffer): void {
    if (this.#isWhole || this.#text.length >= mostBytes) return;
    this.#text += bytes.toString('latin1', 0, mostBytes - this.#text.length);
    this.#isWhole = /\n\r?\n/.test(this.#text);
  }

  /** In sentences. */
  get flaws(): string[] {
    const { lines, fields } = this.#parts;
    const flaws: string[] = [];
    // The very last line has lost its end.
    if (lines.slice(0, -1).some((line) => !line.endsWith('\r')))
      flaws.push('Lines of its head end with LF alone, which not every client accepts.');
    if (fields.some(({ name }) => !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)))
      flaws.push('A header has a name that none may have.');
    if (fields.some(({ value }) => /[^\P{Cc}\t\x80-\x9f]/u.test(value)))
      flaws.push('A header contains control characters.');
    if (fields.filter(({ name }) => isLength(name)).length > 1)
      flaws.push('It has more than one Content-Length.');
    return flaws;
  }

  /** What the parser made nothing of, though browsers do; null: it is no answer to them, either. */
  get answer(): { status: number; statusText: string; headers: [string, string][] } | null {
    const { lines, fields } = this.#parts;
    const [, status, statusText = ''] =
      /^HTTP\/1\.[01] ([1-5]\d\d)(?: (.*?))?\r?$/.exec(lines[0] ?? '') ?? [];
    const lengths = new Set(fields.flatMap(({ name, value }) => (isLength(name) ? [value] : [])));
    if (!this.#isWhole || status === undefined || lengths.size > 1) return null;
    const headers = fields.map(({ name, value }): [string, string] => [name.toLowerCase(), value]);
    return { status: Number(status), statusText, headers };
  }

  get #parts(): { lines: string[]; fields: { name: string; value: string }[] } {
    const [head = ''] = this.#text.split(/\n\r?\n/, 1);
    const lines = head.split('\n');
    const fields = lines.slice(1).flatMap((line) => {
      if (/^[ \t]/.test(line)) return [];
      const [, name = '', value = ''] = /^([^:]*):?(.*?)\r?$/s.exec(line) ?? [];
      return [{ name, value: value.trim() }];
    });
    return { lines, fields };
  }
}

function isLength(name: string): boolean {
  return name.toLowerCase() === 'content-length';
}

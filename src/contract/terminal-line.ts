/**
 * Text with colours as terminals understand them (ECMA-48, SGR with the 256 colours and 24 bits of xterm), one line at
 * a time. A carriage return, a backspace, "erase in line" and what moves the cursor within the line (CHA, HPA, CUF, HPR,
 * CUB) act as on a terminal, so that of a progress bar its last form is seen. Other escape sequences are dropped.
 */
export interface AnsiStyle {
  /** `#rrggbb` */
  color?: string;
  background?: string;
  isBold?: boolean;
  isDim?: boolean;
  isItalic?: boolean;
  isUnderlined?: boolean;
  isStruck?: boolean;
  isInverse?: boolean;
}

export interface AnsiSpan {
  text: string;
  /** Null: plain. */
  style: AnsiStyle | null;
}

const escape = '\u001B';
/** Of the 16 names: xterm's. */
const named =
  '#000000 #cd0000 #00cd00 #cdcd00 #0000ee #cd00cd #00cdcd #e5e5e5 #7f7f7f #ff0000 #00ff00 #ffff00 #5c5cff #ff00ff #00ffff #ffffff'.split(
    ' ',
  );

/**
 * The visible text of a line in pieces of one style.
 * @param before what the lines before it left switched on
 */
export function parseAnsi(printed: string, before: AnsiStyle | null = null): AnsiSpan[] {
  const line = printed.endsWith('\r') ? printed.slice(0, -1) : printed;
  // By far the most lines.
  if (!/[^\P{Cc}\t]/u.test(line)) return line === '' ? [] : [{ text: line, style: before }];
  const screen = new LineScreen();
  let style = before;
  for (let at = 0; at < line.length;) {
    if (line[at] !== escape) {
      const next = line.indexOf(escape, at);
      const end = next < 0 ? line.length : next;
      screen.print(line.slice(at, end), style);
      at = end;
      continue;
    }
    const { length, final, parameters } = readSequence(line, at);
    if (final === 'm') style = applySgr(style, parameters);
    else if (final === 'K') screen.erase(parameters);
    else if (final !== '') screen.move(final, parameters);
    at += length;
  }
  return screen.spans();
}

/** What people see of a line, without colours. One that is not written over and has no sequences is taken as it is. */
export function visibleText(printed: string): string {
  return isStyledOrRewritten(printed) ? shownText(printed) : printed;
}

/** What a terminal shows of a line in the end, without colours. */
export function shownText(printed: string): string {
  return parseAnsi(printed)
    .map(({ text }) => text)
    .join('');
}

/** Whether people see something else than what was printed. */
export function isStyledOrRewritten(printed: string): boolean {
  // oxlint-disable-next-line no-control-regex -- these are what a terminal acts on
  return /[\u001B\b]|\r./.test(printed);
}

/** What a line leaves switched on for the next one. */
export function styleAfter(printed: string, before: AnsiStyle | null): AnsiStyle | null {
  let style = before;
  for (let at = printed.indexOf(escape); at >= 0; at = printed.indexOf(escape, at)) {
    const { length, final, parameters } = readSequence(printed, at);
    if (final === 'm') style = applySgr(style, parameters);
    at += length;
  }
  return style;
}

const blank: AnsiSpan = { text: ' ', style: null };

/** A terminal stops at its right margin, which nobody here knows; a number of a program must not fill the memory. */
const mostColumns = 1_000;

/** One line of a terminal. Runs of text are kept whole until the cursor goes back. */
class LineScreen {
  #runs: AnsiSpan[] = [];
  /** One entry a character, once something is written over. */
  #cells: AnsiSpan[] | null = null;
  #column = 0;

  print(text: string, style: AnsiStyle | null): void {
    for (const part of text.split(/([\r\b])/)) {
      if (part === '\r') this.#goBack(Infinity);
      else if (part === '\b') this.#goBack(1);
      else this.#write(part.replaceAll(/[^\P{Cc}\t]/gu, ''), style);
    }
  }

  /** EL: to the end of the line, to its beginning, or all of it. */
  erase(parameters: string): void {
    const cells = this.#toCells();
    if (parameters === '' || parameters === '0') cells.length = Math.min(cells.length, this.#column);
    const end = parameters === '1' ? this.#column : parameters === '2' ? cells.length : 0;
    for (let at = 0; at < end; at += 1) cells[at] = blank;
  }

  /** CHA and HPA name a column, CUF and HPR go forward, CUB back; whatever else there is moves nothing. */
  move(final: string, parameters: string): void {
    const count = Math.max(1, Number.parseInt(parameters, 10) || 1);
    if (final === 'D') this.#goBack(count);
    else if (final === 'G' || final === '`') this.#goTo(count - 1);
    else if (final === 'C' || final === 'a') this.#goForward(count);
  }

  spans(): AnsiSpan[] {
    return this.#cells ? joinEqual(this.#cells) : this.#runs;
  }

  #goBack(columns: number): void {
    this.#toCells();
    this.#column = Math.max(0, this.#column - columns);
  }

  #goForward(columns: number): void {
    this.#toCells();
    this.#goTo(this.#column + columns);
  }

  #goTo(column: number): void {
    this.#column = Math.min(column, Math.max(this.#toCells().length, mostColumns));
  }

  #write(text: string, style: AnsiStyle | null): void {
    if (text === '') return;
    if (!this.#cells) {
      this.#runs.push({ text, style });
      return;
    }
    for (const character of text) {
      while (this.#cells.length < this.#column) this.#cells.push(blank);
      this.#cells[this.#column] = { text: character, style };
      this.#column += 1;
    }
  }

  #toCells(): AnsiSpan[] {
    if (!this.#cells) {
      this.#cells = this.#runs.flatMap(({ text, style }) => Array.from(text, (text) => ({ text, style })));
      this.#column = this.#cells.length;
    }
    return this.#cells;
  }
}

function joinEqual(cells: readonly AnsiSpan[]): AnsiSpan[] {
  const spans: AnsiSpan[] = [];
  for (const cell of cells) {
    const last = spans.at(-1);
    if (last && last.style === cell.style) last.text += cell.text;
    else spans.push({ ...cell });
  }
  return spans;
}

interface Sequence {
  length: number;
  /** Of a control sequence (CSI) its last character; empty for every other kind. */
  final: string;
  parameters: string;
}

/** The escape sequence that begins here. One that is cut off goes to the end of the line. */
function readSequence(line: string, at: number): Sequence {
  const introducer = line[at + 1] ?? '';
  if (introducer === '[') {
    const [whole = '', parameters = '', final = ''] =
      /^([0-?]*)[ -/]*([@-~]?)/.exec(line.slice(at + 2, at + 200)) ?? [];
    return { length: 2 + whole.length, final, parameters };
  }
  // Strings (title, hyperlink …) end with BEL or ESC \.
  if (introducer !== '' && ']PX^_'.includes(introducer)) {
    const ends = [line.indexOf('\u0007', at + 2) + 1, line.indexOf(`${escape}\\`, at + 2) + 2];
    const known = ends.filter((end) => end > at + 2);
    return { length: (known.length > 0 ? Math.min(...known) : line.length) - at, final: '', parameters: '' };
  }
  const short = /^[ -/]*[0-~]?/.exec(line.slice(at + 1, at + 20))?.[0] ?? '';
  return { length: 1 + short.length, final: '', parameters: '' };
}

const switches: Readonly<Record<number, AnsiStyle>> = {
  1: { isBold: true },
  2: { isDim: true },
  3: { isItalic: true },
  4: { isUnderlined: true },
  7: { isInverse: true },
  9: { isStruck: true },
};

const switchedOff: Readonly<Record<number, readonly (keyof AnsiStyle)[]>> = {
  22: ['isBold', 'isDim'],
  23: ['isItalic'],
  24: ['isUnderlined'],
  27: ['isInverse'],
  29: ['isStruck'],
  39: ['color'],
  49: ['background'],
};

function applySgr(before: AnsiStyle | null, parameters: string): AnsiStyle | null {
  const codes = parameters.replaceAll('::', ':').split(/[;:]/).map(Number);
  let style: AnsiStyle = { ...before };
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 0) style = {};
    else if (code === 38 || code === 48) {
      const { color, used } = readColor(codes.slice(at + 1));
      if (color) style[code === 38 ? 'color' : 'background'] = color;
      at += used;
    } else if (switches[code]) style = { ...style, ...switches[code] };
    else if (switchedOff[code]) for (const key of switchedOff[code]) delete style[key];
    else setNamedColor(style, code);
  }
  return Object.keys(style).length === 0 ? null : style;
}

function setNamedColor(style: AnsiStyle, code: number): void {
  const bright = code >= 90 ? 8 : 0;
  const ten = Math.floor(code / 10);
  const color = code % 10 < 8 ? named[(code % 10) + bright] : undefined;
  if (color && (ten === 3 || ten === 9)) style.color = color;
  if (color && (ten === 4 || ten === 10)) style.background = color;
}

/** `5;n` of the palette or `2;r;g;b`, and how many numbers that were. */
function readColor([form, ...rest]: readonly number[]): { color: string | null; used: number } {
  if (form === 5) return { color: paletteColor(rest[0] ?? 0), used: 2 };
  if (form === 2) return { color: toHex(rest.slice(0, 3)), used: 4 };
  return { color: null, used: 1 };
}

/** xterm's 256: 16 names, a cube of 6 × 6 × 6, 24 greys. */
function paletteColor(index: number): string | null {
  if (index < 16) return named[index] ?? null;
  if (index > 255) return null;
  if (index >= 232) return toHex(Array<number>(3).fill(8 + 10 * (index - 232)));
  const cube = index - 16;
  const steps = [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6];
  return toHex(steps.map((step) => (step === 0 ? 0 : 55 + 40 * step)));
}

function toHex(channels: readonly number[]): string {
  return `#${channels.map((value) => Math.min(255, Math.max(0, value)).toString(16).padStart(2, '0')).join('')}`;
}

import { inspect, styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

const levels: Readonly<Record<number, [name: string, style: Style]>> = {
  10: ['TRACE', 'gray'],
  20: ['DEBUG', 'gray'],
  30: ['INFO', 'green'],
  40: ['WARN', 'yellow'],
  50: ['ERROR', 'red'],
  60: ['FATAL', 'red'],
};

/** One line of pino's JSON as people read it at a terminal: time, level, sentence, fields. */
export function toPrettyLine(json: string, stream: NodeJS.WritableStream): string {
  const { level, time, msg, pid: _pid, hostname: _host, err, ...fields } = JSON.parse(json) as LogLine;
  // Asks the stream: no colours where it is no terminal, or NO_COLOR is set.
  const paint = (style: Style, text: string): string => styleText(style, text, { stream });
  const [name, style] = levels[level] ?? [String(level), 'gray'];
  const details = Object.entries(fields).map(([key, value]) => `${key}=${toText(value)}`);
  const line = [toTime(time), paint(style, name.padEnd(5)), msg ?? '', paint('gray', details.join(' '))];
  return `${line.filter((part) => part !== '').join(' ')}\n${err === undefined ? '' : describe(err)}`;
}

interface LogLine extends Record<string, unknown> {
  level: number;
  time: number;
  msg?: string;
  err?: { stack?: string; message?: string; type?: string };
}

function toTime(time: number): string {
  const at = new Date(time);
  const local = new Date(time - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(11, 23);
}

function toText(value: unknown): string {
  return typeof value === 'string' && /^\S+$/.test(value) ? value : inspect(value, { breakLength: Infinity });
}

function describe({ stack, type, message }: NonNullable<LogLine['err']>): string {
  const text = stack ?? `${type ?? 'Error'}: ${message ?? ''}`;
  return `${text.replaceAll(/^/gm, '    ')}\n`;
}

import { constants } from 'node:os';

const names = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** Real-time signals have no names in Node: `SIG34`. */
export function toSignalName(number: number): string {
  return names.get(number) ?? `SIG${number}`;
}

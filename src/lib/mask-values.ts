import { createStreamMask } from './stream-mask.ts';

export type Mask = <Value>(value: Value) => Value;

/** Hides texts in all strings of a JSON value, each by as many `*` as it has bytes, as in what programs print. */
export function createMask(texts: readonly string[]): Mask {
  if (texts.length === 0) return (value) => value;
  const hide = (text: string): string => {
    if (!texts.some((one) => text.includes(one))) return text;
    const mask = createStreamMask(texts);
    return Buffer.concat([mask.push(Buffer.from(text)), mask.end()]).toString();
  };
  const hideAll = (value: unknown): unknown => {
    if (typeof value === 'string') return hide(value);
    if (Array.isArray(value)) return value.map(hideAll);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [hide(name), hideAll(inner)]));
  };
  return <Value>(value: Value) => hideAll(value) as Value;
}

import { cleanText } from './clean-text.ts';

/** Whose something is that stops with its owner, and whether it did. */
export function describeOwner({ owner, ownerIsGone }: { owner: string; ownerIsGone: boolean }): string {
  return `${cleanText(owner)}${ownerIsGone ? ' (gone)' : ''}`;
}

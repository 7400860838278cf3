import type { Bytes } from './bytes.ts';
import { folderOf, lastPart } from './paths.ts';

/** Whether NLST and LIST could mean a pattern by it; `{a,b}` and anything in a folder part is none. */
export function isPattern(path: Bytes): boolean {
  return /[*?[]/.test(lastPart(path)) && !/[*?]/.test(folderOf(path));
}

/**
 * Whether a name matches: `*` any bytes, `?` one, `[a-c]` and `[!a-c]` one of a set. As in a shell, a name that begins
 * with a dot only matches a pattern that does. Takes at most |pattern| × |name| steps: the usual way with regular
 * expressions takes for ever on `*a*a*a*a*b`.
 */
export function matches(pattern: Bytes, name: Bytes): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false;
  let at = 0;
  let star = -1;
  let starAt = 0;
  let token = 0;
  while (at < name.length) {
    const step = pattern[token] === '*' ? null : stepAt(pattern, token, name.charAt(at));
    if (pattern[token] === '*') {
      star = token;
      starAt = at;
      token += 1;
    } else if (step?.matches) {
      token = step.next;
      at += 1;
    } else if (star !== -1) {
      token = star + 1;
      starAt += 1;
      at = starAt;
    } else return false;
  }
  while (pattern[token] === '*') token += 1;
  return token === pattern.length;
}

/** Whether one byte fits what stands there, and where the pattern goes on. */
function stepAt(pattern: Bytes, token: number, byte: string): { matches: boolean; next: number } {
  const sign = pattern[token];
  if (sign === undefined) return { matches: false, next: token };
  if (sign === '?') return { matches: true, next: token + 1 };
  const set = sign === '[' ? /^\[(!?)(\]?[^\]]*)\]/.exec(pattern.slice(token)) : null;
  if (!set) return { matches: sign === byte, next: token + 1 };
  const [all, not = '', members = ''] = set;
  return { matches: isMember(members, byte) !== (not === '!'), next: token + all.length };
}

function isMember(members: string, byte: string): boolean {
  for (let at = 0; at < members.length; at += 1) {
    const last = members[at + 1] === '-' ? members[at + 2] : undefined;
    const first = members.charAt(at);
    if (byte >= first && byte <= (last ?? first)) return true;
    if (last !== undefined) at += 2;
  }
  return false;
}

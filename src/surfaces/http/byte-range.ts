/** What a `Range` header asks of so many bytes: all of them (null), a part, or one that is not there. */
export function parseRange(
  header: string | undefined,
  sizeBytes: number,
): { first: number; last: number } | 'unsatisfiable' | null {
  const match = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/.exec(header ?? '');
  const [, from = '', to = ''] = match ?? [];
  // No range, several ranges, or another unit: RFC 9110 lets a server answer with everything.
  if (from === '' && to === '') return null;
  if (from === '') {
    const length = Math.min(Number(to), sizeBytes);
    return length === 0 ? 'unsatisfiable' : { first: sizeBytes - length, last: sizeBytes - 1 };
  }
  const first = Number(from);
  const last = to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1);
  if (to !== '' && Number(to) < first) return null;
  return first >= sizeBytes ? 'unsatisfiable' : { first, last };
}

const maxNameBytes = 1_000;
/** As many as file systems take. */
const maxPartBytes = 255;

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** Why a text cannot name a file of a job; null when it can. */
export function findFileNameProblem(name: string): string | null {
  const parts = name.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..'))
    return 'expected a name or a relative path such as `mesh/part.inp`, without `..`';
  // Signs that turn the direction of text make `exe.gpj` out of `jpg.exe`.
  if (/[\p{Cc}\p{Bidi_Control}]/u.test(name)) return 'must not contain control characters';
  if (bytesOf(name) > maxNameBytes || parts.some((part) => bytesOf(part) > maxPartBytes))
    return `expected at most ${maxPartBytes} bytes, and ${maxNameBytes} with its folders`;
  return null;
}

/** One is there twice, or is at once a file and a folder of another; null when all can stand side by side. */
export function findNameClash(names: readonly string[]): string | null {
  const files = new Set(names);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return `${twice} is there twice`;
  for (const name of names) {
    const parts = name.split('/');
    const folders = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
    const clash = folders.find((folder) => files.has(folder));
    if (clash !== undefined) return `${clash} cannot be a file and the folder of ${name}`;
  }
  return null;
}

/** What a browser may show by itself: nothing that can run a script. */
const shownTypes: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  ...Object.fromEntries(
    ['txt', 'log', 'csv', 'tsv', 'json', 'md', 'yaml', 'yml', 'toml', 'ini', 'dat', 'out', 'inp'].map(
      (ending) => [ending, 'text/plain; charset=utf-8'],
    ),
  ),
};

/** The media type under which a file of that name is shown in place; null: it is only handed out to be saved. */
export function shownTypeOf(name: string): string | null {
  const ending = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase();
  return (ending === undefined ? undefined : shownTypes[ending]) ?? null;
}

import { PathProblem, type PathProblemCode } from '../../lib/confined-walk.ts';
import { HomeError, isHomeError, toShownName, type HomeErrorCode, type HomePath } from './ports.ts';

type Words = readonly [HomeErrorCode, string];

const ofPaths: Record<PathProblemCode, Words> = {
  missing: ['not-found', 'there is no such file or folder; check the name.'],
  'not-folder': ['not-folder', 'a part of this path is a file, not a folder; check the path.'],
  outside: ['refused', 'it leads out of the home directory; name something inside.'],
  hidden: ['refused', 'Daybook keeps uploads under that name; choose another one.'],
  closed: [
    'denied',
    'a folder on the way may not be entered by your programs; its owner can open it (chmod g+x).',
  ],
  'bad-name': ['bad-name', 'a name cannot hold a NUL character; take it out.'],
  'too-long': [
    'name-too-long',
    'a name has at most 255 bytes, a path 4096 and 256 folders; choose a shorter one.',
  ],
  'too-many-links': [
    'too-many-links',
    'it goes through more than 40 links, perhaps in a circle; name the file itself.',
  ],
};

/** What the system says (errno(3)). */
const ofSystem: Record<string, Words> = {
  ENOENT: ofPaths.missing,
  ENOTDIR: ofPaths['not-folder'],
  EISDIR: ['is-folder', 'it is a folder; name a file.'],
  EEXIST: ['exists', 'something of that name is there already; choose another name, or remove it first.'],
  ENOTEMPTY: ['not-empty', 'the folder is not empty; remove what is in it first.'],
  EACCES: ['denied', 'the server may not do that there; its owner can change the permissions.'],
  EPERM: ['denied', 'the server may not do that there; its owner can change the permissions.'],
  EROFS: ['read-only', 'that disk is mounted read-only; choose a folder on another one.'],
  ENOSPC: ['no-space', 'the disk is full; remove something and try again.'],
  EDQUOT: ['no-space', 'the quota of the disk is used up; remove something and try again.'],
  EFBIG: ['no-space', 'that disk holds no file of that size; split it.'],
  ENAMETOOLONG: ofPaths['too-long'],
  ELOOP: ['busy', 'it was changed just now; try again.'],
  EBUSY: ['busy', 'it is in use, perhaps a disk is mounted there; try again later.'],
  ETXTBSY: ['busy', 'it is a program that runs; try again when it has ended.'],
  EMFILE: ['busy', 'the server has too many files open; try again in a moment.'],
  ENFILE: ['busy', 'the server has too many files open; try again in a moment.'],
  EXDEV: ['refused', 'the new name lies on another disk; copy the file there and remove it here.'],
  EILSEQ: ['bad-name', 'that disk takes no such name; choose letters and digits.'],
  // rename(2): the only use of it here.
  EINVAL: ['refused', 'a folder cannot be moved into itself; choose another place.'],
};

/** What went wrong with this path, as the caller wrote it, in words for people. */
export function toHomeError(error: unknown, path: HomePath): HomeError {
  if (isHomeError(error)) return error;
  const words = error instanceof PathProblem ? ofPaths[error.code] : ofSystem[codeOf(error)];
  const [code, text] = words ?? [
    'failed',
    'the disk of the server answers with an error; ask whoever runs it.',
  ];
  return homeError(code, path, text, error);
}

/** @param text what is wrong and what to do, after the path and a colon */
export function homeError(code: HomeErrorCode, path: HomePath, text: string, cause?: unknown): HomeError {
  return new HomeError(code, `${shownPath(path)}: ${text}`, { cause });
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** As they wrote it; a path of a million bytes is recognized by its beginning. */
function shownPath(path: HomePath): string {
  const shown = toShownName(path.length > 1_000 ? path.slice(0, 1_000) : path);
  if (shown === '') return '/';
  return shown.length > 300 ? `${shown.slice(0, 300)}…` : shown;
}

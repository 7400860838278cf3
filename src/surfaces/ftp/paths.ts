import type { Bytes } from './bytes.ts';

/**
 * Where an argument leads, from the folder that the session is in. `..` above the root stays there, as in every chroot.
 * The folder of the session has no links in it, so one above it is the part before; behind a name of the argument `..`
 * stays as it is, since that name may be a link and only the core knows where it leads.
 */
export function resolvePath(folder: Bytes, argument: Bytes): Bytes {
  const parts = argument.startsWith('/') ? [] : partsOf(folder);
  let hasNames = false;
  for (const part of partsOf(argument)) {
    if (part === '..' && !hasNames) parts.pop();
    else {
      parts.push(part);
      hasNames = true;
    }
  }
  return `/${parts.join('/')}`;
}

/** The path of a name in a folder. */
export function pathIn(folder: Bytes, name: Bytes): Bytes {
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

export function lastPart(path: Bytes): Bytes {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** What stands before the last part; empty where there is only one. */
export function folderOf(path: Bytes): Bytes {
  const cut = path.lastIndexOf('/');
  return cut === 0 ? '/' : path.slice(0, Math.max(0, cut));
}

/** As PWD and MKD answer it: in quotes, those within doubled (RFC 959, appendix II). */
export function quotePath(path: Bytes): Bytes {
  return `"${path.replaceAll('"', '""')}"`;
}

function partsOf(path: Bytes): Bytes[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

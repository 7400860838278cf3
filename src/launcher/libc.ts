import { arch } from 'node:process';

/** The C functions the launcher needs. They return -1 and set errno, or return the errno (posix_spawn). */
export interface Libc {
  pipe2(fds: Int32Array, flags: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  read(fd: number, bytes: Uint8Array, length: number): number;
  kill(pid: number, signal: number): number;
  prctl(option: number, a: number, b: number, c: number, d: number): number;
  flock(fd: number, operation: number): number;
  unshare(flags: number): number;
  mount(
    source: string | null,
    target: string,
    type: string | null,
    flags: number,
    options: string | null,
  ): number;
  wait4(pid: number, status: Int32Array, options: number, usage: Buffer): number;
  sigfillset(set: Buffer): number;
  getgrouplist(user: string, group: number, groups: Uint32Array, count: Int32Array): number;
  /**
   * On a thread of libuv's, so that only that one stands still until the program is loaded. Whoever calls keeps the
   * buffers alive and to themselves until the answer, which comes on this thread: the errno, or what koffi could not do.
   */
  posix_spawn(
    pid: Int32Array,
    path: string,
    actions: Buffer,
    attributes: Buffer,
    argv: readonly (string | null)[],
    env: readonly (string | null)[],
    onAnswer: (problem: Error | null, errno: number) => void,
  ): void;
  posix_spawn_file_actions_init(actions: Buffer): number;
  posix_spawn_file_actions_destroy(actions: Buffer): number;
  posix_spawn_file_actions_adddup2(actions: Buffer, from: number, to: number): number;
  posix_spawn_file_actions_addchdir_np(actions: Buffer, path: string): number;
  posix_spawnattr_init(attributes: Buffer): number;
  posix_spawnattr_setflags(attributes: Buffer, flags: number): number;
  posix_spawnattr_setsigdefault(attributes: Buffer, set: Buffer): number;
  errno(): number;
}

// fcntl and prctl are variadic in C; on Linux integers travel in the same registers either way.
const prototypes = [
  'int pipe2(void *fds, int flags)',
  'int fcntl(int fd, int command, int argument)',
  'long read(int fd, void *bytes, size_t length)',
  'int kill(int pid, int signal)',
  'int prctl(int option, long a, long b, long c, long d)',
  'int flock(int fd, int operation)',
  'int unshare(int flags)',
  'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *options)',
  'int wait4(int pid, void *status, int options, void *usage)',
  'int sigfillset(void *set)',
  'int getgrouplist(const char *user, unsigned int group, void *groups, void *count)',
  'int posix_spawn_file_actions_init(void *actions)',
  'int posix_spawn_file_actions_destroy(void *actions)',
  'int posix_spawn_file_actions_adddup2(void *actions, int from, int to)',
  'int posix_spawn_file_actions_addchdir_np(void *actions, const char *path)',
  'int posix_spawnattr_init(void *attributes)',
  'int posix_spawnattr_setflags(void *attributes, short flags)',
  'int posix_spawnattr_setsigdefault(void *attributes, void *set)',
] as const;

const spawnPrototype =
  'int posix_spawn(void *pid, const char *path, void *actions, void *attributes, const char **argv, const char **env)';

const machines: Partial<Record<typeof arch, string>> = { x64: 'x86_64', arm64: 'aarch64' };

/** Null where koffi or one of the functions is missing (macOS has no pipe2, old libraries no addchdir_np). */
export async function loadLibc(): Promise<Libc | null> {
  if (process.platform !== 'linux') return null;
  const machine = machines[arch];
  if (machine === undefined) return null; // struct offsets below were checked for these two only
  try {
    const { default: koffi } = await import('koffi');
    for (const file of ['libc.so.6', `libc.musl-${machine}.so.1`]) {
      try {
        const library = koffi.load(file);
        const functions = prototypes.map((prototype) => {
          const call = library.func(prototype);
          return [call.info.name, call] as const;
        });
        return {
          ...Object.fromEntries(functions),
          posix_spawn: library.func(spawnPrototype).async,
          errno: () => koffi.errno(),
        } as unknown as Libc;
      } catch {
        // the other C library, or one that lacks a function
      }
    }
  } catch {
    // koffi has no binary for this platform
  }
  return null;
}

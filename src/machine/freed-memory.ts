// Parameters of mallopt(3).
const [trimThreshold, mmapThreshold, arenaMax] = [-1, -3, -8];

const thresholdBytes = 128 * 1024;
const arenas = 2;

/**
 * Has glibc give back what is freed. By itself it learns from large blocks that were freed, up to 32 MiB, to cut the next
 * ones out of arenas; an arena gives back only its free end, and each thread may have its own. So bodies, pages of output
 * and results of the database left a server under mixed load at 442 MiB after ten minutes, where it now has 365. Any
 * threshold that is set stops the learning. Where there is another libc nothing happens.
 */
export async function boundFreedMemory(): Promise<void> {
  if (process.platform !== 'linux') return;
  try {
    const { default: koffi } = await import('koffi');
    const mallopt = koffi.load('libc.so.6').func('int mallopt(int parameter, int value)');
    mallopt(mmapThreshold, thresholdBytes);
    mallopt(trimThreshold, thresholdBytes);
    mallopt(arenaMax, arenas);
  } catch {
    // It is only larger then.
  }
}

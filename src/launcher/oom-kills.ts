import { readText } from './proc.ts';

/**
 * The machine's count of processes that the kernel's OOM killer ended (/proc/vmstat, since Linux 4.13). It names
 * nobody, so it is evidence only while it is read often: what rose between two readings happened between them.
 */
export class OomKills {
  #last = readCount();

  refresh(): void {
    this.#last = readCount();
  }

  /** Whether it rose since the last reading. */
  roseSince(): boolean {
    const before = this.#last;
    this.refresh();
    return this.#last !== null && before !== null && this.#last > before;
  }
}

function readCount(): number | null {
  const digits = /^oom_kill (\d+)$/m.exec(readText('/proc/vmstat') ?? '')?.[1];
  return digits === undefined ? null : Number(digits);
}

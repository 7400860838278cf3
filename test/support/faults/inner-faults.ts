/**
 * Faults of a process itself, which nobody can do to it from outside: a main loop that stands still, and a clock that
 * somebody set. Told by a file and SIGUSR2, as fault points are: `block 5000`, `clock -3600000` (milliseconds).
 */
export function performFault(command: string): boolean {
  const [name, text] = command.split(' ');
  const ms = Number(text);
  if (name === 'block') block(ms);
  else if (name === 'clock') setClock(ms);
  else return false;
  return true;
}

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

const RealDate = Date;

/** As after `date -s`: the time of day jumps, the monotonic clock goes on. */
function setClock(offsetMs: number): void {
  globalThis.Date = class extends RealDate {
    constructor(...args: unknown[]) {
      // @ts-expect-error -- whatever Date takes
      super(...(args.length === 0 ? [RealDate.now() + offsetMs] : args));
    }

    static override now(): number {
      return RealDate.now() + offsetMs;
    }
  } as DateConstructor;
}

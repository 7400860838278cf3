/**
 * A part with a lifecycle. `start` resolves when the part does its work, `stop` when nothing of it runs any
 * more. Stopping twice, or before the start, is fine; a stopped service is not started again.
 */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Work in the background that one process at a time does for all. Ends soon after its signal is aborted. */
export interface Duty {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

export interface RunningServices {
  /** Stops in reverse order of start; a service that exceeds `deadlineMs` is reported and left behind. */
  stop(): Promise<void>;
}

export interface StartOptions {
  deadlineMs: number;
  onProblem(service: string, problem: unknown): void;
}

/**
 * Starts services in order. When one fails, those already started are stopped again and the error is thrown.
 */
export async function startServices(
  services: readonly Service[],
  options: StartOptions,
): Promise<RunningServices> {
  const started: Service[] = [];
  const stop = async (): Promise<void> => {
    for (let service = started.pop(); service; service = started.pop()) await stopOne(service, options);
  };
  for (const service of services) {
    started.push(service);
    try {
      await service.start();
    } catch (error) {
      await stop();
      throw error;
    }
  }
  return { stop };
}

async function stopOne(service: Service, options: StartOptions): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`still running after ${options.deadlineMs} ms`)),
      options.deadlineMs,
    );
  });
  try {
    await Promise.race([service.stop(), deadline]);
  } catch (error) {
    options.onProblem(service.name, error);
  } finally {
    clearTimeout(timer);
  }
}

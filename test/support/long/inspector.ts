/** Speaks to the inspector of another Node process (`--inspect`), a command a connection: https://chromedevtools.github.io/devtools-protocol/v8 */
export class Inspector {
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** Bytes of the JavaScript heap that are in use once all garbage is gone. */
  async usedHeap(): Promise<number> {
    const [, usage] = await this.#tell(['HeapProfiler.collectGarbage', 'Runtime.getHeapUsage']);
    return (usage as { usedSize: number }).usedSize;
  }

  /** The heap as Chrome's tools read it, a piece at a time. */
  async snapshot(onPiece: (text: string) => void): Promise<void> {
    await this.#tell(['HeapProfiler.takeHeapSnapshot'], onPiece);
  }

  /** The results, in order. @throws when the process does not answer */
  async #tell(methods: readonly string[], onPiece?: (text: string) => void): Promise<unknown[]> {
    const list = await (await fetch(`http://127.0.0.1:${this.#port}/json/list`)).json();
    const [{ webSocketDebuggerUrl }] = list as [{ webSocketDebuggerUrl: string }];
    const socket = new WebSocket(webSocketDebuggerUrl);
    const results: unknown[] = [];
    try {
      await new Promise<void>((resolve, reject) => {
        socket.addEventListener('error', () => reject(new Error('the inspector does not answer')));
        socket.addEventListener('close', () => reject(new Error('the inspected process has gone')));
        const askNext = (): void =>
          socket.send(JSON.stringify({ id: results.length, method: methods[results.length] }));
        socket.addEventListener('open', askNext);
        socket.addEventListener('message', ({ data }) => {
          const { id, result, params } = JSON.parse(String(data));
          if (id === undefined) return onPiece?.(params?.chunk ?? '');
          if (results.push(result) === methods.length) resolve();
          else askNext();
        });
      });
      return results;
    } finally {
      socket.close();
    }
  }
}

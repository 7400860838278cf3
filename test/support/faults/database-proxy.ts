import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

/** ReadyForQuery of a session that is idle (PostgreSQL, Frontend/Backend Protocol, Message Formats). */
const readyForQuery = Buffer.from('Z\0\0\0\u0005I', 'latin1');

/** ErrorResponse 57P01. */
const adminShutdown = toErrorResponse({
  S: 'FATAL',
  V: 'FATAL',
  C: '57P01',
  M: 'terminating connection due to administrator command',
});

/**
 * Stands between servers and their database. `forward`: as if it were not there. `refuse`: connections break, new ones
 * are closed at once. `swallow`: nobody hears anything any more, as behind a dead router; connections stay open.
 * `endFresh`: whoever has just been let in is told that an administrator ended the connection, in the same packet.
 */
export class DatabaseProxy {
  readonly #target: URL;
  readonly #server: Server;
  readonly #pairs = new Set<{ near: Socket; far: Socket }>();
  #mode: 'forward' | 'refuse' | 'swallow' | 'endFresh' = 'forward';
  #endedFresh = 0;

  private constructor(target: URL) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#accept(near));
  }

  /** @param url of the database; may name a socket: `postgres:///db?host=/…` */
  static async open(url: string): Promise<DatabaseProxy> {
    const proxy = new DatabaseProxy(new URL(url));
    await new Promise<void>((resolve) => {
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  /** The database's address by way of the proxy. */
  get url(): string {
    const address = this.#server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const user = this.#target.searchParams.get('user') ?? this.#target.username;
    return `postgres://${user}@127.0.0.1:${port}${this.#target.pathname}`;
  }

  forward(): void {
    this.#mode = 'forward';
  }

  refuse(): void {
    this.#mode = 'refuse';
    this.cut();
  }

  endFresh(): void {
    this.#mode = 'endFresh';
    this.cut();
  }

  /** How many connections were ended right after they were made. */
  get endedFresh(): number {
    return this.#endedFresh;
  }

  swallow(): void {
    this.#mode = 'swallow';
  }

  /** Breaks all connections. */
  cut(): void {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    this.#pairs.clear();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #accept(near: Socket): void {
    near.on('error', () => {});
    if (this.#mode === 'refuse') return void near.destroy();
    const far = this.#connect();
    far.on('error', () => near.destroy());
    const pair = { near, far };
    this.#pairs.add(pair);
    this.#pipe(near, far);
    this.#pipe(far, near);
    if (this.#mode === 'endFresh') this.#endAfterReady(near, far);
    near.on('close', () => this.#pairs.delete(pair));
  }

  get #isPassing(): boolean {
    return this.#mode === 'forward' || this.#mode === 'endFresh';
  }

  #pipe(from: Socket, to: Socket): void {
    from.on('data', (bytes) => {
      if (this.#isPassing) to.write(bytes);
    });
    from.on('end', () => {
      if (this.#isPassing) to.end();
    });
    from.on('close', () => {
      if (this.#isPassing) to.destroy();
    });
  }

  #endAfterReady(near: Socket, far: Socket): void {
    const answered: Buffer[] = [];
    far.removeAllListeners('data');
    far.on('data', (bytes: Buffer) => {
      const before = Buffer.concat(answered);
      answered.push(bytes);
      const end = Buffer.concat([before, bytes]).indexOf(readyForQuery);
      if (end < 0) return void near.write(bytes);
      const rest = end + readyForQuery.length - before.length;
      this.#endedFresh += 1;
      near.end(Buffer.concat([bytes.subarray(0, rest), adminShutdown]));
      far.destroy();
    });
  }

  #connect(): Socket {
    const { searchParams, hostname, port } = this.#target;
    const folder = searchParams.get('host');
    if (folder === null) return connect(Number(port || 5432), hostname);
    return connect(join(folder, `.s.PGSQL.${searchParams.get('port') ?? '5432'}`));
  }
}

function toErrorResponse(fields: Readonly<Record<string, string>>): Buffer {
  const body = `${Object.entries(fields)
    .map(([key, value]) => `${key}${value}\0`)
    .join('')}\0`;
  const head = Buffer.alloc(5);
  head.write('E', 0, 'latin1');
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, Buffer.from(body, 'latin1')]);
}

import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

/**
 * Stands between servers and their database. `forward`: as if it were not there. `refuse`: connections break, new ones
 * are closed at once. `swallow`: nobody hears anything any more, as behind a dead router; connections stay open.
 */
export class DatabaseProxy {
  readonly #target: URL;
  readonly #server: Server;
  readonly #pairs = new Set<{ near: Socket; far: Socket }>();
  #mode: 'forward' | 'refuse' | 'swallow' = 'forward';

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
    near.on('close', () => this.#pairs.delete(pair));
  }

  #pipe(from: Socket, to: Socket): void {
    from.on('data', (bytes) => {
      if (this.#mode === 'forward') to.write(bytes);
    });
    from.on('end', () => {
      if (this.#mode === 'forward') to.end();
    });
    from.on('close', () => {
      if (this.#mode === 'forward') to.destroy();
    });
  }

  #connect(): Socket {
    const { searchParams, hostname, port } = this.#target;
    const folder = searchParams.get('host');
    if (folder === null) return connect(Number(port || 5432), hostname);
    return connect(join(folder, `.s.PGSQL.${searchParams.get('port') ?? '5432'}`));
  }
}

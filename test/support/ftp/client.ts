/** An FTP client that sends what a test says, and nothing else. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';

export interface FtpReply {
  code: number;
  /** All of its lines. */
  text: string;
}

const patienceMs = 15_000;

export class FtpClient {
  #socket: Socket;
  #received = '';
  #replies: FtpReply[] = [];
  #wake: (() => void) | null = null;
  #isClosed = false;
  #isPrivate = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  /** Connects, and reads the welcome. */
  static async connect(port: number, host = '127.0.0.1'): Promise<FtpClient> {
    const socket = connect({ port, host, allowHalfOpen: true });
    await once(socket, 'connect');
    const client = new FtpClient(socket);
    await client.reply();
    return client;
  }

  static async signIn(port: number, user: string, password: string): Promise<FtpClient> {
    const client = await FtpClient.connect(port);
    await client.send(`USER ${user}`);
    const { code, text } = await client.send(`PASS ${password}`);
    if (code !== 230) throw new Error(text);
    await client.send('TYPE I');
    return client;
  }

  get localPort(): number {
    return (this.#socket.address() as AddressInfo).port;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @param line text, or bytes as latin1 behind `bytes:` */
  async send(line: string | Buffer): Promise<FtpReply> {
    this.write(typeof line === 'string' ? `${line}\r\n` : Buffer.concat([line, Buffer.from('\r\n')]));
    return this.reply();
  }

  write(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  /** The next one. */
  async reply(): Promise<FtpReply> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const reply = this.#replies.shift();
      if (reply) return reply;
      if (this.#isClosed)
        throw new Error(`the connection is closed; last came ${JSON.stringify(this.#received)}`);
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw new Error('no reply came');
      await Promise.race([
        new Promise<void>((resolve) => (this.#wake = resolve)),
        new Promise((resolve) => setTimeout(resolve, leftMs).unref()),
      ]);
    }
  }

  async untilClosed(): Promise<void> {
    if (!this.#isClosed) await once(this.#socket, 'close');
  }

  /** AUTH TLS, and with it private data connections. */
  async secure(): Promise<void> {
    const { code, text } = await this.send('AUTH TLS');
    if (code !== 234) throw new Error(text);
    await this.startTls();
    await this.send('PBSZ 0');
    await this.send('PROT P');
    this.#isPrivate = true;
  }

  async startTls(): Promise<void> {
    this.#socket.removeAllListeners('data');
    const secure = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    await once(secure, 'secureConnect');
    this.#socket = secure;
    this.#listen();
  }

  /** EPSV, and a connection to what it names. */
  async passive(from?: string): Promise<Socket> {
    const { text } = await this.send('EPSV');
    const [, port] = /\|\|\|(\d+)\|/.exec(text) ?? [];
    const socket = connect({
      port: Number(port),
      host: '127.0.0.1',
      allowHalfOpen: true,
      ...(from && { localAddress: from }),
    });
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }

  /** With a private data connection its handshake comes after the reply. */
  async open(command: string | Buffer): Promise<{ data: Socket; reply: FtpReply }> {
    const socket = await this.passive();
    const reply = await this.send(command);
    if (!this.#isPrivate || reply.code >= 200) return { data: socket, reply };
    const data = connectTls({ socket, rejectUnauthorized: false });
    await once(data, 'secureConnect');
    data.on('error', () => {});
    return { data, reply };
  }

  /** Everything a command sends, and its last reply. */
  async fetch(command: string | Buffer): Promise<{ bytes: Buffer; reply: FtpReply }> {
    const { data, reply } = await this.open(command);
    if (reply.code >= 200) {
      data.destroy();
      return { bytes: Buffer.alloc(0), reply };
    }
    const chunks: Buffer[] = [];
    for await (const chunk of data) chunks.push(chunk as Buffer);
    data.end();
    return { bytes: Buffer.concat(chunks), reply: await this.reply() };
  }

  async lines(command: string | Buffer): Promise<string[]> {
    const { bytes, reply } = await this.fetch(command);
    if (reply.code !== 226) throw new Error(reply.text);
    return bytes.toString('latin1').split('\r\n').slice(0, -1);
  }

  async store(command: string | Buffer, bytes: string | Buffer): Promise<FtpReply> {
    const { data, reply } = await this.open(command);
    if (reply.code >= 200) {
      data.destroy();
      return reply;
    }
    data.end(bytes);
    return this.reply();
  }

  /** Where PORT and EPRT can point to. */
  async listen(): Promise<{ port: number; connection: Promise<Socket>; close(): void }> {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const connection = once(server, 'connection').then(([socket]) => socket as Socket);
    return { port: (server.address() as AddressInfo).port, connection, close: () => server.close() };
  }

  /** Without a word. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** In good order, as the kernel does it for a program that was killed. */
  end(): void {
    this.#socket.end();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('error', () => {});
    socket.on('close', () => {
      if (socket !== this.#socket) return;
      this.#isClosed = true;
      this.#wake?.();
    });
    socket.on('end', () => {
      if (socket instanceof TLSSocket || socket === this.#socket) socket.end();
    });
    socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1');
      for (;;) {
        const reply = takeReply(this.#received);
        if (!reply) break;
        this.#received = this.#received.slice(reply.length);
        this.#replies.push({ code: Number(reply.slice(0, 3)), text: reply.trimEnd() });
      }
      this.#wake?.();
    });
  }
}

function takeReply(text: string): string | null {
  const [one] = /^\d{3} [^\n]*\r\n/.exec(text) ?? [];
  if (one) return one;
  const [, code] = /^(\d{3})-/.exec(text) ?? [];
  if (code === undefined) return null;
  const last = new RegExp(`^${code} [^\\n]*\\r\\n`, 'm').exec(text);
  return last ? text.slice(0, last.index + last[0].length) : null;
}

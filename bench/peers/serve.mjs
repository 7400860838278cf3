/** Answers each line of standard input with one line of JSON. */
import { createInterface } from 'node:readline';

export async function serve(handlers, close) {
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, ...args] = line.split(' ');
    const answer = await handlers[name](...args.map(Number));
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  await close();
}

/** Settles like the promise, or rejects with this message once the signal is aborted. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal, message: string): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    const letGo = (): void => reject(new Error(message));
    if (signal.aborted) letGo();
    signal.addEventListener('abort', letGo, { once: true });
  });
  return Promise.race([promise, aborted]);
}

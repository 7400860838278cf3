/** Uses something that is to be closed afterwards, however that ends. */
export async function closing<T extends { close(): Promise<void> }, R>(
  thing: T,
  use: (thing: T) => Promise<R> | R,
): Promise<R> {
  try {
    return await use(thing);
  } finally {
    await thing.close();
  }
}

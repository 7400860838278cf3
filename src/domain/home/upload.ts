/**
 * An upload from its first byte to its end.
 *
 *     begun ──write…──▶ commit ──▶ the file stands under its name
 *                 ├───▶ keep ────▶ a broken upload: rests for a day, for its account only
 *                 └───▶ discard ─▶ nothing
 *
 * Until the rename of `commit`, all of it happens in the staging folder (staging.ts). A killed server leaves what `keep`
 * leaves. A client whose line broke often is back before the server knows; so going on with an upload that is under way
 * ends that one: what it still writes is refused, and since its folder has another name by then, it can put nothing in
 * place. Within a server the taker waits for the write that is under way; a second server on the same home could still
 * finish one, of bytes that the client sends again from where it goes on.
 */
import { commitUpload } from './commit.ts';
import type { UnderWay } from './locks.ts';
import { homeError, toHomeError } from './problems.ts';
import { noSlot } from './staging.ts';
import type { UploadPlan } from './upload-plan.ts';
import type { HomeEntry, Upload } from './ports.ts';

export class FileUpload implements Upload, UnderWay {
  readonly #plan: UploadPlan;
  #sizeBytes: number;
  #state: 'open' | 'taken' | 'ended' = 'open';
  #writing: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | null = null;

  constructor(plan: UploadPlan) {
    this.#plan = plan;
    this.#sizeBytes = plan.sizeBytes;
    plan.shared.underWay.set(plan.id, this);
  }

  get name(): Buffer {
    return this.#plan.name;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#requireOpen();
    const writing = this.#write(chunk);
    this.#writing = writing.catch(() => {});
    await writing;
  }

  async commit(): Promise<HomeEntry> {
    this.#requireOpen();
    const plan = this.#plan;
    try {
      const entry = await commitUpload({ ...plan, sizeBytes: this.#sizeBytes });
      await this.#end();
      return entry;
    } catch (error) {
      await this.keep();
      throw toHomeError(error, plan.path);
    }
  }

  async keep(): Promise<void> {
    if (this.#state === 'ended') return;
    const { id, staging, name, older } = this.#plan;
    const isWorthIt = !id.startsWith(`${noSlot}.`) && this.#sizeBytes > 0;
    if (this.#state === 'open')
      for (const one of isWorthIt ? older : [id]) await staging.removeFile(one, name);
    await this.#end();
  }

  async discard(): Promise<void> {
    if (this.#state === 'ended') return;
    const { id, staging, name } = this.#plan;
    if (this.#state === 'open') await staging.removeFile(id, name);
    await this.#end();
  }

  async giveUp(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'taken';
    this.#plan.shared.underWay.delete(this.#plan.id);
    await this.#writing;
  }

  async #write(chunk: Uint8Array): Promise<void> {
    const { file, path } = this.#plan;
    for (let done = 0; done < chunk.length;) {
      const { bytesWritten } = await file
        .write(chunk, done, chunk.length - done, this.#sizeBytes)
        .catch((error: unknown) => {
          throw toHomeError(error, path);
        });
      done += bytesWritten;
      this.#sizeBytes += bytesWritten;
      this.#requireOpen();
    }
  }

  #requireOpen(): void {
    if (this.#state === 'open') return;
    const { path } = this.#plan;
    throw this.#state === 'taken'
      ? homeError('busy', path, 'this upload goes on in another connection of yours; end one of them.')
      : homeError('busy', path, 'this upload has ended; begin another.');
  }

  #end(): Promise<void> {
    const { shared, id, file, staging } = this.#plan;
    if (this.#state === 'open') shared.underWay.delete(id);
    this.#state = 'ended';
    this.#closed ??= file.close().then(() => staging.close());
    return this.#closed;
  }
}

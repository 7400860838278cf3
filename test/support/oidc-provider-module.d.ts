/** What our tests use of a package that brings no types. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  export class Provider {
    constructor(issuer: string, configuration: object);
    use(
      step: (context: { body?: Record<string, unknown> }, next: () => Promise<void>) => Promise<void>,
    ): void;
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
    readonly AuthorizationCode: { find(code: string): Promise<{ destroy(): Promise<void> } | undefined> };
  }
}

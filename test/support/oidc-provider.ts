import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

/** What the provider says of somebody. */
export interface Person {
  name?: string;
  preferred_username?: string;
  email?: string;
  email_verified?: boolean;
  groups?: string[];
}

type ClientAuthentication = 'client_secret_basic' | 'client_secret_post';

export interface TestProviderOptions {
  /** How the client is registered to show its secret. */
  clientAuthentication?: ClientAuthentication;
  /** What the metadata say of it; null: nothing. */
  supported?: readonly ClientAuthentication[] | null;
}

/** A real OpenID provider in this process, with people to be set by the test. */
export class TestProvider {
  /** Full of what a form, a URL or Basic would read as something else (RFC 6749, section 2.3.1). */
  static readonly clientSecret = 'foo:bar+baz%20/&=?';

  /** How clients showed their secret, in turn. */
  readonly shown: ClientAuthentication[] = [];
  readonly people = new Map<string, Person>();
  readonly redirectUri = 'http://127.0.0.1/api/v1/oidc/callback';
  #server: Server | undefined;
  #port = 0;
  #provider: Provider | undefined;
  readonly #options: TestProviderOptions;

  constructor(options: TestProviderOptions = {}) {
    this.#options = options;
  }

  get issuer(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Again on the same port after a stop. */
  async start(): Promise<void> {
    const server = createServer((request, response) => {
      if (request.url === '/token')
        this.shown.push(request.headers.authorization ? 'client_secret_basic' : 'client_secret_post');
      void this.#provider?.callback()(request, response);
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.#provider ??= this.#create();
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  /** As a code that nobody used in time. */
  async expire(code: string): Promise<void> {
    await (await this.#provider?.AuthorizationCode.find(code))?.destroy();
  }

  /**
   * Goes through the provider's pages as a browser would: signs in, consents.
   * @returns the address that the browser is sent back to
   */
  async signIn(authorizationUrl: string, login: string): Promise<URL> {
    const cookies = new Map<string, string>();
    const go = async (url: string, form?: Record<string, string>): Promise<string> => {
      const response = await fetch(new URL(url, this.issuer), {
        redirect: 'manual',
        headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
        ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
      });
      for (const cookie of response.headers.getSetCookie()) {
        const [pair = ''] = cookie.split(';');
        const cut = pair.indexOf('=');
        cookies.set(pair.slice(0, cut), pair.slice(cut + 1));
      }
      await response.arrayBuffer();
      return response.headers.get('location') ?? '';
    };
    let location = await go(authorizationUrl);
    for (const prompt of ['login', 'consent']) {
      location = await go(location, { prompt, login, password: 'any' });
      location = await go(location);
    }
    return new URL(location);
  }

  #create(): Provider {
    const { clientAuthentication = 'client_secret_basic', supported = [clientAuthentication] } =
      this.#options;
    const provider = new Provider(this.issuer, {
      clients: [
        {
          client_id: 'daybook',
          client_secret: TestProvider.clientSecret,
          redirect_uris: [this.redirectUri],
          post_logout_redirect_uris: ['http://127.0.0.1/'],
          token_endpoint_auth_method: clientAuthentication,
        },
      ],
      clientAuthMethods: supported ?? [clientAuthentication],
      cookies: { keys: ['a key of the test'] },
      scopes: ['openid', 'profile', 'email', 'groups'],
      claims: {
        openid: ['sub'],
        profile: ['name', 'preferred_username'],
        email: ['email', 'email_verified'],
        groups: ['groups'],
      },
      pkce: { required: () => true },
      features: { devInteractions: { enabled: true } },
      ttl: {
        AccessToken: 600,
        AuthorizationCode: 60,
        Grant: 600,
        IdToken: 600,
        Interaction: 600,
        Session: 600,
      },
      findAccount: async (_context: unknown, sub: string) => ({
        accountId: sub,
        claims: async () => ({ sub, ...this.people.get(sub) }),
      }),
    });
    provider.use(async (context, next) => {
      await next();
      if (supported === null) delete context.body?.['token_endpoint_auth_methods_supported'];
    });
    return provider;
  }
}

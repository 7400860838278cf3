import helmet from '@fastify/helmet';
import type { App } from '../access.ts';

/** The headers of helmet, without those that break plain http on a LAN unless the public address is https. */
export async function addSecurityHeaders(app: App, options: { isHttps: boolean }): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        baseUri: ["'self'"],
        connectSrc: ["'self'"],
        fontSrc: ["'self'", 'data:'],
        formAction: ["'self'"],
        frameAncestors: ["'self'"],
        imgSrc: ["'self'", 'data:', 'blob:'],
        objectSrc: ["'none'"],
        scriptSrc: ["'self'"],
        scriptSrcAttr: ["'none'"],
        // The component library and swagger-ui set styles from code.
        styleSrc: ["'self'", "'unsafe-inline'"],
        workerSrc: ["'self'", 'blob:'],
      },
    },
    strictTransportSecurity: options.isHttps ? { maxAge: 15_552_000, includeSubDomains: false } : false,
    // Browsers ignore these two on plain http and complain in the console.
    crossOriginOpenerPolicy: options.isHttps ? { policy: 'same-origin' } : false,
    originAgentCluster: options.isHttps,
    // With `no-referrer` browsers send `Origin: null` for our own forms, which the origin check would refuse.
    referrerPolicy: { policy: 'same-origin' },
  });
}

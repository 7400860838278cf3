import { AppError } from '../../contract/errors.ts';
import type { App } from './access.ts';
import { wantsPage, type SendPage } from './plugins/pages.ts';

/**
 * 404 for addresses that do not exist, 405 with `Allow` for those that exist for another method. A browser that goes to
 * an address gets the page instead, which knows its own addresses.
 */
export function addNotFound(app: App, sendPage: SendPage): void {
  let table: { pattern: RegExp; method: string }[] | undefined;
  app.setNotFoundHandler((request, reply) => {
    table ??= app.routeTable().map(({ url, method }) => ({ pattern: toPattern(url), method }));
    const path = request.url.replace(/[?#].*$/s, '');
    const allowed = [
      ...new Set(table.filter((route) => route.pattern.test(path)).map((route) => route.method)),
    ];
    if (allowed.length === 0 && wantsPage(request)) return sendPage(reply);
    // Allowed, yet here: a route of many files has no such file.
    if (allowed.length === 0 || allowed.includes(request.method))
      throw new AppError('not_found', `There is nothing at ${path}.`);
    reply.header('allow', allowed.join(', '));
    throw new AppError(
      'method_not_allowed',
      `${path} does not take ${request.method}, only ${allowed.join(', ')}.`,
    );
  });
}

/** A route pattern of find-my-way as a regular expression: `:name`, `:name(regex)`, `::` for a colon, `*`. */
function toPattern(url: string): RegExp {
  // A catch-all answers GET for every address; counting it would make every wrong address a 405.
  if (url === '/*' || url === '*') return /(?!)/;
  const source = url.replace(
    /::|:(\w+)(\((?:[^()]|\([^()]*\))*\))?\??|\*|[.+^${}()|[\]\\]/g,
    (token, name, inner) => {
      if (token === '::') return ':';
      if (token === '*') return '.*';
      if (name === undefined) return `\\${token}`;
      return inner
        ? `(?:${String(inner)
            .slice(1, -1)
            .replace(/^\^|\$$/g, '')})`
        : '[^/]+';
    },
  );
  return new RegExp(`^${source}$`);
}

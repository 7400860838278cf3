import { pino, stdSerializers, type DestinationStream, type Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { isAppError } from '../contract/errors.ts';
import { toPrettyLine } from '../lib/pretty-log.ts';

/** Where an outage of the database is at level warn, its many consequences are at this one. */
const consequenceLevel = 20;
const warnLevel = 40;

/**
 * The log of a server, on stderr.
 *
 * While the database is away everything that needs it has something to say. The database says it once for all, when it
 * goes and when it comes back; warnings whose cause is that outage reach the log at level `debug` only.
 */
export function createLogger(config: Pick<Config, 'logLevel' | 'logFormat'>): Logger {
  const stderr = pino.destination({ fd: 2, sync: true });
  const isPretty = config.logFormat === 'pretty' || (config.logFormat === 'auto' && process.stderr.isTTY);
  const pretty: DestinationStream = { write: (line) => stderr.write(toPrettyLine(line, process.stderr)) };
  return createLoggerOn(isPretty ? pretty : stderr, config.logLevel);
}

/** The same, writing JSON lines to a stream. */
export function createLoggerOn(stream: DestinationStream, level: Config['logLevel']): Logger {
  return pino(
    {
      level,
      serializers: { err: serializeError },
      hooks: {
        logMethod(args, method, calledLevel) {
          if (calledLevel !== warnLevel || !isConsequence(args[0])) return method.apply(this, args);
          if (this.levelVal <= consequenceLevel) this.debug(...args);
        },
      },
    },
    stream,
  );
}

function isConsequence(fields: unknown): boolean {
  if (typeof fields !== 'object' || fields === null || !('err' in fields)) return false;
  return isAppError(fields.err) && fields.err.code === 'database_unavailable';
}

/** An error meant for people explains itself; where it was thrown helps nobody. */
function serializeError(error: unknown): unknown {
  if (!isAppError(error)) return error instanceof Error ? stdSerializers.err(error) : error;
  const { cause } = error;
  return {
    type: error.name,
    code: error.code,
    message: error.message,
    ...(cause instanceof Error ? { cause: cause.message } : {}),
  };
}

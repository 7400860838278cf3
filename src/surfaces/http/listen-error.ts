import { AppError } from '../../contract/errors.ts';

export interface ListenOptions {
  host: string;
  /** 0 = any free one. */
  port: number;
  /** What sets the port. Default DAYBOOK_PORT. */
  portSetting?: string;
  /** True when nobody chose the port; the advice in the error differs. */
  portIsDefault: boolean;
}

/** What people read when an address cannot be listened on; another error as it is. */
export function toListenError(
  error: unknown,
  { host, port, portIsDefault, portSetting = 'DAYBOOK_PORT' }: ListenOptions,
): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const choose = portIsDefault
    ? `Set ${portSetting} to a free one (0 takes any), or stop the other program.`
    : `Set ${portSetting} to another one (0 takes any free one), or stop the other program.`;
  switch (code) {
    case 'EADDRINUSE':
      return new AppError('configuration', `Port ${port} on ${host} is taken by another program. ${choose}`, {
        cause: error,
      });
    case 'EACCES':
      return new AppError(
        'configuration',
        `This user may not listen on port ${port}. Set ${portSetting} to one above 1023.`,
        {
          cause: error,
        },
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new AppError('configuration', `DAYBOOK_HOST is ${host}, which is no address of this machine.`, {
        cause: error,
      });
    default:
      return error;
  }
}

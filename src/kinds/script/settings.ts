import { setting } from '../../config/setting.ts';
import { flag } from '../../config/value-types.ts';

export const scriptSettings = {
  allowShell: setting(flag, '0', {
    names: ['WORKER_ALLOW_SHELL'],
    toml: 'worker.allow_shell',
    doc: 'Lets jobs name any program on PATH, not only scripts. Whoever may submit can then run everything the worker’s account may.',
    cautionOf: (isAllowed) =>
      isAllowed
        ? {
            text: 'Whoever may submit can run any program.',
            advice: 'Unset WORKER_ALLOW_SHELL where that is not meant.',
          }
        : null,
  }),
};

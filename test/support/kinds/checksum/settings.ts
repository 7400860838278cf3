import { setting } from '../../config/setting.ts';
import { size } from '../../config/value-types.ts';

export const checksumSettings = {
  mostBytes: setting(size(1), '100GiB', {
    names: ['DAYBOOK_CHECKSUM_MOST'],
    toml: 'checksum.most',
    doc: 'How much a checksum job may read, all its files together.',
  }),
};

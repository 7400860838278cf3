import { setting } from '../../config/setting.ts';
import { isAddressRange, rejected, splitList, valueType, type ValueType } from '../../config/value-types.ts';
import { roles } from '../../contract/actor.ts';
import type { AllowedRange } from './guard.ts';

const allowedRanges: ValueType<readonly AllowedRange[]> = valueType(
  `a comma-separated list of addresses and CIDR ranges, each alone or as range=role; roles are ${roles.join(', ')}`,
  (value) => {
    const ranges = splitList(value).map((item): AllowedRange | undefined => {
      const [cidr = '', role] = item.split('=').map((part) => part.trim());
      const least = role === undefined ? null : roles.find((known) => known === role);
      return isAddressRange(cidr) && least !== undefined ? { cidr, least } : undefined;
    });
    return ranges.every((range) => range !== undefined) ? Object.freeze(ranges) : rejected;
  },
);

export const urlSettings = {
  allowed: setting(allowedRanges, '', {
    names: ['DAYBOOK_URL_ALLOW'],
    toml: 'urls.allow',
    fallbackShown: 'public addresses only',
    doc: 'Ranges that URL tests may reach besides public addresses, such as `10.1.0.0/16`; `10.2.0.0/16=operator` only for people with that role or a higher one. Old clients without an account have no role.',
  }),
};

/** Every type that the simulated cloud gives special care, and a plain one for the rest of the schema. */
import { dataKinds } from './data.ts';
import { elsewhereKinds } from './elsewhere.ts';
import { iamKinds } from './iam.ts';
import { infrastructureKinds } from './infrastructure.ts';
import type { Kind, Kinds, Rule } from './kind.ts';
import { observabilityKinds } from './observability.ts';
import { matches, oneOf } from './rules.ts';
import { runKinds } from './run.ts';
import { streamKinds } from './streams.ts';

const kinds: Kinds = {
  ...iamKinds,
  ...dataKinds,
  ...runKinds,
  ...infrastructureKinds,
  ...observabilityKinds,
  ...elsewhereKinds,
  ...streamKinds,
};

/** A type without an entry has generated ids, and only the schema's rules. */
const plain: Kind = { id: 'generated/{generated}', outputs: ({ id }) => ({ name: id }) };

export function kindOf(type: string): Kind {
  return Object.hasOwn(kinds, type) ? (kinds[type] ?? plain) : plain;
}

/** Of every type that has such a property. */
export const sharedRules: readonly Rule[] = [
  matches(
    'project',
    /^(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$/,
    'be a project id: 6 to 30 lower-case letters, digits or -, starting with a letter',
  ),
  oneOf('deletionPolicy', ['DELETE', 'PREVENT', 'ABANDON', 'DISABLE']),
];

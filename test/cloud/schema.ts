/** What a provider's schema says of its resource types; the shape of gcp-schema.json. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { awsSchema } from './schemas/aws.ts';
import { azureSchema } from './schemas/azure.ts';

export interface PropertySchema {
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object';
  /** Elements of an array. */
  readonly items?: PropertySchema;
  /** Values of an object with free keys. */
  readonly values?: PropertySchema;
  /** A type of `types`, or `pulumi.json#/Asset`. */
  readonly ref?: string;
  readonly enum?: readonly string[];
  readonly secret?: boolean;
  /** A change of it makes a new resource. */
  readonly replace?: boolean;
}

export interface ObjectSchema {
  readonly properties: Readonly<Record<string, PropertySchema>>;
  readonly required: readonly string[];
}

export interface ResourceSchema {
  readonly inputs: Readonly<Record<string, PropertySchema>>;
  readonly required: readonly string[];
  /** Beside the inputs. */
  readonly outputs: Readonly<Record<string, PropertySchema>>;
}

export interface ProviderSchema {
  readonly provider: string;
  /** Of the SDK the facts were taken from. */
  readonly version: string;
  readonly resources: Readonly<Record<string, ResourceSchema>>;
  readonly types: Readonly<Record<string, ObjectSchema>>;
}

export const providerNames = ['gcp', 'aws', 'azure-native'] as const;
export type ProviderName = (typeof providerNames)[number];

export function isProviderName(name: string | undefined): name is ProviderName {
  return providerNames.some((known) => known === name);
}

export function loadSchema(provider: ProviderName): ProviderSchema {
  if (provider === 'aws') return awsSchema;
  if (provider === 'azure-native') return azureSchema;
  return JSON.parse(readFileSync(join(import.meta.dirname, 'gcp-schema.json'), 'utf8')) as ProviderSchema;
}

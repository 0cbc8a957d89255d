/** Parameters of queries as the API takes them. */
import type { Query, QueryParameter } from './sql.ts';

export interface ApiParameter {
  readonly name?: string;
  readonly parameterType: { readonly type: string; readonly arrayType?: { readonly type: string } };
  readonly parameterValue: {
    readonly value?: string | null;
    readonly arrayValues?: readonly { readonly value: string }[];
  };
}

export function namedParameters(parameters: readonly QueryParameter[]): readonly ApiParameter[] {
  return parameters.map((parameter) => {
    const { name, type } = parameter;
    if ('value' in parameter) return { name, parameterType: { type }, parameterValue: { value: parameter.value } };
    const arrayValues = parameter.values.map((value) => ({ value }));
    return { name, parameterType: { type: 'ARRAY', arrayType: { type } }, parameterValue: { arrayValues } };
  });
}

export interface QueryConfiguration {
  readonly query: string;
  readonly useLegacySql: false;
  readonly parameterMode?: 'NAMED' | 'POSITIONAL';
  readonly queryParameters?: readonly ApiParameter[];
  readonly [option: string]: unknown;
}

export function queryConfiguration({ sql, parameters }: Query): QueryConfiguration {
  if (parameters.length === 0) return { query: sql, useLegacySql: false };
  return { query: sql, useLegacySql: false, parameterMode: 'NAMED', queryParameters: namedParameters(parameters) };
}

/** A question with `?`, or with `$1` as the embedded warehouse takes it too. */
export function positionalConfiguration(sql: string, values: readonly (string | number | null)[]): QueryConfiguration {
  if (values.length === 0) return { query: sql, useLegacySql: false };
  const numbered = /\$\d/.test(sql);
  const queryParameters = values.map((value, i) => ({
    ...(numbered ? { name: `p${i + 1}` } : {}),
    parameterType: { type: typeOf(value) },
    parameterValue: { value: value === null ? null : String(value) },
  }));
  const query = numbered ? sql.replace(/\$(\d+)/g, '@p$1') : sql;
  return { query, useLegacySql: false, parameterMode: numbered ? 'NAMED' : 'POSITIONAL', queryParameters };
}

function typeOf(value: string | number | null): string {
  if (typeof value !== 'number') return 'STRING';
  return Number.isInteger(value) ? 'INT64' : 'FLOAT64';
}

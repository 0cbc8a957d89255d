/** What a Flex Template declares, and whether a launch keeps to it. */
import { TributaryError } from '../../core/errors.ts';

export interface DeclaredParameter {
  readonly name: string;
  readonly isOptional?: boolean;
  readonly regexes?: readonly string[];
}

/**
 * The parameters that a specification declares.
 *
 * @param text the specification; `null`: it is not there
 * @throws DATAFLOW_TEMPLATE
 */
export function declaredBy(template: string, text: string | null): readonly DeclaredParameter[] {
  const wrong = (reason: string, cause?: unknown) =>
    new TributaryError('DATAFLOW_TEMPLATE', { template, reason }, { cause });
  if (text === null) throw wrong('there is no such object');
  let spec: { image?: unknown; metadata?: { parameters?: unknown } };
  try {
    spec = JSON.parse(text) as typeof spec;
  } catch (error) {
    throw wrong('it is no JSON', error);
  }
  const parameters = spec?.metadata?.parameters ?? [];
  if (typeof spec?.image !== 'string' || !Array.isArray(parameters) || !parameters.every(isParameter)) {
    throw wrong('it is no specification of a Flex Template');
  }
  return parameters;
}

/**
 * Of what is known, what the template asks for.
 *
 * @throws DATAFLOW_TEMPLATE where it asks for more, takes no work, or refuses a value
 */
export function parametersFor(
  template: string,
  declared: readonly DeclaredParameter[],
  known: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const wrong = (reason: string) => new TributaryError('DATAFLOW_TEMPLATE', { template, reason });
  if (!declared.some(({ name }) => name === 'work')) throw wrong('it takes no parameter "work"');
  const given: Record<string, string> = {};
  for (const { name, isOptional = false, regexes = [] } of declared) {
    const value = Object.hasOwn(known, name) ? known[name] : undefined;
    if (value === undefined && !isOptional)
      throw wrong(`it asks for a parameter "${name}", which this version does not know`);
    if (value === undefined) continue;
    const broken = regexes.find((regex) => !new RegExp(`^(?:${regex})$`).test(value));
    if (broken !== undefined) throw wrong(`its parameter "${name}" wants ${broken}, not ${value}`);
    given[name] = value;
  }
  return given;
}

function isParameter(value: unknown): value is DeclaredParameter {
  const { name, regexes = [] } = (value ?? {}) as { name?: unknown; regexes?: unknown };
  return typeof name === 'string' && Array.isArray(regexes) && regexes.every(isRegex);
}

function isRegex(value: unknown): boolean {
  try {
    return typeof value === 'string' && new RegExp(value) !== null;
  } catch {
    return false;
  }
}

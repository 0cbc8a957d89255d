/** What Dataflow lets be launched from a Flex Template; everything else is refused in its words. */

export class Refusal extends Error {
  readonly code: number;
  readonly status: string;

  constructor(code: number, status: string, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export interface LaunchParameter {
  readonly jobName: string;
  readonly containerSpecGcsPath: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, unknown>>;
}

const LAUNCH = new Set([
  ...['jobName', 'containerSpecGcsPath', 'containerSpec', 'parameters', 'launchOptions', 'environment'],
  ...['update', 'transformNameMappings'],
]);
const STRINGS = new Set([
  ...['serviceAccountEmail', 'tempLocation', 'stagingLocation', 'machineType', 'launcherMachineType', 'network'],
  ...['subnetwork', 'ipConfiguration', 'workerRegion', 'workerZone', 'zone', 'kmsKeyName', 'sdkContainerImage'],
  ...['flexrsGoal', 'autoscalingAlgorithm'],
]);
const NUMBERS = new Set(['numWorkers', 'maxWorkers', 'diskSizeGb']);
const LISTS = new Set(['additionalExperiments', 'additionalPipelineOptions']);
const LABEL = /^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u;
const LABEL_VALUE = /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u;

/** @param read the text of an object of Cloud Storage; `null`: it is not there */
export async function checkedLaunch(
  body: unknown,
  read: ((address: string) => Promise<string | null>) | null,
): Promise<LaunchParameter> {
  const { launchParameter, validateOnly, ...rest } = (body ?? {}) as Record<string, unknown>;
  unknownIn(rest, new Set(), 'Invalid JSON payload received');
  if (validateOnly !== undefined && typeof validateOnly !== 'boolean') throw invalid('validateOnly');
  const launch = (launchParameter ?? {}) as Record<string, unknown>;
  unknownIn(launch, LAUNCH, "at 'launch_parameter'");
  const { jobName, containerSpecGcsPath: spec, parameters = {}, environment = {} } = launch;
  if (typeof jobName !== 'string' || !/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(jobName)) {
    throw invalid(`The job name ${jobName} is invalid; it must match [a-z]([-a-z0-9]{0,61}[a-z0-9])?`);
  }
  if (typeof spec !== 'string' || !/^gs:\/\/[^/]+\/.+/.test(spec))
    throw invalid(`Invalid container spec path: ${spec}`);
  checkEnvironment(environment as Record<string, unknown>);
  for (const [name, value] of Object.entries(parameters as object)) {
    if (typeof value !== 'string') throw invalid(`Invalid value at 'launch_parameter.parameters' (${name})`);
  }
  if (read !== null) checkParameters(spec, await read(spec), parameters as Record<string, string>);
  return launch as unknown as LaunchParameter;
}

function checkEnvironment({ additionalUserLabels = {}, ...environment }: Record<string, unknown>): void {
  unknownIn(environment, new Set([...STRINGS, ...NUMBERS, ...LISTS]), "at 'launch_parameter.environment'");
  for (const [name, value] of Object.entries(environment)) {
    const fits = STRINGS.has(name)
      ? typeof value === 'string' && value !== ''
      : NUMBERS.has(name)
        ? Number.isInteger(value) && Number(value) > 0
        : Array.isArray(value) && value.every((each) => typeof each === 'string');
    if (!fits) throw invalid(`Invalid value at 'launch_parameter.environment.${name}': ${JSON.stringify(value)}`);
  }
  const { tempLocation, ipConfiguration = 'WORKER_IP_PUBLIC', numWorkers = 1, maxWorkers = 1000 } = environment;
  if (!`${tempLocation}`.startsWith('gs://')) throw invalid('tempLocation is no path of Cloud Storage');
  if (!/^WORKER_IP_(?:PUBLIC|PRIVATE)$/.test(`${ipConfiguration}`)) throw invalid('Invalid value of ipConfiguration');
  if (Number(numWorkers) > Number(maxWorkers)) throw invalid('num_workers is larger than max_num_workers');
  const labels = Object.entries(additionalUserLabels as object);
  if (labels.length > 64) throw invalid('There are more than 64 labels');
  const wrong = labels.find(([key, value]) => !LABEL.test(key) || !LABEL_VALUE.test(value));
  if (wrong !== undefined) throw invalid(`The label ${wrong.join('=')} is invalid`);
}

function checkParameters(address: string, text: string | null, parameters: Record<string, string>): void {
  if (text === null) throw new Refusal(404, 'NOT_FOUND', `Unable to open template file: ${address}`);
  const spec = JSON.parse(text) as {
    metadata?: { parameters?: readonly { name: string; isOptional?: boolean; regexes?: readonly string[] }[] };
  };
  const declared = spec.metadata?.parameters ?? [];
  const details = Object.keys(parameters)
    .filter((name) => !declared.some((each) => each.name === name))
    .map((name) => `${name}: Unrecognized parameter`);
  for (const { name, isOptional, regexes = [] } of declared) {
    const value = parameters[name];
    if (value === undefined && !isOptional) details.push(`${name}: Missing required parameter`);
    if (value !== undefined && !regexes.every((regex) => new RegExp(`^(?:${regex})$`).test(value))) {
      details.push(`${name}: Unmatched parameter`);
    }
  }
  if (details.length > 0) throw invalid(`The template parameters are invalid. Details: ${details.join('; ')}`);
}

function unknownIn(fields: object, known: ReadonlySet<string>, where: string): void {
  const name = Object.keys(fields).find((field) => !known.has(field));
  if (name !== undefined) throw invalid(`Invalid JSON payload received. Unknown name "${name}" ${where}.`);
}

function invalid(message: string): Refusal {
  return new Refusal(400, 'INVALID_ARGUMENT', message);
}

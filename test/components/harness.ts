/**
 * Runs a program against a monitor of our own and keeps what it was asked to register, with what mocks leave out:
 * parent, dependencies, protection and what is secret. The only file that touches the SDK's internals.
 */
import { createRequire } from 'node:module';
import { runtime } from '@pulumi/pulumi';

export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  /** Urn of the parent, empty for one of the stack's own. */
  readonly parent: string;
  readonly custom: boolean;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Names of inputs that hold a secret. */
  readonly secretInputs: readonly string[];
  /** Urns. */
  readonly dependsOn: readonly string[];
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  readonly deleteBeforeReplace: boolean;
}

interface Request {
  getType(): string;
  getName(): string;
  getParent(): string;
  getCustom(): boolean;
  getObject(): { toJavaScript(): Record<string, unknown> };
  getDependenciesList(): string[];
  getProtect(): boolean;
  getRetainondelete(): boolean;
  getDeletebeforereplace(): boolean;
}

interface Response {
  getUrn(): string;
}

type Answer = (error: Error | null, response: Response | undefined) => void;

interface Monitor {
  registerResource(request: Request, answer: Answer): void;
}

const { getMonitor, waitForRPCs } = createRequire(import.meta.url)('@pulumi/pulumi/runtime/index.js') as {
  getMonitor(): Monitor;
  waitForRPCs(): Promise<void>;
};

const SECRET_MARK = '4dabf18193072939515e22adb298388d';

/** What stands for the answers of the cloud: an id and the outputs that programs read. */
function answer({ type, name, inputs }: runtime.MockResourceArgs): runtime.MockResourceResult {
  const email = `${inputs.accountId}@${inputs.project}.iam.gserviceaccount.com`;
  const outputs: Record<string, object> = {
    'gcp:serviceaccount/account:Account': {
      email,
      member: `serviceAccount:${email}`,
      uniqueId: String([...`${email}`].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1e15, 1e20 % 1e15)),
    },
    'gcp:cloudrunv2/service:Service': { uri: `https://${inputs.name}-abc-ew.a.run.app` },
    'aws:iam/role:Role': { arn: `arn:aws:iam::123456789012:role${inputs.path}${inputs.name}` },
    'azure-native:managedidentity:UserAssignedIdentity': { clientId: 'client', principalId: 'principal' },
  };
  return { id: `${name}-id`, state: { ...inputs, ...outputs[type] } };
}

/** Everything a program registers, in the order of registration. */
export async function register(program: () => Promise<unknown>): Promise<readonly Registered[]> {
  const found: Registered[] = [];
  await runtime.setMocks({ newResource: answer, call: ({ inputs }) => inputs }, 'tributary', 'test', false);
  const monitor = getMonitor();
  const original = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, reply) =>
    original(request, (error, response) => {
      if (response !== undefined) found.push(registered(request, response.getUrn()));
      reply(error, response);
    });
  await program();
  await waitForRPCs();
  return found;
}

function registered(request: Request, urn: string): Registered {
  const raw = request.getObject().toJavaScript();
  return {
    type: request.getType(),
    name: request.getName(),
    urn,
    parent: request.getParent(),
    custom: request.getCustom(),
    inputs: unwrapped(raw) as Record<string, unknown>,
    secretInputs: Object.entries(raw).flatMap(([name, value]) =>
      JSON.stringify(value ?? null).includes(SECRET_MARK) ? [name] : [],
    ),
    dependsOn: request.getDependenciesList(),
    protect: request.getProtect(),
    retainOnDelete: request.getRetainondelete(),
    deleteBeforeReplace: request.getDeletebeforereplace(),
  };
}

function unwrapped(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwrapped);
  if (typeof value !== 'object' || value === null) return value;
  const fields = value as Record<string, unknown>;
  if (SECRET_MARK in fields) return unwrapped(fields.value);
  return Object.fromEntries(Object.entries(fields).map(([name, part]) => [name, unwrapped(part)]));
}

/** The provider protocol: gRPC messages in, calls of the provider, messages out. */
import type * as Grpc from '@grpc/grpc-js';
import type { Struct } from 'google-protobuf/google/protobuf/struct_pb.js';
import { topLevel } from './diff.ts';
import type { Live, Provider } from './provider.ts';
import { grpc, listen, pulumi } from './rpc.ts';
import { type Properties, present } from './values.ts';

const { Struct: struct } = pulumi('google-protobuf/google/protobuf/struct_pb.js') as { Struct: typeof Struct };
const { Empty } = pulumi('google-protobuf/google/protobuf/empty_pb.js');
const messages = pulumi('./proto/provider_pb.js') as typeof import('@pulumi/pulumi/proto/provider_pb.js');
const { PluginInfo } = pulumi('./proto/plugin_pb.js') as typeof import('@pulumi/pulumi/proto/plugin_pb.js');
const { ResourceProviderService } = pulumi('./proto/provider_grpc_pb.js');

type Messages = typeof import('@pulumi/pulumi/proto/provider_pb.js');
type Request<K extends keyof Messages> = InstanceType<Extract<Messages[K], new () => unknown>>;

/** Serves on a free port of this machine and returns it. */
export function serve(provider: Provider): Promise<number> {
  return listen(ResourceProviderService, methods(provider));
}

function methods(provider: Provider): Grpc.UntypedServiceImplementation {
  const { CheckFailure, CheckResponse, ConfigureResponse, CreateResponse, GetSchemaResponse } = messages;
  const { InvokeResponse, ReadResponse, UpdateResponse } = messages;
  return {
    getPluginInfo: unary(() => new PluginInfo().setVersion(provider.schema.version)),
    getSchema: unary(() => {
      const { provider: name, version } = provider.schema;
      return new GetSchemaResponse().setSchema(JSON.stringify({ name, version }));
    }),
    attach: unary(() => new Empty()),
    cancel: unary(() => {
      provider.cancel();
      return new Empty();
    }),
    checkConfig: unary((request: Request<'CheckRequest'>) => new CheckResponse().setInputs(request.getNews())),
    diffConfig: unary((request: Request<'DiffRequest'>) => {
      const same = JSON.stringify(plain(request.getOldInputs())) === JSON.stringify(plain(request.getNews()));
      return new messages.DiffResponse().setChanges(same ? 1 : 2);
    }),
    configure: unary((request: Request<'ConfigureRequest'>) => {
      provider.configure(plain(request.getArgs()));
      return new ConfigureResponse().setSupportspreview(true);
    }),
    invoke: unary((request: Request<'InvokeRequest'>) =>
      new InvokeResponse().setReturn(wire(provider.invoke(request.getTok(), plain(request.getArgs())))),
    ),
    check: unary((request: Request<'CheckRequest'>) => {
      const failures = provider.check(typeOf(request.getUrn()), plain(request.getNews()));
      const list = failures.map(({ path, reason }) => new CheckFailure().setProperty(path).setReason(reason));
      return new CheckResponse().setInputs(request.getNews()).setFailuresList(list);
    }),
    diff: unary((request: Request<'DiffRequest'>) => {
      const before = plain(request.getOldInputs() ?? request.getOlds());
      return differenceMessage(provider.diff(typeOf(request.getUrn()), before, plain(request.getNews())));
    }),
    create: unary(async (request: Request<'CreateRequest'>) => {
      const inputs = plain(request.getProperties());
      const { id, outputs } = await provider.create(typeOf(request.getUrn()), inputs, request.getPreview());
      return new CreateResponse().setId(id).setProperties(wire(outputs));
    }, 'creating'),
    read: unary(async (request: Request<'ReadRequest'>) => {
      const live: Live | null = await provider.read(typeOf(request.getUrn()), request.getId());
      if (live === null) return new ReadResponse();
      return new ReadResponse().setId(live.id).setProperties(wire(live.outputs)).setInputs(wire(live.inputs));
    }, 'reading'),
    update: unary(async (request: Request<'UpdateRequest'>) => {
      const [old, inputs] = [plain(request.getOlds()), plain(request.getNews())];
      const type = typeOf(request.getUrn());
      const { outputs } = await provider.update(type, request.getId(), old, inputs, request.getPreview());
      return new UpdateResponse().setProperties(wire(outputs));
    }, 'updating'),
    delete: unary(async (request: Request<'DeleteRequest'>) => {
      const state = { ...plain(request.getProperties()), ...plain(request.getOldInputs()) };
      await provider.delete(typeOf(request.getUrn()), request.getId(), state);
      return new Empty();
    }, 'deleting'),
  };
}

function differenceMessage({ changes, deleteBeforeReplace }: ReturnType<Provider['diff']>) {
  const { DiffResponse, PropertyDiff } = messages;
  const { ADD, ADD_REPLACE, DELETE, DELETE_REPLACE, UPDATE, UPDATE_REPLACE } = PropertyDiff.Kind;
  const kinds = {
    add: [ADD, ADD_REPLACE],
    update: [UPDATE, UPDATE_REPLACE],
    delete: [DELETE, DELETE_REPLACE],
  } as const;
  const response = new DiffResponse()
    .setChanges(changes.length === 0 ? DiffResponse.DiffChanges.DIFF_NONE : DiffResponse.DiffChanges.DIFF_SOME)
    .setHasdetaileddiff(true)
    .setDeletebeforereplace(deleteBeforeReplace)
    .setDiffsList([...new Set(changes.map(({ path }) => topLevel(path)))])
    .setReplacesList([...new Set(changes.filter(({ replaces }) => replaces).map(({ path }) => topLevel(path)))]);
  for (const { path, kind, replaces } of changes) {
    const detail = new PropertyDiff().setKind(kinds[kind][replaces ? 1 : 0]).setInputdiff(true);
    response.getDetaileddiffMap().set(path, detail);
  }
  return response;
}

function unary<Q extends object>(answer: (request: Q) => unknown, doing?: string): Grpc.handleUnaryCall<Q, unknown> {
  return async ({ request }, callback) => {
    try {
      callback(null, await answer(request));
    } catch (error) {
      const urn = 'getUrn' in request && typeof request.getUrn === 'function' ? String(request.getUrn()) : '';
      const what = doing === undefined ? '' : `Error ${doing} ${typeOf(urn).split(':').at(-1)}: `;
      callback({ code: grpc.status.UNKNOWN, details: `${what}${(error as Error).message}` });
    }
  };
}

/** `urn:pulumi:dev::tributary::tributary:index:Tenant$gcp:bigquery/dataset:Dataset::acme-raw` → the last type. */
function typeOf(urn: string): string {
  return urn.split('::')[2]?.split('$').at(-1) ?? '';
}

function plain(message: Struct | undefined): Properties {
  return present((message?.toJavaScript() ?? {}) as Properties);
}

function wire(properties: Properties): Struct {
  return struct.fromJavaScript(properties as Parameters<typeof struct.fromJavaScript>[0]);
}

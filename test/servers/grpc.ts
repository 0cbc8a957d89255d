/** gRPC servers of Google's APIs, made of the descriptions that their own clients bring. */
import { createRequire } from 'node:module';
import { type GrpcObject, Server, ServerCredentials, type ServiceClientConstructor } from '@grpc/grpc-js';

export type Methods = Readonly<Record<string, unknown>>;

export interface GrpcServer {
  /** As in `127.0.0.1:50051`. */
  readonly host: string;
  close(): void;
}

/**
 * The services of an API.
 *
 * @param client package of the client library, as in `@google-cloud/secret-manager`
 * @param path of the service, as in `google.cloud.secretmanager.v1.SecretManagerService`
 */
export function serviceOf(client: string, path: string): ServiceClientConstructor['service'] {
  const here = createRequire(import.meta.url);
  const of = createRequire(here.resolve(`${client}/package.json`));
  const { GrpcClient } = of('google-gax') as {
    GrpcClient: new () => { loadProtoJSON(json: object): GrpcObject };
  };
  const root = new GrpcClient().loadProtoJSON(of('./build/protos/protos.json'));
  const found = path
    .split('.')
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], root);
  if (found === undefined) throw new Error(`${client} knows no ${path}`);
  return (found as ServiceClientConstructor).service;
}

/** Serves on a port of the kernel; of methods that are missing it says UNIMPLEMENTED. */
export async function serveGrpc(
  ...services: readonly { readonly service: ServiceClientConstructor['service']; readonly methods: Methods }[]
): Promise<GrpcServer> {
  const server = new Server();
  for (const { service, methods } of services) server.addService(service, methods as never);
  const port = await new Promise<number>((done, fail) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? done(bound) : fail(error),
    );
  });
  return { host: `127.0.0.1:${port}`, close: () => server.forceShutdown() };
}

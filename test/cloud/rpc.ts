/** gRPC for the plugins of the suites. */
import { createRequire } from 'node:module';
import type * as Grpc from '@grpc/grpc-js';

/** The very copies that @pulumi/pulumi uses. */
export const pulumi = createRequire(createRequire(import.meta.url).resolve('@pulumi/pulumi/package.json'));
export const grpc = pulumi('@grpc/grpc-js') as typeof Grpc;

/** Serves on a free port of this machine and returns it. */
export function listen(service: Grpc.ServiceDefinition, methods: Grpc.UntypedServiceImplementation): Promise<number> {
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
  server.addService(service, methods);
  return new Promise((done, fail) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
      error === null ? done(port) : fail(error),
    );
  });
}

/** An engine that was killed leaves its plugins behind, but holds their standard input while it lives. */
export function endWithEngine(): void {
  process.stdin.once('end', () => process.exit(0)).resume();
}

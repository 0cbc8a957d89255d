/**
 * Entry of `pulumi-language-nodejs`, for the suites only: runs what Pulumi.yaml and PulumiPolicy.yaml name as Pulumi's
 * own language host does, with the SDK's own `cmd/run` and `cmd/run-policy-pack`. Programs reach the engine directly,
 * and packs do not get the configuration of the stack; `pulumi install`, `new`, `about` and `convert` are not served.
 */
import type * as Grpc from '@grpc/grpc-js';
import type * as Language from '@pulumi/pulumi/proto/language_pb.js';
import { pluginCommand, programCommand, requiredPackages } from './language-commands.ts';
import { type Command, start } from './language-process.ts';
import { endWithEngine, grpc, listen, pulumi } from './rpc.ts';

const { LanguageRuntimeService } = pulumi('./proto/language_grpc_pb.js');
const messages = pulumi('./proto/language_pb.js') as typeof Language;
const { PackageDependency, PluginInfo } = pulumi(
  './proto/plugin_pb.js',
) as typeof import('@pulumi/pulumi/proto/plugin_pb.js');
const { Empty } = pulumi('google-protobuf/google/protobuf/empty_pb.js');
const { version } = pulumi('./package.json') as { version: string };

/** How the SDK ends a program whose errors it has told the engine already. */
const TOLD = 32;

let engine = process.argv.at(-1) ?? '';

console.log(
  await listen(LanguageRuntimeService, {
    handshake: unary<Language.LanguageHandshakeRequest>((request) => {
      engine = request.getEngineAddress();
      return new messages.LanguageHandshakeResponse();
    }),
    getPluginInfo: unary(() => new PluginInfo().setVersion(version)),
    getRequiredPackages: unary<Language.GetRequiredPackagesRequest>((request) => {
      const found = requiredPackages(request.getInfo()?.getProgramDirectory() ?? '');
      const packages = found.map((one) =>
        new PackageDependency().setKind('resource').setName(one.name).setVersion(one.version),
      );
      return new messages.GetRequiredPackagesResponse().setPackagesList(packages);
    }),
    run,
    runPlugin,
    cancel: unary(() => new Empty()),
  }),
);
endWithEngine();

async function run(
  call: Grpc.ServerUnaryCall<Language.RunRequest, Language.RunResponse>,
  answer: Grpc.sendUnaryData<Language.RunResponse>,
): Promise<void> {
  const command = attempt(() => programCommand(call.request, engine));
  if (command instanceof Error) return answer(null, new messages.RunResponse().setError(command.message));
  const program = start(command, {
    stdout: (part) => process.stdout.write(part),
    stderr: (part) => process.stderr.write(part),
  });
  call.on('cancelled', program.interrupt);
  const code = await program.ended;
  const response = new messages.RunResponse();
  if (code === TOLD) response.setBail(true);
  else if (code !== 0) response.setError(`Program exited with non-zero exit code: ${code}`);
  answer(null, response);
}

/** Policy packs, and components as other languages get them. */
async function runPlugin(call: Grpc.ServerWritableStream<Language.RunPluginRequest, Language.RunPluginResponse>) {
  const command = attempt(() => pluginCommand(call.request));
  if (command instanceof Error) return call.destroy(Object.assign(command, { code: grpc.status.UNKNOWN }));
  const plugin = start(command, {
    stdout: (part) => call.write(new messages.RunPluginResponse().setStdout(part)),
    stderr: (part) => call.write(new messages.RunPluginResponse().setStderr(part)),
  });
  call.on('cancelled', plugin.kill);
  call.write(new messages.RunPluginResponse().setExitcode(await plugin.ended));
  call.end();
}

function attempt(make: () => Command): Command | Error {
  try {
    return make();
  } catch (error) {
    return error as Error;
  }
}

function unary<Q>(answer: (request: Q) => unknown): Grpc.handleUnaryCall<Q, unknown> {
  return ({ request }, callback) => callback(null, answer(request));
}
